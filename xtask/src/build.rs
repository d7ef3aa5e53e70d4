//! `cargo xtask build`: the kernel programs by their own toolchain, then the binaries that embed them.
//! Builds into the shared target folder, under a lock; leaves this checkout's binaries in target/guard/bin.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::sh::{cmd, say, without_outer_cargo};
use crate::toolchain::{self, Toolchain};
use crate::{cache, checkout, linker, setup};

#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn main(_: Args) -> Result<i32> {
    all()?;
    Ok(0)
}

/// Builds everything; returns the folder that holds the binaries.
pub(crate) fn all() -> Result<PathBuf> {
    setup::ensure(setup::Need::Build)?;
    let _claimed = cache::claim_target(&checkout::root())?;
    let object = ebpf()?;
    let binaries = userspace(&object)?;
    let bin = checkout::bin_dir();
    place(&binaries, &bin)?;
    let names: Vec<&str> = binaries.iter().map(|binary| binary.name.as_str()).collect();
    say(&format!("built {} in {}", names.join(", "), bin.display()));
    Ok(bin)
}

/// Where the object for this checkout lies; set for everything that compiles guard-daemon.
pub(crate) fn object_path() -> PathBuf {
    checkout::root().join("target/guard/guard-ebpf.o")
}

/// A cargo for the workspace: the outer one's toolchain, the shared target folder, the object's path.
pub(crate) fn workspace_cargo() -> Result<Command> {
    let mut cargo = cmd("cargo", &[]);
    without_outer_cargo(&mut cargo);
    if let Some(toolchain) = std::env::var_os("RUSTUP_TOOLCHAIN") {
        cargo.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    cargo.env("CARGO_TARGET_DIR", cache::target_dir()?).env("GUARD_EBPF_OBJECT", object_path());
    cargo.current_dir(checkout::root());
    Ok(cargo)
}

/// The kernel programs as one object, written only if it changed: what embeds it is rebuilt only then.
fn ebpf() -> Result<PathBuf> {
    let folder = checkout::root().join("guard-ebpf");
    if !folder.join("Cargo.toml").is_file() {
        bail!("{} is not a crate: this checkout lacks the kernel programs", folder.display());
    }
    let toolchain = toolchain::find()?.context("no eBPF toolchain; run `cargo xtask setup`")?;
    let linker = linker::find()?.context("no bpf-linker; run `cargo xtask setup`")?;
    say(&format!("kernel programs, by {}", toolchain.name()));
    let mut cargo = ebpf_cargo(toolchain, &linker, &cache::target_dir()?.join("bpf"));
    let built = executables(cargo.current_dir(&folder))?;
    let [object] = &built[..] else { bail!("guard-ebpf should build one binary, it built {}", built.len()) };
    let content = fs::read(&object.path)?;
    let path = object_path();
    if fs::read(&path).ok().as_ref() != Some(&content) {
        cache::folder(checkout::root().join("target/guard"))?;
        cache::write_atomic(&path, &content)?;
    }
    Ok(path)
}

fn ebpf_cargo(toolchain: Toolchain, linker: &Path, target_dir: &Path) -> Command {
    let arch = std::env::consts::ARCH;
    let flags = [
        "-Clinker=".to_owned() + &linker.to_string_lossy(),
        "-Clink-arg=--btf".to_owned(),
        "-Cdebuginfo=2".to_owned(),
        // Atomic additions that give the old value, and 32-bit jumps; every kernel since 5.12 has them.
        "-Ctarget-cpu=v3".to_owned(),
        format!("--cfg=bpf_target_arch=\"{arch}\""),
    ];
    let mut cargo = toolchain.cargo();
    cargo.args(["build", "--release", "-Z", "build-std=core", "--target", "bpfel-unknown-none"]);
    cargo.env("CARGO_TARGET_DIR", target_dir).env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    cargo
}

fn userspace(object: &Path) -> Result<Vec<Executable>> {
    if !has_rocksdb()? {
        say("RocksDB is compiled first: about 10 minutes, once for all checkouts");
    }
    let mut cargo = workspace_cargo()?;
    cargo.args(["build", "--release", "--workspace", "--exclude", "xtask", "--bins"]);
    executables(cargo.env("GUARD_EBPF_OBJECT", object))
}

fn has_rocksdb() -> Result<bool> {
    let Ok(entries) = fs::read_dir(cache::target_dir()?.join("release/build")) else { return Ok(false) };
    let is_library = |entry: fs::DirEntry| entry.path().join("out/librocksdb.a").is_file();
    Ok(entries.filter_map(Result::ok).any(is_library))
}

pub(crate) struct Executable {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

/// Runs a cargo build, its progress on our standard error, and reads from its messages what it made.
pub(crate) fn executables(cargo: &mut Command) -> Result<Vec<Executable>> {
    cargo.args(["--message-format", "json-render-diagnostics"]);
    let output = cargo
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", cargo.get_program().to_string_lossy()))?;
    if !output.status.success() {
        bail!("the build failed; the compiler's messages are above");
    }
    let messages = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(messages.lines().filter_map(executable_in).collect())
}

fn executable_in(line: &str) -> Option<Executable> {
    let message: Value = serde_json::from_str(line).ok()?;
    let path = message.get("executable")?.as_str()?;
    let name = message.get("target")?.get("name")?.as_str()?;
    Some(Executable { name: name.to_owned(), path: path.into() })
}

/// Copies by hard link where it can; a running binary is replaced, never written to.
fn place(binaries: &[Executable], bin: &Path) -> Result<()> {
    cache::folder(bin.to_path_buf())?;
    for Executable { name, path } in binaries {
        let beside = bin.join(format!(".{name}.part"));
        let _ = fs::remove_file(&beside); // of a build that was ended here
        if fs::hard_link(path, &beside).is_err() {
            fs::copy(path, &beside).with_context(|| format!("cannot copy {}", path.display()))?;
        }
        fs::rename(&beside, bin.join(name))?;
        // Renaming one hard link over another of the same file does nothing and leaves both.
        let _ = fs::remove_file(&beside);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_binaries_are_taken_from_cargos_messages() {
        let library = r#"{"reason":"compiler-artifact","target":{"name":"lib"},"executable":null}"#;
        let binary = r#"{"reason":"compiler-artifact","target":{"name":"guard"},"executable":"/t/guard"}"#;
        assert!(executable_in(library).is_none());
        assert!(executable_in("not json").is_none());
        assert_eq!(executable_in(binary).map(|found| found.name), Some("guard".to_owned()));
    }
}
