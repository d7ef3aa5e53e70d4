//! Probe reads, for pointers that the verifier does not know: names, mounts, socket addresses.

use core::mem::MaybeUninit;

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;

use super::offset;

/// Copies a value from a kernel address.
#[inline(always)]
pub fn read<T: Copy>(address: u64) -> Option<T> {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the helper fills the value whole or fails; a bad address is an error, not a fault.
    unsafe {
        let failed = bpf_probe_read_kernel(value.as_mut_ptr().cast(), size_of::<T>() as u32, address as *const _);
        if failed == 0 { Some(value.assume_init()) } else { None }
    }
}

/// A dentry and the mount it is seen through, by bare addresses.
#[derive(Clone, Copy)]
pub struct Place {
    pub dentry: u64,
    pub mount: u64,
}

/// One step outward from a place.
pub enum Step {
    /// The directory above, or the mount point that this file system's root covers.
    Up(Place),
    /// A mount that shows only a part of its file system, or one that is attached nowhere.
    Unrooted,
    /// The root of the mount namespace.
    Root,
    /// A read failed.
    Fault,
}

impl Place {
    /// Length of the name in bytes, and the address of its bytes.
    #[inline(always)]
    pub fn name(self) -> Option<(u32, u64)> {
        let hash_len: u64 = read(self.dentry + offset::OFF_DENTRY_NAME_HASH_LEN() as u64)?;
        let name: u64 = read(self.dentry + offset::OFF_DENTRY_NAME() as u64)?;
        Some(((hash_len >> 32) as u32, name))
    }

    /// Inode number; 0 where the name has none.
    #[inline(always)]
    pub fn ino(self) -> Option<u64> {
        let inode: u64 = read(self.dentry + offset::OFF_DENTRY_INODE() as u64)?;
        if inode == 0 {
            return Some(0);
        }
        read(inode + offset::OFF_INODE_INO() as u64)
    }

    /// Device number, in the kernel's form.
    #[inline(always)]
    pub fn dev(self) -> Option<u32> {
        let superblock: u64 = read(self.dentry + offset::OFF_DENTRY_SB() as u64)?;
        read(superblock + offset::OFF_SB_DEV() as u64)
    }

    /// The place outside this one. `struct mount` holds `struct vfsmount` as its field `mnt`, and is not
    /// reachable for the verifier; hence the probe reads.
    #[inline(always)]
    pub fn outward(self) -> Step {
        let Some(parent) = read::<u64>(self.dentry + offset::OFF_DENTRY_PARENT() as u64) else {
            return Step::Fault;
        };
        if parent != self.dentry {
            return Step::Up(Place { dentry: parent, mount: self.mount });
        }
        if self.mount == 0 {
            return Step::Unrooted;
        }
        let mount = self.mount - offset::OFF_MOUNT_MNT() as u64;
        let (Some(shown), Some(above), Some(point)) = (
            read::<u64>(self.mount + offset::OFF_VFSMOUNT_ROOT() as u64),
            read::<u64>(mount + offset::OFF_MOUNT_PARENT() as u64),
            read::<u64>(mount + offset::OFF_MOUNT_MOUNTPOINT() as u64),
        ) else {
            return Step::Fault;
        };
        if shown != self.dentry {
            return Step::Unrooted;
        }
        if above == mount {
            return Step::Root;
        }
        Step::Up(Place { dentry: point, mount: above + offset::OFF_MOUNT_MNT() as u64 })
    }
}
