//! Other enforcers and their tools, from Debian's archive, unpacked into the cache for the guest alone: installed on
//! this machine, some of them would begin to enforce here.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cache;
use crate::sh::{cmd, read, run_quiet, say};

/// Package, and what for.
const PACKAGES: [(&str, &str); 2] =
    [("fapolicyd", "a peer"), ("bpftool", "reads the kernel's statistics of programs and maps")];
/// Where the guest looks for programs.
const PROGRAMS: [&str; 2] = ["/usr/bin", "/usr/local/bin"];

/// The unpacked tree, made where it is missing: what of the packages, and of what they need, this machine lacks.
pub(super) fn folder() -> Result<PathBuf> {
    let mut wanted: Vec<&str> = PACKAGES.iter().map(|(name, _)| *name).collect();
    if !PROGRAMS.iter().any(|folder| Path::new(folder).join("npm").exists()) {
        wanted.push("npm");
    }
    let system = fs::read("/etc/os-release").context("cannot tell which system this is")?;
    let key = cache::digest([system.as_slice()].into_iter().chain(wanted.iter().map(|name| name.as_bytes())));
    let folder = cache::root()?.join("peers").join(key);
    if folder.is_dir() {
        return Ok(folder);
    }
    let _lock = cache::lock("peers", "fetch the bench's packages")?;
    if !folder.is_dir() {
        fetch(&wanted, &folder)?;
    }
    Ok(folder)
}

fn fetch(wanted: &[&str], folder: &Path) -> Result<()> {
    for (name, why) in PACKAGES {
        say(&format!("the bench needs {name}: {why}"));
    }
    let names = missing(wanted)?;
    let part = folder.with_extension(format!("part-{}", std::process::id()));
    let tree = cache::folder(part.join("tree"))?;
    if !names.is_empty() {
        say(&format!("downloading {}, for the guest alone", names.join(", ")));
        let debs = cache::folder(part.join("debs"))?;
        run_quiet(cmd("apt-get", &["-qq", "download"]).args(&names).current_dir(&debs))?;
        for deb in fs::read_dir(&debs)? {
            run_quiet(cmd("dpkg", &["-x"]).arg(deb?.path()).arg(&tree))?;
        }
    }
    fs::rename(&tree, folder).with_context(|| format!("cannot put {} in place", folder.display()))?;
    Ok(fs::remove_dir_all(&part)?)
}

/// What apt would install for them: needs no root, and installs nothing.
fn missing(wanted: &[&str]) -> Result<Vec<String>> {
    if nix::unistd::geteuid().is_root() {
        run_quiet(&mut cmd("apt-get", &["-qq", "update"]))?;
    }
    let mut simulated = cmd("apt-get", &["-s", "--no-install-recommends", "install"]);
    let Ok(plan) = read(simulated.args(wanted)) else {
        bail!("apt knows no way to {}: run `sudo apt-get update`, then this again", wanted.join(", "));
    };
    Ok(new_in(&plan))
}

/// The packages that a simulation would add; one that it would only renew is here already.
fn new_in(plan: &str) -> Vec<String> {
    let lines = plan.lines().filter_map(|line| line.strip_prefix("Inst "));
    let new = lines.filter_map(|rest| rest.split_once(' ').filter(|(_, version)| version.starts_with('(')));
    new.map(|(name, _)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_here_already_is_not_fetched_again() {
        let plan = "Inst liblmdb0 (0.9.24-1 Debian:12.15/oldstable [amd64])\n\
                    Inst linux-perf [6.1.187-1] (6.1.192-2 Debian [amd64])\n\
                    Conf liblmdb0 (0.9.24-1 Debian:12.15/oldstable [amd64])\n";
        assert_eq!(new_in(plan), ["liblmdb0"]);
    }
}
