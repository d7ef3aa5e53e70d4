//! Classes of action, each with a switch of its own, and the operations that belong to them.

use crate::wire_enum;

wire_enum! {
    /// A class of action that the policy speaks of and that has a switch.
    pub enum Surface: u16 {
        /// Starting a program.
        Exec = 0 => "exec",
        /// Reading an object's content.
        Read = 1 => "read",
        /// Changing an object's content, name, mode, owner, or creating and removing it.
        Write = 2 => "write",
        /// Sending to a peer.
        Connect = 3 => "connect",
        /// Accepting peers.
        Listen = 4 => "listen",
        /// Talking to other local processes.
        Ipc = 5 => "ipc",
        /// A tool call (MCP or API).
        Tool = 6 => "tool",
        /// An HTTP request.
        Http = 7 => "http",
        /// A database statement.
        Sql = 8 => "sql",
        /// A push or a release.
        Deploy = 9 => "deploy",
        /// Changing the host itself: mounts, namespaces, kernel code, whatever takes a capability.
        Admin = 10 => "admin",
    }
}

impl Surface {
    /// Whether kernel programs ask for it. The others are the policy's words for what comes through gates that
    /// do not exist yet.
    pub const fn is_enforced(self) -> bool {
        match self {
            Self::Exec
            | Self::Read
            | Self::Write
            | Self::Connect
            | Self::Listen
            | Self::Ipc
            | Self::Admin => true,
            Self::Tool | Self::Http | Self::Sql | Self::Deploy => false,
        }
    }
}

wire_enum! {
    /// What was attempted, one level below the surface: one per kind of hook.
    pub enum Operation: u16 {
        /// `execve` and its variants, once per interpreter level.
        Exec = 1 => "exec",
        /// Opening a file.
        Open = 2 => "open",
        /// Setting a file's length by path.
        Truncate = 3 => "truncate",
        /// Removing a name.
        Unlink = 4 => "unlink",
        /// Moving a name; two events' worth of objects, the old one judged first.
        Rename = 5 => "rename",
        /// Giving a file a second name.
        Link = 6 => "link",
        /// Creating a symbolic link.
        Symlink = 7 => "symlink",
        /// Creating a directory.
        Mkdir = 8 => "mkdir",
        /// Removing a directory.
        Rmdir = 9 => "rmdir",
        /// Creating a file, device, FIFO or socket name.
        Mknod = 10 => "mknod",
        /// Changing permission bits.
        Chmod = 11 => "chmod",
        /// Changing the owner.
        Chown = 12 => "chown",
        /// Connecting a socket.
        Connect = 13 => "connect",
        /// Sending on a socket.
        Send = 14 => "send",
        /// Making a task.
        Fork = 15 => "fork",
        /// Connecting or sending to a unix socket.
        UnixConnect = 16 => "unix_connect",
        /// Mapping a file, or changing what may be done with mapped memory.
        Map = 17 => "map",
        /// Reading or writing through a descriptor that is open already.
        Access = 18 => "access",
        /// Receiving a descriptor from another process.
        Receive = 19 => "receive",
        /// Changing times, extended attributes, access lists or flags.
        Attribute = 20 => "attribute",
        /// A device's or file system's own request on a descriptor.
        Ioctl = 21 => "ioctl",
        /// Making a socket.
        Socket = 22 => "socket",
        /// Giving a socket an address.
        Bind = 23 => "bind",
        /// Waiting for peers.
        Listen = 24 => "listen",
        /// Taking a waiting peer.
        Accept = 25 => "accept",
        /// Changing how a socket behaves.
        SocketOption = 26 => "socket_option",
        /// Looking into or changing another process.
        Trace = 27 => "trace",
        /// Sending a signal.
        Signal = 28 => "signal",
        /// System V shared memory, semaphores and message queues.
        SysvIpc = 29 => "sysv_ipc",
        /// The kernel's keyrings.
        Key = 30 => "key",
        /// Making a user namespace.
        Namespace = 31 => "namespace",
        /// Mounting, unmounting, moving mounts.
        Mount = 32 => "mount",
        /// Using a capability of the host's.
        Capability = 33 => "capability",
        /// The `bpf` system call.
        Bpf = 34 => "bpf",
        // 35 stands for nothing: what loads code into the kernel takes a capability.
        /// Performance events.
        Perf = 36 => "perf",
        /// An `io_uring` that acts as somebody else, or on a thread of its own.
        Uring = 37 => "io_uring",
        /// A program's arguments, as they are sealed on its stack.
        Arguments = 38 => "arguments",
    }
}

/// One more than the largest [`Operation`] number.
pub const OPERATIONS: u32 = 39;

/// One more than the largest [`Surface`] number, rounded up so that indexes can be masked.
pub const SURFACES: u32 = 16;
