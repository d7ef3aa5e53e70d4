//! The policy that agents are measured under: the rules, and as many entries beside them as are asked for, all in
//! a zone that no edge leads to. Addresses and ports are next to the peer's own, so that a look-up has the longest
//! way.

use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;

use anyhow::Result;
use guard_common::limits::{ADDRESSES_MAX, SLOTS};

use super::place::MARKS;
use super::rules;
use crate::act::cost::PEER_PORT;

/// The profile's name.
pub(super) const PROFILE: &str = "bench";
/// Sizes that are asked for.
pub(super) const SIZES: [usize; 3] = [10, 1_000, 100_000];
/// Paths of one policy, some left for the rules' own: the policy compiler takes 2,000.
const PATHS_MAX: usize = 1_950;
/// Address rules of one policy, some left for the peers' own.
const ADDRESSES_BESIDE_MAX: usize = (ADDRESSES_MAX / SLOTS) as usize - 64;
/// Of those, addresses that are written one by one: a policy's text may have 1 MiB. The others are ports.
const WRITTEN_MAX: usize = 22_000;

/// A policy with up to `asked` entries beside its rules, and how many those are.
pub(super) fn text(asked: usize) -> Result<(String, usize)> {
    let paths = (asked / 2).min(PATHS_MAX);
    let addresses = (asked - paths).min(ADDRESSES_BESIDE_MAX);
    let written = addresses.div_ceil(2).min(WRITTEN_MAX);
    let mut text = head();
    text += "[zones.beside]\npaths = [";
    for index in 0..paths {
        let path = format!("{MARKS}/{index:05}");
        fs::write(&path, "")?;
        let _ = write!(text, "\"{path}\",");
    }
    text += "]\naddresses = [";
    for index in 0..written {
        let _ = write!(text, "\"{}\",", neighbour(1 + index));
    }
    let (first, last) = ports(addresses - written);
    let _ = writeln!(text, "\"{}:{first}-{last}/udp\"]", neighbour(1));
    Ok((text, paths + addresses))
}

/// An address next to the one that is sent to.
fn neighbour(distance: usize) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::LOCALHOST) + distance as u32)
}

/// So many ports around the one that is sent to.
fn ports(count: usize) -> (usize, usize) {
    let first = usize::from(PEER_PORT).saturating_sub(count / 2).max(1);
    (first, first + count - 1)
}

fn head() -> String {
    let mut text = format!(
        "version = 1\ndefault_profile = \"{PROFILE}\"\n\n\
         [profiles.{PROFILE}]\nlaunch = {{ users = [\"*\"], workdirs = [\"/guardbench/work\"] }}\n"
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
    fn ports_are_around_the_peers_and_as_many_as_asked() {
        for count in [1, 2, 500, 43_000] {
            let (first, last) = ports(count);
            assert_eq!(last - first + 1, count);
            assert!(first >= 1 && last <= 65_535, "{first}-{last}");
            assert!((first..=last).contains(&usize::from(PEER_PORT)), "{first}-{last}");
        }
    }

    #[test]
    fn neighbours_are_never_the_peer() {
        assert_eq!(neighbour(1), Ipv4Addr::new(127, 0, 0, 2));
        assert_eq!(neighbour(WRITTEN_MAX), Ipv4Addr::new(127, 0, 85, 241));
    }
}
