//! The QEMU that boots guests: the machine's own where it is new enough, or else the newer build that Debian has for
//! the machine's release, in the cache.
//!
//! A kernel that attaches a program rewrites a function's entry while other processors run it: a breakpoint goes in,
//! the rest follows, the breakpoint goes out, and every processor is told. QEMU before 8.1 translates code without
//! holding its page, so a processor may keep what it read in between, and meet a breakpoint that is in memory no
//! more. The guest's kernel, which finds nobody rewriting, oopses or hangs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::cache;
use crate::debian::Archive;
use crate::sh::{cmd, read, say};

const PROGRAM: &str = "qemu-system-x86_64";
const OLDEST: (u32, u32) = (8, 1);
/// What a guest needs. The libraries are those of the machine's own QEMU.
const PACKAGES: [&str; 4] = ["qemu-system-x86", "qemu-system-common", "qemu-system-data", "seabios"];
/// Where those packages keep what QEMU reads.
const DATA: [&str; 2] = ["usr/share/qemu", "usr/share/seabios"];

/// A QEMU that is new enough.
pub(crate) struct Emulator {
    program: PathBuf,
    data: Vec<PathBuf>,
    /// What it says of itself, with its version.
    pub(crate) version: String,
}

impl Emulator {
    /// The one that is there; an error that says what to do if none is.
    pub(crate) fn installed() -> Result<Emulator> {
        let own = Emulator { program: PROGRAM.into(), data: Vec::new(), version: version(PROGRAM.as_ref())? };
        if is_new_enough(&own.version)? {
            return Ok(own);
        }
        let folder = folder()?;
        let program = folder.join("usr/bin").join(PROGRAM);
        ensure!(program.is_file(), "a QEMU that is new enough is not in the cache; run `cargo xtask setup`");
        let version = version(&program)?;
        Ok(Emulator { program, data: DATA.map(|data| folder.join(data)).to_vec(), version })
    }

    /// To be given the words that say what to boot. `setpriv` ends QEMU when xtask ends, however it ends.
    pub(crate) fn command(&self) -> Command {
        let mut command = cmd("setpriv", &["--pdeathsig", "KILL"]);
        command.arg(&self.program);
        for data in &self.data {
            command.arg("-L").arg(data);
        }
        command
    }
}

/// Brings a newer one into the cache, where the machine's own is too old.
pub(crate) fn fetch() -> Result<()> {
    let own = version(PROGRAM.as_ref())?;
    if Emulator::installed().is_ok() {
        return Ok(());
    }
    let (major, minor) = OLDEST;
    let needs = format!(
        "{own} is too old to run kernels that change their own code; {major}.{minor} or later is needed"
    );
    let Some(release) = debian_release()? else {
        bail!("{needs}. Install one: this is not Debian, where `setup` knows where to get it");
    };
    let suite = format!("{release}-backports");
    say(&format!("{needs}: downloading {} of Debian's {suite}, for guests alone", PACKAGES[0]));
    let archive = Archive::of(&[&suite])?;
    let folder = folder()?;
    let part = folder.with_extension(format!("part-{}", std::process::id()));
    archive.unpack(&PACKAGES, &cache::folder(part.clone())?)?;
    archive.close()?;
    let got = version(&part.join("usr/bin").join(PROGRAM))?;
    ensure!(is_new_enough(&got)?, "Debian's {suite} has {got} only; {needs}");
    if folder.is_dir() {
        fs::remove_dir_all(&folder)?;
    }
    fs::rename(&part, &folder).with_context(|| format!("cannot put {} in place", folder.display()))
}

fn folder() -> Result<PathBuf> {
    Ok(cache::root()?.join("qemu"))
}

/// `QEMU emulator version 10.0.2 (Debian …)`.
fn version(program: &Path) -> Result<String> {
    let said = read(Command::new(program).arg("--version"))?;
    let line = said.lines().next().with_context(|| format!("{} says no version", program.display()))?;
    Ok(line.to_owned())
}

fn is_new_enough(version: &str) -> Result<bool> {
    let number = version.split_once("version ").map(|(_, rest)| rest).unwrap_or_default();
    let mut parts = number.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else {
        return Err(anyhow!("{PROGRAM} names a version that cannot be read: {version:?}"));
    };
    Ok((major, minor) >= OLDEST)
}

/// `bookworm`, on Debian.
fn debian_release() -> Result<Option<String>> {
    let text = fs::read_to_string("/etc/os-release").context("cannot tell which system this is")?;
    let value =
        |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(|value| value.trim_matches('"'));
    let is_debian = value("ID=") == Some("debian");
    Ok(value("VERSION_CODENAME=").filter(|_| is_debian).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        let is_new = |version: &str| is_new_enough(&format!("QEMU emulator version {version}")).ok();
        assert_eq!(is_new("7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)"), Some(false));
        assert_eq!(is_new("8.0.5"), Some(false));
        assert_eq!(is_new("8.1.0"), Some(true));
        assert_eq!(is_new("10.0.2 (Debian 1:10.0.2+ds-2+deb13u1~bpo12+1)"), Some(true));
        assert_eq!(is_new("unknown"), None);
        assert!(is_new_enough("").is_err());
    }
}
