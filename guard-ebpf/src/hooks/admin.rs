//! Changing the host itself: namespaces, mounts, capabilities, kernel programs, performance events. All of it is
//! one zone, `host`, and one surface, `admin`.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use guard_common::{Operation, Reason, Surface, ZoneId};

use super::{News, conclude_nameless, report, silent};
use crate::checks::{self, network_boundary};
use crate::emit::Report;
use crate::kernel::{Task, UserNamespace};
use crate::subject::Subject;

const EPERM: i32 = 1;

#[inline(always)]
fn ask(operation: Operation, detail: u32) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let mut report = report(&subject, operation, Surface::Admin);
    report.detail = detail as u16;
    let verdict = judge(&subject, &mut report);
    conclude_nameless(&mut report, verdict)
}

#[inline(always)]
fn judge(subject: &Subject, report: &mut Report) -> Result<News, Reason> {
    checks::switches(subject, Surface::Admin)?;
    report.zone = ZoneId::HOST.0;
    network_boundary::check(subject, u32::from(ZoneId::HOST.0), Surface::Admin)?;
    Ok(News::Tell)
}

// kernel: int security_create_user_ns(const struct cred *cred)
#[lsm(hook = "userns_create")]
pub fn userns_create(_ctx: LsmContext) -> i32 {
    ask(Operation::Namespace, 0)
}

// kernel: int security_sb_mount(const char *dev_name, const struct path *path, const char *type,
//                               unsigned long flags, void *data)
#[lsm(hook = "sb_mount")]
pub fn sb_mount(_ctx: LsmContext) -> i32 {
    ask(Operation::Mount, 0)
}

// kernel: int security_sb_umount(struct vfsmount *mnt, int flags)
#[lsm(hook = "sb_umount")]
pub fn sb_umount(_ctx: LsmContext) -> i32 {
    ask(Operation::Mount, 0)
}

// kernel: int security_move_mount(const struct path *from_path, const struct path *to_path)
#[lsm(hook = "move_mount")]
pub fn move_mount(_ctx: LsmContext) -> i32 {
    ask(Operation::Mount, 0)
}

// kernel: int security_sb_pivotroot(const struct path *old_path, const struct path *new_path)
#[lsm(hook = "sb_pivotroot")]
pub fn sb_pivotroot(_ctx: LsmContext) -> i32 {
    ask(Operation::Mount, 0)
}

// kernel: int security_sb_remount(struct super_block *sb, void *mnt_opts)
#[lsm(hook = "sb_remount")]
pub fn sb_remount(_ctx: LsmContext) -> i32 {
    ask(Operation::Mount, 0)
}

// kernel: int security_sb_alloc(struct super_block *sb)
//
// A new file system, `fsopen` included, before it changes anything below: an overlay empties its work folder.
#[lsm(hook = "sb_alloc_security")]
pub fn sb_alloc_security(_ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let mut report = report(&subject, Operation::Mount, Surface::Admin);
    // Told by what mounts it.
    let verdict = judge(&subject, &mut report).map(|_| News::Count);
    conclude_nameless(&mut report, verdict)
}

// kernel: int security_bpf(int cmd, union bpf_attr *attr, unsigned int size)
#[lsm(hook = "bpf")]
pub fn bpf(ctx: LsmContext) -> i32 {
    ask(Operation::Bpf, ctx.arg(0))
}

// kernel: int security_perf_event_open()
#[lsm(hook = "perf_event_open")]
pub fn perf_event_open(_ctx: LsmContext) -> i32 {
    ask(Operation::Perf, 0)
}

// kernel: int security_uring_override_creds(const struct cred *new)
#[lsm(hook = "uring_override_creds")]
pub fn uring_override_creds(_ctx: LsmContext) -> i32 {
    ask(Operation::Uring, 0)
}

/// What an ordinary container's root may: nothing here reaches beyond files, users and ports, which other hooks
/// judge. `chown`, `dac_override`, `dac_read_search`, `fowner`, `fsetid`, `kill`, `setgid`, `setuid`, `setpcap`,
/// `net_bind_service`, `ipc_lock`, `ipc_owner`, `sys_chroot`, `lease`, `audit_write`.
const CAPABILITIES_HARMLESS: u64 = 1 << 0
    | 1 << 1
    | 1 << 2
    | 1 << 3
    | 1 << 4
    | 1 << 5
    | 1 << 6
    | 1 << 7
    | 1 << 8
    | 1 << 10
    | 1 << 14
    | 1 << 15
    | 1 << 18
    | 1 << 28
    | 1 << 29;
/// What an overlay takes its mounter's rights for, to keep its own attributes and to copy files up: `linux_immutable`,
/// `sys_admin`, `sys_resource`, `mknod`, `setfcap`.
const CAPABILITIES_LENT: u64 = 1 << 9 | 1 << 21 | 1 << 24 | 1 << 27 | 1 << 31;
/// The kernel only wants to know; nobody asked for anything.
const CAP_OPT_NOAUDIT: u32 = 1 << 1;

#[inline(always)]
fn is_in(capabilities: u64, capability: u32) -> bool {
    capability < 64 && (capabilities >> capability) & 1 != 0
}

// kernel: int security_capable(const struct cred *cred, struct user_namespace *ns, int cap, unsigned int opts)
//
// Asked only where the task has the capability. One that it has in its own namespace reaches no further than that; in
// somebody else's it reaches that. What is refused here the kernel reports as EPERM.
#[lsm(hook = "capable")]
pub fn capable(ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let (capability, options) = (ctx.arg::<u32>(2), ctx.arg::<u32>(3));
    if is_in(CAPABILITIES_HARMLESS, capability) {
        return 0;
    }
    let namespace = UserNamespace(ctx.arg(1));
    if namespace.level() != 0 && namespace.address() == Task::current().own_namespace() {
        return 0;
    }
    if is_in(CAPABILITIES_LENT, capability) && Task::current().acts_as_another() {
        // On the way of something that was judged. A request of a ring's may run so, too: hence nothing else is lent.
        return 0;
    }
    let mut report = report(&subject, Operation::Capability, Surface::Admin);
    report.detail = capability as u16;
    let verdict = judge(&subject, &mut report);
    if options & CAP_OPT_NOAUDIT != 0 {
        return silent(verdict, EPERM);
    }
    // An allowed use is told by what it was used for, where that is judged.
    conclude_nameless(&mut report, verdict.map(|_| News::Count))
}
