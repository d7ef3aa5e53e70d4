//! Kernels from Debian's archive, by an apt configuration of our own: the machine's mirror and keyring, but
//! lists, cache and sources in the cache folder. Installs nothing on the machine. Knows no version: apt does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};

use crate::cache;
use crate::kernel::Kernel;
use crate::sh::{cmd, read, run_quiet, say};

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// Any of them may carry a wanted kernel: bookworm 6.1, trixie 6.12, and the next ones after it.
const SUITES: [&str; 4] = ["bookworm", "trixie", "forky", "sid"];
const META_PACKAGE: &str = "linux-image-amd64";
/// A newer kernel comes in parts; the image package only names them.
const PARTS: [&str; 4] = ["linux-image-", "linux-binary-", "linux-modules-", "linux-base-"];

/// Downloads and unpacks the kernels that are not in the cache.
pub(crate) fn fetch(missing: &[Kernel]) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    if std::env::consts::ARCH != "x86_64" {
        bail!("test kernels are set up for x86_64 hosts only so far; this one is {}", std::env::consts::ARCH);
    }
    let apt = Apt::new()?;
    say("reading Debian's package lists (about 50 MB, kept apart from the machine's own)");
    apt.update()?;
    for kernel in missing {
        let packages = apt.packages(*kernel)?;
        say(&format!("kernel {}: downloading {}", kernel.name(), packages.join(", ")));
        unpack(*kernel, &apt.download(*kernel, &packages)?)?;
    }
    fs::remove_dir_all(&apt.folder).context("cannot remove apt's lists from the cache")
}

struct Apt {
    folder: PathBuf,
}

impl Apt {
    fn new() -> Result<Apt> {
        let folder = cache::folder(cache::root()?.join("apt"))?;
        let mirror = mirror()?;
        let source = |suite: &&str| format!("deb [signed-by={KEYRING}] {mirror} {suite} main\n");
        fs::write(folder.join("sources.list"), SUITES.iter().map(source).collect::<String>())?;
        fs::write(folder.join("status"), "")?;
        for sub in ["lists/partial", "cache/archives/partial", "debs"] {
            cache::folder(folder.join(sub))?;
        }
        Ok(Apt { folder })
    }

    fn command(&self, program: &str) -> Command {
        let at = |name: &str| self.folder.join(name).display().to_string();
        let mut command = Command::new(program);
        for option in [
            format!("Dir::Etc::sourcelist={}", at("sources.list")),
            "Dir::Etc::sourceparts=-".to_owned(),
            "Dir::Etc::preferences=-".to_owned(),
            "Dir::Etc::preferencesparts=-".to_owned(),
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

    fn update(&self) -> Result<()> {
        run_quiet(self.command("apt-get").args(["-qq", "update"]))
    }

    /// The packages that make up the newest kernel of this series.
    fn packages(&self, kernel: Kernel) -> Result<Vec<String>> {
        let meta = read(self.command("apt-cache").args(["show", META_PACKAGE]))?;
        let series = format!("linux-image-{}.", kernel.name());
        let image = depends(&meta).find(|name| name.starts_with(&series)).ok_or_else(|| {
            anyhow!("none of Debian's {} carries a {} kernel any more", SUITES.join(", "), kernel.name())
        })?;
        let shown = read(self.command("apt-cache").args(["show", &image]))?;
        let version = image.trim_start_matches("linux-image-").to_owned();
        let is_part = |name: &String| PARTS.iter().any(|part| *name == format!("{part}{version}"));
        Ok(std::iter::once(image.clone()).chain(depends(&shown).filter(is_part)).collect())
    }

    fn download(&self, kernel: Kernel, packages: &[String]) -> Result<Vec<PathBuf>> {
        let debs = self.folder.join("debs").join(kernel.name());
        if debs.is_dir() {
            fs::remove_dir_all(&debs)?;
        }
        cache::folder(debs.clone())?;
        run_quiet(self.command("apt-get").args(["-qq", "download"]).args(packages).current_dir(&debs))?;
        fs::read_dir(&debs)?.map(|entry| Ok(entry?.path())).collect()
    }
}

/// Names in the `Depends:` lines of `apt-cache show`, in order, without versions.
fn depends(shown: &str) -> impl Iterator<Item = String> + '_ {
    shown
        .lines()
        .filter_map(|line| line.strip_prefix("Depends:"))
        .flat_map(|line| line.split([',', '|']))
        .filter_map(|part| part.split_whitespace().next().map(str::to_owned))
}

/// Image and modules into the kernel's folder, as one step: it is whole or not there.
fn unpack(kernel: Kernel, debs: &[PathBuf]) -> Result<()> {
    let folder = kernel.folder()?;
    let part = folder.with_extension(format!("part-{}", std::process::id()));
    let tree = cache::folder(part.join("tree"))?;
    for deb in debs {
        run_quiet(cmd("dpkg", &["-x"]).arg(deb).arg(&tree))?;
        fs::remove_file(deb)?;
    }
    let (release, modules) = modules_in(&tree)?;
    let home = cache::folder(part.join("lib/modules"))?.join(&release);
    let image = [modules.join("vmlinuz"), tree.join(format!("boot/vmlinuz-{release}"))];
    let image = image.iter().find(|path| path.is_file()).context("the packages hold no vmlinuz")?;
    fs::rename(image, part.join("vmlinuz"))?;
    fs::rename(&modules, &home)?;
    // Some versions of depmod look below usr/lib, some below lib.
    std::os::unix::fs::symlink(".", part.join("usr"))?;
    run_quiet(cmd("/sbin/depmod", &["-b"]).arg(&part).arg(&release))?;
    fs::write(part.join("release"), &release)?;
    fs::remove_dir_all(&tree)?;
    if folder.is_dir() {
        fs::remove_dir_all(&folder)?;
    }
    fs::rename(&part, &folder).with_context(|| format!("cannot put {} in place", folder.display()))
}

/// The one folder of modules: its name is the kernel's release. Parts may have come from several packages.
fn modules_in(tree: &Path) -> Result<(String, PathBuf)> {
    for parent in ["lib/modules", "usr/lib/modules"] {
        let Ok(mut entries) = fs::read_dir(tree.join(parent)) else { continue };
        if let Some(entry) = entries.next() {
            let entry = entry?;
            return Ok((entry.file_name().to_string_lossy().into_owned(), entry.path()));
        }
    }
    bail!("the packages hold no modules")
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
            "this machine's apt names no Debian mirror to get kernels from; set GUARD_DEBIAN_MIRROR to one"
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
        assert_eq!(depends(shown).collect::<Vec<_>>(), ["linux-base", "linux-image-6.1.0-5-amd64", "b"]);
    }
}
