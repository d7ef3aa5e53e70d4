//! Other programs than the suites', and none: those that speak, one that is gone; without a daemon root tries guard with
//! one command, others are told what to do. Last of all suites, for it takes the programs away.

use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::cli::reading::must_bite;
use crate::harness::fixture::{PROGRAM, WHOLE, folder};
use crate::harness::guard::PINS;
use crate::harness::shell::{end, end_within, until};
use crate::harness::{By, Spot, Test, Who, World, act, check, guard};

/// Within it a daemon starts that has to load its programs, on a busy machine.
const TIME_TO_LOAD: Duration = Duration::from_secs(600);

pub(super) fn all() -> Vec<Test> {
    vec![
        check("the_kernel_programs_speak_where_they_are_asked_to", kernel_log),
        check("a_program_that_was_taken_away_is_named_by_the_probe", toothless),
        check("an_ordinary_user_without_a_daemon_is_told_what_to_do", no_daemon),
        check(
            "root_without_a_daemon_gets_one_for_the_run_or_the_probe_and_the_embedded_default_keeps_its_word",
            ephemeral,
        ),
    ]
}

fn no_daemon(world: &mut World) -> Result<()> {
    world.end_daemon()?;
    let ended = end(guard::as_user(Who::User, "guard").args(["run", "--", PROGRAM, "echo", "ran"]))?;
    ensure!(ended.code() == 1 && !ended.out.contains("ran"), "{ended:?}");
    ensure!(ended.err.contains("daemon") && ended.err.contains("root"), "it does not help: {}", ended.err);
    for words in [&["status"][..], &["agents"], &["surface", "write", "off"], &["recover", "--note", "x"]] {
        let ended = guard::guard(words)?;
        ensure!(ended.code() == 1 && ended.err.contains("daemon"), "{words:?}: {ended:?}");
    }
    Ok(())
}

/// What the kernel programs say when they are asked to speak.
pub(crate) const WORDS: &str = "a task received its label";

/// On a host that never saw guard: no pins, no state.
fn fresh() -> Result<()> {
    for path in [PINS, guard::STATE, "/run/guard"] {
        if fs::exists(path)? {
            fs::remove_dir_all(path)?;
        }
    }
    Ok(())
}

fn try_guard(script: &str) -> Result<crate::harness::shell::Ended> {
    folder("/srv/guardtest")?;
    let mut command = guard::as_user(Who::Root, "guard");
    command.args(["run", "--workdir", "/srv/guardtest", "--", "sh", "-c", script]);
    end_within(&mut command, TIME_TO_LOAD)
}

/// The policy that serves where nobody wrote one, and a daemon where nobody started one.
fn ephemeral(world: &mut World) -> Result<()> {
    world.end_daemon()?;
    fresh()?;
    folder("/srv/guardtest/sub")?;
    fs::write("/srv/guardtest/.env", "TOKEN=1")?;
    fs::write("/srv/guardtest/sub/key.pem", "KEY")?;
    fs::create_dir_all("/root/.ssh")?;
    fs::write("/root/.ssh/id_test", "PRIVATE")?;
    fs::write(Spot::Root.p(), WHOLE)?;
    let script = r#"
        can() { if "$@" >/dev/null 2>&1; then echo "can $*"; else echo "cannot $*"; fi; }
        can cat /etc/passwd
        can touch new
        can touch "$TMPDIR/new"
        can cat .env
        can cat sub/key.pem
        can cat /root/.ssh/id_test
        can cat /etc/shadow
        can touch /etc/new
        can rm /usr/bin/true
        can cp /bin/busybox copy
        can ./copy true
        can unshare true
        can python3 -c 'import socket; socket.create_connection(("127.0.0.1", 7001))'
        can python3 -c 'import socket; socket.create_connection(("10.99.0.2", 7000))'
        exit 9
    "#;
    let ended = try_guard(script)?;
    let said: Vec<&str> = ended.out.lines().map(|line| line.split(' ').next().unwrap_or_default()).collect();
    let wanted = [
        "can", "can", "can", "cannot", "cannot", "cannot", "cannot", "cannot", "cannot", "can", "cannot",
        "cannot", "can", "cannot",
    ];
    ensure!(said == wanted && ended.code() == 9, "{} | {}", ended.out.replace('\n', "; "), ended.err);
    ensure!(fs::exists("/srv/guardtest/new")? && !fs::exists("/etc/new")?, "it says what it did not do");
    ensure!(ended.err.contains("starting one for the life of this run"), "it does not say so: {}", ended.err);
    ensure!(guard::guard(&["status"])?.code() == 1, "the daemon outlived the run");
    ensure!(!fs::exists(PINS)?, "the programs outlived the run, though no agent is left");
    let ended = guard::ok_within(&["doctor", "--probe", "--json"], TIME_TO_LOAD)?;
    ensure!(
        ended.err.contains("starting one for the life of this probe"),
        "it does not say so: {}",
        ended.err
    );
    ensure!(!fs::exists(PINS)?, "the programs outlived the probe");
    must_bite(&serde_json::from_str(&ended.out)?, &[])
}

/// With the programs of the suite before, if it ran: to load others takes long.
fn kernel_log(world: &mut World) -> Result<()> {
    world.end_daemon()?;
    let daemon = guard::Daemon::start_faulty()?;
    let mut agent = guard::agent(Who::User, "logged", By::Program)?;
    let outcome = agent.perform(&act(&format!("write {}", Spot::Tmpfs.p())).words)?;
    drop(agent);
    ensure!(daemon.stop()?.success(), "the daemon did not end in order");
    ensure!(outcome.code == nix::libc::EACCES, "with --kernel-log: {outcome:?}");
    ensure!(guard::log()?.contains(WORDS), "they are silent: {}", guard::log_tail());
    Ok(())
}

/// The probe needs no daemon. A program whose link is gone lets its act pass, and only that.
fn toothless(world: &mut World) -> Result<()> {
    world.end_daemon()?;
    if !fs::exists(PINS)? {
        ensure!(guard::Daemon::start()?.stop()?.success(), "the daemon did not end in order");
    }
    must_bite(&guard::json(&["doctor", "--probe"])?, &[])?;
    fs::remove_file(format!("{PINS}/links/path_mkdir"))?;
    let mut report = serde_json::Value::Null;
    // The kernel takes the program out a moment after its link.
    until("path_mkdir is gone", Duration::from_secs(20), || {
        let ended = guard::guard(&["doctor", "--probe", "--json"])?;
        ensure!(
            ended.code() == 1,
            "without path_mkdir the probe ends with {}: {}",
            ended.code(),
            ended.said()
        );
        report = serde_json::from_str(&ended.out)?;
        Ok(report["bites"] == false)
    })?;
    let text = guard::guard(&["doctor", "--probe"])?;
    fresh()?;
    ensure!(text.code() == 1 && text.out.contains("FAIL toothless path_mkdir"), "{}", text.said());
    must_bite(&report, &["path_mkdir"])
}
