//! Adding: looks up what the rules need to know of packages that are added, and of those in their
//! way.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::catalogue::{GoneVersion, PackageRecord};
use crate::debian::{Component, Namespace, PackageKind};
use crate::digest::Digest;
use crate::domain::Applied;
use crate::domain::add;
use crate::domain::addition::{self, Addition};
use crate::domain::namespaces::{self, Readable};
use crate::domain::pinning::Asking;
use crate::domain::reserved::is_apart;
use crate::domain::{
    Conflict, ConflictKind, ConflictReason, Denied, Draft, Identity, Package, SuiteSpec,
};
use crate::flow::admit;
use crate::flow::change::{cures, lookup, reach, several};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;
use crate::flow::threads::on_every_core;
use crate::flow::upload::elsewhere::elsewhere;
use crate::flow::upload::single::hidden_from;

/// Adds packages that were uploaded.
///
/// # Errors
/// [`FlowError`] when a package is not known to the asker, or is refused.
pub(in crate::flow) fn add(
    repository: &Repository,
    desk: &Desk,
    draft: &mut Draft<'_>,
    items: &[(Component, Digest)],
    asking: &Asking,
) -> Result<Applied, FlowError> {
    let (records, known) = look_up(repository, &draft.spec.namespace, items)?;
    // A package that no suite has accepted is not in this one either.
    let before: Vec<_> =
        records.values().filter(|r| r.accepted).map(|r| r.package.digest).collect();
    let taken = repository.catalogue.list_taken(&desk.suite, &before)?;
    let taken: BTreeMap<_, _> = before.into_iter().zip(taken).collect();
    refuse_promotions(repository, &draft.spec, &records, &taken, &asking.author)?;
    // Only new packages are checked: what the suite accepted before stays.
    let is_new = |digest: &Digest| taken.get(digest).is_none_or(Option::is_none);
    let new = records.iter().filter(|(digest, r)| !r.privileges.is_empty() && is_new(digest));
    let privileges: HashMap<_, _> =
        new.map(|(digest, record)| (*digest, record.privileges.clone())).collect();
    let packages: BTreeMap<_, _> =
        records.into_iter().map(|(digest, r)| (digest, Arc::new(r.package))).collect();
    let additions = additions(items, &packages, &taken, |component, package| {
        reach::denied(desk, asking, component, &package.name)
    })?;
    refuse_reserved(repository, &draft.spec, &additions, &asking.author)?;
    let rivals = addition::rivals(&additions, &known);
    let hidden = match rivals.is_empty() {
        true => HashSet::new(),
        false => {
            let entitled = admit::find_entitled(repository, &asking.author);
            hidden_from(repository, &asking.author, entitled.as_deref(), &rivals)?
        }
    };
    let taken_here = repository.catalogue.list_taken(&desk.suite, &rivals)?;
    let taken_here = rivals.iter().zip(taken_here).filter(|(_, taken)| taken.is_some());
    let taken_here = taken_here.map(|(digest, _)| *digest).collect();
    let known = addition::Known {
        packages: &known,
        hidden: &hidden,
        taken: &taken_here,
        privileges: &privileges,
    };
    let names: BTreeSet<_> = additions.iter().map(|one| one.package.name.clone()).collect();
    several::learn(repository, desk, draft, &names)?;
    let added = add::add(draft, &additions, known, &asking.author, asking.at)?;
    Ok(Applied { added, ..Applied::default() })
}

/// Says of all packages that a batch adds what became of them with all its changes in the draft, and
/// which command would have hosts offered those that wait. No command is looked for any more as soon as
/// `may_go_on` says no.
pub(in crate::flow) fn settle<'a>(
    repository: &Repository,
    desk: &Desk,
    draft: &Draft<'_>,
    adding: impl Iterator<Item = &'a mut Applied>,
    may_go_on: &(dyn Fn() -> bool + Sync),
) {
    let mut added: Vec<_> = adding.flat_map(|applied| &mut applied.added).collect();
    added.iter_mut().for_each(|one| add::settle(draft, one));
    let state = desk.state();
    let batch = cures::Batch {
        suite: &desk.suite,
        contents: &state.contents,
        withdrawn: &state.withdrawn,
        draft,
        read: &|target| lookup::history_of(repository, desk, target),
        may_go_on,
        at: repository.now(),
    };
    cures::tell(&batch, &mut added);
}

/// What is to be added, each package once in a component.
///
/// # Errors
/// [`FlowError::DeniedPackages`] naming all that `denied` objects to.
fn additions(
    items: &[(Component, Digest)],
    packages: &BTreeMap<Digest, Arc<Package>>,
    taken: &BTreeMap<Digest, Option<Component>>,
    denied: impl Fn(&Component, &Package) -> Option<Denied>,
) -> Result<Vec<Addition>, FlowError> {
    let (mut additions, mut seen, mut all_denied) = (Vec::new(), HashSet::new(), Vec::new());
    for (component, digest) in items {
        let package = packages.get(digest).ok_or_else(|| not_sent(digest))?;
        if !seen.insert((component, digest)) {
            continue;
        }
        all_denied.extend(denied(component, package).map(|denied| (*digest, denied)));
        let taken_as = taken.get(digest).cloned().flatten();
        let (component, package) = (component.clone(), Arc::clone(package));
        additions.push(Addition { component, package, taken_as });
    }
    match all_denied.is_empty() {
        true => Ok(additions),
        false => Err(FlowError::DeniedPackages(all_denied)),
    }
}

/// Refuses packages that the asker has not sent and reads only in suites of other namespaces.
fn refuse_promotions(
    repository: &Repository,
    to: &SuiteSpec,
    records: &BTreeMap<Digest, PackageRecord>,
    taken: &BTreeMap<Digest, Option<Component>>,
    author: &Identity,
) -> Result<(), FlowError> {
    let new = taken.iter().filter(|(_, taken_as)| taken_as.is_none());
    let new: Vec<_> = new.map(|(digest, _)| *digest).collect();
    let entitled = admit::find_entitled(repository, author);
    let found =
        elsewhere(repository, author, entitled.as_deref(), &[to.namespace.clone()].into(), &new)?;
    let reason = |(digest, from): (&Digest, &Vec<Readable>)| {
        Some(namespaces::not_promoted(&records.get(digest)?.package, to, from))
    };
    let reasons: Vec<_> = found.iter().filter_map(reason).collect();
    if reasons.is_empty() {
        return Ok(());
    }
    Err(Conflict { kind: ConflictKind::Other, reasons }.into())
}

/// Refuses what the suite takes only for its hosts from whoever neither operates the suite nor has a grant that
/// names it: hosts run it as root. Client packages are the server's own.
fn refuse_reserved(
    repository: &Repository,
    to: &SuiteSpec,
    additions: &[Addition],
    author: &Identity,
) -> Result<(), FlowError> {
    let is_new = |one: &&Addition| one.taken_as.is_none() && is_apart(one.package.name.as_str());
    let not_owned = |one: &&Addition| !to.owns_name(one.package.name.as_str());
    let mut reserved = additions.iter().filter(is_new).filter(not_owned).peekable();
    if reserved.peek().is_none() {
        return Ok(());
    }
    let entitled = admit::find_entitled(repository, author);
    let brought = |one: &Addition| {
        let entitled = entitled.as_deref();
        entitled.is_some_and(|by| by.brings_reserved(&to.name, &one.component, &one.package.name))
    };
    let Some(Addition { component, package, .. }) = reserved.find(|one| !brought(one)) else {
        return Ok(());
    };
    let problem = format!(
        "comes to all hosts of suite {}, which does not own the name: from an operator of the suite, or an \
         uploader whose grant for {component} names {}",
        to.name, package.name
    );
    let reasons = vec![ConflictReason::of(package, problem)];
    Err(Conflict { kind: ConflictKind::Other, reasons }.into())
}

/// How many packages are looked up at once.
const AT_ONCE: usize = 2_000;

/// The records of these packages, and every package of one of their names that a suite of the
/// namespace has accepted.
fn look_up(
    repository: &Repository,
    namespace: &Namespace,
    items: &[(Component, Digest)],
) -> Result<(BTreeMap<Digest, PackageRecord>, Vec<Package>), FlowError> {
    let digests: BTreeSet<_> = items.iter().map(|(_, digest)| *digest).collect();
    let digests: Vec<_> = digests.into_iter().collect();
    let parts: Vec<_> = digests.chunks(AT_ONCE).collect();
    let parts = on_every_core(&parts, |part| {
        let records = repository.catalogue.find_packages(part)?;
        let names: BTreeSet<_> = records.iter().map(|r| r.package.name.clone()).collect();
        let names: Vec<_> = names.into_iter().collect();
        let known = repository.catalogue.list_versions(Some(namespace), &names)?;
        let mut known: Vec<_> = known.into_iter().map(|record| record.package).collect();
        known.extend(repository.catalogue.list_gone(namespace, &names)?.into_iter().map(former));
        Ok((records, known))
    })?;
    let (mut records, mut known) = (BTreeMap::new(), BTreeMap::new());
    for (found, versions) in parts {
        records.extend(found.into_iter().map(|record| (record.package.digest, record)));
        known.extend(versions.into_iter().map(|package| (package.digest, package)));
    }
    Ok((records, known.into_values().collect()))
}

/// A package that was removed: its version belongs to its bytes all the same.
fn former(gone: GoneVersion) -> Package {
    let GoneVersion { name, version, architecture, digest } = gone;
    Package {
        digest,
        source: name.clone(),
        source_version: version.clone(),
        name,
        version,
        architecture,
        size_bytes: 0,
        stanza_bytes: 0,
        stanza_digest: digest,
        kind: PackageKind::Deb,
        text: None,
    }
}

/// The error for a package that was not uploaded, or that the asker may not know of.
pub(crate) fn not_sent(digest: &Digest) -> FlowError {
    FlowError::Missing(format!("blob {digest}; send it first with PUT /api/v1/blobs/{digest}"))
}
