//! Names: what the server has, by its kind.

use std::collections::BTreeSet;

use crate::api::{GenerationsQuery, SearchQuery};
use crate::client::{Client, ClientError};
use crate::debian::SuiteName;

/// How many are asked for: more than that nobody reads.
const MOST: u32 = 300;

/// What an argument names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Names {
    /// Suites, and their aliases.
    Suites,
    /// Packages of the suite, or of all of them.
    Packages,
    /// The same; behind a `=` the versions of one.
    Versions,
    /// What is pinned in the suite.
    Pinned,
    /// Generations of the suite, the newest ones.
    Generations,
    /// The same of the suite that `--to` names.
    GenerationsOfTo,
    /// Signing keys.
    Keys,
    /// Groups.
    Groups,
    /// Hosts.
    Hosts,
    /// Build jobs and people.
    People,
    /// Hosts, build jobs and people.
    Identities,
    /// The same, and groups with `@`.
    IdentitiesAndGroups,
}

impl Names {
    /// Those that begin with `word`, in order.
    ///
    /// # Errors
    /// [`ClientError`] when the server does not answer, or refuses.
    pub(super) async fn list(
        self,
        client: &Client,
        suite: Option<&SuiteName>,
        word: &str,
    ) -> Result<Vec<String>, ClientError> {
        let all = match self {
            Self::Suites => suites(client).await?,
            Self::Packages => packages(client, suite, word).await?,
            Self::Versions => match word.split_once('=') {
                Some((package, _)) => versions(client, suite, package).await?,
                None => packages(client, suite, word).await?,
            },
            Self::Pinned => pinned(client, suite).await?,
            Self::Generations | Self::GenerationsOfTo => {
                return generations(client, suite, word).await;
            }
            Self::Keys => {
                client.list_keys().await?.into_iter().map(|key| key.fingerprint).collect()
            }
            Self::Groups => groups(client, "").await?,
            Self::Hosts => identities(client, true, false).await?,
            Self::People => identities(client, false, true).await?,
            Self::Identities => identities(client, true, true).await?,
            Self::IdentitiesAndGroups if word.starts_with('@') => groups(client, "@").await?,
            Self::IdentitiesAndGroups => identities(client, true, true).await?,
        };
        Ok(beginning(word, all))
    }
}

fn beginning(word: &str, all: Vec<String>) -> Vec<String> {
    let all: BTreeSet<_> = all.into_iter().filter(|name| name.starts_with(word)).collect();
    all.into_iter().collect()
}

async fn suites(client: &Client) -> Result<Vec<String>, ClientError> {
    let suites = client.list_suites().await?.into_iter();
    Ok(suites
        .flat_map(|suite| [Some(suite.name), suite.alias])
        .flatten()
        .map(|name| name.to_string())
        .collect())
}

/// Sources and binaries: which of them an argument means, `--binary` says.
async fn packages(
    client: &Client,
    suite: Option<&SuiteName>,
    word: &str,
) -> Result<Vec<String>, ClientError> {
    let query = SearchQuery { pattern: format!("{word}*"), limit: Some(MOST) };
    let found = client.search(&query).await?.into_iter();
    let found = found.filter(|one| suite.is_none_or(|suite| one.suite == *suite));
    let names = found.flat_map(|one| [one.placement.package, one.placement.source]);
    Ok(names.map(|name| name.to_string()).collect())
}

async fn versions(
    client: &Client,
    suite: Option<&SuiteName>,
    package: &str,
) -> Result<Vec<String>, ClientError> {
    let query = SearchQuery { pattern: package.to_owned(), limit: Some(MOST) };
    let found = client.search(&query).await?.into_iter();
    let found = found.filter(|one| suite.is_none_or(|suite| one.suite == *suite));
    Ok(found.map(|one| format!("{package}={}", one.placement.version)).collect())
}

async fn pinned(client: &Client, suite: Option<&SuiteName>) -> Result<Vec<String>, ClientError> {
    let pins = client.list_pins(suite).await?.into_iter();
    Ok(pins.map(|pin| pin.package.to_string()).collect())
}

/// In the order of the server: the newest first.
async fn generations(
    client: &Client,
    suite: Option<&SuiteName>,
    word: &str,
) -> Result<Vec<String>, ClientError> {
    let Some(suite) = suite else { return Ok(Vec::new()) };
    let query = GenerationsQuery { limit: Some(MOST), ..GenerationsQuery::default() };
    let all = client.list_generations(suite, &query).await?.into_iter();
    let all = all.map(|one| one.generation.to_string());
    Ok(all.filter(|number| number.starts_with(word)).collect())
}

async fn groups(client: &Client, before: &str) -> Result<Vec<String>, ClientError> {
    let groups = client.list_access().await?.groups.into_iter();
    Ok(groups.map(|group| format!("{before}{}", group.name)).collect())
}

async fn identities(
    client: &Client,
    hosts: bool,
    people: bool,
) -> Result<Vec<String>, ClientError> {
    let mut all = Vec::new();
    if hosts {
        all.extend(client.list_hosts().await?);
    }
    if people {
        all.extend(client.list_identities().await?);
    }
    Ok(all.into_iter().map(|one| one.identity).collect())
}
