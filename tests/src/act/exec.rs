//! Ways to run a program. Each ends in the new program, which takes the place of this process.

use std::convert::Infallible;
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use nix::fcntl::{AtFlags, OFlag};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::{execv, execveat, fexecve};

use super::{Args, Trick};

/// See the module. The first argument is the program, the rest are its own.
pub const TRICKS: &[(&str, Trick)] = &[
    ("exec", |a, _| ended(execv(&c(a.word(0)?)?, &argv(a)?))),
    ("exec-at", exec_at),
    ("exec-empty-path", |a, _| by_descriptor(a, 0)),
    ("exec-empty-path-opath", |a, _| by_descriptor(a, OFlag::O_PATH.bits())),
    ("exec-fd", |a, _| {
        let file = File::open(a.path(0)?)?;
        ended(fexecve(file.as_fd(), &argv(a)?, &environment()))
    }),
    ("exec-dev-fd", |a, _| {
        let file = File::options().read(true).custom_flags(OFlag::O_PATH.bits()).open(a.path(0)?)?;
        ended(execv(&c(OsStr::new(&format!("/proc/self/fd/{}", file.as_raw_fd())))?, &argv(a)?))
    }),
    ("exec-memory", |a, _| {
        let memory = memfd_create("copy", MFdFlags::empty())?;
        File::from(memory.try_clone()?).write_all(&std::fs::read(a.path(0)?)?)?;
        ended(fexecve(memory, &argv(a)?, &environment()))
    }),
    ("exec-copy", exec_copy),
    ("exec-link", |a, _| {
        std::fs::hard_link(a.path(0)?, a.path(1)?)?;
        ended(execv(&c(a.word(1)?)?, &from(a, 1)?))
    }),
];

fn exec_at(args: &Args, _: &mut dyn Write) -> io::Result<()> {
    let path = args.path(0)?;
    let folder = File::open(path.parent().unwrap_or(Path::new("/")))?;
    let name = c(path.file_name().unwrap_or_default())?;
    ended(execveat(folder, &name, &argv(args)?, &environment(), AtFlags::empty()))
}

fn by_descriptor(args: &Args, flags: i32) -> io::Result<()> {
    let file = File::options().read(true).custom_flags(flags).open(args.path(0)?)?;
    ended(execveat(file, c"", &argv(args)?, &environment(), AtFlags::AT_EMPTY_PATH))
}

/// `exec-copy PROGRAM COPY ARGS…`
fn exec_copy(args: &Args, _: &mut dyn Write) -> io::Result<()> {
    std::fs::write(args.path(1)?, std::fs::read(args.path(0)?)?)?;
    std::fs::set_permissions(args.path(1)?, PermissionsExt::from_mode(0o755))?;
    ended(execv(&c(args.word(1)?)?, &from(args, 1)?))
}

fn c(word: &OsStr) -> io::Result<CString> {
    CString::new(word.as_bytes()).map_err(|_| super::usage("an argument holds a NUL"))
}

fn from(args: &Args, at: usize) -> io::Result<Vec<CString>> {
    args.rest(at).iter().map(|word| c(word)).collect()
}

fn argv(args: &Args) -> io::Result<Vec<CString>> {
    from(args, 0)
}

fn environment() -> Vec<CString> {
    vec![c"PATH=/usr/sbin:/usr/bin:/sbin:/bin".to_owned()]
}

fn ended(result: nix::Result<Infallible>) -> io::Result<()> {
    match result {
        Ok(never) => match never {},
        Err(errno) => Err(errno.into()),
    }
}
