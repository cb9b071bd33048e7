//! Suite: created, edited, removed.

use crate::amount::count;
use crate::catalogue::CatalogueError;
use crate::domain::SuiteEdit;
use crate::domain::suite_edit;
use crate::flow::change::{aliases, names_fit};
use crate::flow::upkeep::writer;
use std::sync::Arc;

use tracing::warn;

use crate::debian::{NameError, SuiteName};
use crate::domain::Change;
use crate::domain::Outcome;
use crate::domain::{Admitted, Conflict, ConflictKind, Event, SuiteSpec};
use crate::domain::{host, release_name};
use crate::flow::audit::entries;
use crate::flow::change::submit::{Terms, submit};
use crate::flow::error::FlowError;
use crate::flow::publish::redate;
use crate::flow::repository::{Repository, no_suite_for};
use crate::flow::suite::desk::Desk;
use crate::flow::threads::blocking;

/// Creates a suite and publishes its first, empty generation.
///
/// # Errors
/// [`FlowError::Invalid`], [`FlowError::Conflict`] when it exists.
pub async fn create(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    spec: SuiteSpec,
) -> Result<Outcome, FlowError> {
    let spec = checked(repository, spec).await?;
    let (shared, new) = (Arc::clone(repository), spec.clone());
    let event = admitted.did("suite-create", repository.now());
    let event = event.within(spec.name.as_str()).with(&entries::described(&spec));
    let recorded = blocking(move || Ok(shared.catalogue.create_suite(&new, &event)?)).await;
    if let Err(problem) = recorded {
        let exists = matches!(&problem, FlowError::Conflict(conflict) if conflict.kind == ConflictKind::Exists);
        if !exists || !is_unfinished(repository, &spec)? {
            return Err(problem);
        }
    }
    writer::open(repository, &spec.name)?;
    let begun = if admitted.why().is_empty() { "suite created" } else { admitted.why() };
    let terms = Terms { message: begun.to_owned(), ..Terms::default() };
    submit(repository, admitted, &spec.name, Change::Begin, terms).await
}

/// Checks that a suite can be created, and gives it as it would be.
///
/// # Errors
/// As [`create`].
pub async fn rehearse(
    repository: &Arc<Repository>,
    spec: SuiteSpec,
) -> Result<SuiteSpec, FlowError> {
    let spec = checked(repository, spec).await?;
    if repository.desk(&spec.name).is_some() && !is_unfinished(repository, &spec)? {
        return Err(CatalogueError::Exists(format!("suite {}", spec.name)).into());
    }
    Ok(spec)
}

/// The suite as it is recorded, once everything but its name is known to be taken.
async fn checked(repository: &Arc<Repository>, spec: SuiteSpec) -> Result<SuiteSpec, FlowError> {
    let spec = named(repository, spec).await?;
    spec.verify()?;
    has_client_package(repository, &spec)?;
    names_fit::lists_fit(repository, &spec)?;
    aliases::is_free(repository, &spec.name)?;
    aliases::may_have(repository, &spec, None)?;
    suite_edit::known(&spec.architectures)?;
    Ok(spec)
}

/// The suite with Origin and Label: those that were given, or those of a removed suite of this
/// name, which hosts know, or the server's name.
async fn named(repository: &Arc<Repository>, spec: SuiteSpec) -> Result<SuiteSpec, FlowError> {
    let (shared, name) = (Arc::clone(repository), spec.name.clone());
    if let Some(departed) = blocking(move || Ok(shared.catalogue.find_departed(&name)?)).await? {
        return Ok(spec.succeed(&departed.spec, departed.has_taken)?);
    }
    let mut spec = spec;
    if let (true, Some(address)) = (spec.origin.is_empty(), repository.address.get()) {
        spec.origin = release_name::usual_origin(&address.server);
    }
    if spec.label.is_empty() {
        spec.label.clone_from(&spec.origin);
    }
    release_name::verify(&spec)?;
    Ok(spec)
}

/// Warns in the log of suites from earlier builds whose Origin or Label hosts read differently from
/// the setting.
pub fn warn_of_names(repository: &Repository) {
    let desks = repository.desks();
    for warning in desks.values().filter_map(|desk| release_name::warning(&desk.state().spec)) {
        warn!("{warning}");
    }
}

/// Whether a suite was recorded with the same settings and has no first generation yet. Creating it
/// again finishes it.
fn is_unfinished(repository: &Arc<Repository>, spec: &SuiteSpec) -> Result<bool, FlowError> {
    let state = writer::open(repository, &spec.name)?.state();
    Ok(state.head.is_none() && state.spec == *spec)
}

/// Edits a live suite. Hosts see it with the next generation, which is made at once. If it takes
/// the alias of another suite, that suite gets a generation of its own afterwards. With `dry_run` it is only
/// checked.
///
/// # Errors
/// [`FlowError::Invalid`], [`FlowError::Missing`], [`FlowError::Conflict`].
pub async fn edit(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    suite: &SuiteName,
    edit: SuiteEdit,
    dry_run: bool,
) -> Result<Outcome, FlowError> {
    repository.desk(suite).ok_or_else(|| no_suite_for(repository, admitted, suite))?;
    let from = edit.alias_from().filter(|from| *from != suite).cloned();
    let change = Change::Edit(Box::new(edit));
    let terms = Terms { dry_run, ..Terms::default() };
    let outcome = submit(repository, admitted, suite, change, terms).await?;
    if let Some(from) = from.filter(|_| !dry_run) {
        give_up_alias(repository, admitted, &from).await;
    }
    Ok(outcome)
}

/// Removes a lost alias from a suite's Release. Hosts that read the suite by its name do not
/// notice, so it may happen late: the next refresh checks it too.
async fn give_up_alias(repository: &Arc<Repository>, admitted: &Admitted, from: &SuiteName) {
    let lost = repository.desk(from).and_then(|desk| lost_alias(repository, &desk));
    let Some((change, message)) = lost else { return };
    let terms = Terms { message, ..Terms::default() };
    if let Err(problem) = submit(repository, admitted, from, change, terms).await {
        warn!(suite = %from, %problem, "its Release still has the alias of before; it is made anew later");
    }
}

/// The change that a suite needs after another suite took its alias, and the reason; `None` when it
/// needs none.
pub(crate) fn lost_alias(repository: &Repository, desk: &Desk) -> Option<(Change, String)> {
    let state = desk.state();
    let alias = state.spec.alias.as_ref()?;
    let holder = repository.holder(alias).filter(|holder| *holder != desk.suite)?;
    let edit = SuiteEdit { alias: Some(Box::default()), ..SuiteEdit::default() };
    Some((Change::Edit(Box::new(edit)), format!("its alias {alias} is that of suite {holder} now")))
}

/// Checks that the suite can have a client package, whose name contains the server's and the
/// suite's.
fn has_client_package(repository: &Repository, spec: &SuiteSpec) -> Result<(), FlowError> {
    let Some(address) = repository.address.get() else { return Ok(()) };
    let named = host::client_package(&address.server, &spec.name);
    let problem = |error: NameError| FlowError::Invalid {
        field: "name",
        problem: format!(
            "hosts get its keys by a package that is called so: {error}; name the suite shorter"
        ),
    };
    named.map(|_| ()).map_err(problem)
}

/// Starts the Dates of a suite anew at the present, where the last one lies ahead of the clock: the asker
/// says that the clock was wrong then and is right now. It is signed again at once.
///
/// # Errors
/// [`FlowError::Missing`]; [`FlowError::Conflict`] when the last Date does not lie ahead.
pub async fn redate(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    suite: &SuiteName,
) -> Result<(), FlowError> {
    let desk = repository.desk(suite).ok_or_else(|| no_suite_for(repository, admitted, suite))?;
    let shared = Arc::clone(repository);
    blocking(move || redate::expect_ahead(&shared, &desk, shared.now())).await?;
    let terms = Terms::default();
    submit(repository, admitted, suite, Change::Redate, terms).await.map(drop)
}

/// Removes a suite that holds no packages; with `expect`, only while that is its last generation.
///
/// # Errors
/// [`FlowError::Conflict`] when it still holds some; [`FlowError::Expectation`];
/// [`FlowError::Missing`].
pub async fn remove(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    suite: &SuiteName,
    expect: Option<u64>,
) -> Result<(), FlowError> {
    let desk = repository.desk(suite).ok_or_else(|| no_suite_for(repository, admitted, suite))?;
    let last = desk.state().last_generation;
    if let Some(expected) = expect.filter(|expected| *expected != last) {
        return Err(FlowError::Expectation { expected, last });
    }
    let held = desk.state().contents.len();
    if held > 0 {
        let problem =
            format!("still holds {}; `repoctl remove` first what is there", count(held, "package"));
        let conflict = Conflict::one(format!("suite {suite}"), problem);
        return Err(conflict.of(ConflictKind::NotEmpty).into());
    }
    let (shared, name) = (Arc::clone(repository), suite.clone());
    let event = admitted.did("suite-remove", repository.now());
    let event = Event { before: Some(desk.state().last_generation), ..event };
    let event = event.within(suite.as_str());
    blocking(move || Ok(shared.catalogue.remove_suite(&name, &event)?)).await?;
    repository.aliases.set(suite, None);
    // Only now, because a suite that could not be removed goes on. Changes that are submitted
    // meanwhile fail.
    desk.close();
    repository.desks.rcu(|desks| {
        let mut desks = (**desks).clone();
        desks.remove(suite);
        desks
    });
    Ok(())
}
