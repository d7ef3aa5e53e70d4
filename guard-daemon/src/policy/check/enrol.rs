//! Enrolments: which cgroups of the host are agents', whoever starts them. Refuses what would take the host itself:
//! its root, its first process, guard's own.

use guard_common::map::enrol::{AGENT_NAME_MAX, RULES_MAX};

use super::glob::{self, Glob};
use super::{Draft, Enrolment, path, proposal};
use crate::policy::document::{Report, Table, Text};

const EXAMPLE: &str = "write [[enrol]] with cgroup = \"/system.slice/agent-*.service\" or unit = \"agent-*.service\", and profile = \"agent\"";
const KEYS: &[&str] = &["cgroup", "unit", "except", "profile", "name"];

/// What no enrolment may take, nor anything above it, and why.
const PROTECTED: &[(&[&str], &str)] = &[
    (&["init.scope"], "the host's first process"),
    (&["guard"], "guard's own agents"),
    (&["system.slice", "guardd.service"], "guard's own daemon"),
];

/// Programs that set agents up, where the policy does not name its own: container runtimes, and the service manager
/// before and after it had an executor of its own. None of them may be one that runs what it was given itself.
pub(crate) const LAUNCHERS: &[&str] = &[
    "/usr/bin/crun",
    "/usr/bin/runc",
    "/usr/sbin/runc",
    "/usr/bin/conmon",
    "/usr/bin/systemd-nspawn",
    "/usr/libexec/podman/conmon",
    "/usr/lib/systemd/systemd",
    "/usr/lib/systemd/systemd-executor",
];
/// Launchers of one policy.
const LAUNCHERS_OWN_MAX: usize = 32;

/// An enrolment as written, its profile not looked up yet.
pub(super) struct Written {
    enrolment: Enrolment,
    profile: Text,
}

pub(super) fn read(table: Table<'_>, draft: &mut Draft, report: &mut Report) {
    launchers(table, draft, report);
    for body in table.tables("enrol", ("an enrolment", KEYS), EXAMPLE, report) {
        draft.enrolments.extend(written(body, report));
    }
}

fn launchers(table: Table<'_>, draft: &mut Draft, report: &mut Report) {
    let Some(value) = table.value("launchers") else { return };
    let texts = table.texts("launchers", "launchers = [\"/usr/bin/crun\"]", report);
    if draft.launchers.is_some() {
        report.refuse(value.spot(), "a second `launchers`", "put the two together");
        return;
    }
    if texts.len() > LAUNCHERS_OWN_MAX {
        report.refuse(
            value.spot(),
            format!("more than {LAUNCHERS_OWN_MAX} launchers"),
            "name those that this host has",
        );
    }
    let paths = texts.iter().filter_map(|text| Some((path::parse(text, report)?, text.spot)));
    draft.launchers = Some(paths.collect());
}

fn written(body: Table<'_>, report: &mut Report) -> Option<Written> {
    let text = |key: &str, report: &mut Report| {
        body.value(key).and_then(|value| value.text(&format!("`{key}` of an enrolment"), EXAMPLE, report))
    };
    let glob = match (text("cgroup", report), text("unit", report)) {
        (Some(cgroup), None) => glob::path(&cgroup, report),
        (None, Some(unit)) => glob::unit(&unit, report),
        (Some(_), Some(unit)) => {
            report.refuse(unit.spot, "an enrolment by `cgroup` and by `unit`", "write two");
            None
        }
        (None, None) => {
            report.refuse(body.spot, "an enrolment of nothing", EXAMPLE);
            None
        }
    };
    let except = body.texts("except", "except = [\"/machine.slice/libpod-conmon-*.scope\"]", report);
    let except: Vec<Glob> = except
        .iter()
        .filter_map(|text| {
            if text.text.starts_with('/') { glob::path(text, report) } else { glob::unit(text, report) }
        })
        .collect();
    let name = text("name", report).filter(|name| name_is_good(name, report));
    let Some(profile) = text("profile", report) else {
        report.refuse(body.spot, "an enrolment without `profile`", EXAMPLE);
        return None;
    };
    let enrolment = Enrolment {
        glob: glob?,
        except,
        profile: profile.text.clone(),
        name: name.map(|name| name.text),
        spot: body.spot,
    };
    Some(Written { enrolment, profile })
}

fn name_is_good(name: &Text, report: &mut Report) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let starts = name.text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if starts && name.text.len() < AGENT_NAME_MAX && name.text.bytes().all(plain) {
        return true;
    }
    let reason = format!("`{}` is no name for an agent", name.text.escape_debug());
    let most = AGENT_NAME_MAX - 1;
    report.refuse(
        name.spot,
        reason,
        format!("letters, digits, `.`, `_` and `-`, at most {most}, a letter or digit first"),
    );
    false
}

/// What only shows when everything is known.
pub(super) fn finish(draft: &Draft, report: &mut Report) -> Vec<Enrolment> {
    let mut enrolments: Vec<Enrolment> = Vec::new();
    let mut rows = 0;
    for Written { enrolment, profile } in &draft.enrolments {
        if !draft.profiles.contains_key(&profile.text) {
            let hint = proposal(
                &profile.text,
                draft.profiles.keys().map(String::as_str),
                "define it: [profiles.agent]",
            );
            report.refuse(profile.spot, format!("no profile `{}`", profile.text.escape_debug()), hint);
        }
        if enrolments.iter().any(|before| before.glob.same_as(&enrolment.glob)) {
            let reason = format!("`{}` is enrolled already", enrolment.glob);
            report.refuse(enrolment.glob.spot, reason, "keep one of the two");
        }
        for (whole, whose) in PROTECTED {
            refuse_what_takes(enrolment, whole, whose, report);
        }
        rows += 1 + enrolment.except.len();
        enrolments.push(enrolment.clone());
    }
    if rows > RULES_MAX as usize
        && let Some(last) = enrolments.last()
    {
        let reason =
            format!("{rows} rules of enrolments and exceptions, and the kernel's table has {RULES_MAX}");
        report.refuse(last.spot, reason, "let one glob stand for several");
    }
    enrolments
}

fn refuse_what_takes(enrolment: &Enrolment, whole: &[&str], whose: &str, report: &mut Report) {
    let taken = (1..=whole.len()).filter_map(|depth| whole.get(..depth)).find(|part| enrolment.takes(part));
    // What lies below guard's own is its own as well.
    let inside = enrolment.glob.may_begin_with(whole);
    if let Some(part) = taken {
        let reason = format!("`{}` takes /{}, {whose}", enrolment.glob, part.join("/"));
        report.refuse(enrolment.glob.spot, reason, "name what the agents' own cgroups have in common");
    } else if inside {
        let reason = format!("`{}` reaches into /{}, {whose}", enrolment.glob, whole.join("/"));
        report.refuse(enrolment.glob.spot, reason, "name what the agents' own cgroups have in common");
    }
}

impl Enrolment {
    /// Whether it takes the cgroup with this path itself.
    pub fn takes(&self, path: &[&str]) -> bool {
        self.glob.matches(path) && !self.except.iter().any(|glob| glob.matches(path))
    }
}
