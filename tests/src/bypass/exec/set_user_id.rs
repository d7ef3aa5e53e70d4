//! Programs that give rights: set-user-id and with capabilities of their own. Whatever they may, the agent may not.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};

use anyhow::Result;
use guard_common::{Operation, Surface};

use super::{Cases, Effect, Refusal, Spot, Trick, Who};
use crate::bypass::at;
use crate::harness::case::Undo;
use crate::harness::fixture::{WITH_CAPABILITY, WITH_USER_ID};

pub(super) const TRICK: Trick = Trick { module: module_path!(), ways: &[], python: None, cases };

fn cases() -> Cases {
    let refusal = Refusal::no_edge(Surface::Write, Operation::Open);
    let places = [(Spot::Tmpfs, Who::User), (Spot::Ext4, Who::User)];
    let run = |id, sentence, program: &str| {
        let line = |path| format!("exec {program} write {path}");
        let (pd, w) = (Effect::changed("{pd}"), Effect::changed("{w}"));
        at(places, id, sentence, refusal, (&line("{pd}/p"), &pd), (&line("{w}/f"), &w)).both_prepared(roots)
    };
    [
        run("E21", "a_set_user_id_program_is_the_agent", WITH_USER_ID),
        run("E21b", "a_program_with_capabilities_is_the_agent", WITH_CAPABILITY),
    ]
    .into()
}

/// Nobody but root may write them: without the program's rights neither the control nor the allowed variant would.
fn roots(spot: Spot) -> Result<Undo> {
    for path in [spot.p(), spot.w("f")] {
        chown(&path, Some(0), Some(0))?;
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
    }
    Ok(Box::new(()))
}
