//! Agent instances: which slot, cgroup and folders each one has. What a restarted daemon needs of it stands in a
//! small file; what judgement needs of it is the engine's state.

pub(super) mod folders;
pub(super) mod name;
pub(super) mod registry;
pub(super) mod watch;
