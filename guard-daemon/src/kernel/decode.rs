//! Bytes of a ring, to an action. Total: any bytes give an answer or an error, never a guess and never a panic.

use std::net::{IpAddr, Ipv6Addr};

use guard_common::event::{Event, EventKind, PATH_CUT, Ring};
use guard_common::limits::AGENTS_MAX;
use guard_common::{Operation, Reason, Surface, Verdict, ZoneId};

use super::fields::Reader;
use super::host_request::host_request;
use crate::model::action::{Action, Actor, Executable, KernelVerdict, Object, Position, ProcessKey};
use crate::model::input::Tagged;
use crate::model::record::{Enter, Mover};

/// What an event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// The kernel decided about an action.
    Decision(Box<Action>),
    /// A task became an agent's by entering its cgroup. Which instance that is, the kernel does not know.
    Entered(Enter),
    /// A cgroup became an instance.
    Enrolled(Tagged),
}

impl Decoded {
    /// Where the event stands in its ring.
    pub fn position(&self) -> Position {
        match self {
            Self::Decision(action) => action.position,
            Self::Entered(entered) => entered.position,
            Self::Enrolled(tagged) => tagged.position,
        }
    }
}

/// An event that says nothing: the programs and this daemon disagree about its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Too few bytes for an event.
    #[error("an event of {found} bytes; at least {} are needed", size_of::<Event>())]
    Short {
        /// How many there were.
        found: usize,
    },
    /// Fewer than the event itself says.
    #[error("an event of {found} bytes says that it has at least {said}")]
    Length {
        /// How many there were.
        found: usize,
        /// How many there should be at least.
        said: usize,
    },
    /// A number that nobody defined.
    #[error("{value} is no {field}")]
    Unknown {
        /// The field.
        field: &'static str,
        /// What stood there.
        value: u64,
    },
}

/// An event's text.
pub fn decode(ring: Ring, bytes: &[u8]) -> Result<Decoded, DecodeError> {
    let (event, paths) = split(bytes)?;
    let position = Position {
        cpu: event.cpu,
        seq: known("sequence number", event.seq, (event.seq > 0).then_some(event.seq))?,
    };
    let actor = actor(&event)?;
    match known("kind of event", event.kind, EventKind::from_raw(event.kind))? {
        EventKind::Entered => Ok(Decoded::Entered(entered(&event, ring, position, actor))),
        EventKind::Enrolled => Ok(Decoded::Enrolled(tagged(&event, ring, position, actor, paths[0]))),
        EventKind::Decision => {
            let operation = known("operation", event.operation, Operation::from_raw(event.operation))?;
            Ok(Decoded::Decision(Box::new(Action {
                ring,
                position,
                at: event.boot_ns,
                actor,
                executable: Executable::NotRead,
                surface: known("surface", event.surface, Surface::from_raw(event.surface))?,
                operation,
                object: object(&event, operation, paths),
                kernel: verdict(&event)?,
            })))
        }
    }
}

fn known<T>(field: &'static str, value: impl Into<u64>, meaning: Option<T>) -> Result<T, DecodeError> {
    meaning.ok_or(DecodeError::Unknown { field, value: value.into() })
}

/// The fixed part, and the two paths behind it.
fn split(bytes: &[u8]) -> Result<(Event, [&[u8]; 2]), DecodeError> {
    let short = DecodeError::Short { found: bytes.len() };
    let mut reader = Reader::new(bytes);
    let event = reader.event().ok_or(short)?;
    let (first, second) = (usize::from(event.path_len), usize::from(event.second_path_len));
    let rest = reader.rest();
    let lengths = DecodeError::Length { found: bytes.len(), said: size_of::<Event>() + first + second };
    let (first, rest) = rest.split_at_checked(first).ok_or(lengths)?;
    // What follows the paths is not meant: the programs round up.
    let second = rest.get(..second).ok_or(lengths)?;
    Ok((event, [first, second]))
}

fn actor(event: &Event) -> Result<Actor, DecodeError> {
    let labelled = (1..AGENTS_MAX).contains(&event.agent).then_some(event.agent);
    Ok(Actor {
        slot: known("agent slot", event.agent, labelled)?,
        profile: event.profile,
        process: ProcessKey { pid: event.tgid, start_boot_ns: event.start_boot_ns },
        tid: event.tid,
        uid: event.uid,
        gid: event.gid,
        cgroup: event.cgroup,
        comm: escaped(event.comm.split(|byte| *byte == 0).next().unwrap_or_default()),
    })
}

fn entered(event: &Event, ring: Ring, position: Position, actor: Actor) -> Enter {
    let task = u128::from_ne_bytes(event.addr);
    Enter {
        at: event.boot_ns,
        ring: ring.name().to_owned(),
        position,
        slot: actor.slot,
        instance: None,
        process: ProcessKey { pid: (task >> 32) as u32, start_boot_ns: (task >> 64) as u64 },
        tid: task as u32,
        by: Mover { process: actor.process, uid: actor.uid, comm: actor.comm },
    }
}

fn tagged(event: &Event, ring: Ring, position: Position, actor: Actor, names: &[u8]) -> Tagged {
    let cut = event.flags & PATH_CUT != 0;
    let mut plain = String::new();
    for name in names.strip_suffix(b"\0").unwrap_or(names).rsplit(|byte| *byte == 0) {
        plain.push('/');
        plain.push_str(std::str::from_utf8(name).unwrap_or("\u{fffd}"));
    }
    Tagged {
        at: event.boot_ns,
        ring,
        position,
        slot: actor.slot,
        profile: event.profile,
        cgroup: event.ino,
        // As the cgroup file system has it: service managers write backslashes into names.
        path: if cut || plain.contains(char::is_control) { path(names, cut) } else { plain },
        by: Mover { process: actor.process, uid: actor.uid, comm: actor.comm },
    }
}

fn verdict(event: &Event) -> Result<KernelVerdict, DecodeError> {
    Ok(KernelVerdict {
        verdict: known("verdict", event.verdict, Verdict::from_raw(event.verdict))?,
        reason: known("reason", event.reason, Reason::from_raw(event.reason))?,
        zone: ZoneId(event.zone),
        generation: event.generation,
    })
}

fn object(event: &Event, operation: Operation, paths: [&[u8]; 2]) -> Object {
    match operation {
        Operation::Fork => Object::Task,
        Operation::Connect | Operation::Send | Operation::Bind | Operation::Listen | Operation::Accept => {
            peer(event)
        }
        Operation::Socket | Operation::SocketOption => {
            Object::Socket { family: event.family, protocol: event.protocol, option: event.detail }
        }
        Operation::Trace | Operation::Signal => {
            let task = u128::from_ne_bytes(event.addr);
            Object::Process {
                process: ProcessKey { pid: (task >> 32) as u32, start_boot_ns: (task >> 64) as u64 },
                tid: task as u32,
                signal: if operation == Operation::Signal { event.detail } else { 0 },
            }
        }
        Operation::SysvIpc
        | Operation::Key
        | Operation::Namespace
        | Operation::Mount
        | Operation::Capability
        | Operation::Bpf
        | Operation::Perf
        | Operation::Uring => Object::Host { request: host_request(operation, event.detail) },
        // A descriptor may be a socket's.
        Operation::Receive | Operation::Access | Operation::Ioctl if event.family != 0 => peer(event),
        Operation::Exec
        | Operation::Open
        | Operation::Truncate
        | Operation::Unlink
        | Operation::Rename
        | Operation::Link
        | Operation::Symlink
        | Operation::Mkdir
        | Operation::Rmdir
        | Operation::Mknod
        | Operation::Chmod
        | Operation::Chown
        | Operation::UnixConnect
        | Operation::Map
        | Operation::Access
        | Operation::Receive
        | Operation::Attribute
        | Operation::Ioctl => file(event, paths),
        Operation::Arguments => Object::Program {
            path: path(paths[0], event.flags & PATH_CUT != 0),
            dev: event.dev,
            ino: event.ino,
            rule: event.detail,
        },
    }
}

fn peer(event: &Event) -> Object {
    Object::Peer {
        address: address(event.addr),
        port: u16::from_be(event.port),
        protocol: event.protocol,
        family: event.family,
    }
}

fn file(event: &Event, [first, second]: [&[u8]; 2]) -> Object {
    Object::File {
        path: path(first, event.flags & PATH_CUT != 0),
        second_path: (!second.is_empty()).then(|| path(second, false)),
        dev: event.dev,
        ino: event.ino,
        flags: event.flags,
    }
}

fn address(octets: [u8; 16]) -> IpAddr {
    let address = Ipv6Addr::from(octets);
    address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4)
}

/// Components from the leaf outward, each ended by NUL, as a path from the root. Where the outer end was cut,
/// an ellipsis stands for it.
fn path(components: &[u8], cut: bool) -> String {
    let mut text = String::from(if cut { "\u{2026}" } else { "" });
    let whole = components.strip_suffix(b"\0").unwrap_or(components);
    if whole.is_empty() {
        text.push('/');
        return text;
    }
    for component in whole.rsplit(|byte| *byte == 0) {
        text.push('/');
        text.push_str(&escaped(component));
    }
    text
}

/// Printable UTF-8 as it is; every other byte, and the backslash, as `\xNN`: a name can neither break a line of
/// the record nor pass for another. Exact, because records are compared; who shows one makes it harmless besides.
pub fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if printable(character) {
                text.push(character);
            } else {
                hex(&mut text, character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        hex(&mut text, chunk.invalid());
    }
    text
}

fn hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    for byte in bytes {
        text.push_str("\\x");
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 15)]);
    }
}

/// Whether a character shows itself. The standard library knows (it escapes all others), but would escape a
/// combining mark that stands alone: hence the letter before it.
fn printable(character: char) -> bool {
    match character {
        '\\' => false,
        '\'' | '"' | ' '..='~' => true,
        _ => {
            let mut buffer = [b'a'; 5];
            let end = 1 + character.encode_utf8(&mut buffer[1..]).len();
            let shown = std::str::from_utf8(&buffer[..end]).map(|text| text.escape_debug().count());
            shown == Ok(2)
        }
    }
}

#[cfg(test)]
mod tests;
