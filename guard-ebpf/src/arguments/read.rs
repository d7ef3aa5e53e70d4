//! Reading the arguments, byte by byte, as far as the rules need them.

use aya_ebpf::helpers::generated::bpf_copy_from_user;
use guard_common::Reason;
use guard_common::map::arguments::{
    ARGUMENT_BYTES_MAX, ArgumentRules, CHUNK, START_FAULT, START_NO_ROOT, START_OWN_NAME, START_READ, Start,
    WORD_LEN_MAX,
};

use super::word;
use crate::fail::{self, Fault};
use crate::kernel::loops::{END, GO_ON, repeat};

struct Reading {
    start: *mut Start,
    rules: *const ArgumentRules,
}

/// Which of the words occur, a bit each.
#[inline(always)]
pub fn words(start: &mut Start, rules: &ArgumentRules) -> Result<u32, Reason> {
    start.at = 0;
    start.end = 0;
    start.seen = 0;
    start.flags = START_OWN_NAME;
    begin_argument(start);
    let mut reading = Reading { start, rules };
    repeat(ARGUMENT_BYTES_MAX, &mut reading, take);
    // SAFETY: the value that was lent to the loop.
    let start = unsafe { &*reading.start };
    if start.flags & START_FAULT != 0 {
        return Err(fail::closed(Fault::ArgumentRead, 0));
    }
    if start.flags & START_READ == 0 { Err(Reason::ArgumentsTooLong) } else { Ok(start.seen) }
}

#[inline(always)]
fn begin_argument(start: &mut Start) {
    start.text = [0; WORD_LEN_MAX / 8];
    start.letters = [0; 2];
    start.len = 0;
    start.name_len = 0;
    start.flags &= !START_NO_ROOT;
}

fn take(_: u32, reading: *mut Reading) -> i64 {
    // SAFETY: the state of `words`.
    let (start, rules) = unsafe { (&mut *(*reading).start, &*(*reading).rules) };
    if start.at >= start.end && !refill(start) {
        start.flags |= START_FAULT;
        return END;
    }
    let byte = start.chunk[start.at as usize & (CHUNK - 1)];
    start.at += 1;
    if byte != 0 {
        append(start, byte);
        return GO_ON;
    }
    word::find(start, rules);
    begin_argument(start);
    start.flags &= !START_OWN_NAME;
    if start.left > 1 {
        start.left -= 1;
        return GO_ON;
    }
    start.flags |= START_READ;
    END
}

/// Reads on, to the end of the page at most: a read that leaves the stack fails whole.
#[inline(always)]
fn refill(start: &mut Start) -> bool {
    const PAGE: u64 = 4096;
    let in_page = PAGE - (start.address & (PAGE - 1));
    let len = if in_page < CHUNK as u64 { in_page } else { CHUNK as u64 };
    // SAFETY: `len` bytes of the chunk; a bad address is an error.
    let failed =
        unsafe { bpf_copy_from_user(start.chunk.as_mut_ptr().cast(), len as u32, start.address as *const _) };
    start.address += len;
    start.at = 0;
    start.end = len as u32;
    failed == 0 && !fail::injected(Fault::ArgumentRead)
}

#[inline(always)]
fn append(start: &mut Start, byte: u8) {
    if start.flags & START_OWN_NAME != 0 && byte == b'/' {
        // Without its folder.
        return begin_argument(start);
    }
    let len = start.len;
    if len < WORD_LEN_MAX as u32 {
        start.text[(len as usize >> 3) & (WORD_LEN_MAX / 8 - 1)] |= u64::from(byte) << ((len & 7) * 8);
    }
    start.letters[usize::from(byte >> 6) & 1] |= 1 << (byte & 63);
    if byte != b'/' && byte != b'.' {
        start.flags |= START_NO_ROOT;
    }
    if byte == b'=' && start.name_len == 0 {
        start.name_len = len;
    }
    start.len = len + 1;
}
