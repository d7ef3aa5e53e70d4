//! Landlock for the process that asks: the strictest that the kernel knows, and rules for what stays open.

use std::io;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, NetPort, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus,
};

use super::super::{Args, usage};
use super::SERVER_PORT;

/// How a rule says what stays open below its path.
pub const ACCESSES: [&str; 4] = ["r", "rx", "rw", "rwx"];

/// The newest that is asked for; an older kernel takes what it knows of it.
const NEWEST: ABI = ABI::V9;

/// `restrict ACCESS=PATH…`: this thread, from now on, and all that it starts.
pub(super) fn restrict(args: &Args) -> io::Result<()> {
    let rules = args.rest(0).iter().map(|word| {
        let text = word.to_str().ok_or_else(|| usage("a rule is not UTF-8"))?;
        let (access, path) = text.split_once('=').ok_or_else(|| usage("a rule is ACCESS=PATH"))?;
        Ok(PathBeneath::new(PathFd::new(path).map_err(refused)?, rights(access)?))
    });
    let rules: Vec<_> = rules.collect::<io::Result<_>>()?;
    let server = NetPort::new(SERVER_PORT, AccessNet::ConnectTcp);
    let made = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::ConnectTcp))
        .and_then(Ruleset::create)
        .and_then(|ruleset| ruleset.add_rules(rules.into_iter().map(Ok::<_, landlock::RulesetError>)))
        .and_then(|ruleset| ruleset.add_rule(server))
        .and_then(|ruleset| ruleset.restrict_self())
        .map_err(refused)?;
    match made.ruleset {
        RulesetStatus::NotEnforced => Err(usage("this kernel has no Landlock")),
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
    }
}

fn rights(access: &str) -> io::Result<BitFlags<AccessFs>> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    match access {
        "r" => Ok(read),
        "rx" => Ok(read | AccessFs::Execute),
        "rw" => Ok(AccessFs::from_all(NEWEST) & !AccessFs::Execute),
        "rwx" => Ok(AccessFs::from_all(NEWEST)),
        other => Err(usage(&format!("`{other}` is no access; known: {}", ACCESSES.join(", ")))),
    }
}

fn refused(error: impl std::fmt::Display) -> io::Error {
    usage(&format!("Landlock: {error}"))
}
