//! Rows of the kernel maps, by map. Names of maps are the pins' names.

pub mod address;
pub mod arguments;
pub mod cell;
pub mod digest;
pub mod enrol;
pub mod label;
pub mod path;
pub mod switch;
pub mod zone;

/// Names of the maps, as pinned under the guard folder of the BPF file system.
pub mod name {
    /// Task storage: [`super::label::Label`].
    pub const LABELS: &str = "LABELS";
    /// Hash: cgroup id (u64) to [`super::label::Label`].
    pub const AGENT_CGROUPS: &str = "AGENT_CGROUPS";
    /// Array of one: how many processes with threads have entered an agent's cgroup since every thread was last
    /// known to be labelled (u64). The kernel shows the programs no thread but the first as they enter: while this
    /// is not 0, a thread without a label is asked for its process's.
    /// The highest bit, [`super::label::MISSED`]: somebody in there has none, for it could not be stored, or because the
    /// programs came after it.
    /// Mappable (`BPF_F_MMAPABLE`): the daemon takes it back to 0 when it has walked all threads.
    pub const ENTERED: &str = "ENTERED";
    /// Array: [`super::enrol::EnrolRule`], by slot of the generation and number.
    pub const ENROL: &str = "ENROL";
    /// Array: how many rules a generation has (u32), by slot.
    pub const ENROL_COUNTS: &str = "ENROL_COUNTS";
    /// Array of one: how many cgroups the programs or the daemon have enrolled since the map was made (u64).
    /// Mappable (`BPF_F_MMAPABLE`): the daemon compares it with what it knows.
    pub const ENROLLED: &str = "ENROLLED";
    /// Array: slots that lie ready (u64), 0 where one was taken.
    /// Mappable (`BPF_F_MMAPABLE`): the programs exchange a slot for 0, the daemon 0 for a slot.
    pub const RESERVE: &str = "RESERVE";
    /// Hash: [`super::enrol::AgentName`] to [`super::switch::KillMode`] (u32): its new cgroups are born with that word.
    pub const HALTED: &str = "HALTED";
    /// Hash: [`super::zone::ChildKey`] to 1 (u32): programs of the host that set agents up, by folder and name.
    pub const LAUNCHERS: &str = "LAUNCHERS";
    /// Array: [`super::switch::KillMode`] as u32, by agent slot; slot 0 is every agent.
    pub const KILL: &str = "KILL";
    /// Array: 0 on, 1 off (u32), by [`crate::Surface`].
    pub const SURFACES_OFF: &str = "SURFACES_OFF";
    /// Array of one: the policy generation in force (u64); its lowest bit is the slot. 0: no policy yet.
    /// Mappable (`BPF_F_MMAPABLE`): the daemon flips it with one atomic store.
    pub const GENERATION: &str = "GENERATION";
    /// Array of one: grows whenever a directory was moved, or a private mark came or went (u64).
    /// Mappable (`BPF_F_MMAPABLE`): the daemon and the programs both add to it, each with one atomic add.
    pub const EPOCH: &str = "EPOCH";
    /// Array: how often removing a directory was tried (u64), by the lowest bits of the inode number of the directory that
    /// it stood in: see [`crate::limits::REMOVALS_MAX`].
    pub const REMOVALS: &str = "REMOVALS";
    /// Array of one: the daemon's last sign of life (u64, nanoseconds since boot).
    pub const HEARTBEAT: &str = "HEARTBEAT";
    /// Array: [`super::cell::Cell`], by [`super::cell::index`].
    pub const CELLS: &str = "CELLS";
    /// Hash: [`super::zone::MarkKey`] to [`super::zone::Mark`].
    pub const MARKS: &str = "MARKS";
    /// Hash: [`super::zone::ChildKey`] to [`super::zone::Mark`].
    pub const CHILDREN: &str = "CHILDREN";
    /// Hash: [`super::zone::NameKey`] to [`super::zone::Mark`].
    pub const NAMES: &str = "NAMES";
    /// Array: [`super::zone::NameLengths`], by slot.
    pub const NAME_LENGTHS: &str = "NAME_LENGTHS";
    /// Hash: [`super::zone::GivenKey`] to 1 (u32).
    pub const GIVEN: &str = "GIVEN";
    /// Hash that forgets the least used: address of a System V object or a key, to who made it: slot, and profile from
    /// bit 16 (u32). Forgotten is the host's.
    pub const OWNERS: &str = "OWNERS";
    /// Hash: address of what says to whom a file's signals go, to the agent that chose (u32, as in [`OWNERS`]).
    /// Forgotten would be nobody's: it forgets none.
    pub const FILE_OWNERS: &str = "FILE_OWNERS";
    /// Array of one: rows of [`FILE_OWNERS`] (u64).
    pub const FILE_OWNERS_HELD: &str = "FILE_OWNERS_HELD";
    /// Inode storage: [`super::zone::Cached`].
    pub const ZONE_CACHE: &str = "ZONE_CACHE";
    /// Hash that forgets the least used: a directory's [`super::zone::MarkKey`] to [`super::zone::kept_folder`] (u64).
    pub const FOLDERS: &str = "FOLDERS";
    /// Array: [`super::path::FolderPath`], by [`super::path::FolderKey::row`].
    pub const FOLDER_PATHS: &str = "FOLDER_PATHS";
    /// Hash: [`super::arguments::ArgumentsKey`] to [`super::arguments::ArgumentRules`].
    pub const ARGUMENTS: &str = "ARGUMENTS";
    /// Hash: [`super::digest::DigestKey`] to [`super::zone::Mark`].
    pub const DIGESTS: &str = "DIGESTS";
    /// Array: how many digests a generation has (u32), by slot.
    pub const DIGESTS_IN_USE: &str = "DIGESTS_IN_USE";
    /// Task storage: [`super::digest::Measured`].
    pub const MEASURED: &str = "MEASURED";
    /// Task storage: [`super::arguments::Start`].
    pub const STARTS: &str = "STARTS";
    /// Hash: [`super::address::AddressKey`] of a whole address to its zone (u32).
    pub const ADDRESSES: &str = "ADDRESSES";
    /// Longest prefix: [`super::address::AddressKey`] to [`super::address::AddressRule`].
    pub const NETWORKS: &str = "NETWORKS";
    /// Array: [`super::address::AddressHeads`], by slot.
    pub const ADDRESS_HEADS: &str = "ADDRESS_HEADS";
    /// Ring: refusals and holds.
    pub const DENIES: &str = "DENIES";
    /// Ring: routine allows.
    pub const ALLOWS: &str = "ALLOWS";
    /// Array of one: until when the daemon looks at [`ALLOWS`] by itself (u64, nanoseconds since boot).
    /// Mappable (`BPF_F_MMAPABLE`): the daemon writes it after each look that found something.
    pub const LISTENS: &str = "LISTENS";
    /// Per-CPU array: last sequence number (u64), by [`crate::event::Ring`].
    pub const SEQUENCE: &str = "SEQUENCE";
    /// Hash: `fault << 16 | errno` (u32) to count (u64).
    pub const FAULTS: &str = "FAULTS";
    /// Array of one: which of [`crate::fault::Fault`] happen on purpose (u64), a bit for each. Read only by programs
    /// that were loaded for that.
    pub const INJECTED: &str = "INJECTED";
    /// Per-CPU array: verdicts (u64), by [`super::switch::count_index`].
    pub const COUNTS: &str = "COUNTS";

    /// Every map that must be pinned for enforcement to outlive the daemon.
    pub const ALL: &[&str] = &[
        LABELS,
        AGENT_CGROUPS,
        ENTERED,
        ENROL,
        ENROL_COUNTS,
        ENROLLED,
        RESERVE,
        HALTED,
        LAUNCHERS,
        KILL,
        SURFACES_OFF,
        GENERATION,
        EPOCH,
        REMOVALS,
        HEARTBEAT,
        CELLS,
        MARKS,
        CHILDREN,
        NAMES,
        NAME_LENGTHS,
        GIVEN,
        OWNERS,
        FILE_OWNERS,
        FILE_OWNERS_HELD,
        ZONE_CACHE,
        FOLDERS,
        FOLDER_PATHS,
        ARGUMENTS,
        STARTS,
        DIGESTS,
        DIGESTS_IN_USE,
        MEASURED,
        ADDRESSES,
        NETWORKS,
        ADDRESS_HEADS,
        DENIES,
        ALLOWS,
        LISTENS,
        SEQUENCE,
        FAULTS,
        INJECTED,
        COUNTS,
    ];
}
