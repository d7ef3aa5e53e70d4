//! Probe reads, for pointers that the verifier does not know: names, mounts, socket addresses.

use core::mem::MaybeUninit;

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;

use super::dentry::is_known_by_number;
use super::loops::opaque;
use super::offsets::host_mounts;
use super::{S_IFMT, SB_KERNMOUNT, offset};

/// Copies a value from a kernel address; all zero where the address is bad.
///
/// Not an `Option`: the compiler leaves its value undefined where there is none, and the verifier refuses a
/// program that as much as spills an undefined register.
#[inline(always)]
pub fn read<T: Copy>(address: u64) -> T {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the helper fills the value, with zeros if it fails. Only integers are read.
    unsafe {
        bpf_probe_read_kernel(value.as_mut_ptr().cast(), size_of::<T>() as u32, address as *const _);
        value.assume_init()
    }
}

/// Copies a value from a kernel address, where zero would mean something.
#[inline(always)]
pub fn try_read<T: Copy>(address: u64) -> Option<T> {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: as above.
    unsafe {
        let failed =
            bpf_probe_read_kernel(value.as_mut_ptr().cast(), size_of::<T>() as u32, address as *const _);
        if failed == 0 { Some(value.assume_init()) } else { None }
    }
}

/// Number of what newer kernels put a mount in that stands nowhere yet (nsfs.h); older ones give that no number.
const MNT_NS_ANON_INO: u32 = 0xefff_fff7;

/// Mounts of one file system that are looked at for the host's: rounds that a walk outward needs beside its steps.
pub const MOUNTS_MAX: u32 = 256;

/// The search for the host's mount is over, and there is none.
const NO_HOST_MOUNT: u64 = u64::MAX;

/// A dentry and the mount it is seen through, by bare addresses.
#[derive(Clone, Copy)]
pub struct Place {
    pub dentry: u64,
    pub mount: u64,
}

/// What a walk outward asks of a dentry, in one read: kernels keep it in this order, which the loader makes sure of
/// (`guard_common::fields::ENTRY`).
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Entry {
    /// The directory's dentry; 0 where it could not be read.
    pub parent: u64,
    hash: u32,
    /// Length of the name in bytes.
    pub name_len: u32,
    /// Address of the name's bytes.
    pub name: u64,
    /// Address of the inode; 0 where there is none.
    pub inode: u64,
}

impl Entry {
    /// Inode number; 0 where the name has none.
    #[inline(always)]
    pub fn ino(&self) -> u64 {
        read(self.inode + offset::OFF_INODE_INO)
    }

    /// As of [`super::Dentry::is_known_by_number`].
    #[inline(always)]
    pub fn is_known_by_number(&self) -> bool {
        let superblock: u64 = read(self.inode + offset::OFF_INODE_SB);
        let flags = read(self.inode + offset::OFF_INODE_FLAGS);
        is_known_by_number(flags, read(superblock + offset::OFF_SB_TYPE))
    }
}

/// Where a step outward led.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Way {
    /// To the directory above, or the mount point that this file system's root covers.
    Up = 0,
    /// Nowhere: a mount that shows only a part of its file system, or one that is attached nowhere.
    Unrooted = 1,
    /// Nowhere: the root of the mount namespace.
    Root = 2,
    /// A read failed.
    Fault = 3,
}

/// One step outward. `to` is the place itself where the way leads nowhere: an enum with a place in one
/// variant would leave it undefined in the others, which the verifier does not take.
#[derive(Clone, Copy)]
pub struct Step {
    pub way: Way,
    pub to: Place,
}

impl Place {
    /// What the walk asks of it.
    #[inline(always)]
    pub fn entry(self) -> Entry {
        read(self.dentry + offset::OFF_DENTRY_PARENT)
    }

    /// Length of the name in bytes.
    #[inline(always)]
    pub fn name_len(self) -> u32 {
        read(self.dentry + offset::OFF_DENTRY_NAME_LEN)
    }

    /// Address of the name's bytes; 0 where it could not be read.
    #[inline(always)]
    pub fn name(self) -> u64 {
        read(self.dentry + offset::OFF_DENTRY_NAME)
    }

    /// Inode number; 0 where the name has none.
    #[inline(always)]
    pub fn ino(self) -> u64 {
        let inode: u64 = read(self.dentry + offset::OFF_DENTRY_INODE);
        read(inode + offset::OFF_INODE_INO)
    }

    /// Whether the name has an object, and it is a directory.
    #[inline(always)]
    pub fn is_directory(self) -> bool {
        let inode: u64 = read(self.dentry + offset::OFF_DENTRY_INODE);
        read::<u16>(inode + offset::OFF_INODE_MODE) & S_IFMT == 0o040_000
    }

    /// The name of the directory that it stands in.
    #[inline(always)]
    pub fn directory(self) -> Self {
        Self { dentry: read(self.dentry + offset::OFF_DENTRY_PARENT), mount: self.mount }
    }

    /// Device number, in the kernel's form; 0 where it could not be read.
    #[inline(always)]
    pub fn dev(self) -> u32 {
        let superblock: u64 = read(self.dentry + offset::OFF_DENTRY_SB);
        read(superblock + offset::OFF_SB_DEV)
    }

    /// The place outside this one, whose dentry's parent is known. `struct mount` holds `struct vfsmount` as its field
    /// `mnt`, and is not reachable for the verifier; hence the probe reads.
    #[inline(always)]
    pub fn outward(self, parent: u64) -> Step {
        if parent == 0 {
            return self.nowhere(Way::Fault);
        }
        if parent != self.dentry {
            return Step { way: Way::Up, to: Place { dentry: parent, mount: self.mount } };
        }
        if self.mount == 0 {
            return self.nowhere(Way::Unrooted);
        }
        let shown: u64 = read(self.mount + offset::OFF_VFSMOUNT_ROOT);
        if shown != self.dentry {
            return self.nowhere(if shown == 0 { Way::Fault } else { Way::Unrooted });
        }
        let mount = self.mount - offset::OFF_MOUNT_MNT;
        let above: u64 = read(mount + offset::OFF_MOUNT_PARENT);
        if above == 0 {
            return self.nowhere(Way::Fault);
        }
        if above == mount {
            return self.nowhere(Way::Root);
        }
        let point: u64 = read(mount + offset::OFF_MOUNT_MOUNTPOINT);
        if point == 0 {
            return self.nowhere(Way::Fault);
        }
        Step { way: Way::Up, to: Place { dentry: point, mount: above + offset::OFF_MOUNT_MNT } }
    }

    /// Whether the mount is the kernel's own: `MNT_NS_INTERNAL`.
    #[inline(always)]
    pub fn is_on_private_mount(self) -> bool {
        /// `ERR_PTR(-EINVAL)`.
        const MNT_NS_INTERNAL: u64 = (-22_i64) as u64;
        self.namespace() == MNT_NS_INTERNAL
    }

    /// Whether it is its file system's root.
    #[inline(always)]
    pub fn is_root(self) -> bool {
        self.directory().dentry == self.dentry
    }

    /// Turns a file system's root to the host's own mount of it, if there is one: so that a step outward leads where it
    /// leads the host. Looks at one mount a call, because a loop within a loop takes more stack than there is. Whether
    /// it is done; `seek` is its state, 0 at each new place.
    ///
    /// The list is not locked: what changes meanwhile can only end the search early, for what it takes is looked at by
    /// itself.
    #[inline(always)]
    pub fn turn_to_host(&mut self, seek: &mut u64) -> bool {
        seek_host_mount(self, seek) != 0
    }

    #[inline(always)]
    fn look_for_host_mount(&mut self, seek: &mut u64) -> bool {
        if *seek == NO_HOST_MOUNT || !self.is_root() || self.is_on_host_mount() {
            return true;
        }
        let superblock: u64 = read(self.dentry + offset::OFF_DENTRY_SB);
        let head = superblock + offset::OFF_SB_MOUNTS;
        if *seek == 0 {
            *seek = read(head);
        }
        if *seek == 0 || *seek == head {
            *seek = NO_HOST_MOUNT;
            return true;
        }
        // Older kernels chain the fields themselves, in a ring through the head; newer ones the mounts.
        let is_ring = offset::OFF_MOUNT_INSTANCE.bytes() != guard_common::fields::ABSENT;
        let mount = if is_ring { *seek - offset::OFF_MOUNT_INSTANCE } else { *seek };
        let seen = Self { dentry: self.dentry, mount: mount + offset::OFF_MOUNT_MNT };
        let shown: u64 = read(seen.mount + offset::OFF_VFSMOUNT_ROOT);
        if shown == self.dentry && seen.is_on_host_mount() {
            self.mount = seen.mount;
            return true;
        }
        let next: u64 = read(if is_ring { *seek } else { mount + offset::OFF_MOUNT_NEXT_OF_SB });
        *seek = if next == 0 { NO_HOST_MOUNT } else { next };
        false
    }

    /// Whether the mount is one of the host's own mount namespace: no agent put it where it is.
    #[inline(always)]
    pub fn is_on_host_mount(self) -> bool {
        let number = self.mount_namespace();
        number != 0 && number == host_mounts()
    }

    /// Number of the namespace that the mount belongs to; 0 where it belongs to none: it was taken out of its
    /// namespace while somebody holds it, or is the kernel's own.
    #[inline(always)]
    pub fn mount_namespace(self) -> u32 {
        let namespace = self.namespace();
        // A small negative number stands for the kernel's own.
        if namespace == 0 || (namespace as i64) > -4096 && (namespace as i64) < 0 {
            return 0;
        }
        let number: u32 = read(namespace + offset::OFF_MOUNT_NAMESPACE_NUMBER);
        if number == MNT_NS_ANON_INO { 0 } else { number }
    }

    /// Number of the last change of mounts in the namespace that the mount belongs to: each has a higher one than those
    /// before it, in whatever namespace. 0 where the mount belongs to none, or none was changed.
    #[inline(always)]
    pub fn mounts_event(self) -> u64 {
        // What stands for no namespace is no address, and reads as 0.
        read(self.namespace() + offset::OFF_MOUNT_NAMESPACE_EVENT)
    }

    /// Address of the namespace that the mount belongs to, or what stands for none.
    #[inline(always)]
    fn namespace(self) -> u64 {
        read(self.mount - offset::OFF_MOUNT_MNT + offset::OFF_MOUNT_NS)
    }

    /// Whether the file system is one that only the kernel mounts: memory files, pipes, sockets.
    #[inline(always)]
    pub fn is_kernel_internal(self) -> bool {
        let superblock: u64 = read(self.dentry + offset::OFF_DENTRY_SB);
        read::<u64>(superblock + offset::OFF_SB_FLAGS) & SB_KERNMOUNT != 0
    }

    #[inline(always)]
    fn nowhere(self, way: Way) -> Step {
        Step { way, to: self }
    }
}

#[inline(never)]
fn seek_host_mount(place: &mut Place, seek: &mut u64) -> u32 {
    let done = place.look_for_host_mount(seek);
    // Whichever way it went, what follows is read once: the same value, about which the verifier knows nothing. Read in
    // its place, for there is no stack left.
    *seek = read((&raw const *seek) as u64);
    opaque(u32::from(done))
}
