//! Class K: acting on after the halt. An order comes from outside and stands until it is lifted, so none of it is a
//! single attack: the checks are in `kernel::kill` and `kernel::halt`.

use super::Trick;

/// See the module.
pub const TRICKS: &[Trick] = &[];
