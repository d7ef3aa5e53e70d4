//! Code that no file on disk holds, or that is no longer what its file holds: put into memory, and jumped to. Each
//! leaves the mark by a system call that its own code makes.

use std::fs;

use anyhow::Result;
use guard_common::{Operation, Surface};

use super::{BOTH, Cases, MAP, PLACES, Refusal, Spot, Trick, marked_at};
use crate::harness::Profile;
use crate::harness::case::Undo;
use crate::harness::fixture::{LIBRARY, ON_HEAP, ON_STACK};

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("memory_code.py")), cases };

fn cases() -> Cases {
    let line = |function: &str| format!("!exec.memory_code.{function} {{mark}}");
    // The same is what a compiler does that makes its code while it runs.
    let alike = |id, sentence, line: &str| {
        marked_at(BOTH, id, sentence, MAP, line, line).allowed_as(Profile::Compiler)
    };
    let code = |id, sentence, function| alike(id, sentence, &line(function));
    let program =
        |id, sentence, program: &str| alike(id, sentence, &format!("exec {program} {{mark}}")).ends_with(0);
    let file = |id, sentence, function: &str| {
        let attack = format!("!exec.memory_code.{function} {{w}}/code {{mark}}");
        marked_at(PLACES, id, sentence, MAP, &attack, &format!("!exec.library.opened {LIBRARY} {{mark}}"))
    };
    [
        code("E11", "memory_that_was_written_does_not_become_code", "written_then_executable"),
        code("E11b", "memory_is_not_code_from_the_start", "executable_at_once"),
        code("E11c", "shared_memory_is_no_code", "shared_memory"),
        code("E11d", "a_file_in_memory_is_no_code", "memory_file"),
        code("E11e", "a_changed_copy_of_a_librarys_page_is_no_code", "changed_library"),
        code("E11f", "the_heap_is_no_code", "heap"),
        code("E11g", "the_stack_is_no_code", "stack"),
        code("E11h", "memory_with_a_protection_key_is_no_code", "protection_key"),
        // Who may not have it is killed: there is no call to refuse.
        code("E11i", "a_personality_makes_no_memory_code", "personality").ends_with(0),
        code("E11s", "a_personality_makes_no_heap_code", "personality_heap").ends_with(0),
        program("E11t", "a_personality_by_the_gate_for_32_bits_makes_no_heap_code", ON_HEAP),
        program("E11u", "a_program_that_wants_code_on_its_stack_does_not_begin", ON_STACK),
        code("E11j", "a_shared_segment_is_no_code", "segment"),
        // Nothing of /proc is opened for writing. A compiler changes its own copy of the page.
        marked_at(
            BOTH,
            "E11k",
            "code_is_not_changed_through_proc",
            Refusal::no_edge(Surface::Write, Operation::Open),
            &line("through_proc"),
            &line("changed_library"),
        )
        .allowed_as(Profile::Compiler)
        .until(7, 2, "writing read-only memory by that file"),
        code("E11p", "huge_pages_are_no_code", "huge_pages").both_prepared(huge_pages),
        code("E11q", "a_rings_memory_is_no_code", "ring_memory").until(
            6,
            16,
            "running the memory of files without a name",
        ),
        code("E11r", "a_mapping_of_zeros_is_no_code", "zeros"),
        code("E11l", "a_childs_code_is_not_changed_by_its_tracer", "by_tracer")
            .each(|case| case.refusal = Refusal::no_edge(Surface::Exec, Operation::Trace)),
        file("E11m", "a_file_in_the_work_folder_is_no_code", "mapped_file"),
        file("E11n", "a_shared_mapping_of_a_file_in_the_work_folder_is_no_code", "mapped_file_shared"),
    ]
    .into()
}

/// The host keeps some for whoever asks.
fn huge_pages(_: Spot) -> Result<Undo> {
    fs::write("/proc/sys/vm/nr_hugepages", "4")?;
    Ok(Box::new(()))
}
