//! One attack with everything that makes it a proof: the effect as seen from outside, the one record that it
//! must leave, the control outside an agent, and the allowed variant inside. No field can be left out.

use guard_common::{Operation, Reason, Surface};

use super::effect::Effect;

/// Something to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Whether the Python actor has it.
    pub exotic: bool,
    /// Trick and arguments.
    pub words: Vec<String>,
}

impl Act {
    /// Whether a word of it speaks of something below a path.
    pub fn mentions(&self, path: &str) -> bool {
        self.words.iter().any(|word| word.contains(path.trim_end_matches('/')))
    }
}

/// An act of `guard-act`; the text is split at spaces.
pub fn act(line: &str) -> Act {
    Act { exotic: false, words: line.split_whitespace().map(str::to_owned).collect() }
}

/// An act of `exotic.py`.
pub fn exotic(line: &str) -> Act {
    Act { exotic: true, ..act(line) }
}

/// An act and what shows that it worked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The act.
    pub act: Act,
    /// Its effect.
    pub effect: Effect,
}

/// The record that a refusal must leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Class of action.
    pub surface: Surface,
    /// Kind of action.
    pub operation: Operation,
    /// Why.
    pub reason: Reason,
}

impl Refusal {
    /// A refusal because no edge leads there.
    pub const fn no_edge(surface: Surface, operation: Operation) -> Self {
        Self { surface, operation, reason: Reason::NoEdge }
    }
}

/// As whom an act is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The ordinary user.
    User,
    /// Root, with every capability.
    Root,
}

impl Who {
    /// Its name in a case's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Root => "root",
        }
    }
}

/// One attack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// As whom.
    pub who: Who,
    /// What must fail inside an agent, and work outside.
    pub attack: Step,
    /// The one record of its failure.
    pub refusal: Refusal,
    /// What must work inside.
    pub allowed: Step,
}
