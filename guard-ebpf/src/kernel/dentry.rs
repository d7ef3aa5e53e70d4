//! Names and inodes.

use super::{fields, kernel_pointer};

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

    /// Whether the file system is one that only the kernel mounts: pipes, sockets, memory files.
    #[inline(always)]
    pub fn is_kernel_internal(self) -> bool {
        /// `SB_KERNMOUNT`; user space cannot set it.
        const SB_KERNMOUNT: u64 = 1 << 22;
        self.superblock().flags() & SB_KERNMOUNT != 0
    }
}

fields!(Inode {
    ino: u64 = OFF_INODE_INO;
    mode: u16 = OFF_INODE_MODE;
    superblock: SuperBlock = OFF_INODE_SB;
});

const S_IFMT: u16 = 0o170_000;

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
}

fields!(SuperBlock {
    dev: u32 = OFF_SB_DEV;
    flags: u64 = OFF_SB_FLAGS;
});
