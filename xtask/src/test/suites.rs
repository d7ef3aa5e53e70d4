//! The suites in guests, several at once: an emulated machine keeps one processor of the host busy, and no more.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{fs, thread};

use anyhow::Result;

use super::count::{self, Count};
use super::timed;
use crate::kernel::Kernel;
use crate::vm::{self, End, Job};

const SUITE: &str = "guard-suite";
/// What a guest is given.
const GUEST_MIB: u64 = 4096;

/// The parts that a kernel's suites are run in, the longest first, each in a guest of its own: what breaks a guest
/// costs no more than its part.
const PARTS: [(&str, &[&str]); 3] = [
    ("kernel", &["kernel::"]),
    ("rest", &["--except", "bypass::", "--except", "kernel::"]),
    ("bypass", &["bypass::"]),
];

pub(super) fn run(kernels: &[Kernel], timeout: u64, filter: &[String]) -> Result<Count> {
    let timeout = Some(Duration::from_secs(timeout));
    let job = |name: String, words: &mut dyn Iterator<Item = String>| Job {
        name,
        timeout,
        keep_output: true,
        ..Job::new(std::iter::once(SUITE.to_owned()).chain(words).collect())
    };
    let of_kernel = |kernel: &Kernel, part: &(&str, &[&str])| {
        let mut words = part.1.iter().map(|word| (*word).to_owned());
        (*kernel, job(format!("{} {}", kernel.name(), part.0), &mut words))
    };
    let jobs: VecDeque<(Kernel, Job)> = if filter.is_empty() {
        PARTS.iter().flat_map(|part| kernels.iter().map(move |kernel| of_kernel(kernel, part))).collect()
    } else {
        let whole = |kernel: &Kernel| (*kernel, job(kernel.name().to_owned(), &mut filter.iter().cloned()));
        kernels.iter().map(whole).collect()
    };
    all(jobs)
}

fn all(jobs: VecDeque<(Kernel, Job)>) -> Result<Count> {
    let workers = at_once()?.min(jobs.len());
    let queue = Mutex::new(jobs);
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let work = || -> Result<Count> {
        let mut total = Count::default();
        while let Some((kernel, job)) = next() {
            total += timed(&format!("suites in guest {}", job.name), || one(kernel, &job))?;
        }
        Ok(total)
    };
    let counts = thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, Result<Count>>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().map(join).collect::<Result<Vec<Count>>>()
    })?;
    Ok(counts.into_iter().fold(Count::default(), |mut total, count| {
        total += count;
        total
    }))
}

/// A skip is a failure: these kernels are the supported ones.
fn one(kernel: Kernel, job: &Job) -> Result<Count> {
    let ran = vm::run(kernel, job)?;
    let output = String::from_utf8_lossy(&ran.output);
    Ok(count::suites(&output, ran.end == End::Exited(0)).in_guest(&job.name))
}

/// How many guests this machine bears: one a processor, and as many as its free memory holds.
fn at_once() -> Result<usize> {
    let processors = thread::available_parallelism()?.get();
    let memory = fs::read_to_string("/proc/meminfo")?;
    let available = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let guests = available.map_or(1, |kib| kib / 1024 / GUEST_MIB);
    Ok(processors.min(usize::try_from(guests)?).max(1))
}
