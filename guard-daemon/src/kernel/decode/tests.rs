//! Decoding: what a good event says, and that no bytes at all make it panic or guess.

use guard_common::event::{OPEN_WRITE, PATH_UNROOTED};
use proptest::prelude::*;

use super::*;

/// An event as the kernel programs write it.
fn event() -> Event {
    Event {
        kind: EventKind::Decision.raw(),
        operation: Operation::Open.raw(),
        verdict: Verdict::Deny.raw(),
        seq: 7,
        boot_ns: 1_000,
        cpu: 3,
        agent: 5,
        profile: 2,
        zone: 9,
        surface: Surface::Write.raw(),
        reason: Reason::NoEdge.raw(),
        tgid: 100,
        tid: 101,
        uid: 1000,
        gid: 1001,
        cgroup: 77,
        start_boot_ns: 500,
        generation: 4,
        comm: *b"python3\0trailing",
        ino: 42,
        dev: 0x0080_0001,
        flags: OPEN_WRITE,
        addr: [0; 16],
        port: 0,
        family: 0,
        protocol: 0,
        detail: 0,
        path_len: 0,
        second_path_len: 0,
        pad: 0,
    }
}

/// The bytes of an event with these paths behind it.
fn bytes(event: Event, first: &[u8], second: &[u8]) -> Vec<u8> {
    let event = Event {
        path_len: u16::try_from(first.len()).unwrap(),
        second_path_len: u16::try_from(second.len()).unwrap(),
        ..event
    };
    let mut bytes = Vec::new();
    macro_rules! put {
        ($($field:ident),+ $(,)?) => {
            let Event { $($field),+ } = event;
            $(bytes.extend_from_slice(&$field.to_ne_bytes());)+
        };
    }
    trait Bytes {
        fn to_ne_bytes(self) -> Self;
    }
    impl<const N: usize> Bytes for [u8; N] {
        fn to_ne_bytes(self) -> Self {
            self
        }
    }
    put!(
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
    bytes.extend_from_slice(first);
    bytes.extend_from_slice(second);
    bytes
}

fn action(bytes: &[u8]) -> Action {
    match decode(Ring::Deny, bytes) {
        Ok(Decoded::Decision(action)) => *action,
        other => panic!("not a decision: {other:?}"),
    }
}

fn file_path(bytes: &[u8]) -> String {
    match action(bytes).object {
        Object::File { path, .. } => path,
        other @ (Object::Program { .. }
        | Object::Peer { .. }
        | Object::Task
        | Object::Socket { .. }
        | Object::Process { .. }
        | Object::Host { .. }) => panic!("not a file: {other:?}"),
    }
}

#[test]
fn a_refused_open_is_told_whole() {
    let action = action(&bytes(event(), b"passwd\0etc\0", b""));
    assert_eq!(action.position, Position { cpu: 3, seq: 7 });
    assert_eq!(action.actor.process, ProcessKey { pid: 100, start_boot_ns: 500 });
    assert_eq!(
        (action.actor.slot, action.actor.tid, action.actor.uid, action.actor.gid),
        (5, 101, 1000, 1001)
    );
    assert_eq!(action.actor.comm, "python3");
    assert_eq!((action.surface, action.operation), (Surface::Write, Operation::Open));
    assert_eq!(action.kernel.reason, Reason::NoEdge);
    assert_eq!(action.kernel.zone, ZoneId(9));
    let Object::File { path, second_path, dev, ino, flags } = action.object else { panic!("not a file") };
    assert_eq!((path.as_str(), second_path), ("/etc/passwd", None));
    assert_eq!((dev, ino, flags), (0x0080_0001, 42, OPEN_WRITE));
}

#[test]
fn a_rename_carries_both_names() {
    let event = Event { operation: Operation::Rename.raw(), ..event() };
    let action = action(&bytes(event, b"old\0work\0", b"new\0etc\0"));
    let Object::File { path, second_path, .. } = action.object else { panic!("not a file") };
    assert_eq!((path.as_str(), second_path.as_deref()), ("/work/old", Some("/etc/new")));
}

#[test]
fn the_root_itself_and_a_cut_path_can_be_told_apart() {
    assert_eq!(file_path(&bytes(event(), b"", b"")), "/");
    let cut = Event { flags: PATH_CUT | PATH_UNROOTED, ..event() };
    assert_eq!(file_path(&bytes(cut, b"leaf\0above\0", b"")), "\u{2026}/above/leaf");
}

#[test]
fn names_that_could_forge_a_record_are_escaped() {
    let name = b"a\nb\x1b[0m\xff\\x0a\xe2\x80\xae\xc3\xa9e\xcc\x81'\"\0";
    let path = file_path(&bytes(event(), name, b""));
    assert_eq!(path, "/a\\x0ab\\x1b[0m\\xff\\x5cx0a\\xe2\\x80\\xae\u{e9}e\u{301}'\"");
}

#[test]
fn mapped_addresses_are_shown_as_what_they_are() {
    let peer = Event { operation: Operation::Connect.raw(), surface: Surface::Connect.raw(), ..event() };
    let mapped = "::ffff:10.99.0.2".parse::<Ipv6Addr>().unwrap().octets();
    let v4 = Event { addr: mapped, port: 443_u16.to_be(), protocol: 6, family: 10, ..peer };
    let Object::Peer { address, port, protocol, family } = action(&bytes(v4, b"", b"")).object else {
        panic!("not a peer")
    };
    assert_eq!((address.to_string().as_str(), port, protocol, family), ("10.99.0.2", 443, 6, 10));
    let v6 = Event { addr: "fd00::2".parse::<Ipv6Addr>().unwrap().octets(), ..peer };
    let Object::Peer { address, .. } = action(&bytes(v6, b"", b"")).object else { panic!("not a peer") };
    assert_eq!(address.to_string(), "fd00::2");
}

#[test]
fn a_task_that_entered_is_told_apart_from_who_moved_it() {
    let mut addr = [0; 16];
    addr[..4].copy_from_slice(&201_u32.to_ne_bytes());
    addr[4..8].copy_from_slice(&200_u32.to_ne_bytes());
    addr[8..].copy_from_slice(&900_u64.to_ne_bytes());
    let event = Event { kind: EventKind::Entered.raw(), operation: 0, verdict: 0, addr, ..event() };
    let Ok(Decoded::Entered(entered)) = decode(Ring::Allow, &bytes(event, b"", b"")) else {
        panic!("nobody entered")
    };
    assert_eq!((entered.slot, entered.at, entered.position.seq), (5, 1_000, 7));
    assert_eq!((entered.process, entered.tid), (ProcessKey { pid: 200, start_boot_ns: 900 }, 201));
    let by =
        Mover { process: ProcessKey { pid: 100, start_boot_ns: 500 }, uid: 1000, comm: "python3".to_owned() };
    assert_eq!(entered.by, by);
}

#[test]
fn numbers_that_nobody_defined_are_errors_not_guesses() {
    for (strange, field) in [
        (Event { kind: 0, ..event() }, "kind of event"),
        (Event { operation: 0, ..event() }, "operation"),
        (Event { operation: 99, ..event() }, "operation"),
        (Event { verdict: 0, ..event() }, "verdict"),
        (Event { verdict: Verdict::Deny.raw() ^ 1, ..event() }, "verdict"),
        (Event { surface: 99, ..event() }, "surface"),
        (Event { reason: u16::MAX, ..event() }, "reason"),
        (Event { agent: 0, ..event() }, "agent slot"),
        (Event { agent: AGENTS_MAX, ..event() }, "agent slot"),
        (Event { seq: 0, ..event() }, "sequence number"),
    ] {
        match decode(Ring::Deny, &bytes(strange, b"", b"")) {
            Err(DecodeError::Unknown { field: found, .. }) => assert_eq!(found, field),
            other => panic!("{field}: {other:?}"),
        }
    }
}

#[test]
fn an_event_must_have_as_many_bytes_as_it_says_and_what_follows_is_not_meant() {
    let whole = bytes(event(), b"passwd\0etc\0", b"");
    let length = |bytes: &[u8]| decode(Ring::Deny, bytes).unwrap_err();
    assert_eq!(length(&whole[..10]), DecodeError::Short { found: 10 });
    assert_eq!(length(&whole[..whole.len() - 1]), DecodeError::Length { found: 154, said: 155 });
    let longer = [whole.as_slice(), b"\0"].concat();
    assert_eq!(file_path(&longer), "/etc/passwd");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode(Ring::Allow, &bytes);
    }

    #[test]
    fn a_changed_event_is_an_error_or_an_event_that_shows_no_control_character(
        first in proptest::collection::vec(any::<u8>(), 0..64),
        second in proptest::collection::vec(any::<u8>(), 0..64),
        changes in proptest::collection::vec((0_usize..144, any::<u8>()), 0..4),
    ) {
        let mut bytes = bytes(event(), &first, &second);
        for (at, value) in changes {
            bytes[at] = value;
        }
        if let Ok(Decoded::Decision(action)) = decode(Ring::Deny, &bytes) {
            let shown = format!("{}{}", action.actor.comm, match &action.object {
                Object::File { path, second_path, .. } => format!("{path}{second_path:?}"),
                other @ (Object::Program { .. }
        | Object::Peer { .. }
        | Object::Task
        | Object::Socket { .. }
        | Object::Process { .. }
        | Object::Host { .. }) => other.to_string(),
            });
            prop_assert!(!shown.chars().any(char::is_control), "{shown:?}");
        }
    }

    #[test]
    fn different_names_never_show_alike(one in proptest::collection::vec(any::<u8>(), 0..6), other in proptest::collection::vec(any::<u8>(), 0..6)) {
        prop_assert_eq!(one == other, escaped(&one) == escaped(&other));
    }
}
