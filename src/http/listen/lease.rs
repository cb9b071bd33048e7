//! Lease: for how long an answer may go on being given.

use std::fmt;
use std::sync::Arc;

/// Says whether the body of an answer may still be given; an extension of the response.
///
/// It is asked every two seconds, also while the peer takes nothing, so it has to be quick. The
/// connection is cut when it says no.
#[derive(Clone)]
pub struct Lease(Arc<dyn Fn() -> bool + Send + Sync>);

impl Lease {
    /// A lease that lasts for as long as `holds` says so.
    pub fn new(holds: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(holds))
    }

    pub(super) fn holds(&self) -> bool {
        (self.0)()
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lease(..)")
    }
}
