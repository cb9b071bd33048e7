//! Lookup: which packages the suite has accepted under a name, and which it has listed before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::debian::PackageName;
use crate::domain::past::Past;
use crate::domain::pinning::{Asking, Taken};
use crate::domain::reserved::is_apart;
use crate::domain::{Package, PinKind, PinTarget, Tenure};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;

/// The same request, with pins that expire after this many hours.
pub(crate) fn lasting(asking: &Asking, hours: Option<u32>) -> Asking {
    let until = hours.map(|hours| asking.at.plus(i64::from(hours).saturating_mul(3600)));
    Asking { until, ..asking.clone() }
}

/// The source package of that name or, if there is none, the source of the binary package of that
/// name. A package that is held by its own name alone is meant by itself.
pub(crate) fn resolve(
    repository: &Repository,
    desk: &Desk,
    target: &PinTarget,
) -> Result<PinTarget, FlowError> {
    if is_apart(target.name.as_str()) {
        return Ok(PinTarget { kind: PinKind::Binary, name: target.name.clone() });
    }
    if target.kind == PinKind::Binary
        || !repository.catalogue.list_placements(&desk.suite, Some(&target.name))?.is_empty()
    {
        return Ok(target.clone());
    }
    let found = repository.catalogue.search_placements(target.name.as_str(), u32::MAX)?;
    let source = found
        .into_iter()
        .filter(|placement| placement.suite == desk.suite)
        .max_by_key(|placement| placement.live)
        .map(|placement| placement.package.source);
    let name = source.unwrap_or_else(|| target.name.clone());
    Ok(PinTarget { kind: PinKind::Source, name })
}

/// What a suite has taken and listed of a target.
#[derive(Clone, Default)]
pub(crate) struct History {
    /// What it has taken.
    pub(crate) taken: Vec<Taken>,
    /// When it listed what.
    pub(crate) tenures: Vec<Tenure>,
    /// The packages of the tenures.
    pub(crate) packages: Vec<Arc<Package>>,
}

pub(crate) fn past_of(
    repository: &Repository,
    desk: &Desk,
    target: &PinTarget,
) -> Result<Past, FlowError> {
    let tenures = tenures_of(repository, desk, target)?;
    let digests: BTreeSet<_> = tenures.iter().map(|tenure| tenure.digest).collect();
    let digests: Vec<_> = digests.into_iter().collect();
    let records = repository.catalogue.find_packages(&digests)?;
    let packages = records.into_iter().map(|record| Arc::new(record.package)).collect();
    Ok(Past::new(target.clone(), tenures, packages))
}

fn tenures_of(
    repository: &Repository,
    desk: &Desk,
    target: &PinTarget,
) -> Result<Vec<Tenure>, FlowError> {
    let mut tenures = Vec::new();
    for source in sources_of(repository, desk, target)? {
        tenures.extend(repository.catalogue.list_tenures(&desk.suite, &source)?);
    }
    Ok(tenures)
}

/// What the suite has taken and listed of a target. What was listed was taken, so that most packages are
/// read once.
pub(crate) fn history_of(
    repository: &Repository,
    desk: &Desk,
    target: &PinTarget,
) -> Result<History, FlowError> {
    let taken = taken_of(repository, desk, target)?;
    let tenures = tenures_of(repository, desk, target)?;
    let mut packages: BTreeMap<_, _> =
        taken.iter().map(|(_, package)| (package.digest, Arc::clone(package))).collect();
    let others = tenures.iter().map(|tenure| tenure.digest);
    let others: BTreeSet<_> = others.filter(|digest| !packages.contains_key(digest)).collect();
    if !others.is_empty() {
        let others: Vec<_> = others.into_iter().collect();
        let records = repository.catalogue.find_packages(&others)?.into_iter();
        packages.extend(records.map(|one| (one.package.digest, Arc::new(one.package))));
    }
    Ok(History { taken, tenures, packages: packages.into_values().collect() })
}

/// Every package of the target that the suite has accepted.
pub(crate) fn taken_of(
    repository: &Repository,
    desk: &Desk,
    target: &PinTarget,
) -> Result<Vec<Taken>, FlowError> {
    let mut taken = Vec::new();
    for source in sources_of(repository, desk, target)? {
        let placements = repository.catalogue.list_placements(&desk.suite, Some(&source))?;
        let own = placements.into_iter().filter(|placement| target.holds(&placement.package));
        taken.extend(own.map(|placement| (placement.component, Arc::new(placement.package))));
    }
    Ok(taken)
}

fn sources_of(
    repository: &Repository,
    desk: &Desk,
    target: &PinTarget,
) -> Result<BTreeSet<PackageName>, FlowError> {
    if target.kind == PinKind::Source {
        return Ok([target.name.clone()].into());
    }
    let found = repository.catalogue.search_placements(target.name.as_str(), u32::MAX)?;
    let here = found.into_iter().filter(|placement| placement.suite == desk.suite);
    Ok(here.map(|placement| placement.package.source).collect())
}
