//! Starting programs. Fires once per interpreter level: a script and its interpreter are both judged.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use guard_common::{Operation, Reason, Surface};

use super::{News, conclude, report};
use crate::checks::{self, network_boundary};
use crate::emit::Report;
use crate::kernel::{Bprm, File};
use crate::subject::Subject;
use crate::zone;

// kernel: int security_bprm_check(struct linux_binprm *bprm)
#[lsm(hook = "bprm_check_security")]
pub fn bprm_check_security(ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let file = Bprm(ctx.arg(0)).file();
    let mut report = report(&subject, Operation::Exec, Surface::Exec);
    report.object.place = file.place();
    let verdict = judge(&subject, file, &mut report);
    conclude(&mut report, verdict)
}

#[inline(always)]
fn judge(subject: &Subject, file: File, report: &mut Report) -> Result<News, Reason> {
    checks::switches(subject, Surface::Exec)?;
    let seen = zone::of_file(subject, file, Operation::Exec, 1 << Surface::Exec as u32)?;
    report.zone = seen.zone as u16;
    network_boundary::check(subject, seen.zone, Surface::Exec)?;
    Ok(News::Tell)
}
