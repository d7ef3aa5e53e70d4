//! All maps. Their names and rows are `guard_common::map`'s; their sizes are `guard_common::limits`'.

use aya_ebpf::bindings::{BPF_F_MMAPABLE, BPF_F_NO_PREALLOC, bpf_map_type::BPF_MAP_TYPE_TASK_STORAGE};
use aya_ebpf::btf_maps::{Array, HashMap, InodeStorage, LpmTrie, LruHashMap, PerCpuArray, RingBuf};
use aya_ebpf::macros::btf_map;
use guard_common::limits::{
    ADDRESSES_MAX, AGENTS_MAX, ALLOW_RING_BYTES, CELLS_MAX, CHILDREN_MAX, DENY_RING_BYTES, DIGESTS_MAX,
    FAULTS_MAX, FILE_OWNERS_MAX, FOLDER_PATHS_MAX, FOLDERS_MAX, GIVEN_MAX, MARKS_MAX, NAMES_MAX, OWNERS_MAX,
    REMOVALS_MAX, SLOTS,
};
use guard_common::map::address::{AddressHeads, AddressKey, AddressRule};
use guard_common::map::arguments::{ARGUMENT_RULES_MAX, ArgumentRules, ArgumentsKey, Start};
use guard_common::map::cell::Cell;
use guard_common::map::digest::{DigestKey, Measured};
use guard_common::map::enrol::{AgentName, EnrolRule, HALTED_MAX, LAUNCHERS_MAX, RESERVE_MAX, RULES_MAX};
use guard_common::map::label::Label;
use guard_common::map::path::FolderPath;
use guard_common::map::switch::COUNT_COLUMNS;
use guard_common::map::zone::{Cached, ChildKey, GivenKey, Mark, MarkKey, NameKey, NameLengths};
use guard_common::surface::{OPERATIONS, SURFACES as SURFACE_COUNT};

/// Task storage, declared by hand: the library has no type for it. The fields are placeholders that the
/// loader reads through their types; nothing dereferences them.
#[repr(C)]
pub struct TaskStorage<T: 'static> {
    r#type: *const [i32; BPF_MAP_TYPE_TASK_STORAGE as usize],
    key: *const i32,
    value: *const T,
    map_flags: *const [i32; BPF_F_NO_PREALLOC as usize],
}

// SAFETY: nothing but null pointers, never dereferenced.
unsafe impl<T> Sync for TaskStorage<T> {}

impl<T> TaskStorage<T> {
    const fn new() -> Self {
        Self {
            r#type: core::ptr::null(),
            key: core::ptr::null(),
            value: core::ptr::null(),
            map_flags: core::ptr::null(),
        }
    }

    /// The map, as helpers take it.
    #[inline(always)]
    pub fn as_ptr(&self) -> *mut core::ffi::c_void {
        core::ptr::from_ref(self).cast_mut().cast()
    }
}

#[unsafe(link_section = ".maps")]
#[unsafe(export_name = "LABELS")]
pub static LABELS: TaskStorage<Label> = TaskStorage::new();

#[btf_map]
pub static AGENT_CGROUPS: HashMap<u64, Label, { AGENTS_MAX as usize }> = HashMap::new();
#[btf_map]
pub static ENTERED: Array<u64, 1, { BPF_F_MMAPABLE as usize }> = Array::new();
#[btf_map]
pub static ENROL: Array<EnrolRule, { (SLOTS * RULES_MAX) as usize }> = Array::new();
#[btf_map]
pub static ENROL_COUNTS: Array<u32, { SLOTS as usize }> = Array::new();
#[btf_map]
pub static ENROLLED: Array<u64, 1, { BPF_F_MMAPABLE as usize }> = Array::new();
#[btf_map]
pub static RESERVE: Array<u64, { RESERVE_MAX as usize }, { BPF_F_MMAPABLE as usize }> = Array::new();
#[btf_map]
pub static HALTED: HashMap<AgentName, u32, { HALTED_MAX as usize }> = HashMap::new();
#[btf_map]
pub static LAUNCHERS: HashMap<ChildKey, u32, { LAUNCHERS_MAX as usize }> = HashMap::new();
#[btf_map]
pub static KILL: Array<u32, { AGENTS_MAX as usize }> = Array::new();
#[btf_map]
pub static SURFACES_OFF: Array<u32, { SURFACE_COUNT as usize }> = Array::new();
#[btf_map]
pub static GENERATION: Array<u64, 1, { BPF_F_MMAPABLE as usize }> = Array::new();
#[btf_map]
pub static EPOCH: Array<u64, 1, { BPF_F_MMAPABLE as usize }> = Array::new();
#[btf_map]
pub static REMOVALS: Array<u64, { REMOVALS_MAX as usize }> = Array::new();
#[btf_map]
pub static HEARTBEAT: Array<u64, 1> = Array::new();
#[btf_map]
pub static CELLS: Array<Cell, { CELLS_MAX as usize }> = Array::new();
#[btf_map]
pub static MARKS: HashMap<MarkKey, Mark, { MARKS_MAX as usize }, { BPF_F_NO_PREALLOC as usize }> =
    HashMap::new();
#[btf_map]
pub static CHILDREN: HashMap<ChildKey, Mark, { CHILDREN_MAX as usize }, { BPF_F_NO_PREALLOC as usize }> =
    HashMap::new();
#[btf_map]
pub static NAMES: HashMap<NameKey, Mark, { NAMES_MAX as usize }, { BPF_F_NO_PREALLOC as usize }> =
    HashMap::new();
#[btf_map]
pub static NAME_LENGTHS: Array<NameLengths, { SLOTS as usize }> = Array::new();
#[btf_map]
pub static GIVEN: HashMap<GivenKey, u32, { GIVEN_MAX as usize }, { BPF_F_NO_PREALLOC as usize }> =
    HashMap::new();
#[btf_map]
pub static OWNERS: LruHashMap<u64, u32, { OWNERS_MAX as usize }> = LruHashMap::new();
#[btf_map]
pub static FILE_OWNERS: HashMap<u64, u32, { FILE_OWNERS_MAX as usize }, { BPF_F_NO_PREALLOC as usize }> =
    HashMap::new();
#[btf_map]
pub static FILE_OWNERS_HELD: Array<u64, 1> = Array::new();
#[btf_map]
pub static ARGUMENTS: HashMap<
    ArgumentsKey,
    ArgumentRules,
    { ARGUMENT_RULES_MAX as usize },
    { BPF_F_NO_PREALLOC as usize },
> = HashMap::new();
#[btf_map]
pub static DIGESTS: HashMap<DigestKey, Mark, { DIGESTS_MAX as usize }, { BPF_F_NO_PREALLOC as usize }> =
    HashMap::new();
#[btf_map]
pub static DIGESTS_IN_USE: Array<u32, { SLOTS as usize }> = Array::new();
#[unsafe(link_section = ".maps")]
#[unsafe(export_name = "MEASURED")]
pub static MEASURED: TaskStorage<Measured> = TaskStorage::new();
#[unsafe(link_section = ".maps")]
#[unsafe(export_name = "STARTS")]
pub static STARTS: TaskStorage<Start> = TaskStorage::new();
#[btf_map]
pub static ZONE_CACHE: InodeStorage<Cached> = InodeStorage::new();
#[btf_map]
pub static FOLDERS: LruHashMap<MarkKey, u64, { FOLDERS_MAX as usize }> = LruHashMap::new();
#[btf_map]
pub static FOLDER_PATHS: Array<FolderPath, { FOLDER_PATHS_MAX as usize }> = Array::new();
#[btf_map]
pub static ADDRESSES: HashMap<AddressKey, u32, { ADDRESSES_MAX as usize }, { BPF_F_NO_PREALLOC as usize }> =
    HashMap::new();
#[btf_map]
pub static NETWORKS: LpmTrie<AddressKey, AddressRule, { ADDRESSES_MAX as usize }> = LpmTrie::new();
#[btf_map]
pub static ADDRESS_HEADS: Array<AddressHeads, { SLOTS as usize }> = Array::new();
#[btf_map]
pub static DENIES: RingBuf<guard_common::event::Event, { DENY_RING_BYTES as usize }> = RingBuf::new();
#[btf_map]
pub static ALLOWS: RingBuf<guard_common::event::Event, { ALLOW_RING_BYTES as usize }> = RingBuf::new();
#[btf_map]
pub static LISTENS: Array<u64, 1, { BPF_F_MMAPABLE as usize }> = Array::new();
#[btf_map]
pub static SEQUENCE: PerCpuArray<u64, 2> = PerCpuArray::new();
#[btf_map]
pub static FAULTS: HashMap<u32, u64, { FAULTS_MAX as usize }> = HashMap::new();
#[btf_map]
pub static INJECTED: Array<u64, 1> = Array::new();
#[btf_map]
pub static COUNTS: PerCpuArray<u64, { (OPERATIONS * COUNT_COLUMNS) as usize }> = PerCpuArray::new();
