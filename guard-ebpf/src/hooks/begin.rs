//! The end of a wait: a task in an enrolled cgroup that runs a launcher becomes the agent when it starts something
//! else, before anything of that runs. What it starts is judged by the hooks after this one, as the agent's.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use guard_common::map::enrol::{LABEL_WAITS, NO_SLOT};
use guard_common::map::label::Label;
use guard_common::map::zone::GivenKey;

use super::EACCES;
use super::task::{own, tell_entered};
use crate::digest;
use crate::enrol;
use crate::fail::{self, Fault};
use crate::kernel::{Bprm, File, Runner, S_IFMT, Task, offset, raw};
use crate::launcher;
use crate::maps::GIVEN;
use crate::subject::{label_of, label_of_cgroup, set_label};

// kernel: int security_bprm_creds_for_exec(struct linux_binprm *bprm)
//
// Once for each start, ahead of the script's interpreter and of the loader.
#[lsm(hook = "bprm_creds_for_exec")]
pub fn bprm_creds_for_exec(ctx: LsmContext) -> i32 {
    if !enrol::is_used() || label_of(Task::current()).is_some() {
        return 0;
    }
    if starts(Bprm(ctx.arg(0)).file()) == 0 { 0 } else { -EACCES }
}

/// Not 0 where the label could not be stored: that is no licence.
#[inline(never)]
fn starts(file: File) -> u32 {
    let task = Task::current();
    let Some(label) = label_here(task) else { return 0 };
    if label.flags & LABEL_WAITS != 0 && launcher::goes_on_as(file) {
        return 0;
    }
    begin(task, &label)
}

/// Labels the running task, if it waits and maps code below a root that is not the host's: what a launcher loads there is
/// the image's, and no part of itself. 0 where it does not.
#[inline(never)]
pub(super) fn loads_abroad() -> u32 {
    if !enrol::is_used() || launcher::has_root_of_host() {
        return 0;
    }
    let task = Task::current();
    // For the rules, which `label_here` asks where the table had no room, there is none on the stack. They are asked when
    // something is started.
    let Some(label) = label_of_cgroup(task.cgroup()) else { return 0 };
    begin(task, &label);
    1
}

/// The label that a task of a cgroup waits for. Where the table had no room for it, the rules still take the cgroup.
#[inline(always)]
fn label_here(task: Task) -> Option<Label> {
    label_of_cgroup(task.cgroup()).or_else(|| enrol::label_of_entered(task.cgroup()))
}

#[inline(never)]
fn begin(task: Task, label: &Label) -> u32 {
    let label = own(task, label);
    if fail::injected(Fault::LabelExec) || set_label(task, &label).is_err() {
        fail::count(Fault::LabelExec, 0);
        return 1;
    }
    digest::make_room(task);
    for number in 0..3 {
        give(task.into(), number, label.agent);
    }
    tell_entered(task, &label);
    0
}

/// Lets the agent use what its launcher holds open for it as standard input, output and error, as `guard run` does.
/// Pipes nobody is refused: each start in a container brings new ones, and they would fill the map.
#[inline(always)]
fn give(task: Runner, number: u32, agent: u32) {
    const S_IFIFO: u16 = 0o010_000;
    let inode = task.standard(number);
    if inode == 0 || agent == NO_SLOT {
        return;
    }
    let mode: u16 = raw::read(inode + offset::OFF_INODE_MODE);
    if mode & S_IFMT == S_IFIFO {
        return;
    }
    let superblock: u64 = raw::read(inode + offset::OFF_INODE_SB);
    let key = GivenKey {
        ino: raw::read(inode + offset::OFF_INODE_INO),
        dev: raw::read(superblock + offset::OFF_SB_DEV),
        agent,
    };
    // Where there is no room, the agent is refused what the policy does not give it.
    let _ = GIVEN.insert(key, 1, 0);
}
