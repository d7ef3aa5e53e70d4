//! Much at once: what a flood or a runaway agent does.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fork::{Fork, fork};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::wait::{WaitPidFlag, WaitStatus, wait, waitpid};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::setsid;

use super::process::again;
use super::{Args, CHANGED, SENT, USAGE, Way, usage, way, way_alone};

/// See the module.
pub const WAYS: &[Way] = &[
    way("flood", flood),
    way("floods", floods),
    way("swarm", swarm),
    way("sweep", sweep),
    way("beat", |a, _| beat(a.path(0)?)),
    way("hammer", hammer),
    way("tries", tries),
    way("steady", steady),
    way("crowd", crowd),
    way("upload", |a, _| upload(a, |to| to.write_all(SENT))),
    way("upload-pages", |a, _| {
        let mut file = File::open(a.path(1)?)?;
        upload(a, |to| {
            file.rewind()?;
            // The kernel moves the pages by itself.
            io::copy(&mut file, to).map(drop)
        })
    }),
    way("upload-pipe", |a, _| {
        let (mut out, mut into) = io::pipe()?;
        upload(a, |to| {
            into.write_all(SENT)?;
            // So it does here.
            io::copy(&mut out.by_ref().take(SENT.len() as u64), to).map(drop)
        })
    }),
    way_alone("multiply", |_, _| multiply()),
    way("idle", |_, _| {
        loop {
            std::thread::sleep(Duration::from_secs(60));
        }
    }),
];

/// Nanoseconds since boot, suspend included: the clock that guard's records use.
pub fn boot_ns() -> io::Result<u64> {
    let now = clock_gettime(ClockId::CLOCK_BOOTTIME)?;
    Ok(now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64)
}

/// `flood N FILE OTHER DENIED`: renames FILE to OTHER and back N times, and in the middle overwrites DENIED.
/// Ends with what the middle ended with.
fn flood(args: &Args, _: &mut dyn Write) -> io::Result<()> {
    let (rounds, [one, other]) = (args.parsed::<u32>(0)?, [args.path(1)?, args.path(2)?]);
    let half = || -> io::Result<()> {
        for _ in 0..rounds / 4 {
            std::fs::rename(one, other)?;
            std::fs::rename(other, one)?;
        }
        Ok(())
    };
    half()?;
    let middle = OpenOptions::new().write(true).open(args.path(3)?).and_then(|mut f| f.write_all(CHANGED));
    half()?;
    middle
}

/// `floods PROCESSES N FILE DENIED`: so many at once, each a `flood` of a file of its own beside FILE; tells each one's
/// id and what it ended with.
fn floods(args: &Args, out: &mut dyn Write) -> io::Result<()> {
    let one = |number: u32| -> io::Result<Child> {
        let file = format!("{}-{number}", args.text(2)?);
        let other = format!("{file}-moved");
        File::create(&file)?;
        again(&["flood".into(), args.word(1)?.into(), file.into(), other.into(), args.word(3)?.into()])
            .spawn()
    };
    let all: Vec<Child> = (0..args.parsed(0)?).map(one).collect::<io::Result<_>>()?;
    all.into_iter().try_for_each(|mut child| {
        let code = child.wait()?.code().unwrap_or(USAGE);
        writeln!(out, "{} {code}", child.id())
    })
}

/// `swarm LOG DEPTH`: 2^DEPTH processes, each writing the time into LOG in a loop.
fn swarm(args: &Args, _: &mut dyn Write) -> io::Result<()> {
    let depth: u32 = args.parsed(1)?;
    for below in 0..depth {
        Command::new("/proc/self/exe")
            .arg("swarm")
            .arg(args.word(0)?)
            .arg(below.to_string())
            .stdin(Stdio::null())
            .spawn()?;
    }
    beat(args.path(0)?)
}

/// `sweep NUMBER FOLDER EVERY`: reads the file in each of so many folders of FOLDER, and then tries to write each
/// EVERY-th, which must fail.
fn sweep(args: &Args, out: &mut dyn Write) -> io::Result<()> {
    let number = args.parsed::<usize>(0)?;
    let file = |folder: usize| -> io::Result<PathBuf> { Ok(args.path(1)?.join(format!("{folder}/f"))) };
    (0..number).try_for_each(|folder| File::open(file(folder)?).map(drop))?;
    for folder in (0..number).step_by(args.parsed(2)?) {
        match File::options().write(true).open(file(folder)?) {
            Err(error) if error.raw_os_error() == Some(nix::libc::EACCES) => {}
            Err(error) => return Err(error),
            Ok(_) => return Err(usage(&format!("folder {folder} was written"))),
        }
    }
    writeln!(out, "swept {number}")
}

/// `multiply MARK`: processes that make others as fast as they can, and whatever is refused go on trying; then the same
/// in a namespace of their own.
fn multiply() -> io::Result<()> {
    // Whom nobody waits for comes back to it.
    set_child_subreaper(true)?;
    for flags in [CloneFlags::empty(), CloneFlags::CLONE_NEWPID] {
        unshare(flags)?;
        // The first in a namespace has to stay.
        for next in [breed, breed, flee, flee] as [fn() -> io::Result<()>; 4] {
            if let Fork::Child = fork()? {
                return next();
            }
        }
    }
    loop {
        let _ = wait();
    }
}

/// Stays, and waits for whoever comes back.
fn breed() -> io::Result<()> {
    loop {
        if let Ok(Fork::Child) = fork() {
            std::process::exit(0);
        }
        let _ = wait();
        // Those who fled come faster than one at a time.
        while let Ok(WaitStatus::Exited(..)) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {}
    }
}

/// Is another process, in a session of its own, each time.
fn flee() -> io::Result<()> {
    loop {
        match fork() {
            Ok(Fork::Parent(_)) => std::process::exit(0),
            Ok(Fork::Child) => drop(setsid()),
            Err(_) => {}
        }
    }
}

/// Appends the time to a file that is opened anew each round, and goes on whatever happens.
fn beat(log: &Path) -> io::Result<()> {
    loop {
        if let Ok(mut file) = OpenOptions::new().append(true).create(true).open(log) {
            // An order may come between: it goes on all the same.
            let _ = writeln!(file, "{}", boot_ns()?);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// `hammer TELL SECONDS WAY…`: tries in a loop, in this process; appends the time of each success to TELL. Makes TELL.begun
/// when it has tried once; ends before its time where there is a TELL.enough.
fn hammer(args: &Args, out: &mut dyn Write) -> io::Result<()> {
    let until = boot_ns()? + args.parsed::<u64>(1)? * 1_000_000_000;
    let enough = args.path(0)?.with_extension("enough");
    let (mut tried, mut done) = (0u64, 0u64);
    while boot_ns()? < until && !enough.exists() {
        if tried == 1 {
            File::create(args.path(0)?.with_extension("begun"))?;
        }
        tried += 1;
        // Who tries without a pause takes half of the processor from those that it waits for.
        std::thread::sleep(Duration::from_millis(1));
        if super::perform(args.rest(2), out).is_ok() {
            done += 1;
            writeln!(File::options().append(true).create(true).open(args.path(0)?)?, "{}", boot_ns()?)?;
        }
    }
    writeln!(out, "tried {tried} done {done}")?;
    if tried == 0 { Err(usage("nothing was tried")) } else { Ok(()) }
}

/// `tries N WAY…`: tries it N times, in this process; every time must fail alike.
fn tries(args: &Args, out: &mut dyn Write) -> io::Result<()> {
    for _ in 0..args.parsed::<u32>(0)? {
        match super::perform(args.rest(1), out) {
            Err(error) if error.raw_os_error() == Some(nix::libc::EACCES) => {}
            Err(error) => return Err(error),
            Ok(()) => return Err(usage("it succeeded")),
        }
    }
    Ok(())
}

/// `steady SECONDS WAY…`: tries in a loop, in this process; every time must succeed.
fn steady(args: &Args, out: &mut dyn Write) -> io::Result<()> {
    let until = boot_ns()? + args.parsed::<u64>(0)? * 1_000_000_000;
    while boot_ns()? < until {
        super::perform(args.rest(1), out)?;
    }
    Ok(())
}

/// `upload ADDRESS FILE`: sends without an end on one connection.
fn upload(args: &Args, mut once: impl FnMut(&mut TcpStream) -> io::Result<()>) -> io::Result<()> {
    let mut to = TcpStream::connect(args.parsed::<SocketAddr>(0)?)?;
    loop {
        once(&mut to)?;
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// `crowd N GO WAY…`: N threads wait until the file GO is there, then each tries; tells each one's errno.
fn crowd(args: &Args, out: &mut dyn Write) -> io::Result<()> {
    let (number, go) = (args.parsed::<u32>(0)?, args.path(1)?);
    let one = || {
        while !std::fs::exists(go).unwrap_or(false) {
            std::thread::sleep(Duration::from_millis(5));
        }
        super::perform(args.rest(2), &mut io::sink()).map_or_else(|error| super::code(&error), |()| 0)
    };
    let codes: Vec<i32> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..number).map(|_| scope.spawn(one)).collect();
        writeln!(out, "ready").and_then(|()| out.flush())?;
        Ok::<_, io::Error>(threads.into_iter().map(|thread| thread.join().unwrap_or(USAGE)).collect())
    })?;
    codes.iter().try_for_each(|code| writeln!(out, "{code}"))
}
