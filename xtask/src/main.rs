//! The one entry point of development. Parses the command line, hands over to one file per command;
//! decides nothing itself.

mod apt;
mod bench;
mod build;
mod cache;
mod checkout;
mod conformance;
mod cpio;
mod debian;
mod demo;
mod emulator;
mod image;
mod initramfs;
mod kernel;
mod linker;
mod setup;
mod sh;
mod test;
mod tidy;
mod toolchain;
mod vm;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development of guard: set up, build, boot, test, measure")]
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
    /// Check the rules of this code base: imports, openings, unsafe code, formatting.
    Tidy(tidy::Args),
    /// Run everything that checks: tidy, clippy, unit tests, the suites on each kernel.
    Test(test::Args),
    /// Hold the catalogue of attacks against an enforcer: guard, none, landlock, apparmor.
    Conformance(conformance::Args),
    /// Show the main job on a kernel that can enforce: this host's own, else one in a VM.
    Demo(demo::Args),
    /// Measure what guard costs beside its peers, in instructions.
    Bench(bench::Args),
}

fn main() {
    let done = match Cli::parse().command {
        Task::Setup(args) => setup::main(args),
        Task::Build(args) => build::main(args),
        Task::Vm(args) => vm::main(args),
        Task::Tidy(args) => tidy::main(args),
        Task::Test(args) => test::main(args),
        Task::Conformance(args) => conformance::main(args),
        Task::Demo(args) => demo::main(args),
        Task::Bench(args) => bench::main(args),
    };
    match done {
        Ok(status) => std::process::exit(status),
        Err(error) => {
            eprintln!("xtask: {error:#}");
            std::process::exit(1);
        }
    }
}
