//! Acts on other processes, on objects without a place, and on the host itself. The other process is the one that
//! asked for the probe; what is set is what it has.

use std::io;
use std::io::IoSliceMut;

use nix::errno::Errno;
use nix::mqueue::{MQ_OFlag, mq_close, mq_open, mq_unlink};
use nix::sched::{CloneFlags, unshare};
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use rustix::process::{Resource, getpriority_process, getrlimit, prlimit, setpriority_process};

use super::act::Turn;
use super::raw;
use super::scene::Scene;

/// What a descriptor's owner is signalled with. Ignored by whoever does not ask for it.
pub(super) const SIGNAL: Signal = Signal::SIGWINCH;

/// In a child: whoever may not run memory dies of it.
pub(super) fn make_data_code(_: &mut Scene, _: Turn) -> io::Result<()> {
    raw::in_child(raw::make_data_code)
}

pub(super) fn make_data_code_as_32_bit(_: &mut Scene, _: Turn) -> io::Result<()> {
    raw::in_child(raw::make_data_code_as_32_bit)
}

/// The label that a child is born with.
pub(super) fn child(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    let file = scene.file("open", turn);
    raw::in_child(|| std::fs::File::open(file).map(drop))
}

pub(super) fn read_memory(scene: &mut Scene, _: Turn) -> io::Result<()> {
    let mut byte = [0];
    let remote = [RemoteIoVec { base: 0, len: 1 }];
    Ok(process_vm_readv(scene.outside, &mut [IoSliceMut::new(&mut byte)], &remote).map(drop)?)
}

/// The first time by a child, whose tracer is this process: the one outside shall trace nobody.
pub(super) fn be_traced(_: &mut Scene, turn: Turn) -> io::Result<()> {
    match turn {
        Turn::First => raw::in_child(|| Ok(ptrace::traceme()?)),
        Turn::Second => Ok(ptrace::traceme()?),
    }
}

/// Ignored by whoever does not ask for it.
pub(super) fn signal(scene: &mut Scene, _: Turn) -> io::Result<()> {
    Ok(kill(scene.outside, Signal::SIGURG)?)
}

pub(super) fn signal_by_descriptor(scene: &mut Scene, _: Turn) -> io::Result<()> {
    raw::signal_by_descriptor(scene.outside.as_raw(), SIGNAL as i32)
}

fn outside(scene: &Scene) -> io::Result<rustix::process::Pid> {
    rustix::process::Pid::from_raw(scene.outside.as_raw()).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

pub(super) fn set_priority(scene: &mut Scene, _: Turn) -> io::Result<()> {
    let pid = Some(outside(scene)?);
    Ok(setpriority_process(pid, getpriority_process(pid)?)?)
}

pub(super) fn set_io_priority(scene: &mut Scene, _: Turn) -> io::Result<()> {
    raw::set_io_priority(scene.outside.as_raw())
}

pub(super) fn set_scheduler(scene: &mut Scene, _: Turn) -> io::Result<()> {
    raw::set_scheduler(scene.outside.as_raw())
}

/// The other process's own limit: this one was started by it.
pub(super) fn set_limit(scene: &mut Scene, _: Turn) -> io::Result<()> {
    Ok(prlimit(Some(outside(scene)?), Resource::Core, getrlimit(Resource::Core)).map(drop)?)
}

pub(super) fn own_segment(_: &mut Scene, _: Turn) -> io::Result<()> {
    let [segment, _, _] = raw::make_ipc()?;
    raw::look_at_segment(segment)
}

pub(super) fn own_set(_: &mut Scene, _: Turn) -> io::Result<()> {
    let [_, set, _] = raw::make_ipc()?;
    raw::look_at_set(set)
}

pub(super) fn own_queue(_: &mut Scene, _: Turn) -> io::Result<()> {
    let [_, _, queue] = raw::make_ipc()?;
    raw::look_at_queue(queue)
}

pub(super) fn look_at_segment(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    raw::look_at_segment(scene.objects[turn as usize][0])
}

pub(super) fn remove_segment(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    raw::remove_segment(scene.objects[turn as usize][0])
}

pub(super) fn remove_set(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    raw::remove_set(scene.objects[turn as usize][1])
}

pub(super) fn remove_queue(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    raw::remove_queue(scene.objects[turn as usize][2])
}

/// The name of a queue that is there, where the kernel has queues. They are of the process's own namespace, and go with it.
pub(super) fn named_queue(turn: Turn) -> String {
    let name = format!("/guard-before-{}", turn as usize);
    let _ = open_queue(&name, MQ_OFlag::O_CREAT);
    name
}

/// Refused by `file_open` too, but then the queue is there.
pub(super) fn make_named_queue(_: &mut Scene, turn: Turn) -> io::Result<()> {
    let name = format!("/guard-new-{}", turn as usize);
    let made = open_queue(&name, MQ_OFlag::O_CREAT);
    match open_queue(&name, MQ_OFlag::empty()) {
        Err(Errno::EACCES) => Ok(()),
        Err(_) | Ok(()) => Ok(made?),
    }
}

pub(super) fn remove_named_queue(scene: &mut Scene, turn: Turn) -> io::Result<()> {
    Ok(mq_unlink(scene.queues[turn as usize].as_str())?)
}

fn open_queue(name: &str, how: MQ_OFlag) -> nix::Result<()> {
    let mode = Mode::S_IRUSR | Mode::S_IWUSR;
    mq_open(name, how | MQ_OFlag::O_RDONLY, mode, None).and_then(mq_close)
}

/// The second time in a keyring that is not there yet: one from before is not its own.
pub(super) fn own_key(_: &mut Scene, turn: Turn) -> io::Result<()> {
    raw::look_at_key(raw::make_key(c"guard own", turn == Turn::Second)?)
}

pub(super) fn look_at_key(scene: &mut Scene, _: Turn) -> io::Result<()> {
    match scene.key {
        Ok(key) => raw::look_at_key(key),
        Err(code) => Err(io::Error::from_raw_os_error(code)),
    }
}

/// By the name that it has, in a namespace that only names concern.
pub(super) fn name_host(_: &mut Scene, _: Turn) -> io::Result<()> {
    Ok(nix::unistd::sethostname(nix::unistd::gethostname()?)?)
}

pub(super) fn make_namespace(_: &mut Scene, _: Turn) -> io::Result<()> {
    raw::in_child(|| Ok(unshare(CloneFlags::CLONE_NEWUSER)?))
}

pub(super) fn ask_bpf(_: &mut Scene, _: Turn) -> io::Result<()> {
    raw::ask_bpf()
}

pub(super) fn open_event(_: &mut Scene, _: Turn) -> io::Result<()> {
    raw::open_event()
}

pub(super) fn use_rights(scene: &mut Scene, _: Turn) -> io::Result<()> {
    match &mut scene.ring {
        Ok(ring) => raw::use_rights(ring),
        Err(code) => Err(io::Error::from_raw_os_error(*code)),
    }
}
