//! What stands beside a message's data: headers of its packets among it, as socket options would set them.

use crate::hooks::leads_elsewhere;
use crate::kernel::loops::{END, GO_ON, opaque, repeat};
use crate::kernel::{Msghdr, raw};

/// Items that are looked at; a message with more is refused.
const ITEMS_MAX: u32 = 64;

struct Reading {
    at: u64,
    end: u64,
    found: u32,
}

const NOTHING: u32 = 0;
const ELSEWHERE: u32 = 1;
/// The end was reached.
const WHOLE: u32 = 2;

/// Whether an item of the message would lead its packets by way of other addresses, or cannot be told.
#[inline(never)]
pub fn leads_message_elsewhere(message: Msghdr) -> bool {
    let (control, len) = (message.control(), message.control_len());
    if len == 0 {
        return false;
    }
    let mut reading =
        Reading { at: opaque(control), end: opaque(control.wrapping_add(len)), found: opaque(NOTHING) };
    repeat(ITEMS_MAX, &mut reading, item);
    opaque(reading.found) != WHOLE
}

/// `struct cmsghdr`: length of the item with this header, level and type; the next begins at a multiple of eight.
fn item(_: u32, reading: *mut Reading) -> i64 {
    const HEADER: u64 = 16;
    const IPPROTO_IP: u32 = 0;
    /// Beside a message this has another number than as an option.
    const IP_RETOPTS: u32 = 7;
    // SAFETY: the state of `leads_message_elsewhere`.
    let reading = unsafe { &mut *reading };
    if reading.at.wrapping_add(HEADER) > reading.end {
        reading.found = WHOLE;
        return END;
    }
    let Some([len, header]) = raw::try_read::<[u64; 2]>(reading.at) else {
        reading.found = ELSEWHERE;
        return END;
    };
    let (level, kind) = (header as u32, (header >> 32) as u32);
    if leads_elsewhere(level, kind) || (level == IPPROTO_IP && kind == IP_RETOPTS) {
        reading.found = ELSEWHERE;
        return END;
    }
    if len < HEADER || len > reading.end.wrapping_sub(reading.at) {
        // The kernel takes no such item, and none behind it.
        reading.found = WHOLE;
        return END;
    }
    reading.at += (len + 7) & !7;
    GO_ON
}
