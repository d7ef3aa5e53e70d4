//! Embeds the kernel programs: copies the object that `cargo xtask build` made to where the loader includes it.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-env-changed=GUARD_EBPF_OBJECT");
    let object = object();
    println!("cargo::rerun-if-changed={}", object.display());

    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    match fs::read(&object) {
        Ok(bytes) => write_if_changed(&out.join("guard-ebpf.o"), &bytes),
        Err(error) => {
            println!(
                "cargo::error=kernel programs are not built; run `cargo xtask build` ({}: {error})",
                object.display()
            );
        }
    }
}

/// The object's place: `GUARD_EBPF_OBJECT`, else where `cargo xtask build` leaves it.
fn object() -> PathBuf {
    if let Some(path) = env::var_os("GUARD_EBPF_OBJECT") {
        return PathBuf::from(path);
    }
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    manifest.join("..").join("target").join("guard").join("guard-ebpf.o")
}

/// An unchanged copy keeps its time stamp, so that nothing is compiled again for it.
fn write_if_changed(to: &Path, bytes: &[u8]) {
    if fs::read(to).is_ok_and(|old| old == bytes) {
        return;
    }
    fs::write(to, bytes).expect("OUT_DIR is writable");
}
