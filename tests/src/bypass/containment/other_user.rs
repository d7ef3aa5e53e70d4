//! Another user.

use guard_common::Operation;

use super::{Spot, Trick, Who, on_pd_at};
use crate::harness::fixture::USER;

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[],
    python: None,
    cases: || {
        let line = |path| format!("as-user {USER} write {path}");
        let sentence = "another_user_is_the_same_agent";
        let place = [(Spot::Tmpfs, Who::Root)];
        on_pd_at(place, "C12", sentence, Operation::Open, &line("{pd}/p"), &line("{w}/f"))
    },
};
