//! The objects that attacks aim at: W, PD with P, S, X and its mark, on three kinds of file system.
//!
//! Discretionary permissions never stand in the way: whatever fails here fails for guard's sake.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::shell::sh;
use crate::bypass;

/// The ordinary user that agents run as.
pub const USER: u32 = 61_000;
/// A group that the user is not in.
pub const OTHER_GROUP: u32 = 61_500;
/// What P holds before an attack.
pub const WHOLE: &[u8] = b"the protected content\n";
/// What W's files hold.
pub const OPEN: &[u8] = b"content that may be changed\n";
/// What S holds.
pub const SECRET: &str = "the-secret-of-the-fixture";

/// Everything lies below.
pub const TOP: &str = "/guardtest";
/// Each agent's work folder lies here, under its name.
pub const WORK: &str = "/guardtest/work";
/// A folder of an open zone, with a kept one inside, with an open one inside.
pub const NEST: &str = "/guardtest/nest";
/// A folder that an edge says no about.
pub const SAID: &str = "/guardtest/said";
/// Where X leaves its mark: a folder that agents may write.
pub const MARKS: &str = "/guardtest/marks";
/// A folder of W and of PD where unix sockets have their names.
pub const SOCKETS: &str = "sockets";
/// The program that acts, in the system so that agents may run it.
pub const ACT: &str = "/usr/local/bin/guard-act";

/// The same program as X, in the system: may be run. Static, for a quick start.
pub const PROGRAM: &str = "/usr/bin/busybox";
/// The Python actor and its functions; beside [`ACT`] for the same reason.
pub const PYTHON: &str = "/usr/local/lib/guardtest";
/// A file of PD that an actor holds open for writing from before it was confined: it stays the same inode.
pub const HELD: &str = "held";
/// A script that may be run, and whose interpreter is X.
pub const SCRIPT_BY_X: &str = "/usr/local/bin/guardtest-by-x";
/// A program that may be run, and that names as its loader one that may not: the kernel starts that first.
pub const ELF_BY_X: &str = "/usr/local/bin/guardtest-touch";
/// The same script with an interpreter that may be run.
pub const SCRIPT_PLAIN: &str = "/usr/local/bin/guardtest-plain";

/// One file system with a full set of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    /// A tmpfs.
    Tmpfs,
    /// An ext4 on a loop device.
    Ext4,
    /// The root: in a guest, an overlay.
    Root,
}

impl Spot {
    /// Every spot.
    pub const ALL: [Self; 3] = [Self::Tmpfs, Self::Ext4, Self::Root];

    /// Its name, and its folder's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tmpfs => "tmpfs",
            Self::Ext4 => "ext4",
            Self::Root => "root",
        }
    }

    /// A path below the spot.
    pub fn at(self, below: &str) -> String {
        format!("{TOP}/{}/{below}", self.name())
    }

    /// W: may be written.
    pub fn w(self, name: &str) -> String {
        self.at(&format!("w/{name}"))
    }

    /// PD: may be read, not written.
    pub fn pd(self, name: &str) -> String {
        self.at(&format!("pd/{name}"))
    }

    /// P.
    pub fn p(self) -> String {
        self.pd("p")
    }

    /// S: may not be read. The zone's root is the file itself.
    pub fn s(self) -> String {
        self.at("s")
    }

    /// X: may not be run. A program of many names, which takes the one that it is told.
    pub fn x(self) -> String {
        self.at("xd/busybox")
    }

    /// A text with the place's objects in it: `{pd}`, `{w}`, `{x}` (X), `{s}` (S), `{mark}` (a name in the folder of
    /// marks), `{top}` (the place itself).
    pub fn filled(self, text: &str) -> String {
        let objects = [
            ("{pd}", self.at("pd")),
            ("{w}", self.at("w")),
            ("{x}", self.x()),
            ("{s}", self.s()),
            ("{mark}", format!("{MARKS}/{}", self.name())),
            ("{top}", self.at("").trim_end_matches('/').to_owned()),
        ];
        objects.iter().fold(text.to_owned(), |text, (name, path)| text.replace(name, path))
    }
}

/// Makes the file systems and everything that stays for the whole run.
pub fn build(act: &Path) -> Result<()> {
    fs::create_dir_all(TOP)?;
    for folder in ["tmpfs", "ext4", "root", "marks", "work", "said", "nest/kept/free"] {
        fs::create_dir_all(format!("{TOP}/{folder}"))?;
    }
    for folder in [NEST, &format!("{NEST}/kept"), &format!("{NEST}/kept/free"), SAID] {
        give(Path::new(folder), 0o777)?;
        put(Path::new(&format!("{folder}/f")), OPEN)?;
    }
    sh(&format!("mount -t tmpfs -o size=256m tmpfs {}", Spot::Tmpfs.at("")))?;
    build_ext4()?;
    fs::copy(act, ACT).context("guard-act cannot be copied")?;
    install_python().context("the Python actor")?;
    for spot in Spot::ALL {
        for folder in ["w", "pd", "xd"] {
            fs::create_dir_all(spot.at(folder))?;
        }
        fs::write(spot.s(), SECRET)?;
        fs::copy(PROGRAM, spot.x()).context("X is a copy of busybox, which is missing")?;
        for path in ["", "w", "pd", "xd", "s", "xd/busybox"] {
            give(Path::new(&spot.at(path)), 0o777)?;
        }
    }
    give(Path::new(MARKS), 0o777)?;
    for (script, interpreter) in [(SCRIPT_BY_X, Spot::Tmpfs.x().as_str()), (SCRIPT_PLAIN, PROGRAM)] {
        fs::write(script, format!("#!{interpreter} touch\n"))?;
        give(Path::new(script), 0o755)?;
    }
    build_loader()?;
    Spot::ALL.into_iter().try_for_each(reset)
}

/// The actor, what its functions share, and each trick's functions under the trick's own name.
fn install_python() -> Result<()> {
    let shared = [("actor", include_str!("../act/actor.py")), ("attack", include_str!("../act/attack.py"))];
    let of_tricks = bypass::tricks().filter_map(|trick| Some((trick.name(), trick.python?)));
    for (name, text) in shared.into_iter().chain(of_tricks) {
        let path = PathBuf::from(format!("{PYTHON}/{}.py", name.replace("::", "/")));
        fs::create_dir_all(path.parent().context("a file lies in a folder")?)?;
        fs::write(path, text)?;
    }
    // Agents may not write there, and would compile each file anew.
    sh(&format!("python3 -m compileall -q {PYTHON}"))
}

/// `touch`, with another loader's path in the place of its own.
fn build_loader() -> Result<()> {
    const OWN: &[u8] = b"/lib64/ld-linux-x86-64.so.2\0";
    let loader = Spot::Tmpfs.at("xd/ld.so");
    fs::copy("/lib64/ld-linux-x86-64.so.2", &loader).context("the C library's loader is missing")?;
    give(Path::new(&loader), 0o777)?;
    let mut program = fs::read("/usr/bin/touch")?;
    let at = program.windows(OWN.len()).position(|window| window == OWN);
    let at = at.context("touch names no loader: is it static?")?;
    let mut named = loader.into_bytes();
    ensure!(named.len() < OWN.len(), "the loader's path is too long");
    named.resize(OWN.len(), 0);
    program[at..at + OWN.len()].copy_from_slice(&named);
    fs::write(ELF_BY_X, program)?;
    give(Path::new(ELF_BY_X), 0o755)
}

fn build_ext4() -> Result<()> {
    // The guest's loop driver is a module; on a host it may be built in.
    let _ = sh("modprobe loop");
    let image = "/tmp/guardtest.ext4";
    fs::File::create(image)?.set_len(192 << 20)?;
    sh(&format!("mkfs.ext4 -q -F -O ^has_journal -E lazy_itable_init=1 {image}"))?;
    sh(&format!("mount -o loop {image} {}", Spot::Ext4.at("")))
}

/// Puts back what attacks and controls may have changed.
pub fn reset(spot: Spot) -> Result<()> {
    if fs::exists(spot.at("pd-moved"))? {
        fs::rename(spot.at("pd-moved"), spot.at("pd"))?;
    }
    for folder in ["pd", "w"] {
        empty(&PathBuf::from(spot.at(folder)))?;
    }
    for (name, content) in [("pd/p", WHOLE), ("pd/held", WHOLE), ("w/f", OPEN), ("w/f2", WHOLE)] {
        put(Path::new(&spot.at(name)), content)?;
    }
    for name in ["pd/d", "w/d"] {
        fs::create_dir(spot.at(name))?;
        give(Path::new(&spot.at(name)), 0o777)?;
    }
    fs::write(spot.w("script"), format!("#!{PROGRAM} touch\n"))?;
    give(Path::new(&spot.w("script")), 0o777)?;
    symlink(spot.p(), spot.w("to-p"))?;
    symlink(spot.at("pd"), spot.w("to-pd"))?;
    symlink(spot.pd("sockets/stream"), spot.w("to-socket"))?;
    empty(Path::new(MARKS))
}

/// A file that discretionary permissions open to everybody.
pub fn put(path: &Path, content: &[u8]) -> Result<()> {
    fs::write(path, content)?;
    give(path, 0o666)
}

/// A new folder of the same kind.
pub fn folder(path: &str) -> Result<()> {
    fs::create_dir_all(path)?;
    give(Path::new(path), 0o777)
}

/// Gives an object to the user, with the given permissions.
pub fn give(path: &Path, mode: u32) -> Result<()> {
    chown(path, Some(USER), Some(OTHER_GROUP))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(())
}

/// Removes what is in a folder; the folder stays, for it is what the policy has marked. So do unix sockets, for nobody
/// would listen at a name that is made anew, and what an actor holds open.
pub fn empty(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.ends_with(SOCKETS) || path.ends_with(HELD) {
            continue;
        }
        match path.symlink_metadata()?.is_dir() {
            true => fs::remove_dir_all(&path)?,
            false => fs::remove_file(&path)?,
        }
    }
    Ok(())
}
