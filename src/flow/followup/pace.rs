//! Pace: how long follow-up work waits after a change.

use std::time::Duration;

/// How long no follow-up files are made after a change: clients that waited for it come now, and go
/// first.
pub(crate) const REST: Duration = Duration::from_millis(700);
