//! Why a verdict came out as it did. Every refusal has exactly one reason.

use crate::wire_enum;

wire_enum! {
    /// The reason of a kernel verdict.
    pub enum Reason: u16 {
        /// An edge of the zone graph allows it.
        EdgeAllows = 0 => "edge_allows",
        /// The kill switch stands for every agent.
        KillSwitch = 1 => "kill_switch",
        /// The kill switch stands for this agent.
        KillSwitchAgent = 2 => "kill_switch_agent",
        /// The surface's switch is off.
        SurfaceOff = 3 => "surface_off",
        /// The zone graph has no edge for it.
        NoEdge = 4 => "no_edge",
        /// An edge forbids it.
        EdgeDenies = 5 => "edge_denies",
        /// An edge asks to hold it, and nobody is there to decide.
        HoldUnavailable = 6 => "hold_unavailable",
        /// The object belongs to no file system that the policy knows.
        UnresolvedObject = 7 => "unresolved_object",
        /// The object lies deeper than a walk may go.
        PathTooDeep = 8 => "path_too_deep",
        /// The socket's or address's family is not known to the policy.
        UnknownFamily = 9 => "unknown_family",
        /// The address is too short or cannot be read.
        MalformedAddress = 10 => "malformed_address",
        /// A kernel helper failed; what is not known is refused.
        KernelFault = 11 => "kernel_fault",
        /// The daemon wrote no policy yet.
        NoPolicy = 12 => "no_policy",
        /// The task is an agent's, but its label is not known to this daemon.
        UnknownAgent = 13 => "unknown_agent",
        /// Agents create no device nodes: a node in a work folder would open the device itself.
        DeviceNode = 14 => "device_node",
        /// The option would let packets travel by way of addresses that nobody judged.
        SourceRoute = 15 => "source_route",
        /// A rule for this program forbids these arguments.
        ArgumentRule = 16 => "argument_rule",
        /// There is a rule for this program, and its arguments are too many or too long to be read.
        ArgumentsTooLong = 17 => "arguments_too_long",
        /// Its cgroup came when no slot was ready: there is nobody whose policy it could have.
        NoSlot = 18 => "no_slot",
        /// The folder holds the root of a zone that fewer may write: moved, it would leave the root's path free.
        HoldsRoot = 19 => "holds_root",
        /// A rule looks at this program's arguments, and whoever traces it could change them behind that.
        Traced = 20 => "traced",
    }
}

impl Reason {
    /// The primitive that answers for this reason.
    pub const fn primitive(self) -> &'static str {
        match self {
            Self::KillSwitch | Self::KillSwitchAgent | Self::SurfaceOff => "kill_switch",
            Self::UnknownAgent | Self::NoSlot => "identity_binding",
            Self::EdgeAllows
            | Self::NoEdge
            | Self::EdgeDenies
            | Self::HoldUnavailable
            | Self::UnresolvedObject
            | Self::PathTooDeep
            | Self::UnknownFamily
            | Self::MalformedAddress
            | Self::KernelFault
            | Self::NoPolicy
            | Self::DeviceNode
            | Self::SourceRoute
            | Self::ArgumentRule
            | Self::ArgumentsTooLong
            | Self::Traced
            | Self::HoldsRoot => "network_boundary",
        }
    }

    /// One sentence for a person: what happened, and what would change it.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::EdgeAllows => "an edge of the policy allows it",
            Self::KillSwitch => {
                "the kill switch is on for every agent; `guard recover --note CAUSE` lifts it"
            }
            Self::KillSwitchAgent => {
                "the kill switch is on for this agent; `guard recover --agent NAME --note CAUSE` lifts it"
            }
            Self::SurfaceOff => "this surface is switched off; `guard surface NAME on` switches it on",
            Self::NoEdge => "no edge of the policy leads from this profile to that zone",
            Self::EdgeDenies => "an edge of the policy forbids it",
            Self::HoldUnavailable => {
                "the policy asks for a person's decision, which nobody can give in this version"
            }
            Self::UnresolvedObject => {
                "the object lies on a file system that the policy does not know; applied again it knows what the host has \
                 mounted since"
            }
            Self::PathTooDeep => "the object lies more than 64 directories deep",
            Self::UnknownFamily => "no policy can allow this kind of socket",
            Self::MalformedAddress => "the address is malformed",
            Self::KernelFault => {
                "the kernel could not tell, and what is not known is refused; `guard status` counts it"
            }
            Self::NoPolicy => "no policy is in force yet; `guard status` says why",
            Self::SourceRoute => "the socket option would send packets by way of other addresses",
            Self::ArgumentRule => "a rule of the policy forbids this program these arguments",
            Self::ArgumentsTooLong => {
                "the policy has a rule for this program's arguments, and they are too long to be judged"
            }
            Self::Traced => {
                "the policy has a rule for this program's arguments: it is not traced, and does not start while it is"
            }
            Self::HoldsRoot => {
                "a path of the policy leads through this folder: it stays where it is, and what it is called"
            }
            Self::DeviceNode => {
                "agents may not create device nodes, nor use one outside the kernel's own folders for them"
            }
            Self::NoSlot => {
                "too many cgroups were enrolled while guardd did not run; start it, then this container or unit again"
            }
            Self::UnknownAgent => {
                "the task carries a label that guardd does not know; end it, and start it again"
            }
        }
    }
}
