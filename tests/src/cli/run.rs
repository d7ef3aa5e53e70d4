//! `guard run`: the program as if it ran alone, but for what is refused.

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::fixture::{ACT, PROGRAM, USER};
use crate::harness::shell::{COMMAND_LIMIT, Ended, end, until, wait};
use crate::harness::{Spot, Test, Who, World, check, guard};

pub(super) fn all() -> Vec<Test> {
    vec![
        check("the_exit_status_is_the_programs", status),
        check("output_and_input_pass_through", streams),
        check("a_signal_reaches_the_program_and_ends_the_launcher_alike", signals),
        check("a_missing_program_is_127_and_one_that_cannot_be_run_126", missing),
        check("a_program_that_may_not_be_run_is_126", forbidden),
        check("each_refusal_is_told_on_standard_error", refusals),
        check("the_work_folder_is_where_it_starts_and_may_write", workdir),
        check("an_ordinary_user_may_start_what_the_policy_lets", ordinary_user),
        check("an_ordinary_user_may_not_start_another_profile", reserved_profile),
        check("an_ordinary_user_may_not_choose_any_work_folder", reserved_folder),
        check("a_profile_that_does_not_exist_is_refused_with_the_nearest", no_profile),
        check("an_agent_may_not_talk_to_the_daemon", agent_asks),
    ]
}

fn run(who: Who, words: &[&str]) -> Result<Command> {
    let mut command = guard::run(who, "cli", &guard::workdir("cli")?);
    command.args(words);
    Ok(command)
}

fn ended(who: Who, words: &[&str]) -> Result<Ended> {
    end(&mut run(who, words)?)
}

fn status(world: &mut World) -> Result<()> {
    world.daemon()?;
    for who in [Who::User, Who::Root] {
        for status in [0, 1, 2, 42, 255] {
            let ended = ended(who, &["sh", "-c", &format!("exit {status}")])?;
            ensure!(ended.code() == status, "{status} became {}: {}", ended.status, ended.said());
        }
    }
    Ok(())
}

fn streams(world: &mut World) -> Result<()> {
    world.daemon()?;
    let mut command = run(Who::User, &["sh", "-c", "cat; echo to-err >&2"])?;
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    child.stdin.take().context("no pipe")?.write_all(b"from-in")?;
    let ended = wait(child, COMMAND_LIMIT)?;
    ensure!(ended.out == "from-in" && ended.err.contains("to-err"), "{ended:?}");
    Ok(())
}

fn signals(world: &mut World) -> Result<()> {
    world.daemon()?;
    // A program that is told says so and goes on.
    let script = "trap 'echo told; exit 7' TERM; echo ready; while :; do sleep 0.1; done";
    let mut child =
        run(Who::User, &["sh", "-c", script])?.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut out = std::io::BufReader::new(child.stdout.take().context("no pipe")?);
    let mut line = String::new();
    std::io::BufRead::read_line(&mut out, &mut line)?;
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM)?;
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut out, &mut rest)?;
    let status = child.wait()?;
    ensure!(rest == "told\n" && status.code() == Some(7), "{rest:?}, {status}");
    // One that is ended by a signal ends its launcher by the same.
    let ended = ended(Who::User, &["sh", "-c", "kill -USR1 $$"])?;
    ensure!(ended.status.signal() == Some(Signal::SIGUSR1 as i32), "{}", ended.status);
    Ok(())
}

fn missing(world: &mut World) -> Result<()> {
    world.daemon()?;
    let none = ended(Who::User, &["no-such-program"])?;
    ensure!(none.code() == 127 && none.err.contains("no-such-program"), "{none:?}");
    let folder = ended(Who::User, &["/usr"])?;
    ensure!(folder.code() == 126, "{folder:?}");
    Ok(())
}

fn forbidden(world: &mut World) -> Result<()> {
    world.daemon()?;
    let x = Spot::Tmpfs.x();
    let ended = ended(Who::User, &[&x, "true"])?;
    ensure!(ended.code() == 126 && ended.err.contains(&x), "{ended:?}");
    Ok(())
}

fn refusals(world: &mut World) -> Result<()> {
    world.daemon()?;
    let p = Spot::Tmpfs.p();
    let ended = ended(Who::User, &[ACT, "write", &p])?;
    ensure!(ended.code() == nix::libc::EACCES, "{ended:?}");
    for word in [p.as_str(), "write", "no edge"] {
        ensure!(ended.err.contains(word), "standard error does not say {word:?}: {}", ended.err);
    }
    let why = guard::ok(&["why", "--agent", "cli", "-n", "1"])?;
    ensure!(why.out.contains(&p) && why.out.contains("kept"), "`guard why` says {}", why.out);
    let json = guard::json(&["why", "--agent", "cli", "-n", "1"])?;
    ensure!(json[0]["object"] == p.as_str() && json[0]["reason"] == "no_edge", "{json}");
    Ok(())
}

fn workdir(world: &mut World) -> Result<()> {
    world.daemon()?;
    let ended = ended(
        Who::User,
        &[
            "sh",
            "-c",
            "pwd; echo mine >here && cat here; echo x 2>/dev/null >/guardtest/x; ls $TMPDIR >/dev/null && echo temp >$TMPDIR/t && cat $TMPDIR/t",
        ],
    )?;
    ensure!(ended.out == "/guardtest/work/cli\nmine\ntemp\n", "{ended:?}");
    ensure!(!fs::exists("/guardtest/x")?, "a file came to be outside the work folder");
    Ok(())
}

fn ordinary_user(world: &mut World) -> Result<()> {
    world.daemon()?;
    let ended = ended(Who::User, &[PROGRAM, "id", "-u"])?;
    ensure!(ended.code() == 0 && ended.out == format!("{USER}\n"), "{ended:?}");
    Ok(())
}

/// A launch as somebody else would order it; must be refused with a word.
fn refused(words: &[&str], word: &str) -> Result<()> {
    let ended =
        end(guard::as_user(Who::User, "guard").arg("run").args(words).args(["--", PROGRAM, "echo", "ran"]))?;
    ensure!(ended.code() == 1 && !ended.out.contains("ran"), "{words:?}: {ended:?}");
    ensure!(ended.err.contains(word), "{words:?} does not say {word:?}: {}", ended.err);
    Ok(())
}

fn reserved_profile(world: &mut World) -> Result<()> {
    world.daemon()?;
    let work = guard::workdir("cli")?;
    refused(&["--profile", "reserved", "--workdir", &work.to_string_lossy()], "reserved")
}

fn reserved_folder(world: &mut World) -> Result<()> {
    world.daemon()?;
    refused(&["--profile", "suite", "--workdir", &Spot::Tmpfs.at("pd")], "/guardtest/tmpfs/pd")?;
    refused(&["--profile", "suite", "--workdir", "/guardtest/work"], "/guardtest/work")
}

fn no_profile(world: &mut World) -> Result<()> {
    world.daemon()?;
    let work = guard::workdir("cli")?;
    refused(&["--profile", "siute", "--workdir", &work.to_string_lossy()], "suite")
}

/// The daemon's socket is nothing that an agent may reach, whatever its user, nor may it start `guard`; a copy it may.
fn agent_asks(world: &mut World) -> Result<()> {
    const COPY: &str = "/usr/local/bin/guardtest-guard";
    world.daemon()?;
    fs::copy(std::env::current_exe()?.with_file_name("guard"), COPY)?;
    for who in [Who::User, Who::Root] {
        for words in [&["status"][..], &["surface", "write", "on"], &["recover", "--note", "x"]] {
            for (program, code) in [("guard", 126), (COPY, 1)] {
                let ended = ended(who, &[&[program], words].concat())?;
                ensure!(ended.code() == code, "as {who:?} in an agent, {words:?} ended with {ended:?}");
            }
        }
    }
    until("the daemon answers others", Duration::from_secs(10), || Ok(guard::guard(&["status"])?.code() == 0))
}
