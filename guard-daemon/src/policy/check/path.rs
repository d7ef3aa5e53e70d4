//! Roots of zones, as text. Accepts absolute, plain paths; expands nothing.

use crate::policy::document::{Report, Text};

/// Longest path that the kernel takes (`PATH_MAX` without the NUL).
const PATH_LEN_MAX: usize = 4095;
/// Longest component (`NAME_MAX`).
const COMPONENT_LEN_MAX: usize = 255;

/// The path without doubled and trailing slashes.
pub(super) fn parse(text: &Text, report: &mut Report) -> Option<String> {
    match plain(&text.text) {
        Ok(path) => Some(path),
        Err((reason, hint)) => {
            let shown: String = text.text.chars().take(80).collect();
            report.refuse(text.spot, format!("path `{}` {reason}", shown.escape_debug()), hint);
            None
        }
    }
}

fn plain(path: &str) -> Result<String, (String, String)> {
    let refuse = |reason: &str, hint: &str| Err((reason.to_owned(), hint.to_owned()));
    if path.starts_with('~') {
        return refuse(
            "starts with `~`, and a policy is not one user's",
            "use a name rule, which holds in every home: names = [\".ssh\"]",
        );
    }
    if !path.starts_with('/') {
        return refuse("is relative, and a policy has no folder of its own", "write it from `/` on");
    }
    if path.contains('\0') {
        return refuse("contains a NUL byte", "no file system has such a name");
    }
    if path.contains(['*', '?']) {
        return refuse(
            "is a pattern, and paths are not",
            "name the folder above, or use a name rule: names = [\"*.pem\"]",
        );
    }
    if path.len() > PATH_LEN_MAX {
        return Err((format!("is {} bytes long", path.len()), format!("the kernel takes {PATH_LEN_MAX}")));
    }
    let components: Vec<&str> = path.split('/').filter(|component| !component.is_empty()).collect();
    if components.contains(&"..") || components.contains(&".") {
        return refuse("contains `.` or `..`", "write the path that it leads to");
    }
    if let Some(long) = components.iter().find(|component| component.len() > COMPONENT_LEN_MAX) {
        return Err((
            format!("has a name of {} bytes", long.len()),
            format!("file systems take {COMPONENT_LEN_MAX}"),
        ));
    }
    Ok(format!("/{}", components.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_too_many_are_taken_out() {
        assert_eq!(plain("/srv//data/").as_deref(), Ok("/srv/data"));
        assert_eq!(plain("//").as_deref(), Ok("/"));
    }

    #[test]
    fn a_path_that_says_less_than_it_seems_is_refused() {
        for path in ["", "srv", "~/.ssh", "/srv/../etc", "/srv/./x", "/srv/*.pem", "/a\0b"] {
            assert!(plain(path).is_err(), "{path:?}");
        }
        assert!(plain(&format!("/{}", "a".repeat(256))).is_err());
        assert!(plain(&format!("/{}", "a/".repeat(2047))).is_ok());
        assert!(plain(&format!("/{}", "a/".repeat(2048))).is_err());
    }
}
