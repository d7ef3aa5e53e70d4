//! The kernels from Debian's archive into the cache.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use super::Kernel;
use crate::cache;
use crate::debian::Archive;
use crate::sh::{cmd, run_quiet, say};

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
    say("reading Debian's package lists (about 50 MB, kept apart from the machine's own)");
    let archive = Archive::of(&SUITES)?;
    for kernel in missing {
        let packages = packages(&archive, *kernel)?;
        say(&format!("kernel {}: downloading {}", kernel.name(), packages.join(", ")));
        install(*kernel, &archive, &packages)?;
    }
    archive.close()
}

/// The packages that make up the newest kernel of this series.
fn packages(archive: &Archive, kernel: Kernel) -> Result<Vec<String>> {
    let series = format!("linux-image-{}.", kernel.name());
    let mut images = archive.depends(META_PACKAGE)?.into_iter();
    let image = images.find(|name| name.starts_with(&series)).ok_or_else(|| {
        anyhow!("none of Debian's {} carries a {} kernel any more", SUITES.join(", "), kernel.name())
    })?;
    let version = image.trim_start_matches("linux-image-").to_owned();
    let is_part = |name: &String| PARTS.iter().any(|part| *name == format!("{part}{version}"));
    let parts = archive.depends(&image)?.into_iter().filter(is_part);
    Ok(std::iter::once(image).chain(parts).collect())
}

/// Image and modules into the kernel's folder, as one step: it is whole or not there.
fn install(kernel: Kernel, archive: &Archive, packages: &[String]) -> Result<()> {
    let folder = kernel.folder()?;
    let part = folder.with_extension(format!("part-{}", std::process::id()));
    let tree = cache::folder(part.join("tree"))?;
    archive.unpack(packages, &tree)?;
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
