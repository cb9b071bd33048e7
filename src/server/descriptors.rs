//! Descriptors: how many files and connections the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the process needs beside connections: the catalogue, keys, listeners, uploads and packs.
const OWN: u64 = 96;
/// A connection may have a stored file open while it is answered.
const EACH: u64 = 2;
/// The fewest connections, however low the limit is.
const FEWEST: u64 = 8;

/// Raises the soft limit to the hard one. A shell gives 1,024 in place of what the system allows.
pub(super) fn raise() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(problem) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%problem, "the limit of open files was not raised");
    }
}

/// For how many connections there are descriptors.
pub(super) fn connections() -> usize {
    match getrlimit(Resource::Nofile).current {
        Some(files) => {
            let rest = files.saturating_sub(OWN).checked_div(EACH).unwrap_or_default();
            usize::try_from(rest.max(FEWEST)).unwrap_or(usize::MAX)
        }
        None => usize::MAX,
    }
}
