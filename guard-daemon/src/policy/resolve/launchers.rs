//! Launchers on the file system: each by its folder and name, so that one that is replaced by a newer version is still
//! known. Refuses scripts: what runs is their interpreter, and that is anybody's.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use guard_common::limits::CHILD_NAME_LEN_MAX;

use super::object;
use super::{Problem, Resolving};
use crate::policy::problem::Place;

impl Resolving<'_> {
    /// `place` is absent where the policy leaves launchers to guard: then one that this host lacks is no matter.
    pub(super) fn launcher(&mut self, path: &Path, place: Option<Place>) {
        let found = object::find(path, self.mounts);
        let found = match (found, &place) {
            (Ok(found), _) => found,
            (Err(error), None) if error.kind() == io::ErrorKind::NotFound => return,
            (Err(error), _) => {
                return self.note(format!(
                    "launcher {}: {error}; what it starts is no agent's launcher",
                    path.display()
                ));
            }
        };
        if let (Some(place), Ok(true)) = (&place, is_script(&found.path)) {
            return self.problems.push(Problem {
                place: place.clone(),
                reason: format!("launcher {} is a script", path.display()),
                hint: "name a program: a script's interpreter runs whatever it is given".to_owned(),
            });
        }
        let (Some(folder), Some(name)) = (found.path.parent(), found.path.file_name()) else { return };
        let mut padded = [0; CHILD_NAME_LEN_MAX];
        let name = name.as_encoded_bytes();
        match (object::find(folder, self.mounts), padded.get_mut(..name.len())) {
            (Ok(folder), Some(start)) => {
                start.copy_from_slice(name);
                self.launchers.insert((folder.key, padded));
                if !folder.is_stable {
                    self.handles.push(folder.handle);
                }
            }
            (Ok(_), None) => self.note(format!(
                "launcher {}: its name is longer than {CHILD_NAME_LEN_MAX} bytes; what it starts is no agent's launcher",
                path.display()
            )),
            (Err(error), _) => self.note(format!("launcher {}: {error}", path.display())),
        }
    }
}

fn is_script(path: &Path) -> io::Result<bool> {
    let mut head = [0; 2];
    File::open(path)?.read_exact(&mut head)?;
    Ok(head == *b"#!")
}
