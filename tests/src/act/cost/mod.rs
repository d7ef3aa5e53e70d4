//! What something costs the process that does it, in instructions: run many times over, the median of the batches.
//!
//! Counts only where the guest's clock counts (`cargo xtask vm --icount`): there the clocks advance by one
//! nanosecond with each instruction of the one processor. Everywhere else these are nanoseconds of noise.

mod clock;
mod operation;
mod restrict;

use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use self::clock::{Reading, median};
pub use self::operation::{ALL, Operation, PEER_PORT, SERVER_PORT};
pub use self::restrict::ACCESSES;
use super::{Way, usage, way, way_alone};

/// See the module.
pub const WAYS: &[Way] = &[
    way("cost", |a, out| tell(out, cost(Operation::named(a.text(0)?)?, a.path(1)?)?)),
    way("repeat", |a, _| repeat(Operation::named(a.text(0)?)?, a.path(1)?, a.parsed(2)?)),
    way("cost-of-script", |a, out| tell(out, cost_of_script(a.path(0)?)?)),
    way_alone("restrict", |a, _| restrict::restrict(a)),
];

/// Instructions of one operation, or of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    /// By the process, its children included, in user space and in the kernel.
    pub caller: u64,
    /// From the call to its end, whoever ran: what the process waits for.
    pub elapsed: u64,
}

fn tell(out: &mut dyn Write, figure: Figure) -> io::Result<()> {
    Ok(serde_json::to_writer(out, &figure)?)
}

/// Batches of one operation; the first one warms up and does not count.
fn cost(operation: &Operation, folder: &Path) -> io::Result<Figure> {
    let mut work = operation.begin(folder)?;
    let clock = Reading::cost()?;
    let mut spent = Vec::new();
    for sample in 0..=operation.samples {
        let before = Reading::now()?;
        for index in 0..operation.batch {
            work.act(sample * operation.batch + index)?;
        }
        let batch = Reading::now()?.since(before).less(clock);
        work.settle()?;
        if sample > 0 {
            spent.push(batch);
        }
    }
    let each = |of: fn(&Reading) -> u64| median(spent.iter().map(of).collect()) / u64::from(operation.batch);
    Ok(Figure { caller: each(|batch| batch.caller), elapsed: each(|batch| batch.elapsed) })
}

/// The same acts for whoever counts them from outside.
fn repeat(operation: &Operation, folder: &Path, rounds: u32) -> io::Result<()> {
    let mut work = operation.begin(folder)?;
    for index in 0..rounds {
        work.act(index)?;
        if (index + 1) % operation.batch == 0 {
            work.settle()?;
        }
    }
    Ok(())
}

/// One run of a shell script, in its own folder, with everything that it starts.
fn cost_of_script(script: &Path) -> io::Result<Figure> {
    let folder = script.parent().ok_or_else(|| usage("a script lies in a folder"))?;
    let mut shell = Command::new("/bin/sh");
    shell.arg(script).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
    let before = Reading::now()?;
    let status = shell.status()?;
    let spent = Reading::now()?.since(before);
    if !status.success() {
        return Err(usage(&format!("{} ended with {status}", script.display())));
    }
    let Reading { caller, elapsed } = spent;
    Ok(Figure { caller, elapsed })
}
