//! Identities: hosts, build jobs and people, with everything that is known of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalogue::{CertificateRecord, Sighting};
use crate::domain::share::Past;
use crate::domain::{EnrolmentToken, Entitled, Grant, Identity, Operated, Role, Share, SuiteSpec};
use crate::flow::admit;
use crate::flow::error::FlowError;
use crate::flow::report::reports::reading;
use crate::flow::repository::Repository;
use crate::flow::sightings;

/// One identity with all that is known of it.
#[derive(Clone, Debug)]
pub struct IdentityReport {
    /// The identity.
    pub identity: Identity,
    /// Its rights, also by its groups; `None` when it has none, as after a revocation.
    pub entitled: Option<Arc<Entitled>>,
    /// Its certificates, newest first.
    pub certificates: Vec<CertificateRecord>,
    /// Where it was last seen.
    pub sightings: Vec<Sighting>,
    /// Its enrolment token that is not used yet.
    pub token: Option<EnrolmentToken>,
    /// The rights of its other tokens that are remembered.
    pub past_tokens: Vec<Grant>,
    /// Whether it is shut out.
    pub shut_out: bool,
    /// What it would hold if it were not shut out; `None` when it is not.
    pub once_readmitted: Option<Arc<Entitled>>,
}

impl IdentityReport {
    /// What is in memory of an identity; nothing of the catalogue yet.
    fn new(repository: &Repository, identity: &Identity) -> Self {
        let grants = repository.grants.load();
        let shut_out = grants.rights().is_shut_out(identity);
        let readmitted = shut_out.then(|| grants.rights().once_readmitted(identity)).flatten();
        Self {
            identity: identity.clone(),
            entitled: grants.of(identity),
            certificates: Vec::new(),
            sightings: Vec::new(),
            token: None,
            past_tokens: Vec::new(),
            shut_out,
            once_readmitted: readmitted.map(Arc::new),
        }
    }

    /// Everything that is known of one identity. Blocks.
    ///
    /// # Errors
    /// [`FlowError`] from the catalogue.
    pub(in crate::flow) fn read(
        repository: &Repository,
        identity: &Identity,
    ) -> Result<Self, FlowError> {
        sightings::write_if_possible(repository);
        let mut report = Self::new(repository, identity);
        report.certificates = repository.catalogue.list_certificates(Some(identity))?;
        report.sightings = repository.catalogue.list_sightings()?;
        report.sightings.retain(|sighting| sighting.identity == *identity);
        let tokens = repository.catalogue.list_tokens()?.into_iter();
        for token in tokens.filter(|token| token.grant.identity == *identity) {
            report.note(token, repository);
        }
        Ok(report)
    }

    fn note(&mut self, token: EnrolmentToken, repository: &Repository) {
        match token.is_pending(repository.now_for(&token)) {
            true => self.token = Some(token),
            false => self.past_tokens.push(token.grant),
        }
    }

    /// Whether it is a host: it holds a host's grant, or a token for one is pending. Only hosts get tokens.
    pub fn is_host(&self) -> bool {
        let held = self.entitled.as_ref().or(self.once_readmitted.as_ref());
        self.token.is_some() || held.is_some_and(|held| held.is_host())
    }

    /// Whether it holds a role beyond that of a host.
    pub fn is_more(&self) -> bool {
        self.entitled.as_ref().is_some_and(|held| held.role() > Role::Host)
    }

    /// How much of it lies within the suites that an asker operates.
    pub fn share(&self, operated: &Operated<'_>) -> Share {
        self.with_past(|past| operated.share(&past))
    }

    /// Whether the name is nobody's, and never was.
    pub fn is_free(&self) -> bool {
        self.with_past(|past| past.is_free())
    }

    fn with_past<T>(&self, ask: impl FnOnce(Past<'_>) -> T) -> T {
        let seen_in: Vec<_> = self.sightings.iter().map(|one| one.suite.clone()).collect();
        let issuers: Vec<_> = self.certificates.iter().map(|one| one.issued_by.clone()).collect();
        let tokens = self.token.iter().map(|token| &token.grant).chain(&self.past_tokens);
        let tokens: Vec<_> = tokens.cloned().collect();
        ask(Past {
            held: self.entitled.as_deref().or(self.once_readmitted.as_deref()),
            shut_out: self.shut_out,
            seen_in: &seen_in,
            tokens: &tokens,
            issuers: &issuers,
        })
    }
}

/// Whether the embedded CA has issued nothing to it that is still valid. Where another CA issues, nobody
/// here knows: `false`.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub async fn lacks_certificate(
    repository: &Arc<Repository>,
    identity: &Identity,
) -> Result<bool, FlowError> {
    if repository.trust.is_external() {
        return Ok(false);
    }
    let identity = identity.clone();
    reading(repository, move |shared| {
        let now = shared.now();
        let certificates = shared.catalogue.list_certificates(Some(&identity))?;
        Ok(!certificates.iter().any(|one| one.revoked_at.is_none() && one.not_after > now))
    })
    .await
}

/// Every identity; with `hosts`, only hosts or only the others. A host with a further role is among
/// both. The role of an identity without rights is not recorded, so it is among both as well, unless a
/// token for a host is pending.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub async fn list(
    repository: &Arc<Repository>,
    hosts: Option<bool>,
) -> Result<Vec<IdentityReport>, FlowError> {
    reading(repository, move |shared| list_now(shared, hosts)).await
}

/// The same, from within a report. Blocks.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub(in crate::flow) fn list_now(
    repository: &Repository,
    hosts: Option<bool>,
) -> Result<Vec<IdentityReport>, FlowError> {
    sightings::write_if_possible(repository);
    let mut found: BTreeMap<Identity, IdentityReport> = BTreeMap::new();
    let new = |identity: &Identity| IdentityReport::new(repository, identity);
    for identity in admit::named(repository) {
        found.entry(identity).or_insert_with_key(new);
    }
    for certificate in repository.catalogue.list_certificates(None)? {
        let entry = found.entry(certificate.identity.clone()).or_insert_with_key(new);
        entry.certificates.push(certificate);
    }
    for sighting in repository.catalogue.list_sightings()? {
        found.entry(sighting.identity.clone()).or_insert_with_key(new).sightings.push(sighting);
    }
    for token in repository.catalogue.list_tokens()? {
        // Who is known by a token of the past alone is not listed.
        let identity = token.grant.identity.clone();
        if token.is_pending(repository.now_for(&token)) {
            found.entry(identity.clone()).or_insert_with_key(new);
        }
        if let Some(report) = found.get_mut(&identity) {
            report.note(token, repository);
        }
    }
    let wanted = |report: &IdentityReport| match (hosts, &report.entitled) {
        // Only hosts get tokens.
        (Some(false), None) if report.token.is_some() => false,
        (None, _) | (_, None) => true,
        (Some(true), Some(_)) => report.is_host(),
        (Some(false), Some(_)) => report.is_more() || !report.is_host(),
    };
    Ok(found.into_values().filter(wanted).collect())
}

/// The suites that a host has read and that are in none of the namespaces of `than`; only suites
/// that still exist.
///
/// # Errors
/// [`FlowError`] from the catalogue; [`FlowError::Unavailable`] while too many reports are read.
pub async fn read_elsewhere(
    repository: &Arc<Repository>,
    host: &Identity,
    than: &[SuiteSpec],
) -> Result<Vec<SuiteSpec>, FlowError> {
    let host = host.clone();
    let elsewhere: BTreeMap<_, _> = repository
        .desks()
        .iter()
        .map(|(suite, desk)| (suite.clone(), desk.state().spec.clone()))
        .filter(|(_, spec)| than.iter().all(|one| one.namespace != spec.namespace))
        .collect();
    if elsewhere.is_empty() {
        return Ok(Vec::new());
    }
    reading(repository, move |shared| {
        sightings::write_if_possible(shared);
        let seen = shared.catalogue.list_sightings()?;
        let own = seen.into_iter().filter(|sighting| sighting.identity == host);
        Ok(own.filter_map(|sighting| elsewhere.get(&sighting.suite).cloned()).collect())
    })
    .await
}
