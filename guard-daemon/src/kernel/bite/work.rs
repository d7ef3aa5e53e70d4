//! Programs that refuse nothing by themselves, or only what another has refused before: seen at work by what they
//! leave behind, or by the kernel's count of their runs.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use aya::programs::loaded_programs;
use aya::sys::{Stats, enable_stats};
use nix::errno::Errno;
use nix::sys::signal::SigSet;

use super::{Bite, ProbeError, Seen, processes, raw};
use crate::kernel::adopt;
use crate::kernel::enrol::AgentCgroup;
use crate::kernel::maps::Maps;
use crate::kernel::pins::PinFolder;
use crate::kernel::programs;

/// Those that are looked at here or on the way of the others.
#[cfg(test)]
pub(super) const PROGRAMS: [&str; 15] = [
    "cgroup_attach_task",
    "enrol_existing",
    "sched_process_fork",
    "sched_process_exec",
    "vfs_rename_done",
    "vfs_rmdir_done",
    "sb_delete",
    "bprm_creds_for_exec",
    "bprm_check_security",
    "measure_program",
    "bprm_committed_creds",
    "measure_mapping",
    "task_movememory",
    "file_set_fowner",
    FLAGS,
];

/// Refuses only where there is no room to note what was asked for.
const FLAGS: &str = "file_fcntl";

/// Run when a program starts. Refusals are `file_open`'s, which is asked first; `bprm_creds_for_exec` refuses only where a
/// label cannot be stored.
const STARTING: [&str; 6] = [
    "sched_process_exec",
    "bprm_creds_for_exec",
    "bprm_check_security",
    "measure_program",
    "bprm_committed_creds",
    "measure_mapping",
];

/// Looks at all of them.
pub(super) fn look(
    pins: &PinFolder,
    maps: &Maps,
    cgroup: &AgentCgroup,
    folder: &Path,
) -> Result<Vec<Bite>, ProbeError> {
    let mut bites = vec![born_inside(cgroup, folder)];
    bites.extend(moved(maps, folder)?);
    bites.extend(started(pins)?);
    bites.extend(asked_for_flags(pins, folder)?);
    bites.push(Bite {
        program: "task_movememory",
        what: "moving another process's memory",
        seen: Seen::Untried("`ptrace_access_check` refuses before it is asked".to_owned()),
    });
    Ok(bites)
}

/// A child born into the cgroup, of a parent outside.
fn born_inside(cgroup: &AgentCgroup, folder: &Path) -> Bite {
    let opened = raw::in_child_of_cgroup(cgroup.path(), || fs::File::open(folder).map(drop));
    let seen = match opened.map_err(|error| error.raw_os_error()) {
        Err(Some(nix::libc::EACCES)) => Seen::AtWork,
        Err(Some(code)) => Seen::Toothless(format!("it failed with {}", Errno::from_raw(code))),
        Err(None) | Ok(()) => Seen::Toothless("it opened a folder".to_owned()),
    };
    Bite { program: "sched_process_fork", what: "a child born into the cgroup", seen }
}

/// Whatever is known of where folders lie is known no longer when one was moved or removed, or a file system has gone.
fn moved(maps: &Maps, folder: &Path) -> Result<[Bite; 3], ProbeError> {
    let (from, to) = (folder.join("from"), folder.join("to"));
    let failed = |cause| ProbeError::Folder { path: from.clone(), cause };
    fs::create_dir(&from).map_err(failed)?;
    let (epoch, removals) = (maps.epoch(), maps.removals()?);
    fs::rename(&from, &to).map_err(failed)?;
    fs::remove_dir(&to).map_err(failed)?;
    let seen = |before: u64, after: u64| {
        if after > before {
            Seen::AtWork
        } else {
            Seen::Toothless("the count of them stood still".to_owned())
        }
    };
    let renamed = seen(epoch, maps.epoch());
    let epoch = maps.epoch();
    let went = come_and_go().map(|()| seen(epoch, maps.epoch()));
    Ok([
        Bite { program: "vfs_rename_done", what: "a moved folder", seen: renamed },
        Bite {
            program: "sb_delete",
            what: "a file system that goes",
            seen: went.unwrap_or_else(|errno| Seen::Untried(format!("none can be made: {errno}"))),
        },
        Bite { program: "vfs_rmdir_done", what: "a removed folder", seen: seen(removals, maps.removals()?) },
    ])
}

/// A file system that is mounted nowhere.
fn come_and_go() -> rustix::io::Result<()> {
    let context = rustix::mount::fsopen("tmpfs", rustix::mount::FsOpenFlags::FSOPEN_CLOEXEC)?;
    rustix::mount::fsconfig_create(&context)
}

/// Starts a program outside any agent, and lets the kernel count.
fn started(pins: &PinFolder) -> Result<Vec<Bite>, ProbeError> {
    counted(pins, STARTING, "a program that starts", || {
        let mut command = Command::new("/proc/self/exe");
        command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().map(drop).map_err(ProbeError::Start)
    })
}

/// Asks for a descriptor's flags.
fn asked_for_flags(pins: &PinFolder, folder: &Path) -> Result<Vec<Bite>, ProbeError> {
    counted(pins, [FLAGS], "a call about a descriptor", || {
        let failed = |cause| ProbeError::Folder { path: folder.to_owned(), cause };
        let file = fs::File::open(folder).map_err(failed)?;
        rustix::fs::fcntl_getfl(&file).map(drop).map_err(|errno| failed(errno.into()))
    })
}

/// Acts, and asks the kernel whether it has run these programs.
fn counted<const N: usize>(
    pins: &PinFolder,
    programs: [&'static str; N],
    what: &'static str,
    act: impl FnOnce() -> Result<(), ProbeError>,
) -> Result<Vec<Bite>, ProbeError> {
    let counting = enable_stats(Stats::RunTime);
    let before = programs.map(|program| runs(pins, program));
    act()?;
    let after = programs.map(|program| runs(pins, program));
    let seen = |index: usize| match (&counting, before[index], after[index]) {
        (Err(error), _, _) => Seen::Untried(format!("the kernel does not count runs: {error}")),
        (Ok(_), Some(before), Some(after)) if after > before => Seen::AtWork,
        (Ok(_), _, None) => Seen::Toothless("it is not loaded".to_owned()),
        (Ok(_), _, Some(_)) => Seen::Toothless("it was not run".to_owned()),
    };
    let bite = |(index, program)| Bite { program, what, seen: seen(index) };
    Ok(programs.into_iter().enumerate().map(bite).collect())
}

/// How often the kernel has run a program since it counts.
fn runs(pins: &PinFolder, program: &str) -> Option<u64> {
    debug_assert!(programs::find(program).is_some(), "{program}");
    let id = adopt::program_id(pins, program)?;
    let info = loaded_programs().filter_map(Result::ok).find(|info| info.id() == id)?;
    Some(info.run_count())
}

/// The signal that the probe sends by a descriptor: kept waiting, so that it can be asked for.
pub(super) struct Signals(SigSet);

impl Signals {
    pub(super) fn hold() -> io::Result<Self> {
        let mut set = SigSet::empty();
        set.add(processes::SIGNAL);
        set.thread_block()?;
        Ok(Self(set))
    }

    /// Whether one has come since the last time. A descriptor's signal is sent before the write that caused it returns.
    pub(super) fn take(&self) -> bool {
        raw::waiting_signal(&self.0)
    }
}
