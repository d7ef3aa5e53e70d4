//! `cargo xtask setup`: finds or installs what is missing, says what and why; does nothing when all is there.

use anyhow::Result;

use crate::emulator::Emulator;
use crate::kernel::Kernel;
use crate::sh::say;
use crate::{apt, cache, emulator, initramfs, kernel, linker, toolchain};

#[derive(clap::Args)]
pub(crate) struct Args {}

/// What a command is about to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Build,
    Vm,
}

pub(crate) fn main(_: Args) -> Result<i32> {
    // All packages at once: whoever lacks root is told one command, not one per half.
    apt::install(apt::for_build().into_iter().chain(apt::for_vm()).collect())?;
    ensure(Need::Build)?;
    ensure(Need::Vm)?;
    say(&format!("everything is there; cache: {}", cache::root()?.display()));
    Ok(0)
}

/// Sets up one half, in silence if it is complete.
pub(crate) fn ensure(need: Need) -> Result<()> {
    if is_complete(need)? {
        return Ok(());
    }
    let _lock = cache::lock("setup", "set up")?;
    match need {
        Need::Build => {
            apt::install(apt::for_build())?;
            let toolchain = toolchain::install()?;
            say(&format!("kernel programs are built by {}", toolchain.name()));
            linker::install(toolchain).map(drop)
        }
        Need::Vm => {
            apt::install(apt::for_vm())?;
            anyhow::ensure!(initramfs::busybox_is_static(), "/bin/busybox is not static; see busybox-static");
            emulator::fetch()?;
            kernel::fetch(&missing_kernels())
        }
    }
}

fn is_complete(need: Need) -> Result<bool> {
    Ok(match need {
        Need::Build => {
            apt::missing(apt::for_build())?.is_empty()
                && linker::find()?.is_some()
                && toolchain::find()?.is_some()
        }
        Need::Vm => {
            apt::missing(apt::for_vm())?.is_empty()
                && Emulator::installed().is_ok()
                && missing_kernels().is_empty()
        }
    })
}

fn missing_kernels() -> Vec<Kernel> {
    Kernel::ALL.into_iter().filter(|kernel| kernel.installed().is_err()).collect()
}
