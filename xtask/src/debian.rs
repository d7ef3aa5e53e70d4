//! Debian's archive, by an apt configuration of our own: the machine's mirror and keyring, but lists, cache and
//! sources in the cache folder. Installs nothing on the machine. Knows no version: apt does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow};

use crate::cache;
use crate::sh::{cmd, read, run_quiet};

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Suites whose lists have been read. What it holds in the cache goes with it.
pub(crate) struct Archive {
    folder: PathBuf,
}

impl Archive {
    /// Reads the lists of these suites.
    pub(crate) fn of(suites: &[&str]) -> Result<Archive> {
        let folder = cache::folder(cache::root()?.join("apt"))?;
        let mirror = mirror()?;
        let source = |suite: &&str| format!("deb [signed-by={KEYRING}] {mirror} {suite} main\n");
        fs::write(folder.join("sources.list"), suites.iter().map(source).collect::<String>())?;
        fs::write(folder.join("status"), "")?;
        for sub in ["sources.list.d", "preferences.d", "lists/partial", "cache/archives/partial"] {
            cache::folder(folder.join(sub))?;
        }
        let archive = Archive { folder };
        run_quiet(archive.command("apt-get").args(["-qq", "update"]))?;
        Ok(archive)
    }

    fn command(&self, program: &str) -> Command {
        let at = |name: &str| self.folder.join(name).display().to_string();
        let mut command = Command::new(program);
        for option in [
            format!("Dir::Etc::sourcelist={}", at("sources.list")),
            format!("Dir::Etc::sourceparts={}", at("sources.list.d")),
            format!("Dir::Etc::preferences={}", at("preferences")),
            format!("Dir::Etc::preferencesparts={}", at("preferences.d")),
            format!("Dir::State::lists={}", at("lists")),
            format!("Dir::State::status={}", at("status")),
            format!("Dir::Cache={}", at("cache")),
            "Acquire::Languages=none".to_owned(),
            "Acquire::Retries=3".to_owned(),
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned(),
            "APT::Sandbox::User=root".to_owned(),
        ] {
            command.arg("-o").arg(option);
        }
        command
    }

    /// Names that a package depends on, in order, without versions.
    pub(crate) fn depends(&self, package: &str) -> Result<Vec<String>> {
        Ok(depends(&read(self.command("apt-cache").args(["show", package]))?))
    }

    /// Downloads the packages and unpacks them all into `tree`.
    pub(crate) fn unpack(&self, packages: &[impl AsRef<str>], tree: &Path) -> Result<()> {
        let debs = self.folder.join("debs");
        if debs.is_dir() {
            fs::remove_dir_all(&debs)?;
        }
        cache::folder(debs.clone())?;
        let names = packages.iter().map(AsRef::as_ref);
        run_quiet(self.command("apt-get").args(["-qq", "download"]).args(names).current_dir(&debs))?;
        for deb in fs::read_dir(&debs)? {
            run_quiet(cmd("dpkg", &["-x"]).arg(deb?.path()).arg(tree))?;
        }
        fs::remove_dir_all(&debs).with_context(|| format!("cannot remove {}", debs.display()))
    }

    /// Removes what was read from the cache.
    pub(crate) fn close(self) -> Result<()> {
        fs::remove_dir_all(&self.folder).context("cannot remove apt's lists from the cache")
    }
}

/// Names in the `Depends:` lines of `apt-cache show`.
fn depends(shown: &str) -> Vec<String> {
    shown
        .lines()
        .filter_map(|line| line.strip_prefix("Depends:"))
        .flat_map(|line| line.split([',', '|']))
        .filter_map(|part| part.split_whitespace().next().map(str::to_owned))
        .collect()
}

/// The mirror that this machine already uses for Debian.
fn mirror() -> Result<String> {
    if let Some(set) = std::env::var("GUARD_DEBIAN_MIRROR").ok().filter(|set| !set.is_empty()) {
        return Ok(set);
    }
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    let parts = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten();
    files.extend(parts.filter_map(|entry| Some(entry.ok()?.path())));
    let texts = files.iter().filter_map(|file| fs::read_to_string(file).ok());
    texts.flat_map(|text| mirrors_in(&text)).next().ok_or_else(|| {
        anyhow!(
            "this machine's apt names no Debian mirror to get kernels and QEMU from; set GUARD_DEBIAN_MIRROR to one"
        )
    })
}

/// Addresses of Debian archives in a sources file of either form.
fn mirrors_in(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let words = lines.filter_map(|line| {
        let old = line.strip_prefix("deb ").filter(|rest| !rest.is_empty());
        let new = line.strip_prefix("URIs:");
        old.or(new)
    });
    let is_archive = |word: &&str| word.contains("://") && word.trim_end_matches('/').ends_with("/debian");
    words.flat_map(str::split_whitespace).filter(is_archive).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirror_is_read_from_both_forms_of_sources() {
        let new = "Types: deb\n# http://old.example/debian\nURIs: http://mirror.example/debian\nSuites: x\n";
        assert_eq!(mirrors_in(new), ["http://mirror.example/debian"]);
        let old =
            "deb [arch=amd64] https://mirror.example/debian/ bookworm main\ndeb https://x.example/apt y z\n";
        assert_eq!(mirrors_in(old), ["https://mirror.example/debian/"]);
    }

    #[test]
    fn alternatives_and_versions_in_depends_are_taken_apart() {
        let shown = "Package: a\nDepends: linux-base (>= 4), linux-image-6.1.0-5-amd64 (= 6.1.1-1) | b\n";
        assert_eq!(depends(shown), ["linux-base", "linux-image-6.1.0-5-amd64", "b"]);
    }
}
