//! Holder: the present rights of a name, and what it would lose.

use super::Session;
use crate::api::{IdentityView, SuiteChoice};
use crate::cli::consent::{Question, names};
use crate::cli::failure::Failure;
use crate::cli::render;
use crate::client::Client;
use crate::debian::SuiteName;

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

/// Asks before a grant replaces a wider one: a command that names one suite does not say that the
/// others should go.
pub(super) async fn settle_right(
    session: &mut Session<'_>,
    name: &str,
    host: bool,
    right: &SuiteChoice,
) -> Result<(), Failure> {
    let SuiteChoice::Named(wanted) = right else { return Ok(()) };
    if session.said_yes() {
        return Ok(());
    }
    let Some(found) = find(&session.client, name, host).await? else { return Ok(()) };
    let lost = match &found.suites {
        SuiteChoice::All => vec!["every other suite".to_owned()],
        SuiteChoice::Named(have) => {
            let lost = have.iter().filter(|suite| !wanted.contains(suite));
            lost.map(ToString::to_string).collect()
        }
    };
    let mut question = Question::default();
    if !lost.is_empty() {
        question.shown = render::access::show(&found, &session.sheet());
        let lost = names(&lost);
        question.because = vec![format!("{name} loses its right to {lost}")];
    }
    session.settle(&question).map(drop)
}

pub(super) fn suites_of(
    session: &Session<'_>,
    named: &[SuiteName],
) -> Result<Vec<SuiteName>, Failure> {
    if named.is_empty() { Ok(vec![session.suite(None)?]) } else { Ok(named.to_vec()) }
}
