//! Elsewhere: packages that the asker has not sent, and reads only in suites of other namespaces.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use crate::debian::{Namespace, SuiteName};
use crate::digest::Digest;
use crate::domain::namespaces::{Readable, may_promote};
use crate::domain::{Entitled, Identity, Role};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;

/// Those of these packages that suites in one of the namespaces `to` accept only from their sender,
/// each with the suites in which the asker reads it.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub(in crate::flow) fn elsewhere(
    repository: &Repository,
    identity: &Identity,
    entitled: Option<&Entitled>,
    to: &BTreeSet<Namespace>,
    digests: &[Digest],
) -> Result<BTreeMap<Digest, Vec<Readable>>, FlowError> {
    let of = namespaces(repository);
    let all: BTreeSet<_> = of.values().chain(to).collect();
    if digests.is_empty() || all.len() < 2 {
        return Ok(BTreeMap::new());
    }
    let sent: HashSet<_> = repository.catalogue.list_sent(digests, identity)?.into_iter().collect();
    let suites = repository.catalogue.list_suites_of(digests)?;
    let readable = |suites: Vec<SuiteName>| -> Vec<Readable> {
        let own = suites.into_iter().filter(|one| entitled.is_some_and(|held| held.reads(one)));
        own.filter_map(|suite| of.get(&suite).cloned().map(|namespace| (suite, namespace)))
            .collect()
    };
    let all = digests.iter().zip(suites).filter(|(digest, _)| !sent.contains(digest));
    let all = all.map(|(digest, suites)| (*digest, readable(suites)));
    Ok(all.filter(|(_, from)| to.iter().any(|to| !may_promote(to, from))).collect())
}

/// The namespaces of all suites to which somebody may upload.
pub(in crate::flow) fn of_uploads(
    repository: &Repository,
    entitled: &Entitled,
) -> BTreeSet<Namespace> {
    let may = |suite: &SuiteName| entitled.role_in(suite) >= Some(Role::Uploader);
    let all = namespaces(repository).into_iter().filter(|(suite, _)| may(suite));
    all.map(|(_, namespace)| namespace).collect()
}

fn namespaces(repository: &Repository) -> BTreeMap<SuiteName, Namespace> {
    let desks = repository.desks();
    let of = |(suite, desk): (&SuiteName, &Arc<Desk>)| {
        (suite.clone(), desk.state().spec.namespace.clone())
    };
    desks.iter().map(of).collect()
}
