//! What was asked of the host, in words: the operation's own number, as the kernel's programs tell it.

use guard_common::Operation;

/// Capabilities by number, as capability.h of Linux has them, without `CAP_`.
const CAPABILITIES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// The request; `detail` is the event's.
pub(super) fn host_request(operation: Operation, detail: u16) -> String {
    match operation {
        Operation::Capability => match CAPABILITIES.get(usize::from(detail)) {
            Some(name) => format!("capability {name}"),
            None => format!("capability {detail}"),
        },
        Operation::Bpf => format!("bpf command {detail}"),
        Operation::Namespace => "a user namespace".to_owned(),
        Operation::Mount => "a change of mounts".to_owned(),
        Operation::Perf => "performance events".to_owned(),
        Operation::Uring => "an io_uring of its own thread or other credentials".to_owned(),
        Operation::SysvIpc => "a System V object of somebody else".to_owned(),
        Operation::Key => "a key of somebody else".to_owned(),
        Operation::Exec
        | Operation::Open
        | Operation::Truncate
        | Operation::Unlink
        | Operation::Rename
        | Operation::Link
        | Operation::Symlink
        | Operation::Mkdir
        | Operation::Rmdir
        | Operation::Mknod
        | Operation::Chmod
        | Operation::Chown
        | Operation::Connect
        | Operation::Send
        | Operation::Fork
        | Operation::UnixConnect
        | Operation::Map
        | Operation::Access
        | Operation::Receive
        | Operation::Attribute
        | Operation::Ioctl
        | Operation::Socket
        | Operation::Bind
        | Operation::Listen
        | Operation::Accept
        | Operation::SocketOption
        | Operation::Trace
        | Operation::Signal
        | Operation::Arguments => operation.name().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_has_its_name_and_one_nobody_knows_its_number() {
        assert_eq!(host_request(Operation::Capability, 21), "capability sys_admin");
        assert_eq!(host_request(Operation::Capability, 40), "capability checkpoint_restore");
        assert_eq!(host_request(Operation::Capability, 63), "capability 63");
    }
}
