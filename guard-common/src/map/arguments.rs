//! Rules on the arguments that a program is started with: words, and which of them may not stand together.

use crate::wire_enum;

/// Words in all rules for one (profile, zone).
pub const WORDS_MAX: usize = 32;
/// Rules for one (profile, zone).
pub const RULES_MAX: usize = 16;
/// Longest word of a rule, in bytes.
pub const WORD_LEN_MAX: usize = 32;
/// Rows of the table, both generations together: 512 * 1.4 KiB = 700 KiB at most.
pub const ARGUMENT_RULES_MAX: u32 = 512;
/// Bytes of arguments that are read, NULs included. More are refused with
/// [`crate::Reason::ArgumentsTooLong`] where there is a rule.
pub const ARGUMENT_BYTES_MAX: u32 = 256 << 10;
/// Interpreters behind one start, the program itself included: the kernel follows no more.
pub const LEVELS_MAX: usize = 8;

wire_enum! {
    /// How a word matches an argument. The program's own name, without its folder, is an argument too.
    pub enum WordKind: u8 {
        /// The whole argument: `push`.
        Exact = 0 => "exact",
        /// The argument's start: `alias.*`.
        Prefix = 1 => "prefix",
        /// A long option, whole or abbreviated, with or without a value: `--force`, `--forc`, `--force=x`.
        Option = 2 => "option",
        /// A long option and every longer one: `--force*` matches `--force-with-lease` as well.
        Options = 3 => "options",
        /// A letter among those behind a single dash: `-f` matches `-rf`.
        Letter = 4 => "letter",
        /// The root folder, however it is written: `/`, `//`, `/.`.
        Root = 5 => "root",
    }
}

/// Whose rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct ArgumentsKey {
    /// Generation slot.
    pub slot: u32,
    /// Profile's index.
    pub profile: u16,
    /// The program's zone.
    pub zone: u16,
}

/// One word. Its bytes in groups of eight, first byte lowest, zero behind the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Word {
    /// The word, without `*`; of [`WordKind::Letter`] the letter alone.
    pub text: [u64; WORD_LEN_MAX / 8],
    /// Bytes of the text.
    pub len: u32,
    /// [`WordKind`].
    pub kind: u32,
}

/// Every rule for one (profile, zone). Forbidden is what has all words of one rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct ArgumentRules {
    /// The words, each once.
    pub words: [Word; WORDS_MAX],
    /// The rules, a bit for each word. Behind the last: 0.
    pub rules: [u32; RULES_MAX],
    /// How many words.
    pub words_len: u32,
    /// Zero.
    pub pad: u32,
}

/// A start under way, kept by the task: which zones its program and interpreters lie in, and how far its arguments
/// are read. Stays as long as the task runs a program whose arguments were judged.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Start {
    /// Zones with rules.
    pub zones: [u16; LEVELS_MAX],
    /// How many zones.
    pub zones_len: u32,
    /// Arguments left to be read, the current one included.
    pub left: u32,
    /// Where the next bytes are in the new program's memory.
    pub address: u64,
    /// The page's part that was read last.
    pub chunk: [u8; CHUNK],
    /// Next byte in the chunk.
    pub at: u32,
    /// Bytes in the chunk.
    pub end: u32,
    /// The current argument's first bytes, zero behind its last.
    pub text: [u64; WORD_LEN_MAX / 8],
    /// Its letters by code, where it begins with a single dash.
    pub letters: [u64; 2],
    /// Its length.
    pub len: u32,
    /// Its length up to the first `=`.
    pub name_len: u32,
    /// `START_*` bits.
    pub flags: u32,
    /// Words that occurred, a bit each.
    pub seen: u32,
    /// Not 0: the task runs what was judged.
    pub is_judged: u64,
}

/// Bytes read at once.
pub const CHUNK: usize = 512;
/// The current argument is the program's own name.
pub const START_OWN_NAME: u32 = 1;
/// It has a byte that is neither slash nor dot.
pub const START_NO_ROOT: u32 = 2;
/// They could not be read.
pub const START_FAULT: u32 = 8;
/// All arguments were read.
pub const START_READ: u32 = 4;

const _: () = {
    assert!(size_of::<ArgumentsKey>() == 8);
    assert!(size_of::<Word>() == 40);
    assert!(size_of::<ArgumentRules>() == 40 * WORDS_MAX + 4 * RULES_MAX + 8);
    assert!(size_of::<Start>() == 32 + CHUNK + 80);
};
