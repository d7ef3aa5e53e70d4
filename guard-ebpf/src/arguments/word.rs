//! Whether a word of a rule matches the argument that was read.

use guard_common::map::arguments::{
    ArgumentRules, START_NO_ROOT, Start, WORD_LEN_MAX, WORDS_MAX, Word, WordKind,
};

use crate::kernel::loops::{END, GO_ON, repeat};

struct Finding {
    start: *mut Start,
    rules: *const ArgumentRules,
}

/// Notes the words that match.
#[inline(always)]
pub fn find(start: &mut Start, rules: &ArgumentRules) {
    let mut finding = Finding { start, rules };
    repeat(WORDS_MAX as u32, &mut finding, compare);
}

fn compare(number: u32, finding: *mut Finding) -> i64 {
    // SAFETY: the state of `find`.
    let (start, rules) = unsafe { (&mut *(*finding).start, &*(*finding).rules) };
    if number >= rules.words_len {
        return END;
    }
    let number = number & (WORDS_MAX as u32 - 1);
    if matches(&rules.words[number as usize], start) {
        start.seen |= 1 << number;
    }
    GO_ON
}

#[inline(always)]
fn matches(word: &Word, argument: &Start) -> bool {
    let first = argument.text[0] & 0xff;
    let second = (argument.text[0] >> 8) & 0xff;
    let dash = u64::from(b'-');
    let name_len = if argument.name_len == 0 { argument.len } else { argument.name_len };
    let begins_with_word = argument.len >= word.len && same(word, argument, word.len);
    // A program takes any beginning of a long option that is clear, and clear is not for us to know.
    let is_abbreviation = name_len > 2 && name_len <= word.len && same(word, argument, name_len);
    if word.kind == WordKind::Exact as u32 {
        argument.len == word.len && begins_with_word
    } else if word.kind == WordKind::Prefix as u32 {
        begins_with_word
    } else if word.kind == WordKind::Option as u32 {
        is_abbreviation
    } else if word.kind == WordKind::Options as u32 {
        is_abbreviation || begins_with_word
    } else if word.kind == WordKind::Letter as u32 {
        let letter = word.text[0];
        let letters = argument.letters[(letter >> 6) as usize & 1];
        first == dash && second != dash && (letters >> (letter & 63)) & 1 != 0
    } else {
        first == u64::from(b'/') && argument.flags & START_NO_ROOT == 0
    }
}

/// Whether the first `len` bytes are the same; behind [`WORD_LEN_MAX`] everything is.
#[inline(always)]
fn same(word: &Word, argument: &Start, len: u32) -> bool {
    let mut differences = 0;
    for group in 0..WORD_LEN_MAX / 8 {
        let begin = group as u32 * 8;
        let bytes = if len <= begin { 0 } else { len - begin };
        let mask = if bytes >= 8 { u64::MAX } else { (1 << (bytes * 8)) - 1 };
        differences |= (word.text[group] ^ argument.text[group]) & mask;
    }
    differences == 0
}
