//! The loader: the one that a program's file names, and the system's own, started as a program that reads another
//! one into its memory.

use super::{BOTH, Cases, EXEC, MAP, Trick, marked, marked_at};
use crate::harness::fixture::{ELF_BY_X, SCRIPT_PLAIN};

/// What the loader ends with when it cannot map a program.
const CANNOT_LOAD: i32 = 127;
const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

pub(super) const TRICK: Trick = Trick { module: module_path!(), ways: &[], python: None, cases };

fn cases() -> Cases {
    let allowed = format!("exec {LOADER} /usr/bin/touch {{mark}}");
    let load = |id, sentence, attack: &str| {
        marked(id, sentence, MAP, &attack.replace("LOADER", LOADER), &allowed).ends_with(CANNOT_LOAD)
    };
    [
        marked_at(
            BOTH,
            "E10",
            "a_loader_is_judged_too",
            EXEC,
            &format!("exec {ELF_BY_X} {{mark}}"),
            &format!("exec {SCRIPT_PLAIN} {{mark}}"),
        ),
        load("E10b", "the_loader_does_not_load_a_program", "exec LOADER {top}/xd/touch {mark}"),
        load(
            "E10c",
            "the_loader_does_not_load_a_copy",
            "exec-after-copy {top}/xd/touch {w}/t LOADER {w}/t {mark}",
        ),
        load(
            "E10d",
            "the_loader_does_not_load_a_program_by_another_path",
            "in-folder {top}/xd exec LOADER /proc/self/cwd/touch {mark}",
        ),
    ]
    .into()
}
