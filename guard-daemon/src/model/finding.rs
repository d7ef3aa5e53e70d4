//! What a primitive answers.

use serde::{Deserialize, Serialize};

/// How a primitive sees an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It may.
    Pass,
    /// It may not.
    Fail,
    /// Cannot say; never counts as a pass.
    Abstain,
    /// The judge itself failed; counts as a fail.
    Error,
    /// Nothing of this primitive's concern.
    NotApplicable,
}

/// What an answer rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Read from the kernel or computed from what the kernel enforces.
    Exact,
    /// Computed from a model.
    Estimated,
    /// Said by a person or a contract.
    Declared,
}

/// One primitive's answer to one action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The primitive's name: the stem that policy key, module, record and test share.
    pub primitive: String,
    /// Its answer.
    pub answer: Answer,
    /// What the answer rests on.
    pub basis: Basis,
    /// A sentence for a person.
    pub reason: String,
}

impl Finding {
    /// A finding that rests on what the kernel says or enforces.
    pub fn exact(primitive: &str, answer: Answer, reason: impl Into<String>) -> Self {
        Self { primitive: primitive.to_owned(), answer, basis: Basis::Exact, reason: reason.into() }
    }
}
