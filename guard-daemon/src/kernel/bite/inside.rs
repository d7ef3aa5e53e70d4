//! The probe's process: it makes what its acts need, does each of them once, waits to be labelled, and tries each once
//! more. It tells how each went; whether that is well it does not judge.

use std::io::{self, Read, Write};
use std::path::Path;

use nix::libc::EIO;
use nix::unistd::Pid;

use super::act::{self, Act, Turn};
use super::scene::{Namespaces, Scene};
use crate::kernel::programs;

/// What it says when it waits for its label.
pub(super) const READY: &str = "ready";

/// How one act went both times: 0, or what the kernel said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) program: String,
    pub(super) first: i32,
    pub(super) second: i32,
}

impl Told {
    fn line(&self) -> String {
        let Self { program, first, second } = self;
        format!("{program} {first} {second}")
    }

    pub(super) fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let program = words.next()?.to_owned();
        let mut code = || words.next()?.parse().ok();
        Some(Self { program, first: code()?, second: code()? })
    }
}

/// The whole of it, by standard input and output.
pub(super) fn run(folder: &Path, outside: Pid, namespaces: Namespaces) -> io::Result<()> {
    let here = programs::here();
    let is_asked =
        |act: &&Act| act.place == namespaces && here.iter().any(|program| program.name == act.program);
    let acts: Vec<&Act> = act::ALL.iter().filter(is_asked).collect();
    let mut scene = Scene::build(folder, outside, namespaces)?;
    let mut out = io::stdout();
    let first: Vec<i32> = acts.iter().map(|act| code((act.run)(&mut scene, Turn::First))).collect();
    writeln!(out, "{READY}")?;
    out.flush()?;
    if io::stdin().read(&mut [0])? == 0 {
        // Nobody is there to label anybody.
        return Ok(());
    }
    for (act, first) in acts.iter().zip(first) {
        let second = code((act.run)(&mut scene, Turn::Second));
        writeln!(out, "{}", Told { program: act.program.to_owned(), first, second }.line())?;
    }
    out.flush()
}

fn code(done: io::Result<()>) -> i32 {
    done.err().map_or(0, |error| error.raw_os_error().unwrap_or(EIO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_understood() {
        let told = Told { program: "file_open".to_owned(), first: 0, second: 13 };
        assert_eq!(Told::parse(&told.line()), Some(told));
        assert_eq!(Told::parse("file_open 0"), None);
        assert_eq!(Told::parse(""), None);
    }
}
