//! Every bound that the kernel maps have, with its arithmetic. The policy compiler refuses what exceeds one.

/// Agent instances alive at once, and the size of the kill array. Slot 0 is "every agent".
/// 4,096 kill words * 4 B = 16 KiB.
pub const AGENTS_MAX: u32 = 4096;

/// Profiles in one policy.
pub const PROFILES_MAX: u32 = 64;

/// Zones in one policy, the built-in ones included.
/// Cells: 2 generations * 64 profiles * 1,024 zones * 8 B = 1 MiB.
pub const ZONES_MAX: u32 = 1024;

/// Policy generations that live side by side: the one in force and the one being written.
pub const SLOTS: u32 = 2;

/// Rows of the cell array.
pub const CELLS_MAX: u32 = SLOTS * PROFILES_MAX * ZONES_MAX;

/// Marked directories and files, both generations together.
pub const MARKS_MAX: u32 = 131_072;

/// Rules for a child that did not exist when the policy was loaded.
pub const CHILDREN_MAX: u32 = 32_768;

/// Name rules, both generations together.
pub const NAMES_MAX: u32 = 4_096;

/// Longest text of a name rule, in bytes: `.kube`, `*.pem`, `.env.*`.
pub const NAME_RULE_LEN_MAX: usize = 32;

/// Longest last component of a root that does not exist yet, in bytes.
pub const CHILD_NAME_LEN_MAX: usize = 40;

/// Objects that launchers gave their agents: at most three each.
pub const GIVEN_MAX: u32 = 3 * AGENTS_MAX;

/// System V objects and keys whose makers are known. Beyond, the least used is forgotten, and out of its maker's
/// reach: 16,384 * about 80 B = 1.3 MiB.
pub const OWNERS_MAX: u32 = 16_384;

/// Files whose signals agents have chosen a receiver for: 16,384 * about 70 B = 1.1 MiB. From half of that on agents may
/// choose no more, so that none goes unnoted where several choose at once.
pub const FILE_OWNERS_MAX: u32 = 16_384;

/// Digests of programs, both generations together: 4,096 * about 100 B = 400 KiB.
pub const DIGESTS_MAX: u32 = 4_096;

/// Rows that count removed directories: a power of two. 1,024 * 8 B = 8 KiB.
pub const REMOVALS_MAX: u32 = 1_024;
const _: () = assert!(REMOVALS_MAX.is_power_of_two());

/// Directories whose zone is kept: 4,096 * about 100 B = 400 KiB.
pub const FOLDERS_MAX: u32 = 4_096;

/// Directories whose path is kept for events: 512 * 304 B = 152 KiB.
pub const FOLDER_PATHS_MAX: u32 = 512;

/// Address rules, both generations together, for whole addresses and for networks: either table has room for all.
/// 131,072 buckets * 16 B = 2 MiB, and beside them only what rows there are: about 96 B for an address, up to 128 B for
/// a network.
pub const ADDRESSES_MAX: u32 = 131_072;

/// Directories between an object and its file system's root that a walk follows. Deeper: refused, with
/// [`crate::Reason::PathTooDeep`].
pub const WALK_STEPS_MAX: u32 = 64;

/// Bytes of path text that an event carries.
pub const PATH_BYTES_MAX: usize = 4096;

/// Ring for refusals and holds: 4 MiB, about 20,000 refusals with paths of usual length.
pub const DENY_RING_BYTES: u32 = 4 << 20;

/// Ring for routine allows: 4 MiB. A loss here is known by its sequence numbers.
pub const ALLOW_RING_BYTES: u32 = 4 << 20;

/// Distinct (fault, errno) pairs counted when a kernel helper fails.
pub const FAULTS_MAX: u32 = 1024;

/// A daemon whose heartbeat is older than this is taken for dead.
pub const HEARTBEAT_STALE_NS: u64 = 5_000_000_000;
