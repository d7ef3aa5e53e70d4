//! New namespaces around the same task, and what a task may do in one that is its own.

use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::Result;
use guard_common::{Operation, Surface};
use nix::libc::EPERM;

use super::{Cases, Effect, Refusal, Spot, Trick, Who, at, in_namespaces, on_pd_at};
use crate::act::process::leave_namespaces;
use crate::act::{perform, way_alone};
use crate::harness::Profile;
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
    let gained = |id, sentence, attack: &str| {
        let tried = (attack, &Effect::Told("everything"));
        at([(Spot::Tmpfs, Who::User)], id, sentence, own, tried, tried).allowed_as(Profile::Administrator)
    };
    let entered = format!("!containment.namespaces.entered {FOREIGN}");
    let foreign = gained("C12f", "nobody_elses_namespace_gives_capabilities", &entered)
        .each(|case| case.refusal = Refusal::no_edge(Surface::Admin, Operation::Capability))
        .ends_with(EPERM)
        .both_prepared(|_| Ok(Box::new(Foreign::made()?) as Undo));
    [
        shed("C08", "new_namespaces_do_not_shed_the_label", "in-namespaces write"),
        shed(
            "C08b",
            "new_processes_times_and_networks_do_not_shed_the_label",
            "!containment.namespaces.elsewhere",
        ),
        foreign,
        gained("C12b", "no_namespace_of_ones_own_gives_capabilities", "!containment.namespaces.by_unshare"),
        gained("C12c", "no_child_is_born_with_capabilities", "!containment.namespaces.by_clone"),
        gained(
            "C12d",
            "no_child_is_born_with_capabilities_by_the_longer_call",
            "!containment.namespaces.by_clone3",
        ),
    ]
    .into()
}

/// `WAY write P` in namespaces that the agent may have: it is the agent there too.
fn shed(id: &'static str, sentence: &str, way: &str) -> Cases {
    let places = Who::BOTH.map(|who| (Spot::Tmpfs, who));
    let line = |path| format!("{way} {path}");
    in_namespaces(on_pd_at(places, id, sentence, Operation::Open, &line("{pd}/p"), &line("{w}/f")))
}
