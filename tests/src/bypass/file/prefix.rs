//! A name that begins like an allowed one: below another folder, it is another thing.

use anyhow::Result;
use guard_common::{Operation, Surface};

use super::{Cases, Effect, PLACES, Refusal, Spot, Trick, at};
use crate::harness::case::Undo;
use crate::harness::fixture::{WHOLE, folder, put};

pub(super) const TRICK: Trick = Trick { module: module_path!(), ways: &[], python: None, cases };

fn cases() -> Cases {
    let write = |id, sentence, operation, attack| {
        let refusal = Refusal::no_edge(Surface::Write, operation);
        let (beside, w) = (&Effect::changed("{top}/w-evil"), &Effect::changed("{w}"));
        at(PLACES, id, sentence, refusal, (attack, beside), ("write {w}/f", w)).prepared(beside_w)
    };
    [
        write("F41", "a_folder_whose_name_goes_on_is_another_one", Operation::Open, "write {top}/w-evil/p"),
        write("F41b", "nothing_is_made_in_it_either", Operation::Mknod, "create {top}/w-evil/new"),
    ]
    .into()
}

fn beside_w(spot: Spot) -> Result<Undo> {
    let beside = spot.at("w-evil");
    let _ = std::fs::remove_dir_all(&beside);
    folder(&beside)?;
    put(format!("{beside}/p").as_ref(), WHOLE)?;
    Ok(Box::new(()))
}
