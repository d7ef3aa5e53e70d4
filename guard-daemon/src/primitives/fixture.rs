//! One action and one state that every primitive passes; tests change what they are about.

use std::collections::{BTreeMap, BTreeSet};

use guard_common::event::Ring;
use guard_common::map::cell::Cell;
use guard_common::{Operation, Reason, Surface, Verdict, ZoneId};

use crate::model::action::{Action, Actor, Executable, KernelVerdict, Object, Position, ProcessKey};
use crate::model::record::Instance;
use crate::model::state::instances::Enrolled;
use crate::model::state::policies::PolicyView;
use crate::model::state::switches::Reading;
use crate::model::state::{LedgerState, State};

pub(crate) const AT: u64 = 1_000;
pub(crate) const SLOT: u32 = 7;
pub(crate) const PROFILE: u16 = 2;
pub(crate) const CGROUP: u64 = 4242;
pub(crate) const GENERATION: u64 = 5;

/// Agent `coder` reads a file of its work folder, and the kernel lets it.
pub(crate) fn action() -> Action {
    Action {
        ring: Ring::Allow,
        position: Position { cpu: 0, seq: 1 },
        at: AT,
        actor: Actor {
            slot: SLOT,
            profile: PROFILE,
            process: ProcessKey { pid: 100, start_boot_ns: 500 },
            tid: 100,
            uid: 1000,
            gid: 1000,
            cgroup: CGROUP,
            comm: "python3".to_owned(),
        },
        executable: Executable::Sha256("ab".repeat(32)),
        surface: Surface::Read,
        operation: Operation::Open,
        object: Object::File {
            path: "/home/a/work/f".to_owned(),
            second_path: None,
            dev: 1,
            ino: 2,
            flags: 1,
        },
        kernel: KernelVerdict {
            verdict: Verdict::Allow,
            reason: Reason::EdgeAllows,
            zone: ZoneId::WORK,
            generation: GENERATION,
        },
    }
}

/// The same, refused for a reason.
pub(crate) fn refused(reason: Reason, zone: ZoneId) -> Action {
    let mut action = action();
    action.ring = Ring::Deny;
    action.kernel.verdict = Verdict::Deny;
    action.kernel.reason = reason;
    action.kernel.zone = zone;
    action
}

/// A state in which the action is right.
pub(crate) fn state() -> State {
    let mut state = State { ledger: LedgerState::Writes, ..State::default() };
    state.policies.take(policy());
    state.instances.enrol(enrolled());
    state.switches.read(&Reading { began: 1, at: 1, ..Reading::default() });
    state.switches.read(&Reading { began: AT + 1, at: AT + 1, ..Reading::default() });
    state
}

/// `coder` may read and write its work folder, must not write `elsewhere`, and asks for holds at connect.
pub(crate) fn policy() -> PolicyView {
    let allow = Some(Verdict::Allow);
    let work = Cell::default().with(Surface::Read, allow).with(Surface::Write, allow);
    let elsewhere = Cell::default()
        .with(Surface::Read, allow)
        .with(Surface::Write, Some(Verdict::Deny))
        .with(Surface::Connect, Some(Verdict::Hold));
    PolicyView {
        generation: GENERATION,
        sha256: "cd".repeat(32),
        profiles: BTreeMap::from([(PROFILE, "default".to_owned())]),
        zones: BTreeMap::from([
            (ZoneId::WORK.0, "work".to_owned()),
            (ZoneId::ELSEWHERE.0, "elsewhere".to_owned()),
        ]),
        arguments: BTreeMap::new(),
        cells: BTreeMap::from([
            ((PROFILE, ZoneId::WORK.0), work),
            ((PROFILE, ZoneId::ELSEWHERE.0), elsewhere),
        ]),
    }
}

pub(crate) fn enrolled() -> Enrolled {
    Enrolled {
        instance: instance(),
        profile: PROFILE,
        cgroup: Some(CGROUP),
        below: BTreeSet::from([CGROUP + 1]),
        since: 10,
        ended: None,
    }
}

pub(crate) fn instance() -> Instance {
    Instance {
        agent: "coder".to_owned(),
        slot: SLOT,
        instance: "boot-1".to_owned(),
        profile: "default".to_owned(),
    }
}
