//! What an agent may try: one subcommand of `guard-act` per way of reaching an effect.
//!
//! Ends with the errno of the call that failed, so that whoever watches needs no text. Knows nothing of
//! policies: the same command has to succeed outside an agent. Ways that are tried as attacks stand beside their
//! cases, in `bypass`.

pub mod cost;
pub mod count;
pub mod load;
pub mod process;
pub mod serve;
pub mod turned;
pub mod unix;

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use crate::bypass;
use crate::peer::landlock;

/// Exit status for a command line that makes no sense: above every errno.
pub const USAGE: i32 = 200;
/// What an attack leaves in a file.
pub const CHANGED: &[u8] = b"changed by the attack\n";
/// What an attack sends.
pub const SENT: &[u8] = b"sent by the attack";

/// What a subcommand does. What it finds out goes to the writer.
pub type Run = fn(&Args, &mut dyn Write) -> io::Result<()>;

/// One subcommand: one way of reaching an effect.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// Its name.
    pub name: &'static str,
    /// Whether it changes the process that performs it, and so needs one of its own.
    pub alone: bool,
    /// What it does.
    pub run: Run,
}

/// A way that a thread of a living process may try.
pub const fn way(name: &'static str, run: Run) -> Way {
    Way { name, alone: false, run }
}

/// A way that changes its process, or ends it.
pub const fn way_alone(name: &'static str, run: Run) -> Way {
    Way { name, alone: true, run }
}

/// Every subcommand.
pub fn ways() -> impl Iterator<Item = &'static Way> {
    let own = [process::WAYS, load::WAYS, serve::WAYS, count::WAYS, turned::WAYS, cost::WAYS, landlock::WAYS];
    own.into_iter().flatten().chain(bypass::tricks().flat_map(|trick| trick.ways))
}

/// Arguments of a way. `hex:…` stands for bytes that no text can carry.
#[derive(Clone, Debug, Default)]
pub struct Args(Vec<OsString>);

impl Args {
    /// Takes the arguments as they came.
    pub fn new(words: impl IntoIterator<Item = OsString>) -> Self {
        Self(words.into_iter().map(unhex).collect())
    }

    /// The argument at a position.
    pub fn word(&self, at: usize) -> io::Result<&OsStr> {
        self.0.get(at).map(OsString::as_os_str).ok_or_else(|| usage(&format!("argument {at} is missing")))
    }

    /// The argument as a path.
    pub fn path(&self, at: usize) -> io::Result<&Path> {
        self.word(at).map(Path::new)
    }

    /// The argument as text.
    pub fn text(&self, at: usize) -> io::Result<&str> {
        self.word(at)?.to_str().ok_or_else(|| usage("an argument is not UTF-8"))
    }

    /// The argument as a number or an address.
    pub fn parsed<T: std::str::FromStr>(&self, at: usize) -> io::Result<T> {
        let text = self.text(at)?;
        text.parse().map_err(|_| usage(&format!("`{text}` does not parse")))
    }

    /// The arguments from a position on.
    pub fn rest(&self, from: usize) -> &[OsString] {
        self.0.get(from..).unwrap_or_default()
    }
}

fn unhex(word: OsString) -> OsString {
    let Some(digits) = word.as_bytes().strip_prefix(b"hex:") else { return word };
    let digit = |b: u8| char::from(b).to_digit(16).unwrap_or(0) as u8;
    OsString::from_vec(
        digits.chunks(2).map(|p| digit(p[0]) << 4 | p.get(1).map_or(0, |&b| digit(b))).collect(),
    )
}

/// Spells bytes as an argument that survives JSON.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("hex:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// An error of the caller's, not of the kernel's.
pub(crate) fn usage(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message.to_owned())
}

/// Performs `NAME ARGS…` in this process and thread.
pub fn perform(words: &[OsString], out: &mut dyn Write) -> io::Result<()> {
    let (name, rest) = words.split_first().ok_or_else(|| usage("no way named"))?;
    let way =
        ways().find(|way| name == way.name).ok_or_else(|| usage(&format!("no way is called {name:?}")))?;
    (way.run)(&Args::new(rest.iter().cloned()), out)
}

/// Whether a way needs a process of its own.
pub fn needs_process(name: &str) -> bool {
    ways().any(|way| way.alone && way.name == name)
}

/// The whole program: performs, tells, and returns the exit status.
pub fn main(words: &[OsString]) -> i32 {
    match perform(words, &mut io::stdout()) {
        Ok(()) => 0,
        Err(error) => {
            // Who was moved into an agent's cgroup may not write there any more.
            let _ = writeln!(io::stderr(), "guard-act: {words:?}: {error}");
            code(&error)
        }
    }
}

/// An error as an exit status.
pub(crate) fn code(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(USAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_outside_utf8_survive_their_spelling() {
        let spelled = hex(b"/w/\xff\xfe\n");
        let args = Args::new([OsString::from(spelled)]);
        assert_eq!(args.word(0).expect("present").as_bytes(), b"/w/\xff\xfe\n");
    }

    #[test]
    fn no_two_ways_share_a_name() {
        let mut names: Vec<_> = ways().map(|way| way.name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
