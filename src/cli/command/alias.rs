//! Another alias of a suite: from whom it is taken, which hosts stop, and what is asked before.

use super::Session;
use crate::amount::count;
use crate::api::{Code, IdentityView, SuiteChoice, SuiteEdit, SuiteView};
use crate::cli::consent::Question;
use crate::cli::failure::Failure;
use crate::client::ClientError;
use crate::debian::SuiteName;

/// What lets a host go on that reads a name under which another suite is found.
const CURE: &str = "`apt-get update --allow-releaseinfo-change`";

/// Completes an edit that gives an alias with the suite that it is taken from, and asks why it may be taken, or taken
/// away. A first alias stops no host, and is no question.
///
/// # Errors
/// A [`Failure`] from the server or the network.
pub async fn question(
    session: &mut Session<'_>,
    name: &SuiteName,
    edit: &mut SuiteEdit,
) -> Result<Question, Failure> {
    let Some(alias) = edit.alias.clone() else { return Ok(Question::default()) };
    let suites = session.client.list_suites().await?;
    edit.alias_from = holder(&suites, &alias).filter(|from| from != name);
    let own = suites.iter().find(|suite| suite.name == *name).and_then(|suite| suite.alias.clone());
    let lost = own.filter(|own| own.as_str() != alias);
    if session.said_yes() || (edit.alias_from.is_none() && lost.is_none()) {
        return Ok(Question::default());
    }
    let hosts = session.client.list_hosts().await?;
    let mut question = Question::default();
    if let Some(lost) = lost {
        question.shown += &format!("suite {name} is no longer reached as {lost}\n");
        question.because.extend(ends(name, &lost));
        question.because.push(readers(name, &hosts));
    }
    if let Some(from) = &edit.alias_from {
        question.shown +=
            &format!("{alias} is the alias of suite {name} instead of suite {from}\n");
        question.because.extend(stops(&alias, from, name));
        question.because.push(readers(from, &hosts));
    }
    Ok(question)
}

/// The question where a suite of that very name was removed, which only the server knows.
pub fn of_removed(name: &SuiteName, edit: &mut SuiteEdit, error: &ClientError) -> Option<Question> {
    let alias: SuiteName = edit.alias.as_deref()?.parse().ok()?;
    if edit.alias_from.is_some() || !error.is(Code::AliasInUse) {
        return None;
    }
    let shown = format!("{alias} was the name of a suite that was removed\n");
    let question = Question { shown, because: stops(alias.as_str(), &alias, name).into() };
    edit.alias_from = Some(alias);
    Some(question)
}

/// The suite that has the alias.
pub fn holder(suites: &[SuiteView], alias: &str) -> Option<SuiteName> {
    let has = |suite: &&SuiteView| suite.alias.as_ref().is_some_and(|one| one.as_str() == alias);
    suites.iter().find(has).map(|suite| suite.name.clone())
}

/// What becomes of hosts that read a name under which another suite is found from now on.
pub fn stops(alias: &str, from: &SuiteName, to: &SuiteName) -> [String; 2] {
    // A suite that was removed is not to be gone back to.
    let other = if from.as_str() == alias { "another suite" } else { from.as_str() };
    [
        format!(
            "every host whose source names {alias} stops: apt says \"changed its 'Codename' value from '{from}' to \
             '{to}'\""
        ),
        format!("such a host goes on after {CURE}, or once its source names {other}"),
    ]
}

/// What becomes of hosts that read a suite by an alias that it loses.
pub fn ends(name: &SuiteName, alias: &SuiteName) -> [String; 2] {
    [
        format!("every host whose source names {alias} stops: it is refused with 403"),
        format!(
            "such a host goes on once its source names {name}; when {alias} is another suite, apt says \"changed its \
             'Codename' value from '{name}' to …\" there"
        ),
    ]
}

fn readers(suite: &SuiteName, hosts: &[IdentityView]) -> String {
    let reads = |host: &&IdentityView| match &host.suites {
        SuiteChoice::All => host.role.is_some(),
        SuiteChoice::Named(names) => names.contains(suite),
    };
    let readers = count(hosts.iter().filter(reads).count(), "host");
    format!("{readers} may read suite {suite}, by either name")
}
