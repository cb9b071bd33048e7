//! Incoming: reports of hosts that wait to be recorded, several in one transaction. They wait here and not in the
//! catalogue's queue, so that publishing does not wait for all of them.

use std::collections::HashMap;
use std::sync::Mutex;

use tokio::sync::oneshot;

use crate::catalogue::Verdict;
use crate::domain::Identity;
use crate::domain::inventory::{HostReport, MOST_PACKAGES};
use crate::flow::error::FlowError;
use crate::flow::threads::lock;
use crate::time::Moment;

/// How many rows wait at most.
const MOST_WAITING: usize = 4 * MOST_PACKAGES;
/// How many rows are recorded in one transaction: some 20 ms. A single report may have more.
const BATCH: usize = 2_000;
/// How many rows a host may send in an hour. What it sends beyond its packages is a fault, or meant to fill the disk.
const MOST_HOURLY: usize = 4 * MOST_PACKAGES;
const HOUR_SECONDS: i64 = 3_600;

/// Reports that wait.
#[derive(Default)]
pub struct Incoming {
    queue: Mutex<Queue>,
}

/// A report, and who waits for its receipt.
pub struct Waiting {
    /// The report.
    pub report: HostReport,
    /// Its sender.
    pub reply: oneshot::Sender<Result<Verdict, FlowError>>,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    weight: usize,
    is_drained: bool,
    /// What each host has sent since the beginning of its hour.
    sent: HashMap<Identity, (Moment, usize)>,
}

impl Incoming {
    /// Lets a report wait. Gives whether nobody records reports now, so that the caller has to begin.
    ///
    /// # Errors
    /// [`FlowError::Unavailable`] when too many wait, one of this host does, or the host has sent too much.
    pub(crate) fn push(&self, waiting: Waiting) -> Result<bool, FlowError> {
        let mut queue = lock(&self.queue);
        let (weight, host, now) =
            (waiting.report.weight(), waiting.report.host.clone(), waiting.report.at);
        let total = queue.weight.saturating_add(weight);
        if !queue.waiting.is_empty() && total > MOST_WAITING
            || queue.waiting.iter().any(|one| one.report.host == host)
        {
            return Err(later("too many reports wait"));
        }
        queue.sent.retain(|_, (since, _)| now.since(*since) < HOUR_SECONDS);
        let sent = queue.sent.entry(host).or_insert((now, 0));
        if sent.1 > 0 && sent.1.saturating_add(weight) > MOST_HOURLY {
            return Err(later("this host has sent more in an hour than it can have installed"));
        }
        sent.1 = sent.1.saturating_add(weight);
        queue.weight = total;
        queue.waiting.push(waiting);
        Ok(!std::mem::replace(&mut queue.is_drained, true))
    }

    /// The reports of the next transaction; when there is none, nobody records reports from now on.
    pub(crate) fn take(&self) -> Vec<Waiting> {
        let mut queue = lock(&self.queue);
        let mut weight = 0_usize;
        let fits = |one: &&Waiting| {
            weight = weight.saturating_add(one.report.weight());
            weight <= BATCH
        };
        let count = queue.waiting.iter().take_while(fits).count().max(1);
        let count = count.min(queue.waiting.len());
        let taken: Vec<_> = queue.waiting.drain(..count).collect();
        let taken_weight: usize = taken.iter().map(|one| one.report.weight()).sum();
        queue.weight = queue.weight.saturating_sub(taken_weight);
        queue.is_drained = !taken.is_empty();
        taken
    }
}

fn later(why: &str) -> FlowError {
    FlowError::Unavailable(format!("{why}; nothing was recorded, send it again later").into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::inventory::{Facts, SetHash};

    fn push(incoming: &Incoming, host: &str, at: i64, lines: usize) -> Result<bool, FlowError> {
        let entry = crate::domain::inventory::Entry::parse("acme-web amd64 1.0 auto").unwrap();
        let report = HostReport {
            host: Identity::parse(host).unwrap(),
            number: 1,
            base: None,
            hash: SetHash::default(),
            installed: vec![entry; lines],
            gone: Vec::new(),
            facts: Facts::default(),
            at: Moment(at),
        };
        incoming.push(Waiting { report, reply: oneshot::channel().0 })
    }

    #[test]
    fn reports_leave_in_parts_and_the_last_one_ends_it() {
        let incoming = Incoming::default();
        assert!(push(&incoming, "a1", 0, BATCH * 2).unwrap());
        assert!(!push(&incoming, "a2", 0, 10).unwrap());
        assert!(!push(&incoming, "a3", 0, 10).unwrap());
        assert!(push(&incoming, "a3", 0, 1).is_err(), "one of a host at a time");
        let sizes: Vec<_> = (0..3).map(|_| incoming.take().len()).collect();
        assert_eq!(sizes, [1, 2, 0]);
        assert!(push(&incoming, "a1", 0, 1).unwrap());
    }

    #[test]
    fn what_waits_and_what_a_host_sends_is_bounded() {
        let incoming = Incoming::default();
        push(&incoming, "a1", 0, MOST_WAITING - 10).unwrap();
        assert!(push(&incoming, "a2", 0, 10).is_err());
        incoming.take();
        assert!(push(&incoming, "a1", 60, 100).is_err());
        push(&incoming, "a2", 60, 100).unwrap();
        push(&incoming, "a1", HOUR_SECONDS, 100).unwrap();
    }
}
