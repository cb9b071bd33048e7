//! DECISIONS: who may do what, what a suite is, what a change does to it, how its indices are cut,
//! where things lie. Pure, synchronous and total: no clock, disk, environment, log or panic.
//!
//! May name: debian, digest, time, nearest, amount

pub mod access;
pub mod access_edit;
pub mod add;
mod add_refusal;
pub mod addition;
pub mod audit;
pub mod beyond;
pub mod change;
pub mod conflict;
pub mod contents_cut;
pub mod draft;
pub mod enrolment;
pub mod file_name;
pub mod generation;
mod glob;
pub mod grants;
pub mod health;
pub mod hold;
pub mod holding;
pub mod host;
pub mod identity;
pub mod index;
pub mod index_place;
pub mod installable;
pub mod inventory;
pub mod keep;
pub mod layout;
pub mod limited;
pub mod limits;
pub mod listing;
pub mod membership;
pub mod moves;
pub mod namespaces;
mod offering;
pub mod own_grant;
pub mod package;
pub mod package_set;
pub mod past;
pub mod patches;
pub mod patterns;
pub mod pin;
pub mod pinning;
pub mod place;
pub mod plan;
pub mod policy;
pub mod promotion;
pub mod rank;
pub mod release_name;
pub mod reserved;
pub mod retention;
pub mod rights;
pub mod ring;
pub mod role;
pub mod rolling;
pub mod rollout;
pub mod rope;
pub mod several;
pub mod share;
pub mod slice;
pub mod suite;
pub mod suite_edit;
pub mod taken;
mod under_way;
pub mod verdict;
pub mod vulnerable;
pub mod yank;
pub mod yanked;

pub use access::{Admitted, Denied, Right};
pub use access_edit::{AccessEdit, AccessSet};
pub use add_refusal::TAKEN;
pub use audit::{Actor, Event};
pub use change::{Applied, Change, Expect, Outcome};
pub use conflict::{Conflict, ConflictKind, ConflictReason};
pub use draft::Draft;
pub use enrolment::{EnrolmentToken, TokenFault, TokenUse};
pub use generation::{
    Acceptance, Completion, GenerationRecord, Head, NewGeneration, Publication, RingFiles,
    RingHead, Tenure,
};
pub use grants::{AccessGrant, Group, Subject};
pub use holding::{HeldBack, Hold, HoldEdit};
pub use identity::{Identity, IdentityError};
pub use index::{Encoding, IndexFile, StoredBlock, StoredChunk, StoredMember, StoredRun};
pub use index_place::IndexPlace;
pub use installable::Lack;
pub use keep::{Keep, KeepEdit};
pub use limits::{GrantError, Limits};
pub use own_grant::Grant;
pub use package::{Package, Text};
pub use package_set::PackageSet;
pub use patterns::{GroupName, Member, SuitePattern};
pub use pin::{Pin, PinKind, PinTarget, Withdrawn};
pub use place::{Move, Place};
pub use plan::Plan;
pub use policy::{PolicyEdit, RolloutPolicy};
pub use rights::{Entitled, Held, Origin, Reach, Rights};
pub use ring::{RingId, Rings};
pub use role::{Role, SuiteScope};
pub use rolling::{RolloutChange, RolloutRef, RolloutStep, Way};
pub use rollout::{Rollout, RolloutState, Rollouts};
pub use rope::{Index, Shape};
pub use share::{Operated, Past, Share};
pub use slice::{Slice, SliceRow};
pub use suite::{SpecError, SuiteSpec};
pub use suite_edit::{AliasEdit, SuiteEdit};
pub use yanked::{Yank, YankEdit, Yanks};

#[cfg(test)]
mod tests;
