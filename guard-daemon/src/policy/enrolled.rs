//! Which rule takes a cgroup, and what its agent is called: the same answer as the kernel's programs give.

use guard_common::map::enrol::{AGENT_NAME_MAX, Component, EnrolRule, RuleKind};

/// The first rule that takes the cgroup with this path, and not one above or below it. An exception takes it out of
/// the enrolment that it stands in.
pub fn first_match<'a>(rules: &'a [EnrolRule], path: &str) -> Option<&'a EnrolRule> {
    let names: Vec<&[u8]> = path.split('/').filter(|name| !name.is_empty()).map(str::as_bytes).collect();
    let mut passed_over = None;
    for rule in rules {
        if passed_over == Some(rule.enrolment) || !takes(rule, &names) {
            continue;
        }
        if rule.except == 0 {
            return Some(rule);
        }
        passed_over = Some(rule.enrolment);
    }
    None
}

fn takes(rule: &EnrolRule, names: &[&[u8]]) -> bool {
    let count = usize::try_from(rule.count).unwrap_or(usize::MAX);
    let (Some(components), Some(rest)) = (rule.components.get(..count), names.len().checked_sub(count))
    else {
        return false;
    };
    let fits = components.iter().zip(names.iter().rev()).all(|(component, name)| fits(component, name));
    let above = names.get(..rest).unwrap_or_default();
    match RuleKind::from_raw(rule.kind) {
        Some(RuleKind::Path) => count > 0 && fits && above.is_empty(),
        Some(RuleKind::Unit) => count > 0 && fits && above.iter().all(|name| name.ends_with(b".slice")),
        Some(RuleKind::Nothing) | None => false,
    }
}

fn fits(component: &Component, name: &[u8]) -> bool {
    let start = usize::try_from(component.start_len).ok().and_then(|len| component.start.get(..len));
    let end = component.end.get(..usize::from(component.end_len));
    let (Some(start), Some(end)) = (start, end) else { return false };
    let least = start.len() + end.len();
    let is_long_enough = if component.gap == 0 { name.len() == least } else { name.len() >= least };
    is_long_enough && name.starts_with(start) && name.ends_with(end)
}

/// What a cgroup's agent is called: as its rule says, else as the cgroup itself is.
pub fn agent_name(rule: Option<&EnrolRule>, path: &str) -> String {
    let given = rule.map(|rule| rule.name.split(|byte| *byte == 0).next().unwrap_or_default());
    let given = given.and_then(|name| std::str::from_utf8(name).ok()).filter(|name| !name.is_empty());
    let leaf = path.rsplit('/').next().unwrap_or_default();
    let mut end = leaf.len().min(AGENT_NAME_MAX - 1);
    while !leaf.is_char_boundary(end) {
        end -= 1;
    }
    given.unwrap_or(leaf.get(..end).unwrap_or_default()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Lineage, Sources, load};

    fn rules(text: &str) -> Vec<EnrolRule> {
        let text = format!("version = 1\n[profiles.a]\n[profiles.b]\n{text}");
        load(Sources::unbundle("test.toml", &text).unwrap(), &Lineage::default()).unwrap().rules()
    }

    #[test]
    fn rows_say_what_the_globs_say() {
        let rules = rules(
            "[[enrol]]\ncgroup = \"/machine.slice/libpod-*.scope\"\nprofile = \"a\"\n\
             except = [\"/machine.slice/libpod-conmon-*.scope\"]\n\
             [[enrol]]\nunit = \"agent-*.service\"\nprofile = \"b\"\nname = \"coder\"\n",
        );
        assert_eq!(rules.iter().map(|rule| rule.except).collect::<Vec<_>>(), [1, 0, 0]);
        let matched = |path: &str| first_match(&rules, path).map(|rule| rule.profile);
        assert_eq!(matched("/machine.slice/libpod-12.scope"), Some(0));
        assert_eq!(matched("/machine.slice/libpod-conmon-12.scope"), None);
        assert_eq!(matched("/machine.slice/libpod-12.scope/container"), None);
        assert_eq!(matched("/x/machine.slice/libpod-12.scope"), None);
        assert_eq!(matched("/system.slice/agent-x.service"), Some(1));
        assert_eq!(matched("/system.slice/x.service/agent-x.service"), None);
        let name = |path: &str| agent_name(first_match(&rules, path), path);
        assert_eq!(name("/system.slice/agent-x.service"), "coder");
        assert_eq!(name("/machine.slice/libpod-12.scope"), "libpod-12.scope");
        assert_eq!(
            name(&format!("/machine.slice/libpod-{}.scope", "f".repeat(64))).len(),
            AGENT_NAME_MAX - 1
        );
    }

    #[test]
    fn an_exception_holds_for_its_own_enrolment_alone() {
        let rules = rules(
            "[[enrol]]\ncgroup = \"/a*\"\nprofile = \"a\"\nexcept = [\"/ab\"]\n\
             [[enrol]]\ncgroup = \"/*b\"\nprofile = \"b\"\n",
        );
        let matched = |path: &str| first_match(&rules, path).map(|rule| rule.profile);
        assert_eq!(
            (matched("/ab"), matched("/aab"), matched("/b"), matched("/c")),
            (Some(1), Some(0), Some(1), None)
        );
    }
}
