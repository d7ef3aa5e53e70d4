//! X's bytes in a file that no path leads to: in memory, or in W without a name.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

use nix::fcntl::{FcntlArg, OFlag, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::{execv, fexecve};

use super::execve::{ended, environment};
use super::{Cases, EXEC, PLAIN, TWO_PLACES, Trick, marked, marked_at};
use crate::act::process::{argv, c};
use crate::act::{Args, way_alone};

/// Since 6.3; the crate does not have it.
const MFD_EXEC: MFdFlags = MFdFlags::from_bits_retain(0x10);

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[
        way_alone("exec-memory", |a, _| run(a, 0, filled_memory(a, MFdFlags::empty())?)),
        way_alone("exec-memory-marked", |a, _| run(a, 0, filled_memory(a, MFD_EXEC)?)),
        way_alone("exec-memory-sealed", |a, _| {
            let memory = filled_memory(a, MFdFlags::MFD_ALLOW_SEALING)?;
            fcntl(&memory, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_SEAL))?;
            run(a, 0, memory)
        }),
        way_alone("exec-memory-by-name", |a, _| {
            let memory = filled_memory(a, MFdFlags::empty())?;
            let name = format!("/proc/self/fd/{}", memory.as_raw_fd());
            ended(execv(&c(OsStr::new(&name))?, &argv(a, 0)?))
        }),
        way_alone("exec-nameless", exec_nameless),
    ],
    python: None,
    cases,
};

/// Memory that holds the program's bytes.
fn filled_memory(args: &Args, flags: MFdFlags) -> io::Result<OwnedFd> {
    let memory = memfd_create("copy", flags)?;
    File::from(memory.try_clone()?).write_all(&std::fs::read(args.path(0)?)?)?;
    Ok(memory)
}

fn run(args: &Args, from: usize, file: OwnedFd) -> io::Result<()> {
    ended(fexecve(file, &argv(args, from)?, &environment()))
}

/// `exec-nameless FOLDER PROGRAM ARGS…`: a copy in FOLDER that never had a name there.
fn exec_nameless(args: &Args, _: &mut dyn Write) -> io::Result<()> {
    let nameless = OFlag::O_TMPFILE.bits();
    let mut file = File::options().write(true).mode(0o755).custom_flags(nameless).open(args.path(0)?)?;
    file.write_all(&std::fs::read(args.path(1)?)?)?;
    file.set_permissions(PermissionsExt::from_mode(0o755))?;
    let reading = File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    // A file that somebody has open for writing cannot be run.
    drop(file);
    run(args, 1, reading.into())
}

fn cases() -> Cases {
    let copy =
        |id, sentence, way: &str| marked(id, sentence, EXEC, &format!("{way} {{x}} touch {{mark}}"), PLAIN);
    [
        copy("E08", "a_copy_in_memory_cannot_be_run", "exec-memory"),
        copy("E08b", "a_copy_in_memory_that_is_marked_for_running_cannot_be_run", "exec-memory-marked")
            .since(6, 3, "MFD_EXEC"),
        copy("E08c", "a_sealed_copy_in_memory_cannot_be_run", "exec-memory-sealed"),
        copy("E08d", "a_copy_in_memory_cannot_be_run_by_name", "exec-memory-by-name"),
        // Overlays have no nameless files on every kernel.
        marked_at(
            TWO_PLACES,
            "E08e",
            "a_copy_without_a_name_cannot_be_run",
            EXEC,
            "exec-nameless {w} {x} touch {mark}",
            PLAIN,
        ),
    ]
    .into()
}
