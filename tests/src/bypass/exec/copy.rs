//! X's bytes under a name that the agent may write.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::execve::run_from;
use super::{EXEC, PLAIN, Trick, marked};
use crate::act::way_alone;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[
        // `exec-copy PROGRAM COPY ARGS…`
        way_alone("exec-copy", |a, _| {
            copy(a.path(0)?, a.path(1)?)?;
            run_from(a, 1)
        }),
        // `exec-after-copy PROGRAM COPY OTHER ARGS…`
        way_alone("exec-after-copy", |a, _| {
            copy(a.path(0)?, a.path(1)?)?;
            run_from(a, 2)
        }),
    ],
    python: None,
    cases: || marked("E07", "a_copy_cannot_be_run", EXEC, "exec-copy {x} {w}/busybox touch {mark}", PLAIN),
};

fn copy(program: &Path, copy: &Path) -> io::Result<()> {
    std::fs::write(copy, std::fs::read(program)?)?;
    std::fs::set_permissions(copy, PermissionsExt::from_mode(0o755))
}
