//! Yanking: a version leaves every suite of a namespace, one suite after the other. What is left when the server stops in
//! between is done after its start.

use std::sync::Arc;

use crate::debian::{Namespace, SuiteName, Version};
use crate::domain::{Admitted, Change, Conflict, Denied, Outcome, PinTarget, Role, Yank};
use crate::flow::change::lookup;
use crate::flow::change::submit::{Terms, submit};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::suite::desk::Desk;
use crate::flow::threads::blocking;

/// A version that is to be yanked, or may come back.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Of which namespace.
    pub namespace: Namespace,
    /// Which package.
    pub target: PinTarget,
    /// Which version of it.
    pub version: Version,
    /// Whether it may come back.
    pub undo: bool,
}

/// Has a version offered nowhere in its namespace, or lets it come back; gives what became of each suite that has taken
/// it. Either every suite may do it, or none does.
///
/// # Errors
/// [`FlowError::Denied`] unless the asker operates every suite that has taken the version; [`FlowError::Conflict`] when
/// no suite that they read has, and as for [`submit`].
pub async fn yank(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    asked: Asked,
    terms: Terms,
) -> Result<Vec<(SuiteName, Outcome)>, FlowError> {
    let of_namespace: Vec<Arc<Desk>> = repository
        .desks()
        .values()
        .filter(|desk| desk.state().spec.namespace == asked.namespace)
        .cloned()
        .collect();
    let (shared, sought) = (Arc::clone(repository), asked.clone());
    let desks = of_namespace.clone();
    let holders = blocking(move || holders(&shared, &desks, &sought)).await?;
    may_yank(admitted, &holders, &asked)?;
    let change = match asked.undo {
        true => Change::UndoYank(asked.target.clone(), asked.version.clone()),
        false => Change::Yank(asked.target.clone(), asked.version.clone()),
    };
    let rehearsal = Terms { dry_run: true, ..terms.clone() };
    let mut told = Vec::new();
    for suite in &holders {
        let outcome =
            submit(repository, admitted, suite, change.clone(), rehearsal.clone()).await?;
        told.push((suite.clone(), outcome));
    }
    if terms.dry_run {
        return Ok(told);
    }
    told.clear();
    for suite in &holders {
        let outcome = submit(repository, admitted, suite, change.clone(), terms.clone()).await?;
        told.push((suite.clone(), outcome));
    }
    // Suites that have not taken it refuse it from now on.
    for desk in of_namespace.iter().filter(|desk| !holders.contains(&desk.suite)) {
        let outcome =
            submit(repository, admitted, &desk.suite, change.clone(), terms.clone()).await;
        if !matches!(outcome, Err(FlowError::Conflict(_))) {
            outcome?;
        }
    }
    Ok(told)
}

/// The suites that have taken the version.
fn holders(
    repository: &Repository,
    desks: &[Arc<Desk>],
    asked: &Asked,
) -> Result<Vec<SuiteName>, FlowError> {
    let sought = sample(asked);
    let mut holders = Vec::new();
    for desk in desks {
        let taken = lookup::taken_of(repository, desk, &asked.target)?;
        if taken.iter().any(|(_, package)| sought.is_of(package)) {
            holders.push(desk.suite.clone());
        }
    }
    Ok(holders)
}

/// A yank of what is asked for, to compare packages with.
fn sample(asked: &Asked) -> Yank {
    Yank {
        target: asked.target.clone(),
        version: asked.version.clone(),
        author: crate::domain::Identity::server(),
        message: String::new(),
        at: crate::time::Moment(0),
    }
}

/// Whether somebody operates all of these suites. Suites that they do not read are as good as absent where they read
/// none of them.
fn may_yank(admitted: &Admitted, holders: &[SuiteName], asked: &Asked) -> Result<(), FlowError> {
    let entitled = admitted.entitled();
    if !holders.iter().any(|suite| entitled.reads(suite)) {
        let (name, version) = (&asked.target.name, &asked.version);
        let problem =
            format!("no suite of namespace {} has taken version {version}", asked.namespace);
        return Err(Conflict::one(name, problem).into());
    }
    let is_whole = |suite: &SuiteName| entitled.reach(suite, Role::Operator).is_whole();
    match holders.iter().all(is_whole) {
        true => Ok(()),
        false => Err(Denied::Yank { identity: entitled.identity().clone() }.into()),
    }
}
