//! What a policy may not say: each with place, reason, and what to do.

use super::{compiled, complaints};

const BASE: &str = "version = 1\n[profiles.agent]\n[zones.data]\npaths = [\"/data\"]\n[zones.net]\naddresses = [\"10.0.0.0/8\"]\n";

/// The complaints about `BASE` with something added from line 7 on.
fn added(text: &str) -> Vec<String> {
    complaints(&format!("{BASE}{text}"))
}

fn edge(rest: &str) -> String {
    format!("[[edges]]\nprofile = \"agent\"\n{rest}\n")
}

#[test]
fn a_misspelt_word_is_refused_with_the_one_that_was_meant() {
    assert_eq!(
        complaints("version = 1\ndefalt_profile = \"agent\"\n[profiles.agent]\n"),
        ["policy test.toml:2:1: unknown key `defalt_profile` in the policy; did you mean `default_profile`?"]
    );
    assert_eq!(
        added("[network_boundry]\n"),
        [
            "policy test.toml:7:2: unknown key `network_boundry` in the policy; did you mean `network_boundary`?"
        ]
    );
    assert_eq!(
        added("[blast]\nbound = 1\n"),
        ["policy test.toml:7:2: unknown key `blast` in the policy; did you mean `blast_radius`?"]
    );
    assert_eq!(
        added("[zones.more]\npath = [\"/x\"]\n"),
        [
            "policy test.toml:7:8: zone `more` has neither paths, names, packages, digests nor addresses; write what belongs to it, or take it out",
            "policy test.toml:8:1: unknown key `path` in zone `more`; did you mean `paths`?",
        ]
    );
    assert_eq!(
        added(&edge("zone = \"dta\"\nallow = [\"read\"]")),
        ["policy test.toml:9:8: no zone `dta`; did you mean `data`?"]
    );
    assert_eq!(
        added("[[edges]]\nprofile = \"agnet\"\nzone = \"data\"\nallow = [\"raed\"]\n"),
        [
            "policy test.toml:8:11: no profile `agnet`; did you mean `agent`?",
            "policy test.toml:10:10: unknown surface `raed`; did you mean `read`?",
        ]
    );
}

#[test]
fn an_edge_that_can_decide_nothing_is_refused() {
    for (rest, line) in [
        (
            "zone = \"net\"\nallow = [\"exec\"]",
            "10:10: `exec` leads nowhere: zone `net` has addresses only; it can have `connect`, `listen`",
        ),
        (
            "zone = \"data\"\nallow = [\"connect\"]",
            "10:10: `connect` leads nowhere: zone `data` has no addresses; it can have `exec`, `read`, `write`, `ipc`, `admin`",
        ),
        (
            "zone = \"work\"\nallow = [\"connect\"]",
            "10:10: `connect` leads nowhere: zone `work` has no addresses; it can have `exec`, `read`, `write`, `ipc`, `admin`",
        ),
        (
            "zone = \"guard\"\nallow = [\"read\"]",
            "9:8: an edge to `guard`; guard's own files are nobody's to touch: take it out",
        ),
        (
            "zone = \"unresolved\"\ndeny = [\"read\"]",
            "9:8: an edge to `unresolved`; what could not be resolved is always refused: take it out",
        ),
        (
            "zone = \"host\"\nallow = [\"read\"]",
            "10:10: `read` leads nowhere: zone `host` has no files and no addresses; it can have `ipc`, `admin`",
        ),
        (
            "zone = \"memory\"\nallow = [\"admin\"]",
            "10:10: `admin` leads nowhere: zone `memory` has memory only; it can have `exec`",
        ),
        (
            "zone = \"data\"\nallow = [\"sql\"]",
            "10:10: `sql` is not judged by this version; take it out: it would promise what nothing keeps",
        ),
        ("zone = \"data\"", "7:1: an edge that says nothing; write allow = [\"read\"], or hold, or deny"),
        (
            "allow = [\"read\"]",
            "7:1: an edge without `zone`; write [[edges]] with profile = \"agent\", zone = \"data\", allow = [\"read\"]",
        ),
        (
            "zone = \"data\"\nallow = \"read\"",
            "10:9: `allow` must be a list of texts, and is a text; allow = [\"read\", \"write\"]",
        ),
        (
            "zone = \"data\"\nallow = [7]",
            "10:10: an item of `allow` must be a text, and is a number; allow = [\"read\", \"write\"]",
        ),
    ] {
        assert_eq!(added(&edge(rest)), [format!("policy test.toml:{line}")], "{rest}");
    }
}

#[test]
fn two_edges_for_one_surface_are_refused_wherever_they_stand() {
    let twice = format!(
        "{}{}",
        edge("zone = \"data\"\nallow = [\"read\"]"),
        edge("zone = \"data\"\ndeny = [\"read\", \"write\"]")
    );
    assert_eq!(
        added(&twice),
        [
            "policy test.toml:14:9: a second edge for `read` from `agent` to `data`: deny after allow; keep the one that you mean"
        ]
    );
    assert_eq!(added(&edge("zone = \"data\"\nallow = [\"read\", \"read\"]")).len(), 1);
    // Another surface, zone or profile is another edge.
    compiled(&format!(
        "{BASE}{}{}",
        edge("zone = \"data\"\nallow = [\"read\"]"),
        edge("zone = \"data\"\nallow = [\"write\"]")
    ));
}

#[test]
fn an_object_in_two_zones_is_refused() {
    for (zone, line) in [
        ("paths = [\"/data/\"]", "8:10: path `/data` is in zone `more` and in zone `data`"),
        ("addresses = [\"10.0.0.0/8\"]", "8:14: address `10.0.0.0/8` is in zone `more` and in zone `net`"),
    ] {
        let text = format!("[zones.more]\n{zone}\n");
        assert_eq!(
            added(&text),
            [format!("policy test.toml:{line}; an object has one zone: take it out of one of them")]
        );
    }
    let ports =
        "[zones.a]\naddresses = [\"10.0.0.5:8000-8010\"]\n[zones.b]\naddresses = [\"10.0.0.5:8005\"]\n";
    assert!(added(ports)[0].contains("is in zone `b` and in zone `a`"), "{:?}", added(ports));
    let names = "[zones.a]\nnames = [\".ssh\"]\n[zones.b]\nnames = [\".ssh\"]\n";
    assert!(added(names)[0].contains("name rule `.ssh` is in zone `b` and in zone `a`"));
    // A narrower address, or a folder inside, is another object.
    compiled(&format!(
        "{BASE}[zones.more]\npaths = [\"/data/in\"]\naddresses = [\"10.1.0.0/16\", \"10.0.0.0/8:443\"]\n"
    ));
}

#[test]
fn values_that_cannot_be_are_refused() {
    for (text, line) in [
        ("version = 2\n", "1:11: this program does not know that version of the form; write `version = 1`"),
        ("[profiles.agent]\n", "1:1: no `version`; write `version = 1` first"),
        ("version = 1\ndefault_profile = \"x\"\n", "2:19: no profile `x`; define it: [profiles.agent]"),
        (
            "version = 1\n[rate_limit]\nexecs = 1\n",
            "2:2: `rate_limit` is not part of this version; take the table out",
        ),
        (
            "version = 1\n[kill_switch]\nmode = 1\n",
            "2:2: `kill_switch` has no settings in this version; it is always on; take the table out",
        ),
        (
            "version = 1\n[zones.work]\npaths = [\"/x\"]\n",
            "2:8: zone `work` is built in, and what belongs to it is not for a policy to say; give your zone another name",
        ),
        (
            "version = 1\n[zones.\"A b\"]\npaths = [\"/x\"]\n",
            "2:8: `A b` cannot be a zone's name; use a-z, 0-9, `_` and `-`, 64 at most",
        ),
        (
            "version = 1\n[profiles.a]\nlaunch = { users = [\"*\"] }\n",
            "3:10: profile `a` may be started by others than root, and nowhere; write where: workdirs = [\"/home/*\"]",
        ),
        (
            "version = 1\n[profiles.a]\nlaunch = { groups = [\"*\"], workdirs = [\"/srv\"] }\n",
            "3:22: `*` in `groups` names nobody; write names or numbers; users = [\"*\"] is everybody",
        ),
        (
            "version = 1\nzones = 3\n",
            "2:9: `zones` must be a table, and is a number; write [zones.data] with paths = [\"/srv/data\"]",
        ),
        (
            "version = 1\n[[zones]]\npaths = [\"/x\"]\n",
            "2:1: `zones` must be a table, and is a list; write [zones.data] with paths = [\"/srv/data\"]",
        ),
    ] {
        assert_eq!(complaints(text), [format!("policy test.toml:{line}")], "{text}");
    }
}

#[test]
fn every_problem_of_a_file_is_told_in_the_order_of_its_lines() {
    let text = "version = 1\nx = 1\n[zones.a]\npaths = [\"b\", \"/c/../d\"]\nnames = [\"*\"]\naddresses = [\"1.2.3.4/8\", \"h.example\"]\n[[edges]]\nprofile = \"p\"\nzone = \"q\"\nallow = [\"r\"]\n";
    let lines: Vec<String> =
        complaints(text).iter().map(|line| line.split(':').nth(1).unwrap().to_owned()).collect();
    assert_eq!(lines, ["2", "4", "4", "5", "6", "6", "8", "9"]);
}

#[test]
fn what_is_not_toml_is_refused_at_its_place() {
    let complaint = &complaints("version = 1\n[zones.a\npaths = [\"/x\"]\n")[0];
    assert!(
        complaint.starts_with("policy test.toml:2:") && complaint.ends_with("; this is not TOML yet"),
        "{complaint}"
    );
    assert!(complaints("version = 1\nversion = 1\n")[0].contains("duplicate"));
    let columns = &complaints("version = 1\n[zones.a]\npaths = [\"/äöü\", \"x\"]\n")[0];
    assert!(columns.starts_with("policy test.toml:3:18:"), "columns are characters: {columns}");
}

#[test]
fn what_is_strange_is_taken_with_a_warning() {
    let policy = compiled(&format!(
        "{BASE}[zones.named]\nnames = [\"*.pem\", \"*.pem\"]\n{}{}",
        edge("zone = \"data\"\nhold = [\"write\"]"),
        edge("zone = \"named\"\nallow = [\"read\", \"write\"]"),
    ));
    let warnings: Vec<String> = policy.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "policy test.toml:8:19: name rule `*.pem` stands twice in zone `named`; once is enough",
            "policy test.toml:12:9: `hold` for `write` is in force as `deny`; nobody can be asked yet; the program is refused at once",
            "policy test.toml:16:18: zone `named` has name rules, and this allows `write`; it holds for objects of that name in every folder",
        ]
    );
}
