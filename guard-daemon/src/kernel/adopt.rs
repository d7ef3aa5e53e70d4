//! What programs that are in force hold on to: their maps, found through the links' pins, whatever has become of
//! the maps' own pins. Loads nothing, and takes nothing away.

use std::collections::BTreeSet;

use aya::maps::{MapData, MapInfo};
use aya::programs::links::{FdLink, PinnedLink};
use aya::programs::loaded_programs;
use guard_common::map::name;

use super::failure::MapFailure;
use super::pins::PinFolder;
use super::programs;

/// The kernel cuts map names after this many bytes.
const KERNEL_NAME_LEN: usize = 15;

/// Id of the program behind a pinned link; `None` where the pin is no link.
pub(super) fn program_id(pins: &PinFolder, program: &str) -> Option<u32> {
    let link: FdLink = PinnedLink::from_pin(pins.link(program)).ok()?.into();
    Some(link.info().ok()?.program_id())
}

/// Ids of the programs in force.
pub(super) fn program_ids(pins: &PinFolder) -> BTreeSet<u32> {
    programs::ALL.iter().filter_map(|program| program_id(pins, program.name)).collect()
}

/// The maps that programs in force use.
#[derive(Debug)]
pub(super) struct InUse {
    maps: Vec<(u32, Vec<u8>)>,
}

impl InUse {
    /// Asks every program in force. What cannot be described counts as not in use.
    pub(super) fn by(pins: &PinFolder) -> Self {
        let ids = program_ids(pins);
        let programs = loaded_programs().filter_map(Result::ok).filter(|info| ids.contains(&info.id()));
        let maps: BTreeSet<u32> =
            programs.filter_map(|info| info.map_ids().ok().flatten()).flatten().collect();
        let described =
            maps.into_iter().filter_map(|id| Some((id, MapInfo::from_id(id).ok()?.name().to_vec())));
        Self { maps: described.collect() }
    }

    /// Ids of the maps of that name: more than one where a take-over was cut short.
    fn named(&self, map: &str) -> Vec<u32> {
        let name = map.as_bytes().get(..KERNEL_NAME_LEN).unwrap_or(map.as_bytes());
        self.maps.iter().filter(|(_, found)| found == name).map(|(id, _)| *id).collect()
    }

    /// Whether some program in force uses a map of that name.
    pub(super) fn has(&self, map: &str) -> bool {
        !self.named(map).is_empty()
    }

    /// Pins the maps in use where their pins are gone, or belong to other maps. Gives the names of those.
    pub(super) fn pin_again(&self, pins: &PinFolder) -> Result<Vec<&'static str>, MapFailure> {
        let mut again = Vec::new();
        for map in name::ALL {
            let used = self.named(map);
            let pinned = MapInfo::from_pin(pins.map(map)).ok().map(|info| info.id());
            // The newest: an older one is what a take-over was about to leave behind.
            if let Some(newest) = used.iter().max()
                && pinned.is_none_or(|pinned| !used.contains(&pinned))
            {
                pin(pins, map, *newest)?;
                again.push(*map);
            }
        }
        Ok(again)
    }
}

fn pin(pins: &PinFolder, map: &'static str, id: u32) -> Result<(), MapFailure> {
    let data = MapData::from_id(id).map_err(|error| MapFailure::call(map, "open", error))?;
    pins.pin_over(map, |path| data.pin(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_known_by_the_name_that_the_kernel_kept_of_theirs() {
        let in_use = InUse {
            maps: vec![(4, b"LABELS".to_vec()), (9, b"A_NAME_THAT_IS_".to_vec()), (11, b"LABELS".to_vec())],
        };
        assert_eq!(in_use.named("LABELS"), [4, 11]);
        assert!(in_use.has("A_NAME_THAT_IS_TOO_LONG"));
        assert!(!in_use.has("LABEL"));
    }
}
