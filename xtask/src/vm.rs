//! `cargo xtask vm`: boots a stock kernel under QEMU on this machine's own files and runs one command in it.
//! The machine itself is not changed: its root is shared read-only, under an overlay in the guest's memory.

mod accel;
mod guest;
mod machine;
mod wire;

use std::time::Duration;

use anyhow::Result;

pub(crate) use self::guest::{End, run};
use crate::kernel::Kernel;
use crate::sh::say;
use crate::{build, setup};

/// What `xtask vm` ends with when the command could not end by itself. The first is what `timeout` uses.
const STATUS_HUNG: i32 = 124;
const STATUS_NO_GUEST: i32 = 125;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which kernel: 6.1, 6.12, 7.2, or all, one after another.
    #[arg(long, default_value = "6.12", value_parser = which)]
    kernel: Which,
    /// Count instructions: the guest's clock advances 1 ns per instruction, on one processor.
    #[arg(long)]
    icount: bool,
    /// Give the command this terminal (leave with `exit`, or Ctrl-A x); without a command: bash.
    #[arg(long)]
    shell: bool,
    /// End the guest when the command takes longer than this many seconds; 0: never.
    #[arg(long, default_value_t = 900)]
    timeout: u64,
    /// Show the kernel's log on standard error while it is written.
    #[arg(long)]
    kernel_log: bool,
    /// Memory of the guest in MiB.
    #[arg(long, default_value_t = 4096)]
    memory: u32,
    /// The command and its words; run as root in this checkout's folder.
    #[arg(last = true)]
    command: Vec<String>,
}

/// One kernel, or all three.
#[derive(Clone)]
pub(crate) struct Which(pub(crate) Vec<Kernel>);

pub(crate) fn which(text: &str) -> Result<Which, String> {
    if text == "all" {
        return Ok(Which(Kernel::ALL.to_vec()));
    }
    let one = <Kernel as clap::ValueEnum>::from_str(text, false);
    one.map(|kernel| Which(vec![kernel])).map_err(|_| "one of 6.1, 6.12, 7.2, all".to_owned())
}

/// How to run one command in one guest.
pub(crate) struct Job {
    pub(crate) command: Vec<String>,
    /// Where several guests run at once: which this one is. Stands before each line of its output.
    pub(crate) name: String,
    pub(crate) icount: bool,
    pub(crate) terminal: bool,
    /// None: as long as it takes.
    pub(crate) timeout: Option<Duration>,
    pub(crate) kernel_log: bool,
    pub(crate) memory_mib: u32,
    /// Hand the command's standard output back as well.
    pub(crate) keep_output: bool,
    /// Do not show its standard output.
    pub(crate) silent: bool,
}

impl Job {
    pub(crate) fn new(command: Vec<String>) -> Job {
        Job {
            command,
            name: String::new(),
            icount: false,
            terminal: false,
            timeout: None,
            kernel_log: false,
            memory_mib: 4096,
            keep_output: false,
            silent: false,
        }
    }
}

pub(crate) fn main(args: Args) -> Result<i32> {
    setup::ensure(setup::Need::Vm)?;
    // What the guest finds in its PATH is what this checkout says.
    build::all()?;
    let Args { kernel: Which(kernels), icount, shell, timeout, kernel_log, memory, mut command } = args;
    if command.is_empty() {
        anyhow::ensure!(shell, "nothing to run; write `cargo xtask vm -- COMMAND…`, or ask for a --shell");
        command = vec!["bash".to_owned(), "-l".to_owned()];
    }
    let timeout = (timeout > 0 && !shell).then(|| Duration::from_secs(timeout));
    let job = Job { icount, terminal: shell, timeout, kernel_log, memory_mib: memory, ..Job::new(command) };
    let mut worst = 0;
    let many = kernels.len() > 1;
    for kernel in kernels {
        let end = run(kernel, &job)?.end;
        if many {
            say(&format!("kernel {}: {end}", kernel.name()));
        }
        worst = worst.max(status(end));
    }
    Ok(worst)
}

/// What xtask ends with for it.
pub(crate) fn status(end: End) -> i32 {
    match end {
        End::Exited(status) => status,
        End::Hung => STATUS_HUNG,
        End::NoBoot | End::Died => STATUS_NO_GUEST,
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            End::Exited(0) => f.write_str("the command succeeded"),
            End::Exited(status) => write!(f, "the command failed with status {status}"),
            End::Hung => f.write_str("the command did not end within its time limit"),
            End::NoBoot => f.write_str("the guest did not boot"),
            End::Died => f.write_str("the guest ended before the command did"),
        }
    }
}
