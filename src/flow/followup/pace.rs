//! Pace: how long what follows a change waits.

use std::time::Duration;

/// How long nothing is made behind a change: whoever waited for it comes to look now, and goes first.
pub(crate) const REST: Duration = Duration::from_millis(700);
