//! Generation: publishes a plan as a new head, in an order that never shows half of it. Chunks are
//! made durable, digests are computed, the Release is signed and checked, and then one transaction
//! follows.

use crate::flow::publish::heads::{files_of_rings, sign};
use std::sync::Arc;
use std::time::Instant;

use tracing::debug;

use crate::catalogue::SuiteState;
use crate::debian::{Component, SuiteName};
use crate::digest::Digest;
use crate::domain::{
    Completion, Event, GenerationRecord, Head, HoldEdit, IndexFile, Move, NewGeneration, Plan,
    Publication, RingFiles, SliceRow, StoredChunk, SuiteSpec, YankEdit,
};
use crate::flow::error::FlowError;
use crate::flow::index::live::LiveIndices;
use crate::flow::publish::slices::{self, Sliced};
use crate::flow::publish::{indices, rings};
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;
use crate::signing::{NextDate, ReleaseDate};
use crate::time::Moment;

/// What was published.
#[derive(Clone, Debug)]
pub struct Published {
    /// The suite.
    pub suite: SuiteName,
    /// The generation that is live now.
    pub generation: u64,
}

/// How a publication ended.
pub(crate) enum Outcome {
    /// A new generation is live.
    Live(Published),
    /// Hosts see no difference; the plan is recorded.
    Settled,
    /// An urgent change waits; the chunks made so far are kept for the next publish batch.
    MadeWay,
}

/// Publishes a plan.
///
/// # Errors
/// [`FlowError`]; nothing was published then.
pub(crate) fn publish(
    repository: &Repository,
    desk: &Desk,
    plan: &Plan,
    record: GenerationRecord,
    events: Vec<Event>,
    may_go_on: &dyn Fn() -> bool,
) -> Result<Outcome, FlowError> {
    let state = desk.state();
    let mut publication = settlement(&desk.suite, plan);
    publication.events = events;
    if !plan.is_visible() && state.head.is_some() {
        repository.catalogue.publish(&publication)?;
        desk.set_state(settled(&state, plan, state.last_generation));
        return Ok(Outcome::Settled);
    }
    let spec = plan.spec.as_ref().unwrap_or(&state.spec);
    let mut contents = state.contents.clone();
    contents.apply(&plan.moves, record.generation);
    contents.limit(spec.versions);
    publication.events.iter_mut().for_each(|event| event.after = Some(record.generation));
    // A pack from an earlier attempt may be used again here. It must not be swept before it is
    // recorded.
    let _unswept = repository.sweeping.read();
    let number = record.generation;
    let after = SuiteState {
        spec: spec.clone(),
        contents,
        last_generation: number,
        ..settled(&state, plan, number)
    };
    let making = Making { repository, desk, plan, number, may_go_on };
    let Some(new) = making.new_generation((&state, &after), record, &mut publication)? else {
        return Ok(Outcome::MadeWay);
    };
    let Made { live_indices, files, head, spent, .. } = new;
    repository.catalogue.publish(&publication)?;
    spent.log(desk);
    let published = Published { suite: desk.suite.clone(), generation: head.generation };
    desk.set_live_indices(live_indices, &files);
    desk.set_state(SuiteState { head: Some(head), ..after });
    if plan.spec.is_some() {
        repository.aliases.set(&desk.suite, spec.alias.as_ref());
    }
    Ok(Outcome::Live(published))
}

/// A generation whose files are to be made, signed and recorded.
#[derive(Clone, Copy)]
struct Making<'m> {
    repository: &'m Repository,
    desk: &'m Desk,
    plan: &'m Plan,
    number: u64,
    may_go_on: &'m dyn Fn() -> bool,
}

/// What was made.
struct Made {
    live_indices: LiveIndices,
    files: Vec<IndexFile>,
    rings: Vec<RingFiles>,
    chunks: Vec<StoredChunk>,
    head: Head,
    spent: Spent,
}

/// When each step ended, and how long the chunks took.
struct Spent {
    begun: Instant,
    chunks_ms: f64,
    indexed: Instant,
    signed: Instant,
}

impl Making<'_> {
    /// Makes and signs a generation to be recorded. The rows of a large change are recorded
    /// meanwhile, in slices.
    fn new_generation(
        self,
        states: (&SuiteState, &SuiteState),
        record: GenerationRecord,
        publication: &mut Publication,
    ) -> Result<Option<Made>, FlowError> {
        let Self { repository, desk, plan, number, .. } = self;
        let (mut entered, mut left) = (entered_by(plan), left_by(plan));
        let rows = entered.len().saturating_add(left.len());
        let rows = rows.saturating_add(publication.accepted.len());
        let made = if rows > repository.limits().slice_rows {
            let [come, gone] = [&mut entered, &mut left].map(std::mem::take);
            let rows = SliceRow::in_order(gone, std::mem::take(&mut publication.accepted), come);
            let sliced = Sliced { suite: &desk.suite, generation: number, rows };
            let made = slices::beside(repository, sliced, || self.make(states))?;
            made.map(|(made, rows)| {
                publication.sliced = rows;
                made
            })
        } else {
            self.make(states)?
        };
        let Some(mut made) = made else { return Ok(None) };
        let (chunks, indices) = (std::mem::take(&mut made.chunks), made.files.clone());
        let rings = std::mem::take(&mut made.rings);
        let head = made.head.clone();
        let new = NewGeneration { record, entered, left, chunks, indices, rings, head };
        publication.generation = Some(new);
        Ok(Some(made))
    }

    fn make(self, (old, after): (&SuiteState, &SuiteState)) -> Result<Option<Made>, FlowError> {
        let Self { repository, desk, plan, number, may_go_on } = self;
        let begun = Instant::now();
        let from = indices::From { spec: &after.spec, before: desk.live_indices() };
        let both = (&old.contents, &after.contents);
        let built = indices::build(repository, desk, from, both, &plan.moves, may_go_on)?;
        let Some(built) = built else { return Ok(None) };
        let rings = rings::build(repository, desk, after, &built.live_indices, may_go_on)?;
        let Some(rings) = rings else { return Ok(None) };
        let (indexed, chunks_ms) = (Instant::now(), built.chunks_ms);
        let (files, beside) = files(desk, &after.spec, &built.live_indices);
        let date = due(repository, &desk.suite, floor(repository, old, &after.spec)?)?;
        let head = sign(repository, &after.spec, number, date, (&files, &rings.rings))?;
        let chunks = [built.new_chunks, rings.chunks, beside].concat();
        let rings = rings.rings;
        let spent = Spent { begun, chunks_ms, indexed, signed: Instant::now() };
        Ok(Some(Made { live_indices: built.live_indices, files, rings, chunks, head, spent }))
    }
}

impl Spent {
    fn log(&self, desk: &Desk) {
        let ms = |from: Instant, to: Instant| to.duration_since(from).as_secs_f64() * 1000.0;
        debug!(
            suite = %desk.suite,
            chunks_ms = self.chunks_ms,
            digests_ms = ms(self.begun, self.indexed) - self.chunks_ms,
            sign_ms = ms(self.indexed, self.signed),
            record_ms = ms(self.signed, Instant::now()),
            "published"
        );
    }
}

/// Lists the files that were completed since the last generation was published, in a head that is
/// signed again. Gives `false` when the present second was not free; then the caller tries again.
///
/// # Errors
/// [`FlowError`]; the old head stays live then.
pub(crate) fn complete(repository: &Repository, desk: &Desk) -> Result<bool, FlowError> {
    let state = desk.state();
    let Some(old) = &state.head else { return Ok(true) };
    let _unswept = repository.sweeping.read();
    let live_indices = desk.live_indices();
    let (files, chunks) = files(desk, &state.spec, &live_indices);
    if live_indices.is_empty() || desk.lists(&files) {
        return Ok(true);
    }
    let Some(date) = repository.signer.spare_date(&desk.suite, repository.dating())? else {
        return Ok(false);
    };
    let rings = rings::build(repository, desk, &state, &live_indices, &|| true)?;
    let rings::Built { rings, chunks: of_rings } = rings.unwrap_or_default();
    let head = sign(repository, &state.spec, old.generation, date, (&files, &rings))?;
    let chunks = [chunks, of_rings].concat();
    let suite = desk.suite.clone();
    let completion =
        Completion { suite, chunks, indices: files.clone(), rings, head: head.clone() };
    repository.catalogue.complete(&completion)?;
    desk.set_live_indices(live_indices, &files);
    desk.set_state(SuiteState { head: Some(head), ..(*state).clone() });
    Ok(true)
}

/// Whether the live head lists every complete file.
pub(crate) fn is_complete(desk: &Desk) -> bool {
    let (state, live_indices) = (desk.state(), desk.live_indices());
    live_indices.is_empty() || desk.lists(&files(desk, &state.spec, &live_indices).0)
}

/// Every file that a generation with these indices lists, and the chunks of the files beside the
/// indices that may not be recorded yet.
fn files(
    desk: &Desk,
    spec: &SuiteSpec,
    live_indices: &LiveIndices,
) -> (Vec<IndexFile>, Vec<StoredChunk>) {
    let mut files = live_indices.files();
    let beside = desk.beside(spec, &files, live_indices.gz());
    files.extend(beside.files);
    (files, beside.chunks)
}

/// Signs the last generation again, with a later Date and Valid-Until and the same content.
///
/// # Errors
/// [`FlowError`]; the old head stays live then.
pub(crate) fn sign_anew(repository: &Repository, desk: &Desk) -> Result<(), FlowError> {
    let state = desk.state();
    let Some(old) = &state.head else { return Ok(()) };
    let files = repository.catalogue.list_indices(&desk.suite, old.generation)?;
    let date = due(repository, &desk.suite, None)?;
    let rings = files_of_rings(repository, desk, old)?;
    let head = sign(repository, &state.spec, old.generation, date, (&files, &rings))?;
    repository.catalogue.record_head(&desk.suite, &head)?;
    desk.set_state(SuiteState { head: Some(head), ..(*state).clone() });
    Ok(())
}

/// The last Date that hosts read under a name that the suite gets. apt ignores a Date that is not
/// later.
fn floor(
    repository: &Repository,
    before: &SuiteState,
    spec: &SuiteSpec,
) -> Result<Option<Moment>, FlowError> {
    let begins = before.head.is_none();
    let alias = spec.alias.as_ref().filter(|_| begins || before.spec.alias != spec.alias);
    let mut floor = None;
    for name in begins.then_some(&spec.name).into_iter().chain(alias) {
        floor = floor.max(repository.catalogue.find_floor(name)?);
    }
    Ok(floor)
}

/// The next Date of a suite. Waits until it is also later than `floor`.
fn due(
    repository: &Repository,
    suite: &SuiteName,
    floor: Option<Moment>,
) -> Result<ReleaseDate, FlowError> {
    loop {
        let now = repository.dating();
        let ahead = floor.map_or(-1, |floor| floor.since(now));
        let seconds = match repository.signer.next_date(suite, now)? {
            NextDate::Ready(date) if ahead < 0 => return Ok(date),
            NextDate::Ready(_) if ahead > LONGEST_WAIT_SECONDS => {
                let problem = "what hosts read under this name is dated ahead of the server's clock; set the clock right, or give the suite another name";
                return Err(FlowError::ClockBehind(problem.into()));
            }
            NextDate::Ready(_) => ahead.saturating_add(1),
            NextDate::Wait { seconds } => seconds.into(),
        };
        std::thread::sleep(repository.until(now.plus(seconds)));
    }
}

/// How long it waits for the clock to pass the floor. Unit: seconds.
const LONGEST_WAIT_SECONDS: i64 = 5;

fn settlement(suite: &SuiteName, plan: &Plan) -> Publication {
    Publication {
        suite: suite.clone(),
        accepted: plan.accepted.clone(),
        pinned: plan.pinned.clone(),
        unpinned: plan.unpinned.iter().map(|pin| pin.target.clone()).collect(),
        withdrawn: plan.withdrawn.clone(),
        restored: plan.restored.clone(),
        hold: plan.hold.clone(),
        held_back: plan.held_back.keys().cloned().collect(),
        yanks: plan.yanks.clone(),
        rollouts: plan.rollouts.clone(),
        spec: plan.spec.clone(),
        alias_from: plan.alias_from.clone(),
        generation: None,
        events: Vec::new(),
        sliced: 0,
    }
}

/// The packages that a plan adds, in the order of places.
fn entered_by(plan: &Plan) -> Vec<(Component, Digest)> {
    let came = |m: &Move| Some((m.place.0.clone(), m.to.as_ref()?.digest));
    plan.moves.iter().filter_map(came).collect()
}

/// The packages that a plan removes.
fn left_by(plan: &Plan) -> Vec<(Component, Digest)> {
    let went = |m: &Move| Some((m.place.0.clone(), m.from.as_ref()?.digest));
    plan.moves.iter().filter_map(went).collect()
}

/// The state after a plan, whose rollouts reach further rings with `generation`.
fn settled(state: &SuiteState, plan: &Plan, generation: u64) -> SuiteState {
    let mut state = state.clone();
    state.pins.retain(|pin| plan.unpinned.iter().all(|ended| ended.target != pin.target));
    state.pins.retain(|pin| plan.pinned.iter().all(|new| new.target != pin.target));
    state.pins.extend(plan.pinned.iter().cloned());
    state.withdrawn.retain(|withdrawn| !plan.restored.contains(withdrawn));
    state.withdrawn.extend(plan.withdrawn.iter().cloned());
    if let Some(edit) = &plan.hold {
        state.held_back = Arc::default();
        state.hold = match edit {
            HoldEdit::Begin(hold) => Some(hold.clone()),
            HoldEdit::End => None,
        };
    }
    for edit in &plan.yanks {
        let yanks = Arc::make_mut(&mut state.yanks);
        match edit {
            YankEdit::Yank(yank) => yanks.insert(yank.named(), yank.clone()),
            YankEdit::Undo(named) => yanks.remove(named),
        };
    }
    if !plan.rollouts.is_empty() {
        let mut edits = plan.rollouts.clone();
        edits.iter_mut().for_each(|rollout| rollout.settle(generation));
        state.rollouts = Arc::new(state.rollouts.edited(&edits));
    }
    if !plan.held_back.is_empty() {
        let came = plan.held_back.iter().map(|(came, package)| (came.clone(), Arc::clone(package)));
        Arc::make_mut(&mut state.held_back).extend(came);
    }
    state
}
