//! The policy that agents are measured under: the rules, and as many entries beside them as are asked for, all in
//! zones that no edge leads to. Addresses and ports are next to the peer's own, so that a look-up has the longest
//! way. An entry is a row of the kernel's tables.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;

use anyhow::Result;

use super::place::MARKS;
use super::rules;
use crate::act::cost::PEER_PORT;

/// The control group whose children are agents.
pub(super) const ENROLLED: &str = "/bench-enrolled";
/// The profile's name.
pub(super) const PROFILE: &str = "bench";
/// Sizes that are measured.
pub(super) const SIZES: [usize; 3] = [10, 1_000, 100_000];
/// A package that no machine has, and where dpkg would list it.
const PACKAGE: &str = "guard-bench";
const LIST: &str = "/var/lib/dpkg/info/guard-bench.list";

/// What a policy of some size has beside its rules. At its largest each part is near its own bound: addresses 65,536,
/// names of roots 16,384, rules for names 2,048.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parts {
    /// Rules for a name: a row each.
    names: usize,
    /// Folders that the policy names, and programs of a package: two rows each, for the object and for its name.
    paths: usize,
    programs: usize,
    /// Addresses that are written one by one, and ports in ranges: a row each. A policy's text may have 1 MiB.
    addresses: usize,
    ports: usize,
}

impl Parts {
    /// Paths that a policy may name, some left for the rules' own.
    const PATHS_MAX: usize = 1_900;
    const ADDRESSES_MAX: usize = 22_000;

    fn of(entries: usize) -> Self {
        let names = entries / 50;
        let roots = entries * 1_624 / 10_000;
        let paths = roots.min(Self::PATHS_MAX);
        let network = entries - names - 2 * roots;
        let addresses = network.div_ceil(2).min(Self::ADDRESSES_MAX);
        Self { names, paths, programs: roots - paths, addresses, ports: network - addresses }
    }
}

/// A policy with so many entries beside its rules; makes the objects that it names.
pub(super) fn text(entries: usize) -> Result<String> {
    let parts = Parts::of(entries);
    let mut text = head();
    text += "[zones.beside]\nnames = [";
    for index in 0..parts.names {
        // No name that is met is as long as these.
        let _ = write!(text, "\"{index:032}\",");
    }
    text += "]\npaths = [";
    for index in 0..parts.paths {
        let path = format!("{MARKS}/{index:05}");
        fs::create_dir_all(&path)?;
        let _ = write!(text, "\"{path}\",");
    }
    text += "]\naddresses = [";
    for index in 0..parts.addresses {
        let _ = write!(text, "\"{}\",", neighbour(1 + index));
    }
    for (first, last) in ports(parts.ports) {
        let _ = write!(text, "\"{}:{first}-{last}/udp\",", neighbour(1));
    }
    text += "]\n";
    if parts.programs > 0 {
        package(parts.programs)?;
        let _ = writeln!(text, "packages = [\"{PACKAGE}\"]");
    }
    Ok(text)
}

/// Programs, as dpkg would list them.
fn package(programs: usize) -> Result<()> {
    let folder = format!("{MARKS}/{PACKAGE}");
    fs::create_dir_all(&folder)?;
    let mut list = String::new();
    for index in 0..programs {
        let path = format!("{folder}/{index:05}");
        File::create(&path)?.set_permissions(fs::Permissions::from_mode(0o755))?;
        let _ = writeln!(list, "{path}");
    }
    Ok(fs::write(LIST, list)?)
}

/// An address next to the one that is sent to.
fn neighbour(distance: usize) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::LOCALHOST) + distance as u32)
}

/// So many ports around the one that is sent to, in ranges as long as a rule may have.
fn ports(count: usize) -> Vec<(usize, usize)> {
    const RANGE_MAX: usize = 1_024;
    let first = usize::from(PEER_PORT).saturating_sub(count / 2).max(1);
    let end = first + count;
    (first..end).step_by(RANGE_MAX).map(|start| (start, (start + RANGE_MAX).min(end) - 1)).collect()
}

fn head() -> String {
    let mut text = format!(
        "version = 1\ndefault_profile = \"{PROFILE}\"\n\n\
         [profiles.{PROFILE}]\nlaunch = {{ users = [\"*\"], workdirs = [\"/guardbench/work\"] }}\n\n\
         [[enrol]]\ncgroup = \"{ENROLLED}/*\"\nprofile = \"{PROFILE}\"\n"
    );
    let mut edge = |zone: &str, allow: &str| {
        let _ = write!(text, "\n[[edges]]\nprofile = \"{PROFILE}\"\nzone = \"{zone}\"\nallow = [{allow}]\n");
    };
    for (access, _) in rules::by_access() {
        let allow = match access {
            "r" => r#""read""#,
            "rx" => r#""read", "exec""#,
            "rw" => r#""read", "write", "ipc""#,
            _ => r#""read", "write", "exec", "ipc""#,
        };
        edge(&format!("open-{access}"), allow);
    }
    for built_in in ["work", "temp", "anonymous"] {
        edge(built_in, r#""read", "write", "exec", "ipc""#);
    }
    edge("memory", r#""exec""#);
    edge("near", r#""connect", "listen""#);
    text += "\n[zones.near]\naddresses = [\"127.0.0.1\", \"::1\"]\n";
    for (access, paths) in rules::by_access() {
        let _ = write!(text, "\n[zones.open-{access}]\npaths = {paths:?}\n");
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_has_as_many_rows_as_are_asked_for() {
        for entries in SIZES {
            let Parts { names, paths, programs, addresses, ports } = Parts::of(entries);
            assert_eq!(names + 2 * (paths + programs) + addresses + ports, entries);
            assert!(paths > 0 && addresses > 0 && ports > 0, "{entries}");
        }
    }

    #[test]
    fn ports_are_around_the_peers_and_as_many_as_asked() {
        for count in [1, 2, 500, 43_000] {
            let ranges = ports(count);
            assert_eq!(ranges.iter().map(|(first, last)| last - first + 1).sum::<usize>(), count);
            assert!(ranges.iter().all(|(first, last)| *first >= 1 && *last <= 65_535), "{ranges:?}");
            let peer = usize::from(PEER_PORT);
            assert!(ranges.iter().any(|(first, last)| (*first..=*last).contains(&peer)), "{ranges:?}");
        }
    }

    #[test]
    fn neighbours_are_never_the_peer() {
        assert_eq!(neighbour(1), Ipv4Addr::new(127, 0, 0, 2));
        assert_eq!(neighbour(Parts::ADDRESSES_MAX), Ipv4Addr::new(127, 0, 85, 241));
    }
}
