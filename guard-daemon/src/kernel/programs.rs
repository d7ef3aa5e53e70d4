//! The kernel programs: one table of what is attached where. The loader attaches exactly these, doctor asks for
//! exactly these. A program of the object that is not in the table is an error, never a silent extra.

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

/// One program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// Name of the program's function, and of its link's pin.
    pub name: &'static str,
    /// How it is attached.
    pub kind: Kind,
    /// Hook, tracepoint, function or walk.
    pub target: &'static str,
}

impl Program {
    const fn lsm(hook: &'static str) -> Self {
        Self { name: hook, kind: Kind::Lsm, target: hook }
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
}

/// Every program. Labels come first: what decides finds them in place.
pub const ALL: &[Program] = &[
    Program::lsm("task_alloc"),
    Program { name: "cgroup_attach_task", kind: Kind::Tracepoint, target: "cgroup_attach_task" },
    Program { name: "sched_process_fork", kind: Kind::Tracepoint, target: "sched_process_fork" },
    Program { name: "enrol_existing", kind: Kind::TaskIterator, target: "task" },
    Program { name: "vfs_rename_done", kind: Kind::FunctionExit, target: "vfs_rename" },
    Program { name: "vfs_rmdir_done", kind: Kind::FunctionExit, target: "vfs_rmdir" },
    Program::lsm("bprm_check_security"),
    Program::lsm("file_open"),
    Program::lsm("path_truncate"),
    Program::lsm("path_unlink"),
    Program::lsm("path_rename"),
    Program::lsm("path_link"),
    Program::lsm("path_symlink"),
    Program::lsm("path_mkdir"),
    Program::lsm("path_rmdir"),
    Program::lsm("path_mknod"),
    Program::lsm("path_chmod"),
    Program::lsm("path_chown"),
    Program::lsm("socket_connect"),
    Program::lsm("socket_sendmsg"),
    Program::lsm("unix_stream_connect"),
    Program::lsm("unix_may_send"),
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

    #[test]
    fn every_program_is_found_by_its_name() {
        for program in ALL {
            assert_eq!(find(program.name), Some(program));
        }
        assert_eq!(find("file_opens"), None);
    }
}
