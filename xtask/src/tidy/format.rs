//! rustfmt with the checkout's own settings. The kernel programs are a workspace of their own.

use super::tree::{Finding, Tree};
use crate::sh::{cmd, without_outer_cargo};

const FIX: &str = "run `cargo fmt --all`, in guard-ebpf too";

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let workspaces = ["Cargo.toml", "guard-ebpf/Cargo.toml"];
    let there = workspaces.iter().filter(|manifest| tree.root.join(manifest).is_file());
    there.flat_map(|manifest| unformatted(tree, manifest)).collect()
}

fn unformatted(tree: &Tree, manifest: &str) -> Vec<Finding> {
    let finding =
        |path: &str, what: &str| Finding { path: path.to_owned(), line: 1, what: what.to_owned(), fix: FIX };
    let mut cargo = cmd("cargo", &["fmt", "--all", "--manifest-path", manifest, "--", "--check", "-l"]);
    let output = match without_outer_cargo(&mut cargo).current_dir(&tree.root).output() {
        Ok(output) if output.status.success() => return Vec::new(),
        Ok(output) => output,
        Err(error) => return vec![finding(manifest, &format!("cannot start cargo fmt ({error})"))],
    };
    let root = format!("{}/", tree.root.display());
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let found: Vec<Finding> = listed
        .lines()
        .map(|line| finding(line.strip_prefix(&root).unwrap_or(line), "is not formatted"))
        .collect();
    if found.is_empty() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return vec![finding(manifest, said.lines().next().unwrap_or("cargo fmt fails"))];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unformatted_file_is_found() {
        let root = std::env::temp_dir().join(format!("guard-tidy-{}", std::process::id()));
        let package =
            "[package]\nname = \"sample\"\nedition = \"2024\"\n[workspace]\n[lib]\npath = \"lib.rs\"\n";
        std::fs::create_dir_all(&root).expect("the temporary folder is writable");
        std::fs::write(root.join("Cargo.toml"), package).expect("writable");
        std::fs::write(root.join("lib.rs"), "fn  a( ) {}\n").expect("writable");
        let found = check(&Tree { root: root.clone(), files: Vec::new() });
        std::fs::remove_dir_all(&root).expect("removable");
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].path, "lib.rs");
    }
}
