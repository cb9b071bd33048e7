//! Words of entries that are also read.

/// What is rolled back, where no package is named.
pub(super) const WHOLE_SUITE: &str = "the whole suite";

/// What is unpinned, where no package is named.
pub(super) const EVERY_PIN: &str = "every pin";
