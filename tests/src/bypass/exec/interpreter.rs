//! An interpreter that may be run, and what it is told: by a file, by words, through a pipe. What it does itself is
//! the agent's doing; X it cannot start.

use anyhow::Result;

use super::{BOTH, Cases, EXEC, Spot, Trick, marked_at};
use crate::harness::case::Undo;
use crate::harness::fixture::put;

/// What a shell ends with for a program that it may not run.
const NOT_RUN: i32 = 126;

pub(super) const TRICK: Trick = Trick { module: module_path!(), ways: &[], python: None, cases };

fn cases() -> Cases {
    // PROGRAM is X in the attack, and its allowed twin in the other.
    let told = |id, sentence, line: &str, ends_with| {
        let line = |program: &str| line.replace("PROGRAM", &format!("{program} touch {{mark}}"));
        marked_at(BOTH, id, sentence, EXEC, &line("{x}"), &line("/usr/bin/busybox")).ends_with(ends_with)
    };
    let by_file = |id, sentence, line, ends_with| told(id, sentence, line, ends_with).both_prepared(scripts);
    let python = "exec /usr/bin/python3 -c 'import os, sys; os.execv(sys.argv[1], sys.argv[1:])' PROGRAM";
    [
        by_file("E14", "a_shell_does_not_run_it_for_a_file", "exec /bin/bash {w}/run.sh PROGRAM", NOT_RUN),
        by_file("E14b", "python_does_not_run_it_for_a_file", "exec /usr/bin/python3 {w}/run.py PROGRAM", 1),
        by_file("E14c", "perl_does_not_run_it_for_a_file", "exec /usr/bin/perl {w}/run.pl PROGRAM", 13),
        by_file(
            "E15",
            "a_shell_does_not_run_it_for_its_input",
            "exec /bin/bash -c 'exec bash -s \"$@\" <{w}/run.sh' bash PROGRAM",
            NOT_RUN,
        ),
        told("E15b", "a_shell_does_not_run_it_for_a_word", "exec /bin/bash -c 'exec \"$@\"' bash PROGRAM", NOT_RUN),
        told("E15c", "python_does_not_run_it_for_a_word", python, 1),
        told("E15d", "perl_does_not_run_it_for_a_word", "exec /usr/bin/perl -e 'exec @ARGV or exit $!' PROGRAM", 13),
        told(
            "E15e",
            "a_shell_does_not_run_it_for_a_document_in_a_script",
            "exec /bin/bash -c 'exec bash /dev/stdin \"$@\" <<< \"exec \\\"\\$@\\\"\"' bash PROGRAM",
            NOT_RUN,
        ),
        told(
            "E15f",
            "a_shell_does_not_run_it_for_a_pipe_with_a_name",
            "exec /bin/bash -c 'mkfifo {w}/p; echo \"exec \\\"\\$@\\\"\" >{w}/p & exec bash {w}/p \"$@\"' bash PROGRAM",
            NOT_RUN,
        ),
        // These start it in a child, whose status is not theirs.
        told(
            "E15g",
            "awk_does_not_run_it",
            "exec /usr/bin/awk 'BEGIN { system(\"echo doer $$; exec PROGRAM\") }'",
            0,
        ),
        told(
            "E15h",
            "find_does_not_run_it",
            "exec /usr/bin/find /etc/hostname -exec /bin/bash -c 'echo doer $$; exec \"$@\"' bash PROGRAM ;",
            0,
        ),
        told(
            "E15i",
            "xargs_does_not_run_it",
            "exec /bin/bash -c 'echo | xargs bash -c \"echo doer \\$\\$; exec \\\"\\$@\\\"\" bash \"$@\"' bash PROGRAM",
            // What xargs makes of it.
            123,
        ),
    ]
    .into()
}

fn scripts(spot: Spot) -> Result<Undo> {
    for (name, text) in [
        ("run.sh", "exec \"$@\"\n"),
        ("run.py", "import os, sys\nos.execv(sys.argv[1], sys.argv[1:])\n"),
        ("run.pl", "exec @ARGV or exit $!;\n"),
    ] {
        put(spot.w(name).as_ref(), text.as_bytes())?;
    }
    Ok(Box::new(()))
}
