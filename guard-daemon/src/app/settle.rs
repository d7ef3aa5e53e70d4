//! Answering those who asked to be told when everything so far has been judged and told.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::daemon::{Daemon, Rings};
use super::hearing::Parked;
use crate::control::server::Answer;
use crate::control::wire::Response;
use crate::kernel::boot_ns;
use crate::model::action::BootNs;

/// How long those who watch may take to read.
const WATCHERS_LIMIT: Duration = Duration::from_secs(2);

/// Who waits, and since when.
#[derive(Default)]
pub(super) struct Settling(Vec<(BootNs, oneshot::Sender<Answer>)>);

impl Daemon {
    /// Somebody waits for everything that happened until now.
    pub(super) fn settle(&mut self, answer: oneshot::Sender<Answer>) {
        self.settling.0.push((boot_ns(), answer));
    }

    /// Answers who needs to wait no longer.
    pub(super) fn answer_settled(&mut self, rings: &mut Rings) {
        if self.settling.0.is_empty() {
            return;
        }
        // Again: one look takes no more than a batch.
        let heard = self.hear_now(rings);
        self.judge_parked();
        let oldest = self.parked.iter().filter_map(Parked::oldest).min().unwrap_or(BootNs::MAX);
        let (done, waiting) = std::mem::take(&mut self.settling.0)
            .into_iter()
            .partition(|(since, _)| *since < oldest && *since <= heard);
        self.settling.0 = waiting;
        for (_, answer) in done {
            let watchers = self.refusals.flush();
            tokio::spawn(async move {
                let written = async {
                    for watcher in watchers {
                        let _ = watcher.await;
                    }
                };
                let _ = timeout(WATCHERS_LIMIT, written).await;
                let _ = answer.send(Answer::once(Response::Done));
            });
        }
    }
}
