//! docs/PERFORMANCE.md: how to read it, then one section for each kernel that was measured. A new measurement takes
//! the place of its own kernel's section and leaves the others.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use crate::kernel::Kernel;
use crate::{cache, checkout};

const INTRODUCTION: &str = include_str!("performance.md");

/// Puts a kernel's section in place; returns where.
pub(super) fn write(kernel: Kernel, section: &str) -> Result<PathBuf> {
    let path = checkout::root().join("docs/PERFORMANCE.md");
    let before = fs::read_to_string(&path).unwrap_or_default();
    cache::write_atomic(&path, with_section(&before, kernel, section).as_bytes())?;
    Ok(path)
}

fn with_section(before: &str, kernel: Kernel, section: &str) -> String {
    let sections = Kernel::ALL.into_iter().filter_map(|other| {
        if other == kernel { Some(section.trim_end()) } else { section_of(before, other) }
    });
    let mut text = INTRODUCTION.trim_end().to_owned();
    for section in sections {
        text += "\n\n";
        text += section;
    }
    text + "\n"
}

/// From its heading to the next kernel's.
fn section_of(text: &str, kernel: Kernel) -> Option<&str> {
    let start = text.find(&format!("## Linux {} ", kernel.name()))?;
    let rest = text.get(start..)?;
    let end = rest.get(1..)?.find("\n## ").map_or(rest.len(), |end| end + 1);
    rest.get(..end).map(str::trim_end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_replaces_its_own_kernels_and_no_other() {
        let one = with_section("", Kernel::V6_12, "## Linux 6.12 (a)\n\n### Targets\n\nold\n");
        let two = with_section(&one, Kernel::V6_1, "## Linux 6.1 (b)\n\nfirst\n");
        let three = with_section(&two, Kernel::V6_12, "## Linux 6.12 (c)\n\nnew\n");
        assert!(three.starts_with(INTRODUCTION.trim_end()), "{three}");
        assert!(three.ends_with("\n\n## Linux 6.1 (b)\n\nfirst\n\n## Linux 6.12 (c)\n\nnew\n"), "{three}");
        assert!(!three.contains("### Targets"), "{three}");
    }
}
