//! Generations: the numbered, immutable states of a suite, and the heads that say which is served.

use crate::debian::{Component, SuiteName};
use crate::digest::Digest;
use crate::domain::{
    Event, HoldEdit, Identity, IndexFile, Pin, PinTarget, RingId, Rollout, StoredChunk, SuiteSpec,
    Withdrawn, YankEdit,
};
use crate::time::Moment;

/// Which generation a suite serves, and the signed text that says so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// The generation that is served.
    pub generation: u64,
    /// The Date field and Last-Modified. It rises with every head, by whole seconds, for ever.
    pub date: Moment,
    /// The Valid-Until field.
    pub valid_until: Moment,
    /// `Release`.
    pub release: String,
    /// `Release.gpg`: an armored detached signature of `release`.
    pub release_gpg: String,
    /// `InRelease`: `release`, signed in clear.
    pub in_release: String,
    /// What the rings are served that are offered something else. They have the same Date.
    pub rings: Vec<RingHead>,
}

/// What a ring is served in place of a head.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RingHead {
    /// Which ring.
    pub ring: RingId,
    /// `Release`.
    pub release: String,
    /// `Release.gpg`: an armored detached signature of `release`.
    pub release_gpg: String,
    /// `InRelease`: `release`, signed in clear.
    pub in_release: String,
}

/// The index files of a ring that is offered something else.
pub type RingFiles = (RingId, Vec<IndexFile>);

/// A generation as history shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GenerationRecord {
    /// Its number: 1, 2, 3, …
    pub generation: u64,
    /// When it was published.
    pub at: Moment,
    /// Who asked for it; several when their changes were published together.
    pub authors: Vec<Identity>,
    /// The reasons, one line for each change in it.
    pub message: String,
    /// The earlier generation whose packages it brought back, for a rollback of the whole suite.
    pub same_as: Option<u64>,
    /// How many packages came in and went out.
    pub entered: u64,
    /// See `entered`.
    pub left: u64,
    /// When retention dropped it; it cannot be gone back to since.
    pub dropped: Option<Moment>,
}

/// The generations in which a package was in a suite.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tenure {
    /// Its component.
    pub component: Component,
    /// Which package.
    pub digest: Digest,
    /// The first generation that holds it.
    pub from: u64,
    /// The first generation that no longer holds it; `None` while it is in.
    pub until: Option<u64>,
}

/// A package that a suite has taken, whether it is listed or waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acceptance {
    /// For which component.
    pub component: Component,
    /// Which package.
    pub digest: Digest,
    /// Who brought it into the suite.
    pub author: Identity,
    /// When.
    pub at: Moment,
}

/// The part of a publication that hosts can see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewGeneration {
    /// What history shows of it. Its number is the last one plus one.
    pub record: GenerationRecord,
    /// The packages that come in.
    pub entered: Vec<(Component, Digest)>,
    /// The packages that go out.
    pub left: Vec<(Component, Digest)>,
    /// Chunks that are durable but not yet recorded.
    pub chunks: Vec<StoredChunk>,
    /// Every file of it: those that its Release lists, and the patches.
    pub indices: Vec<IndexFile>,
    /// The index files of the rings that are offered something else.
    pub rings: Vec<RingFiles>,
    /// The new head.
    pub head: Head,
}

/// All that one publish batch of a suite records: one transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Publication {
    /// Of which suite.
    pub suite: SuiteName,
    /// Packages taken.
    pub accepted: Vec<Acceptance>,
    /// Pins set (replacing any on the same target).
    pub pinned: Vec<Pin>,
    /// Pins ended.
    pub unpinned: Vec<PinTarget>,
    /// Versions that are withdrawn with it.
    pub withdrawn: Vec<Withdrawn>,
    /// Versions that may come back.
    pub restored: Vec<Withdrawn>,
    /// What becomes of the hold.
    pub hold: Option<HoldEdit>,
    /// Packages that came while the suite is held.
    pub held_back: Vec<(Component, Digest)>,
    /// What becomes of the yanks of the namespace.
    pub yanks: Vec<YankEdit>,
    /// Rollouts, as they are from now on.
    pub rollouts: Vec<Rollout>,
    /// The suite's new spec, when it was edited.
    pub spec: Option<SuiteSpec>,
    /// The suite that the alias in it may be taken from; that suite then has none.
    pub alias_from: Option<SuiteName>,
    /// The new generation; `None` when hosts see no difference.
    pub generation: Option<NewGeneration>,
    /// What the audit log will say: one event for each change in it.
    pub events: Vec<Event>,
    /// How many rows were recorded in slices: those of all packages that are taken, come in and go
    /// out. 0 when there were no slices, and all of these rows are recorded now.
    pub sliced: u64,
}

impl Publication {
    /// How many rows record the packages that are taken, come in and go out.
    pub fn rows(&self) -> usize {
        let moves = |new: &NewGeneration| new.entered.len().saturating_add(new.left.len());
        self.generation.as_ref().map_or(0, moves).saturating_add(self.accepted.len())
    }
}

/// Files that a live generation lists from now on, and the head that lists them: one transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Completion {
    /// Of which suite.
    pub suite: SuiteName,
    /// Chunks that are durable but not yet recorded.
    pub chunks: Vec<StoredChunk>,
    /// Every file of the generation, including those that it listed before.
    pub indices: Vec<IndexFile>,
    /// The same of the rings that are offered something else.
    pub rings: Vec<RingFiles>,
    /// The same generation, signed again with a later Date.
    pub head: Head,
}
