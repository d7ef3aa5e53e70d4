//! What the kernel holds for guard, by its own account.

use std::fs;
use std::os::fd::{AsFd, AsRawFd};

use aya::maps::MapData;
use aya::programs::loaded_programs;
use guard_common::map::name;

use super::adopt::program_ids;
use super::pins::PinFolder;

/// Bytes that pinned maps and the programs in force take. The kernel counts a map's from 6.4 on as what is in use, before
/// as what it takes when full; rows that go with a task or an inode it counts for no map. What cannot be asked counts
/// nothing.
pub fn held(pins: &PinFolder) -> u64 {
    maps(pins) + programs(pins)
}

fn maps(pins: &PinFolder) -> u64 {
    let of_map = |name: &&str| {
        let map = MapData::from_pin(pins.map(name)).ok()?;
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", map.fd().as_fd().as_raw_fd())).ok()?;
        info.lines().find_map(|line| line.strip_prefix("memlock:")?.trim().parse::<u64>().ok())
    };
    name::ALL.iter().filter_map(of_map).sum()
}

/// Their instructions as they were verified, and as the processor runs them.
fn programs(pins: &PinFolder) -> u64 {
    let ids = program_ids(pins);
    let ours = loaded_programs().filter_map(Result::ok).filter(|info| ids.contains(&info.id()));
    ours.map(|info| u64::from(info.memory_locked().unwrap_or(0)) + u64::from(info.size_jitted())).sum()
}
