//! `cargo xtask bench kernel`: one boot that counts instructions, one run of `guard-bench` in it, its figures as
//! tables on the screen and in docs/PERFORMANCE.md. A target that is missed is told, and fails nothing.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::figures::Figures;
use super::{page, peers, table};
use crate::kernel::Kernel;
use crate::sh::{quote, say};
use crate::vm::{self, End, Job, Which};
use crate::{build, setup};

const PROGRAM: &str = "guard-bench";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which kernel: 6.1, 6.12, 7.2, or all, one after another.
    #[arg(long, default_value = "6.12", value_parser = vm::which)]
    kernel: Which,
    /// End the guest when the measurement takes longer than this many seconds.
    #[arg(long, default_value_t = 7200)]
    timeout: u64,
    /// Only these set-ups (bare, landlock, apparmor, fapolicyd, empty, guard): shown, not written.
    #[arg(last = true)]
    setups: Vec<String>,
}

pub(crate) fn main(args: Args) -> Result<i32> {
    setup::ensure(setup::Need::Vm)?;
    build::all()?;
    let peers = peers::folder()?;
    for kernel in &args.kernel.0 {
        let started = Instant::now();
        let figures = measure(*kernel, &args, &peers.to_string_lossy())?;
        let section = table::section(*kernel, &figures);
        println!("{section}");
        let took = started.elapsed().as_secs() / 60;
        if args.setups.is_empty() {
            let path = page::write(*kernel, &section)?;
            say(&format!("kernel {}: measured in {took} minutes; in {}", kernel.name(), path.display()));
        } else {
            say(&format!(
                "kernel {}: measured in {took} minutes; a part only, so not written",
                kernel.name()
            ));
        }
    }
    Ok(0)
}

fn measure(kernel: Kernel, args: &Args, peers: &str) -> Result<Figures> {
    let setups: Vec<String> = args.setups.iter().map(|setup| quote(setup)).collect();
    // The guest's root is its own: peers are put where they expect to be, on no machine.
    let script = format!(
        "tar -C {} -c . | tar -C / -x --keep-directory-symlink && exec {PROGRAM} {}",
        quote(peers),
        setups.join(" ")
    );
    let job = Job {
        icount: true,
        timeout: Some(Duration::from_secs(args.timeout)),
        keep_output: true,
        silent: true,
        ..Job::new(vec!["sh".to_owned(), "-c".to_owned(), script])
    };
    let ran = vm::run(kernel, &job)?;
    let figures = Figures::read(&String::from_utf8_lossy(&ran.output))?;
    if ran.end != End::Exited(0) {
        if !figures.operations.is_empty() {
            println!("{}", table::section(kernel, &figures));
        }
        bail!("kernel {}: {}; what it said is above, with what figures there are", kernel.name(), ran.end);
    }
    ensure!(!figures.operations.is_empty(), "{PROGRAM} told no figures");
    Ok(figures)
}
