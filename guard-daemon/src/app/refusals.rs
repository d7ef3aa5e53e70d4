//! The last refusals, for whoever asks why, and those who watch. Bounded: the ledger has them all.

use std::collections::VecDeque;

use guard_common::map::label::PROBE;
use tokio::sync::{mpsc, oneshot};

use crate::clock;
use crate::control::server::Told;
use crate::control::wire::Refusal;
use crate::model::effect::Notice;

/// Refusals kept in memory. 4,096 * about 1 KiB = 4 MiB.
pub(super) const KEPT_MAX: usize = 4096;

/// Refusals that wait for one who watches. One who reads too slowly misses some, and nobody waits.
const WATCH_MAX: usize = 1024;

/// A refusal, and whose it is.
#[derive(Debug)]
struct Kept {
    owner: Option<u32>,
    refusal: Refusal,
}

#[derive(Debug)]
struct Watcher {
    slot: u32,
    told: mpsc::Sender<Told>,
}

/// What is asked of the kept refusals.
#[derive(Clone, Debug, Default)]
pub(super) struct Question {
    /// Only this agent's.
    pub agent: Option<String>,
    /// Only of this process.
    pub pid: Option<u32>,
    /// Only of instances that this user launched.
    pub owner: Option<u32>,
    /// How many at most.
    pub most: usize,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    kept: VecDeque<Kept>,
    watchers: Vec<Watcher>,
}

impl Refusals {
    /// Takes a refusal, with its position in the ledger once it stands there and the user who launched the
    /// instance, and tells who watches.
    pub(super) fn take(&mut self, notice: Notice, entry: Option<u64>, owner: Option<u32>) {
        let slot = notice.slot;
        let refusal = Refusal { entry, wall_ms: clock::wall_ns() / 1_000_000, notice };
        for watcher in self.watchers.iter().filter(|watcher| watcher.slot == slot) {
            if watcher.told.try_send(Told::Refusal(Box::new(refusal.clone()))).is_err() {
                tracing::debug!(slot, "somebody who watches reads too slowly, or hung up");
            }
        }
        self.watchers.retain(|watcher| !watcher.told.is_closed());
        self.keep(owner, refusal);
    }

    /// Takes a refusal from the ledger, which an earlier daemon told of.
    pub(super) fn recall(&mut self, notice: Notice, entry: u64, wall_ms: u64, owner: Option<u32>) {
        self.keep(owner, Refusal { entry: Some(entry), wall_ms, notice });
    }

    fn keep(&mut self, owner: Option<u32>, refusal: Refusal) {
        if refusal.notice.slot == PROBE.agent {
            // Refused on purpose: it would push out what somebody asks about.
            return;
        }
        self.kept.push_back(Kept { owner, refusal });
        while self.kept.len() > KEPT_MAX {
            self.kept.pop_front();
        }
    }

    /// The last ones that fit, newest first.
    pub(super) fn last(&self, question: &Question) -> Vec<Refusal> {
        let Question { agent, pid, owner, most } = question;
        let fits = |kept: &&Kept| {
            agent.as_ref().is_none_or(|agent| kept.refusal.notice.agent == *agent)
                && pid.is_none_or(|pid| kept.refusal.notice.pid == pid)
                && (owner.is_none() || kept.owner == *owner)
        };
        self.kept.iter().rev().filter(fits).take(*most).map(|kept| kept.refusal.clone()).collect()
    }

    /// From now on this instance's refusals.
    pub(super) fn watch(&mut self, slot: u32) -> mpsc::Receiver<Told> {
        self.watchers.retain(|watcher| !watcher.told.is_closed());
        let (told, receiver) = mpsc::channel(WATCH_MAX);
        self.watchers.push(Watcher { slot, told });
        receiver
    }

    /// What those who watch will answer once they have been told everything so far.
    pub(super) fn flush(&self) -> Vec<oneshot::Receiver<()>> {
        let flush = |watcher: &Watcher| {
            let (written, wait) = oneshot::channel();
            watcher.told.try_send(Told::Flush(written)).ok().map(|()| wait)
        };
        self.watchers.iter().filter_map(flush).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(slot: u32, agent: &str, pid: u32) -> Notice {
        Notice { slot, agent: agent.to_owned(), pid, ..Notice::example() }
    }

    #[test]
    fn the_last_refusals_come_newest_first_and_only_the_askers_own() {
        let mut refusals = Refusals::default();
        refusals.take(notice(1, "ada", 10), Some(1), Some(1000));
        refusals.take(notice(2, "bob", 20), Some(2), Some(1001));
        refusals.take(notice(1, "ada", 11), None, Some(1000));
        let pids = |question: Question| -> Vec<u32> {
            refusals.last(&question).into_iter().map(|refusal| refusal.notice.pid).collect()
        };
        let all = Question { most: 10, ..Question::default() };
        assert_eq!(pids(all.clone()), [11, 20, 10]);
        assert_eq!(pids(Question { owner: Some(1000), ..all.clone() }), [11, 10]);
        assert_eq!(pids(Question { agent: Some("bob".to_owned()), ..all.clone() }), [20]);
        assert_eq!(pids(Question { pid: Some(10), ..all.clone() }), [10]);
        assert_eq!(pids(Question { most: 1, ..all.clone() }), [11]);
        assert!(pids(Question { agent: Some("bob".to_owned()), owner: Some(1000), ..all }).is_empty());
    }

    #[test]
    fn no_more_are_kept_than_the_bound_says() {
        let mut refusals = Refusals::default();
        (0..u32::try_from(KEPT_MAX).unwrap() + 5)
            .for_each(|pid| refusals.take(notice(1, "a", pid), None, None));
        assert_eq!(refusals.kept.len(), KEPT_MAX);
        assert_eq!(refusals.kept[0].refusal.notice.pid, 5);
    }

    #[test]
    fn who_watches_is_told_of_its_own_instance_and_who_is_slow_delays_nobody() {
        let mut refusals = Refusals::default();
        let mut watch = refusals.watch(1);
        refusals.take(notice(2, "bob", 20), None, None);
        (0..2 * u32::try_from(WATCH_MAX).unwrap())
            .for_each(|pid| refusals.take(notice(1, "ada", pid), None, None));
        let Ok(Told::Refusal(first)) = watch.try_recv() else { panic!("not told") };
        assert_eq!(first.notice.pid, 0);
        drop(watch);
        refusals.take(notice(1, "ada", 1), None, None);
        assert!(refusals.watchers.is_empty());
    }
}
