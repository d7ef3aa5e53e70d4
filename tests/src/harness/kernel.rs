//! Which kernel runs.

use anyhow::{Context, Result};

use super::case::Since;

/// Version of the kernel that runs: `(6, 12)`.
pub fn version() -> Result<(u32, u32)> {
    let release = nix::sys::utsname::uname()?.release().to_string_lossy().into_owned();
    parse(&release).with_context(|| format!("no version in the kernel's release {release}"))
}

fn parse(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// What the kernel that runs lacks for a case.
pub fn lacks(since: Option<Since>) -> Result<Option<Since>> {
    let version = version()?;
    Ok(since.filter(|since| version < since.version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_names_its_version() {
        assert_eq!(parse("6.12.43+deb13-amd64"), Some((6, 12)));
        assert_eq!(parse("7.2-amd64"), Some((7, 2)));
        assert_eq!(parse("generic"), None);
    }
}
