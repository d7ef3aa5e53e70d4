//! Running other programs: every failure names the program, what it said and its exit status.
//! Knows no program in particular but cargo, whose environment must not leak into a second cargo.

use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

/// What the outer cargo or rustup exports for *its* toolchain; a build by another one must not see it.
const FOREIGN: [&str; 12] = [
    "CARGO",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_MAKEFLAGS",
    "CARGO_TARGET_DIR",
    "LD_LIBRARY_PATH",
    "MAKEFLAGS",
    "RUSTC",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTDOC",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];

/// One line of progress on standard error; standard output belongs to the command's result.
pub(crate) fn say(line: &str) {
    eprintln!("xtask: {line}");
}

pub(crate) fn cmd(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args);
    command
}

/// Runs with the caller's terminal; fails unless the program ends with 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = show(command);
    let status = command.status().with_context(|| format!("cannot start `{name}`"))?;
    if !status.success() {
        bail!("`{name}` failed: {status}");
    }
    Ok(())
}

/// Runs silently; shows what the program said only when it fails.
pub(crate) fn run_quiet(command: &mut Command) -> Result<()> {
    read(command).map(drop)
}

/// Standard output of a program that must succeed.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let name = show(command);
    let Output { status, stdout, stderr } =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{name}`"))?;
    if !status.success() {
        bail!("`{name}` failed: {status}\n{}", String::from_utf8_lossy(&stderr).trim_end());
    }
    Ok(String::from_utf8_lossy(&stdout).into_owned())
}

/// True if the program starts and ends with 0; says nothing.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Takes away what an outer cargo exported, also the `CARGO_PKG_*` of xtask itself.
pub(crate) fn without_outer_cargo(command: &mut Command) -> &mut Command {
    for key in FOREIGN {
        command.env_remove(key);
    }
    for (key, _) in std::env::vars_os() {
        let text = key.to_string_lossy();
        if text.starts_with("CARGO_PKG_")
            || text.starts_with("CARGO_MANIFEST")
            || text.starts_with("CARGO_PROFILE")
        {
            command.env_remove(&key);
        }
    }
    command
}

/// `'a b'`: one word for a POSIX shell, whatever it holds.
pub(crate) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let text: Vec<String> = words.map(|word| quote(&word.to_string_lossy())).collect();
    text.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_survives_a_shell() {
        for word in ["", "a b", "it's", "$HOME", "line\nbreak", "*", "plain/path-1.0"] {
            let echoed =
                read(&mut cmd("sh", &["-c", &format!("printf %s {}", quote(word))])).expect("sh runs");
            assert_eq!(echoed, word);
        }
    }

    #[test]
    fn a_failing_program_is_named_with_its_words() {
        let error =
            read(&mut cmd("sh", &["-c", "echo no disk >&2; exit 4"])).expect_err("exit 4 is a failure");
        let text = format!("{error:#}");
        assert!(text.contains("no disk") && text.contains('4'), "{text}");
    }
}
