//! Launchers: programs of the host that set an agent up inside its cgroup before they start it. Container runtimes
//! mount and pivot there, and so does the service manager; what they do then is the host's own doing.
//!
//! A launcher is known by its folder and name on the host's own mounts, or as the sealed copy of itself that it goes
//! on as. In another mount namespace, or below another root, no program is one: there the image says what a name
//! stands for, which libraries it loads and where `/proc/self/exe` leads.

use core::mem::MaybeUninit;

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use guard_common::limits::CHILD_NAME_LEN_MAX;
use guard_common::map::enrol::LABEL_FOUND;
use guard_common::map::label::Label;
use guard_common::map::zone::{ChildKey, DEV_OF_DIRECTORY};

use crate::kernel::loops::blank;
use crate::kernel::raw::Place;
use crate::kernel::{File, Runner, Task, host_mounts, host_root};
use crate::maps::LAUNCHERS;
use crate::subject::Subject;

/// Process 1 takes orphans in: that it is somebody's parent says nothing.
const INIT: u32 = 1;

/// When a task is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// It enters an agent's cgroup, or is born into one.
    Entering,
    /// It was there before the rule.
    Found,
}

impl When {
    /// By the row of its cgroup.
    #[inline(always)]
    pub fn of(row: &Label) -> Self {
        if row.flags & LABEL_FOUND == 0 { Self::Entering } else { Self::Found }
    }
}

/// Whether a task runs a launcher.
#[inline(always)]
pub fn is_run_by(task: Task, when: When) -> bool {
    runs(task.into(), u32::from(when == When::Entering)) != 0
}

#[inline(never)]
fn runs(task: Runner, entering: u32) -> u32 {
    let program = task.program();
    if program.dentry == 0 {
        return 0;
    }
    if !program.is_kernel_internal() {
        // Somebody else's own library may have been running in it for long, and never start anything.
        let may_wait = entering != 0 || task.is_root();
        return u32::from(may_wait && is_of_host(program) && is_named(program));
    }
    // A copy in memory says nothing of itself; who started it does. Nobody is found like that: an agent that
    // copied itself before guard came would pass for its launcher.
    let parent = task.parent();
    let told = parent.program();
    let is_copy = entering != 0
        && parent.tgid() != INIT
        && is_at_home(task)
        && told.dentry != 0
        && is_of_host(told)
        && is_named(told);
    u32::from(is_copy)
}

/// Whether the running task, which waits for its label, goes on as a launcher by starting this program.
#[inline(always)]
pub fn goes_on_as(program: File) -> bool {
    let place = program.place();
    goes_on(place.dentry, place.mount) != 0
}

#[inline(never)]
fn goes_on(dentry: u64, mount: u64) -> u32 {
    let program = Place { dentry, mount };
    if !is_at_home(Task::current().into()) {
        return 0;
    }
    if program.is_kernel_internal() {
        // The copy of itself that it made: nothing else was started here before.
        return 1;
    }
    u32::from(is_of_host(program) && is_named(program))
}

/// Whether the running task's root is the host's.
#[inline(always)]
pub fn has_root_of_host() -> bool {
    is_rooted_at_home(Task::current().into())
}

#[inline(always)]
fn is_rooted_at_home(task: Runner) -> bool {
    let (ino, dev) = host_root();
    let root = task.root();
    root.dentry != 0 && root.ino() == ino && root.dev() == dev
}

/// Whether a task sees the host as the host sees itself.
#[inline(always)]
fn is_at_home(task: Runner) -> bool {
    task.mounts() == host_mounts() && is_rooted_at_home(task)
}

/// Whether the host's own name for a program was used, or what is left of a mount that is gone since.
#[inline(always)]
fn is_of_host(program: Place) -> bool {
    let number = program.mount_namespace();
    number == 0 || number == host_mounts()
}

#[inline(never)]
fn is_named(program: Place) -> bool {
    let folder = program.directory();
    let mut key = MaybeUninit::<ChildKey>::uninit();
    let key = blank::<_, u64>(&mut key);
    key.ino = folder.ino();
    key.dev = folder.dev() | DEV_OF_DIRECTORY;
    key.slot = (Subject::generation_now() & 1) as u32;
    let len = program.name_len();
    if len == 0 || len > CHILD_NAME_LEN_MAX as u32 {
        return false;
    }
    // SAFETY: at most the buffer's length, checked above.
    let failed =
        unsafe { bpf_probe_read_kernel(key.name.as_mut_ptr().cast(), len, program.name() as *const _) };
    // SAFETY: nothing is kept.
    failed == 0 && unsafe { LAUNCHERS.get(&*key) }.is_some()
}
