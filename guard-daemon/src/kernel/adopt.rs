//! What programs that are in force hold on to: their maps, found again through the links' pins when the maps' own
//! pins are gone. Loads nothing, and takes nothing away.

use std::collections::BTreeSet;

use aya::maps::{MapData, MapInfo};
use aya::programs::links::{FdLink, PinnedLink};
use aya::programs::loaded_programs;

use super::failure::MapFailure;
use super::pins::PinFolder;
use super::programs;

/// The kernel cuts map names after this many bytes.
const KERNEL_NAME_LEN: usize = 15;

/// Pins maps again that programs in force use and whose pins are gone.
pub(super) fn pin_again(pins: &PinFolder) -> Result<(), MapFailure> {
    let missing = pins.missing_maps();
    if missing.is_empty() || !pins.enforces() {
        return Ok(());
    }
    for info in maps_in_use(pins) {
        let found = missing.iter().find(|map| kernel_name(map) == info.name());
        if let Some(map) = found
            && !pins.map(map).exists()
        {
            let data = MapData::from_id(info.id()).map_err(|error| MapFailure::call(map, "open", error))?;
            let cause = |error: aya::pin::PinError| std::io::Error::other(error.to_string());
            data.pin(pins.map(map)).map_err(|error| MapFailure::Call {
                map,
                doing: "pin",
                cause: cause(error),
            })?;
        }
    }
    Ok(())
}

fn kernel_name(map: &str) -> &[u8] {
    map.as_bytes().get(..KERNEL_NAME_LEN).unwrap_or(map.as_bytes())
}

/// Id of the program behind a pinned link; `None` where the pin is no link.
pub(super) fn program_id(pins: &PinFolder, program: &str) -> Option<u32> {
    let link: FdLink = PinnedLink::from_pin(pins.link(program)).ok()?.into();
    Some(link.info().ok()?.program_id())
}

/// Every map that a program in force uses. What cannot be described is left out: its pin then counts as gone.
fn maps_in_use(pins: &PinFolder) -> Vec<MapInfo> {
    let ids: BTreeSet<u32> =
        programs::ALL.iter().filter_map(|program| program_id(pins, program.name)).collect();
    let programs = loaded_programs().filter_map(Result::ok).filter(|info| ids.contains(&info.id()));
    let maps: BTreeSet<u32> = programs.filter_map(|info| info.map_ids().ok().flatten()).flatten().collect();
    maps.into_iter().filter_map(|id| MapInfo::from_id(id).ok()).collect()
}
