//! Threads, children, children's children, programs that they start.

use std::ffi::OsString;
use std::io::{self, Write};

use super::{Cases, Trick, as_another};
use crate::act::process::{again, tell_doer};
use crate::act::{Args, perform, usage, way_alone};

pub(super) const TRICK: Trick = Trick {
    module: module_path!(),
    ways: &[way_alone("in-thread", |a, out| in_thread(a.rest(0), out)), way_alone("generation", generation)],
    python: Some(include_str!("descendant.py")),
    cases,
};

fn in_thread(words: &[OsString], out: &mut dyn Write) -> io::Result<()> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let mut told = Vec::new();
            let result = tell_doer(&mut told).and_then(|()| perform(words, &mut told));
            (told, result)
        });
        let (told, result) = thread.join().map_err(|_| usage("the thread panicked"))?;
        out.write_all(&told)?;
        result
    })
}

/// `generation N WAY…`: performs in the N-th descendant.
fn generation(args: &Args, out: &mut dyn Write) -> io::Result<()> {
    let left: u32 = args.parsed(0)?;
    if left == 0 {
        tell_doer(out)?;
        return perform(args.rest(1), out);
    }
    let next = (left - 1).to_string();
    match again(&["generation".into(), next.into()]).args(args.rest(1)).status()?.code() {
        Some(0) => Ok(()),
        Some(errno) => Err(io::Error::from_raw_os_error(errno)),
        None => Err(usage("a descendant was killed")),
    }
}

fn cases() -> Cases {
    let spawned = "!containment.descendant.spawned /usr/local/bin/guard-act write";
    [
        as_another("C01", "a_thread_is_the_agent", "in-thread write"),
        as_another("C01b", "the_fifth_descendant_is_the_agent", "generation 5 write"),
        as_another("C01c", "a_hundredth_fork_is_the_agent", "!containment.descendant.fork_chain 100"),
        as_another("C01d", "a_spawned_program_is_the_agent", spawned),
        as_another("C01e", "a_sibling_is_the_agent", "!containment.descendant.sibling"),
    ]
    .into()
}
