//! Unreadable: packages that an earlier version of this program listed and that stop apt on every host. They are left
//! out by an ordinary change, with a reason that everybody finds in the history.

use tracing::{error, warn};

use crate::debian::packages::LONGEST_PROVEN_BYTES;
use crate::domain::pinning::Leeway;
use crate::domain::{
    Conflict, ConflictKind, ConflictReason, Draft, Identity, Package, PinKind, PinTarget, Reach,
};
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
    let state = desk.state();
    let listed = state.contents.packages().map(|(_, package)| package.as_ref());
    listed.filter(|package| is_long(package)).cloned().collect()
}

/// Takes out of a change what it would list anew that apt cannot read; gives what is said of it.
///
/// # Errors
/// [`Conflict`] where just that was asked for.
pub(crate) fn take_out(
    draft: &mut Draft<'_>,
    before: &Draft<'_>,
    wish: &Wish,
) -> Result<Vec<String>, Conflict> {
    let (mut notes, mut reasons) = (Vec::new(), Vec::new());
    for (place, now) in draft.since(before).0 {
        let Some(package) = now.filter(|package| is_long(package)) else { continue };
        let Package { name, version, architecture, stanza_bytes, .. } = &*package;
        let subject = format!("{name} {version} {architecture}");
        let problem = format!(
            "has a stanza of {stanza_bytes} bytes, which is more than apt reads: `apt-get update` would stop on every \
             host; build a version with shorter fields"
        );
        match wish {
            Wish::Add(_) | Wish::Pin(..) => reasons.push(ConflictReason { subject, problem }),
            _ => {
                notes.push(format!("{subject} {problem}; it is left out"));
                draft.clear(&place);
            }
        }
    }
    match reasons.is_empty() {
        true => Ok(notes),
        false => Err(Conflict { kind: ConflictKind::Other, reasons }),
    }
}

fn is_long(package: &Package) -> bool {
    usize::try_from(package.stanza_bytes).unwrap_or(usize::MAX) > LONGEST_PROVEN_BYTES
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
