//! Tasks and cgroups.

use aya_ebpf::helpers::generated::bpf_get_current_task_btf;

use super::{Inode, fields, kernel_pointer, offset, raw};

kernel_pointer! {
    /// `struct task_struct`.
    Task;
    /// `struct css_set`.
    CssSet;
    /// `struct cgroup`.
    Cgroup;
    /// `struct cgroup_subsys_state`.
    Css;
    /// `struct kernfs_node`.
    KernfsNode;
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
        let file: u64 = raw::read(self.memory() + offset::OFF_MM_EXE_FILE() as u64);
        let running: u64 = raw::read(file + offset::OFF_FILE_F_INODE() as u64);
        running != 0 && running == inode.address()
    }

    /// Whether the kernel lent it other credentials for a while.
    #[inline(always)]
    pub fn acts_as_another(self) -> bool {
        self.credentials() != self.own_credentials()
    }
}

fields!(UserNamespace {
    /// How many namespaces it is away from the host's.
    level: u32 = OFF_USER_NAMESPACE_LEVEL;
});

fields!(CssSet {
    default_cgroup: Cgroup = OFF_CSS_SET_DFL_CGRP;
});

fields!(Cgroup {
    kernfs_node: KernfsNode = OFF_CGROUP_KN;
    parent_css: Css = OFF_CGROUP_PARENT;
});

impl Cgroup {
    /// What user space sees as the directory's inode number.
    #[inline(always)]
    pub fn id(self) -> u64 {
        self.kernfs_node().id()
    }

    /// The cgroup above; none at the root.
    #[inline(always)]
    pub fn parent(self) -> Option<Self> {
        self.parent_css().checked()?.cgroup().checked()
    }
}

fields!(Css {
    cgroup: Cgroup = OFF_CSS_CGROUP;
});

fields!(KernfsNode {
    id: u64 = OFF_KERNFS_NODE_ID;
});
