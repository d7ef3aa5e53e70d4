//! Arguments that a rule forbids, written so that a rule may miss them. The program itself may be run.

use guard_common::{Operation, Reason, Surface};

use super::{BOTH, Cases, Refusal, Trick, marked_at};
use crate::harness::fixture::{RULED, SCRIPT_RULED};

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("arguments.py")), cases };

pub(super) const RULE: Refusal =
    Refusal { surface: Surface::Exec, operation: Operation::Arguments, reason: Reason::ArgumentRule };

/// What leaves the mark, whatever words stand behind it.
const MARKING: &str = "sh -c ':>{mark}'";

fn cases() -> Cases {
    [words(), letters(), ways(), lengths()].into()
}

fn ruled(id: &'static str, sentence: &str, attack: &str, allowed: &str) -> Cases {
    // What is killed ends with no status.
    marked_at(BOTH, id, sentence, RULE, attack, allowed).ends_with(0)
}

/// Words behind the program, forbidden and not.
fn behind(id: &'static str, sentence: &str, attack: &str, allowed: &str) -> Cases {
    let line = |words: &str| format!("exec {RULED} {MARKING} {words}");
    ruled(id, sentence, &line(attack), &line(allowed))
}

fn words() -> Cases {
    [
        behind("E17", "forbidden_words_end_the_program", "git push --force", "git push"),
        behind("E17b", "their_order_does_not_matter", "git --force push", "git --force pull"),
        behind("E17c", "an_abbreviated_option_is_the_option", "push --forc", "push --no-force"),
        behind("E17d", "a_longer_option_is_one_too", "push --force-with-lease=x", "push --follow-tags"),
        behind("E17e", "an_option_with_a_value_is_the_option", "push --force=yes", "push --x=--force"),
        behind("E17f", "a_beginning_is_enough", "-c 'alias.p=!git push' p", "-c 'aliases=x' p"),
        behind("E17g", "what_contains_a_word_is_another", "push --force", "pusher x--force"),
    ]
    .into()
}

fn letters() -> Cases {
    [
        behind("E17h", "letters_may_stand_together", "rm -rf /", "rm -rf /tmp/x"),
        behind("E17i", "letters_may_stand_apart", "rm -f -v -r /", "rm -f -v /"),
        behind("E17j", "letters_may_stand_among_others", "rm -vfxr /", "rm --rf /"),
        behind("E17k", "the_root_has_many_names", "rm -rf //./", "rm -rf /.x"),
    ]
    .into()
}

fn ways() -> Cases {
    let by_name = |name: &str| {
        format!("exec /bin/bash -c 'exec -a {name} {RULED} \"$@\"' bash -c ':>{{mark}}' --loudly")
    };
    let through = |words: &str| format!("exec /usr/bin/env -i A=push {RULED} {MARKING} {words}");
    let script = |words: &str| format!("exec {SCRIPT_RULED} {{mark}} {words}");
    [
        ruled("E17l", "the_name_it_is_called_by_is_a_word", &by_name("/x/ash"), &by_name("/x/sh")),
        ruled("E17m", "who_starts_it_does_not_matter", &through("push --force"), &through("--force")),
        ruled("E17n", "its_scripts_have_arguments_too", &script("push --force"), &script("push")),
    ]
    .into()
}

fn lengths() -> Cases {
    let shell = |words: &str| format!("exec /bin/bash -c 'exec {RULED} sh -c \":>{{mark}}\" {words}'");
    let long = |words: &str| shell(&format!("$(head -c 100000 /dev/zero | tr \"\\0\" a) {words}"));
    let many = |count: u32, words: &str| shell(&format!("$(seq {count}) {words}"));
    [
        ruled(
            "E18",
            "ten_thousand_arguments_hide_nothing",
            &many(10_000, "push --force"),
            &many(10_000, "push"),
        ),
        ruled("E18b", "a_long_argument_hides_nothing", &long("push --force"), &long("push")),
        ruled(
            "E18c",
            "empty_arguments_hide_nothing",
            &shell("\"\" push \"\" --force"),
            &shell("\"\" push \"\""),
        ),
        ruled("E18d", "what_is_too_long_to_be_read_is_refused", &many(60_000, "x"), &many(30_000, "x"))
            .reason(Reason::ArgumentsTooLong),
    ]
    .into()
}
