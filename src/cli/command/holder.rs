//! Holder: the present rights of a name, and what it would lose.

use std::collections::BTreeSet;

use super::Session;
use crate::api::{IdentityView, SuiteChoice};
use crate::cli::args::LimitArgs;
use crate::cli::consent::{Question, names};
use crate::cli::failure::Failure;
use crate::cli::render;
use crate::client::Client;
use crate::debian::{Component, SuiteName};

/// A host or an identity by its name.
pub(super) async fn find(
    client: &Client,
    name: &str,
    host: bool,
) -> Result<Option<IdentityView>, Failure> {
    let all = match host {
        true => client.list_hosts().await?,
        false => client.list_identities().await?,
    };
    Ok(all.into_iter().find(|one| one.identity == name))
}

/// Asks before a grant replaces a wider one, or one with other limits: a command that names one suite
/// does not say that the others should go, and one that names no limit not that it should end.
pub(super) async fn settle_right(
    session: &mut Session<'_>,
    name: &str,
    host: bool,
    right: &SuiteChoice,
    limits: &LimitArgs,
) -> Result<(), Failure> {
    if session.said_yes() {
        return Ok(());
    }
    let Some(found) = find(&session.client, name, host).await? else { return Ok(()) };
    let lost = match (right, &found.suites) {
        (SuiteChoice::All, _) => Vec::new(),
        (SuiteChoice::Named(_), SuiteChoice::All) => vec!["every other suite".to_owned()],
        (SuiteChoice::Named(wanted), SuiteChoice::Named(have)) => {
            let lost = have.iter().filter(|suite| !wanted.contains(suite));
            lost.map(ToString::to_string).collect()
        }
    };
    let mut question = Question::default();
    if !lost.is_empty() {
        let lost = names(&lost);
        question.because.push(format!("{name} loses its right to {lost}"));
    }
    question.because.extend(other_limits(&found, limits));
    if !question.because.is_empty() {
        question.shown = render::access::show(&found, &session.sheet());
    }
    session.settle(&question).map(drop)
}

/// What is said where the limits of a right become others.
fn other_limits(found: &IdentityView, limits: &LimitArgs) -> Option<String> {
    found.role?;
    let set = |texts: &[String]| texts.iter().cloned().collect::<BTreeSet<_>>();
    let components = |all: &[Component]| all.iter().cloned().collect::<BTreeSet<_>>();
    if set(&found.packages) == set(&limits.package)
        && components(&found.components) == components(&limits.component)
    {
        return None;
    }
    let words = |components: &[Component], packages: &[String]| {
        Some(render::rights::limits(components, packages))
            .filter(|limits| !limits.is_empty())
            .unwrap_or_else(|| "everything".into())
    };
    let have = words(&found.components, &found.packages);
    let wanted = words(&limits.component, &limits.package);
    Some(format!("the right of {} is for {have}, and would be for {wanted}", found.identity))
}

pub(super) fn suites_of(
    session: &Session<'_>,
    named: &[SuiteName],
) -> Result<Vec<SuiteName>, Failure> {
    if named.is_empty() { Ok(vec![session.suite(None)?]) } else { Ok(named.to_vec()) }
}
