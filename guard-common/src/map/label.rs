//! Who a task is. Set once, inherited by every child, never shed.

/// A task's label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Label {
    /// Instance's slot, 1 to `AGENTS_MAX - 1`.
    pub agent: u32,
    /// Profile's index; the same in every generation of one policy lineage.
    pub profile: u16,
    /// Zero.
    pub flags: u16,
    /// Private zone id of its work folder, 0 for none.
    pub work: u16,
    /// Private zone id of its temporary folder, 0 for none.
    pub temp: u16,
    /// Zero.
    pub pad: u32,
}

const _: () = assert!(size_of::<Label>() == 16);
