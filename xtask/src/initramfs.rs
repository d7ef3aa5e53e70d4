//! The first files a guest sees: a static busybox, the few modules that lead to the machine's own root,
//! and two scripts. Cached by the digest of all that goes in.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::kernel::Installed;
use crate::sh::{cmd, succeeds};
use crate::{cache, sh};

/// What stands between a booted kernel and this machine's root: bus, ports, 9p, overlay.
const MODULES: [&str; 5] = ["virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay"];
const BUSYBOX: &str = "/bin/busybox";
const INIT: &str = include_str!("vm/init.sh");
const PID1: &str = include_str!("vm/pid1.sh");

/// Path of the initramfs for this kernel, built if the cache has none for these inputs.
pub(crate) fn for_kernel(kernel: &Installed) -> Result<PathBuf> {
    let busybox = fs::read(BUSYBOX).with_context(|| {
        format!("cannot read {BUSYBOX}: run `cargo xtask setup` (package busybox-static)")
    })?;
    let folder = kernel.kernel.folder()?;
    let key = cache::digest([kernel.release.as_bytes(), &busybox, INIT.as_bytes(), PID1.as_bytes()]);
    let path = folder.join(format!("initramfs-{key}"));
    if !path.is_file() {
        forget_older(&folder)?;
        cache::write_atomic(&path, &build(kernel, &busybox)?)?;
    }
    Ok(path)
}

fn build(kernel: &Installed, busybox: &[u8]) -> Result<Vec<u8>> {
    let mut archive = crate::cpio::Archive::default();
    for folder in ["bin", "modules", "lower", "rw", "new", "keep"] {
        archive.folder(folder);
    }
    archive.program("bin/busybox", busybox);
    archive.link("bin/sh", "busybox");
    for (index, file) in kernel.load_order(&MODULES)?.iter().enumerate() {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let stem = name.split('.').next().unwrap_or_default();
        archive.program(&format!("modules/{index:02}-{stem}.ko"), &unpacked(file)?);
    }
    archive.program("init", INIT.as_bytes());
    archive.program("pid1", PID1.as_bytes());
    Ok(archive.finish())
}

/// busybox's insmod wants plain ELF.
fn unpacked(file: &Path) -> Result<Vec<u8>> {
    let tool = match file.extension().and_then(|ext| ext.to_str()) {
        Some("ko") => return Ok(fs::read(file)?),
        Some("xz") => "xz",
        Some("zst") => "zstd",
        Some("gz") => "gzip",
        Some(_) | None => bail!("{}: not a kernel module by its name", file.display()),
    };
    let output = cmd(tool, &["-dc"]).arg(file).output().with_context(|| format!("cannot start {tool}"))?;
    if !output.status.success() {
        bail!("{tool} cannot unpack {}", file.display());
    }
    Ok(output.stdout)
}

fn forget_older(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("initramfs-")) {
            // Another run may be booting from it: QEMU has read it whole before its first output.
            fs::remove_file(&path).or_else(|error| {
                if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
            })?;
        }
    }
    Ok(())
}

/// busybox as the guest needs it: static, since it runs before any library is reachable.
pub(crate) fn busybox_is_static() -> bool {
    Path::new(BUSYBOX).is_file()
        && !succeeds(&mut cmd("sh", &["-c", &format!("ldd {} >/dev/null 2>&1", sh::quote(BUSYBOX))]))
}
