//! One attack with everything that makes it a proof: the effect as seen from outside, the one record that it
//! must leave, the control outside an agent, and the allowed variant inside.

use std::any::Any;
use std::fmt;

use anyhow::Result;
use guard_common::{Operation, Reason, Surface};

use super::effect::Effect;
use super::fixture::Spot;
use super::kernel;

/// Which actor performs an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// `guard-act`.
    Program,
    /// The Python one: for what no safe interface offers.
    Python,
    /// A Python one that held descriptors before anybody confined it: see `fixture::HELD`.
    Holder,
}

/// Something to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Who performs it.
    pub by: By,
    /// Way and arguments.
    pub words: Vec<String>,
}

impl Act {
    /// Whether a word of it speaks of something below a path.
    pub fn mentions(&self, path: &str) -> bool {
        self.words.iter().any(|word| word.contains(path.trim_end_matches('/')))
    }
}

/// An act, split at spaces but for `'quoted words'`: `write PATH` is one of `guard-act`, `!file.handle.write PATH`
/// calls the function of `bypass/file/handle.py`, and `!!…` does so in an actor that held descriptors before.
pub fn act(line: &str) -> Act {
    let (by, line) = match (line.strip_prefix("!!"), line.strip_prefix('!')) {
        (Some(line), _) => (By::Holder, line),
        (None, Some(line)) => (By::Python, line),
        (None, None) => (By::Program, line),
    };
    Act { by, words: words(line) }
}

fn words(line: &str) -> Vec<String> {
    let quoted = line.split('\'').enumerate();
    let split = |(at, part): (usize, &str)| match at % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    };
    quoted.flat_map(split).collect()
}

/// What is undone by dropping it.
pub type Undo = Box<dyn Any>;
/// Something that is done from outside before an act is tried.
pub type Prepare = fn(Spot) -> Result<Undo>;

/// An act and what shows that it worked.
#[derive(Clone)]
pub struct Step {
    /// The act.
    pub act: Act,
    /// Its effect.
    pub effect: Effect,
    /// What has to be there for it.
    pub prepare: Option<Prepare>,
    /// In which agent, where it is tried in one.
    pub profile: Profile,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// The ordinary user.
    User,
    /// Root, with every capability.
    Root,
}

impl Who {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::User, Self::Root];

    /// Its name in a case's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Root => "root",
        }
    }
}

/// The profile of the agent that an act is tried in: what its policy lets it do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// What every agent of the suite's may.
    Suite,
    /// Running memory that it wrote too, and so tracing processes of its own.
    Compiler,
    /// Namespaces, mounts, rings of others and every capability on the host too.
    Administrator,
}

impl Profile {
    /// Its name in the suite's policy.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Suite => "suite",
            Self::Compiler => "compiler",
            Self::Administrator => "administrator",
        }
    }
}

/// Kernels that cannot be attacked so, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacking {
    /// Those before this one, which do not have that.
    Before((u32, u32), &'static str),
    /// This one and all later ones, which forbid that themselves.
    From((u32, u32), &'static str),
}

/// How often the kernel asks about one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Once, and one record tells of it.
    Once,
    /// Again after a refusal, whether something else would do instead. Each answer is told, all have the same reason, and
    /// one is of the right action.
    Again,
}

/// One attack.
#[derive(Clone)]
pub struct Case {
    /// Row of the catalogue, with a letter where a row has several: never given to another case.
    pub id: &'static str,
    /// What must hold, in words.
    pub sentence: String,
    /// File system that it is about.
    pub spot: Spot,
    /// As whom.
    pub who: Who,
    /// What must fail inside an agent, and work outside.
    pub attack: Step,
    /// The record of its failure.
    pub refusal: Refusal,
    /// Whether it is the only one.
    pub asks: Asks,
    /// What the refused attack ends with: an errno, or the status of the program that met it.
    pub ends_with: i32,
    /// What must work inside.
    pub allowed: Step,
    /// Kernels that cannot be attacked so; none where nothing is said.
    pub lacking: Option<Lacking>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.sentence)
    }
}

/// Cases that are alike but for place and user, and what is said of all of them.
#[derive(Clone, Debug, Default)]
pub struct Cases(pub Vec<Case>);

impl Cases {
    /// They end with something else than EACCES: another errno, or the status of a program that met it.
    #[must_use]
    pub fn ends_with(self, code: i32) -> Self {
        self.each(|case| case.ends_with = code)
    }

    /// Kernels before this one cannot be attacked so.
    #[must_use]
    pub fn since(self, major: u32, minor: u32, what: &'static str) -> Self {
        self.each(|case| case.lacking = Some(Lacking::Before((major, minor), what)))
    }

    /// This kernel and all later ones forbid it themselves, whoever asks.
    #[must_use]
    pub fn until(self, major: u32, minor: u32, what: &'static str) -> Self {
        self.each(|case| case.lacking = Some(Lacking::From((major, minor), what)))
    }

    /// Their reason is not that no edge leads there.
    #[must_use]
    pub fn reason(self, reason: Reason) -> Self {
        self.each(|case| case.refusal.reason = reason)
    }

    /// The kernel asks more than once about one call.
    #[must_use]
    pub fn asked_again(self) -> Self {
        self.each(|case| case.asks = Asks::Again)
    }

    /// The attack needs something done from outside first.
    #[must_use]
    pub fn prepared(self, prepare: Prepare) -> Self {
        self.each(|case| case.attack.prepare = Some(prepare))
    }

    /// The attack and its allowed variant need something done from outside first.
    #[must_use]
    pub fn both_prepared(self, prepare: Prepare) -> Self {
        self.prepared(prepare).each(|case| case.allowed.prepare = Some(prepare))
    }

    /// The allowed variant is one of an agent that may do more.
    #[must_use]
    pub fn allowed_as(self, profile: Profile) -> Self {
        self.each(|case| case.allowed.profile = profile)
    }

    /// Both are tried in an agent that may do more, so that what is refused is the attack, and not what leads to it.
    #[must_use]
    pub fn both_as(self, profile: Profile) -> Self {
        self.allowed_as(profile).each(|case| case.attack.profile = profile)
    }

    /// The allowed variant needs something done from outside first.
    #[must_use]
    pub fn allowed_prepared(self, prepare: Prepare) -> Self {
        self.each(|case| case.allowed.prepare = Some(prepare))
    }

    /// Kernels before this one ask otherwise, and so the refusal looks otherwise there.
    #[must_use]
    pub fn before(self, major: u32, minor: u32, change: impl Fn(&mut Case)) -> Self {
        let older = kernel::version().is_ok_and(|version| version < (major, minor));
        if older { self.each(change) } else { self }
    }

    /// Changes each.
    #[must_use]
    pub fn each(mut self, change: impl Fn(&mut Case)) -> Self {
        self.0.iter_mut().for_each(change);
        self
    }
}

impl<const N: usize> From<[Cases; N]> for Cases {
    fn from(parts: [Cases; N]) -> Self {
        Self(parts.into_iter().flat_map(|part| part.0).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_is_one_word() {
        assert_eq!(act("a 'b c' d").words, ["a", "b c", "d"]);
        assert_eq!(act("!!x.y ''").words, ["x.y", ""]);
        assert_eq!(act("!!x.y").by, By::Holder);
    }
}
