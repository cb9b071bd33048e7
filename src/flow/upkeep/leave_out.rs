//! Leave out: a package that an earlier version of this program listed and that stops apt on every
//! host is removed from the suite by an ordinary change.

use tracing::{error, warn};

use crate::domain::pinning::Leeway;
use crate::domain::{Change, Package, PinKind, PinTarget};
use crate::flow::change::unreadable::is_long;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;
use crate::flow::suite::queue::Job;

/// Requests a generation without the packages that apt cannot read, where the live one lists some.
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
    let state = desk.state();
    let listed = state.contents.packages().map(|(_, package)| package.as_ref());
    listed.filter(|package| is_long(package)).cloned().collect()
}

fn job(package: &Package) -> Job {
    let target = PinTarget { kind: PinKind::Binary, name: package.name.clone() };
    let (job, _) = Job::of_server(Change::Remove(vec![target]));
    Job {
        message: format!(
            "left out: the stanza of {} {} has {} bytes, and apt stops at it",
            package.name, package.version, package.stanza_bytes
        ),
        // Packages that depend on it could not be installed before either.
        leeway: Leeway { force: true, ..Leeway::default() },
        ..job
    }
}
