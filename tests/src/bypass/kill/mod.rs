//! Class K: acting on after the halt.

use super::Trick;

/// See the module.
pub const TRICKS: &[Trick] = &[];
