//! The same object by another way: links, dots, `/proc`, other roots, other mounts, handles.

use std::fs;

use anyhow::{Result, ensure};
use guard_common::{Operation, Reason, Surface};

use super::{filled, on_pd, on_pd_at};
use crate::harness::fixture::{self, SECRET, TOP, WHOLE};
use crate::harness::shell::sh;
use crate::harness::world::Side;
use crate::harness::{Case, Effect, Refusal, Spot, Step, Test, Who, World, act, check};

pub(super) fn all() -> Vec<Test> {
    let open = |sentence, attack, allowed| on_pd(sentence, Operation::Open, attack, allowed);
    let mut tests: Vec<Test> = [
        open("a_symbolic_link_opens_nothing_new", "write {w}/to-p", "write {w}/f"),
        open("a_link_to_the_folder_opens_nothing_new", "write {w}/to-pd/p", "write {w}/f"),
        open("dots_open_nothing_new", "write {w}/../pd/./d/../p", "write {w}/d/../f"),
        open("proc_root_opens_nothing_new", "write /proc/self/root/{pd}/p", "write /proc/self/root/{w}/f"),
        open(
            "proc_cwd_opens_nothing_new",
            "in-folder {pd} write /proc/self/cwd/p",
            "in-folder {w} write /proc/self/cwd/f",
        ),
        open("a_relative_path_opens_nothing_new", "!chdir-relative {pd}/p", "!chdir-relative {w}/f"),
        open(
            "a_descriptor_relative_path_opens_nothing_new",
            "!descriptor-relative {pd}/p",
            "!descriptor-relative {w}/f",
        ),
        open(
            "a_bind_mount_of_ones_own_opens_nothing_new",
            "through-bind {pd} {w}/d write {w}/d/p",
            "through-bind {w} {w}/d write {w}/d/f",
        ),
    ]
    .into_iter()
    .flatten()
    .collect();
    tests.extend([Spot::Ext4, Spot::Tmpfs].map(own_overlay));
    tests.extend(as_root());
    tests.push(check("a_bind_mount_made_before_opens_nothing_new", bind_made_before));
    tests.push(check("a_bind_mount_over_the_work_folder_opens_nothing_new", bind_over_work));
    tests.push(check("a_secret_under_a_bind_mount_stays_secret", secret_under_bind));
    tests.push(check("a_file_system_mounted_later_is_not_the_agents_by_a_mount_of_its_own", mounted_later));
    tests
}

/// A handle of a tmpfs or overlay may be disconnected or missing: ext4 stands for all.
fn as_root() -> Vec<Test> {
    let one = |spot, sentence, attack, allowed| {
        on_pd_at(spot, Who::Root, sentence, Operation::Open, attack, allowed)
    };
    vec![
        one(
            Spot::Tmpfs,
            "another_root_opens_nothing_new",
            "in-chroot {top} write /pd/p",
            "in-chroot {top} write /w/f",
        ),
        one(
            Spot::Ext4,
            "another_root_opens_nothing_new",
            "in-chroot {top} write /pd/p",
            "in-chroot {top} write /w/f",
        ),
        one(Spot::Ext4, "a_file_handle_opens_nothing_new", "!open-by-handle {pd}/p", "!open-by-handle {w}/f"),
    ]
}

/// Nobody's zone covers what an agent mounts for itself alone: it would choose where things stand.
fn own_overlay(spot: Spot) -> Test {
    let case = Case {
        // A user would need a map of its users first, which an agent cannot write.
        who: Who::Root,
        attack: Step {
            act: filled(spot, "through-overlay {pd} {w}/d write {w}/d/m/p"),
            effect: Effect::Changed(spot.at("pd")),
        },
        refusal: Refusal {
            surface: Surface::Write,
            operation: Operation::Open,
            reason: Reason::UnresolvedObject,
        },
        allowed: Step {
            act: filled(spot, "through-bind {w} {w}/d write {w}/d/f"),
            effect: Effect::Changed(spot.at("w")),
        },
    };
    Test::attack(format!("an_overlay_of_ones_own_opens_nothing_new@{}/root", spot.name()), case)
}

/// The policy was loaded before there was such a file system.
fn mounted_later(world: &mut World) -> Result<()> {
    world.daemon()?;
    let (late, own) = (format!("{TOP}/late"), Spot::Tmpfs.w("d"));
    fixture::folder(&late)?;
    sh(&format!("mount -t tmpfs tmpfs {late}"))?;
    let _mount = Mounted(late.clone());
    fixture::give(late.as_ref(), 0o777)?;
    let file = format!("{late}/p");
    fixture::put(file.as_ref(), WHOLE)?;
    ensure!(world.inside(&format!("read {file}"))?.code == 0, "what the system mounted cannot be read");
    world.must_refuse(&format!("write {file}"))?;
    world.must_refuse(&format!("through-bind {late} {own} write {own}/p"))?;
    ensure!(fs::read(&file)? == WHOLE, "it was changed through a mount of the agent's own");
    let outside = format!("through-bind {late} {own} write {own}/p");
    ensure!(world.perform(Side::Outside, Who::User, &act(&outside))?.code == 0, "control: it fails outside");
    ensure!(fs::read(&file)? != WHOLE, "control: outside it changes nothing");
    Ok(())
}

/// Something mounted from outside while a case runs.
struct Mounted(String);

impl Mounted {
    fn bind(source: &str, target: &str) -> Result<Self> {
        sh(&format!("mount --bind {source} {target}"))?;
        Ok(Self(target.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = sh(&format!("umount {}", self.0));
    }
}

fn bind_made_before(world: &mut World) -> Result<()> {
    for spot in Spot::ALL {
        let _mount = Mounted::bind(&spot.at("pd"), &spot.w("d"))?;
        let outcome = world.inside(&format!("write {}", spot.w("d/p")))?;
        ensure!(outcome.code == nix::libc::EACCES, "on {spot:?}: {outcome:?}");
        ensure!(fs::read(spot.p())? == WHOLE, "P was changed on {spot:?}");
    }
    Ok(())
}

fn bind_over_work(world: &mut World) -> Result<()> {
    for spot in Spot::ALL {
        let _mount = Mounted::bind(&spot.at("pd"), &spot.at("w"))?;
        let outcome = world.inside(&format!("write {}", spot.w("p")))?;
        ensure!(outcome.code == nix::libc::EACCES, "on {spot:?}: {outcome:?}");
        ensure!(fs::read(spot.p())? == WHOLE, "P was changed on {spot:?}");
    }
    Ok(())
}

fn secret_under_bind(world: &mut World) -> Result<()> {
    for spot in Spot::ALL {
        let _mount = Mounted::bind(&spot.s(), &spot.w("f"))?;
        let outcome = world.inside(&format!("read {}", spot.w("f")))?;
        ensure!(outcome.code == nix::libc::EACCES, "on {spot:?}: {outcome:?}");
        ensure!(!outcome.out.contains(SECRET), "the secret was told on {spot:?}");
    }
    Ok(())
}
