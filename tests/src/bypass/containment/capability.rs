//! What takes a capability on the host: its names, its kernel, its clock, its ports, its counters.

use anyhow::Result;
use guard_common::{Operation, Surface};
use nix::libc::EPERM;

use super::host_setting::kept;
use super::{Cases, Effect, Refusal, Spot, Trick, Who, at};
use crate::harness::case::Undo;
use crate::harness::fixture::{USER, folder};
use crate::harness::shell::sh;

pub(super) const TRICK: Trick =
    Trick { module: module_path!(), ways: &[], python: Some(include_str!("capability.py")), cases };

/// Where a file system with quotas is mounted.
const QUOTA: &str = "/guardtest/quota";

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
    let loaded = |id, sentence, way| {
        taken(id, sentence, way, &Effect::Says("/proc/modules")).prepared(|_| {
            // It may be there from the control.
            drop(sh("rmmod dummy"));
            Ok(Box::new(Loaded) as Undo)
        })
    };
    let renamed = |id, sentence, way: &str| {
        taken(id, sentence, way, &Effect::Says("/proc/sys/kernel/hostname"))
            .prepared(|_| kept("/proc/sys/kernel/hostname"))
    };
    let holds = &Effect::Told("holds");
    [
        taken("C14", "the_next_kernel_stays", "forget_kernel", &Effect::Done),
        loaded("C14b", "no_module_is_loaded", "load_module"),
        loaded("C14c", "no_module_is_loaded_of_a_file", "load_module_of_file"),
        taken("C14d", "the_next_kernel_stays_by_the_newer_call", "forget_kernel_of_file", &Effect::Done),
        counted("C15", "the_machine_is_not_counted", "count_everything"),
        counted("C15b", "nothing_is_counted", "count_own"),
        counted("C15c", "the_kernel_is_not_probed", "probe_kernel"),
        taken("C15d", "the_kernel_is_not_held_up_by_missing_pages", "hold_up_kernel", holds),
        taken("C15e", "the_kernel_is_not_held_up_by_a_device", "hold_up_kernel_by_device", holds)
            .each(|case| case.refusal = Refusal::no_edge(Surface::Write, Operation::Open))
            .ends_with(nix::libc::EACCES),
        renamed("C60", "the_hosts_name_stays", "rename_host"),
        renamed("C12e", "another_user_takes_no_capability_along", &format!("rename_host_as {USER}")),
        taken("C60e", "nobodys_quota_is_set", &format!("set_quota {QUOTA}"), &Effect::Done)
            .prepared(|_| with_quotas()),
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

/// A file system that is mounted as long as this lives.
struct Quotas;

fn with_quotas() -> Result<Undo> {
    let image = "/tmp/guardtest.quota";
    std::fs::File::create(image)?.set_len(16 << 20)?;
    sh(&format!("mkfs.ext4 -q -F -O quota,^has_journal {image}"))?;
    folder(QUOTA)?;
    sh(&format!("mount -o loop {image} {QUOTA}"))?;
    Ok(Box::new(Quotas))
}

impl Drop for Quotas {
    fn drop(&mut self) {
        // The next one is mounted over it, at worst.
        drop(sh(&format!("umount {QUOTA}")));
    }
}
