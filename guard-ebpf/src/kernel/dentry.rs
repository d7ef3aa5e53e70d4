//! Names and inodes.

use super::{S_DEAD, S_ENCRYPTED, S_IFMT, SB_KERNMOUNT, fields, kernel_pointer, offset, raw};

kernel_pointer! {
    /// `struct dentry`: a name in a directory.
    Dentry;
    /// `struct inode`: the object itself.
    Inode;
    /// `struct super_block`: a file system.
    SuperBlock;
}

fields!(Dentry {
    parent: Dentry = OFF_DENTRY_PARENT;
    inode: Inode = OFF_DENTRY_INODE;
    /// Hash of the name, salted with its directory.
    name_hash: u32 = OFF_DENTRY_NAME_HASH;
    name_len: u32 = OFF_DENTRY_NAME_LEN;
    /// Address of the name's bytes.
    name: u64 = OFF_DENTRY_NAME;
    superblock: SuperBlock = OFF_DENTRY_SB;
    /// Another number after each change of name, directory or inode; odd during one.
    sequence: u32 = OFF_DENTRY_SEQUENCE;
});

impl Dentry {
    /// The file system's device number, in the kernel's form.
    #[inline(always)]
    pub fn dev(self) -> u32 {
        self.superblock().dev()
    }

    /// Inode number; 0 where the name has none.
    #[inline(always)]
    pub fn ino(self) -> u64 {
        self.inode().checked().map_or(0, Inode::ino)
    }

    /// Whether the name has an object, and it is a directory.
    #[inline(always)]
    pub fn is_directory(self) -> bool {
        self.inode().checked().is_some_and(Inode::is_directory)
    }

    /// Whether it is a directory that was not removed: a removed one's number is another's as soon as nobody holds it. Asked
    /// after a walk: who is removed later begins another epoch.
    #[inline(always)]
    pub fn still_stands(self) -> bool {
        self.inode().checked().is_some_and(|inode| inode.flags() & S_DEAD == 0)
    }

    /// Whether a directory may be known by its number: no other has it, nor had another name for whoever has no key.
    #[inline(always)]
    pub fn is_known_by_number(self) -> bool {
        self.inode()
            .checked()
            .is_some_and(|inode| is_known_by_number(inode.flags(), self.superblock().kind()))
    }

    /// Whether the file system is one that the kernel mounts for itself.
    #[inline(always)]
    pub fn is_kernel_internal(self) -> bool {
        self.superblock().flags() & SB_KERNMOUNT != 0
    }

    /// Whether it is an object without a name that its process made: a pipe, a socket, memory. Other file systems that
    /// the kernel mounts for itself, as it does for debugging and for message queues, hold what others made.
    #[inline(always)]
    pub fn is_nameless(self) -> bool {
        let name = self.superblock().kind_name();
        self.is_kernel_internal()
            && (name == const { kind(b"pipefs") }
                || name == const { kind(b"sockfs") }
                || name == const { kind(b"anon_inodefs") }
                || name == const { kind(b"tmpfs") }
                || name == const { kind(b"hugetlbfs") }
                || name == const { kind(b"secretmem") }
                || name == const { kind(b"guest_memfd") }
                || name == const { kind(b"dmabuf") }
                || name == const { kind(b"nsfs") }
                || name == const { kind(b"pidfs") }
                // Where `tmpfs` is built without swap.
                || name == const { kind(b"ramfs") })
    }
}

impl Dentry {
    /// Whether it is a POSIX message queue, or the name of one.
    #[inline(always)]
    pub fn is_queue(self) -> bool {
        self.superblock().kind_name() == const { kind(b"mqueue") }
    }

    /// Whether it is the memory of a process.
    #[inline(always)]
    pub fn is_memory(self) -> bool {
        let name: [u8; 4] = raw::read(self.name());
        name == *b"mem\0" && self.superblock().kind_name() == const { kind(b"proc") }
    }

    /// Whether it is one of the kernel's own knobs: what is written there changes no file, but the host. A process's
    /// folder in `/proc` is its own.
    #[inline(always)]
    pub fn is_knob(self) -> bool {
        is_knob(self) != 0
    }
}

/// Directories between a knob and its file system's root that are followed; what lies deeper is taken for one.
const KNOB_DEPTH_MAX: u32 = 12;

#[inline(never)]
fn is_knob(dentry: Dentry) -> u32 {
    let name = dentry.superblock().kind_name();
    if name != const { kind(b"proc") } {
        return u32::from(
            name == const { kind(b"sysfs") }
                || name == const { kind(b"cgroup") }
                || name == const { kind(b"cgroup2") }
                || name == const { kind(b"debugfs") }
                || name == const { kind(b"tracefs") }
                || name == const { kind(b"security") }
                || name == const { kind(b"configfs") }
                || name == const { kind(b"efivarfs") }
                || name == const { kind(b"pstore") }
                || name == const { kind(b"binfmt_m") }
                || name == const { kind(b"bpf") },
        );
    }
    let mut at = dentry;
    for _ in 0..KNOB_DEPTH_MAX {
        let above = at.parent();
        if above.parent().0 == above.0 {
            let first: u8 = raw::read(at.name());
            return u32::from(!first.is_ascii_digit());
        }
        at = above;
    }
    1
}

fields!(Inode {
    ino: u64 = OFF_INODE_INO;
    mode: u16 = OFF_INODE_MODE;
    superblock: SuperBlock = OFF_INODE_SB;
    flags: u32 = OFF_INODE_FLAGS;
    /// Of a device: which one, in the kernel's form.
    device: u32 = OFF_INODE_RDEV;
});

impl Inode {
    /// The file system's device number, in the kernel's form.
    #[inline(always)]
    pub fn dev(self) -> u32 {
        self.superblock().dev()
    }

    /// Whether it is a file, directory or device: an object with a zone. Pipes, sockets and the kernel's nameless
    /// objects lead somewhere instead.
    #[inline(always)]
    pub fn has_content(self) -> bool {
        let format = self.mode() & S_IFMT;
        format == 0o100_000 || format == 0o040_000 || format == 0o060_000 || format == 0o020_000
    }

    #[inline(always)]
    pub fn is_socket(self) -> bool {
        self.mode() & S_IFMT == 0o140_000
    }

    #[inline(always)]
    pub fn is_character_device(self) -> bool {
        self.mode() & S_IFMT == 0o020_000
    }

    #[inline(always)]
    pub fn is_directory(self) -> bool {
        self.mode() & S_IFMT == 0o040_000
    }

    #[inline(always)]
    pub fn is_device(self) -> bool {
        let format = self.mode() & S_IFMT;
        format == 0o060_000 || format == 0o020_000
    }

    /// Whether it leads to a device from a place that is none of the kernel's own for devices: a node that somebody
    /// made in an ordinary folder says nothing of what the device is. Those that every program needs, and that a
    /// container's `/dev` is made of, are excepted.
    #[inline(always)]
    pub fn is_stray_device(self) -> bool {
        if !self.is_device() {
            return false;
        }
        let device = self.device();
        let (major, minor) = (device >> 20, device & 0xf_ffff);
        // null, zero, full, random, urandom; the process's own terminal.
        let is_harmless = self.is_character_device()
            && ((major == 1 && (minor == 3 || minor == 5 || minor == 7 || minor == 8 || minor == 9))
                || (major == 5 && minor == 0));
        let name = self.superblock().kind_name();
        !is_harmless && name != const { kind(b"devtmpfs") } && name != const { kind(b"devpts") }
    }
}

fields!(SuperBlock {
    dev: u32 = OFF_SB_DEV;
    flags: u64 = OFF_SB_FLAGS;
    /// Address of what kind of file system it is.
    kind: u64 = OFF_SB_TYPE;
    /// Its root folder's name.
    root: Dentry = OFF_SB_ROOT;
});

impl SuperBlock {
    /// The first eight bytes of its kind's name, zero behind its end.
    #[inline(always)]
    fn kind_name(self) -> u64 {
        kind_name(self.kind())
    }
}

/// The same of a kind of file system, by its address.
#[inline(always)]
fn kind_name(kind: u64) -> u64 {
    let name: u64 = raw::read(kind + offset::OFF_FS_TYPE_NAME);
    let bytes: u64 = raw::read(name);
    // Keeps what stands before the first zero byte: the lowest byte whose top bit a borrow sets.
    let zeros = bytes.wrapping_sub(0x0101_0101_0101_0101) & !bytes & 0x8080_8080_8080_8080;
    let end = zeros & zeros.wrapping_neg();
    if end == 0 { bytes } else { bytes & ((end >> 7) - 1) }
}

/// The same of a directory's flags, and of the kind of file system that it is on, by its address.
#[inline(always)]
pub fn is_known_by_number(flags: u32, kind: u64) -> bool {
    flags & (S_DEAD | S_ENCRYPTED) == 0 && repeats_numbers(kind) == 0
}

/// Whether a kind of file system, by its address, may give one number to several objects: subvolumes and snapshots number
/// theirs apart under one device, and a program that serves files numbers them as it likes.
#[inline(never)]
fn repeats_numbers(of_kind: u64) -> u32 {
    let name = kind_name(of_kind);
    u32::from(
        name == const { kind(b"btrfs") }
            || name == const { kind(b"bcachefs") }
            || name == const { kind(b"nilfs2") }
            || name == const { kind(b"ceph") }
            || name == const { kind(b"fuse") }
            || name == const { kind(b"fuseblk") },
    )
}

/// A kind's name as [`SuperBlock::kind_name`] gives it.
const fn kind(name: &[u8]) -> u64 {
    let mut bytes = 0;
    let mut at = 0;
    while at < name.len() && at < 8 {
        bytes |= (name[at] as u64) << (at * 8);
        at += 1;
    }
    bytes
}
