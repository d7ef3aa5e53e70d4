//! Who is at the other end of a socket, as the kernel says it. Believes nothing that the peer sends.
//!
//! Credentials are those of the process that connected. It may have ended since, and its number may be another
//! process's now, or it may have become an agent: [`Peer::standing`] is asked anew for each request.

use std::fs;
use std::io;

use nix::unistd::{Gid, Group, Uid, User};

use crate::model::record::Operator;

/// The group whose members are operators.
pub const OPERATORS: &str = "guard";

/// Top of guard's own branch of the cgroup tree: who is inside is an agent.
pub const CGROUP: &str = "guard";

/// Ticks a second of `/proc/PID/stat`, the same on every architecture that guard runs on.
pub const TICKS_PER_SECOND: u64 = 100;

/// The process at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Effective user when it connected.
    pub uid: u32,
    /// Effective group when it connected.
    pub gid: u32,
    /// The user's name, where the host knows one.
    pub user: Option<String>,
    /// Every group of its process, with its name where the host knows one.
    pub groups: Vec<(u32, Option<String>)>,
    /// Process id.
    pub pid: u32,
    /// Start of that process, in clock ticks since boot.
    pub start_ticks: u64,
    /// Login user, where one is set.
    pub login_uid: Option<u32>,
    /// Whether the user is root or in the operators' group.
    pub operator: bool,
}

/// What a peer is to guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Root, or in the operators' group.
    Operator,
    /// Anybody else on this host.
    User,
    /// An agent, or somebody of whom it cannot be told.
    Agent,
}

impl Peer {
    /// Looks the peer up. Blocks on the user database.
    pub fn of(uid: u32, gid: u32, pid: u32) -> io::Result<Self> {
        let start_ticks = start_ticks(pid)?;
        let groups = named(gid, groups(pid)?);
        let user = User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name);
        let operator = uid == 0 || groups.iter().any(|(_, name)| name.as_deref() == Some(OPERATORS));
        Ok(Self { uid, gid, user, groups, pid, start_ticks, login_uid: login_uid(pid), operator })
    }

    /// Who it is now. A process that has ended, or that cannot be looked at, counts as an agent.
    pub fn standing(&self) -> Standing {
        match (self.is_alive(), in_agent_cgroup(self.pid)) {
            (true, Ok(false)) if self.operator => Standing::Operator,
            (true, Ok(false)) => Standing::User,
            (true, Ok(true) | Err(_)) | (false, _) => Standing::Agent,
        }
    }

    /// Whether it is still the process that connected.
    pub fn is_alive(&self) -> bool {
        start_ticks(self.pid).is_ok_and(|start| start == self.start_ticks)
    }

    /// For records.
    pub fn as_operator(&self) -> Operator {
        Operator { uid: self.uid, login_uid: self.login_uid, pid: self.pid }
    }
}

/// Start of a process in clock ticks since boot (`/proc/PID/stat`, field 22).
pub fn start_ticks(pid: u32) -> io::Result<u64> {
    let stat = fs::read(format!("/proc/{pid}/stat"))?;
    parse_start(&stat).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "stat without a start time"))
}

// The name (field 2) may hold blanks and brackets of its own: fields count from the last bracket.
fn parse_start(stat: &[u8]) -> Option<u64> {
    let bracket = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(stat.get(bracket + 1..)?).ok()?;
    rest.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// Whether a process has ended and only waits for its parent to notice. One whose first thread alone ended lives.
pub fn is_zombie(pid: u32) -> bool {
    let state = fs::read(format!("/proc/{pid}/stat")).ok().and_then(|stat| parse_state(&stat));
    let threads = fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    state == Some(b'Z') && threads <= 1
}

fn parse_state(stat: &[u8]) -> Option<u8> {
    let bracket = stat.iter().rposition(|byte| *byte == b')')?;
    stat.get(bracket + 2).copied()
}

/// Whether this very process is inside guard's branch of the cgroup tree.
pub fn is_self_inside() -> bool {
    in_agent_cgroup(std::process::id()).unwrap_or(true)
}

fn login_uid(pid: u32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/loginuid")).ok()?;
    text.trim().parse().ok().filter(|uid| *uid != u32::MAX)
}

fn in_agent_cgroup(pid: u32) -> io::Result<bool> {
    Ok(is_agent_cgroup(&fs::read_to_string(format!("/proc/{pid}/cgroup"))?))
}

// The daemon's own view of the unified tree: `0::/guard/7`. A namespace of the peer's changes nothing in it.
fn is_agent_cgroup(text: &str) -> bool {
    let unified = text.lines().find_map(|line| line.strip_prefix("0::/"));
    // A process whose unified cgroup cannot be told may be anywhere.
    unified.is_none_or(|path| path.split('/').next() == Some(CGROUP))
}

// `Groups:` of /proc/PID/status: the kernel's word, not the user database's.
fn groups(pid: u32) -> io::Result<Vec<u32>> {
    let status = fs::read(format!("/proc/{pid}/status"))?;
    let line = status.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"Groups:"));
    let groups = line.and_then(|line| std::str::from_utf8(line).ok());
    let groups = groups.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "status without groups"))?;
    Ok(groups.split_ascii_whitespace().filter_map(|group| group.parse().ok()).collect())
}

// Only the names come from the user database.
fn named(gid: u32, mut groups: Vec<u32>) -> Vec<(u32, Option<String>)> {
    groups.push(gid);
    groups.sort_unstable();
    groups.dedup();
    let name = |gid| Group::from_gid(Gid::from_raw(gid)).ok().flatten().map(|group| group.name);
    groups.into_iter().map(|gid| (gid, name(gid))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_blanks_does_not_shift_the_start_time() {
        let stat = b"7 (a) b) R 1) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21\n";
        assert_eq!(parse_start(stat), Some(4711));
        assert_eq!(parse_state(stat), Some(b'S'));
        for cut in [&b""[..], b"7 (a", b"7 (a) S 1 2", b"\xff\xfe)\xff"] {
            assert_eq!(parse_start(cut), None);
        }
    }

    #[test]
    fn whoever_is_below_guards_cgroup_or_cannot_be_told_is_an_agent() {
        for agent in
            ["0::/guard\n", "0::/guard/7\n", "1:cpu:/\n0::/guard/7/sub\n", "", "1:cpu:/x\n", "nonsense"]
        {
            assert!(is_agent_cgroup(agent), "{agent:?}");
        }
        for other in ["0::/\n", "0::/user.slice\n", "0::/guardian/7\n", "0::/system.slice/guard\n"] {
            assert!(!is_agent_cgroup(other), "{other:?}");
        }
    }

    #[test]
    fn a_process_that_has_ended_counts_as_an_agent() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let peer = Peer::of(0, 0, child.id()).unwrap();
        assert!(!is_zombie(child.id()));
        child.kill().unwrap();
        while !is_zombie(child.id()) {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert_eq!(peer.standing(), Standing::Agent);
    }

    #[test]
    fn groups_and_user_are_the_kernels_word() {
        let peer = Peer::of(0, 0, std::process::id()).unwrap();
        assert!(peer.operator && peer.is_alive());
        assert_eq!(peer.user.as_deref(), Some("root"));
        let mut own: Vec<u32> = nix::unistd::getgroups().unwrap().into_iter().map(Gid::as_raw).collect();
        own.push(0);
        own.sort_unstable();
        own.dedup();
        assert_eq!(peer.groups.into_iter().map(|(gid, _)| gid).collect::<Vec<_>>(), own);
        assert!(!Peer::of(4_000_000_000, 4_000_000_000, std::process::id()).unwrap().operator);
    }
}
