//! An interpreter that was registered for a kind of file: the kernel opened it long before, for whoever comes.

use std::fs;

use anyhow::{Context, Result};

use super::{BOTH, EXEC, PLAIN, Spot, Trick, marked_at};
use crate::harness::case::Undo;
use crate::harness::fixture::give;
use crate::harness::shell::sh;

const PLACE: &str = "/proc/sys/fs/binfmt_misc";
const FILE: &str = "/usr/local/bin/guardtest-file.gtx";

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[],
    python: None,
    cases: || {
        let sentence = "an_interpreter_that_is_registered_is_judged_too";
        let attack = format!("exec {FILE} {{mark}}");
        marked_at(BOTH, "E13d", sentence, EXEC, &attack, PLAIN).prepared(registered)
    },
};

struct Registered;

/// X for files that are called `….gtx`; `F`: opened now, whatever name it has later.
fn registered(spot: Spot) -> Result<Undo> {
    let _ = sh("modprobe binfmt_misc");
    if !fs::exists(format!("{PLACE}/register"))? {
        sh(&format!("mount -t binfmt_misc binfmt_misc {PLACE}"))?;
    }
    fs::write(FILE, "anything\n")?;
    give(FILE.as_ref(), 0o755)?;
    let rule = format!(":guardtest:E::gtx::{}:F", spot.at("xd/touch"));
    fs::write(format!("{PLACE}/register"), rule).context("cannot register an interpreter")?;
    Ok(Box::new(Registered))
}

impl Drop for Registered {
    fn drop(&mut self) {
        let _ = fs::write(format!("{PLACE}/guardtest"), "-1");
    }
}
