//! The reading commands: text for people, JSON for programs, and nothing that widens.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::harness::shell::end;
use crate::harness::{Spot, Test, Who, World, check, guard};
use crate::loads::bare::WORDS;

pub(super) fn all() -> Vec<Test> {
    vec![
        check("every_reading_command_has_text_and_json", both_forms),
        check("status_tells_what_is_in_force", status),
        check("the_kernel_programs_are_silent_until_they_are_asked_to_speak", silent),
        check("doctor_finds_everything_in_place", doctor),
        check("every_hook_and_every_field_is_held_against_the_types_of_this_kernel", signatures),
        check("doctor_names_what_is_missing", doctor_missing),
        check("every_program_that_doctor_probes_bites", doctor_probe),
        check("audit_query_finds_by_agent_and_verdict", query),
        check("an_ordinary_user_reads_and_orders_nothing", ordinary_user),
        check("wrong_usage_is_2", usage),
    ]
}

fn both_forms(world: &mut World) -> Result<()> {
    world.must_refuse(&format!("write {}", Spot::Tmpfs.p()))?;
    for words in [&["status"][..], &["agents"], &["surface"], &["why"], &["doctor"], &["audit", "verify"]] {
        let text = guard::ok(words)?.out;
        ensure!(
            !text.trim().is_empty() && serde_json::from_str::<Value>(&text).is_err(),
            "{words:?} says {text}"
        );
        guard::json(words)?;
    }
    let lines = guard::ok(&["audit", "query", "--json"])?.out;
    ensure!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "audit query: {lines}");
    ensure!(!guard::ok(&["audit", "query"])?.out.is_empty(), "audit query says nothing");
    Ok(())
}

fn status(world: &mut World) -> Result<()> {
    world.must_allow("nothing")?;
    let status = guard::json(&["status"])?;
    ensure!(status["enforcing"] == true && status["missing"] == Value::Array(Vec::new()), "{status}");
    ensure!(status["kill"] == "run" && status["agents_alive"].as_u64() > Some(0), "{status}");
    ensure!(status["ledger_error"].is_null(), "{status}");
    Ok(())
}

fn silent(world: &mut World) -> Result<()> {
    world.must_allow("nothing")?;
    ensure!(!guard::log()?.contains(WORDS), "they speak though they are off");
    Ok(())
}

fn doctor(world: &mut World) -> Result<()> {
    world.daemon()?;
    let report = guard::json(&["doctor"])?.to_string();
    for word in ["btf", "bpf", "cgroup", "lsm"] {
        ensure!(report.to_lowercase().contains(word), "doctor does not speak of {word}: {report}");
    }
    Ok(())
}

/// Each program that is in force was held against this kernel's hooks, and each field that they read was found.
fn signatures(world: &mut World) -> Result<()> {
    world.daemon()?;
    let report = guard::json(&["doctor"])?;
    let checks = report["checks"].as_array().context("no checks")?;
    let found = |name: &str| {
        let check = checks.iter().find(|check| check["name"] == name && check["ok"] == true);
        check.and_then(|check| check["found"].as_str()).with_context(|| format!("no {name} in {report}"))
    };
    let fields = guard_common::fields::ALL.len();
    ensure!(found("kernel types (BTF)")? == format!("all {fields} fields found"), "{report}");
    let in_force = std::fs::read_dir(format!("{}/links", guard::PINS))?.count();
    ensure!(
        in_force > 0 && found("kernel hooks (BTF)")? == format!("all {in_force} programs fit"),
        "{report}"
    );
    Ok(())
}

/// Without pins nothing enforces, and doctor says so.
fn doctor_missing(world: &mut World) -> Result<()> {
    world.daemon()?;
    for (pin, name, words) in [
        ("maps/MARKS", "MARKS", &["doctor", "--json"][..]),
        ("links/file_open", "file_open", &["doctor", "--json"]),
        ("", "guard", &["doctor", "--in-force", "--json"]),
    ] {
        let (pin, hidden) = (format!("{}/{pin}", guard::PINS), "/sys/fs/bpf/hidden");
        std::fs::rename(&pin, hidden).with_context(|| format!("cannot hide {pin}"))?;
        let ended = guard::guard(words);
        std::fs::rename(hidden, &pin)?;
        let ended = ended?;
        ensure!(ended.code() == 1, "without {pin} doctor ends with {}: {}", ended.code(), ended.said());
        let report: Value = serde_json::from_str(&ended.out)?;
        let checks = report["checks"].as_array().context("no checks")?;
        let named = |check: &&Value| check["ok"] == false && check.to_string().contains(name);
        ensure!(checks.iter().any(|check| named(&check)), "{pin} is not named in {report}");
    }
    guard::ok(&["doctor", "--in-force"]).map(drop)
}

/// Each program was asked, and did what it is there for; the refusals are in the ledger, and not in the way of those that
/// somebody asks `why` about.
fn doctor_probe(world: &mut World) -> Result<()> {
    world.records()?;
    let report = guard::json(&["doctor", "--probe"])?;
    must_bite(&report, &[])?;
    let entries = world.records()?;
    let refused = entries.iter().filter(|entry| {
        entry.record["instance"]["agent"] == "guard-doctor" && entry.record["verdict"] == "deny"
    });
    let count = refused.count();
    ensure!(count >= 45, "the ledger has {count} refusals of the probe");
    let why = guard::json(&["why", "-n", "100"])?.to_string();
    ensure!(!why.contains("guard-doctor"), "why tells of the probe: {why}");
    for folder in ["/run", "/sys/fs/cgroup/guard"] {
        for entry in std::fs::read_dir(folder)? {
            let name = entry?.file_name();
            ensure!(!name.to_string_lossy().contains("guard-doctor"), "the probe leaves {folder}/{name:?}");
        }
    }
    Ok(())
}

/// Demands that a probe's report names these as toothless, and that no other program was left out: one is always behind
/// another, and what a kernel does not offer cannot be tried.
pub(crate) fn must_bite(report: &Value, toothless: &[&str]) -> Result<()> {
    let checks = report["checks"].as_array().context("no checks")?;
    let of = |word: &str| -> Vec<&str> {
        let names =
            checks.iter().filter(|check| check["part"] == "probe").filter_map(|check| check["name"].as_str());
        names.filter_map(|name| name.strip_prefix(word)?.strip_prefix(' ')).collect()
    };
    ensure!(of("toothless") == toothless, "toothless: {:?}: {report}", of("toothless"));
    ensure!(of("untried") == ["task_movememory"], "not tried: {:?}: {report}", of("untried"));
    let unknown =
        checks.iter().filter(|check| check["ok"].is_null()).filter_map(|check| check["name"].as_str());
    ensure!(unknown.eq(["untried task_movememory"]), "what was not tried is taken for well: {report}");
    let tried = of("refuses").len() + of("works").len() + toothless.len() + 1;
    let loaded =
        checks.iter().filter(|check| check["name"].as_str().is_some_and(|name| name.starts_with("program ")));
    let loaded = loaded.count();
    ensure!(tried == loaded, "{tried} of {loaded} programs were looked at: {report}");
    Ok(())
}

fn query(world: &mut World) -> Result<()> {
    world.must_refuse(&format!("write {}", Spot::Tmpfs.p()))?;
    world.records()?;
    let ended =
        guard::ok(&["audit", "query", "--agent", "suite-user", "--verdict", "deny", "-n", "0", "--json"])?;
    ensure!(ended.out.lines().count() > 0, "nothing is found");
    for line in ended.out.lines() {
        let entry: Value = serde_json::from_str(line)?;
        let record = &entry["record"];
        ensure!(record["verdict"] == "deny" && record["instance"]["agent"] == "suite-user", "found {record}");
    }
    let none = guard::ok(&["audit", "query", "--agent", "nobody-of-this-name", "--json"])?;
    ensure!(none.out.is_empty(), "found for nobody: {}", none.out);
    Ok(())
}

fn ordinary_user(world: &mut World) -> Result<()> {
    world.daemon()?;
    for words in [
        &["surface", "write", "off"][..],
        &["kill"],
        &["kill", "--agent", "suite-user"],
        &["recover", "--note", "please"],
        &["policy", "apply", guard::POLICY],
    ] {
        let ended = end(guard::as_user(Who::User, "guard").args(words))?;
        ensure!(ended.code() == 1, "an ordinary user's {words:?} ended with {ended:?}");
    }
    world.must_allow(&format!("write {}", Spot::Tmpfs.w("f"))).map(drop)
}

fn usage(_: &mut World) -> Result<()> {
    for words in
        [&["no-such-command"][..], &["run"], &["surface", "write", "maybe"], &["kill", "--mode", "gently"]]
    {
        let ended = guard::guard(words)?;
        ensure!(ended.code() == 2 && !ended.err.is_empty(), "{words:?} ended with {ended:?}");
    }
    for words in [&["--help"][..], &["run", "--help"], &["kill", "--help"], &["--version"]] {
        ensure!(guard::ok(words)?.out.len() > 10, "{words:?} says too little");
    }
    Ok(())
}
