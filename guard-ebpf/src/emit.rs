//! Telling the daemon: one event a verdict, numbered per CPU and ring, with the object's path.
//!
//! The event is written straight into the ring: a scratch buffer per CPU would be shared with whoever
//! preempts this task. Its room comes in three sizes; a first pass over the names picks one.

use aya_ebpf::helpers::generated::{
    bpf_get_current_cgroup_id, bpf_get_current_comm, bpf_get_current_pid_tgid, bpf_get_current_uid_gid,
    bpf_get_smp_processor_id, bpf_ktime_get_boot_ns, bpf_probe_read_kernel, bpf_ringbuf_reserve,
    bpf_ringbuf_submit,
};
use guard_common::event::{Event, EventKind, PATH_CUT, PATH_UNROOTED, Ring};
use guard_common::limits::{PATH_BYTES_MAX, WALK_STEPS_MAX};
use guard_common::map::switch::{COUNT_ALLOW, COUNT_DENY, COUNT_LOST, COUNT_WALK, count_index};
use guard_common::{Operation, Verdict};

use crate::fail::{self, Site};
use crate::kernel::raw::{Place, Step};
use crate::kernel::Task;
use crate::maps::{ALLOWS, COUNTS, DENIES, SEQUENCE};

/// What is told. Plain numbers: it is handed to functions by reference.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Report {
    pub generation: u64,
    pub agent: u32,
    pub profile: u32,
    pub kind: u32,
    pub operation: u32,
    pub surface: u32,
    pub verdict: u32,
    pub reason: u32,
    pub zone: u32,
    pub detail: u32,
    pub flags: u32,
    pub dentry: u64,
    pub mount: u64,
    pub second_dentry: u64,
    pub second_mount: u64,
    pub addr: [u8; 16],
    pub port: u16,
    pub family: u16,
    pub protocol: u16,
    pub pad: u16,
}

impl Report {
    /// A report about nothing yet.
    pub const EMPTY: Self = Self {
        generation: 0,
        agent: 0,
        profile: 0,
        kind: EventKind::Decision as u32,
        operation: 0,
        surface: 0,
        verdict: 0,
        reason: 0,
        zone: 0,
        detail: 0,
        flags: 0,
        dentry: 0,
        mount: 0,
        second_dentry: 0,
        second_mount: 0,
        addr: [0; 16],
        port: 0,
        family: 0,
        protocol: 0,
        pad: 0,
    };
}

/// Counts a walk that the cache did not spare.
#[inline(always)]
pub fn count_walk(operation: Operation) {
    count(operation as u32, COUNT_WALK);
}

/// Counts a verdict without an event: a use that is on record already.
#[inline(always)]
pub fn count_allow(operation: Operation) {
    count(operation as u32, COUNT_ALLOW);
}

#[inline(always)]
fn count(operation: u32, column: u32) {
    if let Some(count) = COUNTS.get_ptr_mut(count_index(operation, column)) {
        // SAFETY: this CPU's row; a preempting task may cost one count.
        unsafe { *count += 1 };
    }
}

/// Bytes of names on the way outward, and the longest of them.
struct Measure {
    total: u32,
    longest: u32,
}

/// Tells the daemon. Never fails for the caller: what cannot be told is counted, and its number is missing.
#[inline(never)]
pub fn tell(report: &Report) -> i32 {
    let denied = report.verdict != Verdict::Allow as u32;
    count(report.operation, if denied { COUNT_DENY } else { COUNT_ALLOW });
    let first = measure(report.dentry, report.mount);
    let second = measure(report.second_dentry, report.second_mount);
    let total = first.total + second.total;
    let longest = if first.longest > second.longest { first.longest } else { second.longest };
    // One NUL more in each, and room for one longest name past the last.
    if total <= 192 && longest < 64 {
        write_small(report)
    } else if total <= 768 {
        write_middle(report)
    } else {
        write_large(report)
    }
}

#[inline(always)]
fn measure(dentry: u64, mount: u64) -> Measure {
    let word = if dentry == 0 { 0 } else { measure_names(dentry, mount) };
    Measure { total: word as u32, longest: (word >> 32) as u32 }
}

#[inline(never)]
fn measure_names(dentry: u64, mount: u64) -> u64 {
    let mut at = Place { dentry, mount };
    let (mut total, mut longest) = (0_u32, 0_u32);
    for _ in 0..WALK_STEPS_MAX {
        let Some((len, _)) = at.name() else { break };
        total += (len & 0xff) + 1;
        if len > longest {
            longest = len;
        }
        let Step::Up(place) = at.outward() else { break };
        at = place;
    }
    u64::from(total) | (u64::from(longest) << 32)
}

#[inline(never)]
fn write_small(report: &Report) -> i32 {
    write::<{ 256 + 64 }, 63>(report)
}

#[inline(never)]
fn write_middle(report: &Report) -> i32 {
    write::<{ 768 + 256 }, 255>(report)
}

#[inline(never)]
fn write_large(report: &Report) -> i32 {
    write::<{ PATH_BYTES_MAX + 256 }, 255>(report)
}

/// Room for `ROOM` bytes of path text, of which a name takes at most `NAME` (a power of two less one).
#[inline(always)]
fn write<const ROOM: usize, const NAME: usize>(report: &Report) -> i32 {
    let denied = report.verdict != Verdict::Allow as u32;
    let (ring, map) = if denied {
        (Ring::Deny, core::ptr::from_ref(&DENIES).cast_mut().cast())
    } else {
        (Ring::Allow, core::ptr::from_ref(&ALLOWS).cast_mut().cast())
    };
    let seq = next_number(ring);
    // SAFETY: the size is a constant; a null answer is handled; every path from here submits.
    unsafe {
        let room: *mut u8 = bpf_ringbuf_reserve(map, (size_of::<Event>() + ROOM) as u64, 0).cast();
        if room.is_null() {
            count(report.operation, COUNT_LOST);
            fail::count(Site::RingFull, 0);
            return 0;
        }
        let text = room.add(size_of::<Event>());
        let (used, cut) = write_names::<ROOM, NAME>(text, 0, report.dentry, report.mount);
        let (end, second_cut) = if report.second_dentry == 0 {
            (used, 0)
        } else {
            write_names::<ROOM, NAME>(text, used, report.second_dentry, report.second_mount)
        };
        let event = head(report, seq, report.flags | cut | second_cut, used, end - used);
        core::ptr::write(room.cast::<Event>(), event);
        bpf_ringbuf_submit(room.cast(), 0);
    }
    0
}

#[inline(always)]
fn next_number(ring: Ring) -> u64 {
    let Some(last) = SEQUENCE.get_ptr_mut(ring as u32) else { return 0 };
    // SAFETY: this CPU's row. Atomic: a preempting task must not take the same number.
    unsafe { core::intrinsics::atomic_xadd::<u64, u64, { core::intrinsics::AtomicOrdering::Relaxed }>(last, 1) + 1 }
}

#[inline(always)]
fn head(report: &Report, seq: u64, flags: u32, path_len: u32, second_path_len: u32) -> Event {
    let leader = Task::current().leader();
    // SAFETY: helpers that take nothing, or a buffer and its length.
    unsafe {
        let pid_tgid = bpf_get_current_pid_tgid();
        let uid_gid = bpf_get_current_uid_gid();
        let mut comm = [0_u8; 16];
        bpf_get_current_comm(comm.as_mut_ptr().cast(), 16);
        Event {
            kind: report.kind as u16,
            operation: report.operation as u16,
            verdict: report.verdict,
            seq,
            boot_ns: bpf_ktime_get_boot_ns(),
            cpu: bpf_get_smp_processor_id(),
            agent: report.agent,
            profile: report.profile as u16,
            zone: report.zone as u16,
            surface: report.surface as u16,
            reason: report.reason as u16,
            tgid: (pid_tgid >> 32) as u32,
            tid: pid_tgid as u32,
            uid: uid_gid as u32,
            gid: (uid_gid >> 32) as u32,
            cgroup: bpf_get_current_cgroup_id(),
            start_boot_ns: leader.start_boot_ns(),
            generation: report.generation,
            comm,
            ino: if report.dentry == 0 { 0 } else { Place { dentry: report.dentry, mount: 0 }.ino().unwrap_or(0) },
            dev: if report.dentry == 0 { 0 } else { Place { dentry: report.dentry, mount: 0 }.dev().unwrap_or(0) },
            flags,
            addr: report.addr,
            port: report.port,
            family: report.family,
            protocol: report.protocol,
            detail: report.detail as u16,
            path_len: path_len as u16,
            second_path_len: second_path_len as u16,
            pad: 0,
        }
    }
}

/// Writes names from `start`, leaf first, each with a NUL; gives the end, and `PATH_*` bits.
///
/// # Safety
/// `text` has `ROOM` bytes.
#[inline(always)]
unsafe fn write_names<const ROOM: usize, const NAME: usize>(
    text: *mut u8,
    start: u32,
    dentry: u64,
    mount: u64,
) -> (u32, u32) {
    if dentry == 0 {
        return (start, 0);
    }
    let mut at = Place { dentry, mount };
    let mut end = start as usize;
    for _ in 0..WALK_STEPS_MAX {
        let step = at.outward();
        // The root of a file system is named by its mount point; one that is attached nowhere by itself.
        let crosses = matches!(step, Step::Up(Place { mount, .. }) if mount != at.mount) || matches!(step, Step::Root);
        if !crosses {
            let Some((len, name)) = at.name() else { return (end as u32, PATH_CUT) };
            if end > ROOM - NAME - 1 {
                return (end as u32, PATH_CUT);
            }
            let len = len as usize & NAME;
            // SAFETY: `end + len` is below `ROOM`, by the check and the mask.
            unsafe {
                bpf_probe_read_kernel(text.add(end).cast(), len as u32, name as *const _);
                text.add(end + len).write(0);
            }
            end += len + 1;
        }
        match step {
            Step::Up(place) => at = place,
            Step::Root => return (end as u32, 0),
            Step::Unrooted => return (end as u32, PATH_UNROOTED),
            Step::Fault => return (end as u32, PATH_CUT),
        }
    }
    (end as u32, PATH_CUT)
}
