//! The three stock kernels that guard is tested on: their names, and where the cache holds them.

mod fetch;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use clap::ValueEnum;

pub(crate) use self::fetch::fetch;
use crate::cache;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kernel {
    /// Debian bookworm's.
    #[value(name = "6.1")]
    V6_1,
    /// Debian trixie's.
    #[value(name = "6.12")]
    V6_12,
    /// Debian forky's or sid's.
    #[value(name = "7.2")]
    V7_2,
}

impl Kernel {
    pub(crate) const ALL: [Kernel; 3] = [Kernel::V6_1, Kernel::V6_12, Kernel::V7_2];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kernel::V6_1 => "6.1",
            Kernel::V6_12 => "6.12",
            Kernel::V7_2 => "7.2",
        }
    }

    pub(crate) fn folder(self) -> Result<PathBuf> {
        Ok(cache::root()?.join("kernels").join(self.name()))
    }

    /// The kernel in the cache; an error that says what to do if it is not there.
    pub(crate) fn installed(self) -> Result<Installed> {
        let folder = self.folder()?;
        let release = fs::read_to_string(folder.join("release"))
            .map_err(|_| anyhow!("kernel {} is not in the cache; run `cargo xtask setup`", self.name()))?;
        let release = release.trim().to_owned();
        let modules = folder.join("lib/modules").join(&release);
        let image = folder.join("vmlinuz");
        if !image.is_file() || !modules.join("modules.dep").is_file() {
            bail!("kernel {} in {} is incomplete; run `cargo xtask setup`", self.name(), folder.display());
        }
        Ok(Installed { kernel: self, release, image, modules })
    }
}

/// A kernel whose image and modules are in the cache.
pub(crate) struct Installed {
    pub(crate) kernel: Kernel,
    pub(crate) release: String,
    pub(crate) image: PathBuf,
    pub(crate) modules: PathBuf,
}

impl Installed {
    /// The files to insert, dependencies first, for the named modules. One that is not listed is built in.
    pub(crate) fn load_order(&self, wanted: &[&str]) -> Result<Vec<PathBuf>> {
        let path = self.modules.join("modules.dep");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut order = Vec::new();
        for name in wanted {
            for file in dependencies_first(&text, name) {
                let file = self.modules.join(file);
                if !order.contains(&file) {
                    order.push(file);
                }
            }
        }
        Ok(order)
    }
}

/// modules.dep has one line per module, `file: needs needs`, each before what it needs itself.
fn dependencies_first<'a>(modules_dep: &'a str, name: &str) -> Vec<&'a str> {
    let is_it = |file: &str| {
        let stem = file.rsplit('/').next().unwrap_or(file).split('.').next().unwrap_or(file);
        stem.replace('-', "_") == name
    };
    let line = modules_dep.lines().filter_map(|line| line.split_once(':')).find(|(file, _)| is_it(file));
    let Some((file, needs)) = line else { return Vec::new() };
    needs.split_whitespace().rev().chain([file]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_come_after_what_they_need() {
        let dep = "fs/9p/9p.ko: net/9p/9pnet.ko fs/netfs.ko\nnet/9p/9pnet.ko:\nfs/netfs.ko:\n";
        assert_eq!(dependencies_first(dep, "9p"), ["fs/netfs.ko", "net/9p/9pnet.ko", "fs/9p/9p.ko"]);
        assert!(dependencies_first(dep, "built_in").is_empty());
    }
}
