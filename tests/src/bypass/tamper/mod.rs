//! Class T: reaching for guard itself, and for the kernel that it stands on. What is done to the daemon that runs is in
//! `kernel::daemon`: a control would end it.

mod cgroup;
mod control_socket;
mod kernel_memory;
mod kernel_objects;
mod own_files;

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at};

/// See the module.
pub const TRICKS: &[Trick] =
    &[own_files::TRICK, kernel_objects::TRICK, kernel_memory::TRICK, cgroup::TRICK, control_socket::TRICK];
