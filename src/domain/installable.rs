//! Installable: whether what a suite lists finds what it depends on among the names that the suite owns.
//!
//! Each name's highest listed version is the one that hosts take, up and down. Where its Depends name what
//! the suite owns and does not list, hosts stay where they are, and apt says nothing of it. What lies outside
//! the suite's own names counts as met. Looked at are the packages that moved and those that depend on them;
//! and a change is held only against what hosts could install before it.

use crate::debian::PackageName;
use crate::domain::Draft;

mod beside;
mod brought;
mod judged;
mod lack;
mod question;
mod same;
#[cfg(test)]
mod tests;
mod touched;

pub use beside::avoided;
pub use brought::DEEPEST;
use lack::first_that_counts;
pub use lack::{Lack, Named, Need, Trouble};
pub use question::{Question, is_plainly_met};
pub use same::Glance;
pub use touched::{Avoiders, Moved, asked, avoiders};

/// Whether a suite answers for a name: what it owns, or, where it owns no names, what it lists or listed.
pub fn answers_for(name: &PackageName, before: &Draft<'_>, after: &Draft<'_>) -> bool {
    match after.spec.owns.is_empty() {
        true => after.lists_name(name) || before.lists_name(name),
        false => after.spec.owns_name(name.as_str()),
    }
}
