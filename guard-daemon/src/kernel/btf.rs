//! The running kernel's own types (BTF): where a field of a kernel struct stands. A small total reader: any bytes
//! give an answer or an error. Writes nothing, and knows no struct by name.
//!
//! Format: Documentation/bpf/btf.rst of the kernel. A type is named by its position in the file, from 1.

use std::collections::HashMap;
use std::io;

use guard_common::fields::{ABSENT, ENTRY, Field};

/// Where the kernel shows its types.
const RUNNING: &str = "/sys/kernel/btf/vmlinux";
/// Structs within structs, and names for names, that are followed before it is called a loop.
const DEPTH_MAX: u32 = 32;

const MAGIC: u16 = 0xeb9f;
const KIND_INTEGER: u8 = 1;
const KIND_POINTER: u8 = 2;
const KIND_STRUCT: u8 = 4;
const KIND_UNION: u8 = 5;
const KIND_ENUM: u8 = 6;
const KIND_TYPEDEF: u8 = 8;
const KIND_VOLATILE: u8 = 9;
const KIND_CONST: u8 = 10;
const KIND_RESTRICT: u8 = 11;
const KIND_FUNC: u8 = 12;
const KIND_PROTOTYPE: u8 = 13;
const KIND_FLOAT: u8 = 16;
const KIND_TYPE_TAG: u8 = 18;

/// The kernel's types could not tell.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TypesError {
    /// The kernel shows no types.
    #[error("{RUNNING} cannot be read: {cause}; a kernel built with CONFIG_DEBUG_INFO_BTF=y is needed")]
    Unreadable {
        /// What the kernel said.
        cause: String,
    },
    /// The bytes are no BTF of this machine.
    #[error("the kernel's types are malformed at byte {at}: {what}")]
    Malformed {
        /// Where.
        at: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// Fields that the programs read and that this kernel does not have.
    #[error("this kernel has no {}", .0.join(", no "))]
    Missing(
        /// Each as `struct name: field`.
        Vec<String>,
    ),
    /// Fields that the programs read in one piece do not stand together.
    #[error(
        "this kernel keeps {field} of struct dentry at {at}, and not at {expected}: guard does not know its names' layout"
    )]
    Elsewhere {
        /// The programs' constant.
        field: &'static str,
        /// Byte offset in this kernel.
        at: u64,
        /// Where it would have to stand.
        expected: u64,
    },
}

/// Whether what is read in one piece is one.
fn stand_together(offsets: &[(&'static str, u64)]) -> Result<(), TypesError> {
    let at = |symbol| offsets.iter().find(|(known, _)| *known == symbol).map(|(_, at)| *at);
    let Some(first) = at(ENTRY[0].0) else { return Ok(()) };
    for (field, behind) in ENTRY {
        let expected = first.saturating_add(behind);
        match at(field) {
            Some(at) if at != expected => return Err(TypesError::Elsewhere { field, at, expected }),
            Some(_) | None => {}
        }
    }
    Ok(())
}

/// The bytes of the running kernel's types.
pub fn running() -> Result<Vec<u8>, TypesError> {
    std::fs::read(RUNNING).map_err(|cause: io::Error| TypesError::Unreadable { cause: cause.to_string() })
}

/// A kernel's types, indexed.
#[derive(Debug)]
pub struct KernelTypes<'a> {
    bytes: &'a [u8],
    /// Position of each type's header in `bytes`; the first is type 1.
    types: Vec<usize>,
    /// Structs and unions by name: in rare cases more than one.
    structs: HashMap<&'a [u8], Vec<u32>>,
    /// Functions and typedefs by name.
    symbols: HashMap<&'a [u8], u32>,
}

/// A type's fixed head.
#[derive(Clone, Copy)]
struct Head {
    name: u32,
    kind: u8,
    /// Whether member offsets also hold a width in bits.
    bit_widths: bool,
    members: usize,
    /// Another type's position, or a size.
    refers: u32,
}

/// The file's head: where the sections are.
struct Sections<'a> {
    types: (usize, usize),
    strings: &'a [u8],
    /// Sizes of kinds, from kernels that say them: fixed part and each member.
    layout: &'a [u8],
}

impl<'a> KernelTypes<'a> {
    /// Reads and indexes types.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, TypesError> {
        let sections = sections(bytes)?;
        let mut types = Self { bytes, types: Vec::new(), structs: HashMap::new(), symbols: HashMap::new() };
        let (mut at, end) = sections.types;
        while at < end {
            let head = head(bytes, at).ok_or(TypesError::Malformed { at, what: "a type is cut off" })?;
            let length = length(&head, sections.layout)
                .ok_or(TypesError::Malformed { at, what: "a kind of type that nobody described" })?;
            types.types.push(at);
            let id = u32::try_from(types.types.len())
                .map_err(|_| TypesError::Malformed { at, what: "too many types" })?;
            types.index(id, head, sections.strings);
            at = at.saturating_add(length);
        }
        if at == end {
            Ok(types)
        } else {
            Err(TypesError::Malformed { at, what: "the last type is cut off" })
        }
    }

    fn index(&mut self, id: u32, head: Head, strings: &'a [u8]) {
        let Some(name) = string(strings, head.name).filter(|name| !name.is_empty()) else { return };
        match head.kind {
            KIND_STRUCT | KIND_UNION => self.structs.entry(name).or_default().push(id),
            KIND_FUNC | KIND_TYPEDEF => {
                self.symbols.entry(name).or_insert(id);
            }
            _ => {}
        }
    }

    /// Number of the function or typedef of that name.
    pub fn id(&self, symbol: &str) -> Option<u32> {
        self.symbols.get(symbol.as_bytes()).copied()
    }

    /// Types of a function's arguments, in C's words without qualifiers. `None` where there is no such function. A
    /// typedef of a pointer to a function, as tracepoints have, counts as one.
    pub fn arguments(&self, symbol: &str) -> Option<Vec<String>> {
        let mut id = self.id(symbol)?;
        for _ in 0..DEPTH_MAX {
            let at = self.at(id)?;
            let head = head(self.bytes, at)?;
            if head.kind != KIND_PROTOTYPE {
                id = head.refers;
                continue;
            }
            let argument = |number: usize| {
                let entry = at.checked_add(HEAD_LEN)?.checked_add(number.checked_mul(ARGUMENT_LEN)?)?;
                u32_at(self.bytes, entry.checked_add(4)?)
            };
            return (0..head.members).map(|number| Some(self.words(argument(number)?, 0))).collect();
        }
        None
    }

    /// A type in C's words, without qualifiers.
    fn words(&self, id: u32, depth: u32) -> String {
        let Some(head) = self.at(id).and_then(|at| head(self.bytes, at)).filter(|_| depth < DEPTH_MAX) else {
            // Type 0 is none.
            return "void".to_owned();
        };
        let name = || String::from_utf8_lossy(self.name(head.name).unwrap_or_default()).into_owned();
        match head.kind {
            KIND_POINTER => match self.words(head.refers, depth + 1) {
                pointer if pointer.ends_with('*') => format!("{pointer}*"),
                other => format!("{other} *"),
            },
            KIND_STRUCT => format!("struct {}", name()),
            KIND_UNION => format!("union {}", name()),
            KIND_ENUM => format!("enum {}", name()),
            KIND_INTEGER | KIND_TYPEDEF | KIND_FLOAT => name(),
            KIND_VOLATILE | KIND_CONST | KIND_RESTRICT | KIND_TYPE_TAG => self.words(head.refers, depth + 1),
            kind => format!("type of kind {kind} {}", name()),
        }
    }

    /// Byte offset of every field, with the symbol that it belongs to. All that are missing are named at once.
    pub fn resolve(&self, fields: &[Field]) -> Result<Vec<(&'static str, u64)>, TypesError> {
        let (mut offsets, mut missing) = (Vec::new(), Vec::new());
        for field in fields {
            let names: Vec<&str> = field.path.split('|').collect();
            match names
                .iter()
                .filter(|path| !path.is_empty())
                .find_map(|path| self.offset(field.structure, path))
            {
                Some(offset) => offsets.push((field.symbol, offset)),
                None if names.last() == Some(&"") => offsets.push((field.symbol, ABSENT)),
                None => missing.push(format!("struct {}: {}", field.structure, names.join(" or "))),
            }
        }
        if !missing.is_empty() {
            return Err(TypesError::Missing(missing));
        }
        stand_together(&offsets)?;
        Ok(offsets)
    }

    /// Byte offset of one field, dots leading into structs within structs. `None` where there is no such field,
    /// where it is a bit field, or where two structs of that name disagree.
    pub fn offset(&self, structure: &str, path: &str) -> Option<u64> {
        let ids = self.structs.get(structure.as_bytes())?;
        let mut found = ids.iter().filter_map(|id| self.bits(*id, path)).filter(|bits| bits % 8 == 0);
        let bits = found.next()?;
        found.all(|other| other == bits).then_some(bits / 8)
    }

    /// Bit offset of a path within a struct.
    fn bits(&self, id: u32, path: &str) -> Option<u64> {
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let (bits, inner) = self.member(id, first.as_bytes(), 0)?;
        match rest {
            None => Some(bits),
            Some(rest) => bits.checked_add(self.bits(self.structure(inner)?, rest)?),
        }
    }

    /// Bit offset and type of a member, also of one inside an anonymous struct or union.
    fn member(&self, id: u32, name: &[u8], depth: u32) -> Option<(u64, u32)> {
        let at = self.at(id)?;
        let head = head(self.bytes, at)?;
        if depth > DEPTH_MAX || !matches!(head.kind, KIND_STRUCT | KIND_UNION) {
            return None;
        }
        for number in 0..head.members {
            let member = at.checked_add(HEAD_LEN)?.checked_add(number.checked_mul(MEMBER_LEN)?)?;
            let [own_name, inner, offset] =
                [0, 4, 8].map(|field| u32_at(self.bytes, member.saturating_add(field)));
            let (own_name, inner, offset) = (self.name(own_name?)?, inner?, offset?);
            let (bits, width) =
                if head.bit_widths { (offset & 0x00ff_ffff, offset >> 24) } else { (offset, 0) };
            if own_name == name {
                return (width == 0).then_some((bits.into(), inner));
            }
            if own_name.is_empty()
                && let Some(nested) = self.structure(inner)
                && let Some((inside, inner)) = self.member(nested, name, depth + 1)
            {
                return Some((inside.checked_add(bits.into())?, inner));
            }
        }
        None
    }

    /// The struct or union behind a type's names and qualifiers.
    fn structure(&self, mut id: u32) -> Option<u32> {
        for _ in 0..DEPTH_MAX {
            let head = head(self.bytes, self.at(id)?)?;
            match head.kind {
                KIND_STRUCT | KIND_UNION => return Some(id),
                KIND_TYPEDEF | KIND_VOLATILE | KIND_CONST | KIND_RESTRICT | KIND_TYPE_TAG => id = head.refers,
                _ => return None,
            }
        }
        None
    }

    fn at(&self, id: u32) -> Option<usize> {
        self.types.get(usize::try_from(id).ok()?.checked_sub(1)?).copied()
    }

    fn name(&self, offset: u32) -> Option<&'a [u8]> {
        string(sections(self.bytes).ok()?.strings, offset)
    }
}

const HEAD_LEN: usize = 12;
const MEMBER_LEN: usize = 12;
const ARGUMENT_LEN: usize = 8;

fn sections(bytes: &[u8]) -> Result<Sections<'_>, TypesError> {
    let malformed = |at, what| TypesError::Malformed { at, what };
    let magic = bytes.first_chunk().map(|magic| u16::from_ne_bytes(*magic));
    if magic != Some(MAGIC) {
        return Err(malformed(0, "no BTF of this machine's byte order"));
    }
    let field = |at| u32_at(bytes, at).and_then(|value| usize::try_from(value).ok());
    let header = field(4).ok_or(malformed(4, "no header length"))?;
    let section = |at: usize| {
        let start = header.checked_add(field(at)?)?;
        let end = start.checked_add(field(at + 4)?)?;
        (end <= bytes.len()).then_some((start, end))
    };
    let types = section(8).ok_or(malformed(8, "types outside the file"))?;
    let (start, end) = section(16).ok_or(malformed(16, "strings outside the file"))?;
    let strings = bytes.get(start..end).ok_or(malformed(16, "strings outside the file"))?;
    let layout = if header >= 32 { section(24).and_then(|(start, end)| bytes.get(start..end)) } else { None };
    Ok(Sections { types, strings, layout: layout.unwrap_or_default() })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|chunk| u32::from_ne_bytes(*chunk))
}

fn string(strings: &[u8], offset: u32) -> Option<&[u8]> {
    let rest = strings.get(usize::try_from(offset).ok()?..)?;
    rest.split(|byte| *byte == 0).next()
}

fn head(bytes: &[u8], at: usize) -> Option<Head> {
    let info = u32_at(bytes, at.checked_add(4)?)?;
    Some(Head {
        name: u32_at(bytes, at)?,
        kind: u8::try_from(info >> 24 & 0x7f).ok()?,
        bit_widths: info >> 31 == 1,
        members: usize::try_from(info & 0x00ff_ffff).ok()?,
        refers: u32_at(bytes, at.checked_add(8)?)?,
    })
}

/// Bytes of a type, its head included.
fn length(head: &Head, layout: &[u8]) -> Option<usize> {
    let (fixed, each) = match head.kind {
        // Integer, variable, declaration tag.
        1 | 14 | 17 => (4, 0),
        // Pointer, forward declaration, typedef, volatile, const, restrict, function, float, type tag.
        2 | 7..=12 | 16 | 18 => (0, 0),
        // Array.
        3 => (12, 0),
        // Struct, union, section, 64-bit enum.
        4 | 5 | 15 | 19 => (0, 12),
        // Enum, prototype.
        6 | 13 => (0, 8),
        kind => {
            let entry = layout.get(usize::from(kind).checked_mul(4)?..)?.first_chunk::<4>()?;
            (usize::from(entry[0]), usize::from(entry[1]))
        }
    };
    HEAD_LEN.checked_add(fixed)?.checked_add(head.members.checked_mul(each)?)
}

#[cfg(test)]
mod tests;
