//! Who acts: the label of the running task, with the policy generation it is judged under.

use aya_ebpf::bindings::BPF_LOCAL_STORAGE_GET_F_CREATE;
use aya_ebpf::helpers::generated::bpf_task_storage_get;
use guard_common::map::enrol::LABEL_WAITS;
use guard_common::map::label::{Label, MISSED};
use guard_common::{Reason, ZoneId};

use crate::kernel::loops::{END, GO_ON, opaque, repeat, unknown};
use crate::kernel::{Cgroup, Group, Task};
use crate::launcher;
use crate::maps::{AGENT_CGROUPS, ENTERED, GENERATION, LABELS};

/// Cgroups above a task that are searched for a tagged one: far more than anybody nests.
pub const CGROUP_DEPTH_MAX: u32 = 512;

/// An agent's task.
#[derive(Clone, Copy)]
pub struct Subject {
    pub agent: u32,
    pub profile: u32,
    pub work: u32,
    pub temp: u32,
    /// Mount namespace that was made for it; 0 for none.
    pub mounts: u32,
    /// Generation that every look-up of this hook uses, whatever is pushed meanwhile.
    pub generation: u64,
}

impl Subject {
    /// The running task as an agent's; `None` for everybody else.
    #[inline(always)]
    pub fn current() -> Option<Self> {
        label_of_current().map(Self::of)
    }

    /// The same, for a program that may sleep: another hook has judged the running thread before, and so given it
    /// its process's label where it had none of its own.
    #[inline(always)]
    pub fn current_judged() -> Option<Self> {
        label_of(Task::current()).map(Self::of)
    }

    #[inline(always)]
    fn of(label: Label) -> Self {
        Self {
            agent: label.agent,
            profile: u32::from(label.profile),
            work: u32::from(label.work),
            temp: u32::from(label.temp),
            mounts: label.mounts,
            generation: Self::generation_now(),
        }
    }

    /// The policy generation in force.
    #[inline(always)]
    pub fn generation_now() -> u64 {
        GENERATION.get(0).map_or(0, |generation| {
            // SAFETY: a live array row. Volatile: one read, so that one hook never sees two generations.
            unsafe { core::ptr::read_volatile(generation) }
        })
    }

    /// What its objects are marked with: slot, and profile above it.
    #[inline(always)]
    pub fn mark(&self) -> u32 {
        self.agent | (self.profile << 16)
    }

    /// Whoever left a mark, where somebody else acts for it. Sees no private folder as its own.
    #[inline(always)]
    pub fn of_mark(mark: u32) -> Self {
        Self::of_parts(mark, 0, Self::generation_now())
    }

    /// Itself again, from what fits into a call: [`Self::mark`], [`Self::private`] and the generation. Without its
    /// mount namespace: good for everything but a walk.
    #[inline(always)]
    pub fn of_parts(mark: u32, private: u32, generation: u64) -> Self {
        let (agent, profile) = (mark & 0xffff, mark >> 16);
        Self { agent, profile, work: private & 0xffff, temp: private >> 16, mounts: 0, generation }
    }

    /// Zones of its private folders.
    #[inline(always)]
    pub fn private(&self) -> u32 {
        self.work | (self.temp << 16)
    }

    /// Slot of the generation.
    #[inline(always)]
    pub fn slot(&self) -> u32 {
        (self.generation & 1) as u32
    }

    /// What a walk needs to know: the generation's slot, and above it the mount namespace.
    #[inline(always)]
    pub fn view(&self) -> u64 {
        u64::from(self.slot()) | (u64::from(self.mounts) << 32)
    }

    /// The zone as this agent sees it: private folders are work, temp, or somebody else's.
    #[inline(always)]
    pub fn sees(&self, zone: u32) -> u32 {
        if zone < u32::from(ZoneId::PRIVATE_FIRST.0) {
            zone
        } else if zone == self.work {
            u32::from(ZoneId::WORK.0)
        } else if zone == self.temp {
            u32::from(ZoneId::TEMP.0)
        } else {
            u32::from(ZoneId::FOREIGN.0)
        }
    }

    /// Refuses where no policy was ever written.
    #[inline(always)]
    pub fn has_policy(&self) -> Result<(), Reason> {
        if self.generation == 0 { Err(Reason::NoPolicy) } else { Ok(()) }
    }
}

/// A task's label.
#[inline(always)]
pub fn label_of(task: Task) -> Option<Label> {
    // SAFETY: where there is a value, it lives as long as the task.
    unsafe { stored(task).as_ref().copied() }
}

#[inline(always)]
fn stored(task: Task) -> *const Label {
    // Most tasks of a host have nothing kept with them: that costs a load, and the look-up fifty times that.
    if task.storage() == 0 {
        return core::ptr::null();
    }
    // SAFETY: a task pointer the verifier knows.
    unsafe { bpf_task_storage_get(LABELS.as_ptr(), task.0.cast_mut().cast(), core::ptr::null_mut(), 0) }
        .cast()
}

/// The running task's label. A thread whose process entered an agent's cgroup, and that nobody has walked to yet,
/// takes its process's; where a label could not be stored, its cgroup's.
#[inline(always)]
fn label_of_current() -> Option<Label> {
    let task = Task::current();
    if let Some(label) = label_of(task) {
        return Some(label);
    }
    if ENTERED.get(0).is_some_and(|entered| *entered == 0) {
        return None;
    }
    let mut label = Label::default();
    if find_label(&raw mut label) == 0 { None } else { Some(label) }
}

/// Looks for the label of a running task that has none of its own, and stores it; 0 where there is none.
///
/// A global function: the verifier reads it once, knowing nothing of its callers, and goes on with any label. Otherwise
/// it would read the rest of every hook again for each place where a label can come from.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn find_label(label: *mut Label) -> i32 {
    // SAFETY: a null pointer is handled; any other is a label, which the verifier checks at each call.
    let Some(label) = (unsafe { label.as_mut() }) else { return 0 };
    let task = Task::current();
    let entered = ENTERED.get(0).copied().unwrap_or(MISSED);
    let mut found = stored(task.leader());
    if found.is_null() && entered & MISSED != 0 {
        found = label_by_cgroup();
    }
    // SAFETY: as in `label_of`, or a live row.
    let Some(found) = (unsafe { found.as_ref() }) else { return 0 };
    *label = *found;
    // A label that cannot be stored is looked for here again next time.
    let _ = set_label(task, found);
    1
}

/// The row of the running task's cgroup, if it makes the task an agent's now.
#[inline(always)]
fn label_by_cgroup() -> *const Label {
    let task = Task::current();
    let row = row_of_cgroup(task.cgroup());
    // SAFETY: a live row.
    let Some(label) = (unsafe { row.as_ref() }) else { return row };
    let waits = label.flags & LABEL_WAITS != 0;
    if waits && launcher::is_run_by(task, launcher::When::of(label)) { core::ptr::null() } else { row }
}

/// Gives a task a label; a label once given stays as it is.
#[inline(always)]
pub fn set_label(task: Task, label: &Label) -> Result<(), ()> {
    // SAFETY: as above; the helper copies the label.
    let value = unsafe {
        bpf_task_storage_get(
            LABELS.as_ptr(),
            task.0.cast_mut().cast(),
            core::ptr::from_ref(label).cast_mut().cast(),
            u64::from(BPF_LOCAL_STORAGE_GET_F_CREATE),
        )
    };
    if value.is_null() { Err(()) } else { Ok(()) }
}

/// The label that a cgroup, or one above it, is tagged with.
#[inline(always)]
pub fn label_of_cgroup(cgroup: Cgroup) -> Option<Label> {
    // SAFETY: copied at once; a row replaced meanwhile is a label of the same cgroup.
    unsafe { row_of_cgroup(cgroup).as_ref().copied() }
}

#[inline(always)]
fn row_of_cgroup(cgroup: Cgroup) -> *const Label {
    let id = tagged_above(cgroup.into());
    // SAFETY: the pointer goes on as one.
    unsafe { AGENT_CGROUPS.get(id) }.map_or(core::ptr::null(), core::ptr::from_ref)
}

struct Climb {
    at: Group,
    id: u64,
}

/// Id of the nearest tagged cgroup, from this one outward; 0 where there is none.
#[inline(never)]
fn tagged_above(group: Group) -> u64 {
    let mut climb = Climb { at: opaque(group), id: unknown() };
    repeat(CGROUP_DEPTH_MAX, &mut climb, look_for_tag);
    opaque(climb.id)
}

fn look_for_tag(_: u32, climb: *mut Climb) -> i64 {
    // SAFETY: the state of `tagged_above`.
    let climb = unsafe { &mut *climb };
    let id = climb.at.id();
    // SAFETY: nothing is kept.
    if unsafe { AGENT_CGROUPS.get(id) }.is_some() {
        climb.id = id;
        return END;
    }
    climb.at = climb.at.parent();
    if climb.at.is_none() { END } else { GO_ON }
}
