//! Enrolments: which may be written, which are refused, and what two policies enrol differently.

use super::{compiled, complaints};
use crate::policy::diff;

const BASE: &str = "version = 1\n[profiles.agent]\n[[enrol]]\n";

/// The complaints about `BASE` with an enrolment's keys from line 4 on.
fn enrol(text: &str) -> Vec<String> {
    complaints(&format!("{BASE}{text}\n"))
}

#[test]
fn what_would_take_the_host_is_refused() {
    let hint = "name what the agents' own cgroups have in common";
    for (glob, why) in [
        ("/init.scope", "`/init.scope` takes /init.scope, the host's first process"),
        ("/system.slice", "`/system.slice` takes /system.slice, guard's own daemon"),
        ("/*", "`/*` takes /init.scope, the host's first process"),
        (
            "/system.slice/*.service",
            "`/system.slice/*.service` takes /system.slice/guardd.service, guard's own daemon",
        ),
        ("/guard", "`/guard` takes /guard, guard's own agents"),
        ("/guard/*", "`/guard/*` reaches into /guard, guard's own agents"),
        (
            "/system.slice/guardd.service/x",
            "`/system.slice/guardd.service/x` reaches into /system.slice/guardd.service, guard's own daemon",
        ),
    ] {
        let said = enrol(&format!("cgroup = \"{glob}\"\nprofile = \"agent\""));
        assert!(said.contains(&format!("policy test.toml:4:10: {why}; {hint}")), "{glob}: {said:?}");
    }
    for unit in ["guardd.service", "*.service", "init.scope", "g*.service"] {
        let said = enrol(&format!("unit = \"{unit}\"\nprofile = \"agent\""));
        assert!(said.iter().all(|one| one.contains(hint)) && !said.is_empty(), "{unit}: {said:?}");
    }
    assert_eq!(
        enrol("unit = \"*.slice\"\nprofile = \"agent\""),
        [
            "policy test.toml:4:8: unit `*.slice` takes one of the host's own slices; name the agents' own units"
        ]
    );
}

#[test]
fn an_exception_takes_the_daemon_out() {
    let text = "cgroup = \"/system.slice/*.service\"\nexcept = [\"/system.slice/guardd.service\"]\nprofile = \"agent\"\n";
    assert_eq!(compiled(&format!("{BASE}{text}")).rules().len(), 2);
}

#[test]
fn an_enrolment_that_is_none_is_refused_with_what_to_write() {
    for (text, said) in [
        (
            "cgroup = \"/\"",
            "4:10: cgroup `/` is the root, which is the whole host; name the agents' own cgroups",
        ),
        (
            "cgroup = \"agents\"",
            "4:10: cgroup `agents` is relative; write it from the hierarchy's root on: /system.slice/agent-*.service",
        ),
        ("cgroup = \"/a/**\"", "4:10: cgroup `/a/**` has two `*` in one name; one `*` in a name"),
        (
            "cgroup = \"/a/?\"",
            "4:10: cgroup `/a/?` is a pattern of a kind that is not known; one `*` in a name",
        ),
        (
            "cgroup = \"/a//b\"",
            "4:10: cgroup `/a//b` has an empty name, `.` or `..` in it; write each name once, with one `/` between",
        ),
        (
            "cgroup = \"/1/2/3/4/5/6/7/8/9\"",
            "4:10: cgroup `/1/2/3/4/5/6/7/8/9` has 9 names; the kernel compares 8",
        ),
        (
            "unit = \"agent\"",
            "4:8: unit `agent` names no unit that has a cgroup; end it in .service, .scope or .slice",
        ),
        (
            "unit = \"/a/b.service\"",
            "4:8: unit `/a/b.service` is a path; a unit is its name alone; write cgroup = \"/…\"",
        ),
        (
            "cgroup = \"/a\"\nname = \"a b\"",
            "5:8: `a b` is no name for an agent; letters, digits, `.`, `_` and `-`, at most 63, a letter or digit first",
        ),
        ("cgroup = \"/a\"\nprofil = 1", "5:1: unknown key `profil` in an enrolment; did you mean `profile`?"),
    ] {
        assert_eq!(enrol(&format!("{text}\nprofile = \"agent\"")), [format!("policy test.toml:{said}")]);
    }
    assert_eq!(
        enrol("cgroup = \"/a\"\nprofile = \"agnet\""),
        ["policy test.toml:5:11: no profile `agnet`; did you mean `agent`?"]
    );
    let example = "write [[enrol]] with cgroup = \"/system.slice/agent-*.service\" or unit = \"agent-*.service\", and profile = \"agent\"";
    assert_eq!(
        enrol(""),
        [
            format!("policy test.toml:3:1: an enrolment of nothing; {example}"),
            format!("policy test.toml:3:1: an enrolment without `profile`; {example}"),
        ]
    );
    assert_eq!(
        enrol("cgroup = \"/a\"\nunit = \"a.service\"\nprofile = \"agent\""),
        ["policy test.toml:5:8: an enrolment by `cgroup` and by `unit`; write two"]
    );
    assert_eq!(
        enrol("cgroup = \"/a\"\nprofile = \"agent\"\n[[enrol]]\ncgroup = \"/a\"\nprofile = \"agent\""),
        ["policy test.toml:7:10: `/a` is enrolled already; keep one of the two"]
    );
}

#[test]
fn more_rules_than_the_kernel_has_room_for_are_refused() {
    let many: String =
        (0..33).map(|n| format!("[[enrol]]\ncgroup = \"/a/{n}\"\nprofile = \"agent\"\n")).collect();
    let said = complaints(&format!("version = 1\n[profiles.agent]\n{many}"));
    assert_eq!(said.len(), 1);
    assert!(
        said[0].contains("33 rules of enrolments and exceptions, and the kernel's table has 32"),
        "{said:?}"
    );
}

#[test]
fn launchers_are_the_usual_ones_or_the_policys_own_and_none_without_enrolments() {
    let enrolled = format!("{BASE}cgroup = \"/a\"\nprofile = \"agent\"\n");
    let usual = compiled(&enrolled);
    assert!(usual.launchers().iter().any(|(path, _)| *path == "/usr/bin/crun"));
    let own = compiled(&format!("launchers = [\"/opt/run\"]\n{enrolled}"));
    assert_eq!(own.launchers().iter().map(|(path, _)| *path).collect::<Vec<_>>(), ["/opt/run"]);
    assert!(compiled("version = 1\nlaunchers = [\"/opt/run\"]\n").launchers().is_empty());
}

#[test]
fn what_is_enrolled_differently_is_told() {
    let none = compiled("version = 1\n[profiles.agent]\n");
    let text = "unit = \"a-*.service\"\nexcept = [\"a-b.service\"]\nprofile = \"agent\"\nname = \"ada\"\n";
    let some = compiled(&format!("{BASE}{text}"));
    let told: Vec<String> = diff(&none, &some).iter().map(ToString::to_string).collect();
    assert_eq!(told, ["enrolled: +a-*.service except a-b.service as agent named ada"]);
    let told: Vec<String> = diff(&some, &none).iter().map(ToString::to_string).collect();
    assert_eq!(told, ["enrolled: -a-*.service except a-b.service as agent named ada"]);
}
