//! The kernel's own code out of its self-unpacking image. An emulated processor needs seconds to unpack it;
//! QEMU starts the plain ELF by the PVH entry that stock kernels have (CONFIG_PVH).
//!
//! Field offsets: Documentation/arch/x86/boot.rst, "The real-mode kernel header".

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::cache;
use crate::kernel::Installed;

const SETUP_SECTORS: usize = 0x1f1;
const PAYLOAD_OFFSET: usize = 0x248;
const PAYLOAD_LENGTH: usize = 0x24c;
const SECTOR: usize = 512;
/// The payload ends with its unpacked size, which is none of the packer's.
const SIZE_FIELD: usize = 4;
const ELF: &[u8] = b"\x7fELF";
/// First bytes of a payload, and what unpacks it.
const PACKERS: [(&[u8], &str); 3] =
    [(b"\xfd7zXZ", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"\x1f\x8b", "gzip")];

/// The unpacked kernel, beside the packed one; made once.
pub(crate) fn unpacked(kernel: &Installed) -> Result<PathBuf> {
    let path = kernel.kernel.folder()?.join("vmlinux");
    if !path.is_file() {
        let image = fs::read(&kernel.image)?;
        let elf =
            unpack(&image).with_context(|| format!("{} is not a kernel image", kernel.image.display()))?;
        cache::write_atomic(Path::new(&path), &elf)?;
    }
    Ok(path)
}

fn unpack(image: &[u8]) -> Result<Vec<u8>> {
    let payload = payload(image).context("it has no packed payload")?;
    let packer = PACKERS.iter().find(|(magic, _)| payload.starts_with(magic));
    let (_, tool) = packer.context("its payload is packed in a way that is not known here")?;
    let elf = filter(tool, payload)?;
    ensure!(elf.starts_with(ELF), "its payload is no ELF file");
    Ok(elf)
}

fn payload(image: &[u8]) -> Option<&[u8]> {
    let sectors = usize::from(*image.get(SETUP_SECTORS)?);
    let field = |at: usize| {
        let bytes: [u8; 4] = image.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    };
    let start = (sectors + 1) * SECTOR + field(PAYLOAD_OFFSET)?;
    image.get(start..start + field(PAYLOAD_LENGTH)?.checked_sub(SIZE_FIELD)?)
}

fn filter(tool: &str, input: &[u8]) -> Result<Vec<u8>> {
    let mut child = Command::new(tool)
        .arg("-dc")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {tool}"))?;
    let mut stdin = child.stdin.take().context("no pipe")?;
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output()
    })?;
    ensure!(output.status.success(), "{tool} cannot unpack its payload");
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_is_found_by_the_header() {
        let mut image = vec![0; 4 * SECTOR];
        image[SETUP_SECTORS] = 1;
        image[PAYLOAD_OFFSET] = 16;
        image[PAYLOAD_LENGTH] = 7;
        image[2 * SECTOR + 16..][..7].copy_from_slice(b"abc\x01\x02\x03\x04");
        assert_eq!(payload(&image), Some(&b"abc"[..]));
        assert_eq!(payload(&image[..600]), None);
    }

    #[test]
    fn what_is_no_kernel_is_named() {
        assert!(unpack(b"not a kernel").is_err());
    }
}
