//! The figures of one run, as `guard-bench` tells them. Asks and counts; draws no conclusion.

use anyhow::{Context, Result};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line {
    Kernel { release: String },
    Operation(Operation),
    Program(Program),
    Workload(Workload),
    Memory(Memory),
    Agents(Agents),
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Operation {
    pub(super) setup: String,
    pub(super) operation: String,
    pub(super) depth: Option<u32>,
    pub(super) entries: Option<usize>,
    pub(super) caller: u64,
    pub(super) elapsed: u64,
    pub(super) daemon: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Program {
    pub(super) setup: String,
    pub(super) operation: String,
    pub(super) program: String,
    pub(super) runs: f64,
    pub(super) instructions: f64,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Workload {
    pub(super) setup: String,
    pub(super) workload: String,
    pub(super) caller: u64,
    pub(super) daemon: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Memory {
    pub(super) entries: usize,
    pub(super) held: u64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Agents {
    pub(super) agents: i64,
    pub(super) grown: i64,
}

/// Everything that one run told.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) release: String,
    pub(super) operations: Vec<Operation>,
    pub(super) programs: Vec<Program>,
    pub(super) workloads: Vec<Workload>,
    pub(super) memory: Vec<Memory>,
    pub(super) agents: Option<Agents>,
}

/// The set-up that all others are compared with.
pub(super) const BARE: &str = "bare";

impl Figures {
    pub(super) fn read(output: &str) -> Result<Self> {
        let mut figures = Self::default();
        for line in output.lines() {
            match serde_json::from_str(line).with_context(|| format!("not a figure: {line}"))? {
                Line::Kernel { release } => figures.release = release,
                Line::Operation(operation) => figures.operations.push(operation),
                Line::Program(program) => figures.programs.push(program),
                Line::Workload(workload) => figures.workloads.push(workload),
                Line::Memory(memory) => figures.memory.push(memory),
                Line::Agents(agents) => figures.agents = Some(agents),
            }
        }
        Ok(figures)
    }

    /// Names of operations in the order in which they were told.
    pub(super) fn operation_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for operation in &self.operations {
            if !names.contains(&operation.operation.as_str()) {
                names.push(&operation.operation);
            }
        }
        names
    }

    /// One operation's figure. `entries` of none: whichever the set-up was first measured with.
    pub(super) fn operation(
        &self,
        setup: &str,
        name: &str,
        depth: Option<u32>,
        entries: Option<usize>,
    ) -> Option<&Operation> {
        self.operations.iter().find(|told| {
            told.setup == setup
                && told.operation == name
                && told.depth.is_none_or(|at| Some(at) == depth)
                && entries.is_none_or(|entries| told.entries == Some(entries))
        })
    }

    /// What a set-up adds to the bare kernel's figure. Of a daemon that is asked, the caller waits for the answer.
    pub(super) fn added(
        &self,
        setup: &str,
        name: &str,
        depth: Option<u32>,
        entries: Option<usize>,
    ) -> Option<i64> {
        let (with, bare) =
            (self.operation(setup, name, depth, entries)?, self.operation(BARE, name, depth, None)?);
        Some(match setup {
            "fapolicyd" => with.elapsed.cast_signed() - bare.elapsed.cast_signed(),
            _ => with.caller.cast_signed() - bare.caller.cast_signed(),
        })
    }

    /// What a set-up adds to a workload, in parts of the bare kernel's figure.
    pub(super) fn workload_share(&self, setup: &str, name: &str) -> Option<f64> {
        let of = |setup: &str| self.workload(setup, name).map(|told| told.caller as f64);
        Some(of(setup)? / of(BARE)? - 1.0)
    }

    pub(super) fn workload(&self, setup: &str, name: &str) -> Option<&Workload> {
        self.workloads.iter().find(|told| told.setup == setup && told.workload == name)
    }

    /// How many of guard's programs run for one operation.
    pub(super) fn programs_of(&self, setup: &str, name: &str) -> f64 {
        self.programs
            .iter()
            .filter(|told| told.setup == setup && told.operation == name)
            .map(|told| told.runs)
            .sum()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::bench) const SAMPLE: &str = r#"{"kind":"kernel","release":"6.1.0-1-amd64"}
{"kind":"operation","setup":"bare","operation":"open-read","depth":12,"entries":null,"caller":14000,"elapsed":14000,"daemon":0}
{"kind":"operation","setup":"bare","operation":"open-first","depth":12,"entries":null,"caller":14000,"elapsed":14000,"daemon":0}
{"kind":"operation","setup":"bare","operation":"exec","depth":null,"entries":null,"caller":900000,"elapsed":910000,"daemon":0}
{"kind":"operation","setup":"landlock","operation":"open-read","depth":12,"entries":null,"caller":16400,"elapsed":16400,"daemon":0}
{"kind":"operation","setup":"landlock","operation":"open-first","depth":12,"entries":null,"caller":16400,"elapsed":16400,"daemon":0}
{"kind":"operation","setup":"fapolicyd","operation":"exec","depth":null,"entries":null,"caller":906000,"elapsed":1010000,"daemon":0}
{"kind":"operation","setup":"loaded","operation":"open-read","depth":12,"entries":null,"caller":14282,"elapsed":14282,"daemon":3}
{"kind":"operation","setup":"agent","operation":"open-read","depth":12,"entries":10,"caller":14390,"elapsed":14390,"daemon":5}
{"kind":"operation","setup":"agent","operation":"open-first","depth":12,"entries":10,"caller":33000,"elapsed":50000,"daemon":50000}
{"kind":"operation","setup":"agent","operation":"exec","depth":null,"entries":10,"caller":909000,"elapsed":950000,"daemon":50000}
{"kind":"operation","setup":"agent","operation":"open-read","depth":12,"entries":100000,"caller":14500,"elapsed":14390,"daemon":5}
{"kind":"program","setup":"loaded","operation":"open-read","program":"file_open","runs":1.0,"instructions":175.0}
{"kind":"workload","setup":"bare","workload":"git","caller":1000,"elapsed":1000,"daemon":0}
{"kind":"workload","setup":"loaded","workload":"git","caller":1005,"elapsed":1000,"daemon":0}
{"kind":"workload","setup":"agent","workload":"git","caller":1100,"elapsed":1000,"daemon":900}
{"kind":"memory","entries":100000,"held":20700000}
{"kind":"agents","agents":1000,"grown":640000}
"#;

    #[test]
    fn what_is_added_is_the_callers_and_for_an_asked_daemon_the_wait() {
        let figures = Figures::read(SAMPLE).expect("the sample reads");
        assert_eq!(figures.added("landlock", "open-read", Some(12), None), Some(2400));
        assert_eq!(figures.added("agent", "open-read", Some(12), None), Some(390));
        assert_eq!(figures.added("agent", "open-read", Some(12), Some(100000)), Some(500));
        assert_eq!(figures.added("fapolicyd", "exec", None, None), Some(100_000));
        assert_eq!(figures.added("apparmor", "exec", None, None), None);
    }

    #[test]
    fn a_line_that_is_no_figure_is_refused() {
        assert!(Figures::read("guard: refused\n").is_err());
    }
}
