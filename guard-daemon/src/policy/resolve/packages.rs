//! What a Debian package put on this host: its programs and libraries, as dpkg has them on its lists. Knows what was
//! diverted to another name. Asks no other package manager.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Where dpkg keeps its lists.
const DPKG: &str = "/var/lib/dpkg";

/// A package's programs and libraries.
pub(super) fn programs(package: &str) -> Result<Vec<PathBuf>, String> {
    let folder = Path::new(DPKG);
    let lists = lists(folder, package).map_err(|error| format!("{}/info: {error}", folder.display()))?;
    let diversions = Diversions::read(&folder.join("diversions"));
    let mut programs = Vec::new();
    for list in lists {
        let text = fs::read_to_string(&list).map_err(|error| format!("{}: {error}", list.display()))?;
        let listed = text.lines().map(|path| diversions.place(path, package));
        programs.extend(listed.map(PathBuf::from).filter(|path| is_program(path)));
    }
    Ok(programs)
}

/// `git.list`, or one list for each architecture that it is installed for.
fn lists(folder: &Path, package: &str) -> io::Result<Vec<PathBuf>> {
    let info = folder.join("info");
    let single = info.join(format!("{package}.list"));
    if single.exists() {
        return Ok(vec![single]);
    }
    let begin = format!("{package}:");
    let mut lists = Vec::new();
    for entry in fs::read_dir(&info)? {
        let name = entry?.file_name();
        if name.to_str().is_some_and(|name| name.starts_with(&begin) && name.ends_with(".list")) {
            lists.push(info.join(name));
        }
    }
    lists.sort();
    if lists.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("package {package} is not installed")));
    }
    Ok(lists)
}

/// What can be started, or mapped as code. A symbolic link is where it leads, which has a package of its own.
fn is_program(path: &Path) -> bool {
    let Ok(metadata) = path.symlink_metadata() else { return false };
    let name = path.file_name().map(std::ffi::OsStr::as_encoded_bytes).unwrap_or_default();
    let is_library = name.ends_with(b".so") || name.windows(4).any(|part| part == b".so.");
    metadata.is_file() && (metadata.permissions().mode() & 0o111 != 0 || is_library)
}

/// Files that lie elsewhere than their package says, because another one wanted the name.
struct Diversions(Vec<[String; 3]>);

impl Diversions {
    /// The name, where it went, and for which package.
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let (rows, _) = lines.as_chunks::<3>();
        Self(rows.iter().map(|row| row.map(str::to_owned)).collect())
    }

    fn place(&self, path: &str, package: &str) -> String {
        let diverted = self.0.iter().find(|[from, _, by]| from == path && by != package);
        diverted.map_or_else(|| path.to_owned(), |[_, to, _]| to.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_its_programs_and_libraries_and_not_its_papers() {
        let programs = programs("coreutils").unwrap();
        assert!(programs.iter().any(|path| path.ends_with("ls")), "{programs:?}");
        assert!(programs.iter().all(|path| !path.starts_with("/usr/share/doc")));
    }

    #[test]
    fn a_package_that_is_not_there_is_said_to_be_missing() {
        let error = programs("no-such-package").unwrap_err();
        assert!(error.contains("package no-such-package is not installed"), "{error}");
    }

    #[test]
    fn a_diverted_file_is_found_where_it_went() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("diversions");
        fs::write(&path, "/bin/sh\n/bin/sh.distrib\ndash\n/bin/x\n/bin/y\n:\n").unwrap();
        let diversions = Diversions::read(&path);
        assert_eq!(diversions.place("/bin/sh", "other"), "/bin/sh.distrib");
        assert_eq!(diversions.place("/bin/sh", "dash"), "/bin/sh");
        assert_eq!(diversions.place("/bin/x", "any"), "/bin/y");
        assert_eq!(diversions.place("/bin/z", "any"), "/bin/z");
    }
}
