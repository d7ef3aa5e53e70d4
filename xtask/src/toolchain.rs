//! A Rust toolchain that can build for eBPF: nightly with core's source from rustup, else Debian's own second
//! toolchain. Touches neither the toolchain nor the environment that everything else is built with.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::sh::{cmd, read, run_quiet, say, succeeds, without_outer_cargo};
use crate::{apt, cache};

const NIGHTLY: &str = "nightly";
const CORE_SOURCE: &str = "lib/rustlib/src/rust/library/core/Cargo.toml";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// rustup's nightly, with rust-src.
    Nightly,
    /// Debian's rustc-web, cargo-web, rust-web-src.
    Debian,
}

impl Toolchain {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Toolchain::Nightly => "rustup's nightly with rust-src",
            Toolchain::Debian => "Debian's rustc-web with rust-web-src",
        }
    }

    /// A cargo that may use `-Z build-std`, with nothing of the outer cargo in its environment.
    pub(crate) fn cargo(self) -> Command {
        let mut command = match self {
            Toolchain::Nightly => cmd("rustup", &["run", NIGHTLY, "cargo"]),
            Toolchain::Debian => cmd(DEBIAN_CARGO, &[]),
        };
        without_outer_cargo(&mut command);
        if self == Toolchain::Debian {
            command.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1");
        }
        command
    }

    fn rustc(self) -> Command {
        match self {
            Toolchain::Nightly => cmd("rustup", &["run", NIGHTLY, "rustc"]),
            Toolchain::Debian => cmd(DEBIAN_RUSTC, &[]),
        }
    }

    /// The major version of its LLVM: a linker with an older one cannot read what it writes.
    pub(crate) fn llvm_major(self) -> Result<u32> {
        let text = read(without_outer_cargo(self.rustc().arg("-vV")))?;
        let version = text.lines().find_map(|line| line.strip_prefix("LLVM version: "));
        let major = version.and_then(|version| version.split('.').next()?.parse().ok());
        major.with_context(|| format!("{}: rustc tells no LLVM version", self.name()))
    }

    fn has_core_source(self) -> bool {
        let sysroot = read(without_outer_cargo(self.rustc().args(["--print", "sysroot"])));
        sysroot.is_ok_and(|sysroot| Path::new(sysroot.trim()).join(CORE_SOURCE).is_file())
    }
}

/// The one that is there, without changing anything: first what `GUARD_EBPF_TOOLCHAIN` names (nightly or
/// debian), then what `setup` chose before.
pub(crate) fn find() -> Result<Option<Toolchain>> {
    let chosen = match std::env::var("GUARD_EBPF_TOOLCHAIN") {
        Ok(named) if !named.is_empty() => named,
        _ => std::fs::read_to_string(cache::root()?.join("toolchain")).unwrap_or_default(),
    };
    let order = match chosen.trim() {
        "debian" => [Toolchain::Debian, Toolchain::Nightly],
        _ => [Toolchain::Nightly, Toolchain::Debian],
    };
    Ok(order.into_iter().find(|toolchain| toolchain.has_core_source()))
}

/// Finds one or installs one, and remembers which.
pub(crate) fn install() -> Result<Toolchain> {
    let toolchain = match find()? {
        Some(found) => found,
        None => get()?,
    };
    let name = match toolchain {
        Toolchain::Nightly => "nightly",
        Toolchain::Debian => "debian",
    };
    cache::write_atomic(&cache::root()?.join("toolchain"), name.as_bytes())?;
    Ok(toolchain)
}

fn get() -> Result<Toolchain> {
    say("no Rust toolchain with core's source is here; the kernel programs need one");
    if succeeds(&mut cmd("rustup", &["--version"])) {
        match run_quiet(without_outer_cargo(&mut rustup_command())) {
            Ok(()) if Toolchain::Nightly.has_core_source() => return Ok(Toolchain::Nightly),
            Ok(()) => say("rustup added rust-src, yet core's source is not there"),
            Err(_) => say("rustup cannot add rust-src to nightly here"),
        }
    }
    if !apt::debian_rust().iter().all(|package| apt::is_available(&package.name)) {
        bail!(
            "no toolchain for the kernel programs: rustup cannot provide nightly with rust-src \
             (`rustup toolchain install nightly --component rust-src` shows why), \
             and this system has no package rustc-web to stand in"
        );
    }
    say("taking Debian's second toolchain instead");
    apt::install(apt::debian_rust())?;
    if !Toolchain::Debian.has_core_source() {
        bail!("rust-web-src is installed, yet {CORE_SOURCE} is not below rustc's sysroot");
    }
    Ok(Toolchain::Debian)
}

/// Adds to a nightly that is there; a nightly that is used elsewhere is not moved to another version.
fn rustup_command() -> Command {
    if succeeds(&mut cmd("rustup", &["run", NIGHTLY, "rustc", "--version"])) {
        say("asking rustup for rust-src");
        return cmd("rustup", &["component", "add", "rust-src", "--toolchain", NIGHTLY]);
    }
    say("asking rustup for nightly with rust-src");
    cmd("rustup", &["toolchain", "install", NIGHTLY, "--profile", "minimal", "--component", "rust-src"])
}
