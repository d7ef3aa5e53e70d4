//! A descriptor that somebody outside opened and hands over a unix socket.

use std::fs;
use std::io::{self, BufRead, BufReader, IoSlice};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Stdio};

use anyhow::{Context, Result, ensure};
use guard_common::{Operation, Surface};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};

use super::{Cases, Effect, PLACES, Refusal, Spot, Trick, Who, at};
use crate::act::{Args, way};
use crate::harness::case::Undo;
use crate::harness::fixture::{ACT, HELD, OPEN_TOLD, SECRET, give};
use crate::harness::guard::as_user;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[way("lend", |a, _| lend(a))],
    python: Some(include_str!("passed.py")),
    cases,
};

fn cases() -> Cases {
    let pd = &Effect::changed("{pd}");
    let w = &Effect::changed("{w}");
    let secret = &Effect::Told(SECRET);
    let refusal = |surface| Refusal::no_edge(surface, Operation::Receive);
    let write = |id, sentence, function: &str| {
        let line = |what: &str| format!("!file.passed.{function} {{w}}/lender-{what}");
        at(PLACES, id, sentence, refusal(Surface::Write), (&line("p"), pd), (&line("f"), w))
            .both_prepared(lenders)
    };
    let line = |what: &str| format!("!file.passed.read {{w}}/lender-{what}");
    [
        write("F43", "a_descriptor_that_is_handed_over_does_not_write", "write"),
        write("F43b", "a_descriptor_that_is_handed_to_a_ring_does_not_write", "write_by_ring"),
        at(
            PLACES,
            "F43c",
            "a_secret_that_is_handed_over_is_not_read",
            refusal(Surface::Read),
            (&line("s"), secret),
            (&line("f"), &Effect::Told(OPEN_TOLD)),
        )
        .both_prepared(lenders),
    ]
    .into()
}

/// `lend SOCKET FILE…`: hands the last file's descriptor, opened as widely as can be, to whoever connects.
fn lend(args: &Args) -> io::Result<()> {
    let path = args.path(1)?;
    // X is not opened for writing: it could not be run then.
    let reads_only = path.ends_with("s") || path.ends_with("busybox");
    let both = fs::File::options().read(true).write(!reads_only).open(path)?;
    let listener = UnixListener::bind(args.path(0)?)?;
    println!("{}", both.as_raw_fd());
    loop {
        let (peer, _) = listener.accept()?;
        let descriptors = [both.as_raw_fd()];
        let rights = [ControlMessage::ScmRights(&descriptors)];
        sendmsg::<()>(peer.as_raw_fd(), &[IoSlice::new(b"x")], &rights, MsgFlags::empty(), None)?;
    }
}

/// Processes outside that hold P, S and a file of W open.
struct Lenders(Vec<Child>);

pub(in crate::bypass) fn lenders(spot: Spot) -> Result<Undo> {
    // The user's own: nothing but the enforcer stands between.
    lenders_of(Who::User, spot)
}

pub(super) fn lenders_of(who: Who, spot: Spot) -> Result<Undo> {
    let mut lenders = Lenders(Vec::new());
    for (name, path) in [("p", spot.pd(HELD)), ("s", spot.s()), ("f", spot.w("f")), ("busybox", spot.x())] {
        let socket = spot.w(&format!("lender-{name}"));
        let mut command = as_user(who, ACT);
        command.args(["lend", &socket, &path]);
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let out = child.stdout.take().context("no pipe")?;
        let pid = child.id();
        lenders.0.push(child);
        let mut number = String::new();
        BufReader::new(out).read_line(&mut number)?;
        ensure!(!number.is_empty(), "the lender of {path} ended");
        give(Path::new(&socket), 0o777)?;
        fs::write(format!("{socket}.number"), format!("{pid} {number}"))?;
    }
    Ok(Box::new(lenders))
}

impl Drop for Lenders {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
