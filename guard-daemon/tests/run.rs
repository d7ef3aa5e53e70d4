//! `guard run` as a process among processes: exit codes, signals, descriptors, refusals on standard error. A
//! daemon of the test's own answers, so that it needs neither root nor a kernel that enforces; what the kernel
//! refuses is the kernel suites' to show.
#![expect(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a test fails by panicking")]

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use guard::control::wire::{Refusal, Request, Response};
use guard::model::effect::Notice;
use guard::model::record::Instance;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A daemon that launches everybody and refuses, in words alone, what the test wants.
struct Daemon {
    folder: tempfile::TempDir,
    asked: Arc<Mutex<Vec<Request>>>,
}

impl Daemon {
    fn start(refusals: Vec<Refusal>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("s")).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (log, refusals) = (Arc::clone(&log), refusals.clone());
                thread::spawn(move || serve(stream.unwrap(), &log, &refusals));
            }
        });
        Self { folder, asked }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    /// With every signal as it usually is: in the background of a script SIGINT is ignored, and stays so.
    fn guard(&self) -> Command {
        let mut command = Command::new("env");
        command.args(["--default-signal", env!("CARGO_BIN_EXE_guard")]);
        command.arg("--socket").arg(self.socket()).arg("run");
        command
    }

    fn shell(&self, script: &str) -> Output {
        self.guard().args(["--", "sh", "-c", script]).output().unwrap()
    }

    fn launches(&self) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|request| matches!(request, Request::Launch { .. })).count()
    }
}

fn serve(stream: UnixStream, log: &Mutex<Vec<Request>>, refusals: &[Refusal]) {
    let say = |response: &Response| {
        let mut line = serde_json::to_vec(response).unwrap();
        line.push(b'\n');
        (&stream).write_all(&line).unwrap();
    };
    for line in BufReader::new(&stream).lines() {
        let Ok(line) = line else { return };
        let request: Request = serde_json::from_str(&line).unwrap();
        if request == Request::Settle {
            // As the daemon does: until who watches is told everything.
            while !log.lock().unwrap().iter().any(|known| matches!(known, Request::Watch { .. })) {
                thread::sleep(Duration::from_millis(1));
            }
        } else if !matches!(request, Request::Watch { .. }) {
            log.lock().unwrap().push(request.clone());
        }
        let instance =
            || Instance { agent: "test".into(), slot: 3, instance: "i".into(), profile: "p".into() };
        match request {
            Request::Launch { .. } => say(&Response::Launched {
                instance: instance(),
                environment: vec![("TMPDIR".into(), "/private".into())],
            }),
            Request::Watch { slot: 3 } => {
                say(&Response::Done);
                refusals.iter().cloned().map(Response::Refused).for_each(|refusal| say(&refusal));
                log.lock().unwrap().push(request);
            }
            Request::Settle => say(&Response::Done),
            Request::Status => say(&Response::Agents { agents: Vec::new() }),
            other => panic!("unexpected {other:?}"),
        }
    }
}

fn refusal(object: &str) -> Refusal {
    let notice = Notice {
        slot: 1,
        agent: "test".into(),
        pid: 1,
        comm: "sh".into(),
        surface: "write".into(),
        operation: "open".into(),
        object: object.into(),
        zone: "system".into(),
        reason: "no_edge".into(),
        primitive: "network_boundary".into(),
        sentence: "no edge leads there".into(),
        remedy: None,
    };
    Refusal { entry: Some(1), wall_ms: 1, notice }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_exit_code_is_the_programs_own() {
    let daemon = Daemon::start(Vec::new());
    for code in [0, 1, 2, 7, 126, 127, 255] {
        assert_eq!(daemon.shell(&format!("exit {code}")).status.code(), Some(code));
    }
}

#[test]
fn a_program_ended_by_a_signal_ends_the_run_by_the_same_signal() {
    let daemon = Daemon::start(Vec::new());
    for signal in ["HUP", "INT", "TERM", "KILL", "USR1", "ABRT", "SEGV"] {
        let status = daemon.shell(&format!("kill -{signal} $$")).status;
        let expected = format!("SIG{signal}").parse::<Signal>().unwrap() as i32;
        assert_eq!(status.signal(), Some(expected), "{signal}: {status}");
    }
}

#[test]
fn a_signal_sent_to_the_run_reaches_the_program() {
    let daemon = Daemon::start(Vec::new());
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGQUIT] {
        let name = signal.as_str().trim_start_matches("SIG");
        let script =
            format!("trap 'echo got {name}; exit 9' {name}; echo ready; while :; do sleep 0.05; done");
        let mut run =
            daemon.guard().args(["--", "sh", "-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(run.stdout.take().unwrap()).lines();
        assert_eq!(out.next().unwrap().unwrap(), "ready");
        kill(Pid::from_raw(run.id().cast_signed()), signal).unwrap();
        assert_eq!(out.next().unwrap().unwrap(), format!("got {name}"));
        assert_eq!(run.wait().unwrap().code(), Some(9), "{name}");
    }
}

#[test]
fn the_program_has_every_signal_unblocked_and_as_it_was_set() {
    let daemon = Daemon::start(Vec::new());
    let out = text(&daemon.shell("exec grep -E '^Sig(Blk|Ign)' /proc/self/status").stdout);
    let blocked = out.lines().find(|line| line.starts_with("SigBlk")).unwrap();
    assert_eq!(blocked, "SigBlk:\t0000000000000000");
    let ignored = out.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap();
    let pipe = 1_u64 << (Signal::SIGPIPE as u32 - 1);
    assert_eq!(u64::from_str_radix(ignored, 16).unwrap() & pipe, 0, "SIGPIPE is ignored");
}

#[test]
fn the_program_inherits_its_standard_streams_and_nothing_else() {
    let daemon = Daemon::start(Vec::new());
    // The shell opens 7, so that it is not close-on-exec; `ls` shows its own look at the folder as one more.
    let script = format!(
        "exec 7</etc/passwd; exec {} --socket {} run -- ls /proc/self/fd",
        env!("CARGO_BIN_EXE_guard"),
        daemon.socket().display()
    );
    let output = Command::new("sh").args(["-c", &script]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(text(&output.stdout), "0\n1\n2\n3\n", "{}", text(&output.stderr));
}

#[test]
fn a_command_that_is_not_there_is_127_one_that_cannot_run_126_and_neither_makes_an_agent() {
    let daemon = Daemon::start(Vec::new());
    let end = |command: &str| {
        let output = daemon.guard().args(["--", command]).output().unwrap();
        (output.status.code(), text(&output.stderr))
    };
    assert_eq!(end("no-such-program"), (Some(127), "guard: no-such-program: command not found\n".into()));
    assert_eq!(end("/etc/passwd"), (Some(126), "guard: /etc/passwd: is not executable\n".into()));
    assert_eq!(daemon.launches(), 0);
}

#[test]
fn arguments_outside_utf8_arrive_unchanged_and_the_work_folder_may_have_such_a_name() {
    let daemon = Daemon::start(Vec::new());
    let folder = daemon.folder.path().join(OsStr::from_bytes(b"w\xff"));
    std::fs::create_dir(&folder).unwrap();
    let output = daemon
        .guard()
        .arg("--workdir")
        .arg(&folder)
        .args(["--", "sh", "-c", "printf '%s|' \"$@\"; echo \"$PWD $TMPDIR\"; exec pwd -P", "x"])
        .args([OsStr::from_bytes(b"a\xfe"), OsStr::new(""), OsStr::new("--agent")])
        .output()
        .unwrap();
    let folder = folder.canonicalize().unwrap();
    let folder = folder.as_os_str().as_bytes();
    assert_eq!(output.stdout, [b"a\xfe||--agent|", folder, b" /private\n", folder, b"\n"].concat());
}

#[test]
fn each_refusal_is_told_on_standard_error_and_summed_up_at_the_end() {
    let daemon =
        Daemon::start(vec![refusal("/etc/a"), refusal("/etc/a"), refusal("/etc/a"), refusal("/etc/b")]);
    let output = daemon.shell("echo out");
    assert_eq!(text(&output.stdout), "out\n");
    assert_eq!(
        text(&output.stderr),
        "guard: refused write /etc/a (zone system): no edge leads there [no_edge]\n\
         guard: refused write /etc/b (zone system): no edge leads there [no_edge]\n\
         guard: refused 2 times more: write /etc/a (zone system) [no_edge]\n\
         guard: 4 refusals in this run; `guard why --agent test` tells more\n"
    );
}

#[test]
fn a_run_without_refusals_adds_nothing_to_the_programs_output() {
    let output = Daemon::start(Vec::new()).shell("echo out; echo err >&2");
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("out\n".into(), "err\n".into()));
}

#[test]
fn a_daemon_that_refuses_the_launch_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            let answer: &[u8] = match serde_json::from_str(&line).unwrap() {
                Request::Launch { .. } => {
                    b"{\"response\":\"failed\",\"message\":\"no profile \\\"x\\\"\",\"forbidden\":false}\n"
                }
                _ => b"{\"response\":\"done\"}\n",
            };
            (&stream).write_all(answer).unwrap();
        }
    });
    let guard = Command::new(env!("CARGO_BIN_EXE_guard"))
        .arg("--socket")
        .arg(&socket)
        .args(["run", "--profile", "x", "--", "touch"])
        .arg(folder.path().join("ran"))
        .output()
        .unwrap();
    assert_eq!(guard.status.code(), Some(1));
    assert_eq!(text(&guard.stderr), "guard: no profile \"x\"\n");
    assert!(!folder.path().join("ran").exists());
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let daemon = Daemon::start(Vec::new());
    let script = format!(
        "{} --socket {} agents | true; exit 0",
        env!("CARGO_BIN_EXE_guard"),
        daemon.socket().display()
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(!text(&output.stderr).contains("panicked"), "{}", text(&output.stderr));
}
