//! The kernel programs: one table of what is attached where. The loader attaches exactly these, doctor asks for
//! exactly these. A program of the object that is not in the table is an error, never a silent extra.

use std::sync::OnceLock;

use super::btf::{self, KernelTypes};

/// How a program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To an LSM hook; decides.
    Lsm,
    /// To a tracepoint, with typed arguments.
    Tracepoint,
    /// To the end of a kernel function.
    FunctionExit,
    /// To the walk over all tasks; runs when its pin is read.
    TaskIterator,
}

/// Whether a kernel must have the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Every supported kernel has it.
    Always,
    /// Kernels without it ask elsewhere, or have nothing to ask about: how.
    Where(&'static str),
    /// Another program stands for the same place with other arguments: one of them must fit.
    Variant,
}

/// One program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// Name of the program's function, and of its link's pin.
    pub name: &'static str,
    /// How it is attached.
    pub kind: Kind,
    /// Hook, tracepoint, function or walk.
    pub target: &'static str,
    /// Types of the first arguments as the kernel's BTF has them, without `const`; [`UNREAD`] for one that the
    /// program does not read.
    pub arguments: &'static [&'static str],
    /// Whether every kernel has the place.
    pub presence: Presence,
    /// It may sleep: it reads no policy, or asks again whether the policy that it read is still in force.
    pub may_sleep: bool,
}

/// An argument of any type.
const UNREAD: &str = "_";

impl Program {
    const fn lsm(hook: &'static str, arguments: &'static [&'static str]) -> Self {
        Self {
            name: hook,
            kind: Kind::Lsm,
            target: hook,
            arguments,
            presence: Presence::Always,
            may_sleep: false,
        }
    }

    /// Another program for a hook.
    const fn beside(name: &'static str, hook: &'static str, arguments: &'static [&'static str]) -> Self {
        Self { name, ..Self::lsm(hook, arguments) }
    }

    const fn sleeping(self) -> Self {
        Self { may_sleep: true, ..self }
    }

    const fn present(self, presence: Presence) -> Self {
        Self { presence, ..self }
    }

    /// The symbol that must be in the kernel's BTF.
    pub fn symbol(&self) -> String {
        match self.kind {
            Kind::Lsm => format!("bpf_lsm_{}", self.target),
            Kind::Tracepoint => format!("btf_trace_{}", self.target),
            Kind::FunctionExit => self.target.to_owned(),
            Kind::TaskIterator => format!("bpf_iter_{}", self.target),
        }
    }

    /// What it is attached to, in words.
    pub fn place(&self) -> String {
        match self.kind {
            Kind::Lsm => format!("LSM hook {}", self.target),
            Kind::Tracepoint => format!("tracepoint {}", self.target),
            Kind::FunctionExit => format!("end of {}", self.target),
            Kind::TaskIterator => format!("walk over every {}", self.target),
        }
    }

    /// `found` are the arguments that the kernel's place has, if it has the place.
    fn fit(&self, found: Option<Vec<String>>) -> Fit {
        let Some(found) = found else { return Fit::Absent };
        // A tracepoint's first argument is its own.
        let found =
            if self.kind == Kind::Tracepoint { found.get(1..).unwrap_or_default() } else { &found[..] };
        let agrees = |(wanted, found): (&&str, &String)| *wanted == UNREAD || wanted == found;
        if found.len() >= self.arguments.len() && self.arguments.iter().zip(found).all(agrees) {
            Fit::Fits
        } else {
            Fit::Differs(found.join(", "))
        }
    }
}

/// How a program suits a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fit {
    Fits,
    /// The place takes these.
    Differs(String),
    Absent,
}

/// A program that this kernel has no place for, or another one than the program was written for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The program.
    pub program: &'static Program,
    /// What is wrong.
    pub what: String,
}

/// The programs that belong on a kernel.
pub fn on(types: &KernelTypes<'_>) -> Result<Vec<&'static Program>, Misfit> {
    choose(ALL, |program| program.fit(types.arguments(&program.symbol())))
}

fn choose(all: &'static [Program], fit: impl Fn(&Program) -> Fit) -> Result<Vec<&'static Program>, Misfit> {
    let mut fitting = Vec::new();
    for program in all {
        let misfit = |what| Err(Misfit { program, what });
        match (fit(program), program.presence) {
            (Fit::Fits, _) => fitting.push(program),
            (Fit::Absent, Presence::Where(_)) => {}
            (Fit::Absent, Presence::Always | Presence::Variant) => {
                return misfit("the running kernel has no such place".to_owned());
            }
            (Fit::Differs(found), Presence::Always | Presence::Where(_)) => {
                let wanted = program.arguments.join(", ");
                return misfit(format!("the running kernel gives it ({found}), and it reads ({wanted})"));
            }
            (Fit::Differs(found), Presence::Variant) => {
                let stands_in = |other: &Program| other.target == program.target && fit(other) == Fit::Fits;
                if !all.iter().any(stands_in) {
                    return misfit(format!("the running kernel gives it ({found}), which no program reads"));
                }
            }
        }
    }
    Ok(fitting)
}

/// The programs that belong on the running kernel; all there are, where its types cannot be read: the loader and
/// doctor say that.
pub fn here() -> &'static [&'static Program] {
    static HERE: OnceLock<Vec<&'static Program>> = OnceLock::new();
    HERE.get_or_init(|| {
        let known = || {
            let bytes = btf::running().ok()?;
            on(&KernelTypes::parse(&bytes).ok()?).ok()
        };
        known().unwrap_or_else(|| ALL.iter().collect())
    })
}

const START: &[&str] = &["struct linux_binprm *"];
const MAPPING: &[&str] = &["struct file *", "long unsigned int", "long unsigned int", "long unsigned int"];
const FILE: &[&str] = &["struct file *"];
const PATH: &[&str] = &["struct path *"];
const ENTRY: &[&str] = &["struct path *", "struct dentry *"];
const TASK: &[&str] = &["struct task_struct *"];
const IPC: &[&str] = &["struct kern_ipc_perm *"];
const SOCKET: &[&str] = &["struct socket *"];
const NAMED: &[&str] = &["struct socket *", "struct sockaddr *", "int"];
const REQUEST: &[&str] = &["struct file *", "unsigned int"];
/// Behind what maps ids: a user namespace before 6.3.
const MAPPED: &[&str] = &[UNREAD, "struct dentry *"];
const ACL: Presence = Presence::Where("before 6.2, inode_setxattr and inode_removexattr see it");

/// Every program. Labels come first: what decides finds them in place.
pub const ALL: &[Program] = &[
    Program::lsm("task_alloc", TASK),
    Program {
        name: "cgroup_attach_task",
        kind: Kind::Tracepoint,
        target: "cgroup_attach_task",
        arguments: &["struct cgroup *", "char *", "struct task_struct *", "bool"],
        presence: Presence::Always,
        may_sleep: false,
    },
    Program {
        name: "sched_process_fork",
        kind: Kind::Tracepoint,
        target: "sched_process_fork",
        arguments: &["struct task_struct *", "struct task_struct *"],
        presence: Presence::Always,
        may_sleep: false,
    },
    Program {
        name: "enrol_existing",
        kind: Kind::TaskIterator,
        target: "task",
        arguments: &["struct bpf_iter_meta *", "struct task_struct *"],
        presence: Presence::Always,
        may_sleep: false,
    },
    Program {
        name: "vfs_rename_done",
        kind: Kind::FunctionExit,
        target: "vfs_rename",
        arguments: &["struct renamedata *"],
        presence: Presence::Always,
        may_sleep: false,
    },
    Program::lsm("sb_delete", &["struct super_block *"]),
    Program {
        name: "vfs_rmdir_done",
        kind: Kind::FunctionExit,
        target: "vfs_rmdir",
        arguments: &[UNREAD, "struct inode *"],
        presence: Presence::Always,
        may_sleep: false,
    },
    Program {
        name: "personality_done",
        kind: Kind::FunctionExit,
        target: "__x64_sys_personality",
        arguments: &[],
        presence: Presence::Always,
        may_sleep: false,
    },
    Program {
        name: "personality_done_ia32",
        kind: Kind::FunctionExit,
        target: "__ia32_sys_personality",
        arguments: &[],
        presence: Presence::Where("kernels without it run no 32-bit calls"),
        may_sleep: false,
    },
    Program {
        name: "sched_process_exec",
        kind: Kind::Tracepoint,
        target: "sched_process_exec",
        arguments: &["struct task_struct *", UNREAD, "struct linux_binprm *"],
        presence: Presence::Always,
        may_sleep: false,
    },
    // Programs and memory.
    // Of two on one hook the one attached last is called first: what measures stands behind what judges.
    Program::lsm("bprm_creds_for_exec", START),
    Program::lsm("bprm_check_security", START),
    Program::beside("measure_program", "bprm_check_security", START).sleeping(),
    Program::lsm("bprm_committed_creds", START).sleeping(),
    Program::lsm("mmap_file", MAPPING),
    Program::beside("measure_mapping", "mmap_file", MAPPING).sleeping(),
    Program::lsm("file_mprotect", &["struct vm_area_struct *", "long unsigned int", "long unsigned int"]),
    // Files: opening, descriptors, names, attributes.
    Program::lsm("file_open", FILE),
    Program::lsm("file_permission", &["struct file *", "int"]),
    Program::lsm("file_truncate", FILE).present(Presence::Where("before 6.2, path_truncate sees it")),
    Program::lsm("file_receive", FILE),
    Program::beside("socket_receive", "file_receive", FILE),
    Program::lsm("file_ioctl", REQUEST),
    Program::lsm("file_fcntl", REQUEST),
    Program::lsm("file_ioctl_compat", REQUEST).present(Presence::Where("older kernels ask file_ioctl")),
    Program::lsm("path_truncate", PATH),
    Program::lsm("path_unlink", ENTRY),
    Program::lsm(
        "path_rename",
        &["struct path *", "struct dentry *", "struct path *", "struct dentry *", "unsigned int"],
    ),
    Program::lsm("path_link", &["struct dentry *", "struct path *", "struct dentry *"]),
    Program::lsm("path_symlink", ENTRY),
    Program::lsm("path_mkdir", ENTRY),
    Program::lsm("path_rmdir", ENTRY),
    Program::lsm("path_mknod", &["struct path *", "struct dentry *", "umode_t"]),
    // Of message queues, which are named by no path.
    Program::lsm("inode_create", &[UNREAD, "struct dentry *"]),
    Program::lsm("inode_unlink", &[UNREAD, "struct dentry *"]),
    Program::lsm("path_chmod", &["struct path *", "umode_t"]),
    Program::lsm("path_chown", PATH),
    Program::lsm("inode_setattr", &[UNREAD, "struct dentry *", "struct iattr *"]).present(Presence::Variant),
    Program::beside("inode_setattr_unmapped", "inode_setattr", &["struct dentry *", "struct iattr *"])
        .present(Presence::Variant),
    Program::lsm("inode_setxattr", MAPPED),
    Program::lsm("inode_removexattr", MAPPED),
    Program::lsm("inode_set_acl", MAPPED).present(ACL),
    Program::lsm("inode_remove_acl", MAPPED).present(ACL),
    Program::lsm("inode_file_setattr", &["struct dentry *"])
        .present(Presence::Where("older kernels know only the ioctl, which file_ioctl sees")),
    // Sockets.
    Program::lsm("socket_create", &["int", "int", "int", "int"]),
    Program::lsm("socket_bind", NAMED),
    Program::lsm("socket_listen", SOCKET),
    Program::lsm("socket_accept", SOCKET),
    Program::lsm("socket_setsockopt", &["struct socket *", "int", "int"]),
    Program::lsm("socket_connect", NAMED),
    Program::lsm("socket_sendmsg", &["struct socket *", "struct msghdr *"]),
    Program::lsm("unix_stream_connect", &["struct sock *", "struct sock *"]),
    Program::lsm("unix_may_send", &["struct socket *", "struct socket *"]),
    // Other processes, and objects without a place.
    Program::lsm("ptrace_access_check", &["struct task_struct *", "unsigned int"]),
    Program::lsm("ptrace_traceme", TASK),
    Program::lsm("task_kill", &["struct task_struct *", UNREAD, "int"]),
    Program::lsm("file_set_fowner", FILE),
    Program::lsm("file_send_sigiotask", &["struct task_struct *", "struct fown_struct *", "int"]),
    Program::lsm("task_setnice", TASK),
    Program::lsm("task_setioprio", TASK),
    Program::lsm("task_setscheduler", TASK),
    Program::lsm("task_movememory", TASK),
    Program::lsm("task_setrlimit", TASK),
    Program::lsm("shm_alloc_security", IPC),
    Program::lsm("sem_alloc_security", IPC),
    Program::lsm("msg_queue_alloc_security", IPC),
    Program::lsm("ipc_permission", IPC),
    Program::lsm("shm_shmctl", IPC),
    Program::lsm("sem_semctl", IPC),
    Program::lsm("msg_queue_msgctl", IPC),
    Program::lsm("key_alloc", &["struct key *"]),
    Program::lsm("key_permission", &["key_ref_t"]),
    // The host itself.
    Program::lsm("capable", &[UNREAD, "struct user_namespace *", "int", "unsigned int"]),
    Program::lsm("userns_create", &[]),
    Program::lsm("sb_mount", &[]),
    Program::lsm("sb_umount", &[]),
    Program::lsm("sb_remount", &[]),
    Program::lsm("sb_pivotroot", &[]),
    Program::lsm("move_mount", &[]),
    Program::lsm("sb_alloc_security", &[]),
    Program::lsm("bpf", &["int"]),
    Program::lsm("perf_event_open", &[]),
    Program::lsm("uring_override_creds", &[]),
];

/// The program of that name.
pub fn find(name: &str) -> Option<&'static Program> {
    ALL.iter().find(|program| program.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_stands_for_two_programs() {
        let mut names: Vec<_> = ALL.iter().map(|program| program.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }

    fn kernel(places: &'static [(&str, &str)]) -> impl Fn(&Program) -> Fit {
        move |program| {
            let place = places.iter().find(|(symbol, _)| *symbol == program.symbol());
            program.fit(place.map(|(_, arguments)| arguments.split(", ").map(str::to_owned).collect()))
        }
    }

    const SOME: &[Program] = &[
        Program::lsm("file_open", FILE),
        Program::lsm("file_truncate", FILE).present(Presence::Where("elsewhere")),
        Program::lsm("inode_setattr", &[UNREAD, "struct dentry *"]).present(Presence::Variant),
        Program::beside("inode_setattr_unmapped", "inode_setattr", &["struct dentry *"])
            .present(Presence::Variant),
    ];

    fn names(places: &'static [(&str, &str)]) -> Result<Vec<&'static str>, String> {
        let chosen = choose(SOME, kernel(places));
        chosen
            .map(|programs| programs.iter().map(|program| program.name).collect())
            .map_err(|Misfit { program, what }| format!("{}: {what}", program.name))
    }

    #[test]
    fn a_kernel_gets_the_variant_that_fits_and_no_hook_that_it_lacks() {
        let old = names(&[
            ("bpf_lsm_file_open", "struct file *"),
            ("bpf_lsm_inode_setattr", "struct dentry *, struct iattr *"),
        ]);
        assert_eq!(old, Ok(vec!["file_open", "inode_setattr_unmapped"]));
        let new = names(&[
            ("bpf_lsm_file_open", "struct file *"),
            ("bpf_lsm_file_truncate", "struct file *"),
            ("bpf_lsm_inode_setattr", "struct mnt_idmap *, struct dentry *, struct iattr *"),
        ]);
        assert_eq!(new, Ok(vec!["file_open", "file_truncate", "inode_setattr"]));
    }

    #[test]
    fn a_kernel_whose_hook_takes_something_else_is_refused_by_name() {
        let moved = names(&[
            ("bpf_lsm_file_open", "int, struct file *"),
            ("bpf_lsm_inode_setattr", "struct dentry *"),
        ]);
        let moved = moved.unwrap_err();
        assert!(moved.starts_with("file_open: the running kernel gives it (int, struct file *)"), "{moved}");
        let absent = names(&[("bpf_lsm_inode_setattr", "struct dentry *")]);
        assert_eq!(absent, Err("file_open: the running kernel has no such place".to_owned()));
        let strange = names(&[("bpf_lsm_file_open", "struct file *"), ("bpf_lsm_inode_setattr", "int")]);
        assert!(strange.unwrap_err().ends_with("which no program reads"));
    }

    #[test]
    fn every_program_is_found_by_its_name() {
        for program in ALL {
            assert_eq!(find(program.name), Some(program));
        }
        assert_eq!(find("file_opens"), None);
    }
}
