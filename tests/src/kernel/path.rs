//! Paths that strain: no text, very long, very deep.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Result, ensure};
use guard_common::Reason;

use crate::act::hex;
use crate::harness::fixture::{WHOLE, folder, put};
use crate::harness::shell::sh;
use crate::harness::{Spot, Test, World, check, ledger};

pub(super) fn all() -> Vec<Test> {
    vec![
        check("a_name_of_any_bytes_is_judged_and_told", odd_names),
        check("a_path_of_4095_bytes_is_judged_and_told", longest_path),
        check("a_folder_that_is_too_deep_is_refused", too_deep),
        check("a_path_of_any_length_is_told_whole_each_time", lengths),
        check("what_was_moved_is_told_by_where_it_is", moved),
        check("a_folder_beside_that_only_begins_alike_is_another", prefix),
    ]
}

fn odd_names(world: &mut World) -> Result<()> {
    let names: [&[u8]; 6] = [b"\xff\xfe", b"new\nline", b"p (deleted)", b"\\x41", b"tab\t\"quote", b" ."];
    for spot in Spot::ALL {
        for name in names {
            let [inside, outside] = [spot.at("pd"), spot.at("w")].map(|folder| {
                let path = [folder.as_bytes(), b"/", name].concat();
                (Path::new(OsStr::from_bytes(&path)).to_owned(), hex(&path))
            });
            put(&inside.0, WHOLE)?;
            let outcome = world.must_refuse(&format!("write {}", inside.1))?;
            let record = world.refusal_of(&outcome, Reason::NoEdge)?;
            ensure!(record.object.starts_with(&spot.at("pd/")), "the record tells {record:?}");
            ensure!(!record.object.chars().any(char::is_control), "the record is not escaped: {record:?}");
            world.must_allow(&format!("create {}", outside.1))?;
            ensure!(fs::read(&inside.0)? == WHOLE, "{inside:?} was changed");
        }
    }
    Ok(())
}

/// As long as the kernel takes them: 4,095 bytes and the NUL.
fn longest_path(world: &mut World) -> Result<()> {
    for spot in [Spot::Tmpfs, Spot::Ext4] {
        let (inside, outside) = (long_path(&spot.at("pd"))?, long_path(&spot.at("w"))?);
        let outcome = world.must_refuse(&format!("write {inside}"))?;
        let record = world.refusal_of(&outcome, Reason::NoEdge)?;
        ensure!(record.object == inside, "the record tells another path: {} bytes", record.object.len());
        ensure!(fs::read(&inside)? == WHOLE, "it was changed");
        world.must_allow(&format!("write {outside}"))?;
    }
    Ok(())
}

fn long_path(top: &str) -> Result<String> {
    let mut path = top.to_owned();
    while path.len() + 201 < 4095 - 2 {
        path = format!("{path}/{}", "n".repeat(200));
    }
    folder(&path)?;
    path = format!("{path}/{}", "f".repeat(4095 - path.len() - 1));
    put(path.as_ref(), WHOLE)?;
    ensure!(path.len() == 4095, "the path has {} bytes", path.len());
    Ok(path)
}

fn too_deep(world: &mut World) -> Result<()> {
    for spot in Spot::ALL {
        let deep = format!("{}/{}", spot.at("w"), "x/".repeat(50));
        folder(&deep)?;
        put(format!("{deep}f").as_ref(), WHOLE)?;
        world.must_allow(&format!("write {deep}f"))?;
        let deeper = format!("{deep}{}", "x/".repeat(30));
        folder(&deeper)?;
        put(format!("{deeper}f").as_ref(), WHOLE)?;
        let outcome = world.must_refuse(&format!("write {deeper}f"))?;
        world.refusal_of(&outcome, Reason::PathTooDeep)?;
        ensure!(fs::read(format!("{deeper}f"))? == WHOLE, "it was changed");
    }
    Ok(())
}

/// Around the lengths of paths that are kept: 127 bytes and 255, every name's end included. The second time what was found
/// the first time is kept.
fn lengths(world: &mut World) -> Result<()> {
    let top = Spot::Tmpfs.pd("");
    world.records()?;
    let mut tried = Tried::default();
    for length in [125, 126, 127, 128, 253, 254, 255, 256] {
        let first = format!("{top}{}", "a".repeat(length / 2 - top.len()));
        let below = format!("{first}/{}", "b".repeat(length - first.len() - 1));
        ensure!(below.len() == length, "{} bytes", below.len());
        folder(&below)?;
        for name in ["f", &"n".repeat(70)] {
            tried.twice(world, format!("{below}/{name}"))?;
        }
    }
    tried.told(world)
}

/// Refusals, each by whom and of what.
#[derive(Default)]
struct Tried(Vec<(u32, String)>);

impl Tried {
    fn twice(&mut self, world: &mut World, path: String) -> Result<()> {
        put(path.as_ref(), WHOLE)?;
        for _ in 0..2 {
            let outcome = world.must_refuse(&format!("write {path}"))?;
            self.0.push((outcome.tid, path.clone()));
        }
        Ok(())
    }

    /// The ledger tells each by the path that the object had.
    fn told(self, world: &mut World) -> Result<()> {
        let refusals = ledger::refusals(&world.records()?);
        for (tid, path) in self.0 {
            let own: Vec<_> = refusals.iter().filter(|refused| refused.tid == tid).collect();
            ensure!(
                own.len() == 1 && own[0].reason == Reason::NoEdge.name() && own[0].object == path,
                "of the refusal of {path} the ledger says {own:?}"
            );
        }
        Ok(())
    }
}

fn moved(world: &mut World) -> Result<()> {
    world.records()?;
    let mut tried = Tried::default();
    for spot in Spot::ALL {
        let [one, other] = ["moved", "there"].map(|name| spot.pd(name));
        let mut told = |path: String| tried.twice(world, path);
        folder(&format!("{one}/below/deeper"))?;
        told(format!("{one}/below/deeper/f"))?;
        fs::rename(&one, &other)?;
        told(format!("{other}/below/deeper/f"))?;
        fs::rename(format!("{other}/below"), format!("{other}/renamed"))?;
        told(format!("{other}/renamed/deeper/f"))?;
        fs::remove_file(format!("{other}/renamed/deeper/f"))?;
        fs::remove_dir(format!("{other}/renamed/deeper"))?;
        folder(&format!("{other}/renamed/again"))?;
        told(format!("{other}/renamed/again/f"))?;
        folder(&one)?;
        sh(&format!("mount -t tmpfs tmpfs {one}"))?;
        let mounted = folder(&format!("{one}/inside")).and_then(|()| told(format!("{one}/inside/f")));
        let moved =
            sh(&format!("mount --move {one} {other}")).and_then(|()| told(format!("{other}/inside/f")));
        sh(&format!("umount {other}")).or_else(|_| sh(&format!("umount {one}")))?;
        mounted.and(moved)?;
        told(format!("{other}/renamed/again/f"))?;
    }
    tried.told(world)
}

fn prefix(world: &mut World) -> Result<()> {
    for spot in Spot::ALL {
        folder(&spot.at("w-beside"))?;
        let beside = spot.at("w-beside/f");
        put(beside.as_ref(), WHOLE)?;
        world.must_refuse(&format!("write {beside}"))?;
        ensure!(fs::read(&beside)? == WHOLE, "{beside} was changed");
    }
    Ok(())
}
