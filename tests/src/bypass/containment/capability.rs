//! What takes a capability on the host: its names, its kernel, its clock, its ports, its counters.

use guard_common::{Operation, Surface};
use nix::libc::EPERM;

use super::host_setting::kept;
use super::{Cases, Effect, Refusal, Spot, Trick, Who, at};
use crate::harness::case::Undo;
use crate::harness::shell::sh;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("capability.py")), cases };

/// Who may count.
const PARANOID: &str = "/proc/sys/kernel/perf_event_paranoid";

fn cases() -> Cases {
    let taken = |id, sentence, way: &str, effect: &Effect| {
        let refusal = Refusal::no_edge(Surface::Admin, Operation::Capability);
        let attack = format!("!containment.capability.{way}");
        let allowed = ("write {w}/f", &Effect::changed("{w}"));
        at([(Spot::Tmpfs, Who::Root)], id, sentence, refusal, (&attack, effect), allowed).ends_with(EPERM)
    };
    let counted = |id, sentence, way| {
        let perf = Refusal::no_edge(Surface::Admin, Operation::Perf);
        let cases = taken(id, sentence, way, &Effect::Done).prepared(|_| {
            // Else some kernels ask for a capability first.
            let before = kept(PARANOID)?;
            std::fs::write(PARANOID, "-1")?;
            Ok(before)
        });
        cases.each(|case| case.refusal = perf).ends_with(nix::libc::EACCES)
    };
    [
        taken("C14", "the_next_kernel_stays", "forget_kernel", &Effect::Done),
        taken("C14b", "no_module_is_loaded", "load_module", &Effect::Says("/proc/modules")).prepared(|_| {
            // It may be there from the control.
            drop(sh("rmmod dummy"));
            Ok(Box::new(Loaded) as Undo)
        }),
        counted("C15", "the_machine_is_not_counted", "count_everything"),
        counted("C15b", "nothing_is_counted", "count_own"),
        taken("C60", "the_hosts_name_stays", "rename_host", &Effect::Says("/proc/sys/kernel/hostname"))
            .prepared(|_| kept("/proc/sys/kernel/hostname")),
        taken(
            "C60b",
            "the_hosts_domain_stays",
            "rename_domain",
            &Effect::Says("/proc/sys/kernel/domainname"),
        )
        .prepared(|_| kept("/proc/sys/kernel/domainname")),
        taken("C60c", "the_hosts_clock_stays", "set_clock", &Effect::Done),
        taken("C60d", "the_hosts_ports_stay_shut", "reach_ports", &Effect::Done),
    ]
    .into()
}

/// A module that may have been loaded.
struct Loaded;

impl Drop for Loaded {
    fn drop(&mut self) {
        // It is not there where the attack was refused.
        drop(sh("rmmod dummy"));
    }
}
