//! Change: a change to a suite, and its result.

use std::sync::Arc;

use crate::debian::{Component, PackageName, Version};
use crate::digest::Digest;
use crate::domain::add::Added;
use crate::domain::installable::Lack;
use crate::domain::promotion::Promotion;
use crate::domain::suite_edit::SuiteEdit;
use crate::domain::{Move, Pin, PinTarget, RolloutChange};
use crate::time::Moment;

/// A change to a suite.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Take packages whose bytes are known.
    Add(Vec<(Component, Digest)>),
    /// Take what another suite lists.
    Promote(Arc<Promotion>),
    /// Offer exactly this version.
    Pin(PinTarget, Version, Option<u32>),
    /// Go back with these packages, or with the whole suite when there are none: to a generation,
    /// or to the version before.
    RollBack(Vec<PinTarget>, Option<u64>),
    /// End these pins, or all when there are none.
    Unpin(Vec<PinTarget>),
    /// Stop offering packages.
    Remove(Vec<PinTarget>),
    /// Offer nothing from now on that is not listed.
    Hold,
    /// Offer what came while the suite was held.
    Release,
    /// Have a version offered nowhere in the namespace.
    Yank(PinTarget, Version),
    /// Let a yanked version come back where a person names it.
    UndoYank(PinTarget, Version),
    /// Make a step of a rollout.
    Rollout(RolloutChange),
    /// Edit the suite, as it is by then.
    Edit(Box<SuiteEdit>),
    /// Make the first generation of a new suite.
    Begin,
    /// End this pin if its time has passed.
    Expire(PinTarget),
    /// Sign the live generation again: a later Date and Valid-Until, the same content.
    Renew,
    /// Start the Dates anew at the present, below the last one, because a person says that this one lay
    /// ahead of the right time.
    Redate,
    /// List the files that were completed since the last head.
    Complete,
    /// Publish what is live as a new generation, unless it was published since this moment: an earlier
    /// state was restored then.
    Restore(Moment),
}

impl Change {
    /// The verb, for the log.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Add(_) => "add",
            Self::Promote(_) => "promote",
            Self::Pin(..) => "pin",
            Self::RollBack(..) => "rollback",
            Self::Unpin(_) => "unpin",
            Self::Remove(_) => "remove",
            Self::Hold => "hold",
            Self::Release => "release",
            Self::Yank(..) => "yank",
            Self::UndoYank(..) => "yank-undo",
            Self::Rollout(change) => change.step.verb(),
            Self::Edit(_) => "edit",
            Self::Begin => "create",
            Self::Expire(_) => "expire",
            Self::Renew => "renew",
            Self::Redate => "redate",
            Self::Complete => "complete",
            Self::Restore(_) => "restore",
        }
    }

    /// Whether it is a pin, a rollback, an unpin, a removal or a release, which people ask for.
    pub fn moves_pins(&self) -> bool {
        matches!(
            self,
            Self::Pin(..)
                | Self::RollBack(..)
                | Self::Unpin(_)
                | Self::Remove(_)
                | Self::Release
                | Self::Yank(..)
        )
    }

    /// Whether it takes packages into the suite. An uploader may ask for it, and again.
    pub fn takes_in(&self) -> bool {
        matches!(self, Self::Add(_) | Self::Promote(_))
    }

    /// Whether it goes before uploads in the queue.
    pub fn is_urgent(&self) -> bool {
        !self.takes_in() && !matches!(self, Self::Complete)
    }
}

/// The result of applying a change, in addition to the changed draft.
#[derive(Clone, Default, Debug)]
pub struct Applied {
    /// The result for each added package.
    pub added: Vec<Added>,
    /// The generation whose packages came back.
    pub same_as: Option<u64>,
    /// What would keep hosts from installing a package or from following it.
    pub lacks: Vec<Lack>,
    /// What the audit log says in addition to what was asked for.
    pub remark: String,
    /// Sentences for people.
    pub notes: Vec<String>,
}

/// The generation that a change expects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expect {
    /// Its number.
    pub generation: u64,
    /// Whether it must be the last one for a rollback of named packages, too. Otherwise such a
    /// rollback only needs those packages to be listed as they are in it.
    pub exactly: bool,
}

/// The result of one change.
#[derive(Clone, Default, Debug)]
pub struct Outcome {
    /// The generation that went live with it; `None` when hosts see no difference.
    pub generation: Option<u64>,
    /// Whether it was only tried out.
    pub dry_run: bool,
    /// The result for each added package.
    pub added: Vec<Added>,
    /// What moves. With several changes in one generation: all that moves in it.
    pub moves: Vec<Move>,
    /// Whether some rings are offered something else with it.
    pub is_rolled: bool,
    /// The pins that were set.
    pub pinned: Vec<Pin>,
    /// The pins that ended, as they were before.
    pub ended: Vec<Pin>,
    /// When it was only tried out: packages that it alters although they were not named.
    pub beyond: Vec<PackageName>,
    /// What would keep hosts from installing a package or from following it.
    pub lacks: Vec<Lack>,
    /// Sentences for people.
    pub notes: Vec<String>,
}
