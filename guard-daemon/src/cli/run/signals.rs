//! Which signals reach the agent's program through the outer process. The program shares its process group and
//! terminal, so what the terminal sends has reached it already; what somebody sends to this process is meant for
//! the program.

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd, siginfo};
use nix::unistd::{Pid, getpid};

/// Signals that are passed on rather than obeyed. SIGTTOU is only held back: the outer process may print a
/// refusal while the program has the terminal.
const PASSED_ON: [Signal; 9] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGTSTP,
    Signal::SIGCONT,
    Signal::SIGWINCH,
];

/// What to do about a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// The program's state changed.
    Reap,
    /// Send it to the program.
    Forward(Signal),
    /// The program has it already, or sent it.
    Nothing,
}

/// This process's signals, read in order instead of interrupting it.
#[derive(Debug)]
pub(super) struct Signals {
    descriptor: SignalFd,
}

impl Signals {
    /// Holds the signals back, for this thread and for the threads and programs that it starts.
    pub(super) fn take() -> nix::Result<Self> {
        let descriptor = SignalFd::with_flags(&read(), SfdFlags::SFD_CLOEXEC)?;
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&held_back()), None)?;
        Ok(Self { descriptor })
    }

    /// Waits for the next one and says what to do about it.
    pub(super) fn next(&mut self, program: Pid) -> nix::Result<Act> {
        loop {
            match self.descriptor.read_signal() {
                Ok(Some(info)) => return Ok(act(&Sent::from(&info), |sender| same_agent(sender, program))),
                Ok(None) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Gives the inner process, and with it the program, the signals that the outer one holds back.
pub(super) fn give_back() -> nix::Result<()> {
    sigprocmask(SigmaskHow::SIG_UNBLOCK, Some(&held_back()), None)
}

fn read() -> SigSet {
    PASSED_ON.into_iter().chain([Signal::SIGCHLD]).collect()
}

fn held_back() -> SigSet {
    let mut set = read();
    set.add(Signal::SIGTTOU);
    set
}

/// A signal and where it came from.
#[derive(Clone, Copy, Debug)]
struct Sent {
    signal: Option<Signal>,
    by_process: Option<Pid>,
}

impl From<&siginfo> for Sent {
    fn from(info: &siginfo) -> Self {
        let number = i32::try_from(info.ssi_signo).unwrap_or(0);
        // Codes of the kernel (the terminal among them) are positive; zero and below are processes.
        let by_process = (info.ssi_code <= 0).then(|| Pid::from_raw(info.ssi_pid.cast_signed()));
        Self { signal: Signal::try_from(number).ok(), by_process }
    }
}

fn act(sent: &Sent, is_agent: impl Fn(Pid) -> bool) -> Act {
    let Some(signal) = sent.signal else { return Act::Nothing };
    if signal == Signal::SIGCHLD {
        return Act::Reap;
    }
    match sent.by_process {
        // An agent that signals its own group reached its program already; one that signals this process alone
        // has nothing to say to itself through it.
        Some(sender) if !is_agent(sender) => Act::Forward(signal),
        Some(_) | None => Act::Nothing,
    }
}

/// Whether `sender` lives where the program lives. The cgroup tells: an agent has its own.
fn same_agent(sender: Pid, program: Pid) -> bool {
    let cgroup = |pid: Pid| std::fs::read(format!("/proc/{pid}/cgroup")).ok();
    let agents = cgroup(program).filter(|agents| cgroup(getpid()).is_some_and(|own| own != *agents));
    sender == program || agents.is_some_and(|agents| cgroup(sender) == Some(agents))
}

/// Ends this process by `signal`, as the program was ended by it; returns the exit code to use where that does
/// not end it.
pub(super) fn die_by(signal: i32) -> u8 {
    if let Ok(signal) = Signal::try_from(signal) {
        // The core, if any, is the program's: not one of this process, too.
        let _ = nix::sys::prctl::set_dumpable(false);
        let mut set = SigSet::empty();
        set.add(signal);
        let _ = sigprocmask(SigmaskHow::SIG_UNBLOCK, Some(&set), None);
        // Twice: Rust's own handler of SIGSEGV and SIGBUS takes the first one and removes itself.
        for _ in 0..2 {
            let _ = nix::sys::signal::raise(signal);
        }
    }
    // Ignored here: SIGPIPE always, others where the caller ignores them.
    u8::try_from(libc::c_int::saturating_add(128, signal)).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENT: Pid = Pid::from_raw(10);
    const STRANGER: Pid = Pid::from_raw(20);

    fn decide(signal: Signal, by_process: Option<Pid>) -> Act {
        act(&Sent { signal: Some(signal), by_process }, |sender| sender == AGENT)
    }

    #[test]
    fn what_a_process_outside_sends_is_meant_for_the_program() {
        for signal in PASSED_ON {
            assert_eq!(decide(signal, Some(STRANGER)), Act::Forward(signal));
        }
    }

    #[test]
    fn what_the_terminal_or_the_agent_sends_has_reached_the_program_already() {
        for signal in PASSED_ON {
            assert_eq!(decide(signal, None), Act::Nothing, "{signal} from the terminal");
            assert_eq!(decide(signal, Some(AGENT)), Act::Nothing, "{signal} from the agent");
        }
    }

    #[test]
    fn the_programs_own_changes_are_looked_at() {
        assert_eq!(decide(Signal::SIGCHLD, None), Act::Reap);
        assert_eq!(decide(Signal::SIGCHLD, Some(STRANGER)), Act::Reap);
    }
}
