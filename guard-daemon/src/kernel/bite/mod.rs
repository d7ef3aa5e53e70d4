//! Does each program bite? A process that may do nothing tries, for each program, one harmless act that nobody but that
//! program refuses; before it is labelled it does the same, so that a refusal is guard's and no other's. Needs root and
//! what is pinned; needs no daemon, and changes no policy.

mod act;
mod child;
mod files;
mod inside;
mod names;
mod processes;
mod raw;
mod scene;
mod sockets;
mod work;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use guard_common::map::label::PROBE;
use nix::errno::Errno;
use nix::libc::{EACCES, ENOSYS, EPERM};
use nix::unistd::Pid;

use self::act::{Act, Sign};
use self::child::Prober;
use self::inside::Told;
use self::scene::Namespaces;
use self::work::Signals;
use super::enrol::{AgentCgroup, Cgroups, EnrolError, run_enrol_iterator};
use super::failure::MapFailure;
use super::labels::Labels;
use super::maps::Maps;
use super::pins::PinFolder;
use super::programs;

/// What was seen of one program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bite {
    /// Its name.
    pub program: &'static str,
    /// What was tried, or looked at.
    pub what: &'static str,
    /// What came of it.
    pub seen: Seen,
}

/// See [`Bite`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It refused what the same process did before.
    Refused,
    /// It refuses nothing by itself, or another program refuses first; it does its work.
    AtWork,
    /// It did not do what it is there for.
    Toothless(String),
    /// Nobody can do that on this host.
    Untried(String),
}

/// The probe itself could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// What is pinned cannot be used.
    #[error("{0}")]
    Map(#[from] MapFailure),
    /// Its cgroup cannot be used.
    #[error("{0}")]
    Cgroup(#[from] EnrolError),
    /// Its folder cannot be made.
    #[error("the probe's folder {}: {cause}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the kernel said.
        cause: io::Error,
    },
    /// Its process cannot be started or heard.
    #[error("the probe's process: {0}")]
    Start(io::Error),
    /// Its process hangs.
    #[error("the probe's process says nothing; an act of it hangs")]
    Silent,
    /// Its process ended before it was through.
    #[error("the probe's process ended: {0}")]
    Broke(String),
    /// A process in the probe's cgroup has another label than it should, or none.
    #[error("the kernel did not label process {0}: whoever becomes an agent now is not governed")]
    NoLabel(u32),
}

/// Tries every program of the running kernel.
pub fn probe(pins: &PinFolder) -> Result<Vec<Bite>, ProbeError> {
    let signals = Signals::hold().map_err(ProbeError::Start)?;
    let mut stage = Stage::build(pins)?;
    let mut bites = stage.perform(Namespaces::Hosts, &signals)?;
    bites.extend(stage.perform(Namespaces::Own, &signals)?);
    bites.extend(work::look(pins, &stage.maps, &stage.cgroup, &stage.folder)?);
    let place = |bite: &Bite| programs::ALL.iter().position(|program| program.name == bite.program);
    bites.sort_by_key(place);
    Ok(bites)
}

/// What the hidden command runs: the probe's process.
pub fn inside(folder: &Path, outside: i32, own_namespaces: bool) -> io::Result<()> {
    let namespaces = if own_namespaces { Namespaces::Own } else { Namespaces::Hosts };
    inside::run(folder, Pid::from_raw(outside), namespaces)
}

/// A cgroup and a folder, for as long as the probe takes.
struct Stage<'a> {
    pins: &'a PinFolder,
    maps: Maps,
    labels: Labels,
    cgroup: AgentCgroup,
    folder: PathBuf,
}

impl<'a> Stage<'a> {
    fn build(pins: &'a PinFolder) -> Result<Self, ProbeError> {
        let (maps, labels) = (Maps::open(pins)?, Labels::open(pins)?);
        let cgroup = Cgroups::open()?.create("guard-doctor", PROBE.agent)?;
        let path = PathBuf::from(format!("/run/guard-doctor.{}", std::process::id()));
        let stage = Self { pins, maps, labels, cgroup, folder: path.clone() };
        fs::create_dir(&path).map_err(|cause| ProbeError::Folder { path, cause })?;
        Ok(stage)
    }

    /// One process's acts. In the host's namespaces it is labelled as it enters the cgroup, in its own by the walk over
    /// every task: both ways are seen.
    fn perform(&mut self, namespaces: Namespaces, signals: &Signals) -> Result<Vec<Bite>, ProbeError> {
        let folder = self.folder.join(match namespaces {
            Namespaces::Hosts => "hosts",
            Namespaces::Own => "own",
        });
        fs::create_dir(&folder).map_err(|cause| ProbeError::Folder { path: folder.clone(), cause })?;
        self.maps.unregister_cgroup(self.cgroup.id())?;
        let prober = Prober::start(&folder, namespaces)?;
        let heard_first = signals.take();
        let by = match namespaces {
            Namespaces::Hosts => {
                self.maps.register_cgroup(self.cgroup.id(), PROBE)?;
                self.cgroup.admit(prober.pid())?;
                Bite { program: "cgroup_attach_task", what: "a process moved in", seen: Seen::AtWork }
            }
            Namespaces::Own => {
                self.cgroup.admit(prober.pid())?;
                self.maps.register_cgroup(self.cgroup.id(), PROBE)?;
                run_enrol_iterator(self.pins)?;
                Bite { program: "enrol_existing", what: "a process there before", seen: Seen::AtWork }
            }
        };
        let labelled = self.labels.of(prober.pid()).map_err(ProbeError::Start)?;
        if labelled.map(|labelled| labelled.label) != Some(PROBE) {
            return Err(ProbeError::NoLabel(prober.pid()));
        }
        let told = prober.finish()?;
        let heard = (heard_first, signals.take());
        let mut bites: Vec<Bite> = judge(&told, heard).chain([by]).collect();
        bites.extend(chosen_receiver(&bites));
        Ok(bites)
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        let _ = self.cgroup.kill();
        let _ = self.maps.unregister_cgroup(self.cgroup.id());
        // A process that was just killed may still be there for a moment; whoever probes next removes it then.
        let _ = self.cgroup.remove();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What each act tells of its program. `heard`: whether the signal by a descriptor came, each time.
fn judge(told: &[Told], heard: (bool, bool)) -> impl Iterator<Item = Bite> {
    told.iter().filter_map(move |told| {
        let act = act::ALL.iter().find(|act| act.program == told.program)?;
        Some(Bite { program: act.program, what: act.what, seen: seen(act, told, heard) })
    })
}

/// The signal is refused in the name of whoever chose its receiver: somebody noted who that was.
fn chosen_receiver(bites: &[Bite]) -> Option<Bite> {
    let sent = bites.iter().find(|bite| bite.program == "file_send_sigiotask")?;
    let seen = if sent.seen == Seen::Refused { Seen::AtWork } else { sent.seen.clone() };
    Some(Bite { program: "file_set_fowner", what: "choosing whom a descriptor signals", seen })
}

fn seen(act: &Act, told: &Told, heard: (bool, bool)) -> Seen {
    let code = |code: i32| match code {
        0 => "it was done".to_owned(),
        code => format!("it failed with {}", Errno::from_raw(code)),
    };
    match (act.sign, told.first, told.second) {
        (_, ENOSYS, _) => Seen::Untried("this kernel has no such call".to_owned()),
        (_, first @ (EACCES | EPERM), _) => {
            Seen::Untried(format!("nobody may do it on this host: {}", Errno::from_raw(first)))
        }
        (Sign::Refused(errno), _, second) if second == errno => Seen::Refused,
        (Sign::Refused(_), _, second) => Seen::Toothless(format!("not refused: {}", code(second))),
        (Sign::Done, _, 0) => Seen::AtWork,
        (Sign::Done, _, second) => Seen::Toothless(format!("{}, and should be its own", code(second))),
        (Sign::Unheard, 0, 0) => match heard {
            (true, false) => Seen::Refused,
            (true, true) => Seen::Toothless("not refused: the signal came".to_owned()),
            (false, _) => Seen::Untried("no such signal comes on this host".to_owned()),
        },
        (Sign::Unheard, _, second) => Seen::Untried(code(second)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bite(program: &str, first: i32, second: i32) -> Seen {
        let told = Told { program: program.to_owned(), first, second };
        judge(&[told], (true, false)).next().unwrap().seen
    }

    #[test]
    fn only_the_refusal_that_the_program_gives_is_its_own() {
        assert_eq!(bite("file_open", 0, EACCES), Seen::Refused);
        assert_eq!(bite("capable", 0, EPERM), Seen::Refused);
        assert!(matches!(bite("file_open", 0, 0), Seen::Toothless(_)));
        assert!(matches!(bite("sb_mount", 0, EPERM), Seen::Toothless(_)), "that was `capable`");
        assert!(matches!(bite("capable", 0, EACCES), Seen::Toothless(_)));
    }

    #[test]
    fn what_nobody_may_do_tells_nothing() {
        assert!(matches!(bite("file_open", EACCES, EACCES), Seen::Untried(_)));
        assert!(matches!(bite("uring_override_creds", EPERM, EPERM), Seen::Untried(_)));
        assert!(matches!(bite("file_ioctl_compat", ENOSYS, ENOSYS), Seen::Untried(_)));
    }

    #[test]
    fn a_signal_that_comes_all_the_same_is_no_refusal() {
        let told = Told { program: "file_send_sigiotask".to_owned(), first: 0, second: 0 };
        let seen = |heard| judge(std::slice::from_ref(&told), heard).next().unwrap().seen;
        assert_eq!(seen((true, false)), Seen::Refused);
        assert!(matches!(seen((true, true)), Seen::Toothless(_)));
        assert!(matches!(seen((false, false)), Seen::Untried(_)));
    }

    #[test]
    fn every_program_is_tried_or_looked_at() {
        let known =
            |name: &str| act::ALL.iter().any(|act| act.program == name) || work::PROGRAMS.contains(&name);
        let missing: Vec<_> = programs::ALL.iter().map(|one| one.name).filter(|name| !known(name)).collect();
        assert_eq!(missing, [""; 0]);
    }
}
