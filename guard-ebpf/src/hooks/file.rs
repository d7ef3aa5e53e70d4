//! Files: opening them, and changing names, lengths, modes and owners.

use aya_ebpf::macros::{fexit, lsm};
use aya_ebpf::programs::{FExitContext, LsmContext};
use guard_common::event::{OPEN_READ, OPEN_TRUNCATE, OPEN_WRITE};
use guard_common::{Operation, Reason, Surface, ZoneId};

use super::memory::run_memory;
use super::settled::{TOLD, is_settled};
use super::{News, administer, conclude, conclude_both, conclude_nameless, defined, report};
use crate::checks::{self, network_boundary};
use crate::digest;
use crate::emit::Report;
use crate::epoch;
use crate::kernel::loops::opaque;
use crate::kernel::{Dentry, File, Inode, Path, RenameData, S_IFMT, raw};
use crate::subject::Subject;
use crate::zone;

const FMODE_READ: u32 = 1;
const FMODE_WRITE: u32 = 2;
const O_TRUNC: u32 = 0o1000;
const O_TMPFILE: u32 = 0o20_000_000;
/// Set-user-id and set-group-id.
const SET_ID: u32 = 0o6000;

/// What an open asks for, in as few words as can be: they lie under the walk.
struct Asked {
    /// `OPEN_*`, none of them where the file is opened to run; [`KNOB`], [`SETS_ID`], [`MEMORY`]; from bit [`SURFACE`] the [`Surface`]
    /// that stands in the record.
    bits: u32,
    /// A bit for each surface.
    uses: u32,
}

/// What is opened for writing is one of the kernel's own knobs.
const KNOB: u32 = 1 << 8;
/// It is a new file that will act for whoever owns it.
const SETS_ID: u32 = 1 << 9;
/// It is a process's memory: what is written there may be code.
const MEMORY: u32 = 1 << 10;
const SURFACE: u32 = 16;

impl Asked {
    #[inline(always)]
    fn of(file: File) -> Self {
        let wanted = wanted(file);
        let (wanted, uses, surface) = if file.is_opened_to_run() {
            (0, 1 << Surface::Exec as u32, Surface::Exec)
        } else if wanted & (OPEN_WRITE | OPEN_TRUNCATE) != 0 {
            (wanted, uses(wanted), Surface::Write)
        } else {
            (wanted, uses(wanted), Surface::Read)
        };
        Self { bits: wanted | ((surface as u32) << SURFACE), uses }
    }

    /// The same in numbers that the verifier knows nothing of: it would read the walk once for every way to open a file.
    /// And whether it takes `admin`, which is asked for each time: the short way must not find it on record.
    #[inline(always)]
    fn on_long_way(self, file: File) -> Self {
        let is_written = self.wants(OPEN_WRITE | OPEN_TRUNCATE);
        if is_written && file.dentry().is_knob() {
            return Self { bits: opaque(self.bits | KNOB), uses: opaque(0) };
        }
        if is_written && file.dentry().is_memory() {
            return Self { bits: opaque(self.bits | MEMORY), uses: opaque(0) };
        }
        if is_written && is_new_set_id(file) {
            return Self { bits: opaque(self.bits | SETS_ID), uses: opaque(0) };
        }
        Self { bits: opaque(self.bits), uses: opaque(self.uses) }
    }

    #[inline(always)]
    fn wants(&self, any: u32) -> bool {
        self.bits & any != 0
    }

    #[inline(always)]
    fn surface(&self) -> u32 {
        self.bits >> SURFACE
    }

    #[inline(always)]
    fn is_for(&self, surface: Surface) -> bool {
        self.surface() == surface as u32
    }
}

// kernel: int security_file_open(struct file *file)
#[lsm(hook = "file_open")]
pub fn file_open(ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let file = File(ctx.arg(0));
    let asked = Asked::of(file);
    if is_settled(&subject, file, Operation::Open, asked.uses | (asked.uses << TOLD)) {
        return 0;
    }
    let asked = asked.on_long_way(file);
    let mut report = report(&subject, Operation::Open, Surface::Read);
    report.object.place = file.place();
    report.flags = (asked.bits & (KNOB - 1)) as u16;
    report.surface = asked.surface() as u16;
    let mut verdict = defined(judge_open(&subject, file, &asked, &mut report));
    if asked.wants(KNOB | SETS_ID) && verdict.is_ok() {
        let zone = if asked.wants(KNOB) { ZoneId::HOST.0 } else { report.zone };
        verdict = administer(&subject, zone, &mut report).map(|()| News::Tell);
    }
    if asked.wants(MEMORY) && verdict.is_ok() {
        verdict = run_memory(&subject, &mut report);
    }
    if let Err(said @ (Reason::NoEdge | Reason::EdgeDenies | Reason::UnresolvedObject)) = verdict
        && file.is_layer()
        && !asked.wants(KNOB | SETS_ID)
    {
        verdict = judge_layer(&subject, said, &asked, &mut report);
    }
    if asked.is_for(Surface::Exec) {
        report.operation = Operation::Exec as u16;
    }
    conclude(&mut report, verdict)
}

#[inline(always)]
fn judge_open(subject: &Subject, file: File, asked: &Asked, report: &mut Report) -> Result<News, Reason> {
    checks::switches_by(subject, asked.surface())?;
    if file.has_others_name() {
        // The file above it, whose name it has, was judged by that.
        return Ok(News::Count);
    }
    let seen = zone::of_file(subject, file, Operation::Open, asked.uses)?;
    report.zone = seen.zone as u16;
    if let Err(reason) = network_boundary::check_by(subject, seen.zone, asked.surface()) {
        // A program's digest may put it into another zone: it is taken when the program starts.
        let is_settled = !asked.is_for(Surface::Exec) || !digest::is_asked(subject);
        return if is_settled { Err(reason) } else { Ok(News::Count) };
    }
    if file.inode().is_stray_device() {
        return Err(Reason::DeviceNode);
    }
    if asked.is_for(Surface::Exec) {
        // Told by `bprm_check_security`, which sees every program but not what an ELF file names as its
        // interpreter: that is opened here, and started without another word.
        return Ok(News::Count);
    }
    if asked.is_for(Surface::Write) && asked.wants(OPEN_READ) {
        report.surface = Surface::Read as u16;
        checks::surface::check(Surface::Read)?;
        network_boundary::check(subject, seen.zone, Surface::Read)?;
        report.surface = Surface::Write as u16;
    }
    // `path_mknod` has told of it where it was made.
    Ok(if seen.is_first && !file.is_created() { News::Tell } else { News::Count })
}

/// Whether it is a file without a name yet that will act for whoever owns it. One that has a name is judged when it gets
/// that, or the mode; one beneath an overlay's, by the overlay's.
#[inline(always)]
fn is_new_set_id(file: File) -> bool {
    file.flags() & O_TMPFILE != 0 && u32::from(file.inode().mode()) & SET_ID != 0 && !file.is_layer()
}

/// A file beneath the one that the agent opened, which was judged already, and what was said of this one. It must be
/// readable, or may be run, where the policy knows it: no overlay shows a secret under another name. Writing goes to the
/// overlay's own upper layer. A layer that no zone knows was judged by the overlay's name.
#[inline(always)]
fn judge_layer(subject: &Subject, said: Reason, asked: &Asked, report: &mut Report) -> Result<News, Reason> {
    if let Reason::UnresolvedObject = said {
        return Ok(News::Count);
    }
    let surface = if asked.is_for(Surface::Exec) { Surface::Exec } else { Surface::Read };
    report.surface = surface as u16;
    network_boundary::check(subject, u32::from(report.zone), surface)?;
    Ok(News::Count)
}

/// What an open is for. One that asks for neither reading nor writing still gets a descriptor for `ioctl`:
/// it is taken for both.
#[inline(always)]
pub(super) fn wanted(file: File) -> u32 {
    let (mode, flags) = (file.mode(), file.flags());
    let mut wanted = 0;
    if mode & FMODE_READ != 0 {
        wanted |= OPEN_READ;
    }
    if mode & FMODE_WRITE != 0 {
        wanted |= OPEN_WRITE;
    }
    if flags & O_TRUNC != 0 {
        wanted |= OPEN_TRUNCATE;
    }
    if wanted == 0 { OPEN_READ | OPEN_WRITE } else { wanted }
}

/// A bit for each surface.
#[inline(always)]
pub(super) fn uses(wanted: u32) -> u32 {
    let mut uses = 0;
    if wanted & OPEN_READ != 0 {
        uses |= 1 << Surface::Read as u32;
    }
    if wanted & (OPEN_WRITE | OPEN_TRUNCATE) != 0 {
        uses |= 1 << Surface::Write as u32;
    }
    uses
}

/// One name that an operation changes.
#[derive(Clone, Copy)]
struct Name {
    dentry: Dentry,
    mount: u64,
    /// The operation changes the directory's content, not only the object.
    in_directory: bool,
}

impl Name {
    #[inline(always)]
    fn entry(dentry: Dentry, dir: Path) -> Self {
        Self { dentry, mount: dir.mount().address(), in_directory: true }
    }

    #[inline(always)]
    fn object(path: Path) -> Self {
        Self { dentry: path.dentry(), mount: path.mount().address(), in_directory: false }
    }
}

#[inline(always)]
fn change(operation: Operation, name: Name, second: Option<Name>, detail: u32) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let mut report = report(&subject, operation, Surface::Write);
    report.object.place = raw::Place { dentry: name.dentry.address(), mount: name.mount };
    report.detail = detail as u16;
    if let Some(second) = second {
        report.second_dentry = second.dentry.address();
    }
    let verdict = judge_change(&subject, name, second, &mut report);
    if second.is_some() { conclude_both(&mut report, verdict) } else { conclude(&mut report, verdict) }
}

#[inline(always)]
fn judge_change(
    subject: &Subject,
    name: Name,
    second: Option<Name>,
    report: &mut Report,
) -> Result<News, Reason> {
    checks::switches(subject, Surface::Write)?;
    let old = may_change(subject, name, report)?;
    if let Some(second) = second {
        let new = may_change(subject, second, report)?;
        may_reveal(subject, old, new, report)?;
        if report.operation == Operation::Rename as u16 && report.detail & RENAME_EXCHANGE != 0 {
            may_reveal(subject, new, old, report)?;
        }
    }
    if report.operation == Operation::Mknod as u16 && is_device(report.detail) {
        return Err(Reason::DeviceNode);
    }
    if opaque(u32::from(name.dentry.is_knob())) != 0 {
        administer(subject, ZoneId::HOST.0, report)?;
    } else if sets_id(report, name.dentry) {
        administer(subject, old as u16, report)?;
    }
    Ok(News::Tell)
}

/// May this agent change what stands under this name? Removing or replacing the root of a zone changes the
/// zone that holds it as well. The report keeps the zone that was asked last.
#[inline(always)]
fn may_change(subject: &Subject, name: Name, report: &mut Report) -> Result<u32, Reason> {
    let place = zone::of_dentry(subject, name.dentry, name.mount)?;
    report.zone = place.zone as u16;
    network_boundary::check(subject, place.zone, Surface::Write)?;
    if place.is_root && name.in_directory {
        let above = zone::of_dentry(subject, name.dentry.parent(), name.mount)?;
        report.zone = above.zone as u16;
        network_boundary::check(subject, above.zone, Surface::Write)?;
    }
    if place.holds_root && name.in_directory {
        return Err(Reason::HoldsRoot);
    }
    Ok(place.zone)
}

const RENAME_EXCHANGE: u16 = 2;

/// What may be written and not read stays unread: under its new name it must not be readable or run.
#[inline(always)]
fn may_reveal(subject: &Subject, old: u32, new: u32, report: &mut Report) -> Result<(), Reason> {
    let is_open = network_boundary::check(subject, new, Surface::Read).is_ok()
        || network_boundary::check(subject, new, Surface::Exec).is_ok();
    if old == new || !is_open {
        return Ok(());
    }
    let (zone, surface) = (report.zone, report.surface);
    report.zone = old as u16;
    report.surface = Surface::Read as u16;
    network_boundary::check(subject, old, Surface::Read)?;
    report.zone = zone;
    report.surface = surface;
    Ok(())
}

/// Whether the file will act for whoever owns it, whoever starts it. A folder with these bits gives away its group alone.
#[inline(always)]
fn sets_id(report: &Report, dentry: Dentry) -> bool {
    let has_mode = report.operation == Operation::Chmod as u16 || report.operation == Operation::Mknod as u16;
    has_mode && u32::from(report.detail) & SET_ID != 0 && !dentry.is_directory()
}

#[inline(always)]
fn is_device(mode: u16) -> bool {
    let format = mode & S_IFMT;
    format == 0o020_000 || format == 0o060_000
}

// kernel: int security_path_truncate(const struct path *path)
#[lsm(hook = "path_truncate")]
pub fn path_truncate(ctx: LsmContext) -> i32 {
    change(Operation::Truncate, Name::object(Path(ctx.arg(0))), None, 0)
}

// kernel: int security_path_unlink(const struct path *dir, struct dentry *dentry)
#[lsm(hook = "path_unlink")]
pub fn path_unlink(ctx: LsmContext) -> i32 {
    change(Operation::Unlink, Name::entry(Dentry(ctx.arg(1)), Path(ctx.arg(0))), None, 0)
}

// kernel: int security_path_rmdir(const struct path *dir, struct dentry *dentry)
#[lsm(hook = "path_rmdir")]
pub fn path_rmdir(ctx: LsmContext) -> i32 {
    change(Operation::Rmdir, Name::entry(Dentry(ctx.arg(1)), Path(ctx.arg(0))), None, 0)
}

// kernel: int security_path_mkdir(const struct path *dir, struct dentry *dentry, umode_t mode)
#[lsm(hook = "path_mkdir")]
pub fn path_mkdir(ctx: LsmContext) -> i32 {
    change(Operation::Mkdir, Name::entry(Dentry(ctx.arg(1)), Path(ctx.arg(0))), None, 0)
}

// kernel: int security_path_mknod(const struct path *dir, struct dentry *dentry, umode_t mode, unsigned int dev)
#[lsm(hook = "path_mknod")]
pub fn path_mknod(ctx: LsmContext) -> i32 {
    let mode: u32 = ctx.arg(2);
    change(Operation::Mknod, Name::entry(Dentry(ctx.arg(1)), Path(ctx.arg(0))), None, mode & 0xffff)
}

// kernel: int security_path_symlink(const struct path *dir, struct dentry *dentry, const char *old_name)
#[lsm(hook = "path_symlink")]
pub fn path_symlink(ctx: LsmContext) -> i32 {
    change(Operation::Symlink, Name::entry(Dentry(ctx.arg(1)), Path(ctx.arg(0))), None, 0)
}

// kernel: int security_path_link(struct dentry *old_dentry, const struct path *new_dir, struct dentry *new_dentry)
#[lsm(hook = "path_link")]
pub fn path_link(ctx: LsmContext) -> i32 {
    let dir = Path(ctx.arg(1));
    let old = Name { dentry: Dentry(ctx.arg(0)), mount: dir.mount().address(), in_directory: false };
    change(Operation::Link, old, Some(Name::entry(Dentry(ctx.arg(2)), dir)), 0)
}

// kernel: int security_path_rename(const struct path *old_dir, struct dentry *old_dentry,
//                                  const struct path *new_dir, struct dentry *new_dentry, unsigned int flags)
#[lsm(hook = "path_rename")]
pub fn path_rename(ctx: LsmContext) -> i32 {
    let flags: u32 = ctx.arg(4);
    let old = Name::entry(Dentry(ctx.arg(1)), Path(ctx.arg(0)));
    let new = Name::entry(Dentry(ctx.arg(3)), Path(ctx.arg(2)));
    change(Operation::Rename, old, Some(new), flags & 0xffff)
}

// kernel: int security_path_chmod(const struct path *path, umode_t mode)
#[lsm(hook = "path_chmod")]
pub fn path_chmod(ctx: LsmContext) -> i32 {
    let mode: u32 = ctx.arg(1);
    change(Operation::Chmod, Name::object(Path(ctx.arg(0))), None, mode & 0xffff)
}

// kernel: int security_path_chown(const struct path *path, kuid_t uid, kgid_t gid)
#[lsm(hook = "path_chown")]
pub fn path_chown(ctx: LsmContext) -> i32 {
    change(Operation::Chown, Name::object(Path(ctx.arg(0))), None, 0)
}

/// The name of a POSIX message queue. `mq_open` and `mq_unlink` give no path that another hook would see, and what is
/// given lies in no zone: agents have no such queues.
#[inline(always)]
fn change_queue(operation: Operation, dentry: Dentry) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    if !dentry.is_queue() {
        return 0;
    }
    let mut report = report(&subject, operation, Surface::Write);
    let verdict = checks::switches(&subject, Surface::Write).and(Err(Reason::UnresolvedObject));
    conclude_nameless(&mut report, verdict)
}

// kernel: int security_inode_create(struct inode *dir, struct dentry *dentry, umode_t mode)
#[lsm(hook = "inode_create")]
pub fn inode_create(ctx: LsmContext) -> i32 {
    change_queue(Operation::Mknod, Dentry(ctx.arg(1)))
}

// kernel: int security_inode_unlink(struct inode *dir, struct dentry *dentry)
#[lsm(hook = "inode_unlink")]
pub fn inode_unlink(ctx: LsmContext) -> i32 {
    change_queue(Operation::Unlink, Dentry(ctx.arg(1)))
}

// kernel: int vfs_rename(struct renamedata *rd)
//
// A directory that was moved takes everything below it along: every kept zone is stale. A moved file is
// found by its new name or directory.
#[fexit(function = "vfs_rename")]
pub fn vfs_rename_done(ctx: FExitContext) -> i32 {
    let rename = RenameData(ctx.arg(0));
    let is_directory = |dentry: Dentry| dentry.checked().is_some_and(Dentry::is_directory);
    if is_directory(rename.old_dentry()) || is_directory(rename.new_dentry()) {
        epoch::moved();
    }
    0
}

// kernel: void security_sb_delete(struct super_block *sb)
//
// Its device number, and the inode numbers with it, are the next file system's.
#[lsm(hook = "sb_delete")]
pub fn sb_delete(_: LsmContext) -> i32 {
    epoch::moved();
    0
}

// kernel: int vfs_rmdir(..., struct inode *dir, struct dentry *dentry, ...)
//
// A removed directory's inode number may come back elsewhere.
#[fexit(function = "vfs_rmdir")]
pub fn vfs_rmdir_done(ctx: FExitContext) -> i32 {
    epoch::removed(Inode(ctx.arg(1)).ino());
    0
}
