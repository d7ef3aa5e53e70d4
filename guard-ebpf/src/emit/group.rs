//! Telling of a cgroup that became an instance.

use aya_ebpf::helpers::generated::{bpf_probe_read_kernel_str, bpf_ringbuf_reserve, bpf_ringbuf_submit};
use guard_common::event::{Event, EventKind, PATH_CUT, Ring};
use guard_common::limits::WALK_STEPS_MAX;
use guard_common::map::label::Label;
use guard_common::map::switch::COUNT_ALLOW;
use guard_common::{Operation, Verdict};

use super::{Report, count, head, lost, next_number, wake};
use crate::kernel::Group;
use crate::kernel::loops::{END, GO_ON, opaque, repeat};
use crate::maps::ALLOWS;

/// Bytes of a cgroup's path that are told; the root's end is cut off.
const GROUP_PATH: usize = 1024;
/// Longest name, its NUL included.
const GROUP_NAME: usize = 256;

struct Groups {
    at: Group,
    /// `GROUP_PATH + GROUP_NAME` bytes.
    text: *mut u8,
    end: u32,
    flags: u32,
}

/// Tells of a cgroup that became an instance.
#[inline(never)]
pub fn enrolled(group: Group, label: &Label) -> i32 {
    count(Operation::Fork as u32, COUNT_ALLOW);
    let report = Report {
        kind: EventKind::Enrolled as u16,
        agent: label.agent,
        profile: label.profile,
        operation: Operation::Fork as u16,
        surface: guard_common::Surface::Exec as u16,
        verdict: Verdict::Allow as u32,
        is_nameless: 1,
        ..Report::EMPTY
    };
    // SAFETY: as in `write`.
    unsafe {
        let map = core::ptr::from_ref(&ALLOWS).cast_mut().cast();
        let room: *mut u8 =
            bpf_ringbuf_reserve(map, (size_of::<Event>() + GROUP_PATH + GROUP_NAME) as u64, 0).cast();
        if room.is_null() {
            return lost(&report, Ring::Allow);
        }
        let mut groups = Groups {
            at: opaque(group),
            text: room.add(size_of::<Event>()),
            end: opaque(0),
            flags: opaque(0),
        };
        repeat(WALK_STEPS_MAX, &mut groups, write_group);
        head(room.cast(), &report, next_number(Ring::Allow));
        let event = room.cast::<Event>();
        (*event).ino = group.id();
        (*event).flags = groups.flags;
        (*event).path_len = groups.end as u16;
        (*event).second_path_len = 0;
        bpf_ringbuf_submit(room.cast(), wake(&report, Ring::Allow, 0));
    }
    0
}

fn write_group(_: u32, groups: *mut Groups) -> i64 {
    // SAFETY: the state of `enrolled`.
    let groups = unsafe { &mut *groups };
    let above = groups.at.parent();
    if above.is_none() {
        return END;
    }
    let end = groups.end as usize;
    if end >= GROUP_PATH {
        groups.flags |= PATH_CUT;
        return END;
    }
    // SAFETY: `end` is below `GROUP_PATH`, and a name's room follows that.
    let len = unsafe {
        bpf_probe_read_kernel_str(
            groups.text.add(end).cast(),
            GROUP_NAME as u32,
            groups.at.name() as *const _,
        )
    };
    if len <= 0 {
        groups.flags |= PATH_CUT;
        return END;
    }
    groups.end = (end + len as usize) as u32;
    groups.at = above;
    GO_ON
}
