//! What the loader tells the programs about the running kernel: field offsets, from `guard_common::fields::ALL`, in the
//! instructions that need them; which mount namespace and which root folder are the host's, and how it sends files.

use core::arch::asm;
use core::ffi::c_void;
use core::ops::{Add, Sub};

use guard_common::fields;

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

/// Where a field lies behind its struct's start, by its row in the list: no number that the compiler knows, but one that
/// instructions name, and the loader writes into them.
#[derive(Clone, Copy)]
pub struct Offset<const ROW: i32>;

impl<const ROW: i32> Offset<ROW> {
    const IN_NUMBER: i32 = fields::IN_NUMBER + ROW;
    const IN_LOAD: i32 = fields::IN_LOAD + ROW;

    /// In bytes.
    #[inline(always)]
    pub fn bytes(self) -> u64 {
        let bytes: u64;
        // SAFETY: sets a register of its own.
        unsafe { asm!("{0} = {1}", out(reg) bytes, const Self::IN_NUMBER, options(nomem, nostack)) };
        bytes
    }

    /// Loads the field by one instruction.
    ///
    /// # Safety
    /// `base` must be a pointer that the verifier knows by BTF, and the field its own, of this size: both sides are
    /// checked by the verifier at load, so a mistake here is a program that does not load.
    #[inline(always)]
    pub unsafe fn load<T: Copy>(self, base: *const c_void) -> T {
        let value: u64;
        macro_rules! load {
            ($kind:literal) => {
                asm!(
                    concat!("{0} = *(", $kind, " *)({1} + {2})"),
                    out(reg) value,
                    in(reg) base,
                    const Self::IN_LOAD,
                    options(nostack)
                )
            };
        }
        // SAFETY: see above. Never merged with a neighbouring load into one that spans fields.
        unsafe {
            match size_of::<T>() {
                1 => load!("u8"),
                2 => load!("u16"),
                4 => load!("u32"),
                _ => load!("u64"),
            }
            core::mem::transmute_copy(&value)
        }
    }
}

macro_rules! by_offset {
    ($(#[$meta:meta])* $trait:ident, $method:ident, $instruction:literal) => {
        impl<const ROW: i32> $trait<Offset<ROW>> for u64 {
            type Output = u64;

            $(#[$meta])*
            #[inline(always)]
            fn $method(self, _: Offset<ROW>) -> u64 {
                let mut address = self;
                // SAFETY: changes a register of its own.
                unsafe {
                    asm!($instruction, inout(reg) address, const Offset::<ROW>::IN_NUMBER, options(nomem, nostack));
                }
                address
            }
        }
    };
}
by_offset! {
    /// The address of the field of a struct that starts here.
    Add, add, "{0} += {1}"
}
by_offset! {
    /// The start of the struct whose field lies here.
    Sub, sub, "{0} -= {1}"
}

macro_rules! rows {
    ($($symbol:ident = $structure:literal $path:literal;)+) => {
        #[allow(non_camel_case_types, reason = "named as the list's rows")]
        enum Row {
            $($symbol,)+
        }

        /// Every field's offset.
        pub mod offset {
            use super::{Offset, Row};

            $(pub const $symbol: Offset<{ Row::$symbol as i32 }> = Offset;)+
        }
    };
}
guard_common::kernel_fields!(rows);
