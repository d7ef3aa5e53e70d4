//! The one entry point of development. Parses the command line, hands over to one file per command;
//! decides nothing itself.

mod apt;
mod build;
mod cache;
mod checkout;
mod cpio;
mod debian;
mod initramfs;
mod kernel;
mod linker;
mod setup;
mod sh;
mod toolchain;
mod vm;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development of guard: set up, build, boot, test")]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Find or install what is missing: packages, toolchain, bpf-linker, QEMU, three kernels.
    Setup(setup::Args),
    /// Build the kernel programs and the binaries that embed them.
    Build(build::Args),
    /// Boot a stock kernel on this machine's own files and run one command in it as root.
    Vm(vm::Args),
}

fn main() {
    let done = match Cli::parse().command {
        Task::Setup(args) => setup::main(args),
        Task::Build(args) => build::main(args),
        Task::Vm(args) => vm::main(args),
    };
    match done {
        Ok(status) => std::process::exit(status),
        Err(error) => {
            eprintln!("xtask: {error:#}");
            std::process::exit(1);
        }
    }
}
