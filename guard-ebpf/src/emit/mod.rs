//! Telling the daemon: one event a verdict, numbered per CPU and ring, with the object's path.
//!
//! The event is written straight into the ring: a scratch buffer per CPU would be shared with whoever
//! preempts this task. Its room comes in three sizes; the first that the path fits into is told.

mod group;
mod path;

pub use group::enrolled;

use aya_ebpf::bindings::{BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP};
use aya_ebpf::helpers::generated::{
    bpf_get_current_cgroup_id, bpf_get_current_comm, bpf_get_current_pid_tgid, bpf_get_current_uid_gid,
    bpf_get_smp_processor_id, bpf_ktime_get_boot_ns, bpf_ringbuf_discard, bpf_ringbuf_reserve,
    bpf_ringbuf_submit,
};
use guard_common::event::{Event, EventKind, PATH_CUT, Ring};
use guard_common::limits::PATH_BYTES_MAX;
use guard_common::map::switch::{COUNT_ALLOW, COUNT_DENY, COUNT_LOST, COUNT_WALK, count_index};
use guard_common::{Operation, Verdict};

use self::path::Text;
use crate::atomic;
use crate::fail::{self, Fault};
use crate::kernel::Task;
use crate::kernel::loops::opaque;
use crate::kernel::raw::Place;
use crate::maps::{ALLOWS, COUNTS, DENIES, LISTENS, SEQUENCE};

/// What is told. As small as it can be: it lies on the stack of every hook, under the walk's.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Report {
    pub generation: u64,
    pub object: Object,
    /// New name of a rename or link, on the same mount; 0 for none.
    pub second_dentry: u64,
    pub agent: u32,
    pub verdict: u32,
    pub profile: u16,
    pub kind: u16,
    pub operation: u16,
    pub surface: u16,
    pub reason: u16,
    pub zone: u16,
    pub detail: u16,
    pub flags: u16,
    pub port: u16,
    pub family: u16,
    pub protocol: u16,
    /// Whether the object is no name, but an address or a task.
    pub is_nameless: u16,
}

/// A name in the file system, a peer's address, or a task.
#[derive(Clone, Copy)]
#[repr(C)]
pub union Object {
    pub place: Place,
    pub addr: [u8; 16],
    /// Of a task that entered, see [`Event::addr`].
    pub task: [u64; 2],
}

impl Report {
    /// A report about nothing yet.
    pub const EMPTY: Self = Self {
        generation: 0,
        object: Object { place: Place { dentry: 0, mount: 0 } },
        second_dentry: 0,
        agent: 0,
        verdict: 0,
        profile: 0,
        kind: EventKind::Decision as u16,
        operation: 0,
        surface: 0,
        reason: 0,
        zone: 0,
        detail: 0,
        flags: 0,
        port: 0,
        family: 0,
        protocol: 0,
        is_nameless: 0,
    };

    #[inline(always)]
    fn is_denied(&self) -> bool {
        self.verdict != Verdict::Allow as u32
    }

    /// The object's name; no dentry where it has none.
    #[inline(always)]
    fn place(&self) -> Place {
        if self.is_nameless != 0 {
            return Place { dentry: 0, mount: 0 };
        }
        // SAFETY: every variant is plain bytes.
        unsafe { self.object.place }
    }

    /// The second name, where there is one.
    #[inline(always)]
    fn second(&self) -> Place {
        Place { dentry: self.second_dentry, mount: self.place().mount }
    }

    /// The object's bytes where it has no name; zeros where it has one.
    #[inline(always)]
    fn addr(&self) -> [u8; 16] {
        if self.is_nameless == 0 {
            return [0; 16];
        }
        // SAFETY: every variant is plain bytes.
        unsafe { self.object.addr }
    }
}

/// Counts a walk that the cache did not spare.
#[inline(always)]
pub fn count_walk(operation: Operation) {
    count(operation as u32, COUNT_WALK);
}

/// Counts a verdict without an event: a use that is on record already.
#[inline(always)]
pub fn count_allow(operation: u16) {
    count(u32::from(operation), COUNT_ALLOW);
}

#[inline(always)]
fn count(operation: u32, column: u32) {
    if let Some(count) = COUNTS.get_ptr_mut(count_index(operation, column)) {
        // SAFETY: this CPU's row; a preempting task may cost one count.
        unsafe { *count += 1 };
    }
}

/// Tells the daemon of something without a name in a file system. What [`tell`] does for names is most of what
/// the verifier reads of a program; hooks that never see a name spare it that.
///
/// A global function, as [`tell`] is: the verifier reads it once, knowing nothing of the report, and not once for
/// every way that leads to it.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn tell_nameless(report: *const Report) -> i32 {
    // SAFETY: a null pointer is handled; any other is a report, which the verifier checks at each call.
    let Some(report) = (unsafe { report.as_ref() }) else { return 0 };
    count_verdict(report);
    write_nameless(report)
}

/// Tells the daemon. Never fails for the caller: what cannot be told is counted, and its number is missing.
///
/// Most paths are short. One that does not fit is walked again with more room: that is seldom, and to measure each
/// one first would be a walk more for all.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn tell(report: *const Report) -> i32 {
    // SAFETY: as in `tell_nameless`.
    unsafe { report.as_ref() }.map_or(0, tell_named::<false>)
}

/// What [`tell`] does, for a report that may have a second name: to write both is twice as much for the verifier.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn tell_both(report: *const Report) -> i32 {
    // SAFETY: as in `tell_nameless`.
    unsafe { report.as_ref() }.map_or(0, tell_named::<true>)
}

#[inline(always)]
fn tell_named<const BOTH: bool>(report: &Report) -> i32 {
    count_verdict(report);
    if write_small::<BOTH>(report) == TOO_LONG && write_middle::<BOTH>(report) == TOO_LONG {
        write_large::<BOTH>(report);
    }
    0
}

#[inline(always)]
fn count_verdict(report: &Report) {
    count(u32::from(report.operation), if report.is_denied() { COUNT_DENY } else { COUNT_ALLOW });
}

/// The event was told, or is counted as lost.
const DONE: i32 = 0;
/// The path does not fit, and nothing was told.
const TOO_LONG: i32 = 1;

#[inline(never)]
fn write_small<const BOTH: bool>(report: &Report) -> i32 {
    write::<BOTH, { 256 + 64 }, 63, false>(report)
}

#[inline(never)]
fn write_middle<const BOTH: bool>(report: &Report) -> i32 {
    write::<BOTH, { 768 + 256 }, 255, false>(report)
}

#[inline(never)]
fn write_large<const BOTH: bool>(report: &Report) -> i32 {
    write::<BOTH, { PATH_BYTES_MAX + 256 }, 255, true>(report)
}

/// Room for `ROOM` bytes of path text, of which a name takes at most `NAME` (a power of two less one). What does not
/// fit into the last one is cut.
#[inline(always)]
fn write<const BOTH: bool, const ROOM: usize, const NAME: usize, const IS_LAST: bool>(
    report: &Report,
) -> i32 {
    let (ring, map) = ring(report);
    if fail::injected(Fault::RingFull) {
        return lost(report, ring);
    }
    // SAFETY: the size is a constant; a null answer is handled; every path from here submits or discards.
    unsafe {
        let room: *mut u8 = bpf_ringbuf_reserve(map, (size_of::<Event>() + ROOM) as u64, 0).cast();
        if room.is_null() {
            return lost(report, ring);
        }
        let mut text = Text::of(report.place(), room.add(size_of::<Event>()), u32::from(report.flags));
        if report.place().dentry != 0 {
            text.write::<ROOM, NAME>();
        }
        let event = room.cast::<Event>();
        (*event).path_len = text.end as u16;
        if BOTH && report.second_dentry != 0 {
            text.turn_to(report.second());
            text.write::<ROOM, NAME>();
        }
        if !IS_LAST && opaque(text.flags) & PATH_CUT != 0 {
            bpf_ringbuf_discard(room.cast(), u64::from(BPF_RB_NO_WAKEUP));
            return TOO_LONG;
        }
        head(event, report, next_number(ring));
        (*event).flags = text.flags;
        (*event).second_path_len = text.end as u16 - (*event).path_len;
        bpf_ringbuf_submit(room.cast(), wake(report, ring, (*event).boot_ns));
    }
    DONE
}

/// An event without names.
#[inline(always)]
fn write_nameless(report: &Report) -> i32 {
    let (ring, map) = ring(report);
    if fail::injected(Fault::RingFull) {
        return lost(report, ring);
    }
    // SAFETY: as in `write`.
    unsafe {
        let room: *mut u8 = bpf_ringbuf_reserve(map, size_of::<Event>() as u64, 0).cast();
        if room.is_null() {
            return lost(report, ring);
        }
        let event = room.cast::<Event>();
        head(event, report, next_number(ring));
        (*event).flags = u32::from(report.flags);
        (*event).path_len = 0;
        (*event).second_path_len = 0;
        bpf_ringbuf_submit(room.cast(), wake(report, ring, (*event).boot_ns));
    }
    DONE
}

/// The ring that a report goes through.
#[inline(always)]
fn ring(report: &Report) -> (Ring, *mut core::ffi::c_void) {
    if report.is_denied() {
        (Ring::Deny, core::ptr::from_ref(&DENIES).cast_mut().cast())
    } else {
        (Ring::Allow, core::ptr::from_ref(&ALLOWS).cast_mut().cast())
    }
}

/// Whether the daemon is woken for an event: for a refusal, and for what changes who is governed, at once; for what was
/// allowed, unless it will look by itself. To wake it costs the agent more than all the rest of an event.
#[inline(always)]
fn wake(report: &Report, ring: Ring, boot_ns: u64) -> u64 {
    match ring {
        Ring::Deny => WAKE_IF_IT_WAITS,
        Ring::Allow if report.kind == EventKind::Decision as u16 && boot_ns < listens_until() => {
            u64::from(BPF_RB_NO_WAKEUP)
        }
        // Not by the kernel's rule: what it was not woken for may lie there still.
        Ring::Allow => u64::from(BPF_RB_FORCE_WAKEUP),
    }
}

/// The kernel's own rule: not while the daemon has earlier events to read.
const WAKE_IF_IT_WAITS: u64 = 0;

#[inline(always)]
fn listens_until() -> u64 {
    // SAFETY: a live array row. Volatile: the daemon writes it.
    LISTENS.get(0).map_or(0, |until| unsafe { core::ptr::read_volatile(until) })
}

/// Takes a number that nobody will hear: that is how the loss is known.
#[inline(always)]
fn lost(report: &Report, ring: Ring) -> i32 {
    let _ = next_number(ring);
    count(u32::from(report.operation), COUNT_LOST);
    fail::count(Fault::RingFull, 0);
    DONE
}

#[inline(always)]
fn next_number(ring: Ring) -> u64 {
    let Some(last) = SEQUENCE.get_ptr_mut(ring as u32) else { return 0 };
    // This CPU's row. Atomic: a preempting task must not take the same number.
    atomic::fetch_add(last, 1) + 1
}

/// Writes what every event has, field by field: a whole event on the stack would be a third of it.
///
/// # Safety
/// `event` is room in a ring.
#[inline(always)]
unsafe fn head(event: *mut Event, report: &Report, seq: u64) {
    let leader = Task::current().leader();
    let at = report.place();
    // SAFETY: helpers that take nothing, or a buffer and its length.
    unsafe {
        let pid_tgid = bpf_get_current_pid_tgid();
        let uid_gid = bpf_get_current_uid_gid();
        let event = &mut *event;
        event.kind = report.kind;
        event.operation = report.operation;
        event.verdict = report.verdict;
        event.seq = seq;
        event.boot_ns = bpf_ktime_get_boot_ns();
        event.cpu = bpf_get_smp_processor_id();
        event.agent = report.agent;
        event.profile = report.profile;
        event.zone = report.zone;
        event.surface = report.surface;
        event.reason = report.reason;
        event.tgid = (pid_tgid >> 32) as u32;
        event.tid = pid_tgid as u32;
        event.uid = uid_gid as u32;
        event.gid = (uid_gid >> 32) as u32;
        event.cgroup = bpf_get_current_cgroup_id();
        event.start_boot_ns = leader.start_boot_ns();
        event.generation = report.generation;
        bpf_get_current_comm((&raw mut event.comm).cast(), 16);
        event.ino = if at.dentry == 0 { 0 } else { at.ino() };
        event.dev = if at.dentry == 0 { 0 } else { at.dev() };
        event.addr = report.addr();
        event.port = report.port;
        event.family = report.family;
        event.protocol = report.protocol;
        event.detail = report.detail;
        event.pad = 0;
    }
}
