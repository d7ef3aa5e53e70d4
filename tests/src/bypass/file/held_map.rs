//! A shared mapping of a descriptor that was open before: what is stored there is in the file.

use guard_common::Operation;

use super::{Cases, HELD, TWO_PLACES, Trick, on_held, on_pd_at};

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("held_map.py")), cases };

fn cases() -> Cases {
    let later = |id, sentence, function: &str| {
        let line = |path: &str| format!("!!file.held_map.{function} {path}");
        let (attack, allowed) = (line(&format!("{{pd}}/{HELD}")), line("{w}/f"));
        on_pd_at(TWO_PLACES, id, sentence, Operation::Map, &attack, &allowed)
    };
    [
        on_held("F10", "a_shared_mapping_does_not_write", Operation::Map, "held_map.writable"),
        later("F10b", "a_shared_mapping_for_reading_does_not_become_one_for_writing", "made_writable"),
        later("F10c", "a_shared_mapping_does_not_become_writable_by_its_key", "made_writable_by_key"),
    ]
    .into()
}
