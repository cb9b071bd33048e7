//! Aliases: whether a suite can have a name as its alias.

use crate::debian::SuiteName;
use crate::domain::{Conflict, ConflictKind, SuiteSpec};
use crate::flow::change::names_fit;
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;

/// Checks that the suite can have the alias of this description. If hosts that read the alias would
/// stop, `from` has to name the suite that has the alias now, or the alias itself if that was the
/// name of a removed suite. The catalogue checks this again when it records the alias.
///
/// # Errors
/// [`FlowError::Conflict`] with the reason; [`FlowError::Invalid`] for one that is too long for
/// hosts.
pub(crate) fn may_have(
    repository: &Repository,
    spec: &SuiteSpec,
    from: Option<&SuiteName>,
) -> Result<(), FlowError> {
    let Some(alias) = &spec.alias else { return Ok(()) };
    if repository.desk(alias).is_some() {
        let problem = "is the name of a suite, and an alias is never also that; choose another";
        return Err(Conflict::one(alias, problem).of(ConflictKind::Exists).into());
    }
    let holder = repository.holder(alias);
    if holder.as_ref() == Some(&spec.name) {
        return Ok(());
    }
    names_fit::lists_fit(repository, &SuiteSpec { name: alias.clone(), ..spec.clone() })?;
    if holder.as_ref().is_some_and(|holder| from != Some(holder)) {
        return Err(in_use(alias, &format!("is the alias of suite {}", shown(&holder))));
    }
    let departed = from != Some(alias) && repository.catalogue.find_departed(alias)?.is_some();
    match departed && holder.is_none() {
        true => Err(in_use(alias, "was the name of a suite that was removed")),
        false => Ok(()),
    }
}

fn shown(name: &Option<SuiteName>) -> &str {
    name.as_ref().map_or("", SuiteName::as_str)
}

fn in_use(alias: &SuiteName, what: &str) -> FlowError {
    let problem = format!(
        "{what}, and hosts that read it would stop with \"changed its 'Codename' value\"; `repoctl suite edit` asks \
         whether they shall"
    );
    Conflict::one(alias, problem).of(ConflictKind::AliasInUse).into()
}

/// Checks that the name of a new suite is not an alias.
///
/// # Errors
/// [`FlowError::Conflict`].
pub(crate) fn is_free(repository: &Repository, name: &SuiteName) -> Result<(), FlowError> {
    let Some(holder) = repository.holder(name) else { return Ok(()) };
    let problem = format!(
        "is the alias of suite {holder}, and never also the name of a suite; choose another"
    );
    Err(Conflict::one(name, problem).of(ConflictKind::Exists).into())
}
