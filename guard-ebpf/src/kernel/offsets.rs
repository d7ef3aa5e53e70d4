//! What the loader tells the programs about the running kernel: field offsets, from `guard_common::fields::ALL`,
//! which mount namespace and which root folder are the host's, and how it sends files.

/// `guard_common::fields::HOST_MOUNTS`.
#[unsafe(no_mangle)]
static HOST_MOUNTS: u32 = 0;

/// Number of the host's mount namespace.
#[inline(always)]
pub fn host_mounts() -> u32 {
    // SAFETY: a static of this object. Volatile: the loader changes it before the load.
    unsafe { core::ptr::read_volatile(&raw const HOST_MOUNTS) }
}

/// `guard_common::fields::SENDS_PAGES`.
#[unsafe(no_mangle)]
static SENDS_PAGES: u32 = 0;

/// Whether `sendfile` and `splice` reach sockets past `socket_sendmsg`.
#[inline(always)]
pub fn sends_pages() -> bool {
    // SAFETY: as above.
    unsafe { core::ptr::read_volatile(&raw const SENDS_PAGES) != 0 }
}

/// `guard_common::fields::OWNS_IN_FILE`.
#[unsafe(no_mangle)]
static OWNS_IN_FILE: u32 = 0;

/// Whether a file holds in itself to whom its signals go.
#[inline(always)]
pub fn owns_in_file() -> bool {
    // SAFETY: as above.
    unsafe { core::ptr::read_volatile(&raw const OWNS_IN_FILE) != 0 }
}

/// `guard_common::fields::INJECTS_FAULTS`.
#[unsafe(no_mangle)]
static INJECTS_FAULTS: u32 = 0;

/// Whether places fail on purpose.
#[inline(always)]
pub fn injects_faults() -> bool {
    // SAFETY: as above.
    unsafe { core::ptr::read_volatile(&raw const INJECTS_FAULTS) != 0 }
}

/// `guard_common::fields::HOST_ROOT`.
#[unsafe(no_mangle)]
static HOST_ROOT_INO: u64 = 0;
#[unsafe(no_mangle)]
static HOST_ROOT_DEV: u64 = 0;

/// Inode number and device of the host's root folder.
#[inline(always)]
pub fn host_root() -> (u64, u32) {
    // SAFETY: as above.
    unsafe {
        (
            core::ptr::read_volatile(&raw const HOST_ROOT_INO),
            core::ptr::read_volatile(&raw const HOST_ROOT_DEV) as u32,
        )
    }
}

macro_rules! statics {
    ($($symbol:ident = $structure:literal $path:literal;)+) => {
        mod cell {
            $(#[unsafe(no_mangle)] pub(super) static $symbol: u64 = 0;)+
        }

        /// One function per field: its byte offset in the running kernel.
        #[allow(non_snake_case, dead_code, reason = "one generated function for each row of the list")]
        pub mod offset {
            $(
                #[inline(always)]
                pub fn $symbol() -> usize {
                    // SAFETY: a static of this object. Volatile: the loader changes it before the load.
                    unsafe { core::ptr::read_volatile(&raw const super::cell::$symbol) as usize }
                }
            )+
        }
    };
}
guard_common::kernel_fields!(statics);
