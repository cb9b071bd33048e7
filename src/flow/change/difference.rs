//! Difference: a suite before a change and after it.

use crate::domain::Draft;
use crate::flow::repository::Repository;

/// So many names are looked at in one go. It bounds what is read of them at a time.
pub(super) const AT_ONCE: usize = 1_000;

/// A suite before a change and after it.
#[derive(Clone, Copy)]
pub(crate) struct Difference<'c> {
    pub repository: &'c Repository,
    pub before: &'c Draft<'c>,
    pub after: &'c Draft<'c>,
}
