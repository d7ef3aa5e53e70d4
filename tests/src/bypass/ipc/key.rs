//! Keys that the kernel keeps for a user, whichever of his processes asks.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use anyhow::Result;
use guard_common::{Operation, Surface};
use nix::libc::ENOKEY;

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at};
use crate::harness::bystander::stands_by;
use crate::harness::case::Undo;
use crate::harness::fixture::MARKS;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("key.py")), cases };

fn cases() -> Cases {
    let key = |id, sentence, attack: &str, effect: &Effect, allowed: &str, worked: &Effect| {
        let refusal = Refusal::no_edge(Surface::Ipc, Operation::Key);
        // Keys ask whose they are, and root is somebody else.
        at([(Spot::Tmpfs, Who::User)], id, sentence, refusal, (attack, effect), (allowed, worked))
            .prepared(|_| stands_by(Who::User, "ipc.key.owner"))
            .asked_again()
    };
    let alike = |id, sentence, way: &str, effect: &Effect| {
        let (attack, allowed) =
            (format!("!ipc.key.of_bystander {way}"), format!("!ipc.key.of_ones_own {way}"));
        key(id, sentence, &attack, effect, &allowed, &Effect::Done)
    };
    let added = &Effect::Told("added");
    [
        alike("I14", "the_users_key_is_not_read", "tell", &Effect::Told("the key of another"))
            .ends_with(ENOKEY),
        alike("I14b", "the_users_key_is_not_changed", "update", &Effect::Bystander),
        alike("I14c", "the_users_key_is_not_revoked", "revoke", &Effect::Bystander),
        key(
            "I14d",
            "no_key_is_added_for_the_user",
            "!ipc.key.add_for_the_user",
            added,
            "!ipc.key.add_for_oneself",
            added,
        )
        .ends_with(ENOKEY),
        at(
            [(Spot::Tmpfs, Who::Root)],
            "I14e",
            "the_hosts_program_for_missing_keys_is_not_called",
            Refusal::no_edge(Surface::Ipc, Operation::Key),
            ("!ipc.key.ask_for_missing", &Effect::changed(MARKS)),
            ("!ipc.key.ask_for_ones_own", &Effect::Told("found")),
        )
        .prepared(|_| Helper::install()),
    ]
    .into()
}

/// What the kernel calls for a key that it lacks.
const HELPER: &str = "/sbin/request-key";

/// The host's program, as it was.
struct Helper(Option<Vec<u8>>);

impl Helper {
    /// Puts one in its place that marks each call.
    fn install() -> Result<Undo> {
        let before = fs::exists(HELPER)?.then(|| fs::read(HELPER)).transpose()?;
        fs::write(HELPER, format!("#!/bin/sh\necho called > {MARKS}/request-key\n"))?;
        fs::set_permissions(HELPER, fs::Permissions::from_mode(0o755))?;
        Ok(Box::new(Self(before)))
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = match &self.0 {
            Some(program) => fs::write(HELPER, program),
            None => fs::remove_file(HELPER),
        };
    }
}
