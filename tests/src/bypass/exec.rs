//! Running what may not be run: by every call, by descriptor, by copy, from memory, behind a script.

use guard_common::{Operation, Surface};

use super::PLACES;
use crate::harness::fixture::{ELF_BY_X, MARKS, PROGRAM, SCRIPT_BY_X, SCRIPT_PLAIN};
use crate::harness::{Case, Effect, Refusal, Spot, Step, Test, Who, act};

const EXEC: Refusal = Refusal::no_edge(Surface::Exec, Operation::Exec);
const LINK: Refusal = Refusal::no_edge(Surface::Write, Operation::Link);

pub(super) fn all() -> Vec<Test> {
    [
        same("a_program_cannot_be_run", "exec"),
        same("a_program_cannot_be_run_relative_to_a_folder", "exec-at"),
        same("a_program_cannot_be_run_by_descriptor", "exec-fd"),
        same("a_program_cannot_be_run_by_an_empty_path", "exec-empty-path"),
        same("a_program_cannot_be_run_by_a_handle_without_rights", "exec-empty-path-opath"),
        same("a_program_cannot_be_run_through_proc", "exec-dev-fd"),
        each("a_copy_cannot_be_run", EXEC, |spot| {
            format!("exec-copy {} {} touch", spot.x(), spot.w("busybox"))
        }),
        each("a_copy_in_memory_cannot_be_run", EXEC, |spot| format!("exec-memory {} touch", spot.x())),
        each("a_second_name_cannot_be_run", LINK, |spot| {
            format!("exec-link {} {} touch", spot.x(), spot.w("busybox"))
        }),
        each("a_script_in_the_work_folder_cannot_be_run", EXEC, |spot| format!("exec {}", spot.w("script"))),
        scripts(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The allowed variant is the same trick on an allowed program.
fn same(sentence: &'static str, trick: &'static str) -> Vec<Test> {
    PLACES
        .into_iter()
        .map(|(spot, who)| {
            case(
                sentence,
                spot,
                who,
                EXEC,
                &format!("{trick} {} touch", spot.x()),
                &format!("{trick} {PROGRAM} touch"),
            )
        })
        .collect()
}

fn each(sentence: &'static str, refusal: Refusal, attack: impl Fn(Spot) -> String) -> Vec<Test> {
    let allowed = format!("exec {PROGRAM} touch");
    PLACES
        .into_iter()
        .map(|(spot, who)| case(sentence, spot, who, refusal, &attack(spot), &allowed))
        .collect()
}

/// An allowed script whose interpreter is X.
fn scripts() -> Vec<Test> {
    let (attack, allowed) = (format!("exec {SCRIPT_BY_X}"), format!("exec {SCRIPT_PLAIN}"));
    let one = |who| case("an_interpreter_is_judged_too", Spot::Tmpfs, who, EXEC, &attack, &allowed);
    let elf = format!("exec {ELF_BY_X}");
    let loader = |who| case("a_loader_is_judged_too", Spot::Tmpfs, who, EXEC, &elf, &allowed);
    vec![one(Who::User), one(Who::Root), loader(Who::User), loader(Who::Root)]
}

fn case(sentence: &str, spot: Spot, who: Who, refusal: Refusal, attack: &str, allowed: &str) -> Test {
    let marks = || Effect::Changed(MARKS.to_owned());
    let marking = |line: &str| act(&format!("{line} {MARKS}/{}", spot.name()));
    let case = Case {
        who,
        attack: Step { act: marking(attack), effect: marks() },
        refusal,
        allowed: Step { act: marking(allowed), effect: marks() },
    };
    Test::attack(format!("{sentence}@{}/{}", spot.name(), who.name()), case)
}
