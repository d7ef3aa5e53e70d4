//! Which zone an object belongs to, and that the answer is never an old one.

use std::fs;
use std::os::unix::fs::MetadataExt;

use anyhow::{Result, ensure};
use guard_common::Reason;
use nix::mount::{MsFlags, mount, umount};

use super::apply::{under, with};
use crate::harness::fixture::{self, BLIND, DEEP, NEST, OPEN, SAID, SECRET, put};
use crate::harness::world::Side;
use crate::harness::{By, Spot, Test, Who, World, act, check, guard};

pub(super) fn all() -> Vec<Test> {
    vec![
        check("the_nearest_mark_wins", nearest_mark),
        check("an_edge_that_denies_says_so", denying_edge),
        check("a_name_rule_holds_in_every_folder", name_rules),
        check("a_name_rule_holds_below_a_folder_of_that_name", name_rule_of_folder),
        check("a_name_that_only_resembles_a_rule_is_free", resembling_names),
        check("of_the_patterns_that_take_a_name_the_longest_counts", longest_pattern),
        check("a_root_that_does_not_exist_yet_is_kept", unborn_root),
        check("a_root_that_was_replaced_is_still_kept", replaced_root),
        check("a_folder_moved_across_zones_changes_them_at_once", folder_moved),
        check("a_file_moved_across_zones_changes_them_at_once", file_moved),
        check("a_file_system_moved_across_zones_changes_them_at_once", file_system_moved),
        check("a_folder_on_the_way_to_a_root_stays_where_it_is", holder_moved),
        check("what_may_not_be_read_is_not_moved_into_sight", moved_into_sight),
        check("a_file_system_that_went_brings_nothing_along", file_system_replaced),
        check("an_inode_that_is_used_again_brings_nothing_along", inode_reused),
        check("a_removed_folders_number_brings_nothing_along", folder_number_reused),
        check("a_file_that_gets_a_second_name_is_judged_by_the_name_used", second_name),
        check("a_program_that_acts_for_its_owner_is_made_where_the_zone_has_admin", set_id),
        check("a_file_system_that_an_agent_mounts_is_in_no_zone", own_file_system),
        check("an_agents_folder_is_foreign_to_the_others", foreign),
        check("where_a_file_is_known_by_its_name_alone_status_says_so", known_by_name),
    ]
}

fn nearest_mark(world: &mut World) -> Result<()> {
    world.must_allow(&format!("write {NEST}/f"))?;
    world.must_refuse(&format!("write {NEST}/kept/f"))?;
    world.must_allow(&format!("write {NEST}/kept/free/f"))?;
    world.must_refuse(&format!("rename {NEST}/kept/f {NEST}/kept/free/g"))?;
    world.must_refuse(&format!("write {NEST}/kept/f")).map(drop)
}

fn denying_edge(world: &mut World) -> Result<()> {
    world.must_allow(&format!("read {SAID}/f"))?;
    let outcome = world.must_refuse(&format!("write {SAID}/f"))?;
    let record = world.refusal_of(&outcome, Reason::EdgeDenies)?;
    ensure!(record.zone == "said", "the zone should be `said` in {record:?}");
    Ok(())
}

fn set_id(world: &mut World) -> Result<()> {
    let (file, made) = (format!("{NEST}/f"), format!("{NEST}/made"));
    let mode = || -> Result<u32> { Ok(fs::metadata(&file)?.mode() & 0o7777) };
    put(file.as_ref(), OPEN)?;
    let attack = format!("!file.set_id.by_name {file}");
    let refused = |world: &mut World| -> Result<()> {
        let outcome = world.must_refuse(&attack)?;
        let record = world.refusal_of(&outcome, Reason::NoEdge)?;
        ensure!(record.zone == "open" && record.surface == "admin", "it should say which edge: {record:?}");
        ensure!(mode()? & 0o6000 == 0, "{file} has mode {:o}", mode()?);
        Ok(())
    };
    refused(world)?;
    under(&with("[[edges]]\nprofile = \"suite\"\nzone = \"open\"\nallow = [\"admin\"]\n"), || {
        world.must_allow(&attack)?;
        ensure!(mode()? == 0o4755, "{file} has mode {:o}", mode()?);
        world.must_allow(&format!("!file.set_id.created {made}")).map(drop)
    })?;
    fs::remove_file(&made)?;
    fs::remove_file(&file)?;
    put(file.as_ref(), OPEN)?;
    refused(world)
}

/// Moved away, it would leave the root's path for others to take.
fn holder_moved(world: &mut World) -> Result<()> {
    for line in [format!("rename {NEST}/deep/er {NEST}/away"), format!("rename {NEST}/deep {NEST}/away")] {
        let outcome = world.must_refuse(&line)?;
        world.refusal_of(&outcome, Reason::HoldsRoot)?;
    }
    ensure!(fs::exists(DEEP)?, "{DEEP} is gone");
    world.must_allow(&format!("write {NEST}/deep/er/f"))?;
    fixture::folder(&format!("{NEST}/other/er"))?;
    world.must_allow(&format!("rename {NEST}/other {NEST}/away"))?;
    Ok(fs::remove_dir_all(format!("{NEST}/away"))?)
}

fn moved_into_sight(world: &mut World) -> Result<()> {
    put(format!("{BLIND}/secret").as_ref(), SECRET.as_bytes())?;
    world.must_refuse(&format!("read {BLIND}/secret"))?;
    for way in ["rename", "link"] {
        let outcome = world.must_refuse(&format!("{way} {BLIND}/secret {NEST}/seen"))?;
        let record = world.refusal_of(&outcome, Reason::NoEdge)?;
        ensure!(
            record.zone == "blind" && record.surface == "read",
            "it should say what may not be: {record:?}"
        );
    }
    world.must_allow(&format!("rename {NEST}/f {BLIND}/f"))?;
    put(format!("{NEST}/f").as_ref(), OPEN)?;
    world.must_allow(&format!("rename {BLIND}/secret {BLIND}/still")).map(drop)
}

fn name_rules(world: &mut World) -> Result<()> {
    for spot in Spot::ALL {
        for name in [".env", ".env.local", "key.pem", ".pem"] {
            put(spot.w(name).as_ref(), SECRET.as_bytes())?;
            put(spot.w(&format!("d/{name}")).as_ref(), SECRET.as_bytes())?;
            world.must_refuse(&format!("read {}", spot.w(name)))?;
            world.must_refuse(&format!("read {}", spot.w(&format!("d/{name}"))))?;
            world.must_refuse(&format!("rename {} {}", spot.w(name), spot.w("plain")))?;
        }
        world.must_refuse(&format!("create {}", spot.w("d/new.pem")))?;
        world.must_refuse(&format!("rename {} {}", spot.w("f"), spot.w("f.pem")))?;
    }
    Ok(())
}

fn name_rule_of_folder(world: &mut World) -> Result<()> {
    for spot in Spot::ALL {
        fixture::folder(&spot.w("home/.ssh/deep"))?;
        put(spot.w("home/.ssh/id").as_ref(), SECRET.as_bytes())?;
        put(spot.w("home/.ssh/deep/id").as_ref(), SECRET.as_bytes())?;
        world.must_refuse(&format!("read {}", spot.w("home/.ssh/id")))?;
        world.must_refuse(&format!("read {}", spot.w("home/.ssh/deep/id")))?;
        world.must_refuse(&format!("rename {} {}", spot.w("home/.ssh"), spot.w("home/ssh")))?;
        world.must_refuse(&format!("mkdir {}", spot.w("d/.ssh")))?;
    }
    Ok(())
}

fn longest_pattern(world: &mut World) -> Result<()> {
    const ZONES: &str = "[zones.broad]\nnames = [\"*.conf\", \"app*\", \"start*\"]\n\
        [zones.narrow]\nnames = [\"*secret.conf\", \"app-secret*\", \"*.ends\"]\n";
    // The last has an end and a start that are as long as each other: the end counts.
    let (broad, narrow) =
        (["a.conf", "app-a"], ["secret.conf", "topsecret.conf", "app-secret.conf", "start.ends"]);
    for name in broad.iter().chain(&narrow) {
        put(Spot::Tmpfs.w(name).as_ref(), OPEN)?;
    }
    for (zone, allowed, refused) in [("broad", &broad[..], &narrow[..]), ("narrow", &narrow, &broad)] {
        let edge = format!("[[edges]]\nprofile = \"suite\"\nzone = \"{zone}\"\nallow = [\"read\"]\n");
        under(&with(&format!("{ZONES}{edge}")), || {
            for name in allowed {
                world.must_allow(&format!("read {}", Spot::Tmpfs.w(name)))?;
            }
            for name in refused {
                world.must_refuse(&format!("read {}", Spot::Tmpfs.w(name)))?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn resembling_names(world: &mut World) -> Result<()> {
    for spot in Spot::ALL {
        for name in ["env", ".environment", ".env2", "key.pem.txt", "pem", ".sshd", "x.env"] {
            world.must_allow(&format!("create {}", spot.w(name)))?;
            world.must_allow(&format!("read {}", spot.w(name)))?;
        }
    }
    Ok(())
}

/// The policy was loaded when there was nothing of that name.
fn unborn_root(world: &mut World) -> Result<()> {
    for spot in Spot::ALL {
        let root = spot.w("unborn");
        world.must_refuse(&format!("create {root}"))?;
        world.must_refuse(&format!("mkdir {root}"))?;
        world.must_refuse(&format!("rename {} {root}", spot.w("d")))?;
        put(root.as_ref(), SECRET.as_bytes())?;
        world.must_refuse(&format!("read {root}"))?;
        world.must_refuse(&format!("rename {root} {}", spot.w("born")))?;
        fs::remove_file(&root)?;
        fixture::folder(&format!("{root}/deep"))?;
        put(format!("{root}/deep/f").as_ref(), SECRET.as_bytes())?;
        world.must_refuse(&format!("read {root}/deep/f"))?;
        world.must_allow(&format!("read {}", spot.w("f")))?;
    }
    Ok(())
}

/// What editors and `passwd` do: the new content comes under the old name by a rename, in another inode.
fn replaced_root(world: &mut World) -> Result<()> {
    for spot in Spot::ALL {
        put(spot.at("s.new").as_ref(), SECRET.as_bytes())?;
        fs::rename(spot.at("s.new"), spot.s())?;
        world.must_refuse(&format!("read {}", spot.s()))?;
    }
    Ok(())
}

fn folder_moved(world: &mut World) -> Result<()> {
    for spot in Spot::ALL {
        let (outside, inside) = (spot.w("d"), spot.pd("moved"));
        put(format!("{outside}/f").as_ref(), OPEN)?;
        for _ in 0..3 {
            world.must_allow(&format!("write {outside}/f"))?;
            fs::rename(&outside, &inside)?;
            world.must_refuse(&format!("write {inside}/f"))?;
            fs::rename(&inside, &outside)?;
        }
    }
    Ok(())
}

fn file_moved(world: &mut World) -> Result<()> {
    for spot in Spot::ALL {
        let (outside, inside) = (spot.w("f"), spot.pd("moved"));
        for _ in 0..3 {
            world.must_allow(&format!("write {outside}"))?;
            fs::rename(&outside, &inside)?;
            world.must_refuse(&format!("write {inside}"))?;
            fs::rename(&inside, &outside)?;
        }
    }
    Ok(())
}

/// One that was mounted after the policy was put in force, so that nothing of it is marked.
fn file_system_moved(world: &mut World) -> Result<()> {
    let (open, kept) = (format!("{NEST}/late"), format!("{NEST}/kept/late"));
    for folder in [&open, &kept] {
        fs::create_dir(folder)?;
    }
    mount(Some("late"), open.as_str(), Some("tmpfs"), MsFlags::empty(), None::<&str>)?;
    let result = moved_to_and_fro(world, &open, &kept);
    umount(open.as_str())?;
    result?;
    Ok([&open, &kept].into_iter().try_for_each(fs::remove_dir)?)
}

fn moved_to_and_fro(world: &mut World, open: &str, kept: &str) -> Result<()> {
    for below in ["", "/a", "/a/b"] {
        let folder = format!("{open}{below}");
        fs::create_dir_all(&folder)?;
        put(format!("{folder}/f").as_ref(), OPEN)?;
    }
    for _ in 0..3 {
        for (at, is_allowed) in [(open, true), (kept, false)] {
            for file in ["f", "a/f", "a/b/f", "a/b/f"] {
                let act = format!("write {at}/{file}");
                judged(world, &act, is_allowed)?;
            }
            let to = if is_allowed { kept } else { open };
            mount(Some(at), to, None::<&str>, MsFlags::MS_MOVE, None::<&str>)?;
        }
    }
    Ok(())
}

fn judged(world: &mut World, act: &str, is_allowed: bool) -> Result<()> {
    if is_allowed { world.must_allow(act) } else { world.must_refuse(act) }.map(drop)
}

/// The next file system gets the device number of the one before, and its files theirs.
fn file_system_replaced(world: &mut World) -> Result<()> {
    let point = format!("{NEST}/late");
    fs::create_dir(&point)?;
    let with = |name: &str, world: &mut World| -> Result<(u64, u64)> {
        mount(Some("late"), point.as_str(), Some("tmpfs"), MsFlags::empty(), None::<&str>)?;
        let result = judged_in(world, &point, name);
        umount(point.as_str())?;
        result
    };
    let (before, after) = (with("plain", world)?, with(".ssh", world)?);
    ensure!(before == after, "the folders' numbers differ, so nothing was shown: {before:?}, {after:?}");
    Ok(fs::remove_dir(&point)?)
}

fn judged_in(world: &mut World, point: &str, name: &str) -> Result<(u64, u64)> {
    let folder = format!("{point}/{name}");
    fixture::folder(&folder)?;
    put(format!("{folder}/f").as_ref(), OPEN)?;
    let act = format!("read {folder}/f");
    for _ in 0..2 {
        judged(world, &act, !name.starts_with('.'))?;
    }
    let numbers = fs::metadata(&folder)?;
    Ok((numbers.dev(), numbers.ino()))
}

/// ext4 gives a removed file's inode to the next one.
fn inode_reused(world: &mut World) -> Result<()> {
    let spot = Spot::Ext4;
    let mut reused = 0;
    for round in 0..8 {
        let (outside, inside) = (spot.w(&format!("r{round}")), spot.pd(&format!("r{round}")));
        put(outside.as_ref(), OPEN)?;
        world.must_allow(&format!("write {outside}"))?;
        let inode = fs::metadata(&outside)?.ino();
        fs::remove_file(&outside)?;
        put(inside.as_ref(), OPEN)?;
        reused += u32::from(fs::metadata(&inside)?.ino() == inode);
        world.must_refuse(&format!("write {inside}"))?;
    }
    ensure!(reused > 0, "no inode number came up twice: this proved nothing");
    Ok(())
}

/// ext4 gives a removed folder's number to the next one.
fn folder_number_reused(world: &mut World) -> Result<()> {
    let spot = Spot::Ext4;
    let mut reused = 0;
    for round in 0..8 {
        let gone = spot.w(&format!("n{round}"));
        // In another folder, and in the same one under a name that is ruled.
        for next in [spot.pd(&format!("n{round}")), spot.w(".ssh")] {
            fixture::folder(&gone)?;
            let number = fs::metadata(&gone)?.ino();
            if round % 2 == 0 {
                world.must_allow(&format!("create {gone}/f"))?;
                fs::remove_dir_all(&gone)?;
            } else {
                world.must_allow(&format!("write-removed {gone} {gone}/f"))?;
            }
            fixture::folder(&next)?;
            reused += u32::from(fs::metadata(&next)?.ino() == number);
            put(format!("{next}/f").as_ref(), OPEN)?;
            world.must_refuse(&format!("write {next}/f"))?;
            world.must_refuse(&format!("create {next}/new"))?;
            fs::remove_dir_all(&next)?;
        }
    }
    ensure!(reused >= 8, "a folder's number came up twice {reused} times of 16: this proves little");
    Ok(())
}

fn second_name(world: &mut World) -> Result<()> {
    for spot in Spot::ALL {
        let second = spot.pd("second");
        world.must_allow(&format!("write {}", spot.w("f")))?;
        fs::hard_link(spot.w("f"), &second)?;
        world.must_refuse(&format!("write {second}"))?;
        world.must_allow(&format!("write {}", spot.w("f")))?;
        world.must_refuse(&format!("write {second}"))?;
        fs::remove_file(spot.w("f"))?;
        world.must_refuse(&format!("write {second}"))?;
    }
    Ok(())
}

fn foreign(world: &mut World) -> Result<()> {
    let (own, other) = (format!("{}/suite-user", fixture::WORK), format!("{}/suite-root", fixture::WORK));
    world.actor(Side::Inside, Who::Root, By::Program)?;
    put(format!("{other}/f").as_ref(), OPEN)?;
    world.must_allow(&format!("create {own}/f"))?;
    world.must_refuse(&format!("write {other}/f"))?;
    world.must_refuse(&format!("read {other}/f")).map(drop)
}

/// On an overlay whose layers number their files apart nothing but the name says which file it is.
fn known_by_name(world: &mut World) -> Result<()> {
    let spot = Spot::Root;
    let second = spot.w("second");
    fs::hard_link(spot.s(), &second)?;
    let told = world.inside(&format!("read {second}"))?.out.contains(SECRET);
    let layered = fs::metadata(spot.s())?.dev() != fs::metadata(spot.at(""))?.dev();
    ensure!(!told || layered, "the secret was told by its second name");
    let notes = guard::json(&["status"])?["policy"]["notes"].to_string();
    ensure!(!layered || notes.contains("other hard links"), "status is silent about {spot:?}: {notes}");
    Ok(())
}

/// By an agent that may mount: what it mounts the policy does not know.
fn own_file_system(world: &mut World) -> Result<()> {
    let line = Spot::Tmpfs.filled("on-own-tmpfs {w}/d create {w}/d/new");
    let admin = "[[edges]]\nprofile = \"suite\"\nzone = \"host\"\nallow = [\"admin\"]\n";
    let outside = world.perform(Side::Outside, Who::Root, &act(&line))?;
    ensure!(outside.code == 0, "control: {outside:?}");
    under(&with(admin), || {
        let inside = world.perform(Side::Inside, Who::Root, &act(&line))?;
        ensure!(inside.code == nix::libc::EACCES, "{inside:?}");
        world.refusal_of(&inside, Reason::UnresolvedObject).map(drop)
    })
}
