//! Programs that act for their owner, whoever starts them: an agent makes none, not even of its own files.

use guard_common::{Operation, Surface};

use super::{Cases, Effect, PLACES, Refusal, Spot, Trick, Who, at};

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("set_id.py")), cases };

const NAMELESS: &str = "no_program_without_a_name_is_its_owners";

fn cases() -> Cases {
    let w = &Effect::changed("{w}");
    let one = |places: &[(Spot, Who)], id, sentence, operation, attack: &str, allowed: &str| {
        let line = |words: &str| format!("!file.set_id.{words}");
        let refusal = Refusal::no_edge(Surface::Admin, operation);
        at(places.to_vec(), id, sentence, refusal, (&line(attack), w), (&line(allowed), w))
    };
    let overlaid = Who::BOTH.map(|who| (Spot::Root, who));
    let both = Who::BOTH.map(|who| (Spot::Tmpfs, who));
    // tmpfs has users' attributes since 6.6 only.
    let root = [(Spot::Ext4, Who::Root)];
    [
        one(
            &PLACES,
            "F53",
            "a_program_does_not_become_its_owners",
            Operation::Chmod,
            "by_name {w}/f",
            "folder {w}/d",
        ),
        one(
            &both,
            "F53b",
            "a_program_does_not_become_its_groups",
            Operation::Chmod,
            "by_descriptor {w}/f",
            "folder {w}/d",
        ),
        one(
            &PLACES,
            "F53c",
            "no_program_is_made_its_owners",
            Operation::Mknod,
            "created {w}/new",
            "created_plain {w}/new",
        ),
        one(
            &both,
            "F53d",
            "no_node_is_made_its_owners",
            Operation::Mknod,
            "node {w}/new",
            "created_plain {w}/new",
        ),
        one(&both, "F53e", NAMELESS, Operation::Open, "linked {w}", "linked_plain {w}"),
        one(&overlaid, "F53g", NAMELESS, Operation::Open, "linked {w}", "linked_plain {w}").since(
            6,
            3,
            "files without names on an overlay",
        ),
        one(
            &root,
            "F53f",
            "a_program_gets_no_capabilities",
            Operation::Capability,
            "capability {w}/f",
            "attribute {w}/f",
        )
        .ends_with(nix::libc::EPERM),
    ]
    .into()
}
