//! What a probe tries, program by program: the table. An act asks the program that it is listed under before it asks
//! any other that would refuse it, and harms nothing where nobody refuses.

use std::io;

use nix::libc::{EACCES, ENOMEM, ENOSYS, EPERM};

use super::scene::{Namespaces, Scene};
use super::{files, names, processes, sockets};

/// The first time nobody governs the process, the second time it may do nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    First,
    Second,
}

/// What tells that the program does its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// The second time fails with this.
    Refused(i32),
    /// The second time works still: the program notes that the process has made a thing of its own.
    Done,
    /// Both times work, and what the second one causes does not happen: the process outside tells.
    Unheard,
}

/// One act.
#[derive(Clone, Copy)]
pub(super) struct Act {
    /// The program that is asked.
    pub(super) program: &'static str,
    /// In words.
    pub(super) what: &'static str,
    pub(super) sign: Sign,
    pub(super) place: Namespaces,
    pub(super) run: fn(&mut Scene, Turn) -> io::Result<()>,
}

impl std::fmt::Debug for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Act")
            .field("program", &self.program)
            .field("what", &self.what)
            .finish_non_exhaustive()
    }
}

type Run = fn(&mut Scene, Turn) -> io::Result<()>;

const fn refused(program: &'static str, what: &'static str, run: Run) -> Act {
    Act { program, what, sign: Sign::Refused(EACCES), place: Namespaces::Hosts, run }
}

const fn done(program: &'static str, what: &'static str, run: Run) -> Act {
    Act { sign: Sign::Done, ..refused(program, what, run) }
}

/// The kernel makes another word of it.
const fn unpermitted(program: &'static str, what: &'static str, run: Run) -> Act {
    Act { sign: Sign::Refused(EPERM), ..refused(program, what, run) }
}

/// In a child, which dies of it.
const fn killed(program: &'static str, what: &'static str, run: Run) -> Act {
    Act { sign: Sign::Refused(ENOSYS), ..refused(program, what, run) }
}

/// With the host's own rights `capable` would refuse first.
const fn in_own(program: &'static str, what: &'static str, run: Run) -> Act {
    Act { place: Namespaces::Own, ..refused(program, what, run) }
}

/// Every act, in the order of the programs' table.
pub(super) const ALL: &[Act] = &[
    refused("task_alloc", "a child that opens a file", processes::child),
    killed("personality_done", "asking that all data be code", processes::make_data_code),
    killed(
        "personality_done_ia32",
        "asking that all data be code by a 32-bit call",
        processes::make_data_code_as_32_bit,
    ),
    refused("mmap_file", "mapping a file as code", files::map),
    refused("file_mprotect", "making mapped data code", files::protect),
    refused("file_open", "opening a file", files::open),
    refused("file_permission", "writing to a descriptor open before", files::write),
    refused("file_truncate", "cutting a file open before", files::truncate_open),
    refused("file_receive", "receiving a file's descriptor", sockets::receive_file),
    refused("socket_receive", "receiving a connected socket", sockets::receive_socket),
    refused("file_ioctl", "setting a file's flags", files::set_flags),
    refused("file_ioctl_compat", "setting a file's flags by a 32-bit call", files::set_flags_as_32_bit),
    refused("path_truncate", "cutting a file by its name", names::truncate),
    refused("path_unlink", "removing a file", names::unlink),
    refused("path_rename", "renaming a file", names::rename),
    refused("path_link", "linking a file", names::link),
    refused("path_symlink", "making a symbolic link", names::symlink),
    refused("path_mkdir", "making a folder", names::make_folder),
    refused("path_rmdir", "removing a folder", names::remove_folder),
    refused("path_mknod", "making a named pipe", names::make_pipe),
    refused("inode_create", "making a message queue", processes::make_named_queue),
    refused("inode_unlink", "removing a message queue's name", processes::remove_named_queue),
    refused("path_chmod", "changing a file's mode", names::change_mode),
    refused("path_chown", "changing a file's owner", names::change_owner),
    refused("inode_setattr", "changing a file's times", names::change_times),
    refused("inode_setattr_unmapped", "changing a file's times", names::change_times),
    refused("inode_setxattr", "setting an extended attribute", names::set_attribute),
    refused("inode_removexattr", "removing an extended attribute", names::remove_attribute),
    refused("inode_set_acl", "setting an access list", names::set_acl),
    refused("inode_remove_acl", "removing an access list", names::remove_acl),
    refused("inode_file_setattr", "setting a file's flags by its name", names::set_flags),
    refused("socket_create", "making a socket of kernel events", sockets::create),
    refused("socket_bind", "taking an address", sockets::bind),
    refused("socket_listen", "listening", sockets::listen),
    refused("socket_accept", "accepting a connection", sockets::accept),
    refused("socket_setsockopt", "choosing a packet's way", sockets::route),
    refused("socket_connect", "connecting to this host", sockets::connect),
    refused("socket_sendmsg", "sending to this host", sockets::send),
    refused("unix_stream_connect", "connecting to a unix socket", sockets::connect_unix),
    refused("unix_may_send", "sending to a unix socket", sockets::send_unix),
    unpermitted("ptrace_access_check", "reading another process's memory", processes::read_memory),
    refused("ptrace_traceme", "being traced from outside", processes::be_traced),
    refused("task_kill", "signalling another process", processes::signal),
    Act {
        sign: Sign::Unheard,
        ..refused("file_send_sigiotask", "signalling by a descriptor", processes::signal_by_descriptor)
    },
    refused("task_setnice", "setting another process's priority", processes::set_priority),
    refused("task_setioprio", "setting another process's IO priority", processes::set_io_priority),
    refused("task_setscheduler", "setting another process's scheduling", processes::set_scheduler),
    refused("task_setrlimit", "setting another process's limit", processes::set_limit),
    done("shm_alloc_security", "reading shared memory of its own", processes::own_segment),
    done("sem_alloc_security", "reading a semaphore of its own", processes::own_set),
    done("msg_queue_alloc_security", "looking at a queue of its own", processes::own_queue),
    refused("ipc_permission", "looking at shared memory", processes::look_at_segment),
    refused("shm_shmctl", "removing shared memory", processes::remove_segment),
    refused("sem_semctl", "removing a semaphore", processes::remove_set),
    refused("msg_queue_msgctl", "removing a message queue", processes::remove_queue),
    done("key_alloc", "looking at a key of its own", processes::own_key),
    refused("key_permission", "looking at a key", processes::look_at_key),
    unpermitted("capable", "naming the host anew", processes::name_host),
    refused("userns_create", "making a user namespace", processes::make_namespace),
    refused("sb_mount", "mounting", names::mount),
    in_own("sb_umount", "unmounting", names::unmount),
    in_own("sb_remount", "changing a mount's options", names::remount),
    in_own("sb_pivotroot", "changing the root", names::pivot),
    in_own("move_mount", "moving a mount", names::move_mount),
    Act {
        // The kernel makes another word of it.
        sign: Sign::Refused(ENOMEM),
        ..in_own("sb_alloc_security", "making a file system", names::make_file_system)
    },
    refused("bpf", "asking for kernel maps", processes::ask_bpf),
    refused("perf_event_open", "opening a performance event", processes::open_event),
    refused("uring_override_creds", "using registered rights in a ring", processes::use_rights),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::programs;

    #[test]
    fn every_act_asks_a_program_that_there_is_and_none_is_asked_twice() {
        let mut names: Vec<_> = ALL.iter().map(|act| act.program).collect();
        assert!(names.iter().all(|name| programs::find(name).is_some()), "{names:?}");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
