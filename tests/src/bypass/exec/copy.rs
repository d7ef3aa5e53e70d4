//! X's bytes under a name that the agent may write.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;

use super::execve::run_from;
use super::{EXEC, PLAIN, Trick, marked};
use crate::act::{Args, way_alone};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[way_alone("exec-copy", exec_copy)],
    python: None,
    cases: || marked("E07", "a_copy_cannot_be_run", EXEC, "exec-copy {x} {w}/busybox touch {mark}", PLAIN),
};

/// `exec-copy PROGRAM COPY ARGS…`
fn exec_copy(args: &Args, _: &mut dyn Write) -> io::Result<()> {
    std::fs::write(args.path(1)?, std::fs::read(args.path(0)?)?)?;
    std::fs::set_permissions(args.path(1)?, PermissionsExt::from_mode(0o755))?;
    run_from(args, 1)
}
