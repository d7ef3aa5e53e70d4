//! Ways around a refusal: each is tried inside an agent, outside one, and in its allowed form.

mod attribute;
mod containment;
mod exec;
mod ipc;
mod link;
mod name;
mod net;
mod open;
mod path;
mod rename;

use guard_common::{Operation, Surface};

use crate::harness::{Act, Case, Effect, Refusal, Spot, Step, Test, Who, act};

/// Every case of this folder.
pub fn all() -> Vec<Test> {
    let files = [
        ("open", open::all()),
        ("name", name::all()),
        ("rename", rename::all()),
        ("link", link::all()),
        ("attribute", attribute::all()),
        ("path", path::all()),
        ("exec", exec::all()),
        ("net", net::all()),
        ("ipc", ipc::all()),
        ("containment", containment::all()),
    ];
    let filed = |(file, tests): (&str, Vec<Test>)| -> Vec<Test> {
        tests.into_iter().map(|test| test.under(&format!("bypass::{file}"))).collect()
    };
    files.into_iter().flat_map(filed).collect()
}

/// Who tries a file's case, and where: each file system and each user at least once.
const PLACES: [(Spot, Who); 4] =
    [(Spot::Tmpfs, Who::User), (Spot::Ext4, Who::Root), (Spot::Root, Who::User), (Spot::Root, Who::Root)];

/// An attack on PD that is the same act on W when it is allowed: `{pd}` and `{w}` stand for the folders.
fn on_pd(sentence: &str, operation: Operation, attack: &str, allowed: &str) -> Vec<Test> {
    PLACES.into_iter().map(|(spot, who)| on_pd_at(spot, who, sentence, operation, attack, allowed)).collect()
}

fn on_pd_at(spot: Spot, who: Who, sentence: &str, operation: Operation, attack: &str, allowed: &str) -> Test {
    let case = Case {
        who,
        attack: Step { act: filled(spot, attack), effect: Effect::Changed(spot.at("pd")) },
        refusal: Refusal::no_edge(Surface::Write, operation),
        allowed: Step { act: filled(spot, allowed), effect: Effect::Changed(spot.at("w")) },
    };
    Test::attack(format!("{sentence}@{}/{}", spot.name(), who.name()), case)
}

/// An act with the spot's folders in it; `!` in front asks for the Python actor.
fn filled(spot: Spot, line: &str) -> Act {
    let exotic = line.strip_prefix('!');
    let words = exotic.unwrap_or(line).replace("{pd}", &spot.at("pd")).replace("{w}", &spot.at("w"));
    Act { exotic: exotic.is_some(), ..act(&words.replace("{top}", spot.at("").trim_end_matches('/'))) }
}
