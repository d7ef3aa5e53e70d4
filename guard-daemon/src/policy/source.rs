//! A policy's texts: the file, and what it includes. Refuses what is too large, not UTF-8, missing, or loops,
//! before anything is parsed for meaning.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};
use toml::de::{DeTable, DeValue};

use super::problem::{Place, Problem, Problems};

/// Bytes of a policy, all its files together.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
/// Files of a policy.
pub const FILES_MAX: usize = 64;
/// Includes within includes.
pub const INCLUDE_DEPTH_MAX: usize = 8;

/// Begins the line before an include in a bundle. A comment, to TOML.
const BUNDLED: &str = "#:file ";

/// The policy that serves where no file is given.
pub const EMBEDDED_NAME: &str = "embedded default";
/// Includes that policy.
pub const EMBEDDED_INCLUDE: &str = "guard:default";
const EMBEDDED_TEXT: &str = include_str!("../../../policies/default.toml");

/// One file's name and text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its path, as it was named.
    pub name: String,
    /// Its path from the first file's folder: the same however the first file itself was named.
    near: String,
    /// Its text.
    pub text: String,
}

/// Where something stands: a file's number and a byte offset. Turned into a [`Place`] only when shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    pub(super) file: usize,
    pub(super) offset: usize,
}

/// Every file of one policy, the one that was named first, then its includes in the order of their mention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// The policy that is built into the program.
    pub fn embedded() -> Self {
        let name = EMBEDDED_NAME.to_owned();
        Self { files: vec![Source { near: name.clone(), name, text: EMBEDDED_TEXT.to_owned() }] }
    }

    /// Reads a policy from the file system.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        let name = path.display().to_string();
        let bytes = read_file(path).map_err(|error| {
            whole(
                &name,
                &format!("cannot be read: {error}"),
                "name a policy file that exists and is readable",
            )
        })?;
        Self::gather(&name, bytes, &mut |include| read_file(Path::new(include)))
    }

    /// The policy as one text: the named file's, then each include under a line with its name, seen from the
    /// named file's folder. Without includes that is the file's own text. What travels to the daemon, and what it
    /// keeps.
    pub fn bundle(&self) -> String {
        let mut bundle = self.text().to_owned();
        for file in self.files.iter().skip(1) {
            bundle.push_str(&format!("\n{BUNDLED}{}\n{}", file.near, file.text));
        }
        bundle
    }

    /// Rebuilds a policy from its one text. `name` may be another way to name the file.
    pub fn unbundle(name: &str, bundle: &str) -> Result<Self, Problems> {
        let separator = format!("\n{BUNDLED}");
        let mut parts = bundle.split(separator.as_str());
        let text = parts.next().unwrap_or_default();
        let includes: Vec<(&str, &str)> =
            parts.map(|part| part.split_once('\n').unwrap_or((part, ""))).collect();
        Self::follow(name, text.as_bytes().to_vec(), &mut |_, near| {
            let found = includes.iter().find(|(include, _)| *include == near);
            found.map(|(_, text)| text.as_bytes().to_vec()).ok_or_else(|| {
                io::Error::new(io::ErrorKind::NotFound, "it did not come along with the policy's text")
            })
        })
    }

    /// Takes a text, and follows its includes by asking `read` for each.
    pub fn gather(
        name: &str,
        bytes: Vec<u8>,
        read: &mut dyn FnMut(&str) -> io::Result<Vec<u8>>,
    ) -> Result<Self, Problems> {
        Self::follow(name, bytes, &mut |name, _| match name {
            EMBEDDED_INCLUDE => Ok(EMBEDDED_TEXT.as_bytes().to_vec()),
            _ => read(name),
        })
    }

    fn follow(name: &str, bytes: Vec<u8>, read: &mut ReadInclude<'_>) -> Result<Self, Problems> {
        let near = Path::new(name).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut gathering = Gathering { files: Vec::new(), bytes: 0, read };
        gathering.add(name, &near, bytes, None, &mut Vec::new())?;
        Ok(Self { files: gathering.files })
    }

    /// The files, the named one first.
    pub fn files(&self) -> &[Source] {
        &self.files
    }

    /// The named file.
    pub fn name(&self) -> &str {
        self.files.first().map_or("", |file| &file.name)
    }

    /// The named file's own text.
    pub fn text(&self) -> &str {
        self.files.first().map_or("", |file| &file.text)
    }

    /// SHA-256, hex: of the text itself, as `sha256sum FILE` prints it. With includes: of what `sha256sum`
    /// prints for all of the files in order, in the named file's folder.
    pub fn sha256(&self) -> String {
        let digest = |bytes: &[u8]| hex::encode(Sha256::digest(bytes));
        let line = |file: &Source| format!("{}  {}\n", digest(file.text.as_bytes()), file.near);
        match self.files.as_slice() {
            [only] => digest(only.text.as_bytes()),
            files => digest(files.iter().map(line).collect::<String>().as_bytes()),
        }
    }

    /// File, line and column of a spot.
    pub fn place(&self, spot: Spot) -> Place {
        match self.files.get(spot.file) {
            Some(file) => Place::at(&file.name, &file.text, spot.offset),
            None => Place::whole(self.name()),
        }
    }
}

fn whole(file: &str, reason: &str, hint: &str) -> Problems {
    Problems(vec![Problem { place: Place::whole(file), reason: reason.to_owned(), hint: hint.to_owned() }])
}

/// Reads at most one byte more than a policy may have: the caller sees that it is too large.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    // Non-blocking: a FIFO in the place of a policy must not stop the daemon.
    let file = fs::OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(TEXT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads an include, given its name and its name from the first file's folder.
type ReadInclude<'a> = dyn FnMut(&str, &str) -> io::Result<Vec<u8>> + 'a;

struct Gathering<'a> {
    files: Vec<Source>,
    bytes: usize,
    read: &'a mut ReadInclude<'a>,
}

impl Gathering<'_> {
    /// `stack` holds the names of the files that are being included, outermost first.
    fn add(
        &mut self,
        name: &str,
        near: &str,
        bytes: Vec<u8>,
        from: Option<&Place>,
        stack: &mut Vec<String>,
    ) -> Result<(), Problems> {
        self.bytes = self.bytes.saturating_add(bytes.len());
        if self.bytes > TEXT_BYTES_MAX {
            let reason = format!("the policy is larger than {TEXT_BYTES_MAX} bytes (1 MiB)");
            return Err(whole(name, &reason, "name folders rather than single files, or split the policy"));
        }
        let text = decode(name, bytes)?;
        if text.trim().is_empty() {
            return Err(empty(name));
        }
        if let Some(line) = text.lines().position(|line| line.starts_with(BUNDLED)) {
            let offset = text.lines().take(line).map(|line| line.len() + 1).sum();
            let reason = format!("a line begins with `{BUNDLED}`");
            return Err(one(
                Place::at(name, &text, offset),
                reason,
                "that comment is guard's own: reword it",
            ));
        }
        if self.files.len() >= FILES_MAX {
            let place = from.cloned().unwrap_or_else(|| Place::whole(name));
            return Err(one(place, format!("more than {FILES_MAX} files"), "put some of them together"));
        }
        self.files.push(Source { name: name.to_owned(), near: near.to_owned(), text: text.clone() });
        stack.push(normal(Path::new(name)));
        for (place, include) in includes(name, &text) {
            self.include((name, near), place, &include, stack)?;
        }
        stack.pop();
        Ok(())
    }

    fn include(
        &mut self,
        from: (&str, &str),
        place: Place,
        include: &str,
        stack: &mut Vec<String>,
    ) -> Result<(), Problems> {
        if include.is_empty() || include.contains(char::is_control) {
            let reason = format!("`{}` is no file's name", include.escape_debug());
            return Err(one(place, reason, "write the name of a policy file"));
        }
        let beside = |file: &str| normal(&Path::new(file).parent().unwrap_or(Path::new("")).join(include));
        let (name, near) = match include {
            EMBEDDED_INCLUDE => (include.to_owned(), include.to_owned()),
            _ => (beside(from.0), beside(from.1)),
        };
        if stack.contains(&name) {
            let path = format!("{} -> {name}", stack.join(" -> "));
            return Err(one(place, format!("includes go round in a circle: {path}"), "take one of them out"));
        }
        if self.files.iter().any(|file| normal(Path::new(&file.name)) == name) {
            return Ok(());
        }
        if stack.len() > INCLUDE_DEPTH_MAX {
            let reason = format!("includes are nested more than {INCLUDE_DEPTH_MAX} deep");
            return Err(one(place, reason, "include the inner files from the outermost one"));
        }
        let bytes = (self.read)(&name, &near).map_err(|error| {
            let reason = format!("the included file `{name}` cannot be read: {error}");
            one(place.clone(), reason, "names are relative to the including file's folder")
        })?;
        self.add(&name, &near, bytes, Some(&place), stack)
    }
}

fn one(place: Place, reason: String, hint: &str) -> Problems {
    Problems(vec![Problem { place, reason, hint: hint.to_owned() }])
}

fn empty(name: &str) -> Problems {
    whole(
        name,
        "the text is empty, as of a file that was cut off",
        "nothing was changed; a policy that refuses everything says so: write `version = 1` and nothing else",
    )
}

fn decode(name: &str, bytes: Vec<u8>) -> Result<String, Problems> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let good = String::from_utf8_lossy(&bytes[..at]);
        let reason = format!("byte {at} (0x{:02x}) is not UTF-8", bytes.get(at).copied().unwrap_or_default());
        one(Place::at(name, &good, at), reason, "save the file as UTF-8")
    })
}

/// What a text includes. Anything malformed is left for the check, which reports it with all the rest.
fn includes(name: &str, text: &str) -> Vec<(Place, String)> {
    let (document, _) = DeTable::parse_recoverable(text);
    let Some(DeValue::Array(list)) = document.get_ref().get("include").map(|value| value.get_ref()) else {
        return Vec::new();
    };
    list.iter()
        .filter_map(|item| match item.get_ref() {
            DeValue::String(include) => {
                Some((Place::at(name, text, item.span().start), include.clone().into_owned()))
            }
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => None,
        })
        .take(FILES_MAX + 1)
        .collect()
}

/// A name without `.` and, where that can be said from the name alone, `..`.
fn normal(path: &Path) -> String {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            Component::ParentDir | Component::Prefix(_) | Component::RootDir | Component::Normal(_) => {
                plain.push(component);
            }
        }
    }
    plain.display().to_string()
}
