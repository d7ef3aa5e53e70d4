//! Rules on arguments: which words a program of a zone may not be started with together. Refuses words that no
//! argument can be, and more than the kernel's table holds.

use std::collections::{BTreeMap, BTreeSet};

use guard_common::Surface;
use guard_common::limits::SLOTS;
use guard_common::map::arguments::{ARGUMENT_RULES_MAX, RULES_MAX, WORD_LEN_MAX, WORDS_MAX, WordKind};

use super::{Draft, edges};
use crate::policy::document::{Report, Table, Text};
use crate::policy::source::Spot;

const EXAMPLE: &str =
    "write [[arguments]] with profile = \"agent\", zone = \"git\", deny = [\"push --force*\"]";

/// A word of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ArgumentWord {
    /// How it matches.
    pub kind: WordKind,
    /// The word, without `*`; of a letter the letter alone.
    pub text: String,
}

/// Words that may not stand together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentRule {
    /// As written.
    pub text: String,
    /// Its words.
    pub words: Vec<ArgumentWord>,
    pub(in crate::policy) spot: Spot,
}

/// The rules for one profile's programs of one zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::policy) struct Arguments {
    pub(in crate::policy) profile: String,
    pub(in crate::policy) zone: String,
    pub(in crate::policy) rules: Vec<ArgumentRule>,
}

/// As written, its references not looked up yet.
pub(super) struct Written {
    profile: Text,
    zone: Text,
    rules: Vec<ArgumentRule>,
}

pub(super) fn read(table: Table<'_>, draft: &mut Draft, report: &mut Report) {
    for body in
        table.tables("arguments", ("a rule on arguments", &["profile", "zone", "deny"]), EXAMPLE, report)
    {
        let mut end = |key: &str| {
            let Some(value) = body.value(key) else {
                report.refuse(body.spot, format!("a rule on arguments without `{key}`"), EXAMPLE);
                return None;
            };
            value.text(&format!("`{key}` of a rule on arguments"), EXAMPLE, report)
        };
        let ends = (end("profile"), end("zone"));
        let texts = body.texts("deny", "deny = [\"push --force*\"]", report);
        if texts.is_empty() {
            report.refuse(body.spot, "a rule on arguments that says nothing", EXAMPLE);
        }
        let rules = texts.iter().filter_map(|text| rule(text, report)).collect();
        if let (Some(profile), Some(zone)) = ends {
            draft.arguments.push(Written { profile, zone, rules });
        }
    }
}

fn rule(text: &Text, report: &mut Report) -> Option<ArgumentRule> {
    let words: Option<BTreeSet<ArgumentWord>> =
        text.text.split_whitespace().map(|written| word(written, text.spot, report)).collect();
    let words: Vec<ArgumentWord> = words?.into_iter().collect();
    if words.is_empty() {
        report.refuse(text.spot, "a rule without a word", "it would forbid every start; an edge says that");
        return None;
    }
    Some(ArgumentRule { text: text.text.clone(), words, spot: text.spot })
}

/// A word as written: `push`, `alias.*`, `--force`, `--force*`, `-f`, `/`.
fn word(written: &str, spot: Spot, report: &mut Report) -> Option<ArgumentWord> {
    let (text, starred) = match written.strip_suffix('*') {
        Some(text) => (text, true),
        None => (written, false),
    };
    if text.is_empty() || text.contains('*') {
        let reason = format!("`{}` is no word of a rule", written.escape_debug());
        report.refuse(spot, reason, "`*` may stand at a word's end only: `alias.*`");
        return None;
    }
    if text.len() > WORD_LEN_MAX {
        let reason = format!("`{}` is longer than {WORD_LEN_MAX} bytes", text.escape_debug());
        report.refuse(spot, reason, "write its beginning, with `*` behind it");
        return None;
    }
    let letters = text.strip_prefix('-').unwrap_or_default();
    let is_long_option = letters.starts_with('-') && letters.len() > 1;
    if !is_long_option
        && !starred
        && (2..=3).contains(&letters.len())
        && letters.chars().all(char::is_alphabetic)
    {
        let spread: Vec<String> = letters.chars().map(|letter| format!("-{letter}")).collect();
        let hint = format!("write `{}` to match the letters in any order and grouping", spread.join(" "));
        report.warn(spot, format!("`{written}` matches only an argument that is written just so"), hint);
    }
    let (kind, text) = match (starred, text) {
        (false, "/") => (WordKind::Root, text),
        (true, _) if is_long_option => (WordKind::Options, text),
        (false, _) if is_long_option => (WordKind::Option, text),
        (true, _) => (WordKind::Prefix, text),
        (false, _) if letters.len() == 1 && letters != "-" => (WordKind::Letter, letters),
        (false, _) => (WordKind::Exact, text),
    };
    Some(ArgumentWord { kind, text: text.to_owned() })
}

/// Every rule, by profile and zone.
pub(super) fn finish(draft: &Draft, report: &mut Report) -> Vec<Arguments> {
    let mut found: BTreeMap<(&str, &str), Vec<ArgumentRule>> = BTreeMap::new();
    for Written { profile, zone, rules } in &draft.arguments {
        let known = edges::profile_is_known(draft, profile, report);
        let runs = edges::has_surface(draft, zone, Surface::Exec, report);
        if known && runs {
            found.entry((&profile.text, &zone.text)).or_default().extend(rules.iter().cloned());
        }
    }
    for ((profile, zone), rules) in &found {
        bounds(profile, zone, rules, report);
    }
    let most = (ARGUMENT_RULES_MAX / SLOTS) as usize;
    if let Some(rule) = found.values().nth(most).and_then(|rules| rules.first()) {
        let reason = format!("rules on arguments for more than {most} pairs of profile and zone");
        report.refuse(rule.spot, reason, "the kernel's table ends there");
    }
    found
        .into_iter()
        .map(|((profile, zone), rules)| Arguments {
            profile: profile.to_owned(),
            zone: zone.to_owned(),
            rules,
        })
        .collect()
}

fn bounds(profile: &str, zone: &str, rules: &[ArgumentRule], report: &mut Report) {
    let words: BTreeSet<&ArgumentWord> = rules.iter().flat_map(|rule| &rule.words).collect();
    for (what, count, most) in [("rules", rules.len(), RULES_MAX), ("words", words.len(), WORDS_MAX)] {
        if let (true, Some(last)) = (count > most, rules.last()) {
            let reason = format!("{count} {what} on arguments for `{profile}` in `{zone}`, and {most} fit");
            report.refuse(last.spot, reason, "put programs that need others into another zone");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Result<Vec<(WordKind, String)>, String> {
        let mut report = Report::default();
        let spot = Spot { file: 0, offset: 0 };
        let rule = rule(&Text { text: text.to_owned(), spot }, &mut report);
        rule.map(|rule| rule.words.into_iter().map(|word| (word.kind, word.text)).collect())
            .ok_or_else(|| format!("{text} is refused"))
    }

    #[test]
    fn every_kind_of_word_is_told_from_its_form() {
        use WordKind::{Exact, Letter, Option, Options, Prefix, Root};
        for (text, kind, word) in [
            ("push", Exact, "push"),
            ("alias.*", Prefix, "alias."),
            ("--force", Option, "--force"),
            ("--force*", Options, "--force"),
            ("-f", Letter, "f"),
            ("-delete", Exact, "-delete"),
            ("/", Root, "/"),
            ("--", Exact, "--"),
            ("/etc", Exact, "/etc"),
            ("/*", Prefix, "/"),
        ] {
            assert_eq!(words(text), Ok(vec![(kind, word.to_owned())]), "{text}");
        }
        assert_eq!(words("rm -r  -r /").map(|words| words.len()), Ok(3), "each word once");
    }

    #[test]
    fn what_no_argument_can_be_is_refused() {
        for text in ["", "  ", "*", "a*b", &"x".repeat(33)] {
            assert!(words(text).is_err(), "{text}");
        }
    }
}
