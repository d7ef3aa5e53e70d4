//! A ring that somebody outside made: its polling thread does what the ring says, and is no agent's. It has to be taken:
//! the kernel lets nobody send one.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use anyhow::{Context, Result, ensure};
use guard_common::{Operation, Surface};

use super::taken::everybody_looks;
use super::{Cases, Effect, Refusal, Spot, TWO_PLACES, Trick, Who, at, beside};
use crate::harness::Profile;
use crate::harness::case::Undo;
use crate::harness::fixture::PYTHON;
use crate::harness::guard::as_user;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("lent_ring.py")), cases };

fn cases() -> Cases {
    let cases = at(
        TWO_PLACES,
        "F33",
        "a_ring_that_is_taken_does_not_write",
        Refusal::no_edge(Surface::Ipc, Operation::Trace),
        ("!file.lent_ring.write {w}/ring {pd}/p", &Effect::changed("{pd}")),
        ("!file.lent_ring.write_by_childs {w}/f", &Effect::changed("{w}")),
    )
    // A ring of another's is received by nobody else.
    .allowed_as(Profile::Administrator)
    .ends_with(nix::libc::EPERM);
    beside(cases, |spot| lender(Who::User, spot), |spot| lender(Who::Root, spot))
}

struct Lender(Child);

fn lender(who: Who, spot: Spot) -> Result<Undo> {
    let open = everybody_looks()?;
    let note = spot.w("ring");
    let run = format!(
        "import sys; sys.path.insert(0, '{PYTHON}'); from file.lent_ring import lend; lend('{note}')"
    );
    let mut command = as_user(who, "python3");
    command.args(["-B", "-c", &run]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut lender = Lender(command.spawn()?);
    let out = lender.0.stdout.take().context("no pipe")?;
    let mut ready = String::new();
    BufReader::new(out).read_line(&mut ready)?;
    ensure!(!ready.is_empty(), "the ring's lender ended");
    Ok(Box::new((open, lender)))
}

impl Drop for Lender {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
