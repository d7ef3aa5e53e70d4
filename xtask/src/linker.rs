//! bpf-linker, built once into the cache, against an LLVM that can read what the eBPF toolchain writes.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::sh::{cmd, run, say, succeeds, without_outer_cargo};
use crate::toolchain::Toolchain;
use crate::{apt, cache};

const VERSION: &str = "0.13.0";
/// The LLVMs that this version of bpf-linker can be built against.
const LLVM: std::ops::RangeInclusive<u32> = 21..=23;

/// Path of the linker, if it is there.
pub(crate) fn find() -> Result<Option<PathBuf>> {
    let ours = tools()?.join("bin/bpf-linker");
    let marked = std::fs::read_to_string(mark()?).is_ok_and(|mark| mark.starts_with(VERSION));
    Ok((marked && ours.is_file()).then_some(ours))
}

pub(crate) fn install(toolchain: Toolchain) -> Result<PathBuf> {
    if let Some(found) = find()? {
        return Ok(found);
    }
    let needed = toolchain.llvm_major()?;
    let fits = |major: &u32| *major >= needed && apt::is_available(&format!("llvm-{major}-dev"));
    let Some(major) = LLVM.into_iter().find(fits) else {
        bail!(
            "{} writes LLVM {needed}, and no package llvm-{needed}-dev (or a newer one up to {}) is to be had \
             to build bpf-linker {VERSION} against",
            toolchain.name(),
            LLVM.end()
        );
    };
    apt::install(apt::llvm(major))?;
    say(&format!("building bpf-linker {VERSION} against LLVM {major} (about a minute, once)"));
    let mut cargo = cmd("cargo", &["install", "--quiet", "bpf-linker", "--locked", "--force"]);
    cargo.args(["--version", VERSION, "--no-default-features", "--features", &format!("llvm-{major}")]);
    cargo.arg("--root").arg(tools()?);
    without_outer_cargo(&mut cargo).env("LLVM_PREFIX", format!("/usr/lib/llvm-{major}"));
    run(cargo.env("CARGO_TARGET_DIR", tools()?.join("build")))?;
    let linker = tools()?.join("bin/bpf-linker");
    if !succeeds(cmd(&linker.to_string_lossy(), &["--version"]).arg("--version")) {
        bail!("{} was built and does not start", linker.display());
    }
    std::fs::remove_dir_all(tools()?.join("build")).context("cannot remove bpf-linker's build folder")?;
    cache::write_atomic(&mark()?, format!("{VERSION} llvm-{major}\n").as_bytes())?;
    Ok(linker)
}

fn tools() -> Result<PathBuf> {
    cache::folder(cache::root()?.join("tools"))
}

fn mark() -> Result<PathBuf> {
    Ok(tools()?.join("bpf-linker.version"))
}
