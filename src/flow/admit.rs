//! Admit: from a proven certificate to a right, anew at every request.

use std::sync::Arc;

use crate::debian::SuiteName;
use crate::domain::{Admitted, Denied, Entitled, Identity, Right, Rights, access};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::state::grants::Grants;
use crate::trust::{Peer, Standing};

/// Who is asking, by the chain that the connection proved.
///
/// The chain is judged once for each connection and trust epoch; expiry, the revocation list and its
/// age are looked at every time.
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

/// The suite that somebody means by a name: by an alias the suite that has it, for who holds a right to that suite.
/// For others an alias is a name like one that is not there.
pub fn meant(repository: &Repository, standing: &Standing, named: SuiteName) -> SuiteName {
    let Some(holder) = repository.holder(&named) else { return named };
    let entitled = find_entitled(repository, standing.identity());
    if entitled.is_some_and(|entitled| entitled.reads(&holder)) { holder } else { named }
}

/// By what right a body is under way: for as long as it is, the right has to last.
pub struct Ground {
    admitted: Admitted,
    claim: Claim,
}

/// What is done by the right.
enum Claim {
    /// Something is read that lies in each of these suites.
    Read(Vec<SuiteName>),
    /// Something is sent for a suite.
    Upload(SuiteName),
    /// Something is sent that no suite names yet.
    Stage,
}

impl Ground {
    /// What is read because `admitted` may read one of these suites.
    pub(crate) fn reading(admitted: Admitted, suites: Vec<SuiteName>) -> Self {
        Self { admitted, claim: Claim::Read(suites) }
    }

    /// What is sent because `admitted` may upload to the suite; to none in particular, because it may stage.
    pub fn sending(admitted: Admitted, suite: Option<SuiteName>) -> Self {
        Self { admitted, claim: suite.map_or(Claim::Stage, Claim::Upload) }
    }

    /// Looks at certificate, revocation and age of the lists again; and at the right, if any right was
    /// given or taken since the last look.
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

/// Whether an identity has `right`, for what it asked before and that happens now.
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

/// What an identity holds, if anything.
pub fn find_entitled(repository: &Repository, identity: &Identity) -> Option<Arc<Entitled>> {
    repository.grants.load().of(identity)
}

/// Everybody whom a grant or a group names.
pub(crate) fn named(repository: &Repository) -> Vec<Identity> {
    repository.grants.load().rights().named().cloned().collect()
}

/// Reads every grant anew, after one was given or taken.
pub(crate) fn reload_grants(repository: &Repository) -> Result<(), FlowError> {
    let record = repository.catalogue.load_access()?;
    let grants: Vec<_> = record.grants.into_iter().map(|given| given.grant).collect();
    let rights = Rights::new(&record.own, &record.groups, &grants, record.shut_out);
    repository.grants.store(Arc::new(Grants::new(rights)));
    Ok(())
}
