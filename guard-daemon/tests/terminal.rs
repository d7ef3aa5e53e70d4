//! `guard run` at a terminal: the shell sees of it what it would see of the program itself. A pseudo-terminal with
//! an interactive shell, and a daemon of the test's own; needs neither root nor a kernel that enforces.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Long enough for a machine that does many other things.
const LIMIT: Duration = Duration::from_secs(20);

/// Time enough to press a key before the program starts.
const LAUNCH_TAKES: Duration = Duration::from_millis(800);

/// An interactive bash in a pseudo-terminal that `script` makes.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: Receiver<Vec<u8>>,
    seen: String,
    /// One message when a launch is asked for.
    launches: Receiver<()>,
    _folder: tempfile::TempDir,
}

impl Terminal {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("s");
        let (asked, launches) = channel();
        serve(UnixListener::bind(&socket).unwrap(), asked);
        // With every signal as it usually is: in the background of a script SIGINT is ignored, and stays so.
        let mut child = Command::new("env")
            .args([
                "--default-signal",
                "script",
                "-qec",
                "PS1='READY> ' bash --norc --noprofile -i",
                "/dev/null",
            ])
            .env("RUN", format!("{} --socket {} run --", env!("CARGO_BIN_EXE_guard"), socket.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, screen) = channel();
        let mut out = child.stdout.take().unwrap();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = out.read(&mut bytes) {
                let _ = sender.send(bytes[..read].to_vec());
            }
        });
        let keys = child.stdin.take().unwrap();
        let mut terminal = Self { child, keys, screen, seen: String::new(), launches, _folder: folder };
        terminal.until("READY> ");
        terminal
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits for a text on the screen, and forgets everything up to its end.
    fn until(&mut self, text: &str) {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(at) = self.seen.find(text) {
                self.seen.drain(..at + text.len());
                return;
            }
            match self.screen.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("{text:?} did not come; the screen shows {:?}", self.seen)
                }
            }
        }
    }

    /// Types a command. What it waits for later must not stand in it: the terminal shows what is typed.
    fn enter(&mut self, command: &str) {
        self.press(&format!("{command}\n"));
    }

    fn expect_status(&mut self, status: u8) {
        self.until("READY> ");
        self.enter("echo status''=$?.");
        self.until(&format!("status={status}."));
        self.until("READY> ");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(listener: UnixListener, asked: Sender<()>) {
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let asked = asked.clone();
            thread::spawn(move || answer(stream, &asked));
        }
    });
}

fn answer(mut stream: UnixStream, asked: &Sender<()>) {
    for line in BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok) {
        let mut answer = r#"{"response":"done"}"#;
        if line.contains("\"launch\"") {
            answer = r#"{"response":"launched","instance":{"agent":"t","slot":3,"instance":"i","profile":"p"},"temp":"/t","environment":[]}"#;
            let _ = asked.send(());
            thread::sleep(LAUNCH_TAKES);
        }
        let _ = writeln!(stream, "{answer}");
    }
}

#[test]
fn ctrl_c_ends_the_program_and_the_shell_sees_the_signal() {
    let mut terminal = Terminal::open();
    // No shell: before it has started what it shall, it may keep the signal to itself.
    terminal.enter("echo star''ted >word; $RUN tail -f word");
    terminal.until("started");
    terminal.press("\x03");
    terminal.expect_status(130);
}

#[test]
fn ctrl_z_stops_the_job_and_fg_continues_it() {
    let mut terminal = Terminal::open();
    terminal.enter("$RUN sh -c 'echo star''ted; read word; echo wo''ke; exit 4'");
    terminal.until("started");
    terminal.press("\x1a");
    terminal.until("Stopped");
    terminal.until("READY> ");
    terminal.enter("fg");
    terminal.until("read word");
    terminal.enter("on");
    terminal.until("woke");
    terminal.expect_status(4);
}

#[test]
fn ctrl_z_works_before_the_program_has_started() {
    let mut terminal = Terminal::open();
    terminal.enter("$RUN sh -c 'echo wo''ke'");
    terminal.launches.recv_timeout(LIMIT).unwrap();
    terminal.press("\x1a");
    terminal.until("Stopped");
    terminal.until("READY> ");
    terminal.enter("fg");
    terminal.until("woke");
    terminal.expect_status(0);
}

#[test]
fn a_program_that_stops_itself_gives_the_terminal_back() {
    let mut terminal = Terminal::open();
    for signal in ["TSTP", "STOP"] {
        terminal.enter(&format!("$RUN sh -c 'kill -{signal} $$; echo resu''med'"));
        terminal.until("Stopped");
        terminal.until("READY> ");
        terminal.enter("fg");
        terminal.until("resumed");
        terminal.expect_status(0);
    }
}

#[test]
fn a_shell_as_the_program_controls_jobs_of_its_own() {
    let mut terminal = Terminal::open();
    terminal.enter("PS1='IN> ' $RUN bash --norc --noprofile -i");
    terminal.until("\x1b[?2004hIN> ");
    terminal.enter("sleep 100");
    thread::sleep(Duration::from_millis(500));
    terminal.press("\x03");
    terminal.until("IN> ");
    terminal.enter("echo inner''=$?.");
    terminal.until("inner=130.");
    terminal.enter("exit 5");
    terminal.expect_status(5);
}
