//! Imports in guard-daemon point down only: cli, app, then {kernel, audit, gates, fleet, control}, engine,
//! policy, primitives, model, then {disk, clock, mountinfo}. Primitives never import each other: the engine alone knows them all.

use super::tree::{Finding, SourceFile, Tree};

const SOURCE: &str = "guard-daemon/src/";
/// From the top down; a layer may name those after its own.
const LAYERS: [&[&str]; 8] = [
    &["cli"],
    &["app"],
    &["kernel", "audit", "gates", "fleet", "control"],
    &["engine"],
    &["policy"],
    &["primitives"],
    &["model"],
    &["disk", "clock", "mountinfo"],
];
const PRIMITIVES: [&str; 12] = [
    "blast_radius",
    "drift_detection",
    "identity_binding",
    "kill_switch",
    "memory_write",
    "network_boundary",
    "quorum",
    "rate_limit",
    "reversible",
    "sandbox_grants",
    "schema_drift",
    "signed_audit",
];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let files = tree.rust().filter_map(|file| Some((file, file.path.strip_prefix(SOURCE)?)));
    files.flat_map(|(file, inner)| check_file(file, inner)).collect()
}

fn check_file(file: &SourceFile, inner: &str) -> Vec<Finding> {
    let module = inner.split(['/', '.']).next().unwrap_or_default();
    // The crate's root and the two programs stand above all layers.
    if ["lib", "bin", "main"].contains(&module) {
        return Vec::new();
    }
    let Some(own) = rank(module) else {
        let fix =
            "put it into a layer of docs/ARCHITECTURE.md, or name its layer in xtask/src/tidy/arrows.rs";
        return vec![file.finding(1, format!("module `{module}` has no place in the order of layers"), fix)];
    };
    let mut findings = Vec::new();
    for (line, target) in named_after(&file.code, "crate::") {
        if target != module && rank(target).is_some_and(|rank| rank <= own) {
            let what = format!("`{module}` names `crate::{target}`, which is not below it");
            findings.push(file.finding(line, what, "move the shared part down, or pass it in from above"));
        }
    }
    if let Some(primitive) = inner.strip_prefix("primitives/").map(stem).filter(|stem| is_primitive(stem)) {
        findings.extend(other_primitives(file, primitive));
    }
    findings
}

fn other_primitives(file: &SourceFile, own: &str) -> Vec<Finding> {
    let mut named = named_after(&file.code, "super::");
    named.extend(named_after(&file.code, "crate::primitives::"));
    named.retain(|(_, target)| *target != own && is_primitive(target));
    let fix = "hand over what it needs in the action or the state: order must not matter";
    let finding = |(line, target)| file.finding(line, format!("primitive `{own}` names `{target}`"), fix);
    named.into_iter().map(finding).collect()
}

fn rank(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn is_primitive(name: &str) -> bool {
    PRIMITIVES.contains(&name)
}

fn stem(path: &str) -> &str {
    path.split(['/', '.']).next().unwrap_or_default()
}

/// The names that follow `prefix`, with their lines; of `prefix{a, b::c}` both `a` and `b`.
fn named_after<'a>(code: &'a str, prefix: &str) -> Vec<(usize, &'a str)> {
    let mut named = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let is_tail =
            code.get(..at).is_some_and(|text| text.ends_with(|c: char| c.is_alphanumeric() || c == '_'));
        let start = at + prefix.len();
        let Some(rest) = code.get(start..).filter(|_| !is_tail) else { continue };
        let names = match rest.strip_prefix('{') {
            Some(group) => {
                top_level_names(group).into_iter().map(|(offset, name)| (offset + 1, name)).collect()
            }
            None => vec![(0, leading_name(rest))],
        };
        let line = |offset: usize| code.get(..start + offset).unwrap_or_default().matches('\n').count() + 1;
        named.extend(names.into_iter().map(|(offset, name)| (line(offset), name)));
    }
    named.sort_unstable();
    named.dedup();
    named
}

/// `a, b::{c, d}, e}…` gives a, b, e with their offsets.
fn top_level_names(group: &str) -> Vec<(usize, &str)> {
    let mut depth = 1;
    let mut expects = true;
    let mut names = Vec::new();
    for (at, char) in group.char_indices() {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => expects = true,
            c if expects && depth == 1 && !c.is_whitespace() => {
                names.push((at, leading_name(group.get(at..).unwrap_or_default())));
                expects = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

fn leading_name(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_that_points_up_or_sideways_is_found() {
        let text =
            "//! x\nuse crate::{model::Action,\n    cli::{status, app}};\nfn f() { crate::audit::x() }\n";
        let found = check(&Tree::of(&[("guard-daemon/src/kernel/maps.rs", text)]));
        let lines: Vec<usize> = found.iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [3, 4], "{found:?}");
    }

    #[test]
    fn imports_that_point_down_are_kept() {
        let text = "use crate::model::Action;\nuse crate::primitives::Primitive; // not crate::cli\n";
        assert_eq!(check(&Tree::of(&[("guard-daemon/src/engine/mod.rs", text)])), []);
    }

    #[test]
    fn primitives_do_not_know_each_other() {
        let text = "use super::Primitive;\nuse super::rate_limit::Bucket;\n";
        let found = check(&Tree::of(&[("guard-daemon/src/primitives/quorum.rs", text)]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 2);
    }

    #[test]
    fn a_module_outside_the_order_is_found() {
        assert_eq!(check(&Tree::of(&[("guard-daemon/src/util.rs", "//! x\n")])).len(), 1);
    }
}
