//! Landlock, with every right that the running kernel has. Rights are given to trees and cannot be taken back below
//! them, so what agents may read is given folder by folder; names like `.env` cannot be said at all, nor can peers
//! other than by TCP port.

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, NetPort, Ruleset, RulesetAttr, RulesetCreatedAttr, Scope,
    path_beneath_rules,
};

use crate::act::{Way, usage, way_alone};
use crate::harness::fixture::{CASELESS, MARKS, NEST, SAID, Spot, TOP, WORK};

/// The newest that the crate knows; the kernel takes what it has.
const NEWEST: ABI = ABI::V9;
/// Of A.
const PORT: u16 = 7001;

/// `under-landlock PROGRAM ARGS…`
pub const WAYS: &[Way] = &[way_alone("under-landlock", |a, _| start(a.rest(0)))];

fn start(words: &[OsString]) -> io::Result<()> {
    let (program, rest) = words.split_first().ok_or_else(|| usage("no program named"))?;
    confine().map_err(|error| usage(&format!("Landlock: {error}")))?;
    Err(Command::new(program).args(rest).exec())
}

/// Every edge of the suite's policy that Landlock can say.
fn confine() -> Result<(), Box<dyn Error>> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let run = read | AccessFs::Execute;
    let write = AccessFs::from_all(NEWEST) & !BitFlags::from(AccessFs::Execute);
    let all = Spot::ALL.map(|spot| (spot.at("w"), spot.at("pd"), spot.at("xd")));
    let open = all.iter().map(|(w, _, _)| w.clone()).chain([MARKS, NEST, WORK, CASELESS].map(str::to_owned));
    let kept = all.iter().flat_map(|(_, pd, xd)| [pd.clone(), xd.clone()]).chain([SAID.to_owned()]);
    let devices = ["null", "zero", "random", "urandom", "tty"].map(|name| format!("/dev/{name}"));
    Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .add_rules(path_beneath_rules(system()?, run))?
        .add_rules(path_beneath_rules(open.chain(devices), write))?
        .add_rules(path_beneath_rules(kept, read))?
        .add_rule(NetPort::new(PORT, AccessNet::ConnectTcp))?
        .restrict_self()?;
    Ok(())
}

/// The zone `system`: everything but the fixture and where namespaces can be entered from.
fn system() -> io::Result<Vec<PathBuf>> {
    let below = |folder: &str, but: &[&str]| -> io::Result<Vec<PathBuf>> {
        let paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        Ok(paths.into_iter().filter(|path| !but.iter().any(|but| path.ends_with(but))).collect())
    };
    let top = TOP.trim_start_matches('/');
    Ok([below("/", &[top, "run"])?, below("/run", &["netns"])?].concat())
}
