//! Double fork: the middle process ends, so that the acting one belongs to nobody.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::Stdio;
use std::time::Duration;

use nix::unistd::{getpid, getppid, setsid};

use super::{Cases, Trick, as_another};
use crate::act::process::{again, tell_doer};
use crate::act::{Args, code, perform, usage, way_alone};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[way_alone("orphaned", |a, out| orphaned(a.rest(0), out)), way_alone("as-orphan", as_orphan)],
    python: Some(include_str!("orphan.py")),
    cases,
};

fn orphaned(words: &[OsString], out: &mut dyn Write) -> io::Result<()> {
    let mut middle =
        again(&["as-orphan".into(), "start".into()]).args(words).stdout(Stdio::piped()).spawn()?;
    let mut told = String::new();
    let mut pipe = middle.stdout.take().ok_or_else(|| usage("no pipe"))?;
    middle.wait()?;
    // Ends when the orphan closes its end, and not before.
    pipe.read_to_string(&mut told)?;
    out.write_all(told.as_bytes())?;
    let code = told.lines().find_map(|line| line.strip_prefix("code ")).and_then(|code| code.parse().ok());
    match code {
        Some(0) => Ok(()),
        Some(errno) => Err(io::Error::from_raw_os_error(errno)),
        None => Err(usage("the orphan said nothing")),
    }
}

fn as_orphan(args: &Args, out: &mut dyn Write) -> io::Result<()> {
    let parent: i32 = match args.text(0)? {
        "start" => {
            let own = getpid().to_string();
            again(&["as-orphan".into(), own.into()]).args(args.rest(1)).spawn()?;
            return Ok(());
        }
        pid => pid.parse().map_err(|_| usage("not a pid"))?,
    };
    setsid()?;
    while getppid().as_raw() == parent {
        std::thread::sleep(Duration::from_millis(1));
    }
    tell_doer(out)?;
    let code = perform(args.rest(1), out).map_or_else(|error| code(&error), |()| 0);
    writeln!(out, "code {code}")
}

fn cases() -> Cases {
    [
        as_another("C02", "an_orphan_in_its_own_session_is_the_agent", "orphaned write"),
        as_another("C02b", "a_double_fork_without_exec_is_the_agent", "!containment.orphan.double_fork"),
    ]
    .into()
}
