//! Which cgroup makes an agent: one that is tagged already, or one that a rule of the policy takes. The first who
//! enters such a cgroup makes it an instance, with a slot that lies ready: nothing waits for the daemon, and nothing
//! is missed while it is dead.

mod rules;
mod slot;

use guard_common::map::enrol::{LABEL_WAITS, LABEL_WITHOUT_SLOT, RULES_MAX};
use guard_common::map::label::Label;

use self::rules::Search;
use crate::atomic;
use crate::emit;
use crate::kernel::loops::opaque;
use crate::kernel::{Cgroup, Group};
use crate::maps::{AGENT_CGROUPS, ENROL, ENROL_COUNTS, ENROLLED};
use crate::subject::{Subject, label_of_cgroup};

/// `BPF_NOEXIST`: adds a row, and changes none.
const NOEXIST: u64 = 1;

/// Whether a rule has ever enrolled a cgroup here: everybody else is spared the search.
#[inline(always)]
pub fn is_used() -> bool {
    ENROLLED.get(0).is_none_or(|count| *count != 0)
}

/// The label of who enters a cgroup. Enrols the cgroup where a rule takes it.
#[inline(always)]
pub fn label_of_entered(cgroup: Cgroup) -> Option<Label> {
    let slot = (Subject::generation_now() & 1) as u32;
    let rules = ENROL_COUNTS.get(slot).copied().unwrap_or(0);
    if rules == 0 {
        return label_of_cgroup(cgroup);
    }
    let mut search = Search::new(cgroup.into(), slot, rules);
    rules::search(&mut search);
    match opaque(search.rule) {
        rules::TAGGED => label_of_cgroup(cgroup),
        rules::NOTHING => None,
        rule => {
            enrol(opaque(search.at), slot * RULES_MAX + rule);
            // Somebody else may have been faster: it is their row that counts.
            label_of_cgroup(cgroup).or(Some(LABEL_WITHOUT_SLOT))
        }
    }
}

/// Makes a cgroup an instance. Where there is no row for it, everybody who enters is refused everything.
#[inline(never)]
fn enrol(group: Group, rule: u32) -> i32 {
    let Some(rule) = ENROL.get(rule) else { return 0 };
    let mut label = LABEL_WITHOUT_SLOT;
    let taken = slot::take();
    if taken != 0 {
        label =
            Label { agent: taken, profile: rule.profile, flags: LABEL_WAITS, work: 0, temp: 0, mounts: 0 };
        slot::prepare(taken, group, &rule.name);
    }
    let id = group.id();
    if AGENT_CGROUPS.insert(id, label, NOEXIST).is_ok() {
        emit::enrolled(group, &label);
    } else {
        slot::give_back(taken);
    }
    if let Some(count) = ENROLLED.get_ptr_mut(0) {
        // After the event: a daemon that sees the count finds the event in its ring. And without a row: whoever starts
        // a program in there is looked at all the same.
        atomic::fetch_add(count, 1);
    }
    0
}
