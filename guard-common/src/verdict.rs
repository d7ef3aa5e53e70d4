//! What is decided about an action.

use crate::wire_enum;

wire_enum! {
    /// The answer to an action. The numbers lie far apart, so that no flipped bit turns one into another,
    /// and zero (forgotten memory) is none of them.
    #[must_use]
    pub enum Verdict: u32 {
        /// It goes on.
        Allow = 0x00a1_10c0 => "allow",
        /// It waits in the kernel until someone decides.
        Hold = 0x5e77_1ed0 => "hold",
        /// It fails.
        Deny = 0xdead_0bad => "deny",
    }
}
