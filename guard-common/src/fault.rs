//! Places where the kernel itself can fail the programs.

use crate::wire_enum;

wire_enum! {
    /// A place where a helper can fail. The number stands in the fault counter's key.
    pub enum Fault: u16 {
        /// A label could not be stored for a new task.
        LabelInherit = 1 => "label_inherit",
        /// A label could not be stored for a task that entered a cgroup.
        LabelEnter = 2 => "label_enter",
        /// A label could not be stored for a task that was in the cgroup before.
        LabelExisting = 3 => "label_existing",
        /// A row that every array holds was not there.
        ArrayRow = 4 => "array_row",
        /// A walk's read failed.
        WalkRead = 5 => "walk_read",
        /// A peer's address could not be read.
        AddressRead = 6 => "address_read",
        /// An event found its ring full.
        RingFull = 7 => "ring_full",
        /// A name's bytes could not be read.
        NameRead = 8 => "name_read",
        /// It could not be noted who made an object.
        OwnerNote = 9 => "owner_note",
        /// It could not be noted that a program's arguments are to be judged.
        StartNote = 10 => "start_note",
        /// A program's arguments could not be read.
        ArgumentRead = 11 => "argument_read",
        /// Policies were pushed faster than a program's arguments could be judged.
        StartMoved = 12 => "start_moved",
        /// A program's digest could not be taken, or was not there where it was to be judged.
        Digest = 13 => "digest",
        /// An inode's zone could not be kept: the next use walks again.
        ZoneKeep = 14 => "zone_keep",
        /// A label could not be stored for a task that started its program in an enrolled cgroup.
        LabelExec = 15 => "label_exec",
        /// A cgroup was to be enrolled, and no slot lay ready for it.
        NoSlot = 16 => "no_slot",
    }
}
