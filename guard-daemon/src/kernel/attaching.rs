//! Handing the programs to the kernel: first each is verified, several at once, and only when all were taken are they
//! attached, so that what stands beside what stood before does so for an instant.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use aya::programs::links::{FdLink, LinkError};
use aya::programs::{Program as Loaded, ProgramError};
use aya::{Btf, Ebpf};

use super::loader::LoadError;
use super::pins::PinFolder;
use super::programs::{Kind, Program};

/// Lines of the verifier's log that an error shows: the last ones say what it minded.
const VERIFIER_LINES: usize = 30;

/// Has the kernel verify every program, as many at once as there are processors: that is nearly all of what a start
/// takes. The first that it refuses, in the order of the set, is the error.
pub(super) fn verify(set: &mut Ebpf, fitting: &[&'static Program]) -> Result<(), LoadError> {
    let btf = Btf::from_sys_fs().map_err(|error| LoadError::Prepare { what: error.to_string() })?;
    let mut loaded: HashMap<String, &mut Loaded> =
        set.programs_mut().map(|(name, loaded)| (name.to_owned(), loaded)).collect();
    let queue = fitting.iter().map(|program| {
        let loaded = loaded.remove(program.name).ok_or_else(|| stranger(program))?;
        Ok((*program, loaded))
    });
    let queue = Mutex::new(queue.collect::<Result<VecDeque<_>, LoadError>>()?);
    let queue = || queue.lock().unwrap_or_else(PoisonError::into_inner);
    let next = || queue().pop_front();
    let work = || -> Result<(), (&'static Program, LoadError)> {
        while let Some((program, loaded)) = next() {
            let began = Instant::now();
            verify_one(program, loaded, &btf).map_err(|error| {
                queue().clear();
                (program, error)
            })?;
            tracing::debug!(program = program.name, place = program.place(), took = ?began.elapsed(), "verified");
        }
        Ok(())
    };
    let workers = thread::available_parallelism().map_or(1, usize::from).min(fitting.len());
    let refused = thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .filter_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)).err())
            .collect::<Vec<_>>()
    });
    let place = |program: &Program| fitting.iter().position(|fits| fits.name == program.name);
    match refused.into_iter().min_by_key(|(program, _)| place(program)) {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

fn verify_one(program: &Program, loaded: &mut Loaded, btf: &Btf) -> Result<(), LoadError> {
    match (program.kind, loaded) {
        (Kind::Lsm, Loaded::Lsm(lsm)) => lsm.load(program.target, btf),
        (Kind::Tracepoint, Loaded::BtfTracePoint(tracepoint)) => tracepoint.load(program.target, btf),
        (Kind::FunctionExit, Loaded::FExit(exit)) => exit.load(program.target, btf),
        (Kind::TaskIterator, Loaded::Iter(iter)) => iter.load(program.target, btf),
        _ => return Err(stranger(program)),
    }
    .map_err(|error| refused(program, &error))
}

/// Attaches every program and pins its link beside the one that may stand there.
pub(super) fn attach(
    set: &mut Ebpf,
    fitting: &[&'static Program],
    pins: &PinFolder,
) -> Result<(), LoadError> {
    for program in fitting {
        let loaded = set.program_mut(program.name).ok_or_else(|| stranger(program))?;
        attach_one(program, loaded)?
            .pin(pins.next_link(program.name))
            .map_err(|error| LoadError::Pin { program: program.name, cause: error.to_string() })?;
    }
    Ok(())
}

fn attach_one(program: &Program, loaded: &mut Loaded) -> Result<FdLink, LoadError> {
    let refused = |error| refused(program, &error);
    match (program.kind, loaded) {
        (Kind::Lsm, Loaded::Lsm(lsm)) => {
            let link = lsm.attach().map_err(refused)?;
            Ok(lsm.take_link(link).map_err(refused)?.into())
        }
        (Kind::Tracepoint, Loaded::BtfTracePoint(tracepoint)) => {
            let link = tracepoint.attach().map_err(refused)?;
            Ok(tracepoint.take_link(link).map_err(refused)?.into())
        }
        (Kind::FunctionExit, Loaded::FExit(exit)) => {
            let link = exit.attach().map_err(refused)?;
            Ok(exit.take_link(link).map_err(refused)?.into())
        }
        (Kind::TaskIterator, Loaded::Iter(iter)) => {
            let link = iter.attach().map_err(refused)?;
            let link = iter.take_link(link).map_err(refused)?;
            link.try_into().map_err(|error: LinkError| LoadError::Pin {
                program: program.name,
                cause: error.to_string(),
            })
        }
        _ => Err(stranger(program)),
    }
}

fn stranger(program: &Program) -> LoadError {
    LoadError::Object { what: format!("program {} is missing, or of another kind", program.name) }
}

fn refused(program: &Program, error: &ProgramError) -> LoadError {
    let (cause, log) = if let ProgramError::LoadError { io_error, verifier_log } = error {
        (io_error.to_string(), last_lines(&verifier_log.to_string()))
    } else {
        (error.to_string(), String::new())
    };
    LoadError::Refused { program: program.name, place: program.place(), cause, log }
}

/// The last lines of the verifier's log, indented below the error.
fn last_lines(log: &str) -> String {
    let lines: Vec<_> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    let from = lines.len().saturating_sub(VERIFIER_LINES);
    lines.get(from..).unwrap_or_default().iter().map(|line| format!("\n    {line}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_the_end_of_the_verifiers_log() {
        let log: String = (0..100).map(|line| format!("line {line}\n\n")).collect();
        let shown = last_lines(&log);
        assert!(shown.ends_with("\n    line 99"));
        assert_eq!(shown.lines().filter(|line| !line.is_empty()).count(), VERIFIER_LINES);
        assert_eq!(last_lines(""), "");
    }
}
