//! System V objects and keys: they have no place in a file system, and belong to whoever made them. An agent
//! reaches its own; what somebody else made lies in the zone `host`.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use guard_common::{Operation, Reason, Surface, ZoneId};

use super::{News, conclude_nameless, raw_argument, report};
use crate::checks::{self, kill_switch, network_boundary};
use crate::emit::Report;
use crate::fail::{self, Fault};
use crate::maps::OWNERS;
use crate::subject::Subject;

/// Notes who made an object. Asked for everybody's: an address that was an agent's object may be somebody else's
/// next. A note that cannot be kept leaves the object out of its maker's reach.
#[inline(always)]
fn made(address: u64) -> i32 {
    let Some(subject) = Subject::current() else {
        let _ = OWNERS.remove(address);
        return 0;
    };
    if fail::injected(Fault::OwnerNote) {
        let _ = OWNERS.remove(address);
    } else if let Err(errno) = OWNERS.insert(address, subject.mark(), 0) {
        fail::count(Fault::OwnerNote, i64::from(errno));
    }
    0
}

#[inline(always)]
fn reach(operation: Operation, address: u64) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let mut report = report(&subject, operation, Surface::Ipc);
    let verdict = judge(&subject, address, &mut report);
    conclude_nameless(&mut report, verdict)
}

#[inline(always)]
fn judge(subject: &Subject, address: u64, report: &mut Report) -> Result<News, Reason> {
    kill_switch::check(subject)?;
    // SAFETY: copied at once.
    let zone = match unsafe { OWNERS.get(address) } {
        Some(owner) if *owner == subject.mark() => return Ok(News::Count),
        Some(_) => ZoneId::FOREIGN,
        None => ZoneId::HOST,
    };
    report.zone = zone.0;
    checks::switches(subject, Surface::Ipc)?;
    network_boundary::check(subject, u32::from(zone.0), Surface::Ipc)?;
    Ok(News::Tell)
}

// kernel: int security_shm_alloc(struct kern_ipc_perm *shp)
#[lsm(hook = "shm_alloc_security")]
pub fn shm_alloc_security(ctx: LsmContext) -> i32 {
    made(ctx.arg(0))
}

// kernel: int security_sem_alloc(struct kern_ipc_perm *sma)
#[lsm(hook = "sem_alloc_security")]
pub fn sem_alloc_security(ctx: LsmContext) -> i32 {
    made(ctx.arg(0))
}

// kernel: int security_msg_queue_alloc(struct kern_ipc_perm *msq)
#[lsm(hook = "msg_queue_alloc_security")]
pub fn msg_queue_alloc_security(ctx: LsmContext) -> i32 {
    made(ctx.arg(0))
}

// kernel: int security_ipc_permission(struct kern_ipc_perm *ipcp, short flag)
#[lsm(hook = "ipc_permission")]
pub fn ipc_permission(ctx: LsmContext) -> i32 {
    reach(Operation::SysvIpc, ctx.arg(0))
}

// kernel: int security_shm_shmctl(struct kern_ipc_perm *shp, int cmd)
//
// Removing an object and changing its owner ask for no permission but this.
#[lsm(hook = "shm_shmctl")]
pub fn shm_shmctl(ctx: LsmContext) -> i32 {
    control(&ctx)
}

// kernel: int security_sem_semctl(struct kern_ipc_perm *sma, int cmd)
#[lsm(hook = "sem_semctl")]
pub fn sem_semctl(ctx: LsmContext) -> i32 {
    control(&ctx)
}

// kernel: int security_msg_queue_msgctl(struct kern_ipc_perm *msq, int cmd)
#[lsm(hook = "msg_queue_msgctl")]
pub fn msg_queue_msgctl(ctx: LsmContext) -> i32 {
    control(&ctx)
}

#[inline(always)]
fn control(ctx: &LsmContext) -> i32 {
    let address = raw_argument(ctx, 0);
    // Without an object somebody asks how many there may be.
    if address == 0 { 0 } else { reach(Operation::SysvIpc, address) }
}

// kernel: int security_key_alloc(struct key *key, const struct cred *cred, unsigned long flags)
#[lsm(hook = "key_alloc")]
pub fn key_alloc(ctx: LsmContext) -> i32 {
    made(ctx.arg(0))
}

// kernel: int security_key_permission(key_ref_t key_ref, const struct cred *cred, enum key_need_perm need_perm)
#[lsm(hook = "key_permission")]
pub fn key_permission(ctx: LsmContext) -> i32 {
    /// The reference's lowest bit says whether the caller possesses the key.
    const IS_POSSESSED: u64 = 1;
    // The verifier shows no argument of this type at all.
    let reference = raw_argument(&ctx, 0);
    reach(Operation::Key, reference & !IS_POSSESSED)
}
