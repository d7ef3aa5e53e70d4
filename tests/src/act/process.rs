//! What ways share that are tried from elsewhere, or as someone else: each changes the process, tells who acts where
//! that is not the process that was started, and performs the way that follows in it.

use std::ffi::{CString, OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use fork::{Fork, fork, waitpid};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Uid, gettid, setgid, setuid};

use super::{Args, Way, perform, usage, way, way_alone};

/// See the module.
pub const WAYS: &[Way] = &[
    way_alone("nothing", |_, _| Ok(())),
    way("forked", |_, _| forked()),
    way_alone("self", |_, out| writeln!(out, "{}", std::fs::read_to_string("/proc/self/cgroup")?.trim())),
    way_alone("in-folder", |a, out| {
        std::env::set_current_dir(a.path(0)?)?;
        perform(a.rest(1), out)
    }),
    way_alone("as-user", |a, out| {
        setgid(Gid::from_raw(a.parsed(0)?))?;
        setuid(Uid::from_raw(a.parsed(0)?))?;
        perform(a.rest(1), out)
    }),
    way_alone("named", |a, out| {
        nix::sys::prctl::set_name(&CString::new(a.text(0)?)?)?;
        tell_doer(out)?;
        perform(a.rest(1), out)
    }),
];

/// Tells who acts where it is not the process that was started.
pub(crate) fn tell_doer(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "doer {}", gettid())
}

/// A new process of the same program, which ends at once.
pub(crate) fn forked() -> io::Result<()> {
    match fork()? {
        Fork::Child => std::process::exit(0),
        Fork::Parent(child) => waitpid(child).map(drop),
    }
}

/// This program once more.
pub(crate) fn again(words: &[OsString]) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.args(words);
    command
}

/// A word as the kernel takes it.
pub(crate) fn c(word: &OsStr) -> io::Result<CString> {
    CString::new(word.as_bytes()).map_err(|_| usage("an argument holds a NUL"))
}

/// The arguments from a position on, as the kernel takes them.
pub(crate) fn argv(args: &Args, from: usize) -> io::Result<Vec<CString>> {
    args.rest(from).iter().map(|word| c(word)).collect()
}

/// Leaves every namespace that can be left alone; a user without rights gets them in one of its own.
pub(crate) fn leave_namespaces() -> io::Result<()> {
    let own = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWCGROUP;
    unshare(if Uid::effective().is_root() { own } else { own | CloneFlags::CLONE_NEWUSER })?;
    Ok(())
}

/// Leaves the namespaces, and lets no mount from there travel back.
pub(crate) fn leave_mounts() -> io::Result<()> {
    leave_namespaces()?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
    Ok(())
}
