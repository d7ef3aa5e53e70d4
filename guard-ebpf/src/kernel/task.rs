//! Tasks and cgroups.

use aya_ebpf::helpers::generated::bpf_get_current_task_btf;

use super::raw::{self, Place};
use super::{Inode, fields, kernel_pointer, offset};

kernel_pointer! {
    /// `struct task_struct`.
    Task;
    /// `struct css_set`.
    CssSet;
    /// `struct cgroup`, only ever passed on as an address.
    Cgroup;
    /// `struct user_namespace`.
    UserNamespace;
}

impl Task {
    /// The task that runs.
    #[inline(always)]
    pub fn current() -> Self {
        // SAFETY: takes nothing, never fails.
        Self(unsafe { bpf_get_current_task_btf() }.cast_const().cast())
    }

    /// Its cgroup in the unified hierarchy.
    #[inline(always)]
    pub fn cgroup(self) -> Cgroup {
        self.css_set().default_cgroup()
    }
}

fields!(Task {
    /// Thread id.
    pid: u32 = OFF_TASK_PID;
    /// Process id.
    tgid: u32 = OFF_TASK_TGID;
    leader: Task = OFF_TASK_GROUP_LEADER;
    /// `PF_*`.
    flags: u32 = OFF_TASK_FLAGS;
    /// How it is traced; 0 where nobody does.
    tracing: u32 = OFF_TASK_PTRACE;
    /// How it is run: its execution domain.
    personality: u32 = OFF_TASK_PERSONALITY;
    /// Address of what programs keep with it; 0 where none ever kept anything.
    storage: u64 = OFF_TASK_BPF_STORAGE;
    /// Address of what belongs to its rings; 0 where it has none.
    rings: u64 = OFF_TASK_IO_URING;
    /// Nanoseconds since boot.
    start_boot_ns: u64 = OFF_TASK_START_BOOTTIME;
    css_set: CssSet = OFF_TASK_CGROUPS;
    /// Address of its memory.
    memory: u64 = OFF_TASK_MM;
    /// Address of the credentials that it acts with.
    credentials: u64 = OFF_TASK_CRED;
    /// Address of its own.
    own_credentials: u64 = OFF_TASK_REAL_CRED;
});

impl Task {
    /// Whether this is the program that it runs, or is about to: nobody may write it as long as that lasts.
    #[inline(always)]
    pub fn runs(self, inode: Inode) -> bool {
        let file: u64 = raw::read(self.memory() + offset::OFF_MM_EXE_FILE);
        let running: u64 = raw::read(file + offset::OFF_FILE_F_INODE);
        running != 0 && running == inode.address()
    }

    /// Whether the kernel lent it other credentials for a while. A ring's worker always acts with those of whoever
    /// asked it, its own being of the moment that it was made: it may have been lent none.
    #[inline(always)]
    pub fn acts_as_another(self) -> bool {
        const PF_IO_WORKER: u32 = 0x10;
        self.flags() & PF_IO_WORKER == 0 && self.credentials() != self.own_credentials()
    }

    /// Address of the user namespace that it lives in.
    #[inline(always)]
    pub fn own_namespace(self) -> u64 {
        raw::read(self.own_credentials() + offset::OFF_CRED_USER_NS)
    }
}

fields!(UserNamespace {
    /// How many namespaces it is away from the host's.
    level: u32 = OFF_USER_NAMESPACE_LEVEL;
});

/// A task by its bare address, for questions that are asked seldom and lead far.
#[derive(Clone, Copy)]
pub struct Runner(u64);

impl From<Task> for Runner {
    #[inline(always)]
    fn from(task: Task) -> Self {
        Self(task.address())
    }
}

impl Runner {
    /// The name by which the program that it runs was started; no dentry where it runs none.
    #[inline(always)]
    pub fn program(self) -> Place {
        let memory: u64 = raw::read(self.0 + offset::OFF_TASK_MM);
        if memory == 0 {
            return Place { dentry: 0, mount: 0 };
        }
        let file: u64 = raw::read(memory + offset::OFF_MM_EXE_FILE);
        if file == 0 {
            return Place { dentry: 0, mount: 0 };
        }
        Place {
            dentry: raw::read(file + offset::OFF_FILE_PATH_DENTRY),
            mount: raw::read(file + offset::OFF_FILE_PATH_MNT),
        }
    }

    /// Number of its mount namespace; 0 where it has none any more.
    #[inline(always)]
    pub fn mounts(self) -> u32 {
        let namespaces: u64 = raw::read(self.0 + offset::OFF_TASK_NSPROXY);
        if namespaces == 0 {
            return 0;
        }
        let mounts: u64 = raw::read(namespaces + offset::OFF_NSPROXY_MNT_NS);
        raw::read(mounts + offset::OFF_MOUNT_NAMESPACE_NUMBER)
    }

    /// Its root folder, on no mount; no dentry where it has none any more.
    #[inline(always)]
    pub fn root(self) -> Place {
        let fs: u64 = raw::read(self.0 + offset::OFF_TASK_FS);
        let dentry = if fs == 0 { 0 } else { raw::read(fs + offset::OFF_FS_ROOT_DENTRY) };
        Place { dentry, mount: 0 }
    }

    /// The inode behind one of its first descriptors, which every table has room for; 0 where there is none.
    #[inline(always)]
    pub fn standard(self, number: u32) -> u64 {
        let files: u64 = raw::read(self.0 + offset::OFF_TASK_FILES);
        let table: u64 = raw::read(files + offset::OFF_FILES_TABLE);
        let all: u64 = raw::read(table + offset::OFF_TABLE_FILES);
        let file: u64 = raw::read(all + 8 * u64::from(number & 3));
        if file == 0 { 0 } else { raw::read(file + offset::OFF_FILE_F_INODE) }
    }

    /// Who waits for its end.
    #[inline(always)]
    pub fn parent(self) -> Self {
        Self(raw::read(self.0 + offset::OFF_TASK_REAL_PARENT))
    }

    /// Whether it acts as the host's root.
    #[inline(always)]
    pub fn is_root(self) -> bool {
        let credentials: u64 = raw::read(self.0 + offset::OFF_TASK_REAL_CRED);
        raw::try_read::<u32>(credentials + offset::OFF_CRED_EUID) == Some(0)
    }

    /// Process id.
    #[inline(always)]
    pub fn tgid(self) -> u32 {
        raw::read(self.0 + offset::OFF_TASK_TGID)
    }
}

fields!(CssSet {
    default_cgroup: Cgroup = OFF_CSS_SET_DFL_CGRP;
});

/// A cgroup by its bare address, for walks that the verifier cannot follow.
#[derive(Clone, Copy)]
pub struct Group(u64);

impl From<Cgroup> for Group {
    #[inline(always)]
    fn from(cgroup: Cgroup) -> Self {
        Self(cgroup.address())
    }
}

impl Group {
    /// What user space sees as the directory's inode number.
    #[inline(always)]
    pub fn id(self) -> u64 {
        raw::read(self.node() + offset::OFF_KERNFS_NODE_ID)
    }

    /// Address of its name's bytes, which a NUL ends.
    #[inline(always)]
    pub fn name(self) -> u64 {
        raw::read(self.node() + offset::OFF_KERNFS_NODE_NAME)
    }

    /// The cgroup above. That of the root is none.
    #[inline(always)]
    pub fn parent(self) -> Self {
        let css: u64 = raw::read(self.0 + offset::OFF_CGROUP_PARENT);
        if css == 0 { Self(0) } else { Self(raw::read(css + offset::OFF_CSS_CGROUP)) }
    }

    #[inline(always)]
    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    #[inline(always)]
    fn node(self) -> u64 {
        raw::read(self.0 + offset::OFF_CGROUP_KN)
    }
}
