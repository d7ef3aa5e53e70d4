//! The order of effects, and what is refused while nothing can be recorded.

use std::collections::BTreeMap;

use guard_common::map::switch::{KILL_ALL, KillMode};
use guard_common::{Reason, Surface, ZoneId};

use super::step;
use crate::model::action::{Executable, Position, ProcessKey};
use crate::model::effect::{Durability, Effect, Narrowing, Widening};
use crate::model::finding::Answer;
use crate::model::input::{Gap, Input, KillOrder};
use crate::model::record::{Enforce, Enter, Launch, Mover, Operator, Policy, Record, Recover};
use crate::model::state::switches::Reading;
use crate::model::state::{LedgerState, State};
use crate::primitives::fixture;

fn root() -> Operator {
    Operator { uid: 0, login_uid: Some(1000), pid: 1 }
}

fn launch(agent: &str, slot: u32) -> Input {
    let mut instance = fixture::instance();
    instance.agent = agent.to_owned();
    instance.slot = slot;
    let launch = Launch { instance, workdir: "/w".into(), cgroup: 9, by: root(), command: vec!["sh".into()] };
    Input::Launch { launch, profile: fixture::PROFILE, at: 2_000 }
}

fn order(agent: Option<&str>, mode: KillMode) -> KillOrder {
    KillOrder { agent: agent.map(str::to_owned), mode, by: root(), at: 1_500 }
}

fn recover(agent: Option<&str>) -> Input {
    Input::Recover(Recover { agent: agent.map(str::to_owned), by: root(), note: "drill".to_owned() })
}

fn policy() -> Input {
    Input::PolicyAsked(Policy {
        generation: 6,
        sha256: "00".repeat(32),
        source: "test".to_owned(),
        unresolved: Vec::new(),
        notes: Vec::new(),
        by: Some(root()),
    })
}

fn surface(on: bool) -> Input {
    Input::Surface { surface: Surface::Exec, on, by: root() }
}

fn degraded() -> State {
    State { ledger: LedgerState::Degraded("no space left on device".to_owned()), ..fixture::state() }
}

fn kinds(effects: &[Effect]) -> Vec<&'static str> {
    let kind = |effect: &Effect| match effect {
        Effect::Revoke(_) => "revoke",
        Effect::Append { durability: Durability::Durable, .. } => "append durable",
        Effect::Append { durability: Durability::Routine, .. } => "append",
        Effect::Grant(_) => "grant",
        Effect::Refuse(_) => "refuse",
        Effect::Notify(_) => "notify",
        Effect::Heartbeat => "heartbeat",
        Effect::Checkpoint => "checkpoint",
    };
    effects.iter().map(kind).collect()
}

fn enforce(effects: &[Effect]) -> &Enforce {
    let Some(Effect::Append { record, .. }) = effects.first() else { panic!("no record: {effects:?}") };
    let Record::Enforce(enforce) = record.as_ref() else { panic!("another record: {record:?}") };
    enforce
}

#[test]
fn narrowing_comes_before_its_record_and_widening_after_it() {
    let mut state = fixture::state();
    assert_eq!(kinds(&step(&mut state, surface(false))), ["revoke", "append durable"]);
    assert_eq!(kinds(&step(&mut state, surface(true))), ["append durable", "grant"]);
    assert_eq!(kinds(&step(&mut state, policy())), ["append durable", "grant"]);
    assert_eq!(kinds(&step(&mut state, launch("coder", 8))), ["append durable", "grant"]);
    let kill = Input::Kill { order: order(None, KillMode::Terminate), recorded: false };
    assert_eq!(kinds(&step(&mut state, kill)), ["revoke", "append durable"]);
    assert_eq!(kinds(&step(&mut state, recover(None))), ["append durable", "grant"]);
}

#[test]
fn nothing_is_widened_while_the_ledger_cannot_write() {
    let mut state = degraded();
    state.orders.take(order(None, KillMode::Freeze));
    for input in [surface(true), policy(), recover(None)] {
        assert_eq!(kinds(&step(&mut state, input.clone())), ["refuse"], "{input:?}");
    }
    let mut state = degraded();
    assert_eq!(kinds(&step(&mut state, launch("coder", 8))), ["refuse"]);
    assert!(state.instances.by_slot(8).is_none(), "a refused launch leaves nothing behind");
}

#[test]
fn narrowing_never_waits_for_the_ledger() {
    let mut state = degraded();
    let kill = Input::Kill { order: order(None, KillMode::Terminate), recorded: false };
    assert_eq!(step(&mut state, kill)[0], kill_all(KillMode::Terminate));
    assert_eq!(step(&mut state, surface(false))[0], Effect::Revoke(Narrowing::SurfaceOff(Surface::Exec)));
}

fn kill_all(mode: KillMode) -> Effect {
    Effect::Revoke(Narrowing::Kill { slots: vec![KILL_ALL], mode })
}

#[test]
fn a_refusal_is_durable_before_anybody_is_told() {
    let action = fixture::refused(Reason::EdgeDenies, ZoneId::ELSEWHERE);
    let effects = step(&mut fixture::state(), Input::Kernel(Box::new(action)));
    assert_eq!(kinds(&effects), ["append durable", "notify"]);
}

#[test]
fn a_routine_allow_is_recorded_with_the_group_and_tells_nobody() {
    let effects = step(&mut fixture::state(), Input::Kernel(Box::new(fixture::action())));
    assert_eq!(kinds(&effects), ["append"]);
    let record = enforce(&effects);
    assert_eq!(record.verdict, "allow");
    assert_eq!(record.instance, Some(fixture::instance()));
    assert_eq!(record.findings.len(), 4, "no disagreement");
}

#[test]
fn the_recorded_verdict_is_what_the_kernel_did_and_a_disagreement_is_a_finding() {
    let mut action = fixture::action();
    action.kernel.zone = ZoneId(99);
    let effects = step(&mut fixture::state(), Input::Kernel(Box::new(action)));
    assert_eq!(kinds(&effects), ["append durable"]);
    let record = enforce(&effects);
    assert_eq!(record.verdict, "allow");
    let engine = record.findings.iter().find(|finding| finding.primitive == "engine").expect("a finding");
    assert_eq!(engine.answer, Answer::Fail);
    assert!(engine.reason.contains("kernel said allow"), "{}", engine.reason);
}

#[test]
fn a_refusal_for_a_reason_that_the_policy_disputes_is_a_finding_too() {
    let action = fixture::refused(Reason::NoEdge, ZoneId::WORK);
    let effects = step(&mut fixture::state(), Input::Kernel(Box::new(action)));
    assert!(enforce(&effects).findings.iter().any(|finding| finding.primitive == "engine"));
}

#[test]
fn an_action_under_an_unknown_label_is_recorded_without_an_instance() {
    let mut action = fixture::refused(Reason::NoEdge, ZoneId::ELSEWHERE);
    action.actor.slot = 99;
    action.executable = Executable::Absent("gone".to_owned());
    let effects = step(&mut fixture::state(), Input::Kernel(Box::new(action)));
    assert_eq!(enforce(&effects).instance, None);
    assert_eq!(enforce(&effects).executable_sha256, None);
}

#[test]
fn a_kill_order_for_one_agent_meets_all_its_living_instances_and_no_other() {
    let mut state = fixture::state();
    step(&mut state, launch("coder", 8));
    step(&mut state, launch("tester", 9));
    step(&mut state, Input::Exit { slot: 8, at: 3_000 });
    let kill = Input::Kill { order: order(Some("coder"), KillMode::Freeze), recorded: false };
    let wanted = Narrowing::Kill { slots: vec![fixture::SLOT], mode: KillMode::Freeze };
    assert_eq!(step(&mut state, kill)[0], Effect::Revoke(wanted));
}

#[test]
fn a_standing_order_refuses_the_launches_that_it_concerns() {
    let mut state = fixture::state();
    step(&mut state, Input::Kill { order: order(Some("coder"), KillMode::Freeze), recorded: true });
    assert_eq!(kinds(&step(&mut state, launch("coder", 8))), ["refuse"]);
    assert_eq!(kinds(&step(&mut state, launch("tester", 9))), ["append durable", "grant"]);
    step(&mut state, Input::Kill { order: order(None, KillMode::Freeze), recorded: true });
    assert_eq!(kinds(&step(&mut state, launch("tester", 10))), ["refuse"]);
}

#[test]
fn an_order_that_was_recorded_before_is_put_in_force_again_and_not_recorded_twice() {
    let mut state = fixture::state();
    let kill = |recorded| Input::Kill { order: order(None, KillMode::Terminate), recorded };
    assert_eq!(kinds(&step(&mut state, kill(true))), ["revoke"]);
    assert!(state.orders.stands(None));
}

#[test]
fn an_order_that_could_not_be_recorded_is_recorded_when_it_comes_again() {
    let mut state = fixture::state();
    let kill = || Input::Kill { order: order(None, KillMode::Terminate), recorded: false };
    assert_eq!(kinds(&step(&mut state, kill())), ["revoke", "append durable"]);
    assert_eq!(kinds(&step(&mut state, kill())), ["revoke", "append durable"]);
    step(&mut state, Input::Lifted { agent: None });
    assert!(state.orders.is_empty(), "it stands once, however often it came");
}

#[test]
fn an_order_is_lifted_only_when_the_kernel_was_told() {
    let mut state = fixture::state();
    step(&mut state, Input::Kill { order: order(Some("coder"), KillMode::Freeze), recorded: false });
    let kill = BTreeMap::from([(fixture::SLOT, KillMode::Freeze)]);
    step(&mut state, Input::Switches(Reading { began: 4_000, at: 4_000, kill, off: Vec::new() }));
    let effects = step(&mut state, recover(Some("coder")));
    let widening = Widening::Recover { slots: vec![fixture::SLOT], agent: Some("coder".to_owned()) };
    assert_eq!(effects[1], Effect::Grant(widening));
    assert!(state.orders.stands(Some("coder")));
    step(&mut state, Input::Lifted { agent: Some("coder".to_owned()) });
    assert!(state.orders.is_empty());
}

#[test]
fn a_word_in_the_kernel_without_an_order_can_be_lifted_and_nothing_cannot() {
    let mut state = fixture::state();
    assert_eq!(kinds(&step(&mut state, recover(None))), ["refuse"]);
    assert_eq!(kinds(&step(&mut state, recover(Some("coder")))), ["refuse"]);
    let kill = BTreeMap::from([(KILL_ALL, KillMode::Terminate)]);
    step(&mut state, Input::Switches(Reading { began: 4_000, at: 4_000, kill, off: Vec::new() }));
    assert_eq!(kinds(&step(&mut state, recover(None))), ["append durable", "grant"]);
}

#[test]
fn an_end_is_recorded_once_and_a_hole_is_recorded() {
    let mut state = fixture::state();
    let exit = || Input::Exit { slot: fixture::SLOT, at: 3_000 };
    assert_eq!(kinds(&step(&mut state, exit())), ["append durable"]);
    assert!(step(&mut state, exit()).is_empty());
    let gap = Gap { ring: guard_common::event::Ring::Deny, cpu: 1, from: 3, to: 9 };
    assert_eq!(kinds(&step(&mut state, Input::Gap(gap))), ["append durable"]);
}

#[test]
fn each_second_the_kernel_sees_the_daemon_and_the_ledger_is_signed() {
    assert_eq!(kinds(&step(&mut fixture::state(), Input::Tick { at: 1 })), ["heartbeat", "checkpoint"]);
}

#[test]
fn who_enters_is_recorded_as_the_instance_that_the_label_means() {
    let mut state = fixture::state();
    let process = ProcessKey { pid: 7, start_boot_ns: 1 };
    let enter = |slot| {
        Input::Entered(Enter {
            at: 1,
            ring: "allow".to_owned(),
            position: Position { cpu: 0, seq: 1 },
            slot,
            instance: None,
            process,
            tid: 8,
            by: Mover { process, uid: 0, comm: "sh".to_owned() },
        })
    };
    for (slot, known) in [(fixture::SLOT, Some(fixture::instance())), (99, None)] {
        let effects = step(&mut state, enter(slot));
        let [Effect::Append { record, durability: Durability::Routine }] = effects.as_slice() else {
            panic!("{effects:?}")
        };
        let Record::Enter(entered) = record.as_ref() else { panic!("{record:?}") };
        assert_eq!(entered.instance, known);
    }
}
