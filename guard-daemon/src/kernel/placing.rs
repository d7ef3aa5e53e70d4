//! Where the running kernel's structs have their fields, written into the instructions that name them
//! (`guard_common::fields`): a load then is one instruction, and no program has to look up where to load from.

use guard_common::fields::{ABSENT, IN_LOAD, IN_NUMBER};
use object::read::elf::ElfFile64;
use object::{Object as _, ObjectSection as _, SectionKind};

/// Bytes of an instruction: operation, registers, place (16 bits), number (32 bits).
const INSTRUCTION: usize = 8;
/// The bits that say what kind of instruction it is, and the kinds that have a place: `BPF_LDX`, `BPF_ST`, `BPF_STX`.
const CLASS: u8 = 7;
const MEMORY: [u8; 3] = [1, 2, 3];
/// `BPF_LDX | BPF_MEM`, of four bytes, two, one and eight.
const LOADS: [u8; 4] = [0x61, 0x69, 0x71, 0x79];
/// `BPF_ALU64 | BPF_K`, with `BPF_MOV`, `BPF_ADD`, `BPF_SUB`.
const NUMBERS: [u8; 3] = [0xb7, 0x07, 0x17];

/// A field's name, and its offset in bytes or [`ABSENT`].
type Offset = (&'static str, u64);

/// `BPF_LD | BPF_DW | BPF_IMM`: takes twice the room.
const WIDE: u8 = 0x18;

/// The object, with the offset of each field where its instructions name it. `offsets` are of
/// [`guard_common::fields::ALL`], in that order.
pub(super) fn place(object: &[u8], offsets: &[Offset]) -> Result<Vec<u8>, String> {
    let file = ElfFile64::<object::LittleEndian>::parse(object).map_err(|error| error.to_string())?;
    let code = file.sections().filter(|section| section.kind() == SectionKind::Text);
    let ranges: Vec<_> = code.filter_map(|section| section.file_range()).collect();
    let mut placed = object.to_vec();
    for (start, len) in ranges {
        let (start, len) = (start as usize, len as usize);
        let code = placed.get_mut(start..start + len).ok_or("a section ends behind the object")?;
        let mut instructions = code.chunks_exact_mut(INSTRUCTION);
        while let Some(instruction) = instructions.next() {
            if instruction[0] == WIDE {
                // The second half is no instruction of its own.
                instructions.next();
            } else {
                place_one(instruction, offsets)?;
            }
        }
    }
    Ok(placed)
}

fn place_one(instruction: &mut [u8], offsets: &[Offset]) -> Result<(), String> {
    let &mut [operation, _, place_0, place_1, n0, n1, n2, n3] = instruction else { return Ok(()) };
    let (place, number) = (i16::from_le_bytes([place_0, place_1]), i32::from_le_bytes([n0, n1, n2, n3]));
    let loaded = named(i32::from(place), IN_LOAD, offsets).filter(|_| MEMORY.contains(&(operation & CLASS)));
    let (known, field) = match loaded {
        Some(field) => (&LOADS[..], field),
        None => match named(number, IN_NUMBER, offsets) {
            Some(field) => (&NUMBERS[..], field),
            None => return Ok(()),
        },
    };
    let (name, offset) = field;
    if !known.contains(&operation) {
        return Err(format!("field {name} is named by an instruction of another kind, {operation:#x}"));
    }
    if loaded.is_some() {
        let offset = i16::try_from(offset).map_err(|_| too_far(name, offset))?;
        instruction[2..4].copy_from_slice(&offset.to_le_bytes());
    } else {
        // The register takes the number with its sign: all bits of the one that stands for none.
        let offset =
            if offset == ABSENT { -1 } else { i32::try_from(offset).map_err(|_| too_far(name, offset))? };
        instruction[4..8].copy_from_slice(&offset.to_le_bytes());
    }
    Ok(())
}

/// The field that a number stands for, and where it is.
fn named(number: i32, first: i32, offsets: &[Offset]) -> Option<Offset> {
    offsets.get(usize::try_from(number.checked_sub(first)?).ok()?).copied()
}

fn too_far(field: &str, offset: u64) -> String {
    if offset == ABSENT {
        return format!("field {field} is loaded from, and this kernel does not have it");
    }
    format!("field {field} lies {offset} bytes from its struct's start: too far for an instruction")
}

#[cfg(test)]
mod tests {
    use guard_common::fields::ALL;

    use super::super::object::BYTES;
    use super::*;

    fn all(offset: impl Fn(usize) -> u64) -> Vec<Offset> {
        ALL.iter().enumerate().map(|(row, field)| (field.symbol, offset(row))).collect()
    }

    /// Instructions of the object that name a field, by its row.
    fn rows(object: &[u8]) -> Vec<usize> {
        let placed = place(object, &all(|_| 0)).unwrap();
        let pairs = object.chunks_exact(INSTRUCTION).zip(placed.chunks_exact(INSTRUCTION));
        let changed = pairs.filter(|(before, after)| before != after);
        let row = |before: &[u8]| {
            let place = i32::from(i16::from_le_bytes([before[2], before[3]])) - IN_LOAD;
            let number = i32::from_le_bytes([before[4], before[5], before[6], before[7]]) - IN_NUMBER;
            usize::try_from(if NUMBERS.contains(&before[0]) { number } else { place }).unwrap()
        };
        changed.map(|(before, _)| row(before)).collect()
    }

    #[test]
    fn every_field_of_the_list_is_read_by_some_program() {
        let rows = rows(BYTES);
        let unread: Vec<_> =
            (0..ALL.len()).filter(|row| !rows.contains(row)).map(|row| ALL[row].symbol).collect();
        assert!(unread.is_empty(), "{unread:?}");
    }

    #[test]
    fn nothing_names_a_field_any_more_once_it_is_placed() {
        let placed = place(BYTES, &all(|row| row as u64)).unwrap();
        assert!(rows(&placed).is_empty());
    }

    #[test]
    fn an_offset_stands_where_its_field_was_named() {
        let mut offsets = all(|_| 0);
        offsets[3].1 = 1234;
        let mut load = [0x79, 0x21, 0, 0, 0, 0, 0, 0];
        load[2..4].copy_from_slice(&(IN_LOAD as i16 + 3).to_le_bytes());
        place_one(&mut load, &offsets).unwrap();
        assert_eq!(load, [0x79, 0x21, 0xd2, 0x04, 0, 0, 0, 0]);
        let mut number = [0xb7, 1, 0, 0, 0, 0, 0, 0];
        number[4..].copy_from_slice(&(IN_NUMBER + 3).to_le_bytes());
        place_one(&mut number, &offsets).unwrap();
        assert_eq!(number, [0xb7, 1, 0, 0, 0xd2, 0x04, 0, 0]);
        offsets[3].1 = ABSENT;
        number[4..].copy_from_slice(&(IN_NUMBER + 3).to_le_bytes());
        place_one(&mut number, &offsets).unwrap();
        assert_eq!(number[4..], [0xff; 4]);
    }

    #[test]
    fn a_field_that_is_too_far_or_not_there_is_no_load() {
        for (offset, word) in [(40_000, "too far"), (ABSENT, "does not have it")] {
            let mut load = [0x61, 0x21, 0, 0, 0, 0, 0, 0];
            load[2..4].copy_from_slice(&(IN_LOAD as i16).to_le_bytes());
            let error = place_one(&mut load, &all(|_| offset)).unwrap_err();
            assert!(error.contains(word) && error.contains(ALL[0].symbol), "{error}");
        }
    }

    #[test]
    fn another_instruction_that_names_a_field_is_an_error() {
        let mut store = [0x7b, 0x21, 0, 0, 0, 0, 0, 0];
        store[2..4].copy_from_slice(&(IN_LOAD as i16).to_le_bytes());
        let mut multiply = [0x27, 1, 0, 0, 0, 0, 0, 0];
        multiply[4..].copy_from_slice(&IN_NUMBER.to_le_bytes());
        for mut instruction in [store, multiply] {
            let error = place_one(&mut instruction, &all(|_| 0)).unwrap_err();
            assert!(error.contains("another kind") && error.contains(ALL[0].symbol), "{error}");
        }
    }

    #[test]
    fn what_is_no_object_is_an_error() {
        assert!(place(b"no object", &[]).is_err());
    }
}
