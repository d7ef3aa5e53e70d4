//! Programs by the digest of their content. The kernel's integrity subsystem takes the digest, which may sleep; the
//! verdict is made by programs that may not, and that a policy push therefore waits for. So the one leaves the
//! digest with the task, and the other, next on the same hook, finds it there.

use aya_ebpf::bindings::BPF_LOCAL_STORAGE_GET_F_CREATE;
use aya_ebpf::helpers::generated::{bpf_ima_file_hash, bpf_task_storage_get};
use guard_common::Reason;
use guard_common::limits::SLOTS;
use guard_common::map::digest::{DigestKey, Measured};

use crate::fail::{self, Fault};
use crate::kernel::{File, Task};
use crate::maps::{DIGESTS, DIGESTS_IN_USE, MEASURED};
use crate::subject::Subject;

/// `HASH_ALGO_SHA256`.
const SHA256: i64 = 4;

#[inline(always)]
fn in_use(slot: u32) -> bool {
    DIGESTS_IN_USE.get(slot).is_none_or(|in_use| *in_use != 0)
}

#[inline(always)]
fn stored(task: Task, flags: u32) -> *mut Measured {
    // SAFETY: a task that the verifier trusts; its value lives as long as it.
    unsafe {
        bpf_task_storage_get(
            MEASURED.as_ptr(),
            task.0.cast_mut().cast(),
            core::ptr::null_mut(),
            u64::from(flags),
        )
    }
    .cast()
}

/// Makes room for an agent's digests, where some policy generation asks for them. Not for programs that may sleep: while
/// those wait for memory, kernels before 6.2 find nobody's label on that processor.
#[inline(always)]
pub fn make_room(task: Task) {
    if (0..SLOTS).any(in_use) {
        // Where there is none, what would be measured is refused.
        let _ = stored(task, BPF_LOCAL_STORAGE_GET_F_CREATE);
    }
}

/// Whether the policy asks for digests.
#[inline(always)]
pub fn is_asked(subject: &Subject) -> bool {
    in_use(subject.slot())
}

/// Takes the digest of what the running task is about to run, where some policy generation asks for digests. May sleep.
#[inline(always)]
pub fn measure(file: File) {
    if !(0..SLOTS).any(in_use) {
        return;
    }
    // SAFETY: this task's own value.
    let Some(measured) = (unsafe { stored(Task::current(), 0).as_mut() }) else {
        fail::count(Fault::Digest, 0);
        return;
    };
    measured.is_whole = 0;
    // SAFETY: a file that the verifier trusts, and room for the digest.
    let kind =
        unsafe { bpf_ima_file_hash(file.0.cast_mut().cast(), measured.sha256.as_mut_ptr().cast(), 32) };
    if kind != SHA256 || fail::injected(Fault::Digest) {
        fail::count(Fault::Digest, if kind < 0 { kind } else { 0 });
        return;
    }
    measured.ino = file.inode().ino();
    measured.dev = file.inode().dev();
    measured.is_whole = 1;
}

/// The zone that the content's digest puts it in; 0 where the policy names no such digest.
#[inline(always)]
pub fn zone(subject: &Subject, file: File) -> Result<u32, Reason> {
    if !in_use(subject.slot()) {
        return Ok(0);
    }
    // SAFETY: this task's own value.
    let Some(measured) = (unsafe { stored(Task::current(), 0).as_ref() }) else {
        return Err(fail::closed(Fault::Digest, 0));
    };
    let inode = file.inode();
    if measured.is_whole == 0 || measured.ino != inode.ino() || measured.dev != inode.dev() {
        return Err(fail::closed(Fault::Digest, 0));
    }
    let key = DigestKey { slot: subject.slot(), sha256: measured.sha256 };
    // SAFETY: copied at once.
    Ok(unsafe { DIGESTS.get(key) }.map_or(0, |mark| u32::from(mark.zone)))
}
