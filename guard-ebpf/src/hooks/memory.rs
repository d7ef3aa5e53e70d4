//! Mapping files, and running memory: code that is mapped is judged like a program that is started, a shared
//! mapping that can be written like an open for writing.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use guard_common::{Operation, Reason, Surface, ZoneId};

use super::begin::loads_abroad;
use super::settled::is_settled;
use super::{EACCES, News, conclude, raw_argument, report};
use crate::checks::{self, network_boundary};
use crate::digest;
use crate::emit::Report;
use crate::kernel::loops::opaque;
use crate::kernel::{File, Task, Vma};
use crate::subject::Subject;
use crate::zone;

const PROT_READ: u32 = 1;
const PROT_WRITE: u32 = 2;
const PROT_EXEC: u32 = 4;
/// `MAP_SHARED`, and the same with its flags checked.
const MAP_SHARED: u32 = 1;

/// What is asked of memory: a bit for each surface of the file's zone, and [`OWN_CODE`].
const READ: u32 = 1 << Surface::Read as u32;
/// Through a shared mapping: the file changes.
const WRITE: u32 = 1 << Surface::Write as u32;
const EXEC: u32 = 1 << Surface::Exec as u32;
/// What runs is not, or may not be, what the file holds.
const OWN_CODE: u32 = 1 << 31;

// kernel: int security_mmap_file(struct file *file, unsigned long reqprot, unsigned long prot, unsigned long flags)
#[lsm(hook = "mmap_file")]
pub fn mmap_file(ctx: LsmContext) -> i32 {
    let (prot, flags) = (ctx.arg::<u32>(2), ctx.arg::<u32>(3));
    let subject = match Subject::current() {
        Some(subject) => subject,
        None => {
            if prot & PROT_EXEC == 0 || loads_abroad() == 0 {
                return 0;
            }
            // A label that could not be stored is no licence.
            let Some(subject) = Subject::current_judged() else { return -EACCES };
            subject
        }
    };
    let is_shared = flags & MAP_SHARED != 0;
    let exec = prot & PROT_EXEC != 0;
    let mut report = report(&subject, Operation::Map, Surface::Read);
    // Kernels before 7 do not let a program see that there is no file; later ones insist that it looks.
    let verdict = if raw_argument(&ctx, 0) == 0 {
        judge_anonymous(&subject, exec, &mut report)
    } else if let Some(file) = File(ctx.arg(0)).checked() {
        report.object.place = file.place();
        let mut asked = if exec { EXEC } else { 0 };
        if prot & PROT_READ != 0 && !file.is_opened_to_run() {
            asked |= READ;
        }
        if is_shared && file.is_writable() {
            // Also where it is not asked for yet: what an overlay mapped, a later change of protection shows by its
            // layer, whose name says nothing.
            asked |= WRITE;
        } else if prot & PROT_WRITE != 0 && exec {
            asked |= OWN_CODE;
        }
        let is_of_file = asked & OWN_CODE == 0 && !digest::is_asked(&subject);
        if is_of_file && is_settled(&subject, file, Operation::Map, asked | READ) {
            return 0;
        }
        // The walk is read once, not once for every way to map.
        judge_mapping(&subject, file, opaque(asked), &mut report)
    } else {
        judge_anonymous(&subject, exec, &mut report)
    };
    conclude(&mut report, verdict)
}

#[inline(always)]
fn judge_anonymous(subject: &Subject, exec: bool, report: &mut Report) -> Result<News, Reason> {
    report.is_nameless = 1;
    if exec { run_memory(subject, report) } else { Ok(News::Count) }
}

#[inline(always)]
fn judge_mapping(subject: &Subject, file: File, asked: u32, report: &mut Report) -> Result<News, Reason> {
    checks::switches(subject, Surface::Read)?;
    let seen = zone::of_file(subject, file, Operation::Map, asked & (READ | WRITE | EXEC))?;
    report.zone = seen.zone as u16;
    let mut left = asked;
    if asked & EXEC != 0 && judge_content(subject, file, report)? {
        left &= !EXEC;
    }
    judge_uses(subject, seen.zone, left, report)?;
    if asked & OWN_CODE != 0 {
        run_memory(subject, report)?;
    }
    // Opening it was told; each library of each program is not news.
    Ok(News::Count)
}

/// Judges code by its digest, where the policy has one for it; true where that decides. The program that runs cannot
/// change any more. Whatever else is mapped may: there a digest forbids, and does not allow.
#[inline(always)]
fn judge_content(subject: &Subject, file: File, report: &mut Report) -> Result<bool, Reason> {
    let zone = digest::zone(subject, file)?;
    if zone == 0 {
        return Ok(false);
    }
    let place = report.zone;
    report.zone = zone as u16;
    report.surface = Surface::Exec as u16;
    checks::surface::check(Surface::Exec)?;
    network_boundary::check(subject, zone, Surface::Exec)?;
    report.zone = place;
    Ok(Task::current().runs(file.inode()))
}

// Behind `mmap_file` in the order of attachment, and so before it in the order of calls.
#[lsm(hook = "mmap_file", sleepable)]
pub fn measure_mapping(ctx: LsmContext) -> i32 {
    if ctx.arg::<u32>(2) & PROT_EXEC == 0 || raw_argument(&ctx, 0) == 0 {
        return 0;
    }
    if Subject::current_judged().is_some()
        && let Some(file) = File(ctx.arg(0)).checked()
    {
        digest::measure(file);
    }
    0
}

#[inline(always)]
fn judge_uses(subject: &Subject, zone: u32, asked: u32, report: &mut Report) -> Result<(), Reason> {
    if asked & EXEC != 0 {
        report.surface = Surface::Exec as u16;
        checks::surface::check(Surface::Exec)?;
        network_boundary::check(subject, zone, Surface::Exec)?;
    }
    if asked & WRITE != 0 {
        report.surface = Surface::Write as u16;
        checks::surface::check(Surface::Write)?;
        network_boundary::check(subject, zone, Surface::Write)?;
    }
    if asked & READ != 0 {
        report.surface = Surface::Read as u16;
        network_boundary::check(subject, zone, Surface::Read)?;
    }
    report.surface = if asked & EXEC != 0 { Surface::Exec as u16 } else { Surface::Read as u16 };
    Ok(())
}

/// Code that no file holds.
#[inline(always)]
pub(super) fn run_memory(subject: &Subject, report: &mut Report) -> Result<News, Reason> {
    report.surface = Surface::Exec as u16;
    report.zone = ZoneId::MEMORY.0;
    checks::switches(subject, Surface::Exec)?;
    network_boundary::check(subject, u32::from(ZoneId::MEMORY.0), Surface::Exec)?;
    Ok(News::Count)
}

pub(super) const VM_EXEC: u64 = 4;
const VM_SHARED: u64 = 8;
const VM_WRITE: u64 = 2;

// kernel: int security_file_mprotect(struct vm_area_struct *vma, unsigned long reqprot, unsigned long prot)
#[lsm(hook = "file_mprotect")]
pub fn file_mprotect(ctx: LsmContext) -> i32 {
    let prot = ctx.arg::<u32>(2);
    if prot & (PROT_EXEC | PROT_WRITE) == 0 {
        return 0;
    }
    let Some(subject) = Subject::current() else { return 0 };
    let vma = Vma(ctx.arg(0));
    let flags = vma.flags();
    let gains_exec = prot & PROT_EXEC != 0 && flags & VM_EXEC == 0;
    let gains_write = prot & PROT_WRITE != 0 && flags & VM_WRITE == 0;
    let mut report = report(&subject, Operation::Map, Surface::Exec);
    let verdict = match vma.file().checked() {
        None => judge_anonymous(&subject, gains_exec || (gains_write && flags & VM_EXEC != 0), &mut report),
        Some(file) => {
            report.object.place = file.place();
            let is_private = flags & VM_SHARED == 0;
            let mut asked = 0;
            if gains_exec {
                asked |= EXEC;
            }
            if gains_write && !is_private {
                asked |= WRITE;
            }
            // Private pages that were written are the process's own, whatever file they came from.
            let is_changed = prot & PROT_WRITE != 0 || (gains_exec && vma.anonymous() != 0);
            if is_private && prot & PROT_EXEC != 0 && is_changed {
                asked |= OWN_CODE;
            }
            judge_change(&subject, file, asked, &mut report)
        }
    };
    conclude(&mut report, verdict)
}

/// Without the inode's kept zone: the verifier does not trust a mapping's file as it does an argument.
#[inline(always)]
fn judge_change(subject: &Subject, file: File, asked: u32, report: &mut Report) -> Result<News, Reason> {
    checks::switches(subject, Surface::Read)?;
    if asked & (EXEC | WRITE) != 0 {
        match zone::of_dentry(subject, file.dentry(), file.mount().address()) {
            Ok(place) => {
                report.zone = place.zone as u16;
                judge_uses(subject, place.zone, asked, report)?;
            }
            // What an overlay maps is its layer, which was judged by the overlay's own name.
            Err(Reason::UnresolvedObject) if file.is_layer() => {}
            Err(reason) => return Err(reason),
        }
        if asked & EXEC != 0 && file.is_layer() {
            // That name was judged for what was asked of it then: whether it may be run, nobody knows here.
            run_memory(subject, report)?;
        }
    }
    if asked & OWN_CODE == 0 {
        return Ok(News::Count);
    }
    run_memory(subject, report)
}
