//! Change: what is asked of a suite, and what came of it.

use crate::debian::{Component, PackageName, Version};
use crate::digest::Digest;
use crate::domain::add::Added;
use crate::domain::installable::Lack;
use crate::domain::suite_edit::SuiteEdit;
use crate::domain::{Move, Pin, PinTarget};

/// What is asked of a suite.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Take packages whose bytes are known.
    Add(Vec<(Component, Digest)>),
    /// Offer exactly this version.
    Pin(PinTarget, Version, Option<u32>),
    /// Go back: these packages, or the whole suite when there are none; to a generation, or to the
    /// version before.
    RollBack(Vec<PinTarget>, Option<u64>),
    /// End these pins, or all when there are none.
    Unpin(Vec<PinTarget>),
    /// Stop offering packages.
    Remove(Vec<PinTarget>),
    /// Describe the suite anew, from what it is then.
    Edit(SuiteEdit),
    /// Make the first generation of a new suite.
    Begin,
    /// End this pin if its time has passed.
    Expire(PinTarget),
    /// Sign what is live anew: a later Date and Valid-Until, the same content.
    Renew,
    /// List what has become whole since the last generation.
    Complete,
}

impl Change {
    /// The verb, for the log.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Add(_) => "add",
            Self::Pin(..) => "pin",
            Self::RollBack(..) => "rollback",
            Self::Unpin(_) => "unpin",
            Self::Remove(_) => "remove",
            Self::Edit(_) => "edit",
            Self::Begin => "create",
            Self::Expire(_) => "expire",
            Self::Renew => "renew",
            Self::Complete => "complete",
        }
    }

    /// Whether people ask it of what is listed.
    pub fn moves_pins(&self) -> bool {
        matches!(self, Self::Pin(..) | Self::RollBack(..) | Self::Unpin(_) | Self::Remove(_))
    }

    /// Whether it goes before uploads.
    pub fn is_urgent(&self) -> bool {
        !matches!(self, Self::Add(_) | Self::Complete)
    }
}

/// What applying a change gave beside the change of the draft.
#[derive(Clone, Default, Debug)]
pub struct Applied {
    /// What became of each added package.
    pub added: Vec<Added>,
    /// The generation whose packages came back.
    pub same_as: Option<u64>,
    /// What hosts cannot install with it.
    pub lacks: Vec<Lack>,
    /// What the audit log says beside what was asked.
    pub remark: String,
    /// Sentences for people.
    pub notes: Vec<String>,
}

/// The generation that a change is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expect {
    /// Which.
    pub generation: u64,
    /// Whether it has to be the last one for a rollback of named packages too: else those may stand as they do in
    /// it, and whatever else moved does not matter.
    pub exactly: bool,
}

/// What came of one change.
#[derive(Clone, Default, Debug)]
pub struct Outcome {
    /// The generation that is live with it; `None` when hosts see no difference.
    pub generation: Option<u64>,
    /// Whether it was only tried out.
    pub dry_run: bool,
    /// What became of each added package.
    pub added: Vec<Added>,
    /// What moves. With several changes in one generation: all that moves in it.
    pub moves: Vec<Move>,
    /// The pins that were set.
    pub pinned: Vec<Pin>,
    /// The pins that ended, as they were.
    pub ended: Vec<Pin>,
    /// Packages that it alters though they were not named, when it was only tried out.
    pub beyond: Vec<PackageName>,
    /// What hosts cannot install with it.
    pub lacks: Vec<Lack>,
    /// Sentences for people.
    pub notes: Vec<String>,
}
