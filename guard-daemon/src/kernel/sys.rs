//! The few `bpf(2)` calls that aya has no form for, and shared memory with a map. Owns all raw system calls of
//! the daemon; knows no map by name.
#![expect(unsafe_code, reason = "bpf(2) and mmap(2) have no safe form")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use aya::maps::{MapData, RingBuf};
use aya_log::EbpfLogger;
use nix::libc;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::plain::Row;

const BPF_MAP_CREATE: libc::c_long = 0;
const BPF_MAP_LOOKUP_ELEM: libc::c_long = 1;
const BPF_MAP_UPDATE_ELEM: libc::c_long = 2;
const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_MAP_UPDATE_BATCH: libc::c_long = 26;

const BPF_MAP_TYPE_ARRAY: u32 = 2;
const BPF_MAP_TYPE_ARRAY_OF_MAPS: u32 = 12;
const BPF_PROG_TYPE_LSM: u32 = 29;
const BPF_LSM_MAC: u32 = 27;

/// Attributes of `BPF_MAP_CREATE`, as far as they are needed; the kernel takes what is not passed as zero.
#[repr(C)]
#[derive(Default)]
struct MapCreate {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
    inner_map_fd: u32,
}

/// Attributes of `BPF_MAP_LOOKUP_ELEM` and `BPF_MAP_UPDATE_ELEM`.
#[repr(C)]
struct MapUpdate {
    map_fd: u32,
    pad: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// Attributes of `BPF_MAP_UPDATE_BATCH`.
#[repr(C)]
struct MapBatch {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
}

/// Attributes of `BPF_PROG_LOAD`, up to `attach_btf_id`.
#[repr(C)]
#[derive(Default)]
struct ProgLoad {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
    prog_ifindex: u32,
    expected_attach_type: u32,
    prog_btf_fd: u32,
    func_info_rec_size: u32,
    func_info: u64,
    func_info_cnt: u32,
    line_info_rec_size: u32,
    line_info: u64,
    line_info_cnt: u32,
    attach_btf_id: u32,
}

const _: () = {
    assert!(size_of::<MapCreate>() == 24);
    assert!(size_of::<MapUpdate>() == 32);
    assert!(size_of::<MapBatch>() == 56);
    assert!(size_of::<ProgLoad>() == 112);
};

fn bpf<T>(command: libc::c_long, attributes: &mut T) -> io::Result<i32> {
    // SAFETY: `attributes` is a live repr(C) struct of the size that is passed; the kernel reads and writes
    // within it. What its addresses point to is the callers' to keep alive over the call.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attributes), size_of::<T>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(i32::try_from(result).unwrap_or(i32::MAX)) }
}

fn owned(fd: i32) -> OwnedFd {
    // SAFETY: called with a descriptor that the kernel just made for this process, and only once for each.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

fn number(fd: BorrowedFd<'_>) -> u32 {
    u32::try_from(fd.as_raw_fd()).unwrap_or(u32::MAX)
}

/// A descriptor of a process, which stays that process's.
pub(super) fn open_process(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: takes numbers only.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, libc::c_long::from(pid), 0) };
    match i32::try_from(fd) {
        Ok(fd) if fd >= 0 => Ok(owned(fd)),
        Ok(_) | Err(_) => Err(io::Error::last_os_error()),
    }
}

/// Sends SIGKILL to the process of a descriptor.
pub(super) fn kill_process(process: BorrowedFd<'_>) -> io::Result<()> {
    let null = std::ptr::null_mut::<libc::siginfo_t>();
    // SAFETY: the descriptor is open over the call; a null siginfo asks for that of kill(2).
    let sent =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), libc::SIGKILL, null, 0) };
    if sent == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// A task storage's value of the process of a descriptor; `None` where it has none.
pub(super) fn lookup_by_process<V: Row + Default>(
    map: BorrowedFd<'_>,
    process: BorrowedFd<'_>,
) -> io::Result<Option<V>> {
    let (key, mut value) = (process.as_raw_fd(), V::default());
    let mut attributes = MapUpdate {
        map_fd: number(map),
        pad: 0,
        key: std::ptr::from_ref(&key) as u64,
        value: std::ptr::from_mut(&mut value) as u64,
        flags: 0,
    };
    match bpf(BPF_MAP_LOOKUP_ELEM, &mut attributes) {
        Ok(_) => Ok(Some(value)),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes many rows with one call. On failure an unknown part of them is written.
pub(super) fn update_batch<K: Row, V: Row>(map: BorrowedFd<'_>, keys: &[K], values: &[V]) -> io::Result<()> {
    if keys.len() != values.len() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "keys and values differ in number"));
    }
    if keys.is_empty() {
        return Ok(());
    }
    let count = u32::try_from(keys.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut attributes = MapBatch {
        in_batch: 0,
        out_batch: 0,
        keys: keys.as_ptr() as u64,
        values: values.as_ptr() as u64,
        count,
        map_fd: number(map),
        elem_flags: 0,
        flags: 0,
    };
    bpf(BPF_MAP_UPDATE_BATCH, &mut attributes).map(drop)
}

/// Waits until every program that runs now, and may not sleep, has ended.
///
/// A write to a map of maps returns only after a grace period of RCU: the kernel promises it, so that user
/// space may reuse what the replaced inner map pointed to. `membarrier(2)` would do less: it does not wait on a
/// machine with one CPU, and fails where CPUs run without ticks.
pub(super) fn wait_for_running_programs() -> io::Result<()> {
    let mut inner = MapCreate {
        map_type: BPF_MAP_TYPE_ARRAY,
        key_size: 4,
        value_size: 4,
        max_entries: 1,
        ..Default::default()
    };
    let inner = owned(bpf(BPF_MAP_CREATE, &mut inner)?);
    let mut outer = MapCreate {
        map_type: BPF_MAP_TYPE_ARRAY_OF_MAPS,
        key_size: 4,
        value_size: 4,
        max_entries: 1,
        inner_map_fd: number(inner.as_fd()),
        ..Default::default()
    };
    let outer = owned(bpf(BPF_MAP_CREATE, &mut outer)?);
    let (key, value) = (0_u32, number(inner.as_fd()));
    let mut update = MapUpdate {
        map_fd: number(outer.as_fd()),
        pad: 0,
        key: std::ptr::from_ref(&key) as u64,
        value: std::ptr::from_ref(&value) as u64,
        flags: 0,
    };
    bpf(BPF_MAP_UPDATE_ELEM, &mut update).map(drop)
}

/// Loads (and drops again) the smallest LSM program: `return 0` for the hook whose BTF id is given.
pub(super) fn try_lsm_program(hook_btf_id: u32) -> io::Result<()> {
    // r0 = 0; exit
    let instructions: [u64; 2] = [0x0000_0000_0000_00b7, 0x0000_0000_0000_0095];
    let license = c"GPL";
    let mut attributes = ProgLoad {
        prog_type: BPF_PROG_TYPE_LSM,
        insn_cnt: 2,
        insns: instructions.as_ptr() as u64,
        license: license.as_ptr() as u64,
        expected_attach_type: BPF_LSM_MAC,
        attach_btf_id: hook_btf_id,
        ..Default::default()
    };
    bpf(BPF_PROG_LOAD, &mut attributes).map(owned).map(drop)
}

/// What the kernel wakes the daemon for: owns its descriptor, and never changes it.
pub(super) trait Wakes: AsRawFd {}
impl Wakes for RingBuf<MapData> {}
impl<T> Wakes for EbpfLogger<T> {}

/// Waits for a descriptor in the running tokio runtime.
pub(super) fn watch<T: Wakes>(inner: T) -> io::Result<AsyncFd<T>> {
    // SAFETY: the types named above own a map's descriptor, give the same one at each call, and close it only
    // when dropped, which is after `AsyncFd` has let go of it.
    unsafe { AsyncFd::register_with_interest(inner, Interest::READABLE) }
        .map_err(|error| error.into_parts().1)
}

/// The 8-byte words of a mappable array that its first page holds, shared with the kernel programs.
#[derive(Debug)]
pub(super) struct SharedWord {
    word: NonNull<AtomicU64>,
}

// SAFETY: the memory behind is only reached through an atomic.
unsafe impl Send for SharedWord {}
// SAFETY: as above.
unsafe impl Sync for SharedWord {}

impl SharedWord {
    /// Maps the first page of an array map.
    pub(super) fn map(map: BorrowedFd<'_>) -> io::Result<Self> {
        // SAFETY: a fresh mapping at an address of the kernel's choice, of one page, kept until drop.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                Self::page(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                map.as_raw_fd(),
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        NonNull::new(address.cast())
            .map(|word| Self { word })
            .ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
    }

    fn page() -> usize {
        // SAFETY: asks for a number.
        usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
    }

    fn atomic(&self) -> &AtomicU64 {
        // SAFETY: page-aligned, at least eight bytes, mapped until drop.
        unsafe { self.word.as_ref() }
    }

    /// The word.
    pub(super) fn load(&self) -> u64 {
        self.atomic().load(Ordering::SeqCst)
    }

    /// Replaces the word.
    pub(super) fn store(&self, value: u64) {
        self.atomic().store(value, Ordering::SeqCst);
    }

    /// Another word than the first; `None` where the page ends before it.
    fn word(&self, index: u32) -> Option<&AtomicU64> {
        let index = usize::try_from(index).ok()?;
        let fits = index < Self::page() / size_of::<AtomicU64>();
        // SAFETY: within the page that is mapped until drop, and aligned as the first is.
        fits.then(|| unsafe { self.word.add(index).as_ref() })
    }

    /// Another word than the first; 0 where the page ends before it.
    pub(super) fn load_at(&self, index: u32) -> u64 {
        self.word(index).map_or(0, |word| word.load(Ordering::SeqCst))
    }

    /// Replaces another word than the first where it is 0; whether it was.
    pub(super) fn fill_at(&self, index: u32, value: u64) -> bool {
        let filled =
            self.word(index).map(|word| word.compare_exchange(0, value, Ordering::SeqCst, Ordering::SeqCst));
        filled.is_some_and(|filled| filled.is_ok())
    }

    /// Replaces the word where it is still what was read.
    pub(super) fn replace(&self, read: u64, value: u64) {
        let _ = self.atomic().compare_exchange(read, value, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Sets bits of the word.
    pub(super) fn set_bits(&self, bits: u64) {
        self.atomic().fetch_or(bits, Ordering::SeqCst);
    }

    /// Adds one.
    pub(super) fn bump(&self) {
        self.atomic().fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for SharedWord {
    fn drop(&mut self) {
        // SAFETY: the mapping made in `map`, unmapped once; no reference outlives `self`.
        unsafe { libc::munmap(self.word.as_ptr().cast(), Self::page()) };
    }
}
