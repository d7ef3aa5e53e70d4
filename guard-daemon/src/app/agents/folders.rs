//! An agent's two folders: its work folder, which is where its launcher stands, and a temporary folder of its
//! own. Finds out which objects they are; marks none and judges no policy but where a work folder may never be.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use guard_common::map::zone::Mark;
use nix::libc;
use serde::{Deserialize, Serialize};

use crate::policy::rows::InodeKey;

/// A folder that belongs to an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Folder {
    /// Path, as the daemon sees it.
    pub path: PathBuf,
    /// The kernel's device number.
    pub dev: u32,
    /// Inode number.
    pub ino: u64,
    /// Private zone.
    pub zone: u16,
}

impl Folder {
    /// One of which the private zone is known, and nothing else.
    pub(crate) fn unknown(zone: u16) -> Self {
        Self { path: PathBuf::new(), dev: 0, ino: 0, zone }
    }

    /// Whether it is known which object it is.
    pub(crate) fn is_known(&self) -> bool {
        self.ino != 0
    }

    /// Its object.
    pub(crate) fn inode(&self) -> InodeKey {
        (self.dev, self.ino)
    }

    /// Its object's mark.
    pub(crate) fn mark(&self) -> (InodeKey, Mark) {
        (self.inode(), Mark { zone: self.zone, flags: 0 })
    }
}

/// The folder in which a process stands: opened through the kernel, not by a path that somebody claims.
#[derive(Debug)]
pub(crate) struct Current {
    /// Its path when it was opened. What is asked of the folder later is asked of `handle`: a path can come to
    /// mean another.
    pub path: PathBuf,
    /// Who owns it.
    pub owner: u32,
    /// The folder.
    pub handle: File,
}

/// Where a process stands.
pub(crate) fn current_of(pid: u32) -> Result<Current, String> {
    let open = |path: &Path| {
        let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC;
        OpenOptions::new().read(true).custom_flags(flags).open(path)
    };
    let file = open(Path::new(&format!("/proc/{pid}/cwd")))
        .map_err(|error| format!("your current folder cannot be opened: {error}"))?;
    let path = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))
        .map_err(|error| format!("your current folder has no path: {error}"))?;
    // Another mount namespace may call it otherwise, or the folder was removed: the path has to lead back.
    match (open(&path).and_then(|again| identity(&again)), identity(&file)) {
        (Ok(again), Ok(first)) if again == first => Ok(Current { path, owner: first.2, handle: file }),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => Err(format!(
            "your current folder ({}) is not there for the daemon: it was removed, or lies in another mount namespace",
            path.display()
        )),
    }
}

/// Device, inode and owner.
fn identity(file: &File) -> io::Result<(u64, u64, u32)> {
    let metadata = file.metadata()?;
    Ok((metadata.dev(), metadata.ino(), metadata.uid()))
}

/// Refuses a work folder that would take in what must not be an agent's: `forbidden` are guard's own folders and
/// the roots of the policy's zones.
pub(crate) fn refuse_overlap(work: &Path, forbidden: &[PathBuf]) -> Result<(), String> {
    if work.parent().is_none() {
        return Err(
            "the work folder would be the whole file system; change into a folder of your own".to_owned()
        );
    }
    for root in forbidden {
        let real = root.canonicalize();
        let inside = |root: &Path| root.starts_with(work);
        if inside(root) || real.as_deref().is_ok_and(inside) {
            return Err(format!(
                "the work folder {} would take in {}, which has a zone of its own; change into another folder",
                work.display(),
                root.display()
            ));
        }
    }
    Ok(())
}

/// Refuses a work folder inside one of guard's own folders.
pub(crate) fn refuse_inside(work: &Path, guarded: &[PathBuf]) -> Result<(), String> {
    match guarded.iter().find(|folder| work.starts_with(folder)) {
        Some(folder) => Err(format!("{} is guard's own; change into another folder", folder.display())),
        None => Ok(()),
    }
}

/// Makes an instance's temporary folder, for its user alone.
pub(crate) fn make_temp(temps: &Path, instance: &str, uid: u32, gid: u32) -> io::Result<PathBuf> {
    let path = temps.join(instance);
    DirBuilder::new().mode(0o700).create(&path)?;
    // The mode again: a umask may have taken from it.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
    std::os::unix::fs::chown(&path, Some(uid), Some(gid))?;
    Ok(path)
}

/// Removes an ended instance's temporary folder with everything in it. Follows no link out of it.
pub(crate) fn remove_temp(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Environment that leads programs to the temporary folder.
pub(crate) fn environment(temp: &Path) -> Vec<(String, String)> {
    let value = temp.display().to_string();
    ["TMPDIR", "TEMP", "TMP"].map(|name| (name.to_owned(), value.clone())).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_work_folder_takes_in_neither_everything_nor_a_zone_nor_guard() {
        let forbidden = [PathBuf::from("/var/lib/guard"), PathBuf::from("/home/a/.ssh")];
        for bad in ["/", "/var", "/var/lib", "/var/lib/guard", "/home/a", "/home/a/.ssh"] {
            assert!(refuse_overlap(Path::new(bad), &forbidden).is_err(), "{bad}");
        }
        for good in ["/var/lib/guard-work", "/home/a/project", "/home/a/.ssh2"] {
            assert!(refuse_overlap(Path::new(good), &forbidden).is_ok(), "{good}");
        }
        assert!(refuse_inside(Path::new("/var/lib/guard/tmp/x"), &forbidden).is_err());
        assert!(refuse_inside(Path::new("/var/lib/guardx"), &forbidden).is_ok());
    }

    #[test]
    fn a_zone_behind_a_link_is_taken_in_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        fs::create_dir_all(base.join("work/inner")).unwrap();
        std::os::unix::fs::symlink(base.join("work/inner"), base.join("zone")).unwrap();
        assert!(refuse_overlap(&base.join("work"), &[base.join("zone")]).is_err());
    }

    #[test]
    fn the_current_folder_of_a_process_is_the_kernels_word() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").current_dir(&base).spawn().unwrap();
        let found = current_of(child.id());
        fs::remove_dir(&base).unwrap();
        let removed = current_of(child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        let found = found.unwrap();
        assert_eq!((found.path, found.owner), (base, nix::unistd::getuid().as_raw()));
        assert!(removed.unwrap_err().contains("not there for the daemon"));
        assert!(current_of(child.id()).is_err(), "a process that has ended stands nowhere");
    }

    #[test]
    fn a_temporary_folder_is_its_users_alone_and_goes_with_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = make_temp(folder.path(), "boot-1", nix::unistd::getuid().as_raw(), 0).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        fs::write(path.join("x"), b"x").unwrap();
        let outside = folder.path().join("outside");
        fs::write(&outside, b"stays").unwrap();
        std::os::unix::fs::symlink(&outside, path.join("link")).unwrap();
        assert!(make_temp(folder.path(), "boot-1", 0, 0).is_err(), "nobody's folder is taken over");
        remove_temp(&path).unwrap();
        remove_temp(&path).unwrap();
        assert!(!path.exists() && outside.exists());
    }
}
