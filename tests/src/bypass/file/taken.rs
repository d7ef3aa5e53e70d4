//! A descriptor taken out of a process outside: by its number there, or through `/proc`.

use std::fs;

use anyhow::Result;
use guard_common::{Operation, Surface};

use super::passed::lenders_of;
use super::{Cases, Effect, Refusal, Spot, TWO_PLACES, Trick, Who, at, beside};
use crate::harness::case::Undo;
use crate::harness::fixture::SECRET;

const TRACE: Refusal = Refusal::no_edge(Surface::Ipc, Operation::Trace);

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("taken.py")), cases };

fn cases() -> Cases {
    let (pd, w) = (&Effect::changed("{pd}"), &Effect::changed("{w}"));
    let secret = &Effect::Told(SECRET);
    let take = |id, sentence, function: &str, what: &str, effect| {
        let line = format!("!file.taken.{function} {{w}}/lender-{what}.number");
        let cases = at(TWO_PLACES, id, sentence, TRACE, (&line, effect), ("write {w}/f", w));
        beside(cases, |spot| open_lenders(Who::User, spot), |spot| open_lenders(Who::Root, spot))
    };
    [
        take("F44", "a_descriptor_that_is_taken_does_not_write", "write", "p", pd)
            .ends_with(nix::libc::EPERM),
        take("F44b", "a_secret_that_is_taken_is_not_read", "read", "s", secret).ends_with(nix::libc::EPERM),
        take("F44d", "another_process_s_root_opens_nothing_new", "through_root", "p", pd),
        take("F44c", "another_process_s_descriptor_is_not_opened_anew", "reopen", "p", pd),
    ]
    .into()
}

fn open_lenders(who: Who, spot: Spot) -> Result<Undo> {
    Ok(Box::new((everybody_looks()?, lenders_of(who, spot)?)))
}

/// Processes of the same user may look into each other: nothing but the enforcer stands between.
pub(super) fn everybody_looks() -> Result<Undo> {
    const SCOPE: &str = "/proc/sys/kernel/yama/ptrace_scope";
    struct Scope(String);
    impl Drop for Scope {
        fn drop(&mut self) {
            let _ = fs::write(SCOPE, &self.0);
        }
    }
    let before = Scope(fs::read_to_string(SCOPE)?);
    fs::write(SCOPE, "0")?;
    Ok(Box::new(before))
}
