//! Globs over cgroups' paths: `/system.slice/agent-*.service`. One `*` in a name, which stands for anything in that
//! name, also for nothing; no other pattern. A unit's glob is its name alone, and takes it in whatever slice it is.

use std::fmt;

use guard_common::map::enrol::{COMPONENT_TEXT_MAX, COMPONENTS_MAX, Component, EnrolRule, RuleKind};

use crate::policy::document::{Report, Text};
use crate::policy::source::Spot;

/// A glob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    kind: RuleKind,
    /// From the root inward.
    names: Vec<Name>,
    pub(super) spot: Spot,
}

/// One name of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    start: String,
    /// What follows the `*`; without one, the name is `start`.
    end: Option<String>,
}

/// What a unit that has a cgroup can be.
const UNIT_KINDS: [&str; 3] = [".service", ".scope", ".slice"];

pub(super) fn path(text: &Text, report: &mut Report) -> Option<Glob> {
    take(text, report, "cgroup", |written| {
        let Some(below) = written.strip_prefix('/') else {
            return refuse(
                "is relative",
                "write it from the hierarchy's root on: /system.slice/agent-*.service",
            );
        };
        let names: Vec<&str> = below.split('/').collect();
        if names == [""] {
            return refuse("is the root, which is the whole host", "name the agents' own cgroups");
        }
        if names.len() > COMPONENTS_MAX {
            return Err((
                format!("has {} names", names.len()),
                format!("the kernel compares {COMPONENTS_MAX}"),
            ));
        }
        names.into_iter().map(name).collect::<Result<_, _>>().map(|names| (RuleKind::Path, names))
    })
}

pub(super) fn unit(text: &Text, report: &mut Report) -> Option<Glob> {
    take(text, report, "unit", |written| {
        if written.contains('/') {
            return refuse("is a path", "a unit is its name alone; write cgroup = \"/…\"");
        }
        if !UNIT_KINDS.iter().any(|kind| written.ends_with(kind)) {
            return refuse("names no unit that has a cgroup", "end it in .service, .scope or .slice");
        }
        if ["system.slice", "user.slice", "machine.slice", "-.slice"]
            .iter()
            .any(|own| name(written).is_ok_and(|name| name.matches(own)))
        {
            return refuse("takes one of the host's own slices", "name the agents' own units");
        }
        Ok((RuleKind::Unit, vec![name(written)?]))
    })
}

type Refused = (String, String);

fn refuse<T>(reason: &str, hint: &str) -> Result<T, Refused> {
    Err((reason.to_owned(), hint.to_owned()))
}

fn take(
    text: &Text,
    report: &mut Report,
    what: &str,
    parse: impl Fn(&str) -> Result<(RuleKind, Vec<Name>), Refused>,
) -> Option<Glob> {
    match parse(&text.text) {
        Ok((kind, names)) => Some(Glob { kind, names, spot: text.spot }),
        Err((reason, hint)) => {
            let shown: String = text.text.chars().take(80).collect();
            report.refuse(text.spot, format!("{what} `{}` {reason}", shown.escape_debug()), hint);
            None
        }
    }
}

fn name(written: &str) -> Result<Name, Refused> {
    if written.is_empty() || written == "." || written == ".." {
        return refuse("has an empty name, `.` or `..` in it", "write each name once, with one `/` between");
    }
    if written.contains(['?', '[', '\0', '\n']) {
        return refuse("is a pattern of a kind that is not known", "one `*` in a name");
    }
    let found = match written.split_once('*') {
        Some((_, end)) if end.contains('*') => {
            return refuse("has two `*` in one name", "one `*` in a name");
        }
        Some((start, end)) => Name { start: start.to_owned(), end: Some(end.to_owned()) },
        None => Name { start: written.to_owned(), end: None },
    };
    // A name without `*` is compared in two halves.
    let most = if found.end.is_some() { COMPONENT_TEXT_MAX } else { 2 * COMPONENT_TEXT_MAX };
    if found.start.len() > most || found.end.as_ref().is_some_and(|end| end.len() > most) {
        return Err((format!("has a text of more than {most} bytes"), "shorten it with a `*`".to_owned()));
    }
    Ok(found)
}

impl Name {
    fn matches(&self, name: &str) -> bool {
        match &self.end {
            None => self.start == name,
            Some(end) => {
                name.len() >= self.start.len() + end.len()
                    && name.starts_with(&self.start)
                    && name.ends_with(end.as_str())
            }
        }
    }

    fn row(&self) -> Component {
        let mut row = Component::NOTHING;
        let cut = self.start.len().min(COMPONENT_TEXT_MAX);
        let (start, rest) = self.start.as_bytes().split_at(cut);
        let end = self.end.as_ref().map_or(rest, |end| end.as_bytes());
        for (text, into) in [(start, &mut row.start), (end, &mut row.end)] {
            into.iter_mut().zip(text).for_each(|(into, byte)| *into = *byte);
        }
        row.start_len = u32::try_from(start.len()).unwrap_or(0);
        row.end_len = u16::try_from(end.len()).unwrap_or(0);
        row.gap = u16::from(self.end.is_some());
        row
    }
}

impl Glob {
    /// Whether it takes the cgroup with this path, given by its names from the root inward. Nothing above or below.
    pub fn matches(&self, path: &[&str]) -> bool {
        match self.kind {
            RuleKind::Path => {
                self.names.len() == path.len()
                    && self.names.iter().zip(path).all(|(own, name)| own.matches(name))
            }
            RuleKind::Unit => match (path.split_last(), self.names.first()) {
                (Some((leaf, above)), Some(own)) => {
                    own.matches(leaf) && above.iter().all(|name| name.ends_with(".slice"))
                }
                (_, _) => false,
            },
            RuleKind::Nothing => false,
        }
    }

    /// Whether a path that it takes may begin with these names.
    pub(super) fn may_begin_with(&self, names: &[&str]) -> bool {
        self.kind == RuleKind::Path
            && self.names.len() > names.len()
            && self.names.iter().zip(names).all(|(own, name)| own.matches(name))
    }

    pub(super) fn same_as(&self, other: &Self) -> bool {
        self.kind == other.kind && self.names == other.names
    }

    /// What the kernel matches; everything but the glob is empty.
    pub(in crate::policy) fn row(&self) -> EnrolRule {
        let mut row = EnrolRule { kind: self.kind.raw(), ..EnrolRule::NOTHING };
        row.count = u32::try_from(self.names.len()).unwrap_or(0);
        for (component, name) in row.components.iter_mut().zip(self.names.iter().rev()) {
            *component = name.row();
        }
        row
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, name) in self.names.iter().enumerate() {
            if number > 0 || self.kind == RuleKind::Path {
                f.write_str("/")?;
            }
            f.write_str(&name.start)?;
            if let Some(end) = &name.end {
                write!(f, "*{end}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(kind: RuleKind, names: &[&str]) -> Glob {
        let names = names.iter().map(|text| name(text).unwrap()).collect();
        Glob { kind, names, spot: Spot::default() }
    }

    #[test]
    fn a_star_stands_for_anything_within_one_name() {
        let agents = glob(RuleKind::Path, &["system.slice", "agent-*.service"]);
        assert_eq!(agents.to_string(), "/system.slice/agent-*.service");
        for path in ["agent-.service", "agent-x.service", "agent-a.b.service"] {
            assert!(agents.matches(&["system.slice", path]), "{path}");
        }
        for path in ["agent.service", "agent-x.servic", "xagent-x.service", "agent-x.service2"] {
            assert!(!agents.matches(&["system.slice", path]), "{path}");
        }
        assert!(!agents.matches(&["agent-x.service"]));
        assert!(!agents.matches(&["a", "system.slice", "agent-x.service"]));
        assert!(!agents.matches(&["system.slice", "agent-x.service", "below"]));
        assert!(!glob(RuleKind::Path, &["aba*aba"]).matches(&["aba"]), "one text does not serve twice");
    }

    #[test]
    fn a_unit_is_the_system_managers_own_in_whatever_slice() {
        let agents = glob(RuleKind::Unit, &["agent@*.service"]);
        assert!(agents.matches(&["system.slice", "system-agent.slice", "agent@1.service"]));
        assert!(agents.matches(&["agents.slice", "agent@1.service"]));
        let of_a_user =
            ["user.slice", "user-1000.slice", "user@1000.service", "app.slice", "agent@1.service"];
        assert!(!agents.matches(&of_a_user));
        assert!(!agents.matches(&["machine.slice", "libpod-x.scope", "agent@1.service"]));
    }

    #[test]
    fn a_long_name_is_compared_in_two_halves() {
        let long = "x".repeat(100);
        let row = name(&long).unwrap().row();
        assert_eq!((row.start_len, row.end_len, row.gap), (64, 36, 0));
        assert!(name(&"x".repeat(129)).is_err());
        assert!(name(&format!("{}*", "x".repeat(65))).is_err());
        assert!(name("a*b*").is_err() && name("a?").is_err() && name("").is_err());
    }

    #[test]
    fn names_are_compared_from_the_leaf_outward() {
        let row = glob(RuleKind::Path, &["a", "b*c"]).row();
        assert_eq!((row.count, row.kind), (2, RuleKind::Path.raw()));
        assert_eq!((&row.components[0].start[..2], &row.components[0].end[..2]), (&b"b\0"[..], &b"c\0"[..]));
        assert_eq!(&row.components[1].start[..2], b"a\0");
    }
}
