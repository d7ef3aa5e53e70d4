//! What is tried under each fault: acts that an agent may do where nothing fails.

use nix::libc::{EACCES, EPERM};

use crate::harness::Spot;
use crate::harness::fixture::{LIBRARY, RULED, USER};
use crate::harness::server::A4;

/// Where somebody waits in these tests, and nobody else.
const OWN_DOOR: &str = "127.0.0.1:7455";

/// One act, a row of the table.
pub(super) struct Row {
    pub(super) name: &'static str,
    /// A way of `guard-act`, or behind a `!` steps of `steps.py` with their arguments.
    pub(super) line: String,
    pub(super) how: How,
    /// What the kernel makes of a refusal.
    pub(super) errno: i32,
}

/// In which process it is tried.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// In the serving one: needs no new task.
    Here,
    /// In one of its own.
    Apart,
}

fn row(name: &'static str, line: String) -> Row {
    Row { name, line, how: How::Here, errno: EACCES }
}

/// Every row, in the order of the table.
pub(super) fn all() -> Vec<Row> {
    [files(), descriptors(), programs(), network(), processes()].into_iter().flatten().collect()
}

fn files() -> Vec<Row> {
    let w = |name: &'static str, line: &str| row(name, Spot::Tmpfs.filled(line));
    // tmpfs has users' attributes since 6.6 only.
    let disk = |name: &'static str, line: &str| row(name, Spot::Ext4.filled(line));
    vec![
        w("read", "read {w}/fresh"),
        w("write", "write {w}/fresh"),
        w("create", "create {w}/made"),
        w("truncate", "truncate {w}/fresh"),
        w("unlink", "unlink {w}/fresh"),
        w("rename", "rename {w}/fresh {w}/made"),
        w("link", "link {w}/fresh {w}/made"),
        w("symlink", "symlink {w}/fresh {w}/made"),
        w("mkdir", "mkdir {w}/made"),
        w("rmdir", "rmdir {w}/folder"),
        w("mkfifo", "mkfifo {w}/made"),
        w("chmod", "chmod {w}/fresh"),
        w("chown", &format!("chown {{w}}/fresh {USER}")),
        w("utimes", "!set_times {w}/fresh"),
        disk("setxattr", "!set_attribute {w}/fresh"),
        disk("removexattr", "!remove_attribute {w}/fresh"),
    ]
}

/// On files that were opened before.
fn descriptors() -> Vec<Row> {
    let w = |name: &'static str, line: &str| row(name, Spot::Tmpfs.filled(line));
    vec![
        w("read, open before", "!read_open {w}/fresh"),
        w("write, open before", "!write_open {w}/fresh"),
        w("truncate, open before", "!cut_open {w}/fresh"),
        row("set flags", Spot::Ext4.filled("!set_flags {w}/fresh")),
        w("receive a file", "!receive {w}/fresh"),
    ]
}

fn programs() -> Vec<Row> {
    vec![
        Row { how: How::Apart, ..row("exec", format!("exec {RULED} true")) },
        Row { how: How::Apart, ..row("fork", "forked".to_owned()) },
        row("map code", format!("!map_code {LIBRARY}")),
    ]
}

fn network() -> Vec<Row> {
    let stream = Spot::Tmpfs.w("sockets/stream");
    vec![
        row("connect", format!("tcp {A4}")),
        row("send", format!("udp {A4}")),
        row("send, connected before", format!("!send_connected {A4}")),
        row("receive a socket", format!("!receive_socket {A4}")),
        row("bind", format!("!bind {OWN_DOOR}")),
        row("listen", "!listen".to_owned()),
        row("accept", "!accept".to_owned()),
        row("unix connect", format!("unix-stream {stream}")),
        row("unix send", Spot::Tmpfs.filled("!send_datagram {w}/made")),
        row("unix send, connected before", format!("!send_unix {stream}")),
    ]
}

/// At processes, objects without a place and namespaces of one's own.
fn processes() -> Vec<Row> {
    vec![
        row("signal a child", "!send_signal".to_owned()),
        row("choose whom a descriptor signals", "!choose_receiver".to_owned()),
        row("set a child's priority", "!set_priority".to_owned()),
        row("trace a child", "!trace".to_owned()),
        Row { errno: EPERM, ..row("read a child's memory", "!read_memory".to_owned()) },
        row("make shared memory", "!segment_made".to_owned()),
        row("use shared memory", "!segment_found".to_owned()),
        row("make a key", "!key_made".to_owned()),
        row("look at a key", "!key_found".to_owned()),
        row("make a namespace", "!make_namespace".to_owned()),
        row("mount", Spot::Tmpfs.filled("!mount {w}/folder")),
    ]
}
