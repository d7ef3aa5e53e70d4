//! Starting programs. The start fires once per interpreter level: a script and its interpreter are both judged. What
//! they are told to do is judged once, when their arguments are sealed.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use guard_common::{Operation, Reason, Surface};

use super::{News, conclude, kill, report};
use crate::arguments;
use crate::checks::{self, network_boundary};
use crate::digest;
use crate::emit::Report;
use crate::kernel::Bprm;
use crate::subject::Subject;
use crate::zone;

// kernel: int security_bprm_check(struct linux_binprm *bprm)
#[lsm(hook = "bprm_check_security")]
pub fn bprm_check_security(ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let bprm = Bprm(ctx.arg(0));
    let mut report = report(&subject, Operation::Exec, Surface::Exec);
    report.object.place = bprm.file().place();
    let verdict = judge(&subject, bprm, &mut report);
    conclude(&mut report, verdict)
}

#[inline(always)]
fn judge(subject: &Subject, bprm: Bprm, report: &mut Report) -> Result<News, Reason> {
    checks::switches(subject, Surface::Exec)?;
    let seen = zone::of_file(subject, bprm.file(), Operation::Exec, 1 << Surface::Exec as u32)?;
    let by_content = digest::zone(subject, bprm.file())?;
    let zone = if by_content == 0 { seen.zone } else { by_content };
    report.zone = zone as u16;
    network_boundary::check(subject, zone, Surface::Exec)?;
    arguments::expect(subject, bprm, zone)?;
    Ok(News::Tell)
}

// Behind it in the order of attachment, and so before it in the order of calls.
#[lsm(hook = "bprm_check_security", sleepable)]
pub fn measure_program(ctx: LsmContext) -> i32 {
    if Subject::current_judged().is_some() {
        digest::measure(Bprm(ctx.arg(0)).file());
    }
    0
}

// kernel: void security_bprm_committed_creds(const struct linux_binprm *bprm)
//
// The new program's memory stands, nothing of it has run, and there is no way back: what is refused here dies before
// its first instruction.
#[lsm(hook = "bprm_committed_creds", sleepable)]
pub fn bprm_committed_creds(ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current_judged() else { return 0 };
    let bprm = Bprm(ctx.arg(0));
    let Some(refused) = arguments::judge(&subject, bprm) else { return 0 };
    kill();
    let mut report = report(&subject, Operation::Arguments, Surface::Exec);
    report.object.place = bprm.file().place();
    report.zone = refused.zone;
    report.detail = refused.rule;
    conclude(&mut report, Err(refused.reason))
}
