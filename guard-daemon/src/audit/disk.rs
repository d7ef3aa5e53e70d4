//! Small files that are there whole or not at all, whenever the power goes.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Makes a file that must not exist yet, on disk with its name when this returns.
pub(super) fn create_new(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    let draft = draft(path);
    write_draft(&draft, mode, content)?;
    // Unlike a rename, a link never replaces what somebody put there meanwhile.
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    linked?;
    sync_folder(path)
}

/// Puts a file in the place of what was there, on disk with its name when this returns.
pub(super) fn replace(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    let draft = draft(path);
    write_draft(&draft, mode, content)?;
    fs::rename(&draft, path)?;
    sync_folder(path)
}

/// Makes names in the folder of `path` survive a power cut.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn draft(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

fn write_draft(draft: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    // A draft left by a crash was never in use.
    match fs::remove_file(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::options().write(true).create_new(true).mode(mode).open(draft)?;
    file.write_all(content)?;
    file.sync_all()
}
