//! KVM or software emulation. Believes nothing but a boot: `/dev/kvm` may open and a guest hang under it.

use std::fs::OpenOptions;
use std::time::Duration;

use anyhow::Result;

use super::Job;
use super::guest::{End, run_on};
use super::machine::Accel;
use crate::cache;
use crate::emulator::Emulator;
use crate::kernel::Kernel;
use crate::sh::{cmd, read, say};

const PROBE_LIMIT: Duration = Duration::from_secs(10);

/// The faster one that works here. The answer is kept per host kernel and QEMU.
pub(crate) fn best() -> Result<Accel> {
    if OpenOptions::new().read(true).write(true).open("/dev/kvm").is_err() {
        return Ok(Accel::Tcg);
    }
    let host = read(&mut cmd("uname", &["-rv"]))? + &Emulator::installed()?.version;
    let path = cache::root()?.join(format!("kvm-{}", cache::digest([host.as_bytes()])));
    if let Ok(known) = std::fs::read_to_string(&path) {
        return Ok(if known.trim() == "works" { Accel::Kvm } else { Accel::Tcg });
    }
    say("trying once whether a stock kernel boots under KVM here (at most 10 s)");
    let probe = Job { timeout: Some(PROBE_LIMIT), ..Job::new(vec!["true".to_owned()]) };
    let works = run_on(Kernel::V6_12, &probe, Accel::Kvm, PROBE_LIMIT, false)
        .is_ok_and(|ran| ran.end == End::Exited(0));
    say(if works { "KVM works" } else { "it does not: software emulation it is" });
    cache::write_atomic(&path, if works { b"works\n" } else { b"does not work\n" })?;
    Ok(if works { Accel::Kvm } else { Accel::Tcg })
}
