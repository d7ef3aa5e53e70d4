//! Ways around a refusal, as cases: one folder per class, one file per trick, with the attack beside its cases.
//! Each is tried inside an agent, outside one, and in its allowed form.
//!
//! A file is called by what its trick does, and owns the ways that `guard-act` needs for it; what no safe interface
//! offers is a Python function in a file of the same name beside it.

pub mod containment;
pub mod exec;
pub mod file;
pub mod ipc;
pub mod kill;
pub mod net;
pub mod tamper;

use guard_common::{Operation, Surface};

use crate::act::Way;
use crate::harness::case::{Asks, Prepare};
use crate::harness::{Act, Case, Cases, Effect, Profile, Refusal, Spot, Step, Test, Who, act};

/// One file: a trick, the ways that it is tried in, its cases.
#[derive(Clone, Copy, Debug)]
pub struct Trick {
    /// Its module's path.
    pub module: &'static str,
    /// Its subcommands of `guard-act`.
    pub ways: &'static [Way],
    /// Its functions for the Python actor.
    pub python: Option<&'static str>,
    /// Its cases.
    pub cases: fn() -> Cases,
}

impl Trick {
    /// Folder and file: `exec::execve`.
    pub fn name(&self) -> &'static str {
        self.module.split_once("bypass::").map_or(self.module, |(_, name)| name)
    }
}

/// Every class: its letter in the cases' ids, and its tricks.
pub const CLASSES: [(char, &str, &[Trick]); 7] = [
    ('E', "exec", exec::TRICKS),
    ('F', "file", file::TRICKS),
    ('N', "net", net::TRICKS),
    ('I', "ipc", ipc::TRICKS),
    ('C', "containment", containment::TRICKS),
    ('T', "tamper", tamper::TRICKS),
    ('K', "kill", kill::TRICKS),
];

/// Every trick.
pub fn tricks() -> impl Iterator<Item = &'static Trick> {
    CLASSES.iter().flat_map(|(_, _, tricks)| *tricks)
}

/// Every case.
pub fn all() -> Vec<Test> {
    let of =
        |trick: &'static Trick| (trick.cases)().0.into_iter().map(|case| Test::attack(trick.name(), case));
    tricks().flat_map(of).collect()
}

/// Each file system and each user at least once.
const PLACES: [(Spot, Who); 4] =
    [(Spot::Tmpfs, Who::User), (Spot::Ext4, Who::Root), (Spot::Root, Who::User), (Spot::Root, Who::Root)];
/// For what overlays do not do, or do like the others.
const TWO_PLACES: [(Spot, Who); 2] = [(Spot::Tmpfs, Who::User), (Spot::Ext4, Who::Root)];

/// A case for each place. `{pd}`, `{w}`, `{top}`, … stand for the place's own, see [`filled`].
fn at(
    places: impl IntoIterator<Item = (Spot, Who)>,
    id: &'static str,
    sentence: &str,
    refusal: Refusal,
    attack: (&str, &Effect),
    allowed: (&str, &Effect),
) -> Cases {
    let one = |(spot, who): (Spot, Who)| Case {
        id,
        sentence: format!("{sentence}@{}/{}", spot.name(), who.name()),
        spot,
        who,
        attack: step(spot, attack),
        refusal,
        asks: Asks::Once,
        ends_with: nix::libc::EACCES,
        allowed: step(spot, allowed),
        lacking: None,
    };
    Cases(places.into_iter().map(one).collect())
}

fn step(spot: Spot, (line, effect): (&str, &Effect)) -> Step {
    Step { act: filled(spot, line), effect: effect.at(spot), prepare: None, profile: Profile::Suite }
}

/// An attack on PD that is the same act on W when it is allowed.
fn on_pd(id: &'static str, sentence: &str, operation: Operation, attack: &str, allowed: &str) -> Cases {
    on_pd_at(PLACES, id, sentence, operation, attack, allowed)
}

fn on_pd_at(
    places: impl IntoIterator<Item = (Spot, Who)>,
    id: &'static str,
    sentence: &str,
    operation: Operation,
    attack: &str,
    allowed: &str,
) -> Cases {
    let refusal = Refusal::no_edge(Surface::Write, operation);
    at(places, id, sentence, refusal, (attack, &Effect::changed("{pd}")), (allowed, &Effect::changed("{w}")))
}

/// They need namespaces and mounts of their own, which their agent may have: what is refused is what they are for.
/// That other agents get none is the matter of `containment::namespaces` and `file::mount_over`.
fn in_namespaces(cases: Cases) -> Cases {
    cases.both_as(Profile::Administrator)
}

/// Whoever is aimed at is of the attacker's own user: for anybody else root would need a capability first.
fn beside(cases: Cases, as_user: Prepare, as_root: Prepare) -> Cases {
    cases.each(|case| {
        case.attack.prepare = Some(match case.who {
            Who::User => as_user,
            Who::Root => as_root,
        });
    })
}

/// An act with the place's objects in it.
fn filled(spot: Spot, line: &str) -> Act {
    act(&spot.filled(line))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn an_id_belongs_to_one_sentence_of_its_class() {
        let mut known: HashMap<&str, String> = HashMap::new();
        for (letter, folder, tricks) in CLASSES {
            for trick in tricks {
                assert!(trick.name().starts_with(&format!("{folder}::")), "{}", trick.module);
                for case in (trick.cases)().0 {
                    assert!(case.id.starts_with(letter), "{case:?} is in {folder}");
                    let sentence = case.sentence.split('@').next().unwrap_or_default().to_owned();
                    let before = known.entry(case.id).or_insert_with(|| sentence.clone());
                    assert_eq!(*before, sentence, "{} names two cases", case.id);
                }
            }
        }
    }

    #[test]
    fn what_python_is_asked_for_is_there() {
        let texts: HashMap<String, &str> =
            tricks().filter_map(|trick| Some((trick.name().replace("::", "."), trick.python?))).collect();
        for case in tricks().flat_map(|trick| (trick.cases)().0) {
            for step in [&case.attack, &case.allowed] {
                if step.act.by == crate::harness::By::Program {
                    continue;
                }
                let (module, function) = step.act.words[0].rsplit_once('.').expect("module.function");
                let text = texts.get(module).unwrap_or_else(|| panic!("{case:?}: no {module}.py"));
                assert!(
                    text.contains(&format!("\ndef {function}(")),
                    "{case:?}: {module}.py lacks {function}"
                );
            }
        }
    }

    #[test]
    fn what_the_program_is_asked_for_is_there() {
        for case in tricks().flat_map(|trick| (trick.cases)().0) {
            for step in [&case.attack, &case.allowed] {
                let known = || crate::act::ways().any(|way| way.name == step.act.words[0]);
                assert!(step.act.by != crate::harness::By::Program || known(), "{case:?}: {:?}", step.act);
            }
        }
    }
}
