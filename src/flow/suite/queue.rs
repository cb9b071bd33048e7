//! The queue of a suite: changes that wait for its writer. Incident verbs go before uploads.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::Span;

use crate::domain::pinning::Leeway;
use crate::domain::{Change, Expect, Identity, Outcome, Reach};
use crate::flow::error::FlowError;

/// A change that waits for its turn.
pub struct Job {
    /// The change.
    pub change: Change,
    /// Who asked for it.
    pub author: Identity,
    /// The serial of the asker's certificate; empty for changes by the server.
    pub serial: String,
    /// What the asker may alter.
    pub reach: Reach,
    /// The reason that was given.
    pub message: String,
    /// What may be done where hosts could not follow.
    pub leeway: Leeway,
    /// Refuse unless this generation is the last one.
    pub expect: Option<Expect>,
    /// How often the catalogue refused it for what another suite recorded meanwhile.
    pub outrun: u32,
    /// Since when it waits, and for which request.
    pub queued: Queued,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<Outcome, FlowError>>,
}

impl Job {
    /// A change by the server itself, and the receiver of its answer.
    pub(crate) fn of_server(
        change: Change,
    ) -> (Self, oneshot::Receiver<Result<Outcome, FlowError>>) {
        let (reply, answer) = oneshot::channel();
        let job = Self {
            change,
            author: Identity::server(),
            serial: String::new(),
            reach: Reach::Whole,
            message: String::new(),
            leeway: Leeway::default(),
            expect: None,
            outrun: 0,
            queued: Queued::now(),
            reply,
        };
        (job, answer)
    }
}

/// Since when a change waits, and for which request.
#[derive(Clone, Debug)]
pub struct Queued {
    since: Instant,
    /// Whether its writer has taken it once.
    is_taken: bool,
    /// What puts the id of the request into log lines.
    pub span: Span,
}

impl Queued {
    /// From now on, for the request that is being answered.
    pub(crate) fn now() -> Self {
        Self { since: Instant::now(), is_taken: false, span: Span::current() }
    }

    /// Notes that the writer took it; how long it waited, if that was the first time.
    pub(crate) fn taken(&mut self) -> Option<Duration> {
        let first = !std::mem::replace(&mut self.is_taken, true);
        first.then(|| self.since.elapsed())
    }
}

/// The changes of a suite that are not made yet.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct QueueReport {
    /// How many wait.
    pub waiting: usize,
    /// How many are being made.
    pub making: usize,
    /// How long the oldest of all of them has been there; zero when there is none.
    pub oldest: Duration,
}

/// The changes that wait.
#[derive(Default)]
pub(super) struct Queue {
    /// How many are being made, and since when the oldest of them is there.
    making: Option<(usize, Instant)>,
    urgent: VecDeque<Job>,
    ordinary: VecDeque<Job>,
}

impl Queue {
    pub fn push(&mut self, job: Job) {
        match job.change.is_urgent() {
            true => self.urgent.push_back(job),
            false => self.ordinary.push_back(job),
        }
    }

    /// Takes one urgent change alone, or all ordinary ones together.
    pub fn take(&mut self) -> Vec<Job> {
        let jobs: Vec<Job> = match self.urgent.pop_front() {
            Some(job) => vec![job],
            None => self.ordinary.drain(..).collect(),
        };
        let oldest = jobs.iter().map(|job| job.queued.since).min();
        self.making = oldest.map(|oldest| (jobs.len(), oldest));
        jobs
    }

    /// Notes that nothing is being made.
    pub fn rest(&mut self) {
        self.making = None;
    }

    /// What is not made yet.
    pub fn report(&self) -> QueueReport {
        let (making, begun) = self.making.unzip();
        let all = self.urgent.iter().chain(&self.ordinary);
        let oldest = all.map(|job| job.queued.since).chain(begun).min();
        QueueReport {
            waiting: self.urgent.len().saturating_add(self.ordinary.len()),
            making: making.unwrap_or_default(),
            oldest: oldest.map(|since| since.elapsed()).unwrap_or_default(),
        }
    }

    /// Puts changes back to the front.
    pub fn put_back(&mut self, jobs: Vec<Job>) {
        for job in jobs.into_iter().rev() {
            match job.change.is_urgent() {
                true => self.urgent.push_front(job),
                false => self.ordinary.push_front(job),
            }
        }
    }

    /// Whether an urgent change waits.
    pub fn is_urgent(&self) -> bool {
        !self.urgent.is_empty()
    }

    pub fn is_empty(&self) -> bool {
        self.urgent.is_empty() && self.ordinary.is_empty()
    }
}
