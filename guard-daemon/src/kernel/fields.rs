//! The bytes of an event's fixed part, field by field. Knows the struct's order and nothing about its meaning.

use guard_common::event::Event;

/// Takes numbers off the front of a buffer, in the machine's byte order.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What was not taken yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*head)
    }

    fn u16(&mut self) -> Option<u16> {
        self.bytes().map(u16::from_ne_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.bytes().map(u32::from_ne_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_ne_bytes)
    }

    /// The fixed part of an event. Fields are read in the order in which they stand; a test holds that order
    /// against the struct's own.
    pub(super) fn event(&mut self) -> Option<Event> {
        Some(Event {
            kind: self.u16()?,
            operation: self.u16()?,
            verdict: self.u32()?,
            seq: self.u64()?,
            boot_ns: self.u64()?,
            cpu: self.u32()?,
            agent: self.u32()?,
            profile: self.u16()?,
            zone: self.u16()?,
            surface: self.u16()?,
            reason: self.u16()?,
            tgid: self.u32()?,
            tid: self.u32()?,
            uid: self.u32()?,
            gid: self.u32()?,
            cgroup: self.u64()?,
            start_boot_ns: self.u64()?,
            generation: self.u64()?,
            comm: self.bytes()?,
            ino: self.u64()?,
            dev: self.u32()?,
            flags: self.u32()?,
            addr: self.bytes()?,
            port: self.u16()?,
            family: self.u16()?,
            protocol: self.u16()?,
            detail: self.u16()?,
            path_len: self.u16()?,
            second_path_len: self.u16()?,
            pad: self.u32()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::offset_of;

    #[test]
    fn every_field_is_read_from_the_place_where_the_struct_has_it() {
        let bytes: Vec<u8> = (0..size_of::<Event>()).map(|at| u8::try_from(at).unwrap()).collect();
        let mut reader = Reader::new(&bytes);
        let event = reader.event().unwrap();
        assert!(reader.rest().is_empty());

        macro_rules! at_its_offset {
            ($($field:ident),+ $(,)?) => {
                let Event { $($field),+ } = event;
                $(assert_eq!(usize::from($field.to_ne_bytes()[0]), offset_of!(Event, $field), stringify!($field));)+
            };
        }
        trait FirstByte {
            fn to_ne_bytes(self) -> Self;
        }
        impl<const N: usize> FirstByte for [u8; N] {
            fn to_ne_bytes(self) -> Self {
                self
            }
        }
        at_its_offset!(
            kind,
            operation,
            verdict,
            seq,
            boot_ns,
            cpu,
            agent,
            profile,
            zone,
            surface,
            reason,
            tgid,
            tid,
            uid,
            gid,
            cgroup,
            start_boot_ns,
            generation,
            comm,
            ino,
            dev,
            flags,
            addr,
            port,
            family,
            protocol,
            detail,
            path_len,
            second_path_len,
            pad,
        );
    }
}
