//! The same object by another way: links, dots, `/proc`, other roots, other mounts, handles.

use std::fs;

use anyhow::{Result, ensure};
use guard_common::Operation;

use super::{on_pd, on_pd_at};
use crate::harness::fixture::{SECRET, WHOLE};
use crate::harness::shell::sh;
use crate::harness::{Spot, Test, Who, World, check};

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
    tests.extend(as_root());
    tests.push(check("a_bind_mount_made_before_opens_nothing_new", bind_made_before));
    tests.push(check("a_bind_mount_over_the_work_folder_opens_nothing_new", bind_over_work));
    tests.push(check("a_secret_under_a_bind_mount_stays_secret", secret_under_bind));
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
