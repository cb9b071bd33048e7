//! Suite: made, edited, removed.

use std::sync::Arc;

use tracing::warn;

use crate::debian::{Architecture, Component, NameError, Privilege, SuiteName};
use crate::domain::{Admitted, Conflict, ConflictKind, Event, SpecError, SuiteSpec};
use crate::domain::{host, release_name};
use crate::flow::apply::Wish;
use crate::flow::change::{Terms, change};
use crate::flow::turn::Turned;
use crate::flow::{FlowError, Repository, audit, blocking, desk, no_suite};

/// Makes a suite and publishes its first, empty generation.
///
/// # Errors
/// [`FlowError::Invalid`], [`FlowError::Conflict`] when it exists.
pub async fn create(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    spec: SuiteSpec,
) -> Result<Turned, FlowError> {
    let spec = named(repository, spec).await?;
    verify(&spec)?;
    has_client_package(repository, &spec)?;
    lists_fit(repository, &spec)?;
    known(&spec.architectures)?;
    let (shared, new) = (Arc::clone(repository), spec.clone());
    let event = admitted.did("suite-create", repository.now());
    let event = event.within(spec.name.as_str()).with(&audit::described(&spec));
    let recorded = blocking(move || Ok(shared.catalogue.create_suite(&new, &event)?)).await;
    if let Err(problem) = recorded {
        let exists = matches!(problem, FlowError::Conflict(_));
        if !exists || !is_unfinished(repository, &spec)? {
            return Err(problem);
        }
    }
    desk::open(repository, &spec.name)?;
    let begun = if admitted.why().is_empty() { "suite created" } else { admitted.why() };
    let terms = Terms { message: begun.to_owned(), ..Terms::default() };
    change(repository, admitted, &spec.name, Wish::Begin, terms).await
}

/// The suite with Origin and Label: as they are said, as hosts know them of a removed suite of this name, or
/// the server's name.
async fn named(repository: &Arc<Repository>, spec: SuiteSpec) -> Result<SuiteSpec, FlowError> {
    let (shared, name) = (Arc::clone(repository), spec.name.clone());
    if let Some(departed) = blocking(move || Ok(shared.catalogue.find_departed(&name)?)).await? {
        return spec.succeed(&departed).map_err(invalid);
    }
    let mut spec = spec;
    if let (true, Some(address)) = (spec.origin.is_empty(), repository.address.get()) {
        spec.origin = release_name::usual_origin(&address.server);
    }
    if spec.label.is_empty() {
        spec.label.clone_from(&spec.origin);
    }
    release_name::verify(&spec).map_err(invalid)?;
    Ok(spec)
}

/// Tells the operator of suites of before whose Origin or Label hosts read otherwise than it stands there.
pub fn warn_of_names(repository: &Repository) {
    let desks = repository.desks();
    for warning in desks.values().filter_map(|desk| release_name::warning(&desk.state().spec)) {
        warn!("{warning}");
    }
}

/// Whether a suite was recorded in the same words, and stopped before its first generation: asking for
/// it once more finishes it.
fn is_unfinished(repository: &Arc<Repository>, spec: &SuiteSpec) -> Result<bool, FlowError> {
    let state = desk::open(repository, &spec.name)?.state();
    Ok(state.head.is_none() && state.spec == *spec)
}

/// What is changed of a suite. Origin, Label, name and NotAutomatic cannot be: apt asks a person on
/// every host.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Edit {
    /// A new Description.
    pub description: Option<String>,
    /// A new validity of signatures. Unit: seconds.
    pub valid_seconds: Option<i64>,
    /// Patterns of the package names it owns, in place of those it had.
    pub owns: Option<Vec<String>>,
    /// What its packages may do to all of its hosts, in place of what they might before.
    pub allows: Option<Vec<Privilege>>,
    /// Components to add.
    pub add_components: Vec<Component>,
    /// Architectures to add.
    pub add_architectures: Vec<Architecture>,
    /// Architectures to take away.
    pub remove_architectures: Vec<Architecture>,
    /// Whether their packages go with them.
    pub with_packages: bool,
    /// Refused unless it is so already.
    pub not_automatic: Option<bool>,
    /// Refused unless it is so already.
    pub but_automatic_upgrades: Option<bool>,
    /// Where `apt changelog` looks; empty for nowhere.
    pub changelogs: Option<String>,
    /// Where apt finds an earlier state; empty for nowhere.
    pub snapshots: Option<String>,
    /// Whether `Contents-ARCH` is made.
    pub contents: Option<bool>,
    /// Whether patches from earlier indices are made.
    pub pdiffs: Option<bool>,
    /// Whether long descriptions stand in a `Translation-en`.
    pub translations: Option<bool>,
}

impl Edit {
    /// Whether it adds what hosts name files by.
    pub(crate) fn adds(&self) -> bool {
        !self.add_components.is_empty() || !self.add_architectures.is_empty()
    }

    /// A suite as it is after the edit.
    ///
    /// # Errors
    /// [`FlowError::Invalid`] naming the field.
    pub(crate) fn apply(&self, earlier: &SuiteSpec) -> Result<SuiteSpec, FlowError> {
        let mut spec = earlier.clone();
        if let Some(description) = &self.description {
            spec.description.clone_from(description);
        }
        if let Some(valid_seconds) = self.valid_seconds {
            spec.valid_seconds = valid_seconds;
        }
        if let Some(owns) = &self.owns {
            spec.owns.clone_from(owns);
        }
        if let Some(allows) = &self.allows {
            spec.allows.clone_from(allows);
        }
        let components = self.add_components.iter().filter(|one| !spec.components.contains(one));
        let components: Vec<_> = components.cloned().collect();
        spec.components.extend(components);
        known(&self.add_architectures)?;
        self.take_away(&mut spec)?;
        let new = self.add_architectures.iter().filter(|one| !spec.architectures.contains(one));
        let new: Vec<_> = new.cloned().collect();
        spec.architectures.extend(new);
        self.apply_kind(&mut spec);
        verify(&spec)?;
        spec.follows(earlier).map_err(invalid)?;
        Ok(spec)
    }

    fn take_away(&self, spec: &mut SuiteSpec) -> Result<(), FlowError> {
        for gone in &self.remove_architectures {
            let (field, suite) = ("architectures", &spec.name);
            if self.add_architectures.contains(gone) {
                let problem = format!("{gone} is added and removed; say one of both");
                return Err(FlowError::Invalid { field, problem });
            }
            if !spec.architectures.contains(gone) {
                let problem = format!("suite {suite} does not list {gone}");
                return Err(FlowError::Invalid { field, problem });
            }
            spec.architectures.retain(|one| one != gone);
        }
        Ok(())
    }

    fn apply_kind(&self, spec: &mut SuiteSpec) {
        for (slot, flag) in [
            (&mut spec.not_automatic, self.not_automatic),
            (&mut spec.but_automatic_upgrades, self.but_automatic_upgrades),
            (&mut spec.contents, self.contents),
            (&mut spec.pdiffs, self.pdiffs),
            (&mut spec.translations, self.translations),
        ] {
            *slot = flag.unwrap_or(*slot);
        }
        for (slot, url) in
            [(&mut spec.changelogs, &self.changelogs), (&mut spec.snapshots, &self.snapshots)]
        {
            if let Some(url) = url {
                *slot = Some(url.clone()).filter(|url| !url.is_empty());
            }
        }
    }
}

/// Edits a live suite; hosts see it with the next generation, which is made at once.
///
/// # Errors
/// [`FlowError::Invalid`], [`FlowError::Missing`].
pub async fn edit(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    suite: &SuiteName,
    edit: Edit,
) -> Result<Turned, FlowError> {
    change(repository, admitted, suite, Wish::Edit(edit), Terms::default()).await
}

/// Whether dpkg knows them: hosts would pass over any other, and see none of its packages.
fn known(architectures: &[Architecture]) -> Result<(), FlowError> {
    let Some(other) = architectures.iter().find(|one| !one.is_known()) else { return Ok(()) };
    let problem = format!("dpkg knows no architecture {other}: {}", other.advice());
    Err(FlowError::Invalid { field: "architectures", problem })
}

fn verify(spec: &SuiteSpec) -> Result<(), FlowError> {
    spec.verify().map_err(invalid)
}

fn invalid(error: SpecError) -> FlowError {
    FlowError::Invalid { field: error.field, problem: error.problem }
}

/// Whether hosts could get the suite's keys by a package: its name holds the server's and the suite's.
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

/// The longest name of a file. Unit: bytes. Source: limits.h, `NAME_MAX`.
const LONGEST_NAME_BYTES: usize = 255;

/// Whether hosts can store its lists: apt names them by server, suite, component and architecture.
pub(crate) fn lists_fit(repository: &Repository, spec: &SuiteSpec) -> Result<(), FlowError> {
    let Some(address) = repository.address.get() else { return Ok(()) };
    let bytes = host::longest_list_name(&address.public_url, spec);
    if bytes <= LONGEST_NAME_BYTES {
        return Ok(());
    }
    let problem = format!(
        "apt names its lists by server, suite, component and architecture, and would need {bytes} bytes of the \
         {LONGEST_NAME_BYTES} that a file's name may have; use shorter names"
    );
    Err(FlowError::Invalid { field: "name", problem })
}

/// Removes a suite that holds no packages; with `expect`, only while that is its last generation.
///
/// # Errors
/// [`FlowError::Conflict`] when it still holds some; [`FlowError::Expectation`]; [`FlowError::Missing`].
pub async fn remove(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    suite: &SuiteName,
    expect: Option<u64>,
) -> Result<(), FlowError> {
    let desk = repository.desk(suite).ok_or_else(|| no_suite(suite))?;
    let last = desk.state().last_generation;
    if let Some(expected) = expect.filter(|expected| *expected != last) {
        return Err(FlowError::Expectation { expected, last });
    }
    let held = desk.state().contents.len();
    if held > 0 {
        let problem = format!("still holds {held} packages; `repoctl remove` them first");
        let conflict = Conflict::one(format!("suite {suite}"), problem);
        return Err(conflict.of(ConflictKind::NotEmpty).into());
    }
    let (shared, name) = (Arc::clone(repository), suite.clone());
    let event = admitted.did("suite-remove", repository.now());
    let event = Event { before: Some(desk.state().last_generation), ..event };
    let event = event.within(suite.as_str());
    blocking(move || Ok(shared.catalogue.remove_suite(&name, &event)?)).await?;
    // Only now: a suite that could not be removed goes on. What was asked meanwhile fails.
    desk.close();
    repository.desks.rcu(|desks| {
        let mut desks = (**desks).clone();
        desks.remove(suite);
        desks
    });
    Ok(())
}
