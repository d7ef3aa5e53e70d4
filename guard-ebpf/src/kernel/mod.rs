//! The only place that knows kernel structs.
//!
//! A typed pointer here is one the verifier knows by BTF: its fields are loaded directly, and a bad address
//! reads as zero rather than faulting. Field offsets stand in the instructions, where the loader writes what the running
//! kernel's BTF says.

mod dentry;
pub mod loops;
pub mod offsets;
pub mod raw;
mod socket;
mod structs;
mod task;

pub use dentry::{Dentry, Inode};
pub use offsets::{host_mounts, host_root, offset};
pub use socket::{Msghdr, Sock, Socket};
pub use structs::{Bprm, File, Iattr, Path, RenameData, Vma};
pub use task::{Cgroup, Group, Runner, Task, UserNamespace};

/// The bits of a mode that say what kind of object it is.
pub const S_IFMT: u16 = 0o170_000;

/// Linux `S_DEAD`, in an inode's flags: a directory that was removed.
const S_DEAD: u32 = 16;
/// Linux `S_ENCRYPTED`, in an inode's flags: an object whose name depends on whether somebody gave the key.
const S_ENCRYPTED: u32 = 1 << 14;

/// A file system that the kernel mounts for itself; user space cannot set it.
const SB_KERNMOUNT: u64 = 1 << 22;

/// Makes a thin type around a kernel pointer.
macro_rules! kernel_pointer {
    ($($(#[$meta:meta])* $name:ident;)+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy)]
        #[repr(transparent)]
        pub struct $name(pub *const core::ffi::c_void);

        #[allow(dead_code, reason = "one macro for all kernel pointers")]
        impl $name {
            /// The pointer, where there is one. Newer kernels demand the check before any field is
            /// reached; the assembly keeps the compiler from computing a field's address before it.
            #[inline(always)]
            pub fn checked(self) -> Option<Self> {
                let mut pointer = self.0;
                if pointer.is_null() {
                    return None;
                }
                // SAFETY: moves a register to itself.
                unsafe { core::arch::asm!("{0} = {0}", inout(reg) pointer, options(nostack)) };
                Some(Self(pointer))
            }

            /// The bare address, for probe reads.
            #[inline(always)]
            pub fn address(self) -> u64 {
                self.0 as u64
            }
        }
    )+};
}
use kernel_pointer;

/// Makes accessors that load one field each.
macro_rules! fields {
    ($name:ident { $($(#[$meta:meta])* $method:ident: $ty:ty = $offset:ident;)+ }) => {
        impl $name {$(
            $(#[$meta])*
            #[inline(always)]
            pub fn $method(self) -> $ty {
                // SAFETY: the field is this struct's, in the list.
                unsafe { super::offset::$offset.load(self.0) }
            }
        )+}
    };
}
use fields;
