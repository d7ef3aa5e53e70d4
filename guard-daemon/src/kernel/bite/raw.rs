//! System calls of the probe that no library has a safe form for. Each takes values, keeps what it points to alive
//! over the call, and gives back what the kernel said.
#![expect(unsafe_code, reason = "these system calls have no safe form")]

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::ptr;

use io_uring::{IoUring, opcode};
use nix::libc::{self, c_int, c_long, c_ulong};
use nix::sys::signal::SigSet;

fn answer(result: impl Into<c_long>) -> io::Result<c_long> {
    let result = result.into();
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn number(result: impl Into<c_long>) -> io::Result<c_int> {
    c_int::try_from(answer(result)?).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Sets the attributes that a file has already, by the call that came with 6.17.
pub(super) fn set_file_attributes(path: &CStr) -> io::Result<()> {
    const FILE_GETATTR: c_long = 468;
    const FILE_SETATTR: c_long = 469;
    let mut attributes = [0_u64; 3];
    for call in [FILE_GETATTR, FILE_SETATTR] {
        let (attributes, size) = (attributes.as_mut_ptr(), size_of_val(&attributes));
        // SAFETY: the kernel reads or writes `size` bytes there.
        answer(unsafe { libc::syscall(call, libc::AT_FDCWD, path.as_ptr(), attributes, size, 0) })?;
    }
    Ok(())
}

/// Sets a file's flags as a 32-bit program does, from an address that leads nowhere. Where the kernel knows no such
/// calls, the process dies of it.
pub(super) fn set_flags_as_32_bit(file: BorrowedFd<'_>) -> io::Result<()> {
    const IOCTL: i64 = 54;
    const SETFLAGS: i64 = 0x4004_6602;
    // SAFETY: what the address would lead to is read alone.
    unsafe { call_as_32_bit(IOCTL, [i64::from(file.as_raw_fd()), SETFLAGS, 0]) }
}

/// Asks that whatever the process may read be code.
pub(super) fn make_data_code() -> io::Result<()> {
    // SAFETY: takes a number only. Nothing is mapped anew by it.
    answer(unsafe { libc::personality(libc::READ_IMPLIES_EXEC as c_ulong) }).map(drop)
}

/// The same as a 32-bit program does.
pub(super) fn make_data_code_as_32_bit() -> io::Result<()> {
    const PERSONALITY: i64 = 136;
    // SAFETY: takes a number only.
    unsafe { call_as_32_bit(PERSONALITY, [i64::from(libc::READ_IMPLIES_EXEC), 0, 0]) }
}

/// # Safety
/// The call touches no memory of this process.
unsafe fn call_as_32_bit(number: i64, [first, second, third]: [i64; 3]) -> io::Result<()> {
    let mut result = number;
    // SAFETY: one system call by the old gate, which may change the registers named.
    unsafe {
        std::arch::asm!(
            "xchg {first}, rbx", "int 0x80", "xchg {first}, rbx",
            first = inout(reg) first => _,
            inout("rax") result, in("rcx") second, in("rdx") third,
            lateout("r8") _, lateout("r9") _, lateout("r10") _, lateout("r11") _,
        );
    }
    match i32::try_from(result) {
        Ok(code) if code < 0 => Err(io::Error::from_raw_os_error(-code)),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Maps the beginning of a file as code, and lets go of it.
pub(super) fn map_as_code(file: BorrowedFd<'_>) -> io::Result<()> {
    let flags = libc::PROT_READ | libc::PROT_EXEC;
    // SAFETY: a fresh mapping at an address of the kernel's choice, which nobody runs or reads.
    unsafe {
        let page = libc::mmap(ptr::null_mut(), PAGE, flags, libc::MAP_PRIVATE, file.as_raw_fd(), 0);
        if page == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        answer(libc::munmap(page, PAGE)).map(drop)
    }
}

/// The smallest page there is.
const PAGE: usize = 4096;

/// A page of data that nobody looks at. Stays as long as the process.
#[derive(Debug)]
pub(super) struct Page(*mut libc::c_void);

impl Page {
    pub(super) fn new() -> io::Result<Self> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a fresh mapping at an address of the kernel's choice.
        let page =
            unsafe { libc::mmap(ptr::null_mut(), PAGE, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
        if page == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(Self(page)) }
    }

    /// Makes code of it. Nobody runs it.
    pub(super) fn make_code(&self) -> io::Result<()> {
        // SAFETY: the page is this value's own, and nothing points into it.
        answer(unsafe { libc::mprotect(self.0, PAGE, libc::PROT_READ | libc::PROT_EXEC) }).map(drop)
    }
}

/// Has a process signalled because there is something to read.
pub(super) fn signal_by_descriptor(pid: i32, signal: c_int) -> io::Result<()> {
    const SET_SIGNAL: c_int = 10;
    let (reader, mut writer) = io::pipe()?;
    for (request, value) in
        [(libc::F_SETOWN, pid), (SET_SIGNAL, signal), (libc::F_SETFL, libc::O_ASYNC | libc::O_NONBLOCK)]
    {
        // SAFETY: takes numbers only.
        answer(unsafe { libc::fcntl(reader.as_raw_fd(), request, value) })?;
    }
    io::Write::write_all(&mut writer, b"!")
}

/// Takes one of these signals if one waits.
pub(super) fn waiting_signal(set: &SigSet) -> bool {
    let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a set and a time are read; nobody asks for what is told of the signal.
    unsafe { libc::sigtimedwait(set.as_ref(), ptr::null_mut(), &raw const now) > 0 }
}

/// Asks for a loose source route by way of this host.
pub(super) fn set_source_route(socket: BorrowedFd<'_>) -> io::Result<()> {
    const ROUTE: [u8; 8] = [131, 7, 4, 127, 0, 0, 1, 0];
    let (value, len) = (ROUTE.as_ptr().cast(), ROUTE.len() as libc::socklen_t);
    // SAFETY: `len` bytes are read.
    let result =
        unsafe { libc::setsockopt(socket.as_raw_fd(), libc::IPPROTO_IP, libc::IP_OPTIONS, value, len) };
    answer(result).map(drop)
}

/// Gives a process the IO priority that it has.
pub(super) fn set_io_priority(pid: i32) -> io::Result<()> {
    const WHO_PROCESS: c_int = 1;
    // SAFETY: takes numbers only.
    let now = answer(unsafe { libc::syscall(libc::SYS_ioprio_get, WHO_PROCESS, pid) })?;
    // SAFETY: takes numbers only.
    answer(unsafe { libc::syscall(libc::SYS_ioprio_set, WHO_PROCESS, pid, now) }).map(drop)
}

/// Gives a process the scheduling that it has.
pub(super) fn set_scheduler(pid: i32) -> io::Result<()> {
    let mut parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: takes a number; the second writes one struct, the third reads it.
    unsafe {
        let policy = number(libc::sched_getscheduler(pid))?;
        answer(libc::sched_getparam(pid, &raw mut parameters))?;
        answer(libc::sched_setscheduler(pid, policy, &raw const parameters)).map(drop)
    }
}

/// A new shared memory segment, semaphore set and message queue.
pub(super) fn make_ipc() -> io::Result<[c_int; 3]> {
    // SAFETY: take numbers only.
    unsafe {
        Ok([
            number(libc::shmget(libc::IPC_PRIVATE, 4096, 0o600))?,
            number(libc::semget(libc::IPC_PRIVATE, 1, 0o600))?,
            number(libc::msgget(libc::IPC_PRIVATE, 0o600))?,
        ])
    }
}

/// Looks at a segment, a set, a queue: asks for permission to read.
pub(super) fn look_at_segment(id: c_int) -> io::Result<()> {
    // SAFETY: a plain struct, for which zeros are a value.
    let mut state: libc::shmid_ds = unsafe { std::mem::zeroed() };
    // SAFETY: one struct is written.
    answer(unsafe { libc::shmctl(id, libc::IPC_STAT, &raw mut state) }).map(drop)
}

pub(super) fn look_at_set(id: c_int) -> io::Result<()> {
    // SAFETY: reads one semaphore's value; takes numbers only.
    answer(unsafe { libc::semctl(id, 0, libc::GETVAL) }).map(drop)
}

pub(super) fn look_at_queue(id: c_int) -> io::Result<()> {
    // SAFETY: a plain struct, for which zeros are a value.
    let mut state: libc::msqid_ds = unsafe { std::mem::zeroed() };
    // SAFETY: one struct is written.
    answer(unsafe { libc::msgctl(id, libc::IPC_STAT, &raw mut state) }).map(drop)
}

/// Removes an object, which asks nobody but the hook of its kind.
pub(super) fn remove_segment(id: c_int) -> io::Result<()> {
    // SAFETY: nothing is read or written.
    answer(unsafe { libc::shmctl(id, libc::IPC_RMID, ptr::null_mut()) }).map(drop)
}

pub(super) fn remove_set(id: c_int) -> io::Result<()> {
    // SAFETY: takes numbers only.
    answer(unsafe { libc::semctl(id, 0, libc::IPC_RMID) }).map(drop)
}

pub(super) fn remove_queue(id: c_int) -> io::Result<()> {
    // SAFETY: nothing is read or written.
    answer(unsafe { libc::msgctl(id, libc::IPC_RMID, ptr::null_mut()) }).map(drop)
}

/// A key in this process's keyring, or this thread's.
pub(super) fn make_key(name: &CStr, of_thread: bool) -> io::Result<c_int> {
    let keyring: c_long = if of_thread { -1 } else { -2 };
    let (kind, value) = (c"user", b"probe");
    // SAFETY: strings end in NUL, the value has its length.
    number(unsafe {
        libc::syscall(libc::SYS_add_key, kind.as_ptr(), name.as_ptr(), value.as_ptr(), value.len(), keyring)
    })
}

/// Asks for a key's description.
pub(super) fn look_at_key(key: c_int) -> io::Result<()> {
    const DESCRIBE: c_long = 6;
    // SAFETY: with no buffer only the length is told.
    answer(unsafe { libc::syscall(libc::SYS_keyctl, DESCRIBE, key, ptr::null::<u8>(), 0) }).map(drop)
}

/// Asks for the first kernel map's number. That there is none is an answer too.
pub(super) fn ask_bpf() -> io::Result<()> {
    const MAP_GET_NEXT_ID: c_long = 12;
    let mut attributes = [0_u64; 2];
    let (pointer, size) = (attributes.as_mut_ptr(), size_of_val(&attributes));
    // SAFETY: the kernel reads and writes `size` bytes there.
    answer(unsafe { libc::syscall(libc::SYS_bpf, MAP_GET_NEXT_ID, pointer, size) }).map(drop)
}

/// Opens a software event of this process that never happens.
pub(super) fn open_event() -> io::Result<()> {
    const SOFTWARE: u64 = 1;
    const DUMMY: u64 = 9;
    const SIZE: u64 = 64;
    let attributes = [SOFTWARE | SIZE << 32, DUMMY, 0, 0, 0, 0, 0, 0];
    let (own, any, none) = (0, -1, -1);
    // SAFETY: as many bytes are read as the struct says that it has.
    let event = number(unsafe {
        libc::syscall(libc::SYS_perf_event_open, attributes.as_ptr(), own, any, none, 0 as c_ulong)
    })?;
    // SAFETY: the kernel just made it, for this process alone.
    drop(unsafe { OwnedFd::from_raw_fd(event) });
    Ok(())
}

/// A ring that has this process's own rights registered, and their number.
pub(super) fn make_ring() -> io::Result<(IoUring, u16)> {
    let ring = IoUring::new(2)?;
    let rights = ring.submitter().register_personality()?;
    Ok((ring, rights))
}

/// Does nothing, with registered rights.
pub(super) fn use_rights((ring, rights): &mut (IoUring, u16)) -> io::Result<()> {
    let entry = opcode::Nop::new().build().personality(*rights);
    // SAFETY: the operation points to nothing.
    unsafe { ring.submission().push(&entry) }.map_err(io::Error::other)?;
    ring.submit_and_wait(1)?;
    let result = ring.completion().next().map_or(0, |done| done.result());
    if result < 0 { Err(io::Error::from_raw_os_error(-result)) } else { Ok(()) }
}

/// Does it in a child, whose exit status tells how it went. `ENOSYS` where it dies of it.
pub(super) fn in_child(act: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    // SAFETY: the probe's processes have one thread.
    in_new_process(unsafe { libc::fork() }.into(), act)
}

/// Does it in a child that is born into a cgroup.
pub(super) fn in_child_of_cgroup(cgroup: &Path, act: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    const INTO_CGROUP: u64 = 1 << 33;
    let folder = std::fs::File::open(cgroup)?;
    let mut arguments = [0_u64; 11];
    arguments[0] = INTO_CGROUP;
    arguments[4] = libc::SIGCHLD as u64;
    arguments[10] = u64::try_from(folder.as_raw_fd()).map_err(io::Error::other)?;
    let size = size_of_val(&arguments);
    // SAFETY: a copy of this process, which has one thread, on a copy of its stack.
    in_new_process(unsafe { libc::syscall(libc::SYS_clone3, arguments.as_ptr(), size) }, act)
}

fn in_new_process(born: c_long, act: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let pid = number(born)?;
    if pid == 0 {
        let code = act().err().map_or(0, |error| error.raw_os_error().unwrap_or(libc::EIO));
        // SAFETY: ends the child; nothing of the parent's is flushed or removed twice.
        unsafe { libc::_exit(code) };
    }
    let mut status = 0;
    // SAFETY: one int is written.
    answer(unsafe { libc::waitpid(pid, &raw mut status, 0) })?;
    match (libc::WIFEXITED(status), libc::WEXITSTATUS(status)) {
        (true, 0) => Ok(()),
        (true, code) => Err(io::Error::from_raw_os_error(code)),
        (false, _) => Err(io::Error::from_raw_os_error(libc::ENOSYS)),
    }
}
