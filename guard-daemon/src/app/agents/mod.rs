//! Agent instances: which slot, cgroup and folders each one has. What a restarted daemon needs of it stands in a
//! small file; what judgement needs of it is the engine's state.

pub mod folders;
pub mod living;
pub mod name;
pub mod registry;
pub mod watch;
