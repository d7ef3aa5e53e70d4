//! Zone ids. Built-in zones have fixed ids; a policy's own follow; an agent's private folders come last.

use crate::limits::ZONES_MAX;

/// A zone's number within one policy generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct ZoneId(pub u16);

const _: () = assert!(ZoneId::OUTSIDE.0 > ZoneId::MEMORY.0 && ZoneId::OUTSIDE.0 < ZoneId::POLICY_FIRST.0);

impl ZoneId {
    /// Not a zone: the object could not be resolved. Never has an edge.
    pub const UNRESOLVED: Self = Self(0);
    /// Resolved, and in no zone of the policy.
    pub const ELSEWHERE: Self = Self(1);
    /// Pipes, sockets, memory files: objects without a place in any file system.
    pub const ANONYMOUS: Self = Self(2);
    /// The work folder of the instance that acts.
    pub const WORK: Self = Self(3);
    /// The private temporary folder of the instance that acts.
    pub const TEMP: Self = Self(4);
    /// Another instance's work or temporary folder.
    pub const FOREIGN: Self = Self(5);
    /// guard's own files, sockets, pins and cgroups. No edge may lead here.
    pub const GUARD: Self = Self(6);

    /// The host itself: its kernel, mounts and namespaces, and the processes that are no agent's.
    pub const HOST: Self = Self(7);
    /// Memory that no file stands behind, where it is run: what a just-in-time compiler writes.
    pub const MEMORY: Self = Self(8);

    /// Not a zone: nothing decides within the object's file system, only outside of it. Kept for folders, never told.
    pub const OUTSIDE: Self = Self(15);

    /// The first id that a policy may give.
    pub const POLICY_FIRST: Self = Self(16);

    /// The first id of an agent's private folders. They have no cells: the folder's owner sees
    /// [`Self::WORK`] or [`Self::TEMP`], everybody else [`Self::FOREIGN`].
    pub const PRIVATE_FIRST: Self = Self(ZONES_MAX as u16);

    /// The built-in zones by the name that policies and records use.
    pub const BUILT_IN: &'static [(&'static str, Self)] = &[
        ("unresolved", Self::UNRESOLVED),
        ("elsewhere", Self::ELSEWHERE),
        ("anonymous", Self::ANONYMOUS),
        ("work", Self::WORK),
        ("temp", Self::TEMP),
        ("foreign", Self::FOREIGN),
        ("guard", Self::GUARD),
        ("host", Self::HOST),
        ("memory", Self::MEMORY),
    ];

    /// Whether this is some agent's private folder.
    pub const fn is_private(self) -> bool {
        self.0 >= Self::PRIVATE_FIRST.0
    }
}
