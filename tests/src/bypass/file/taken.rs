//! A descriptor taken out of a process outside: by its number there, or through `/proc`.

use std::fs;

use anyhow::Result;
use guard_common::{Operation, Surface};

use super::passed::lenders_of;
use super::{Cases, Effect, Refusal, Spot, TWO_PLACES, Trick, Who, at, beside};
use crate::harness::Profile;
use crate::harness::case::Undo;
use crate::harness::fixture::{OPEN_TOLD, SECRET};

const TRACE: Refusal = Refusal::no_edge(Surface::Ipc, Operation::Trace);

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("taken.py")), cases };

fn cases() -> Cases {
    let take = |id, sentence, attack: (&str, &Effect), allowed: (&str, &Effect)| {
        let (line, own) = (format!("!file.taken.of_lender {}", attack.0), allowed.0);
        let own = format!("!file.taken.of_child {own}");
        let cases = at(TWO_PLACES, id, sentence, TRACE, (&line, attack.1), (&own, allowed.1));
        beside(cases, |spot| open_lenders(Who::User, spot), |spot| open_lenders(Who::Root, spot))
    };
    // Whoever takes something out of a process could write into its code too: one's own is for those who may run memory.
    let out = |id, sentence, attack, allowed| {
        take(id, sentence, attack, allowed).allowed_as(Profile::Compiler).ends_with(nix::libc::EPERM)
    };
    let (pd, w) = (&Effect::changed("{pd}"), &Effect::changed("{w}"));
    [
        out(
            "F44",
            "a_descriptor_that_is_taken_does_not_write",
            ("write {w}/lender-p.number", pd),
            ("write {w}/f", w),
        ),
        out(
            "F44b",
            "a_secret_that_is_taken_is_not_read",
            ("read {w}/lender-s.number", &Effect::Told(SECRET)),
            ("read {w}/f", &Effect::Told(OPEN_TOLD)),
        ),
        take(
            "F44d",
            "another_process_s_root_opens_nothing_new",
            ("through_root {w}/lender-p.number {pd}/p", pd),
            ("through_root {w}/f {w}/f", w),
        ),
        take(
            "F44c",
            "another_process_s_descriptor_is_not_opened_anew",
            ("reopen {w}/lender-p.number", pd),
            ("reopen {w}/f", w),
        ),
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
