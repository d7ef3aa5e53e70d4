//! Taking up enforcement: load, attach and pin, or adopt what is pinned already. At no instant of a take-over is
//! less enforced than before it: new links stand beside the old ones before the old ones go.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Instant;

use aya::{Ebpf, EbpfError, EbpfLoader};
use guard_common::fields;
use guard_common::map::name;
use guard_common::map::zone::DEV_OF_DIRECTORY;

use super::adopt::InUse;
use super::attaching;
use super::btf::{self, KernelTypes, TypesError};
use super::diagnostics::LogLevel;
use super::failure::MapFailure;
use super::maps::Maps;
use super::object;
use super::pins::PinFolder;
use super::placing;
use super::plain::Meta;
use super::programs::{self, Misfit, Program};
use crate::policy;

/// Version of the agreement between pinned maps and daemon. Raised when the meaning of a row changes without
/// its size.
const ABI: u32 = 2;

/// Enforcement, taken up.
#[derive(Debug)]
pub struct Taken {
    /// The pinned maps.
    pub maps: Maps,
    /// How it came about.
    pub how: How,
    /// Whether events are numbered from the beginning, by a new map. Where only a ring is new, its numbers go on, and
    /// tell what was lost with the old one.
    pub counts_anew: bool,
}

/// How enforcement was taken up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// Nothing was pinned, no map either. Everything was loaded.
    Fresh,
    /// Everything was in force, made from this very object. Nothing was touched.
    Adopted,
    /// Programs of another object were in force, or maps of theirs were left. These took their place, without a gap.
    Replaced {
        /// Maps whose rows had another form and were begun anew.
        renewed: Vec<&'static str>,
    },
    /// Part of the set was gone, or every program. It is whole again.
    Completed {
        /// What was gone.
        missing: Vec<String>,
    },
}

/// Enforcement could not be taken up. What was in force before still is.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The pin folder cannot be made.
    #[error(
        "{folder} cannot be made: {cause}; is a BPF file system mounted at /sys/fs/bpf, and is this root?"
    )]
    Pins {
        /// The folder.
        folder: String,
        /// What the kernel said.
        cause: io::Error,
    },
    /// The running kernel's types cannot be read, or lack a field that the programs read.
    #[error(transparent)]
    Types(#[from] TypesError),
    /// The object and this daemon are not of one build.
    #[error("the kernel programs do not fit this daemon: {what}; run `cargo xtask build`")]
    Object {
        /// How.
        what: String,
    },
    /// Maps that hold who is an agent have another form than before, and agents may be alive.
    #[error(
        "map {map} has another form in this version, and the labels of running agents are in it; end all agents and reboot, or start the version that was running"
    )]
    Identity {
        /// The map.
        map: &'static str,
    },
    /// A map could not be made, or one of its rows not be written.
    #[error(transparent)]
    Map(#[from] MapFailure),
    /// The library failed before any program was loaded.
    #[error("the kernel programs cannot be prepared: {what}")]
    Prepare {
        /// What it said.
        what: String,
    },
    /// The kernel refused a program.
    #[error("the kernel refuses program {program} ({place}): {cause}{log}")]
    Refused {
        /// The program.
        program: &'static str,
        /// Where it belongs.
        place: String,
        /// What the kernel said.
        cause: String,
        /// End of the verifier's log.
        log: String,
    },
    /// A link could not be pinned or put in its place.
    #[error("the link of {program} cannot be pinned: {cause}")]
    Pin {
        /// The program.
        program: &'static str,
        /// What the kernel said.
        cause: String,
    },
}

/// SHA-256 of the kernel programs in this build, hex.
pub fn object_sha256() -> String {
    hex::encode(object::digest())
}

/// How the programs are loaded, beside what the kernel is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// What they say of themselves.
    pub log: LogLevel,
    /// Helpers fail on purpose, as the map `INJECTED` says: to see that what fails refuses.
    pub injects_faults: bool,
}

impl Manner {
    /// A number that differs where programs have to be loaded anew.
    fn raw(self) -> u32 {
        u32::from(self.log.raw()) | (u32::from(self.injects_faults) << 8)
    }
}

/// Takes up enforcement: adopts what is pinned where it is whole and of this build, and loads it anew otherwise.
pub fn take_up(pins: &PinFolder, manner: Manner) -> Result<Taken, LoadError> {
    pins.create().map_err(|cause| LoadError::Pins { folder: pins.root().display().to_string(), cause })?;
    let bytes = btf::running()?;
    let types = KernelTypes::parse(&bytes)?;
    let fitting = fitting(&types)?;
    let meta = Meta { abi: ABI, manner: manner.raw(), digest: object::digest() };
    let found = pins.meta();
    let in_use = InUse::by(pins);
    // Programs hold on to maps whose pins are gone: with new pins nothing of what they know is lost.
    let again = in_use.pin_again(pins)?;
    let (links, maps) = (pins.missing_links(), pins.missing_maps());
    let is_first = !pins.enforces() && maps.len() == name::ALL.len();
    let renewed = object::renewed(pins, &in_use)?;
    let counts_anew = [&maps, &renewed].into_iter().any(|maps| maps.contains(&name::SEQUENCE));
    let whole = links.is_empty() && maps.is_empty() && renewed.is_empty();
    let gone = gone([again, maps].concat(), links);
    if whole && found == Some(meta) {
        pins.drop_unfinished().map_err(|cause| pins_failed(pins, cause))?;
        let how = if gone.is_empty() { How::Adopted } else { How::Completed { missing: gone } };
        return Ok(Taken { maps: opened(pins)?, how, counts_anew });
    }
    replace(pins, &types, &fitting, manner, meta, &renewed)?;
    let how = how(is_first, found == Some(meta), gone, renewed);
    Ok(Taken { maps: opened(pins)?, how, counts_anew })
}

fn opened(pins: &PinFolder) -> Result<Maps, MapFailure> {
    let maps = Maps::open(pins)?;
    maps.count_rows_of_before()?;
    Ok(maps)
}

/// How the programs came to be in force. `is_first`: nothing was pinned; `is_same`: what was pinned is of this object.
fn how(is_first: bool, is_same: bool, gone: Vec<String>, renewed: Vec<&'static str>) -> How {
    match (is_first, is_same && renewed.is_empty()) {
        (true, _) => How::Fresh,
        (false, true) => How::Completed { missing: gone },
        (false, false) => How::Replaced { renewed },
    }
}

/// The programs for this kernel; refuses one that has no place, or another place than some program was written for.
fn fitting(types: &KernelTypes<'_>) -> Result<Vec<&'static Program>, LoadError> {
    programs::on(types).map_err(|Misfit { program, what }| LoadError::Refused {
        program: program.name,
        place: program.place(),
        cause: what,
        log: String::new(),
    })
}

/// What of the set was not pinned, in words.
fn gone(maps: Vec<&'static str>, links: Vec<&'static str>) -> Vec<String> {
    let maps = maps.into_iter().map(|map| format!("map {map}"));
    maps.chain(links.into_iter().map(|link| format!("link {link}"))).collect()
}

/// Loads the object over the pinned maps, attaches it beside what is attached, and lets it take the place.
fn replace(
    pins: &PinFolder,
    types: &KernelTypes<'_>,
    fitting: &[&'static Program],
    manner: Manner,
    meta: Meta,
    renewed: &[&'static str],
) -> Result<(), LoadError> {
    let failed = |cause| pins_failed(pins, cause);
    object::check()?;
    pins.drop_unfinished().map_err(failed)?;
    let began = Instant::now();
    let mut programs = load(pins, types, manner, renewed)?;
    tracing::debug!(took = ?began.elapsed(), "kernel programs prepared");
    let verified = attaching::verify(&mut programs, fitting);
    tracing::debug!(took = ?began.elapsed(), "kernel programs verified");
    if let Err(error) = verified.and_then(|()| attaching::attach(&mut programs, fitting, pins)) {
        // What stood before still stands; only the newcomers go.
        pins.drop_unfinished().map_err(failed)?;
        return Err(error);
    }
    // From here to the end the set is mixed. A daemon that dies now leaves all of it enforcing, and the next one
    // sees from the empty note that it must go through this again.
    pins.set_meta(Meta::default())?;
    for map in renewed {
        fs::rename(pins.next_map(map), pins.map(map)).map_err(failed)?;
    }
    for program in fitting {
        fs::rename(pins.next_link(program.name), pins.link(program.name))
            .map_err(|cause| LoadError::Pin { program: program.name, cause: cause.to_string() })?;
    }
    pins.drop_foreign_links().map_err(failed)?;
    pins.set_meta(meta)?;
    Ok(())
}

fn pins_failed(pins: &PinFolder, cause: io::Error) -> LoadError {
    LoadError::Pins { folder: pins.root().display().to_string(), cause }
}

/// Makes the maps that are not pinned yet, and relocates the programs for the running kernel.
fn load(
    pins: &PinFolder,
    types: &KernelTypes<'_>,
    manner: Manner,
    renewed: &[&'static str],
) -> Result<Ebpf, LoadError> {
    let offsets = types.resolve(fields::ALL)?;
    let host_mounts = host_mounts()?;
    let has = |field: fields::Field| u32::from(types.offset(field.structure, field.path).is_some());
    let (sends_pages, owns_in_file) = (has(fields::SENDPAGE), has(fields::OWNER_IN_FILE));
    let ((root_dev, root_ino), _held) = policy::resolve::object(Path::new("/proc/1/root"))
        .map_err(|error| LoadError::Prepare { what: format!("/proc/1/root: {error}") })?;
    let host_root = [root_ino, u64::from(root_dev & !DEV_OF_DIRECTORY)];
    let (level, injects_faults) = (manner.log.raw(), u32::from(manner.injects_faults));
    let mut loader = EbpfLoader::new();
    // Task storage is a kind of map that the library has no type for.
    loader.allow_unsupported_maps();
    loader.override_global("AYA_LOG_LEVEL", &level, false);
    loader.override_global(fields::HOST_MOUNTS, &host_mounts, false);
    loader.override_global(fields::SENDS_PAGES, &sends_pages, false);
    loader.override_global(fields::OWNS_IN_FILE, &owns_in_file, false);
    loader.override_global(fields::INJECTS_FAULTS, &injects_faults, false);
    for (symbol, value) in fields::HOST_ROOT.iter().zip(&host_root) {
        loader.override_global(symbol, value, false);
    }
    for map in name::ALL {
        let pin = if renewed.contains(map) { pins.next_map(map) } else { pins.map(map) };
        loader.map_pin_path(map, pin);
    }
    let placed = placing::place(object::BYTES, &offsets).map_err(|what| LoadError::Prepare { what })?;
    loader.load(&placed).map_err(|error| LoadError::Prepare { what: prepare_failed(&error) })
}

/// Number of the host's mount namespace.
fn host_mounts() -> Result<u32, LoadError> {
    let path = "/proc/1/ns/mnt";
    let number = fs::metadata(path).map(|namespace| namespace.ino());
    let number = number.map_err(|error| LoadError::Prepare { what: format!("{path}: {error}") })?;
    u32::try_from(number).map_err(|_| LoadError::Prepare { what: format!("{path} has the number {number}") })
}

fn prepare_failed(error: &EbpfError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_where_no_map_was_left_is_everything_fresh() {
        let gone = || vec!["link file_open".to_owned()];
        assert_eq!(how(true, false, gone(), Vec::new()), How::Fresh);
        // Every program gone, and the maps still there, with whatever was not heard yet.
        assert_eq!(how(false, true, gone(), Vec::new()), How::Completed { missing: gone() });
        let renewed = vec![name::COUNTS];
        for is_same in [true, false] {
            assert_eq!(
                how(false, is_same, gone(), renewed.clone()),
                How::Replaced { renewed: renewed.clone() }
            );
        }
        assert_eq!(how(false, false, gone(), Vec::new()), How::Replaced { renewed: Vec::new() });
    }
}
