//! Names of agents against whom an order to halt stands: what the programs enrol under such a name begins halted.
//! Works with the daemon dead. Knows neither who may give an order nor its record.

use std::io;

use aya::maps::{HashMap, Map};
use guard_common::map::enrol::{AGENT_NAME_MAX, AgentName, HALTED_MAX};
use guard_common::map::name;
use guard_common::map::switch::KillMode;

use super::failure::{MapFailure, into_io};
use super::pins::PinFolder;
use super::switches;

/// The names.
#[derive(Debug)]
pub struct Halted {
    map: Map,
}

impl Halted {
    /// Opens the pinned names. Needs root; needs no daemon.
    pub fn open(pins: &PinFolder) -> Result<Self, MapFailure> {
        Ok(Self { map: switches::open(pins, name::HALTED)? })
    }

    /// The word that a new cgroup of that agent begins with. What guard never writes halts.
    pub fn mode(&mut self, agent: &[u8]) -> Result<KillMode, MapFailure> {
        match self.table()?.get(&key(agent), 0).map_err(into_io) {
            Ok(word) => Ok(KillMode::from_raw(word).unwrap_or(KillMode::Terminate)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(KillMode::Run),
            Err(cause) => Err(MapFailure::Call { map: name::HALTED, doing: "read", cause }),
        }
    }

    /// From now on new cgroups of that agent begin with this word. Never a weaker one than before, which it gives.
    pub fn halt(&mut self, agent: &[u8], mode: KillMode) -> Result<KillMode, MapFailure> {
        let before = self.mode(agent)?;
        self.table()?.insert(key(agent), mode.raw().max(before.raw()), 0).map_err(|error| {
            super::maps::write_failed(name::HALTED, error, HALTED_MAX, "lift the orders that are done with")
        })?;
        Ok(before)
    }

    /// Forgets one agent's name, or all.
    pub fn lift(&mut self, agent: Option<&[u8]>) -> Result<(), MapFailure> {
        let mut table = self.table()?;
        let keys: Vec<AgentName> = match agent {
            Some(agent) => vec![key(agent)],
            None => table
                .keys()
                .collect::<Result<_, _>>()
                .map_err(|error| MapFailure::call(name::HALTED, "read", error))?,
        };
        for key in keys {
            match table.remove(&key).map_err(into_io) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                    return Err(MapFailure::Call { map: name::HALTED, doing: "remove", cause });
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn table(&mut self) -> Result<HashMap<&mut aya::maps::MapData, AgentName, u32>, MapFailure> {
        HashMap::try_from(&mut self.map)
            .map_err(|error| MapFailure::Foreign { map: name::HALTED, cause: error.to_string() })
    }
}

/// As the programs compare it: a longer name is cut, and ends in a NUL.
fn key(agent: &[u8]) -> AgentName {
    let mut key = [0; AGENT_NAME_MAX];
    key.iter_mut().zip(agent.iter().take(AGENT_NAME_MAX - 1)).for_each(|(into, byte)| *into = *byte);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cut_as_the_programs_cut_it() {
        assert_eq!(key(b"ada")[..4], *b"ada\0");
        let long = key(&[b'x'; 100]);
        assert_eq!((long[62], long[63]), (b'x', 0));
    }
}
