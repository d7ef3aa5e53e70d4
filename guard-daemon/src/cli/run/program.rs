//! Which file a command names, by the rules of `execvp`, and why it cannot be run. Asked before the process is
//! labelled, so that a mistyped command makes no agent.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, eaccess};

use crate::cli::failure::{Failure, NOT_FOUND, NOT_RUNNABLE};
use crate::cli::output::printable;

/// Searched where `PATH` is not set.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The file that `name` stands for.
pub(super) fn find(name: &OsStr) -> Result<PathBuf, Failure> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
    find_in(name, &path)
}

fn find_in(name: &OsStr, path: &OsStr) -> Result<PathBuf, Failure> {
    if name.as_bytes().contains(&b'/') {
        return runnable(Path::new(name)).map(|()| name.into());
    }
    let mut first_refusal = None;
    for folder in std::env::split_paths(path) {
        // An empty entry is the current folder, as for execvp.
        let file = Path::new(".").join(folder).join(name);
        match runnable(&file) {
            Ok(()) => return Ok(file),
            Err(failure) if failure.code == NOT_RUNNABLE => first_refusal = first_refusal.or(Some(failure)),
            Err(_) => {}
        }
    }
    Err(first_refusal.unwrap_or_else(|| {
        Failure::new(format!("{}: command not found", printable(&name.to_string_lossy()))).code(NOT_FOUND)
    }))
}

fn runnable(file: &Path) -> Result<(), Failure> {
    let shown = printable(&file.to_string_lossy());
    let cannot = |why: &str| Failure::new(format!("{shown}: {why}")).code(NOT_RUNNABLE);
    match file.metadata() {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Err(Failure::new(format!("{shown}: no such file")).code(NOT_FOUND))
        }
        Err(error) => Err(cannot(&error.to_string())),
        Ok(metadata) if metadata.is_dir() => Err(cannot("is a folder, not a program")),
        Ok(_) if eaccess(file, AccessFlags::X_OK).is_err() => Err(cannot("is not executable")),
        Ok(_) => Ok(()),
    }
}

/// Why the kernel did not start `path`, which was there a moment ago.
pub(super) fn exec_failure(path: &Path, error: &io::Error) -> Failure {
    let shown = printable(&path.to_string_lossy());
    if error.kind() == io::ErrorKind::NotFound {
        return Failure::new(format!("{shown}: it, or the interpreter it asks for, is not there"))
            .code(NOT_FOUND);
    }
    let failure = Failure::new(format!("{shown}: {error}")).code(NOT_RUNNABLE);
    if error.kind() == io::ErrorKind::PermissionDenied {
        return failure.hint("if guard refused it, the line that begins `guard: refused exec` says why");
    }
    failure
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, mode) in [("tool", 0o755), ("notes", 0o644)] {
            let file = folder.path().join(name);
            fs::write(&file, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        }
        fs::create_dir(folder.path().join("sub")).unwrap();
        folder
    }

    #[test]
    fn a_missing_command_is_127_and_one_that_cannot_run_is_126() {
        let folder = folder();
        let path = folder.path().as_os_str();
        let code = |name: &str| find_in(OsStr::new(name), path).unwrap_err().code;
        assert_eq!(code("nothing"), 127);
        assert_eq!(code("notes"), 126);
        assert_eq!(code("sub"), 126);
        let inside = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        assert_eq!(code(&inside("nothing")), 127);
        assert_eq!(code(&inside("notes/x")), 127);
        assert_eq!(code(&inside("notes")), 126);
    }

    #[test]
    fn a_later_folder_may_have_what_an_earlier_one_cannot_run() {
        let (first, second) = (tempfile::tempdir().unwrap(), folder());
        fs::write(first.path().join("tool"), "").unwrap();
        let path = std::env::join_paths([first.path(), second.path()]).unwrap();
        assert_eq!(find_in(OsStr::new("tool"), &path).unwrap(), second.path().join("tool"));
    }

    #[test]
    fn a_name_outside_utf8_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let name = OsStr::from_bytes(b"t\xffl");
        let file = folder.path().join(name);
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find_in(name, folder.path().as_os_str()).unwrap(), file);
    }

    #[test]
    fn what_the_kernel_refuses_to_start_is_126_and_a_missing_interpreter_127() {
        let of = |kind: io::ErrorKind| exec_failure(Path::new("/x"), &kind.into()).code;
        assert_eq!((of(io::ErrorKind::PermissionDenied), of(io::ErrorKind::NotFound)), (126, 127));
    }
}
