//! New namespaces around the same task, and what a task may do in one that is its own.

use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::Result;
use guard_common::{Operation, Surface};
use nix::libc::EPERM;

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at};
use crate::act::process::leave_namespaces;
use crate::act::{perform, way_alone};
use crate::harness::case::Undo;
use crate::harness::guard;
use crate::harness::shell::{sh, until};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[way_alone("in-namespaces", |a, out| {
        leave_namespaces()?;
        perform(a.rest(0), out)
    })],
    python: Some(include_str!("namespaces.py")),
    cases,
};

/// Where a user namespace can be opened.
const FOREIGN: &str = "/srv/guardtest/user-namespace";

/// A user namespace of the attackers' user, with a process in it.
struct Foreign(Child);

impl Foreign {
    fn made() -> Result<Self> {
        let mut command = guard::as_user(Who::User, "unshare");
        let mut child = command.args(["--user", "cat"]).stdin(Stdio::piped()).spawn()?;
        let own = format!("/proc/{}/ns/user", child.id());
        let of_host = fs::read_link("/proc/self/ns/user")?;
        until("it has a namespace", Duration::from_secs(10), || Ok(fs::read_link(&own)? != of_host))?;
        fs::create_dir_all("/srv/guardtest")?;
        let shown = fs::write(FOREIGN, "")
            .map_err(Into::into)
            .and_then(|()| sh(&format!("mount --bind {own} {FOREIGN}")));
        if shown.is_err() {
            child.kill()?;
        }
        shown.map(|()| Self(child))
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // Nothing is left of it where either fails.
        drop(sh(&format!("umount {FOREIGN}")));
        drop(self.0.kill().and_then(|()| self.0.wait()));
    }
}

fn cases() -> Cases {
    let own = Refusal::no_edge(Surface::Admin, Operation::Namespace);
    let shed = |id, sentence, who: Who, attack: &str| {
        let refusal = match who {
            Who::User => own,
            Who::Root => Refusal::no_edge(Surface::Admin, Operation::Capability),
        };
        let (changed, worked) = (Effect::changed("{pd}"), Effect::changed("{w}"));
        let case =
            at([(Spot::Tmpfs, who)], id, sentence, refusal, (attack, &changed), ("write {w}/f", &worked));
        match who {
            Who::User => case,
            Who::Root => case.ends_with(EPERM),
        }
    };
    let gained = |id, sentence, attack| {
        let worked = Effect::changed("{w}");
        let everything = &Effect::Told("everything");
        at([(Spot::Tmpfs, Who::User)], id, sentence, own, (attack, everything), ("write {w}/f", &worked))
    };
    let foreign = at(
        [(Spot::Tmpfs, Who::User)],
        "C12f",
        "nobody_elses_namespace_gives_capabilities",
        Refusal::no_edge(Surface::Admin, Operation::Capability),
        (&format!("!containment.namespaces.entered {FOREIGN}"), &Effect::Told("everything")),
        ("write {w}/f", &Effect::changed("{w}")),
    )
    .ends_with(EPERM)
    .prepared(|_| Ok(Box::new(Foreign::made()?) as Undo));
    let mut all: Cases = [
        foreign,
        gained("C12b", "no_namespace_of_ones_own_gives_capabilities", "!containment.namespaces.by_unshare"),
        gained("C12c", "no_child_is_born_with_capabilities", "!containment.namespaces.by_clone"),
        gained(
            "C12d",
            "no_child_is_born_with_capabilities_by_the_longer_call",
            "!containment.namespaces.by_clone3",
        ),
    ]
    .into();
    for who in Who::BOTH {
        all.0
            .extend(shed("C08", "new_namespaces_do_not_shed_the_label", who, "in-namespaces write {pd}/p").0);
        let attack = "!containment.namespaces.elsewhere {pd}/p";
        all.0.extend(shed("C08b", "new_processes_times_and_networks_do_not_shed_the_label", who, attack).0);
    }
    all
}
