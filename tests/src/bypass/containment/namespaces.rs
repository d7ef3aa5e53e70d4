//! New namespaces around the same task.

use super::{Trick, as_another};
use crate::act::process::leave_namespaces;
use crate::act::{perform, way_alone};
use crate::bypass::{filled, needs_namespaces};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[way_alone("in-namespaces", |a, out| {
        leave_namespaces()?;
        perform(a.rest(0), out)
    })],
    python: None,
    cases: || {
        let cases = as_another("C08", "new_namespaces_do_not_shed_the_label", "in-namespaces write");
        needs_namespaces(cases.each(|case| case.allowed.act = filled(case.spot, "write {w}/f")))
    },
};
