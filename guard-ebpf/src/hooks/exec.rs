//! Starting programs. Fires once per interpreter level: a script and its interpreter are both judged.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use guard_common::{Operation, Surface};

use super::{allow, refuse, report};
use crate::checks::{self, network_boundary};
use crate::kernel::Bprm;
use crate::subject::Subject;
use crate::zone;

// kernel: int security_bprm_check(struct linux_binprm *bprm)
#[lsm(hook = "bprm_check_security")]
pub fn bprm_check_security(ctx: LsmContext) -> i32 {
    let Some(subject) = Subject::current() else { return 0 };
    let file = Bprm(ctx.arg(0)).file();
    let mut report = report(&subject, Operation::Exec, Surface::Exec);
    report.dentry = file.dentry().address();
    report.mount = file.mount().address();
    if let Err(reason) = checks::switches(&subject, Surface::Exec) {
        return refuse(report, reason);
    }
    let seen = match zone::of_file(&subject, file, Operation::Exec, 1 << Surface::Exec as u32) {
        Ok(seen) => seen,
        Err(reason) => return refuse(report, reason),
    };
    report.zone = seen.zone;
    match network_boundary::check(&subject, seen.zone, Surface::Exec) {
        Ok(()) => allow(report),
        Err(reason) => refuse(report, reason),
    }
}
