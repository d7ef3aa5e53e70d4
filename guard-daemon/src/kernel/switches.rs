//! Kill words and surface switches, through the pinned maps: works with the daemon dead. Knows neither who may
//! use them nor the record that an order leaves.

use aya::maps::{Array, Map, MapData};
use guard_common::Surface;
use guard_common::limits::AGENTS_MAX;
use guard_common::map::name;
use guard_common::map::switch::KillMode;

use super::failure::MapFailure;
use super::pins::PinFolder;

/// The switches.
#[derive(Debug)]
pub struct Switches {
    kill: Map,
    surfaces_off: Map,
}

impl Switches {
    /// Opens the switches of a pin folder. Needs root, and programs that are loaded; needs no daemon.
    pub fn open(pins: &PinFolder) -> Result<Self, MapFailure> {
        Ok(Self { kill: open(pins, name::KILL)?, surfaces_off: open(pins, name::SURFACES_OFF)? })
    }

    /// The kill word of a slot; [`guard_common::map::switch::KILL_ALL`] is everybody's.
    pub fn kill_mode(&self, slot: u32) -> Result<KillMode, MapFailure> {
        let raw = read(&self.kill, name::KILL, slot)?;
        KillMode::from_raw(raw).ok_or(MapFailure::Strange { map: name::KILL, row: slot, value: raw.into() })
    }

    /// Sets a kill word, or with [`KillMode::Run`] clears it. In force for every hook that begins after.
    pub fn set_kill_mode(&mut self, slot: u32, mode: KillMode) -> Result<(), MapFailure> {
        write(&mut self.kill, name::KILL, slot, mode.raw())
    }

    /// Slots whose kill word is set, with the word; slot 0 is everybody's.
    pub fn killed(&self) -> Result<Vec<(u32, KillMode)>, MapFailure> {
        let mut killed = Vec::new();
        for slot in 0..AGENTS_MAX {
            match self.kill_mode(slot)? {
                KillMode::Run => {}
                mode @ (KillMode::Freeze | KillMode::Terminate) => killed.push((slot, mode)),
            }
        }
        Ok(killed)
    }

    /// Whether a surface is on.
    pub fn surface_on(&self, surface: Surface) -> Result<bool, MapFailure> {
        Ok(read(&self.surfaces_off, name::SURFACES_OFF, surface.raw().into())? == 0)
    }

    /// Switches a surface for every agent.
    pub fn set_surface(&mut self, surface: Surface, on: bool) -> Result<(), MapFailure> {
        write(&mut self.surfaces_off, name::SURFACES_OFF, surface.raw().into(), u32::from(!on))
    }

    /// Surfaces that are off.
    pub fn surfaces_off(&self) -> Result<Vec<Surface>, MapFailure> {
        let mut off = Vec::new();
        for surface in Surface::ALL {
            if !self.surface_on(*surface)? {
                off.push(*surface);
            }
        }
        Ok(off)
    }
}

/// Opens one pinned map.
pub(super) fn open(pins: &PinFolder, map: &str) -> Result<Map, MapFailure> {
    let path = pins.map(map);
    let data = MapData::from_pin(&path).map_err(|error| MapFailure::open(&path, error))?;
    Map::from_map_data(data).map_err(|error| MapFailure::open(&path, error))
}

fn read(map: &Map, name: &'static str, index: u32) -> Result<u32, MapFailure> {
    let array = Array::<_, u32>::try_from(map)
        .map_err(|error| MapFailure::Foreign { map: name, cause: error.to_string() })?;
    array.get(&index, 0).map_err(|error| MapFailure::call(name, "read", error))
}

fn write(map: &mut Map, name: &'static str, index: u32, value: u32) -> Result<(), MapFailure> {
    let mut array = Array::<_, u32>::try_from(map)
        .map_err(|error| MapFailure::Foreign { map: name, cause: error.to_string() })?;
    array.set(index, value, 0).map_err(|error| MapFailure::call(name, "write", error))
}
