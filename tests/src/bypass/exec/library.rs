//! A library of the agent's own making, whose code runs as soon as it is loaded.

use std::fs;

use anyhow::Result;

use super::{BOTH, Cases, MAP, PLACES, Spot, Trick, marked_at};
use crate::harness::Profile;
use crate::harness::case::Undo;
use crate::harness::fixture::LIBRARY;

/// What the Python actor ends with for an error that has no errno.
const NO_ERRNO: i32 = 198;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("library.py")), cases };

fn cases() -> Cases {
    let with = |name: &str, library: &str| {
        format!("exec /usr/bin/env {name}={library} GUARDTEST_MARK={{mark}} /usr/bin/true")
    };
    // The loader goes on without what it cannot load, and the program succeeds.
    let loaded = |id, sentence, name| {
        marked_at(PLACES, id, sentence, MAP, &with(name, "{w}/library.so"), &with(name, LIBRARY))
            .ends_with(0)
            .prepared(library_in_w)
    };
    let from_memory = format!("!exec.library.from_memory {LIBRARY} {{mark}}");
    let open = |library| format!("!exec.library.opened {library} {{mark}}");
    [
        loaded("E10e", "a_library_in_the_work_folder_is_not_preloaded", "LD_PRELOAD"),
        loaded("E10f", "a_library_in_the_work_folder_is_no_auditor", "LD_AUDIT"),
        marked_at(
            PLACES,
            "E10g",
            "a_library_in_the_work_folder_is_not_opened",
            MAP,
            &open("{w}/library.so"),
            &open(LIBRARY),
        )
        .ends_with(NO_ERRNO)
        .prepared(library_in_w),
        marked_at(BOTH, "E10h", "a_library_in_memory_is_not_opened", MAP, &from_memory, &from_memory)
            .allowed_as(Profile::Compiler)
            .ends_with(NO_ERRNO),
    ]
    .into()
}

fn library_in_w(spot: Spot) -> Result<Undo> {
    fs::copy(LIBRARY, spot.w("library.so"))?;
    Ok(Box::new(()))
}
