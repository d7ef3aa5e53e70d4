//! Which kernel runs.

use anyhow::{Context, Result};

use super::case::Lacking;

/// Version of the kernel that runs: `(6, 12)`.
pub fn version() -> Result<(u32, u32)> {
    let release = nix::sys::utsname::uname()?.release().to_string_lossy().into_owned();
    parse(&release).with_context(|| format!("no version in the kernel's release {release}"))
}

fn parse(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Why the kernel that runs cannot be attacked so, if it cannot.
pub fn lacks(lacking: Option<Lacking>) -> Result<Option<String>> {
    let version = version()?;
    Ok(lacking.and_then(|lacking| why(version, lacking)))
}

fn why(version: (u32, u32), lacking: Lacking) -> Option<String> {
    match lacking {
        Lacking::Before(first @ (major, minor), what) => {
            (version < first).then(|| format!("kernels before {major}.{minor} have no {what}"))
        }
        Lacking::From(first @ (major, minor), what) => {
            (version >= first).then(|| format!("kernels from {major}.{minor} on forbid {what} themselves"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_lacks_what_came_later_and_what_it_forbids() {
        for (version, before, from) in
            [((6, 1), true, false), ((6, 6), false, true), ((6, 12), false, true), ((7, 2), false, true)]
        {
            assert_eq!(why(version, Lacking::Before((6, 6), "it")).is_some(), before);
            assert_eq!(why(version, Lacking::From((6, 6), "it")).is_some(), from);
        }
    }

    #[test]
    fn a_release_names_its_version() {
        assert_eq!(parse("6.12.43+deb13-amd64"), Some((6, 12)));
        assert_eq!(parse("7.2-amd64"), Some((7, 2)));
        assert_eq!(parse("generic"), None);
    }
}
