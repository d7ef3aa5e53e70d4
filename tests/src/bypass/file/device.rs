//! What lies under the files: the disk as a device, devices that make disks, the memory, the virtual machine.

use std::fs;

use anyhow::{Context, Result};
use guard_common::{Operation, Reason, Surface};

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at};
use crate::harness::case::Undo;
use crate::harness::fixture::{DISK, SECRET};
use crate::harness::shell::sh;

const WRITE: Refusal = Refusal::no_edge(Surface::Write, Operation::Open);
const READ: Refusal = Refusal::no_edge(Surface::Read, Operation::Open);
const FREE_LOOP: &str = "/dev/loop6";

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("device.py")), cases };

fn cases() -> Cases {
    let (who, root) = (Who::BOTH.map(|who| (Spot::Tmpfs, who)), [(Spot::Tmpfs, Who::Root)]);
    let (disk, w) = (&Effect::changed("/guardtest/disk"), &Effect::changed("{w}"));
    let one = |places: &[(Spot, Who)], id, sentence, refusal, attack: &str, effect: &Effect| {
        at(places.to_vec(), id, sentence, refusal, (attack, effect), ("write {w}/f", w)).prepared(whole_disk)
    };
    let opened = |id, sentence, device: &str| {
        one(&root, id, sentence, WRITE, &format!("!file.device.opened {device}"), &Effect::Done)
    };
    let write_disk = format!("!file.device.write {DISK}");
    let attach = format!("!file.device.attach {FREE_LOOP} {{w}}/f");
    let attached = Effect::changed("/sys/block/loop6/loop");
    [
        one(&who, "F47", "a_disk_is_not_written_as_a_device", WRITE, &write_disk, disk),
        one(
            &who,
            "F47b",
            "a_disk_is_not_read_as_a_device",
            READ,
            &format!("!file.device.read {DISK}"),
            &Effect::Told(SECRET),
        ),
        one(&who, "F47c", "no_disk_is_made_of_a_file", WRITE, &attach, &attached).prepared(loop_is_free),
        opened("F47d", "the_memory_is_not_opened", "/dev/mem"),
        opened("F47e", "no_virtual_machine_is_made", "/dev/kvm").prepared(|_| module("kvm_amd")),
        opened("F47f", "no_file_system_of_ones_own_making_is_served", "/dev/fuse")
            .prepared(|_| module("fuse")),
        opened("F47g", "the_ports_are_not_opened", "/dev/port"),
        opened("F47h", "the_kernels_log_is_not_written", "/dev/kmsg"),
        one(
            &who,
            "F47i",
            "a_node_in_the_work_folder_leads_to_no_disk",
            Refusal { reason: Reason::DeviceNode, ..WRITE },
            "!file.device.write {w}/disk",
            disk,
        )
        .prepared(node_in_w),
        one(
            &root,
            "F47j",
            "no_node_is_made_in_the_work_folder",
            Refusal { reason: Reason::DeviceNode, ..Refusal::no_edge(Surface::Write, Operation::Mknod) },
            "!file.device.write_by_new_node {w}/node",
            disk,
        ),
    ]
    .into()
}

fn whole_disk(_: Spot) -> Result<Undo> {
    fs::write(DISK, SECRET)?;
    Ok(Box::new(()))
}

fn module(name: &str) -> Result<Undo> {
    // It may be built in, or the machine of another kind: the control tells.
    let _ = sh(&format!("modprobe {name}"));
    Ok(Box::new(()))
}

struct Loop;

fn loop_is_free(_: Spot) -> Result<Undo> {
    fs::set_permissions(FREE_LOOP, std::os::unix::fs::PermissionsExt::from_mode(0o666))?;
    Ok(Box::new(Loop))
}

impl Drop for Loop {
    fn drop(&mut self) {
        // Nothing to let go of where the attack was refused.
        let _ = sh(&format!("losetup -d {FREE_LOOP}"));
    }
}

fn node_in_w(spot: Spot) -> Result<Undo> {
    sh(&format!("mknod -m 666 {} b 7 7", spot.w("disk"))).context("a node of the disk")?;
    Ok(Box::new(()))
}
