//! Publish batch: all changes that wait in a suite's queue become one generation; each gets its own
//! answer.

use crate::domain::Outcome;
use std::collections::BTreeSet;
use std::sync::Arc;

use tracing::{error, info};

use crate::catalogue::SuiteState;
use crate::debian::SuiteName;
use crate::domain::Applied;
use crate::domain::Change;
use crate::domain::Expect;
use crate::domain::beyond::beyond;
use crate::domain::pinning::Asking;
use crate::domain::{Event, GenerationRecord, Plan};
use crate::flow::audit::entries;
use crate::flow::change::answer::{check_expected, named, outcome_of};
use crate::flow::change::difference::Difference;
use crate::flow::change::outrun::judged_again;
use crate::flow::change::{adding, apply, cascade};
use crate::flow::error::FlowError;
use crate::flow::publish::generation;
use crate::flow::publish::generation::Published;
use crate::flow::publish::redate;
use crate::flow::publish::slices;
use crate::flow::repair::attempt::repair;
use crate::flow::repository::Repository;
use crate::flow::state::damage::Fate;
use crate::flow::suite::desk::Desk;
use crate::flow::suite::queue::Job;
use crate::flow::threads::{blocking, lock};
use crate::signing::NextDate;
use crate::time::Moment;

/// Waits until a Date later than the last one may be signed.
pub(crate) async fn until_due(repository: &Repository, desk: &Desk) {
    loop {
        let now = repository.dating();
        match repository.signer.next_date(&desk.suite, now) {
            Ok(NextDate::Wait { seconds }) => {
                tokio::time::sleep(repository.until(now.plus(seconds.into()))).await;
            }
            // The batch meets the same error when it signs, and answers with it.
            Ok(NextDate::Ready(_)) | Err(_) => return,
        }
    }
}

/// Publishes one batch and answers every job of it.
pub(crate) async fn take(repository: &Arc<Repository>, desk: &Arc<Desk>, jobs: Vec<Job>) {
    let urgent = jobs.iter().any(|job| job.change.is_urgent());
    let (shared, at_desk) = (Arc::clone(repository), Arc::clone(desk));
    let begun = std::time::Instant::now();
    let done = blocking(move || {
        let mut batch = Batch::new(jobs);
        let result = batch.run(&shared, &at_desk, urgent);
        Ok((batch, result))
    })
    .await;
    match done {
        Ok((batch, Ok(Progress::Done(published)))) => {
            if published.is_some() {
                repository.timings.publishes.note(begun.elapsed());
                desk.scatter(batch.plan.moves.len());
            }
            batch.answer(published.as_ref());
        }
        Ok((batch, Ok(Progress::MadeWay))) => desk.put_back(batch.into_jobs()),
        Ok((batch, Err(problem))) => {
            let outrun = matches!(problem, FlowError::Conflict(_));
            match outrun {
                true => {
                    info!(suite = %desk.suite, %problem, "another suite was faster; judged again")
                }
                false => {
                    error!(suite = %desk.suite, %problem, "a publish batch failed; nothing of it was published");
                }
            }
            lock(&desk.spare).clear();
            desk.forget_live_indices();
            let is_repaired = repaired(repository, &problem).await;
            reload(repository, desk).await;
            match problem {
                _ if is_repaired => desk.put_back(batch.into_jobs()),
                FlowError::Conflict(conflict) => desk.put_back(judged_again(batch.jobs, &conflict)),
                problem => batch.fail(&problem),
            }
        }
        Err(problem) => {
            error!(suite = %desk.suite, %problem, "a publish batch stopped; its changes were not made")
        }
    }
}

/// Whether a batch failed because of damage that is repaired now, so that it may be tried again.
async fn repaired(repository: &Arc<Repository>, problem: &FlowError) -> bool {
    let Some(damage) = problem.damage() else { return false };
    // A batch that fails because of the same again and again would never be answered.
    if repository.damage.was_repaired(damage) {
        repository.damage.note(damage);
        return false;
    }
    let shared = Arc::clone(repository);
    let fate = blocking(move || repair(&shared, damage)).await;
    fate.is_ok_and(|fate| matches!(fate, Fate::Repaired | Fate::Replaced(_)))
}

/// Reads the suite from the catalogue, which is right, whatever was in memory.
pub(crate) async fn reload(repository: &Arc<Repository>, desk: &Arc<Desk>) {
    desk.gather();
    let (shared, at_desk) = (Arc::clone(repository), Arc::clone(desk));
    let loaded = blocking(move || {
        slices::take_back(&shared, &at_desk.suite)?;
        if let Some(state) = shared.catalogue.load_suite(&at_desk.suite)? {
            shared.aliases.set(&at_desk.suite, state.spec.alias.as_ref());
            at_desk.set_state(state);
        }
        Ok(())
    });
    if let Err(problem) = loaded.await {
        error!(suite = %desk.suite, %problem, "the suite could not be read again");
    }
}

enum Progress {
    Done(Option<Published>),
    MadeWay,
}

/// The jobs of one publish batch, each with its outcome so far.
struct Batch {
    jobs: Vec<(Job, Option<Result<Applied, FlowError>>)>,
    plan: Plan,
}

impl Batch {
    fn new(jobs: Vec<Job>) -> Self {
        let jobs = jobs.into_iter().map(|job| (job, None)).collect();
        Self { jobs, plan: Plan::default() }
    }

    fn run(
        &mut self,
        repository: &Repository,
        desk: &Desk,
        urgent: bool,
    ) -> Result<Progress, FlowError> {
        let state = desk.state();
        let at = repository.dating();
        let may_go_on = || urgent || !desk.hurried();
        let mut draft = state.draft();
        for (job, outcome) in &mut self.jobs {
            let asking = Asking {
                author: job.author.clone(),
                reach: job.reach.clone(),
                message: job.message.clone(),
                at,
                until: None,
                leeway: job.leeway,
            };
            let change = &job.change;
            let result = check_expected(desk, job.expect, change).and_then(|()| {
                apply::apply(repository, desk, &mut draft, change, &asking, job.expect, &may_go_on)
            });
            *outcome = Some(result);
        }
        // A change that was not looked at to its end is not to be answered.
        if !may_go_on() {
            return Ok(Progress::MadeWay);
        }
        let adding = self.jobs.iter_mut().filter_map(accepted_packages);
        adding::settle(repository, desk, &draft, adding, &may_go_on);
        let before = state.draft();
        if !self.warn(Difference { repository, before: &before, after: &draft }, &may_go_on)? {
            return Ok(Progress::MadeWay);
        }
        self.plan = draft.plan();
        self.plan.is_restored = self.jobs.iter().any(|(job, _)| is_due(job, &state));
        if self.jobs.iter().any(|(job, _)| job.change == Change::Renew) {
            generation::sign_anew(repository, desk)?;
            return Ok(Progress::Done(None));
        }
        if let Some((job, _)) = self.jobs.iter().find(|(job, _)| job.change == Change::Redate) {
            let event = |remark: &str| entries::redated(job, &desk.suite, remark, repository.now());
            redate::redate(repository, desk, &event)?;
            return Ok(Progress::Done(None));
        }
        if self.plan.is_empty() && state.head.is_some() {
            if self.jobs.iter().any(|(job, _)| job.change == Change::Complete) {
                generation::complete(repository, desk)?;
            }
            return Ok(Progress::Done(None));
        }
        let number = desk.next_generation(state.last_generation);
        let record = self.record(&self.plan, number, at);
        let events = self.events(&desk.suite, state.last_generation, at);
        let published =
            generation::publish(repository, desk, &self.plan, record, events, &may_go_on)?;
        match published {
            generation::Outcome::MadeWay => Ok(Progress::MadeWay),
            generation::Outcome::Settled => Ok(Progress::Done(None)),
            generation::Outcome::Live(published) => {
                // An urgent change keeps the spare chunks, because the batch that made way still
                // needs them.
                if !urgent {
                    lock(&desk.spare).clear();
                }
                Ok(Progress::Done(Some(published)))
            }
        }
    }

    /// Checks uploads for what hosts cannot install, once all of them are in the draft; `false`
    /// when it made way for an urgent change.
    fn warn(
        &mut self,
        change: Difference<'_>,
        may_go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<bool, FlowError> {
        let mut adding: Vec<_> = self.jobs.iter_mut().filter_map(accepted_upload).collect();
        if adding.is_empty() {
            return Ok(true);
        }
        let Some(lacks) = change.lacks(may_go_on)? else { return Ok(false) };
        let alone = adding.len() == 1;
        adding.iter_mut().for_each(|applied| cascade::tell(&lacks, applied, alone));
        Ok(true)
    }

    /// The record for the history: the authors and messages of the changes that applied.
    fn record(&self, plan: &Plan, number: u64, at: Moment) -> GenerationRecord {
        let applied = self.jobs.iter().filter_map(|(job, outcome)| match outcome {
            Some(Ok(applied)) if job.change != Change::Complete => Some((job, applied)),
            _ => None,
        });
        let mut authors = BTreeSet::new();
        let mut messages = Vec::new();
        let mut same_as = None;
        for (job, applied) in applied {
            authors.insert(job.author.clone());
            same_as = applied.same_as.or(same_as);
            let message = match &job.change {
                Change::Promote(promotion) => promotion.message(&job.message),
                _ => job.message.clone(),
            };
            if !message.is_empty() && !messages.contains(&message) {
                messages.push(message);
            }
        }
        GenerationRecord {
            generation: number,
            at,
            authors: authors.into_iter().collect(),
            message: messages.join("\n"),
            same_as,
            entered: plan.moves.iter().filter(|m| m.to.is_some()).count() as u64,
            left: plan.moves.iter().filter(|m| m.from.is_some()).count() as u64,
            dropped: None,
        }
    }

    /// The entries for the audit log: one for each change that altered something.
    fn events(&self, suite: &SuiteName, last: u64, at: Moment) -> Vec<Event> {
        let applied = self.jobs.iter().filter_map(|(job, outcome)| match outcome {
            Some(Ok(applied)) => entries::event(job, applied, suite, at),
            _ => None,
        });
        applied.map(|event| Event { before: Some(last), after: Some(last), ..event }).collect()
    }

    fn answer(self, published: Option<&Published>) {
        if let Some(published) = published {
            let by: Vec<_> = self.jobs.iter().map(|(job, _)| job.author.as_str()).collect();
            let by =
                by.into_iter().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ");
            let moves = self.plan.moves.len();
            let verb = self.jobs.first().map_or("", |(job, _)| job.change.verb());
            let message = self.jobs.first().map_or("", |(job, _)| job.message.as_str());
            let Published { suite, generation } = published;
            info!(%suite, generation, %by, verb, why = message, moves, changes = self.jobs.len(), "published");
        }
        let generation = published.map(|published| published.generation);
        for (job, outcome) in self.jobs {
            let result =
                outcome.unwrap_or_else(|| Err(FlowError::Internal("a change was lost".into())));
            let result = result
                .map(|applied| outcome_of(applied, &job.change, &self.plan, generation, false));
            // The asker may be gone; the change stays made.
            let _ = job.reply.send(result);
        }
    }

    fn fail(self, problem: &FlowError) {
        for (job, outcome) in self.jobs {
            let own = match outcome {
                Some(Err(own)) => own,
                _ => problem.again(),
            };
            let _ = job.reply.send(Err(own));
        }
    }

    fn into_jobs(self) -> Vec<Job> {
        self.jobs.into_iter().map(|(job, _)| job).collect()
    }
}

/// Whether what is live is to be published under a new number.
fn is_due(job: &Job, state: &SuiteState) -> bool {
    let Change::Restore(since) = job.change else { return false };
    state.head.as_ref().is_some_and(|head| head.date < since)
}

/// The outcome of a job that takes packages in, if it was accepted.
fn accepted_packages(
    (job, outcome): &mut (Job, Option<Result<Applied, FlowError>>),
) -> Option<&mut Applied> {
    outcome.as_mut().and_then(|outcome| outcome.as_mut().ok()).filter(|_| job.change.takes_in())
}

/// The outcome of a job that uploads, if it was accepted.
fn accepted_upload(
    (job, outcome): &mut (Job, Option<Result<Applied, FlowError>>),
) -> Option<&mut Applied> {
    match (&job.change, outcome) {
        (Change::Add(_), Some(Ok(applied))) => Some(applied),
        _ => None,
    }
}

/// What a change would do, without doing it.
pub(crate) fn rehearse(
    repository: &Repository,
    desk: &Desk,
    change: &Change,
    asking: &Asking,
    expect: Option<Expect>,
) -> Result<Outcome, FlowError> {
    check_expected(desk, expect, change)?;
    let state = desk.state();
    let mut draft = state.draft();
    let before = draft.clone();
    let go_on = || true;
    let mut applied = apply::apply(repository, desk, &mut draft, change, asking, expect, &go_on)?;
    if change.takes_in() {
        adding::settle(repository, desk, &draft, std::iter::once(&mut applied), &go_on);
    }
    if matches!(change, Change::Add(_)) {
        let change = Difference { repository, before: &before, after: &draft };
        cascade::tell(&change.lacks(&|| true)?.unwrap_or_default(), &mut applied, true);
    }
    let plan = draft.plan();
    let beyond = beyond(&draft, &plan, named(change)).into_iter().collect();
    Ok(Outcome { beyond, ..outcome_of(applied, change, &plan, None, true) })
}
