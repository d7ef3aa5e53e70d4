//! Debian packages: which ones are needed and why; which are missing; installing them. Installs nothing
//! without root: it then names the exact commands.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::sh::{cmd, read, run_quiet, say};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) why: &'static str,
}

/// Needed to boot a guest.
const VM: [(&str, &str); 8] = [
    ("qemu-system-x86", "boots the stock kernels"),
    ("busybox-static", "the guest's first program"),
    ("kmod", "orders a kernel's modules (depmod), loads them in the guest"),
    ("xz-utils", "unpacks kernel modules"),
    ("zstd", "unpacks kernel modules"),
    ("util-linux", "ends QEMU together with xtask (setpriv)"),
    ("debian-archive-keyring", "checks the signatures on the downloaded kernels"),
    ("ca-certificates", "checks an https mirror's certificate"),
];

/// Needed to build.
const BUILD: [(&str, &str); 6] = [
    ("g++", "compiles RocksDB"),
    ("make", "compiles RocksDB's parts"),
    ("pkg-config", "finds libraries for build scripts"),
    ("libclang-dev", "reads RocksDB's headers (bindgen)"),
    ("clang", "finds the compiler's own headers for bindgen"),
    ("zlib1g-dev", "bpf-linker links it, through LLVM"),
];

/// Needed by tests and the demo, inside the guest.
const TESTS: [(&str, &str); 13] = [
    ("python3", "scripted agents in tests and demo"),
    ("git", "what an agent uses"),
    ("gcc", "what an agent uses; small hostile programs in tests"),
    ("libc6-dev", "headers for those"),
    ("iproute2", "networks between namespaces in the guest"),
    ("iptables", "address rules in network tests"),
    ("procps", "looks at processes from outside"),
    ("curl", "an ordinary client to be refused"),
    ("crun", "a container runtime: what it starts is governed"),
    ("runc", "another one, which sets containers up in another way"),
    ("podman", "a container engine, with the files of its images in layers"),
    ("systemd", "a service manager: its units are governed"),
    ("apparmor", "another enforcer that the attacks are held against"),
];

/// The second Rust toolchain, where rustup has no nightly with core's source.
const DEBIAN_RUST: [(&str, &str); 3] = [
    ("rustc-web", "a compiler with an eBPF target"),
    ("cargo-web", "its cargo"),
    ("rust-web-src", "core's source, built for eBPF"),
];

pub(crate) fn for_vm() -> Vec<Package> {
    table(&VM).into_iter().chain(table(&TESTS)).collect()
}

pub(crate) fn for_build() -> Vec<Package> {
    table(&BUILD)
}

pub(crate) fn debian_rust() -> Vec<Package> {
    table(&DEBIAN_RUST)
}

/// What bpf-linker is built against.
pub(crate) fn llvm(major: u32) -> Vec<Package> {
    let why = "bpf-linker is built against it";
    let names = [format!("llvm-{major}-dev"), format!("libpolly-{major}-dev"), "libzstd-dev".to_owned()];
    names.into_iter().map(|name| Package { name, why }).collect()
}

fn table(rows: &[(&str, &'static str)]) -> Vec<Package> {
    rows.iter().map(|&(name, why)| Package { name: name.to_owned(), why }).collect()
}

/// Those that are not installed.
pub(crate) fn missing(packages: Vec<Package>) -> Result<Vec<Package>> {
    let mut query = cmd("dpkg-query", &["-W", "-f", "${Package} ${db:Status-Abbrev}\n"]);
    query.args(packages.iter().map(|package| &package.name));
    // Ends with 1 when it does not know a name: that is an answer, not a failure.
    let output = query.output().context("cannot start dpkg-query: `setup` knows Debian's packages only")?;
    let installed = String::from_utf8_lossy(&output.stdout).into_owned();
    let has = |name: &str| installed.lines().any(|line| line.trim_end() == format!("{name} ii"));
    Ok(packages.into_iter().filter(|package| !has(&package.name)).collect())
}

/// True if apt could install it.
pub(crate) fn is_available(name: &str) -> bool {
    read(&mut cmd("apt-cache", &["policy", name]))
        .is_ok_and(|text| text.contains("Candidate:") && !text.contains("Candidate: (none)"))
}

/// Installs what is missing. Without root: fails, with the commands that somebody with root has to run.
pub(crate) fn install(packages: Vec<Package>) -> Result<()> {
    let missing = missing(packages)?;
    if missing.is_empty() {
        return Ok(());
    }
    for Package { name, why } in &missing {
        say(&format!("missing package {name}: {why}"));
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name.as_str()).collect();
    if !nix::unistd::geteuid().is_root() {
        bail!(
            "packages are missing and only root can install them. Run:\n  sudo apt-get update\n  \
             sudo apt-get install --no-install-recommends {}\nthen `cargo xtask setup` again",
            names.join(" ")
        );
    }
    say("installing them with apt-get");
    run_quiet(&mut apt_get(&["update"]))?;
    run_quiet(apt_get(&["--no-install-recommends", "install"]).args(names))
}

/// Silent, asks nothing, waits for another apt instead of failing.
fn apt_get(args: &[&str]) -> Command {
    let mut command = cmd("apt-get", &["-qq", "-y", "-o", "DPkg::Lock::Timeout=300"]);
    command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
    command
}
