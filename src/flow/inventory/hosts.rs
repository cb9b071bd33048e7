//! The hosts that an asker is told of.

use std::collections::HashMap;
use std::sync::Arc;

use crate::catalogue::{CertificateRecord, ReportRecord};
use crate::debian::SuiteName;
use crate::domain::inventory::{Installed, Marks};
use crate::domain::{Admitted, GroupName, Identity, Share};
use crate::flow::admit;
use crate::flow::error::FlowError;
use crate::flow::report::identities::{IdentityReport, list_now};
use crate::flow::report::reports::reading;
use crate::flow::repository::Repository;
use crate::time::Moment;

/// The last report of a host, with the packages that have marks.
#[derive(Clone, Debug)]
pub struct HostRecord {
    /// The report.
    pub report: ReportRecord,
    /// What is on hold, or broken.
    pub marked: Vec<(Installed, Marks)>,
}

/// The hosts that `admitted` manages: those that it may list. Without `all`, only those that hold a right and a
/// certificate, as far as certificates are known here. Blocks.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub(super) fn managed(
    repository: &Repository,
    admitted: &Admitted,
    all: bool,
) -> Result<Vec<IdentityReport>, FlowError> {
    let mut hosts = list_now(repository, Some(true))?;
    let operated = admit::operated(repository, admitted.entitled());
    let now = repository.now();
    hosts.retain(|one| one.share(&operated) == Share::Whole && (all || is_present(one, now)));
    Ok(hosts)
}

/// Whether a host holds a right and, as far as certificates are known here, a valid one.
pub(super) fn is_present(host: &IdentityReport, now: Moment) -> bool {
    let is_valid = |one: &CertificateRecord| one.revoked_at.is_none() && one.not_after > now;
    // Where another CA issues them, none is known.
    let may_come = host.certificates.is_empty() || host.certificates.iter().any(is_valid);
    host.entitled.as_ref().is_some_and(|held| held.is_host()) && may_come
}

/// The suites of `of` that the host reads.
pub(super) fn reads(host: &IdentityReport, suite: &SuiteName) -> bool {
    host.entitled.as_ref().is_some_and(|held| held.reads(suite))
}

/// Leaves only the hosts of a group.
///
/// # Errors
/// [`FlowError::Missing`] when none of them is in it: for the asker there is no such group.
pub(super) fn retain_group(
    repository: &Repository,
    hosts: &mut Vec<IdentityReport>,
    group: &GroupName,
) -> Result<(), FlowError> {
    let groups = repository.catalogue.load_access()?.groups;
    let members = groups.into_iter().find(|one| one.name == *group).map(|one| one.members);
    let members = members.unwrap_or_default();
    hosts.retain(|host| members.iter().any(|member| member.matches(&host.identity)));
    match hosts.is_empty() {
        true => Err(FlowError::Missing(format!(
            "group {group} with hosts that you manage; `repoctl access group list` shows an admin the groups"
        ))),
        false => Ok(()),
    }
}

/// The last report of each of these hosts that has sent one. Blocks.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub(super) fn reports_of<T>(
    repository: &Repository,
    hosts: &[IdentityReport],
    mut read: impl FnMut(ReportRecord) -> T,
) -> Result<HashMap<Identity, T>, FlowError> {
    let mut found: HashMap<Identity, Option<T>> =
        hosts.iter().map(|host| (host.identity.clone(), None)).collect();
    repository.catalogue.each_report(&mut |report| {
        if let Some(place) = found.get_mut(&report.host) {
            *place = Some(read(report));
        }
        Ok(())
    })?;
    Ok(found.into_iter().filter_map(|(host, one)| Some((host, one?))).collect())
}

/// The packages of these ids, by id.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub(super) fn packages_of(
    repository: &Repository,
    mut ids: Vec<u64>,
) -> Result<HashMap<u64, Installed>, FlowError> {
    ids.sort_unstable();
    ids.dedup();
    Ok(repository.catalogue.read_reported(&ids)?.into_iter().collect())
}

/// Whether `admitted` manages a host, or is it. Blocks.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub(super) fn is_shown(
    repository: &Repository,
    admitted: &Admitted,
    host: &Identity,
) -> Result<bool, FlowError> {
    if admitted.identity() == host {
        return Ok(true);
    }
    let operated = admit::operated(repository, admitted.entitled());
    let known = IdentityReport::read(repository, host)?;
    Ok(admitted.entitled().gives() && !known.is_free() && known.share(&operated) == Share::Whole)
}

/// The last report of a host that `admitted` manages, or is.
///
/// # Errors
/// [`FlowError::Missing`] when there is none for the asker.
pub async fn find(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    host: &Identity,
) -> Result<HostRecord, FlowError> {
    let (admitted, host) = (admitted.clone(), host.clone());
    reading(repository, move |shared| {
        let missing = || {
            FlowError::Missing(format!(
                "report of {host}: it has sent none, or it is not among the hosts that you manage"
            ))
        };
        if !is_shown(shared, &admitted, &host)? {
            return Err(missing());
        }
        let report = shared.catalogue.find_report(&host)?.ok_or_else(missing)?;
        let marked: Vec<_> =
            report.packages.iter().filter(|(_, marks)| marks.held || marks.broken).collect();
        let named = packages_of(shared, marked.iter().map(|(id, _)| *id).collect())?;
        let marked = marked.into_iter();
        let marked =
            marked.filter_map(|(id, marks)| Some((named.get(id)?.clone(), *marks))).collect();
        Ok(HostRecord { report, marked })
    })
    .await
}
