//! Ways to be someone else first. Each changes the process and performs the trick that follows in it.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{Gid, Uid, chroot, getpid, getppid, gettid, setgid, setsid, setuid};

use super::{Args, Trick, perform, usage};

/// See the module.
pub const TRICKS: &[(&str, Trick)] = &[
    ("in-thread", |a, out| in_thread(a.rest(0), out)),
    ("orphaned", |a, out| orphaned(a.rest(0), out)),
    ("as-orphan", as_orphan),
    ("generation", generation),
    ("as-user", |a, out| {
        setgid(Gid::from_raw(a.parsed(0)?))?;
        setuid(Uid::from_raw(a.parsed(0)?))?;
        perform(a.rest(1), out)
    }),
    ("in-namespaces", in_namespaces),
    ("through-bind", through_bind),
    ("through-overlay", through_overlay),
    ("in-chroot", |a, out| {
        chroot(a.path(0)?)?;
        std::env::set_current_dir("/")?;
        perform(a.rest(1), out)
    }),
    ("in-folder", |a, out| {
        std::env::set_current_dir(a.path(0)?)?;
        perform(a.rest(1), out)
    }),
    ("in-network", |a, out| {
        setns(std::fs::File::open(a.path(0)?)?, CloneFlags::CLONE_NEWNET)?;
        perform(a.rest(1), out)
    }),
    ("after-leaving", |a, out| {
        std::fs::write(a.path(0)?, getpid().to_string())?;
        perform(a.rest(1), out)
    }),
    ("named", |a, out| {
        nix::sys::prctl::set_name(&std::ffi::CString::new(a.text(0)?)?)?;
        tell_doer(out)?;
        perform(a.rest(1), out)
    }),
    ("nothing", |_, _| Ok(())),
    ("self", |_, out| writeln!(out, "{}", std::fs::read_to_string("/proc/self/cgroup")?.trim())),
];

/// Tells who acts where it is not the process that was started.
fn tell_doer(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "doer {}", gettid())
}

fn in_thread(words: &[OsString], out: &mut dyn Write) -> io::Result<()> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let mut told = Vec::new();
            let result = tell_doer(&mut told).and_then(|()| perform(words, &mut told));
            (told, result)
        });
        let (told, result) = thread.join().map_err(|_| usage("the thread panicked"))?;
        out.write_all(&told)?;
        result
    })
}

fn again(words: &[OsString]) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.args(words);
    command
}

/// Double fork: the middle process ends, so that the acting one belongs to nobody.
fn orphaned(words: &[OsString], out: &mut dyn Write) -> io::Result<()> {
    let mut middle =
        again(&["as-orphan".into(), "start".into()]).args(words).stdout(Stdio::piped()).spawn()?;
    let mut told = String::new();
    let mut pipe = middle.stdout.take().ok_or_else(|| usage("no pipe"))?;
    middle.wait()?;
    // Ends when the orphan closes its end, and not before.
    io::Read::read_to_string(&mut pipe, &mut told)?;
    out.write_all(told.as_bytes())?;
    let code = told.lines().find_map(|line| line.strip_prefix("code ")).and_then(|code| code.parse().ok());
    match code {
        Some(0) => Ok(()),
        Some(errno) => Err(io::Error::from_raw_os_error(errno)),
        None => Err(usage("the orphan said nothing")),
    }
}

fn as_orphan(args: &Args, out: &mut dyn Write) -> io::Result<()> {
    let parent: i32 = match args.text(0)? {
        "start" => {
            let own = getpid().to_string();
            again(&["as-orphan".into(), own.into()]).args(args.rest(1)).spawn()?;
            return Ok(());
        }
        pid => pid.parse().map_err(|_| usage("not a pid"))?,
    };
    setsid()?;
    while getppid().as_raw() == parent {
        std::thread::sleep(Duration::from_millis(1));
    }
    tell_doer(out)?;
    let code = perform(args.rest(1), out).map_or_else(|error| super::code(&error), |()| 0);
    writeln!(out, "code {code}")
}

/// `generation N TRICK…`: performs in the N-th descendant.
fn generation(args: &Args, out: &mut dyn Write) -> io::Result<()> {
    let left: u32 = args.parsed(0)?;
    if left == 0 {
        tell_doer(out)?;
        return perform(args.rest(1), out);
    }
    let next = (left - 1).to_string();
    match again(&["generation".into(), next.into()]).args(args.rest(1)).status()?.code() {
        Some(0) => Ok(()),
        Some(errno) => Err(io::Error::from_raw_os_error(errno)),
        None => Err(usage("a descendant was killed")),
    }
}

fn namespaces() -> CloneFlags {
    let own = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWCGROUP;
    if Uid::effective().is_root() { own } else { own | CloneFlags::CLONE_NEWUSER }
}

fn in_namespaces(args: &Args, out: &mut dyn Write) -> io::Result<()> {
    unshare(namespaces())?;
    perform(args.rest(0), out)
}

/// `through-bind SOURCE TARGET TRICK…`: a second name for a folder, by a mount nobody else sees.
fn through_bind(args: &Args, out: &mut dyn Write) -> io::Result<()> {
    unshare(namespaces())?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
    mount(Some(args.path(0)?), args.path(1)?, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
    perform(args.rest(2), out)
}

/// `through-overlay UPPER FOLDER TRICK…`: an overlay whose upper layer is UPPER, seen by nobody else, at FOLDER/m;
/// FOLDER has to be on UPPER's file system.
fn through_overlay(args: &Args, out: &mut dyn Write) -> io::Result<()> {
    let folder = args.text(1)?;
    let [lower, work, point] = ["l", "k", "m"].map(|name| format!("{folder}/{name}"));
    for new in [&lower, &work, &point] {
        std::fs::create_dir(new)?;
    }
    unshare(namespaces())?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
    let options = format!("lowerdir={lower},upperdir={},workdir={work}", args.text(0)?);
    mount(Some("overlay"), point.as_str(), Some("overlay"), MsFlags::empty(), Some(options.as_str()))?;
    perform(args.rest(2), out)
}
