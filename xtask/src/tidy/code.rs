//! Rust source without comments and the inside of strings, so that a rule about code is not set off by prose.
//! Not a parser: it knows just enough of the lexer (nested comments, raw strings, lifetimes) to blank them out.

/// The same lines and columns; every blanked character is a space.
pub(crate) fn code_of(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let rest = chars.get(at..).unwrap_or_default();
        let (keep, skip) = token(rest, at.checked_sub(1).and_then(|before| chars.get(before)).copied());
        for (index, char) in rest.iter().take(keep + skip).enumerate() {
            let blank = index >= keep && *char != '\n';
            code.push(if blank { ' ' } else { *char });
        }
        at += keep + skip;
    }
    code
}

/// How many characters to keep, and how many after them to blank.
fn token(rest: &[char], before: Option<char>) -> (usize, usize) {
    let in_word = before.is_some_and(|char| char.is_alphanumeric() || char == '_');
    match rest {
        ['/', '/', ..] => (0, line_comment(rest)),
        ['/', '*', ..] => (0, block_comment(rest)),
        ['r', '"' | '#', ..] if !in_word => match raw_string(rest) {
            Some(length) => (1, length - 1),
            None => (1, 0),
        },
        ['b' | 'c', 'r', '"' | '#', ..] if !in_word => match raw_string(rest.get(1..).unwrap_or_default()) {
            Some(length) => (1, length),
            None => (1, 0),
        },
        ['"', ..] => (1, quoted(rest, '"') - 1),
        ['\'', '\\', ..] => (1, quoted(rest, '\'') - 1),
        ['\'', _, '\'', ..] => (1, 2),
        _ => (1, 0),
    }
}

fn line_comment(rest: &[char]) -> usize {
    rest.iter().position(|char| *char == '\n').unwrap_or(rest.len())
}

fn block_comment(rest: &[char]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match rest.get(at..at + 2) {
            Some(['/', '*']) => (depth, at) = (depth + 1, at + 2),
            Some(['*', '/']) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// Length of a literal that opens with `mark` and knows backslashes.
fn quoted(rest: &[char], mark: char) -> usize {
    let mut at = 1;
    while let Some(char) = rest.get(at) {
        at += if *char == '\\' { 2 } else { 1 };
        if *char == mark {
            return at;
        }
    }
    rest.len()
}

/// Length of `r#"…"#`, if it is one and not a raw identifier.
fn raw_string(rest: &[char]) -> Option<usize> {
    let hashes = rest.iter().skip(1).take_while(|char| **char == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return None;
    }
    let body = 2 + hashes;
    let is_end = |at: &usize| {
        rest.get(*at) == Some(&'"')
            && rest.get(at + 1..at + 1 + hashes).is_some_and(|tail| tail.iter().all(|char| *char == '#'))
    };
    Some((body..rest.len()).find(is_end).map_or(rest.len(), |at| at + 1 + hashes))
}

/// True if `word` stands in the line by itself, not as a part of a longer name.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    let part_of_name = |char: Option<char>| char.is_some_and(|char| char.is_alphanumeric() || char == '_');
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|text| text.chars().next());
        !part_of_name(before) && !part_of_name(after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_blank_and_lines_stay() {
        let text = "a // x\nb /* x /* y */ x\n */ c \"x\\\"x\" d r#\"x\"x\"# e 'x' '\\'' <'l> br\"x\" r#fn";
        let code = code_of(text);
        assert!(!has_word(&code, "x") && !has_word(&code, "y"), "{code}");
        for kept in ["a", "b", "c", "d", "e", "l", "fn"] {
            assert!(has_word(&code, kept), "{kept} in {code}");
        }
        assert_eq!(code.lines().count(), text.lines().count());
        assert_eq!(code.chars().count(), text.chars().count());
    }
}
