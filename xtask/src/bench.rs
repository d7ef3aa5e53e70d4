//! `cargo xtask bench`: what guard costs, measured so that anybody gets the same figures. One subcommand per half.

mod figures;
mod kernel;
mod page;
mod peers;
mod table;
mod target;

use anyhow::Result;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    half: Half,
}

#[derive(clap::Subcommand)]
enum Half {
    /// The kernel half and its peers, in instructions, in one boot; writes docs/PERFORMANCE.md.
    Kernel(kernel::Args),
}

pub(crate) fn main(Args { half: Half::Kernel(args) }: Args) -> Result<i32> {
    kernel::main(args)
}
