//! Arguments of file and exec hooks.

use super::dentry::{Dentry, Inode};
use super::offsets::owns_in_file;
use super::raw::{self, Place};
use super::{fields, kernel_pointer, offset};

kernel_pointer! {
    /// `struct file`.
    File;
    /// `struct path`.
    Path;
    /// `struct vfsmount`, only ever passed on as an address.
    Mount;
    /// `struct linux_binprm`: a program about to start.
    Bprm;
    /// `struct renamedata`: arguments of `vfs_rename`.
    RenameData;
    /// `struct vm_area_struct`: a mapping.
    Vma;
    /// `struct iattr`: attributes to be changed.
    Iattr;
}

fields!(File {
    inode: Inode = OFF_FILE_F_INODE;
    flags: u32 = OFF_FILE_F_FLAGS;
    mode: u32 = OFF_FILE_F_MODE;
    dentry: Dentry = OFF_FILE_PATH_DENTRY;
    mount: Mount = OFF_FILE_PATH_MNT;
});

impl File {
    /// Address of what says to whom its signals go.
    #[inline(always)]
    pub fn owner(self) -> u64 {
        let at = self.address() + offset::OFF_FILE_OWNER;
        if owns_in_file() { at } else { raw::read(at) }
    }

    /// Whether the kernel opened it to run it; user space cannot ask for that.
    #[inline(always)]
    pub fn is_opened_to_run(self) -> bool {
        const FMODE_EXEC: u32 = 0x20;
        self.flags() & FMODE_EXEC != 0
    }

    /// Whether it was opened for writing.
    #[inline(always)]
    pub fn is_writable(self) -> bool {
        const FMODE_WRITE: u32 = 2;
        self.mode() & FMODE_WRITE != 0
    }

    /// Whether this opening made it, by its name.
    #[inline(always)]
    pub fn is_created(self) -> bool {
        const FMODE_CREATED: u32 = 1 << 20;
        self.mode() & FMODE_CREATED != 0
    }

    /// The name it was opened by.
    #[inline(always)]
    pub fn place(self) -> Place {
        Place { dentry: self.dentry().address(), mount: self.mount().address() }
    }

    /// Whether the kernel opened it on a mount of its own: an overlay's layer. No process can name such a
    /// mount. Pipes and memory files, which are on such mounts too, are none. (The mode bit that says the same is another
    /// one in each kernel.)
    #[inline(always)]
    pub fn is_layer(self) -> bool {
        !self.dentry().is_kernel_internal() && self.place().is_on_private_mount()
    }

    /// Whether it is an overlay's layer that goes by the name of the overlay's own file, as layers do on older kernels: its
    /// name is on another file system than it is itself.
    #[inline(always)]
    pub fn has_others_name(self) -> bool {
        self.dentry().superblock().0 != self.inode().superblock().0
    }

    /// Whether it is an overlay's layer, whatever it goes by: judged when it was opened, or by the name of the file above it,
    /// as is each use of that.
    #[inline(always)]
    pub fn is_beneath_another(self) -> bool {
        self.has_others_name() || self.is_layer()
    }
}

fields!(Path {
    dentry: Dentry = OFF_PATH_DENTRY;
    mount: Mount = OFF_PATH_MNT;
});

fields!(Bprm {
    file: File = OFF_BPRM_FILE;
    /// Address of the name that was asked for.
    filename: u64 = OFF_BPRM_FILENAME;
    /// Address of the name of what is started for it.
    interpreter: u64 = OFF_BPRM_INTERP;
    /// How many arguments.
    argc: u32 = OFF_BPRM_ARGC;
    /// Where they begin in the new program's memory.
    arguments: u64 = OFF_BPRM_P;
    /// Address of its stack's mapping.
    stack: u64 = OFF_BPRM_VMA;
});

impl Bprm {
    /// Whether this is what was asked for, and not an interpreter of it.
    #[inline(always)]
    pub fn is_first(self) -> bool {
        self.filename() == self.interpreter()
    }
}

fields!(RenameData {
    old_dentry: Dentry = OFF_RENAMEDATA_OLD_DENTRY;
    new_dentry: Dentry = OFF_RENAMEDATA_NEW_DENTRY;
});

fields!(Vma {
    flags: u64 = OFF_VMA_FLAGS;
    file: File = OFF_VMA_FILE;
    /// Address of what keeps its private pages; 0 while none was written.
    anonymous: u64 = OFF_VMA_ANON_VMA;
});

fields!(Iattr {
    /// Which attributes: `ATTR_*`.
    valid: u32 = OFF_IATTR_VALID;
});
