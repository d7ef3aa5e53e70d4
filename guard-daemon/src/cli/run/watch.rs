//! Prints an instance's refusals on standard error while its program runs. A terminal that is slow delays only
//! the printing: reading goes on, and signals are somebody else's.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::fold::{Fold, summary};
use crate::cli::Places;
use crate::control::client::{Client, ClientError, Hangup};
use crate::control::wire::{Refusal, Request};
use crate::model::record::Instance;

/// How long a daemon that cannot say when all is told gets to tell it.
const GRACE: Duration = Duration::from_millis(300);

/// What the reader hands to the printer.
enum News {
    Refused(Box<Refusal>),
    Lost(Option<ClientError>),
}

/// A watch over one instance.
#[derive(Debug)]
pub(super) struct Watching {
    hangup: Hangup,
    wanted: Arc<AtomicBool>,
    printer: JoinHandle<u64>,
    agent: String,
}

impl Watching {
    /// Watches from now on.
    pub(super) fn start(places: &Places, instance: &Instance) -> Result<Self, ClientError> {
        let mut watch = Client::connect(&places.socket)?.watch(instance.slot)?;
        let hangup = watch.hangup()?;
        let wanted = Arc::new(AtomicBool::new(true));
        let (sender, receiver) = channel();
        let still_wanted = Arc::clone(&wanted);
        thread::spawn(move || {
            let error = loop {
                match watch.next() {
                    Some(Ok(refusal)) => drop(sender.send(News::Refused(Box::new(refusal)))),
                    Some(Err(error)) => break Some(error),
                    None => break None,
                }
            };
            if still_wanted.load(Ordering::SeqCst) {
                drop(sender.send(News::Lost(error)));
            }
        });
        let printer = thread::spawn(move || print_all(&receiver));
        Ok(Self { hangup, wanted, printer, agent: instance.agent.clone() })
    }

    /// Waits until everything is told that happened so far, and sums it up.
    pub(super) fn finish(self, places: &Places) {
        let settled = Client::connect(&places.socket).and_then(|mut client| client.order(&Request::Settle));
        if settled.is_err() {
            thread::sleep(GRACE);
        }
        self.wanted.store(false, Ordering::SeqCst);
        // An error means that the connection is gone, which is what is asked for.
        let _ = self.hangup.hang_up();
        if let Ok(total) = self.printer.join() {
            tell(summary(total, &self.agent));
        }
    }
}

fn print_all(news: &Receiver<News>) -> u64 {
    let mut fold = Fold::new(Instant::now());
    loop {
        let wait = fold.next().map(|next| next.saturating_duration_since(Instant::now()));
        match wait.map_or_else(|| news.recv().map_err(RecvTimeoutError::from), |wait| news.recv_timeout(wait))
        {
            Ok(News::Refused(refusal)) => tell(fold.take(&refusal, Instant::now())),
            Ok(News::Lost(error)) => tell([lost(error)]),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        tell(fold.due(Instant::now()));
    }
    tell(fold.finish());
    fold.total()
}

fn lost(error: Option<ClientError>) -> String {
    let why = error.map(|error| format!(" ({error})")).unwrap_or_default();
    format!(
        "guard: the daemon went away{why}; the kernel goes on refusing, but refusals are told here no more"
    )
}

/// Prints lines on standard error. One `write` each, so that they do not mix with the program's; what cannot be
/// written (a closed terminal) has no reader, and the ledger has it anyway.
fn tell(lines: impl IntoIterator<Item = String>) {
    for mut line in lines {
        line.push('\n');
        let _ = io::stderr().write_all(line.as_bytes());
    }
}
