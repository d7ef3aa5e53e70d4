//! Whether this host, and this process, can be the daemon's. Says exactly what is missing, before anything is
//! touched.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::control::peer;
use crate::kernel::probe::{self, Check};

/// Refuses a host that cannot enforce: nothing is silently left out.
pub(super) fn refuse_unfit() -> Result<(), String> {
    if peer::is_self_inside() {
        return Err("an agent does not start the daemon: this process is in an agent's cgroup".to_owned());
    }
    refuse(&probe::host())
}

fn refuse(checks: &[Check]) -> Result<(), String> {
    let failed: Vec<String> = checks.iter().filter(|check| !check.ok).map(complaint).collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(format!("this host cannot enforce, so the daemon does not start:\n{}", failed.join("\n")))
}

fn complaint(check: &Check) -> String {
    let Check { name, found, mend, ok: _ } = check;
    let mend = mend.as_ref().map(|mend| format!("\n    {mend}")).unwrap_or_default();
    format!("  {name}: {found}{mend}")
}

/// When memory runs out, agents go first: without the daemon nothing is recorded.
pub(super) fn be_last_to_go() {
    if let Err(error) = std::fs::write("/proc/self/oom_score_adj", "-900") {
        tracing::debug!("the daemon may be ended when memory runs out: {error}");
    }
}

/// A handle is kept for each file that a policy names, so that its number stays its own: more than most processes are
/// given by default.
pub(super) fn hold_many_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // What the kernel allows root to take at most; without that file, what there is already.
    let most = std::fs::read_to_string("/proc/sys/fs/nr_open").ok().and_then(|text| text.trim().parse().ok());
    let wanted = most.or(maximum);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: wanted, maximum: wanted }) {
        let held = current.map_or("any number of".to_owned(), |current| current.to_string());
        tracing::warn!(
            "the daemon may hold {held} files open, and a policy that names more is refused: {error}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, mend: Option<&str>) -> Check {
        Check {
            name: name.to_owned(),
            ok: mend.is_none(),
            found: "x".to_owned(),
            mend: mend.map(str::to_owned),
        }
    }

    #[test]
    fn every_missing_thing_is_told_with_the_line_that_mends_it_and_nothing_else() {
        assert!(refuse(&[check("kernel", None)]).is_ok());
        let why =
            refuse(&[check("kernel", None), check("lsm", Some("lsm=bpf")), check("bpffs", Some("mount it"))])
                .unwrap_err();
        assert!(why.contains("lsm: x\n    lsm=bpf") && why.contains("bpffs: x\n    mount it"), "{why}");
        assert!(!why.contains("kernel:"), "{why}");
    }
}
