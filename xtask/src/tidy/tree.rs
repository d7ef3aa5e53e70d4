//! What the rules look at: the files of the checkout as git sees them, and a finding about one of their lines.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::code::code_of;
use crate::sh::{cmd, read};

/// Files as text; what is not UTF-8 is no source and is left out.
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    pub(crate) files: Vec<SourceFile>,
}

pub(crate) struct SourceFile {
    /// From the checkout's root, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    /// For Rust: the text with comments and strings blanked out, line for line.
    pub(crate) code: String,
}

impl Tree {
    pub(crate) fn read(root: &Path) -> Result<Tree> {
        let mut list = cmd("git", &["ls-files", "--cached", "--others", "--exclude-standard"]);
        let listed = read(list.current_dir(root))?;
        let texts = listed.lines().filter_map(|path| {
            let text = std::fs::read_to_string(root.join(path)).ok()?;
            Some((path, text))
        });
        let files = texts.map(|(path, text)| SourceFile::new(path, &text)).collect();
        Ok(Tree { root: root.to_path_buf(), files })
    }

    pub(crate) fn rust(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter().filter(|file| file.is_rust())
    }

    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Tree {
        let files = files.iter().map(|(path, text)| SourceFile::new(path, text)).collect();
        Tree { root: PathBuf::new(), files }
    }
}

impl SourceFile {
    fn new(path: &str, text: &str) -> SourceFile {
        let code = if path.ends_with(".rs") { code_of(text) } else { String::new() };
        SourceFile { path: path.to_owned(), text: text.to_owned(), code }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Numbered lines of code, counted from one.
    pub(crate) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    pub(crate) fn finding(&self, line: usize, what: impl Into<String>, fix: &'static str) -> Finding {
        Finding { path: self.path.clone(), line, what: what.into(), fix }
    }
}

/// One broken rule at one place: what is wrong and why, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) what: String,
    pub(crate) fix: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {}:{}: {}; {}", self.path, self.line, self.what, self.fix)
    }
}
