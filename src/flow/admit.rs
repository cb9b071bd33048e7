//! Admit: decides which right a verified certificate gives. Every request is decided anew.

use std::sync::Arc;

use crate::debian::SuiteName;
use crate::domain::{Admitted, Denied, Entitled, Identity, Operated, Right, Rights, access};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::state::grants::Grants;
use crate::trust::{Peer, Standing};

/// The identity of a client, from the certificate chain that its connection proved.
///
/// The chain is validated once per connection and trust epoch. Expiry, revocation and the age of
/// the revocation lists are checked at every call.
///
/// # Errors
/// [`FlowError::Refused`] with the reason.
pub fn identify(repository: &Repository, peer: &Peer) -> Result<Arc<Standing>, FlowError> {
    Ok(peer.standing(&repository.trust, repository.now())?)
}

/// Whether the identity of `standing` has `right`.
///
/// # Errors
/// [`FlowError::Denied`] with the reason.
pub fn admit(
    repository: &Repository,
    standing: &Standing,
    right: Right<'_>,
) -> Result<Admitted, FlowError> {
    let identity = standing.identity();
    let admitted = access::decide(identity, repository.grants.load().of(identity), right)?;
    Ok(admitted.presenting(standing.serial().map(ToString::to_string).unwrap_or_default()))
}

/// Resolves an alias: the suite that has the alias `named`, if the identity may read that suite.
/// Otherwise `named` itself, so that a hidden alias looks like a name that does not exist.
pub fn meant(repository: &Repository, standing: &Standing, named: SuiteName) -> SuiteName {
    let Some(holder) = repository.holder(&named) else { return named };
    let entitled = find_entitled(repository, standing.identity());
    if entitled.is_some_and(|entitled| entitled.reads(&holder)) { holder } else { named }
}

/// The right under which a body is sent or received. It must last until the body ends.
#[derive(Clone)]
pub struct Ground {
    admitted: Admitted,
    claim: Claim,
}

/// What the right is used for.
#[derive(Clone)]
enum Claim {
    /// A read of a file that is in each of these suites.
    Read(Vec<SuiteName>),
    /// An upload to a suite.
    Upload(SuiteName),
    /// An upload of bytes that no suite names yet.
    Stage,
}

impl Ground {
    /// The ground of a read: `admitted` may read one of these suites.
    pub(crate) fn reading(admitted: Admitted, suites: Vec<SuiteName>) -> Self {
        Self { admitted, claim: Claim::Read(suites) }
    }

    /// The ground of an upload: `admitted` may upload to `suite`, or may stage where `suite` is
    /// `None`.
    pub fn sending(admitted: Admitted, suite: Option<SuiteName>) -> Self {
        Self { admitted, claim: suite.map_or(Claim::Stage, Claim::Upload) }
    }

    /// Checks the certificate, revocation and the age of the revocation lists again. Checks the
    /// right again if any right was given or taken since the last check.
    ///
    /// # Errors
    /// [`FlowError::Refused`] or [`FlowError::Denied`] with the reason.
    pub fn still_holds(&mut self, repository: &Repository, peer: &Peer) -> Result<(), FlowError> {
        let standing = identify(repository, peer)?;
        let entitled = repository.grants.load().of(standing.identity());
        if entitled.as_ref().is_some_and(|entitled| self.admitted.is_by(entitled)) {
            return Ok(());
        }
        let rights = match &self.claim {
            Claim::Read(suites) => suites.iter().map(Right::Read).collect(),
            Claim::Upload(suite) => vec![Right::Upload(suite)],
            Claim::Stage => vec![Right::Stage],
        };
        let mut denied = Denied::Unknown(standing.identity().clone());
        for right in rights {
            match access::decide(standing.identity(), entitled.clone(), right) {
                Ok(admitted) => {
                    self.admitted = admitted;
                    return Ok(());
                }
                Err(problem) => denied = problem,
            }
        }
        Err(denied.into())
    }
}

/// Whether an identity has `right` now, for work that it requested earlier.
///
/// # Errors
/// [`FlowError::Denied`] with the reason.
pub(crate) fn admit_by_name(
    repository: &Repository,
    identity: &Identity,
    right: Right<'_>,
) -> Result<Admitted, FlowError> {
    Ok(access::decide(identity, repository.grants.load().of(identity), right)?)
}

/// The rights of an identity; `None` when it has none.
pub fn find_entitled(repository: &Repository, identity: &Identity) -> Option<Arc<Entitled>> {
    repository.grants.load().of(identity)
}

/// What an identity holds, or would hold if it were not shut out.
pub fn find_held(repository: &Repository, identity: &Identity) -> Option<Entitled> {
    repository.grants.load().rights().once_readmitted(identity)
}

/// The suites that an asker operates as a whole.
pub fn operated<'a>(repository: &Repository, asker: &'a Entitled) -> Operated<'a> {
    Operated::by(asker, repository.desks().keys())
}

/// Every identity that a grant or a group names.
pub(crate) fn named(repository: &Repository) -> Vec<Identity> {
    repository.grants.load().rights().named().cloned().collect()
}

/// Reloads all rights from the catalogue, after one was given or taken.
pub(crate) fn reload_grants(repository: &Repository) -> Result<(), FlowError> {
    let record = repository.catalogue.load_access()?;
    let grants: Vec<_> = record.grants.into_iter().map(|given| given.grant).collect();
    let rights = Rights::new(&record.own, &record.groups, &grants, record.shut_out);
    repository.grants.store(Arc::new(Grants::new(rights)));
    Ok(())
}
