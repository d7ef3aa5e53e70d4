//! Agents' names: what people type, what stands in records and in file names of nothing.

/// Longest name, in bytes.
pub(crate) const BYTES_MAX: usize = 64;

/// A name that somebody asked for.
pub(crate) fn check(name: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let starts = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if starts && name.len() <= BYTES_MAX && name.bytes().all(plain) {
        return Ok(());
    }
    Err(format!(
        "`{}` is no name for an agent: letters, digits, `.`, `_` and `-`, at most {BYTES_MAX}, a letter or digit first",
        name.escape_debug()
    ))
}

/// A name made from the program that will run.
pub(crate) fn from_command(command: &[String]) -> String {
    let program = command.first().map_or("", |program| program.rsplit('/').next().unwrap_or_default());
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name: String = program.chars().map(plain).take(BYTES_MAX).collect();
    let name = name.trim_start_matches(['.', '_', '-']);
    if name.is_empty() { "agent".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_words() {
        for good in ["coder", "a", "Coder-2.1_x", &"x".repeat(64)] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["", "-x", ".x", "a b", "a/b", "ä", "a\n", &"x".repeat(65)] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn whatever_is_run_gives_a_name_that_is_one() {
        let name = |program: &str| from_command(&[program.to_owned()]);
        assert_eq!(name("/usr/bin/python3"), "python3");
        for program in ["", "/", "../..", "a b\n", "ä", "---", &"y".repeat(300)] {
            assert!(check(&name(program)).is_ok(), "{program:?} gave {:?}", name(program));
        }
        assert_eq!(from_command(&[]), "agent");
    }
}
