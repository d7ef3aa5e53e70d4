//! Class T: reaching for guard itself.

use super::Trick;

/// See the module.
pub const TRICKS: &[Trick] = &[];
