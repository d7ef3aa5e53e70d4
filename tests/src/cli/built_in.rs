//! The policy that is in force where nobody wrote another, as a person's agent meets it.

use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::harness::fixture::{OPEN, SECRET, folder, give, put};
use crate::harness::guard::as_user;
use crate::harness::runner::Shared;
use crate::harness::server::D4;
use crate::harness::shell::end;
use crate::harness::{Test, Who, World, check};

/// The policy.
static BUILT_IN: Shared = Shared { text: include_str!("../../../policies/default.toml"), prepare };

const HOME: &str = "/home/guardtest";
const PROJECT: &str = "/home/guardtest/project";
/// Where there is a secret, and nothing may change.
const SECRETS: [&str; 3] =
    ["/home/guardtest/.ssh/id_ed25519", "/home/guardtest/project/.env", "/home/guardtest/.netrc"];
/// Where what stands must stay as it is.
const KEPT: [&str; 2] = ["/home/guardtest/notes", "/home/guardtest/project/.bashrc"];

pub(super) fn all() -> Vec<Test> {
    vec![check("an_agent_may_do_what_the_built_in_policy_says_and_nothing_else", says).with(&BUILT_IN)]
}

fn prepare() -> Result<()> {
    for made in [HOME, PROJECT, "/home/guardtest/.ssh"] {
        folder(made)?;
    }
    for path in SECRETS {
        put(path.as_ref(), SECRET.as_bytes())?;
    }
    for path in KEPT {
        put(path.as_ref(), OPEN)?;
    }
    put(format!("{PROJECT}/.env.example").as_ref(), OPEN)?;
    let built = format!("{PROJECT}/built");
    fs::copy("/bin/true", &built)?;
    give(built.as_ref(), 0o755)
}

/// What to try in the project's folder, and whether an agent may.
fn trials() -> Vec<(String, bool)> {
    let connect = |to: &str| {
        let (host, port) = to.rsplit_once(':').unwrap_or((to, "0"));
        format!("python3 -c 'import socket; socket.create_connection((\"{host}\", {port}))'")
    };
    let own = "import socket; s = socket.create_server((\"127.0.0.1\", 0)); socket.create_connection(s.getsockname())";
    vec![
        ("echo more > new && cat new && mv new newer && rm newer".to_owned(), true),
        ("echo more > \"$TMPDIR/new\"".to_owned(), true),
        ("cat /etc/hostname .bashrc .env.example".to_owned(), true),
        ("python3 -c 'print(1)'".to_owned(), true),
        (format!("python3 -c '{own}'"), true),
        ("echo more >> .bashrc".to_owned(), false),
        ("echo more > other && mv other .bashrc".to_owned(), false),
        ("echo more >> ../notes".to_owned(), false),
        ("echo more > ../new".to_owned(), false),
        ("cat .env".to_owned(), false),
        ("cat ../.ssh/id_ed25519".to_owned(), false),
        ("ln ../.netrc mine && cat mine".to_owned(), false),
        ("./built".to_owned(), false),
        ("/usr/bin/unshare --version".to_owned(), false),
        (connect(D4), false),
    ]
}

fn says(_: &mut World) -> Result<()> {
    let trials = trials();
    let number = |(number, (line, _)): (usize, &(String, bool))| format!("({line}) >&2 && echo {number}");
    let script = trials.iter().enumerate().map(number).collect::<Vec<_>>().join("\n");
    let done = |command: &mut Command| -> Result<(Vec<bool>, String)> {
        let ended = end(command.args(["sh", "-c", &script]).env("TMPDIR", "/tmp").current_dir(PROJECT))?;
        let told: Vec<usize> = ended.out.lines().filter_map(|line| line.parse().ok()).collect();
        Ok(((0..trials.len()).map(|number| told.contains(&number)).collect(), ended.err))
    };
    let (free, said) = done(&mut as_user(Who::User, "env"))?;
    for ((line, _), free) in trials.iter().zip(free) {
        ensure!(free, "control: `{line}` fails outside: {said}");
    }
    let _ = fs::remove_file(format!("{PROJECT}/mine"));
    prepare()?;
    let mut agent = as_user(Who::User, "guard");
    let (did, said) = done(agent.args(["run", "--agent", "built-in", "--workdir", PROJECT, "--"]))?;
    for ((line, may), did) in trials.iter().zip(did) {
        ensure!(did == *may, "`{line}` was {}: {said}", if did { "not refused" } else { "refused" });
    }
    ensure!(!said.contains(SECRET), "a secret was read: {said}");
    for path in KEPT {
        ensure!(fs::read(path)? == OPEN, "{path} was changed");
    }
    Ok(())
}
