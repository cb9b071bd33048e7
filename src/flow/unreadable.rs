//! Unreadable: packages that an earlier version of this program listed and that stop apt on every host. They are left
//! out by an ordinary change, with a reason that everybody finds in the history.

use tracing::{error, warn};

use crate::debian::packages::LONGEST_PROVEN_BYTES;
use crate::domain::pinning::Leeway;
use crate::domain::{Identity, Package, PinKind, PinTarget, Reach};
use crate::flow::Repository;
use crate::flow::apply::Wish;
use crate::flow::desk::{Desk, Job};

/// Asks for a generation without what apt cannot read, where the live one has some.
pub(crate) fn leave_out(repository: &Repository) {
    for (suite, desk) in repository.desks().iter() {
        for package in unreadable(desk) {
            let (name, version) = (&package.name, &package.version);
            warn!(
                %suite, %name, %version, stanza_bytes = package.stanza_bytes,
                "apt cannot read a stanza as long as this package's, and stops on every host: it is left out; \
                 upload a version with a shorter one"
            );
            if let Err(problem) = desk.submit(job(&package)) {
                error!(%suite, %name, %problem, "a package that stops apt could not be left out");
            }
        }
    }
}

fn unreadable(desk: &Desk) -> Vec<Package> {
    let is_long = |package: &Package| {
        usize::try_from(package.stanza_bytes).unwrap_or(usize::MAX) > LONGEST_PROVEN_BYTES
    };
    let state = desk.state();
    let listed = state.contents.packages().map(|(_, package)| package.as_ref());
    listed.filter(|package| is_long(package)).cloned().collect()
}

fn job(package: &Package) -> Job {
    let (reply, _) = tokio::sync::oneshot::channel();
    let target = PinTarget { kind: PinKind::Binary, name: package.name.clone() };
    Job {
        wish: Wish::Remove(vec![target]),
        author: Identity::server(),
        serial: String::new(),
        reach: Reach::Whole,
        message: format!(
            "left out: the stanza of {} {} has {} bytes, and apt stops at it",
            package.name, package.version, package.stanza_bytes
        ),
        // Whoever needs it could not install it before either.
        leeway: Leeway { force: true, ..Leeway::default() },
        expect: None,
        reply,
    }
}
