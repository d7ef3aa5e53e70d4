//! Whole workloads, small and local: what a day of an agent is made of. Each is a shell script in a folder of its
//! own that puts back what it changed, so that every run does the same.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::setup::Subject;
use crate::act::cost::Figure;
use crate::harness::shell::end;

/// Every workload, by the name of its script.
pub(super) const ALL: [&str; 4] = ["git", "build", "python", "npm"];
/// Runs that count; one before them fills the caches.
const RUNS: usize = 2;

const GIT: &str =
    "rm -rf clone\ngit clone --quiet --no-local origin clone\ngit -C clone log --stat --oneline\n";
const BUILD: &str = "make --silent clean all\n";
const PYTHON: &str = "python3 -B -W error -m unittest discover --quiet --start-directory suite\n";
const NPM: &str = "rm -rf app/node_modules app/package-lock.json\ncd app\n\
    npm install --offline --install-links --no-audit --no-fund --no-progress --no-update-notifier --loglevel=error\n";

const COMMITS: usize = 150;
const SOURCES: usize = 3;
const TESTS: usize = 20;
const MODULES: usize = 30;

/// Runs it; the cheapest run is the least disturbed one. Its figure, and what the daemon spent for it.
pub(super) fn cheapest(subject: &mut Subject, name: &str) -> Result<(Figure, u64)> {
    let script = [format!("{}/{name}/run.sh", super::place::WORK)];
    let mut best: Option<(Figure, u64)> = None;
    for run in 0..=RUNS {
        let ran = subject.metered("cost-of-script", &script)?;
        if run > 0 && best.is_none_or(|(figure, _)| ran.0.caller < figure.caller) {
            best = Some(ran);
        }
    }
    best.context("no runs")
}

/// Makes every workload's folder.
pub(super) fn build(work: &Path) -> Result<()> {
    for (name, script) in ALL.into_iter().zip([GIT, BUILD, PYTHON, NPM]) {
        fs::create_dir_all(work.join(name))?;
        // An agent has a temporary folder of its own, which lies on another file system than everybody's.
        let head = "set -e\nmkdir -p tmp\nexport PYTHONHASHSEED=0 LC_ALL=C npm_config_cache=../cache TMPDIR=$PWD/tmp\n";
        fs::write(work.join(name).join("run.sh"), format!("{head}{script}"))?;
    }
    git(&work.join("git"))?;
    sources(&work.join("build"))?;
    tests(&work.join("python/suite"))?;
    packages(&work.join("npm"))
}

/// A history of small changes, written as a stream: one program makes all commits.
fn git(folder: &Path) -> Result<()> {
    let mut stream = String::new();
    for commit in 0..COMMITS {
        let message = format!("change {commit}");
        let _ = write!(
            stream,
            "commit refs/heads/main\ncommitter guard <guard@localhost> {} +0000\ndata {}\n{message}\n",
            1_700_000_000 + commit,
            message.len()
        );
        for file in [commit, commit * 7 % COMMITS] {
            let text = format!("line of change {commit}\n").repeat(30 + commit);
            let _ =
                write!(stream, "M 100644 inline src/{}/{file}.txt\ndata {}\n{text}\n", file % 5, text.len());
        }
    }
    let input = folder.join("stream");
    fs::write(&input, stream)?;
    let origin = folder.join("origin");
    let made =
        end(Command::new("git").args(["init", "--quiet", "--bare", "--initial-branch=main"]).arg(&origin))?;
    ensure!(made.code() == 0, "git init failed: {}", made.said());
    let imported = Command::new("git")
        .args(["fast-import", "--quiet"])
        .current_dir(&origin)
        .stdin(File::open(&input)?)
        .status()?;
    ensure!(imported.success(), "git fast-import ended with {imported}");
    Ok(())
}

fn sources(folder: &Path) -> Result<()> {
    let objects: Vec<String> = (0..SOURCES).map(|index| format!("part{index}.o")).collect();
    let objects = objects.join(" ");
    fs::write(
        folder.join("Makefile"),
        format!(
            "all: {objects}\n\tgcc -o program {objects}\n%.o: %.c\n\tgcc -O1 -c $<\nclean:\n\trm -f *.o program\n"
        ),
    )?;
    for index in 0..SOURCES {
        let mut text = String::from("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n");
        for number in 0..20 {
            let _ = writeln!(
                text,
                "int f{index}_{number}(const char *s, int n) {{ int t = n; for (; *s; s++) t = t * 31 + *s; \
                 if (t % {}) printf(\"%d\\n\", t); return t ^ (int)strlen(s); }}",
                number + 2
            );
        }
        if index == 0 {
            text += "int main(void) { return f0_0(\"x\", 1) == 0; }\n";
        }
        fs::write(folder.join(format!("part{index}.c")), text)?;
    }
    Ok(())
}

fn tests(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    for file in 0..4 {
        let mut text =
            String::from("import json, pathlib, re, tempfile, unittest\n\nclass Suite(unittest.TestCase):\n");
        for test in 0..TESTS {
            let _ = write!(
                text,
                "    def test_{test}(self):\n        with tempfile.TemporaryDirectory() as folder:\n            \
                 path = pathlib.Path(folder) / 'data.json'\n            \
                 path.write_text(json.dumps({{str(n): n * {test} for n in range(200)}}))\n            \
                 self.assertEqual(json.loads(path.read_text())['7'], 7 * {test})\n            \
                 self.assertTrue(re.search('\"1..\": ', path.read_text()))\n"
            );
        }
        fs::write(folder.join(format!("test_{file}.py")), text)?;
    }
    Ok(())
}

/// A program's package, and the local library that it is installed with.
fn packages(folder: &Path) -> Result<()> {
    let library = folder.join("library");
    fs::create_dir_all(library.join("lib"))?;
    fs::create_dir_all(folder.join("app"))?;
    fs::write(
        library.join("package.json"),
        "{\"name\": \"library\", \"version\": \"1.0.0\", \"main\": \"lib/0.js\"}\n",
    )?;
    for module in 0..MODULES {
        let text = format!("exports.n = {module};\n").repeat(40);
        fs::write(library.join(format!("lib/{module}.js")), text)?;
    }
    let app =
        "{\"name\": \"app\", \"version\": \"1.0.0\", \"dependencies\": {\"library\": \"file:../library\"}}\n";
    fs::write(folder.join("app/package.json"), app)?;
    Ok(())
}
