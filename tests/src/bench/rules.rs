//! The rules that every enforcer gets: eighteen paths and what stays open below each, in each one's own words.

use std::fmt::Write as _;

use super::place::{DATA, WORK};

/// Access and path. Accesses are those of [`crate::act::cost::ACCESSES`].
pub(super) const RULES: [(&str, &str); 18] = [
    ("rx", "/usr"),
    ("rx", "/opt"),
    ("r", "/etc"),
    ("r", "/var"),
    ("r", "/srv"),
    ("r", "/home"),
    ("r", "/mnt"),
    ("r", "/media"),
    ("r", "/boot"),
    ("r", "/proc"),
    ("r", "/sys"),
    ("r", "/run"),
    ("rw", "/dev"),
    ("rw", "/tmp"),
    ("r", DATA[0]),
    ("r", DATA[1]),
    ("r", DATA[2]),
    ("rwx", WORK),
];

/// Words for the way `restrict`.
pub(super) fn landlock() -> Vec<String> {
    RULES.iter().map(|(access, path)| format!("{access}={path}")).collect()
}

/// A profile for AppArmor's parser.
pub(super) fn apparmor(name: &str) -> String {
    let mut text = format!("profile {name} flags=(attach_disconnected) {{\n");
    text += "  network,\n  capability,\n  signal,\n  unix,\n  ptrace,\n";
    for (access, path) in RULES {
        let letters = match access {
            "r" => "r",
            "rx" => "mrix",
            "rw" => "mrwkl",
            _ => "mrwixkl",
        };
        let _ = writeln!(text, "  {path}/ r,\n  {path}/** {letters},");
    }
    text + "}\n"
}

/// Rules for fapolicyd, which asks about opening and starting only.
pub(super) fn fapolicyd() -> String {
    let mut text = String::new();
    for (access, path) in RULES {
        let perm = if access.contains('x') { "any" } else { "open" };
        let _ = writeln!(text, "allow perm={perm} all : dir={path}/");
    }
    text + "deny perm=any all : all\n"
}

/// The paths of each access, for the zones of a policy.
pub(super) fn by_access() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    crate::act::cost::ACCESSES.into_iter().map(|wanted| {
        (wanted, RULES.iter().filter(|(access, _)| *access == wanted).map(|(_, path)| *path).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_reaches_every_enforcer() {
        let zones: usize = by_access().map(|(_, paths)| paths.len()).sum();
        assert_eq!(zones, RULES.len());
        assert_eq!(landlock().len(), RULES.len());
        for (_, path) in RULES {
            assert!(apparmor("p").contains(&format!("  {path}/** ")), "{path}");
            assert!(fapolicyd().contains(&format!("dir={path}/\n")), "{path}");
        }
    }
}
