//! Kernel struct fields that the programs read, in one list for both sides: instructions of the programs name a row, the
//! loader writes into them where the running kernel's BTF has that field, and refuses to load where it is missing.

/// Calls `$callback!` with every row: `SYMBOL = "struct" "field.path";`.
#[macro_export]
macro_rules! kernel_fields {
    ($callback:ident) => {
        $callback! {
            OFF_TASK_PID = "task_struct" "pid";
            OFF_TASK_TGID = "task_struct" "tgid";
            OFF_TASK_GROUP_LEADER = "task_struct" "group_leader";
            OFF_TASK_START_BOOTTIME = "task_struct" "start_boottime";
            OFF_TASK_CRED = "task_struct" "cred";
            OFF_TASK_REAL_CRED = "task_struct" "real_cred";
            OFF_CRED_EUID = "cred" "euid";
            OFF_CRED_USER_NS = "cred" "user_ns";
            OFF_TASK_MM = "task_struct" "mm";
            OFF_TASK_FLAGS = "task_struct" "flags";
            OFF_TASK_BPF_STORAGE = "task_struct" "bpf_storage";
            OFF_TASK_IO_URING = "task_struct" "io_uring";
            OFF_MM_EXE_FILE = "mm_struct" "exe_file";
            OFF_USER_NAMESPACE_LEVEL = "user_namespace" "level";
            OFF_VMA_FLAGS = "vm_area_struct" "vm_flags";
            OFF_VMA_FILE = "vm_area_struct" "vm_file";
            OFF_VMA_ANON_VMA = "vm_area_struct" "anon_vma";
            OFF_IATTR_VALID = "iattr" "ia_valid";
            OFF_TASK_REAL_PARENT = "task_struct" "real_parent";
            OFF_TASK_FS = "task_struct" "fs";
            OFF_TASK_FILES = "task_struct" "files";
            OFF_FILES_TABLE = "files_struct" "fdt";
            OFF_TABLE_FILES = "fdtable" "fd";
            OFF_TASK_NSPROXY = "task_struct" "nsproxy";
            OFF_FS_ROOT_DENTRY = "fs_struct" "root.dentry";
            OFF_NSPROXY_MNT_NS = "nsproxy" "mnt_ns";
            OFF_TASK_CGROUPS = "task_struct" "cgroups";
            OFF_CSS_SET_DFL_CGRP = "css_set" "dfl_cgrp";
            OFF_CGROUP_KN = "cgroup" "kn";
            OFF_CGROUP_PARENT = "cgroup" "self.parent";
            OFF_CSS_CGROUP = "cgroup_subsys_state" "cgroup";
            OFF_KERNFS_NODE_NAME = "kernfs_node" "name";
            OFF_KERNFS_NODE_ID = "kernfs_node" "id";
            OFF_FILE_F_INODE = "file" "f_inode";
            OFF_FILE_F_FLAGS = "file" "f_flags";
            OFF_FILE_F_MODE = "file" "f_mode";
            OFF_FILE_PATH_MNT = "file" "f_path.mnt";
            OFF_FILE_PATH_DENTRY = "file" "f_path.dentry";
            OFF_PATH_MNT = "path" "mnt";
            OFF_PATH_DENTRY = "path" "dentry";
            OFF_DENTRY_PARENT = "dentry" "d_parent";
            OFF_DENTRY_INODE = "dentry" "d_inode";
            OFF_DENTRY_NAME_HASH = "dentry" "d_name.hash";
            OFF_DENTRY_NAME_LEN = "dentry" "d_name.len";
            OFF_DENTRY_NAME = "dentry" "d_name.name";
            OFF_DENTRY_SB = "dentry" "d_sb";
            OFF_DENTRY_SEQUENCE = "dentry" "d_seq.seqcount.sequence";
            OFF_INODE_INO = "inode" "i_ino";
            OFF_INODE_MODE = "inode" "i_mode";
            OFF_INODE_SB = "inode" "i_sb";
            OFF_INODE_FLAGS = "inode" "i_flags";
            OFF_SB_MOUNTS = "super_block" "s_mounts";
            OFF_SB_DEV = "super_block" "s_dev";
            OFF_SB_FLAGS = "super_block" "s_flags";
            OFF_SB_TYPE = "super_block" "s_type";
            OFF_SB_ROOT = "super_block" "s_root";
            OFF_FS_TYPE_NAME = "file_system_type" "name";
            OFF_INODE_RDEV = "inode" "i_rdev";
            OFF_FILE_OWNER = "file" "f_owner";
            OFF_MSGHDR_CONTROL = "msghdr" "msg_control";
            OFF_MSGHDR_CONTROLLEN = "msghdr" "msg_controllen";
            OFF_VFSMOUNT_ROOT = "vfsmount" "mnt_root";
            OFF_MOUNT_MNT = "mount" "mnt";
            OFF_MOUNT_NEXT_OF_SB = "mount" "mnt_instance|mnt_next_for_sb";
            OFF_MOUNT_INSTANCE = "mount" "mnt_instance|";
            OFF_MOUNT_NS = "mount" "mnt_ns";
            OFF_MOUNT_NAMESPACE_NUMBER = "mnt_namespace" "ns.inum";
            OFF_MOUNT_NAMESPACE_EVENT = "mnt_namespace" "event";
            OFF_MOUNT_PARENT = "mount" "mnt_parent";
            OFF_MOUNT_MOUNTPOINT = "mount" "mnt_mountpoint";
            OFF_RENAMEDATA_OLD_DENTRY = "renamedata" "old_dentry";
            OFF_RENAMEDATA_NEW_DENTRY = "renamedata" "new_dentry";
            OFF_BPRM_FILE = "linux_binprm" "file";
            OFF_BPRM_FILENAME = "linux_binprm" "filename";
            OFF_BPRM_INTERP = "linux_binprm" "interp";
            OFF_BPRM_ARGC = "linux_binprm" "argc";
            OFF_BPRM_P = "linux_binprm" "p";
            OFF_BPRM_VMA = "linux_binprm" "vma";
            OFF_TASK_PTRACE = "task_struct" "ptrace";
            OFF_TASK_PERSONALITY = "task_struct" "personality";
            OFF_SOCKET_SK = "socket" "sk";
            OFF_SOCKET_FILE = "socket" "file";
            OFF_SOCK_FAMILY = "sock" "__sk_common.skc_family";
            OFF_SOCK_PROTOCOL = "sock" "sk_protocol";
            OFF_SOCK_DPORT = "sock" "__sk_common.skc_dport";
            OFF_SOCK_DADDR = "sock" "__sk_common.skc_daddr";
            OFF_SOCK_V6_DADDR = "sock" "__sk_common.skc_v6_daddr";
            OFF_SOCK_NUM = "sock" "__sk_common.skc_num";
            OFF_SOCK_RCV_SADDR = "sock" "__sk_common.skc_rcv_saddr";
            OFF_SOCK_V6_RCV_SADDR = "sock" "__sk_common.skc_v6_rcv_saddr";
            OFF_MSGHDR_NAME = "msghdr" "msg_name";
            OFF_MSGHDR_NAMELEN = "msghdr" "msg_namelen";
            OFF_UNIX_SOCK_PEER = "unix_sock" "peer";
            OFF_UNIX_SOCK_ADDR = "unix_sock" "addr";
            OFF_UNIX_SOCK_PATH_DENTRY = "unix_sock" "path.dentry";
            OFF_UNIX_SOCK_PATH_MNT = "unix_sock" "path.mnt";
        }
    };
}

/// An instruction of the programs that loads from this many bytes behind a pointer, and more by its place in the list, loads
/// that field: the loader writes the field's offset there. So far behind lies nothing else that programs read.
pub const IN_LOAD: i32 = 0x7e00;

/// An instruction of the programs that puts this number into a register, or adds or subtracts it, and more by its place in the
/// list, is meant to do so with that field's offset: the loader writes it there.
pub const IN_NUMBER: i32 = 0x6775_0000;

/// Offset of a field that the running kernel does not have, where the list says that it may lack it.
pub const ABSENT: u64 = u64::MAX;

/// Fields that programs read in one piece, with where each stands behind the first: all kernels so far keep them so.
pub const ENTRY: [(&str, u64); 5] = [
    ("OFF_DENTRY_PARENT", 0),
    ("OFF_DENTRY_NAME_HASH", 8),
    ("OFF_DENTRY_NAME_LEN", 12),
    ("OFF_DENTRY_NAME", 16),
    ("OFF_DENTRY_INODE", 24),
];

/// Names of the programs' constants (u64, u64) that hold the identity of the host's root folder, which is that of
/// process 1: inode number, and device in the kernel's form.
pub const HOST_ROOT: [&str; 2] = ["HOST_ROOT_INO", "HOST_ROOT_DEV"];

/// Name of the programs' constant (u32) that holds the number of the host's mount namespace, which is that of
/// process 1: what `/proc/1/ns/mnt` shows.
pub const HOST_MOUNTS: &str = "HOST_MOUNTS";

/// Name of the programs' constant (u32) that is 1 where sockets take pages past `socket_sendmsg`: before 6.5, which
/// is where `struct proto_ops` has the field [`SENDPAGE`].
pub const SENDS_PAGES: &str = "SENDS_PAGES";

/// See [`SENDS_PAGES`].
pub const SENDPAGE: Field = Field { symbol: SENDS_PAGES, structure: "proto_ops", path: "sendpage" };

/// Name of the programs' constant (u32) that is 1 where helpers fail on purpose, by the map `INJECTED`.
pub const INJECTS_FAULTS: &str = "INJECTS_FAULTS";

/// Name of the programs' constant (u32) that is 1 where a file holds the process that its signals go to in itself:
/// before 6.12, which is where `struct file` has the field [`OWNER_IN_FILE`]; later ones hold its address.
pub const OWNS_IN_FILE: &str = "OWNS_IN_FILE";

/// See [`OWNS_IN_FILE`].
pub const OWNER_IN_FILE: Field = Field { symbol: OWNS_IN_FILE, structure: "file", path: "f_owner.pid" };

/// One row of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in the programs.
    pub symbol: &'static str,
    /// Kernel struct.
    pub structure: &'static str,
    /// Field, with dots into nested structs; anonymous ones are passed through. With `|` between them, names that
    /// kernels have had for it, the first that is there; an empty one at the end: it may be [`ABSENT`].
    pub path: &'static str,
}

macro_rules! rows {
    ($($symbol:ident = $structure:literal $path:literal;)+) => {
        /// Every field.
        pub const ALL: &[Field] =
            &[$(Field { symbol: stringify!($symbol), structure: $structure, path: $path },)+];
    };
}
kernel_fields!(rows);
