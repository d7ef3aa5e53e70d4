//! Who acts: the label of the running task, with the policy generation it is judged under.

use aya_ebpf::bindings::BPF_LOCAL_STORAGE_GET_F_CREATE;
use aya_ebpf::helpers::generated::bpf_task_storage_get;
use guard_common::map::label::Label;
use guard_common::{Reason, ZoneId};

use crate::kernel::{Cgroup, Task};
use crate::maps::{AGENT_CGROUPS, ENTERED, GENERATION, LABELS};

/// Cgroups above a task that are searched for a tagged one.
const CGROUP_DEPTH_MAX: u32 = 16;

/// An agent's task.
#[derive(Clone, Copy)]
pub struct Subject {
    pub agent: u32,
    pub profile: u32,
    pub work: u32,
    pub temp: u32,
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
        let (agent, profile) = (mark & 0xffff, mark >> 16);
        Self { agent, profile, work: 0, temp: 0, generation: Self::generation_now() }
    }

    /// Slot of the generation.
    #[inline(always)]
    pub fn slot(&self) -> u32 {
        (self.generation & 1) as u32
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
    // SAFETY: a task pointer the verifier knows.
    unsafe { bpf_task_storage_get(LABELS.as_ptr(), task.0.cast_mut().cast(), core::ptr::null_mut(), 0) }
        .cast()
}

/// The running task's label. A thread whose process entered an agent's cgroup, and that nobody has walked to yet,
/// takes its process's.
#[inline(always)]
fn label_of_current() -> Option<Label> {
    let task = Task::current();
    let mut label = stored(task);
    if label.is_null() {
        if ENTERED.get(0).is_none_or(|entered| *entered == 0) {
            return None;
        }
        label = stored(task.leader());
        if label.is_null() {
            return None;
        }
        // SAFETY: as in `label_of`. A label that cannot be stored is looked for here again next time.
        let _ = set_label(task, unsafe { &*label });
    }
    // SAFETY: as in `label_of`.
    Some(unsafe { *label })
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
    let mut cgroup = cgroup;
    for _ in 0..CGROUP_DEPTH_MAX {
        let id = cgroup.id();
        // SAFETY: copied at once; a row replaced meanwhile is a label of the same cgroup.
        if let Some(label) = unsafe { AGENT_CGROUPS.get(id) } {
            return Some(*label);
        }
        cgroup = cgroup.parent()?;
    }
    None
}
