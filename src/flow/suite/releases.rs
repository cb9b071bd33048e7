//! Releases: which head each host was last given as `Release`, so that its `Release.gpg` matches.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::debian::SuiteName;
use crate::domain::Identity;
use crate::flow::suite::served::Served;
use crate::flow::threads::lock;
use crate::time::Moment;

/// How long `Release.gpg` is answered with the signature of the `Release` that was given before it.
/// Unit: seconds.
const PAIRED_SECONDS: i64 = 600;
/// Most hosts and suites for which a head is remembered.
const PAIRED_MOST: usize = 20_000;

/// Which head each host was last given as `Release`, so that its `Release.gpg` matches even when a
/// publish falls between the two requests.
#[derive(Default)]
pub struct Releases(Mutex<HashMap<(Identity, SuiteName), Given>>);

/// A head, and when a host was given it.
type Given = (Arc<Served>, Moment);

impl Releases {
    pub(crate) fn remember(
        &self,
        identity: &Identity,
        suite: &SuiteName,
        head: &Arc<Served>,
        now: Moment,
    ) {
        let mut given = lock(&self.0);
        if given.len() >= PAIRED_MOST {
            given.retain(|_, (_, at)| now.since(*at) < PAIRED_SECONDS);
        }
        if given.len() < PAIRED_MOST {
            given.insert((identity.clone(), suite.clone()), (Arc::clone(head), now));
        }
    }

    /// Forgets what a host was given when it starts anew, so that it gets the live head.
    pub(crate) fn forget(&self, identity: &Identity, suite: &SuiteName) {
        let mut given = lock(&self.0);
        if !given.is_empty() {
            given.remove(&(identity.clone(), suite.clone()));
        }
    }

    pub(crate) fn recall(
        &self,
        identity: &Identity,
        suite: &SuiteName,
        now: Moment,
    ) -> Option<Arc<Served>> {
        let given = lock(&self.0);
        let (head, at) = given.get(&(identity.clone(), suite.clone()))?;
        (now.since(*at) < PAIRED_SECONDS).then(|| Arc::clone(head))
    }
}
