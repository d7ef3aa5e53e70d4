//! Times, extended attributes, access lists and flags: writing, by the object's zone.
//!
//! These hooks see a name, and not through which mount: an object on a file system that has no mark is refused.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use guard_common::{Operation, Reason, Surface};

use super::{News, administer, conclude, report};
use crate::checks::{self, network_boundary};
use crate::emit::Report;
use crate::kernel::{Dentry, Iattr, Task, raw};
use crate::subject::Subject;
use crate::zone;

/// Changes something that lends nobody's rights.
#[inline(always)]
fn change(dentry: Dentry) -> i32 {
    change_named(dentry, 0)
}

/// `name`: of the attribute, where there is one that may lend rights.
#[inline(always)]
fn change_named(dentry: Dentry, name: u64) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    if Task::current().acts_as_another() {
        // An overlay changes its layer, with its mounter's rights: its own name was judged. Agents cannot take
        // on other credentials for a call: see `uring_override_creds`. Through a ring's worker the layer is judged too.
        return 0;
    }
    let mut report = report(&subject, Operation::Attribute, Surface::Write);
    report.object.place = raw::Place { dentry: dentry.address(), mount: 0 };
    let mut verdict = judge(&subject, dentry, &mut report);
    if name != 0 && verdict.is_ok() && lends_rights(name) != 0 {
        verdict = administer(&subject, report.zone, &mut report).map(|()| News::Tell);
    }
    conclude(&mut report, verdict)
}

#[inline(always)]
fn judge(subject: &Subject, dentry: Dentry, report: &mut Report) -> Result<News, Reason> {
    checks::switches(subject, Surface::Write)?;
    let place = zone::of_dentry(subject, dentry, 0)?;
    report.zone = place.zone as u16;
    network_boundary::check(subject, place.zone, Surface::Write)?;
    Ok(News::Tell)
}

/// Whether the attribute of that name says with whose rights the file runs: capabilities, or what a foreign file system
/// makes owners and modes of. One that cannot be read may be any.
#[inline(never)]
fn lends_rights(name: u64) -> u32 {
    const fn word(text: [u8; 8]) -> u64 {
        u64::from_le_bytes(text)
    }
    let Some([first, second]) = raw::try_read::<[u64; 2]>(name) else { return 1 };
    u32::from(
        (first == word(*b"security") && second == word(*b".capabil"))
            || (first == word(*b"system.c") && second as u32 == u32::from_le_bytes(*b"ifs_"))
            || (first == word(*b"system.s") && second as u32 == u32::from_le_bytes(*b"mb3_"))
            || (first == word(*b"system.n") && second as u32 == u32::from_le_bytes(*b"tfs_"))
            || first & 0xff_ffff == word(*b"$LX\0\0\0\0\0"),
    )
}

/// Times, and nothing that hooks with a path judge: mode 1, owner 2, group 4, size 8; nor what the kernel does by
/// itself when a file is written (set-id bits cleared: 0x800, 0x1000, 0x4000).
#[inline(always)]
fn is_about_times(iattr: Iattr) -> bool {
    const ATTR_TIMES: u32 = 0x10 | 0x20 | 0x40 | 0x80 | 0x100;
    const ATTR_OTHERS: u32 = 1 | 2 | 4 | 8 | 0x800 | 0x1000 | 0x4000;
    iattr.valid() & ATTR_TIMES != 0 && iattr.valid() & ATTR_OTHERS == 0
}

// kernel: int security_inode_setattr(struct mnt_idmap *idmap, struct dentry *dentry, struct iattr *attr)
#[lsm(hook = "inode_setattr")]
pub fn inode_setattr(ctx: LsmContext) -> i32 {
    if is_about_times(Iattr(ctx.arg(2))) { change(Dentry(ctx.arg(1))) } else { 0 }
}

// kernel: int security_inode_setattr(struct dentry *dentry, struct iattr *attr)
//
// Before 6.3.
#[lsm(hook = "inode_setattr")]
pub fn inode_setattr_unmapped(ctx: LsmContext) -> i32 {
    if is_about_times(Iattr(ctx.arg(1))) { change(Dentry(ctx.arg(0))) } else { 0 }
}

// kernel: int security_inode_setxattr(struct mnt_idmap *idmap, struct dentry *dentry, const char *name, ...)
#[lsm(hook = "inode_setxattr")]
pub fn inode_setxattr(ctx: LsmContext) -> i32 {
    change_named(Dentry(ctx.arg(1)), ctx.arg(2))
}

// kernel: int security_inode_removexattr(struct mnt_idmap *idmap, struct dentry *dentry, const char *name)
#[lsm(hook = "inode_removexattr")]
pub fn inode_removexattr(ctx: LsmContext) -> i32 {
    change(Dentry(ctx.arg(1)))
}

// kernel: int security_inode_set_acl(struct mnt_idmap *idmap, struct dentry *dentry, ...)
#[lsm(hook = "inode_set_acl")]
pub fn inode_set_acl(ctx: LsmContext) -> i32 {
    change(Dentry(ctx.arg(1)))
}

// kernel: int security_inode_remove_acl(struct mnt_idmap *idmap, struct dentry *dentry, const char *acl_name)
#[lsm(hook = "inode_remove_acl")]
pub fn inode_remove_acl(ctx: LsmContext) -> i32 {
    change(Dentry(ctx.arg(1)))
}

// kernel: int security_inode_file_setattr(struct dentry *dentry, struct file_kattr *fa)
#[lsm(hook = "inode_file_setattr")]
pub fn inode_file_setattr(ctx: LsmContext) -> i32 {
    change(Dentry(ctx.arg(0)))
}
