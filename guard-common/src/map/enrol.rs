//! Enrolment by cgroup: which cgroups of the host are agents', by rules over their paths.
//!
//! A rule is matched from the leaf outward, component by component; a component is a text with at most one gap in
//! which anything may stand. Whoever enters a cgroup that a rule takes makes it an instance of its own, with a
//! slot out of [`super::name::RESERVE`].

use super::label::Label;
use crate::limits::AGENTS_MAX;
use crate::wire_enum;

/// Components of a rule. `/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.slice/y.service` has six.
pub const COMPONENTS_MAX: usize = 8;

/// Longest text before a component's gap, and after it, in bytes; a component without one may have both together.
pub const COMPONENT_TEXT_MAX: usize = 64;

/// Rules of one generation, exceptions included. 2 generations * 32 rules * 1,168 B = 73 KiB.
pub const RULES_MAX: u32 = 32;

/// Longest agent's name that a rule gives, and as much of a cgroup's name as serves for one.
pub const AGENT_NAME_MAX: usize = 64;

/// Slots that lie ready for cgroups that come while the daemon is busy or dead. 256 * 8 B = 2 KiB.
pub const RESERVE_MAX: u32 = 256;

/// Agents' names whose new cgroups are born halted. 1,024 * 68 B = 68 KiB.
pub const HALTED_MAX: u32 = 1024;

/// Programs that set agents up, both generations together.
pub const LAUNCHERS_MAX: u32 = 128;

/// The slot of every cgroup that came when no slot was ready: whoever is in it is refused everything.
pub const NO_SLOT: u32 = AGENTS_MAX - 1;

/// The profile of [`NO_SLOT`]: none has this number, so none of its edges leads anywhere.
pub const NO_PROFILE: u16 = u16::MAX;

/// In a cgroup's row: who enters while it runs a launcher is not labelled before it starts another program.
pub const LABEL_WAITS: u16 = 1;

/// In a cgroup's row: it was there before the rule that takes it, and its tasks are still to be walked to. Whoever is
/// found in it may have been at it for long: fewer pass for launchers.
pub const LABEL_FOUND: u16 = 2;

/// The label of a cgroup without a slot.
pub const LABEL_WITHOUT_SLOT: Label =
    Label { agent: NO_SLOT, profile: NO_PROFILE, flags: LABEL_WAITS, work: 0, temp: 0, mounts: 0 };

wire_enum! {
    /// Which paths a rule speaks of.
    pub enum RuleKind: u8 {
        /// Unused row.
        Nothing = 0 => "nothing",
        /// All of the path.
        Path = 1 => "path",
        /// Only the leaf, below nothing but slices: a unit of the system's manager, in whatever slice it is.
        Unit = 2 => "unit",
    }
}

/// One name of a rule's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Component {
    /// What the name begins with, NUL-padded.
    pub start: [u8; COMPONENT_TEXT_MAX],
    /// What it ends with, NUL-padded.
    pub end: [u8; COMPONENT_TEXT_MAX],
    /// Bytes of `start`.
    pub start_len: u32,
    /// Bytes of `end`.
    pub end_len: u16,
    /// 1: anything may stand between the two; 0: nothing.
    pub gap: u16,
}

impl Component {
    /// Matches no name: there is no empty one.
    pub const NOTHING: Self = Self {
        start: [0; COMPONENT_TEXT_MAX],
        end: [0; COMPONENT_TEXT_MAX],
        start_len: 0,
        end_len: 0,
        gap: 0,
    };
}

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct EnrolRule {
    /// Names from the leaf outward.
    pub components: [Component; COMPONENTS_MAX],
    /// How many there are.
    pub count: u32,
    /// [`RuleKind`].
    pub kind: u8,
    /// 1: what it matches is left alone by the rules of the same enrolment behind it.
    pub except: u8,
    /// Zero.
    pub pad: u16,
    /// The policy's enrolment that it belongs to.
    pub enrolment: u32,
    /// Profile's index.
    pub profile: u16,
    /// Zero.
    pub pad_end: u16,
    /// The agent's name, NUL-padded; empty: the cgroup's own.
    pub name: [u8; AGENT_NAME_MAX],
}

impl EnrolRule {
    /// An unused row.
    pub const NOTHING: Self = Self {
        components: [Component::NOTHING; COMPONENTS_MAX],
        count: 0,
        kind: RuleKind::Nothing as u8,
        except: 0,
        pad: 0,
        enrolment: 0,
        profile: 0,
        pad_end: 0,
        name: [0; AGENT_NAME_MAX],
    };
}

/// An agent's name, NUL-padded.
pub type AgentName = [u8; AGENT_NAME_MAX];

const _: () = {
    assert!(size_of::<Component>() == 136);
    assert!(size_of::<EnrolRule>() == 8 * 136 + 16 + 64);
};
