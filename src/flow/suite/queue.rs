//! The queue of a suite: changes that wait for its writer. Incident verbs go before uploads.

use std::collections::VecDeque;

use tokio::sync::oneshot;

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
            reply,
        };
        (job, answer)
    }
}

/// The changes that wait.
#[derive(Default)]
pub(super) struct Queue {
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
        match self.urgent.pop_front() {
            Some(job) => vec![job],
            None => self.ordinary.drain(..).collect(),
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
