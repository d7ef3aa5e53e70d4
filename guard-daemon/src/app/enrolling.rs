//! Cgroups of the host that are agents by the policy's enrolments. The kernel's programs enrol whatever is entered
//! from now on; here is what was in such cgroups before, the slots that lie ready, and that each instance is known.

use std::collections::{BTreeMap, BTreeSet};

use guard_common::event::Ring;
use guard_common::map::enrol::{EnrolRule, LABEL_FOUND, LABEL_WAITS, LABEL_WITHOUT_SLOT, NO_SLOT};
use guard_common::map::label::Label;
use guard_common::map::switch::KillMode;

use super::agents::folders::Folder;
use super::agents::registry::Agent;
use super::daemon::{Daemon, Rings};
use super::status::tell_once;
use crate::kernel::{Enrolled, Halted, MapFailure, Maps, boot_ns, own_cgroups};
use crate::model::input::{Input, Tagged};
use crate::model::record::{Enrol, Instance, Launch, Mover, Operator};
use crate::policy::Compiled;
use crate::policy::enrolled::{agent_name, first_match};

/// Looks into the ring for what the kernel says to have enrolled, before the maps are asked.
const LOOKS: u32 = 64;

/// An instance as it comes to be known.
struct Newcomer {
    label: Label,
    cgroup: u64,
    path: String,
    told: Option<(Ring, crate::model::action::Position, Mover)>,
    at: u64,
}

/// Refuses enrolments that would take the daemon or the host's first process, wherever those are.
pub(super) fn allow_enrolments(compiled: &Compiled) -> Result<(), String> {
    for path in own_cgroups() {
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        let above = (1..=names.len()).filter_map(|depth| names.get(..depth));
        for (enrolment, part) in
            above.flat_map(|part| compiled.enrolments().iter().map(move |one| (one, part)))
        {
            if enrolment.takes(part) {
                return Err(format!(
                    "{}: `{}` takes /{}, which guardd or the host's first process runs in; except it, or name the \
                     agents' own cgroups",
                    compiled.enrolment_place(enrolment),
                    enrolment.glob,
                    part.join("/")
                ));
            }
        }
    }
    Ok(())
}

fn left_out(why: &str) -> String {
    format!(
        "the policy is in force, and not for everybody who was there before it: {why}; it is tried again each second"
    )
}

/// As many as a person reads, and how many more there are.
fn first_of(errors: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown = errors.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("; ");
    let more = errors.len().saturating_sub(SHOWN);
    if more == 0 { shown } else { format!("{shown}; and {more} more") }
}

/// The label of an instance's cgroup.
fn label(slot: u32, profile: u16) -> Label {
    Label { agent: slot, profile, flags: LABEL_WAITS, ..Label::default() }
}

impl Daemon {
    /// Enrols what was there before the rules were: whoever is in it is labelled at once, with every thread. What
    /// is entered from now on the kernel's programs enrol themselves. What cannot be enrolled now is told, and tried
    /// again each second: the policy is in force, and nobody else would look for it.
    pub(super) fn enrol_existing(&mut self) {
        self.lay_slots_ready();
        let left_out = self.enrol_all().err().map(|why| left_out(&why));
        tell_once(&mut self.enrol_error, left_out);
    }

    /// Looks again for whom an error hid.
    pub(super) fn look_again(&mut self) {
        if self.hearing_error.is_some() {
            // No count: the next look asks for all.
            self.enrolled_heard = u64::MAX;
        }
        if self.enrol_error.is_some() {
            self.enrol_existing();
        }
    }

    /// One that cannot be enrolled keeps no other from it.
    fn enrol_all(&mut self) -> Result<(), String> {
        let rules = self.policy.compiled.rules();
        if rules.is_empty() {
            return Ok(());
        }
        let rows = self.maps.cgroups().map_err(|error| error.to_string())?;
        let enrolled: BTreeSet<u64> = rows.into_iter().map(|(id, _)| id).collect();
        let (there, seen) = self.cgroups.of_host();
        let mut errors: Vec<String> = seen.err().map(|error| error.to_string()).into_iter().collect();
        for (path, id) in there.iter().filter(|(_, id)| !enrolled.contains(id)) {
            let Some(rule) = first_match(&rules, path) else { continue };
            errors.extend(self.enrol_one(rule, path, *id).err().map(|why| format!("{path}: {why}")));
        }
        errors.extend(self.label_found().err());
        if errors.is_empty() { Ok(()) } else { Err(first_of(&errors)) }
    }

    fn enrol_one(&mut self, rule: &EnrolRule, path: &str, id: u64) -> Result<(), String> {
        let found = |label: Label| Label { flags: label.flags | LABEL_FOUND, ..label };
        let label = match self.registry.free_slot(&self.halted_slots()) {
            Ok(slot) => label(slot, rule.profile),
            Err(full) => {
                tracing::error!("{path} is refused everything: {full}");
                let row = found(LABEL_WITHOUT_SLOT);
                return self.maps.enrol_cgroup(id, row).map(drop).map_err(|error| error.to_string());
            }
        };
        // Known before the label is given: its first event may come at once.
        let agent = agent_name(Some(rule), path);
        if self.give_slot(label.agent, &agent, |maps| maps.enrol_cgroup(id, found(label)))? {
            self.know(Newcomer { label, cgroup: id, path: path.to_owned(), told: None, at: boot_ns() });
        }
        Ok(())
    }

    /// Gives a slot to an agent, halted before it begins where an order stands against its name. Whether it came to be
    /// in it.
    fn give_slot(
        &mut self,
        slot: u32,
        agent: &str,
        give: impl FnOnce(&mut Maps) -> Result<bool, MapFailure>,
    ) -> Result<bool, String> {
        let halted = Halted::open(&self.pins).and_then(|mut halted| halted.mode(agent.as_bytes()));
        let mode = halted.map_err(|error| error.to_string())?;
        let set = |maps: &mut Maps, mode| {
            maps.switches.set_kill_mode(slot, mode).map_err(|error| error.to_string())
        };
        if mode != KillMode::Run {
            set(&mut self.maps, mode)?;
        }
        let given = give(&mut self.maps).map_err(|error| error.to_string());
        if given != Ok(true) && mode != KillMode::Run {
            // A word that stays would keep the slot from everybody.
            set(&mut self.maps, KillMode::Run)?;
        }
        given
    }

    /// The kernel's programs tell of a cgroup that they enrolled.
    pub(super) fn take_enrolled(&mut self, tagged: Tagged) {
        let Tagged { at, ring, position, slot, profile, cgroup, path, by } = tagged;
        let label = label(slot, profile);
        if slot == NO_SLOT {
            return self.find_slot(cgroup, path, Some((ring, position, by)), at);
        }
        self.know(Newcomer { label, cgroup, path, told: Some((ring, position, by)), at });
    }

    /// A cgroup came when no slot was ready. Whoever is in it stays refused; whoever comes from now on is not.
    fn find_slot(
        &mut self,
        cgroup: u64,
        path: String,
        told: Option<(Ring, crate::model::action::Position, Mover)>,
        at: u64,
    ) {
        let rules = self.policy.compiled.rules();
        let (Some(rule), Ok(slot)) =
            (first_match(&rules, &path), self.registry.free_slot(&self.halted_slots()))
        else {
            return tracing::error!("{path} is refused everything: no slot is left for it");
        };
        let label = label(slot, rule.profile);
        let registered = self.give_slot(slot, &agent_name(Some(rule), &path), |maps| {
            maps.register_cgroup(cgroup, label).map(|()| true)
        });
        if let Err(error) = registered {
            return tracing::error!("{path} is refused everything: {error}");
        }
        tracing::warn!(
            "{path} was entered when no slot was ready: who is in it by now is refused everything"
        );
        self.know(Newcomer { label, cgroup, path, told, at });
    }

    /// Makes an instance known: from here on its events have a name.
    fn know(&mut self, newcomer: Newcomer) {
        let Newcomer { label, cgroup, path, told, at } = newcomer;
        if self.registry.get(label.agent).is_some_and(|agent| agent.alive && agent.launch.cgroup == cgroup) {
            return;
        }
        let rules = self.policy.compiled.rules();
        let instance = Instance {
            agent: agent_name(first_match(&rules, &path), &path),
            slot: label.agent,
            instance: self.registry.next_instance(),
            profile: self.policy.compiled.profile_name(label.profile).unwrap_or("unknown").to_owned(),
        };
        let (ring, by) = match told {
            Some((ring, position, by)) => (Some((ring, position)), Some(by)),
            None => (None, None),
        };
        let operator = by.as_ref().map(|by| Operator { uid: by.uid, login_uid: None, pid: by.process.pid });
        let none = Folder::unknown(0);
        self.registry.take(label.agent);
        self.registry.insert(Agent {
            launch: Launch {
                instance: instance.clone(),
                workdir: String::new(),
                cgroup,
                by: operator.unwrap_or(Operator::UNKNOWN),
                command: Vec::new(),
            },
            profile: label.profile,
            at,
            work: none.clone(),
            temp: none,
            alive: true,
            denied: 0,
            enrolled: Some(path.clone()),
        });
        tracing::info!(agent = instance.agent, slot = label.agent, path, "enrolled");
        let enrol = Enrol {
            at,
            ring: ring.map(|(ring, _)| ring.name().to_owned()),
            position: ring.map(|(_, position)| position),
            instance,
            cgroup,
            path,
            by,
        };
        self.note(Input::Enrolled { enrol, profile: label.profile });
        self.save_agents_or_say();
    }

    /// Before anything is judged: knows whom the kernel has enrolled. Its ring tells; where an event was lost, the
    /// maps do.
    pub(super) fn hear_of_enrolled(&mut self, rings: &mut Rings) {
        let count = self.maps.enrolled();
        if count == self.enrolled_heard {
            return;
        }
        for _ in 0..LOOKS {
            let heard = rings.allows.hear_now(boot_ns);
            if heard.is_empty() {
                break;
            }
            self.park(Ring::Allow, heard);
        }
        let known = match self.maps.enrolled_cgroups() {
            Ok(rows) => self.know_rows(rows),
            Err(error) => Err(error.to_string()),
        };
        let unseen =
            |why| format!("which cgroups are enrolled cannot be seen: {why}; it is tried again each second");
        tell_once(&mut self.hearing_error, known.err().map(unseen));
        self.enrolled_heard = count;
        self.lay_slots_ready();
    }

    /// None is taken for gone where not all can be seen.
    fn know_rows(&mut self, rows: Vec<Enrolled>) -> Result<(), String> {
        let known: BTreeSet<u64> = self.registry.alive().map(|agent| agent.launch.cgroup).collect();
        let unknown: Vec<Enrolled> = rows.into_iter().filter(|row| !known.contains(&row.id)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let (there, seen) = self.cgroups.of_host();
        let paths: BTreeMap<u64, String> = there.into_iter().map(|(path, id)| (id, path)).collect();
        for row in unknown {
            match paths.get(&row.id) {
                Some(path) if row.is_without_slot() => self.find_slot(row.id, path.clone(), None, boot_ns()),
                Some(path) => {
                    let (path, at) = (path.clone(), boot_ns());
                    self.know(Newcomer { label: row.label, cgroup: row.id, path, told: None, at });
                }
                None if seen.is_ok() => self.forget_row(&row),
                None => {}
            }
        }
        seen.map_err(|error| error.to_string())
    }

    /// A cgroup that is gone, and of which nobody told: whoever was in it may still carry its label elsewhere. Those
    /// without a slot share a label, and rows of theirs that stayed for it would fill the table.
    fn forget_row(&mut self, row: &Enrolled) {
        let is_carried = || self.labelled_slots().map_or(true, |slots| slots.contains(&row.label.agent));
        if !row.is_without_slot() && is_carried() {
            return;
        }
        if let Err(error) = self.maps.unregister_cgroup(row.id) {
            tracing::error!("{error}");
        }
    }

    /// Lays slots ready for cgroups that the kernel's programs enrol.
    pub(super) fn lay_slots_ready(&mut self) {
        let ready = self.maps.reserve().into_iter().collect();
        let maps = &self.maps;
        self.registry.keep_reserved(&ready, || {
            let rows = maps.enrolled_cgroups().ok()?;
            Some(rows.iter().map(|row| row.label.agent).collect())
        });
        if self.policy.compiled.enrolments().is_empty() {
            return;
        }
        let halted = self.halted_slots();
        let registry = &mut self.registry;
        self.maps.fill_reserve(|| registry.reserve(&halted));
    }

    pub(super) fn halted_slots(&self) -> BTreeSet<u32> {
        self.state.switches.killed().map(|(slot, _)| slot).collect()
    }

    /// Cgroups below an enrolled instance's are its own: container runtimes and units make some.
    pub(super) fn look_below(&mut self, slot: u32, cgroup: u64) {
        let Some(known) = self.state.instances.by_slot(slot) else { return };
        if known.cgroup == Some(cgroup) || known.below.contains(&cgroup) {
            return;
        }
        let Some(path) = self.registry.get(slot).and_then(|agent| agent.enrolled.clone()) else { return };
        let inside = format!("{path}/");
        // What cannot be seen now is looked for again when the next event comes from there.
        let (there, _) = self.cgroups.of_host();
        let below: Vec<u64> =
            there.into_iter().filter(|(path, _)| path.starts_with(&inside)).map(|(_, id)| id).collect();
        if below.contains(&cgroup) {
            self.note(Input::Grown { slot, below });
        }
    }
}
