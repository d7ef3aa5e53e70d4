//! What is to be reached, each beside its figure. A target says when it is missed; it is never made easier.

use super::figures::Figures;

/// The depth at which targets are stated.
pub(super) const DEPTH: u32 = 12;
/// The size of policy at which they are.
const ENTRIES: usize = 100_000;
const AGENTS: i64 = 1_000;

/// One target.
pub(super) struct Target {
    pub(super) what: String,
    pub(super) bound: String,
    pub(super) figure: String,
    pub(super) reached: Option<bool>,
}

impl Target {
    /// In a table's cell.
    pub(super) fn verdict(&self) -> &'static str {
        match self.reached {
            Some(true) => "reached",
            Some(false) => "**missed**",
            None => "not measured",
        }
    }
}

/// A figure held against the most that it may be.
fn most(what: &str, unit: &str, bound: f64, found: Option<(f64, String)>) -> Target {
    let shown =
        |value: f64| if unit == "%" { format!("{value:.1} %") } else { format!("{} {unit}", plain(value)) };
    Target {
        what: what.to_owned(),
        bound: format!("at most {}", shown(bound)),
        figure: found
            .as_ref()
            .map_or_else(String::new, |(value, where_)| format!("{}{where_}", shown(*value))),
        reached: found.map(|(value, _)| value <= bound),
    }
}

fn plain(value: f64) -> String {
    if value.fract() == 0.0 { super::table::grouped(value as i64) } else { format!("{value:.2}") }
}

/// Every target of the kernel half.
pub(super) fn all(figures: &Figures) -> Vec<Target> {
    let landlock = figures.added("landlock", "open-read", Some(DEPTH), None);
    let landlock_first = figures.added("landlock", "open-first", Some(DEPTH), None);
    let fapolicyd = figures.added("fapolicyd", "exec", None, None);
    let at = |setup: &str, name: &str| {
        figures.added(setup, name, Some(DEPTH), None).map(|added| (added as f64, String::new()))
    };
    let share = |setup: &str| {
        worst(["git", "build", "python", "npm"], |name| Some(figures.workload_share(setup, name)? * 100.0))
    };
    let mut targets = vec![
        most("not enrolled: one hook", "instructions", 260.0, per_hook(figures)),
        most("not enrolled: any workload", "%", 1.0, share("loaded")),
        most("agent, kept verdict: open", "instructions", 400.0, at("agent", "open-read")),
    ];
    targets.extend(landlock.map(|landlock| {
        let sixth = (landlock as f64 / 6.0).round();
        most(
            "agent, kept verdict: open, a sixth of Landlock's",
            "instructions",
            sixth,
            at("agent", "open-read"),
        )
    }));
    targets.extend(landlock_first.map(|landlock| {
        let found = at("agent", "open-first");
        most("agent, first open: no more than Landlock's", "instructions", landlock as f64, found)
    }));
    targets.push(most("agent: any workload", "%", 2.0, share("agent")));
    targets.extend(fapolicyd.map(|fapolicyd| {
        let tenth = (fapolicyd as f64 / 10.0).round();
        most("agent: exec, a tenth of fapolicyd's", "instructions", tenth, at("agent", "exec"))
    }));
    targets.push(most("100,000 entries, as against 10", "times", 1.2, growth(figures)));
    targets.push(most(
        "memory of the kernel, 100,000 entries and 1,000 agents",
        "MiB",
        32.0,
        memory(figures),
    ));
    targets
}

/// Operations whose own figure comes out the same within a few instructions, so that it can be divided by their hooks:
/// making and renaming files takes memory from the kernel, at a price that changes by hundreds.
const STEADY: [&str; 6] = ["open-read", "open-write", "write", "read", "connect", "sendto"];
/// Operations that a policy's size could make dearer.
const LOOKED_UP: [&str; 7] =
    ["open-read", "open-write", "open-first", "create-unlink", "rename", "connect", "sendto"];

/// What a hook costs who is no agent, at most: what it adds to a steady operation, or what a program of any other is
/// said to cost by the kernel's statistics, and as much for its call as a steady one's takes.
fn per_hook(figures: &Figures) -> Option<(f64, String)> {
    let each = |name: &str| {
        let hooks = figures.programs_of("loaded", name);
        let added = figures.added("loaded", name, Some(DEPTH), None)?;
        (hooks > 0.0).then(|| (added as f64 / hooks).round())
    };
    let steady = worst(STEADY, each)?;
    let programs = || figures.programs.iter().filter(|told| told.setup == "loaded");
    let open = programs().find(|told| told.operation == "open-read")?;
    let call = each("open-read")? - open.instructions;
    let by_statistics =
        programs().map(|told| (told.instructions + call, format!(" (`{}`, by statistics)", told.program)));
    by_statistics.chain([steady]).max_by(|(one, _), (other, _)| one.total_cmp(other))
}

/// What the largest policy adds to an operation, in times of what the smallest does.
fn growth(figures: &Figures) -> Option<(f64, String)> {
    worst(LOOKED_UP, |name| {
        let added = |entries| figures.added("agent", name, Some(DEPTH), entries).map(|added| added as f64);
        Some((added(Some(ENTRIES))? / added(None)? * 100.0).round() / 100.0)
    })
}

fn memory(figures: &Figures) -> Option<(f64, String)> {
    let largest = figures.memory.iter().find(|told| told.entries == ENTRIES)?;
    let mib = |bytes: i64| (bytes as f64 / 1_048_576.0 * 10.0).round() / 10.0;
    Some((
        mib(largest.held.cast_signed() + figures.agents.filter(|told| told.agents == AGENTS)?.grown),
        String::new(),
    ))
}

/// The largest of some figures, and which it was.
fn worst<const N: usize>(names: [&str; N], figure: impl Fn(&str) -> Option<f64>) -> Option<(f64, String)> {
    let found = names.iter().filter_map(|name| Some((figure(name)?, format!(" ({name})"))));
    found.max_by(|(one, _), (other, _)| one.total_cmp(other))
}

#[cfg(test)]
mod tests {
    use super::super::figures::tests::SAMPLE;
    use super::*;

    #[test]
    fn a_missed_target_is_called_missed() {
        let figures = Figures::read(SAMPLE).expect("the sample reads");
        let verdict = |start: &str| {
            let all = all(&figures);
            all.iter().find(|target| target.what.starts_with(start)).map(Target::verdict)
        };
        assert_eq!(verdict("not enrolled: one hook"), Some("**missed**"), "282 of 260");
        assert_eq!(verdict("not enrolled: any workload"), Some("reached"));
        assert_eq!(verdict("agent, kept verdict: open"), Some("reached"), "390 of 400");
        assert_eq!(verdict("agent, first open"), Some("**missed**"));
        assert_eq!(verdict("agent: exec"), Some("reached"), "9,000 of 10,000");
        assert_eq!(verdict("100,000 entries"), Some("**missed**"), "1.28 of 1.2");
        assert_eq!(verdict("memory"), Some("reached"));
    }

    #[test]
    fn a_program_that_costs_more_than_steady_hooks_is_the_figure() {
        let line = r#"{"kind":"program","setup":"loaded","operation":"fork-exit","program":"sched_process_fork","runs":1.0,"instructions":892.0}"#;
        let figures = Figures::read(&format!("{SAMPLE}{line}\n")).expect("the sample reads");
        let (cost, which) = per_hook(&figures).expect("it was measured");
        assert_eq!(
            (cost.round(), which.contains("sched_process_fork")),
            (999.0, true),
            "892, and 107 for the call"
        );
    }

    #[test]
    fn without_a_figure_nothing_is_reached() {
        assert!(all(&Figures::default()).iter().all(|target| target.reached.is_none()));
    }
}
