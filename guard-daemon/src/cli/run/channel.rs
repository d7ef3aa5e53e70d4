//! Two pipes between the outer and the inner process of a run: the inner one tells which instance it became, and
//! waits for a byte before it starts the program, so that no refusal comes before somebody watches.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::unistd::pipe2;

use crate::cli::failure::Failure;
use crate::model::record::Instance;

/// Longest description of an instance.
const INSTANCE_BYTES_MAX: u64 = 64 << 10;

/// The outer process's ends.
#[derive(Debug)]
pub(super) struct Outer {
    told: File,
    go: File,
    /// The inner process's ends, kept open until it has inherited them.
    lent: [OwnedFd; 2],
}

/// What is left once the inner process has its ends.
#[derive(Debug)]
pub(super) struct Ready {
    told: File,
    go: File,
}

impl Outer {
    /// Makes the pipes. Only the inner process's ends will be inherited.
    pub(super) fn open() -> io::Result<Self> {
        let (told, to_outer) = pipe2(OFlag::O_CLOEXEC)?;
        let (from_outer, go) = pipe2(OFlag::O_CLOEXEC)?;
        for end in [&to_outer, &from_outer] {
            fcntl(end, FcntlArg::F_SETFD(FdFlag::empty()))?;
        }
        Ok(Self { told: told.into(), go: go.into(), lent: [to_outer, from_outer] })
    }

    /// Numbers of the descriptors that the inner process inherits.
    pub(super) fn lent(&self) -> [i32; 2] {
        [self.lent[0].as_raw_fd(), self.lent[1].as_raw_fd()]
    }

    /// Gives up the inner process's ends, now that it has them: its end becomes noticeable.
    pub(super) fn inherited(self) -> Ready {
        Ready { told: self.told, go: self.go }
    }
}

impl Ready {
    /// Waits for the instance; `None` if the inner process ended before it became one.
    pub(super) fn instance(&mut self) -> io::Result<Option<Instance>> {
        let mut line = Vec::new();
        BufReader::new(&self.told).take(INSTANCE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if line.is_empty() { Ok(None) } else { Ok(Some(serde_json::from_slice(&line)?)) }
    }

    /// Lets the inner process start the program.
    pub(super) fn go(mut self) -> io::Result<()> {
        self.go.write_all(b"!")
    }
}

/// The inner process's ends.
#[derive(Debug)]
pub(super) struct Inner {
    told: File,
    go: File,
}

impl Inner {
    /// Opens the pipes anew by the numbers of inherited descriptors.
    pub(super) fn open(to_outer: u32, from_outer: u32) -> Result<Self, Failure> {
        let own = |number: u32| format!("/proc/self/fd/{number}");
        let told = File::options().write(true).open(own(to_outer));
        let go = File::open(own(from_outer));
        match (told, go) {
            (Ok(told), Ok(go)) => Ok(Self { told, go }),
            (Err(error), _) | (_, Err(error)) => {
                Err(Failure::new(format!("cannot reach the process that started this one: {error}")))
            }
        }
    }

    /// Tells which instance this process became.
    pub(super) fn tell(&mut self, instance: &Instance) -> io::Result<()> {
        let mut line = serde_json::to_vec(instance)?;
        line.push(b'\n');
        self.told.write_all(&line)
    }

    /// Waits until the outer process watches. Without it nobody would tell of refusals: then nothing starts.
    pub(super) fn wait_for_go(&mut self) -> Result<(), Failure> {
        let mut byte = [0];
        match self.go.read(&mut byte) {
            Ok(1) => Ok(()),
            Ok(_) => {
                Err(Failure::new("the process that started this one is gone; the program was not started"))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// An argument as records keep it: bytes outside UTF-8 as `\xNN`, and all else as it is, for it is a claim that is
/// compared with nothing.
pub(super) fn text(word: &OsStr) -> String {
    let mut text = String::new();
    for chunk in word.as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_outside_utf8_is_recorded_readably() {
        assert_eq!(text(OsStr::from_bytes(b"a\xffb\xc3\xa9")), "a\\xffb\u{e9}");
    }

    fn both() -> (Ready, Inner) {
        let outer = Outer::open().unwrap();
        let [told, go] = outer.lent().map(|fd| u32::try_from(fd).unwrap());
        let inner = Inner::open(told, go).unwrap();
        (outer.inherited(), inner)
    }

    #[test]
    fn the_instance_arrives_and_the_program_waits_for_the_word() {
        let (mut outer, mut inner) = both();
        let instance = Instance { agent: "a".into(), slot: 3, instance: "i".into(), profile: "p".into() };
        inner.tell(&instance).unwrap();
        assert_eq!(outer.instance().unwrap(), Some(instance));
        outer.go().unwrap();
        inner.wait_for_go().unwrap();
    }

    #[test]
    fn without_the_outer_process_nothing_starts_and_without_the_inner_one_there_is_no_instance() {
        let (outer, mut inner) = both();
        drop(outer);
        assert!(inner.wait_for_go().is_err());
        let (mut outer, inner) = both();
        drop(inner);
        assert_eq!(outer.instance().unwrap(), None);
    }
}
