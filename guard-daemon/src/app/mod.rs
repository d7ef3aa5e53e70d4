//! The daemon: wiring, the loop, starting and ending. Decides nothing: `engine::step` says what to do about each
//! input, and this does it.
//!
//! ```text
//! start      host fit? -> lock -> policy -> kernel programs, orders to halt -> ledger -> agents from before
//! daemon     rings, requests, ends, digests, seconds  ->  engine::step  ->  effects
//! effects    revoke, append, grant or refuse, notify
//! ```

mod adopt;
mod agents;
mod daemon;
mod effects;
mod ending;
mod enrolling;
mod executables;
mod force;
mod ground;
mod hearing;
mod history;
mod host;
mod journal;
mod launching;
mod lock;
mod notify;
mod options;
mod paths;
mod policies;
mod positions;
mod records;
mod refusals;
mod requests;
mod saved;
mod settle;
mod start;
mod status;
mod stop;

use std::collections::HashMap;
use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use self::agents::registry::SavedAgents;
use crate::clock;
use crate::control::server;
use crate::kernel::{LogLevel, PinFolder, diagnostics};
use options::Options;
pub(crate) use paths::STATE;

/// Runs the daemon to its end.
pub fn main() -> ExitCode {
    let options = Options::parse();
    let level = std::env::var("GUARD_LOG").unwrap_or_else(|_| "info".to_owned());
    // The loader's library tells of every relocation at `debug`; how much the kernel programs say is their own level.
    let filter = EnvFilter::new(format!("aya=warn,aya_obj=warn,guard_ebpf=trace,{level}"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    subscriber.with_ansi(std::io::stderr().is_terminal()).with_target(false).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.to_string()),
    };
    match runtime.block_on(serve(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(&why),
    }
}

/// Names of living instances by their cgroups, as far as a daemon has noted them down in this boot: for orders that
/// are given without one.
pub(crate) fn known_agents(state: &std::path::Path) -> HashMap<u64, String> {
    let saved: Option<SavedAgents> = saved::read(&paths::instances(state)).ok().flatten();
    let saved = saved.filter(|saved| clock::boot_id().is_ok_and(|boot| boot == saved.boot));
    let agents = saved.map(|saved| saved.agents).unwrap_or_default();
    agents.into_iter().map(|agent| (agent.launch.cgroup, agent.launch.instance.agent)).collect()
}

fn failed(why: &str) -> ExitCode {
    // Not through tracing: whoever silences that still has to learn why nothing runs.
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "guardd: {why}");
    ExitCode::FAILURE
}

async fn serve(options: &Options) -> Result<(), String> {
    let (started, lock) = start::start(options)?;
    let start::Started { mut daemon, mut rings, mut inbox, requests, stop, listener, fresh } = started;
    stop::listen(options.ephemeral, stop).map_err(|error| format!("signals cannot be heard: {error}"))?;
    if options.kernel_log()? != LogLevel::Off {
        tokio::spawn(async {
            if let Err(error) = diagnostics::forward(PinFolder::default()).await {
                tracing::error!("the kernel programs cannot be heard: {error}");
            }
        });
    }
    tokio::spawn(server::serve(listener, requests));
    notify::ready();
    tracing::info!(socket = %daemon.socket().display(), "serving");
    let why =
        daemon.run(&mut rings, &mut inbox).await.map_err(|error| format!("a ring cannot be heard: {error}"));
    notify::stopping();
    let ended = daemon.finish(&mut rings, why.as_deref().unwrap_or("a ring cannot be heard"));
    if options.ephemeral && fresh {
        daemon.leave_nothing();
    }
    drop(lock);
    why.and(ended)
}
