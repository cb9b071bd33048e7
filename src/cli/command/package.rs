//! `repoctl list`, `search` and `show`.

use std::collections::BTreeSet;

use super::Session;
use crate::api::{PackagesQuery, SearchQuery, SuitePlacement};
use crate::cli::args::{ListArgs, SearchArgs, ShowArgs};
use crate::cli::failure::Failure;
use crate::cli::render;
use crate::cli::text::shell_word;
use crate::client::Client;
use crate::debian::{PackageName, SuiteName, Version};
use crate::nearest::or_nearest;

/// Lists the packages of a suite.
///
/// # Errors
/// A [`Failure`] from the server or the network.
pub async fn list(session: &mut Session<'_>, args: &ListArgs) -> Result<(), Failure> {
    let suite = session.suite(args.of.suite.as_ref())?;
    let query = PackagesQuery { package: args.package.clone(), all: args.all, source: None };
    let packages = session.client.list_packages(&suite, &query).await?;
    session.show(&packages, |sheet| render::package::list(&packages, sheet));
    if packages.is_empty() && !session.json {
        let every = PackagesQuery { all: true, ..query };
        let older = !args.all && !session.client.list_packages(&suite, &every).await?.is_empty();
        let near = match &args.package {
            Some(package) if !older => near(&session.client, package.as_str()).await,
            _ => String::new(),
        };
        session.around.complain(&nothing_in(&suite, args.package.as_ref(), older, &near));
    }
    Ok(())
}

fn nothing_in(suite: &SuiteName, package: Option<&PackageName>, older: bool, near: &str) -> String {
    let name = shell_word(suite.as_str());
    match package {
        Some(package) if older => format!(
            "{suite} offers no version of {package} now: \
             repoctl list --suite {name} --all {package}\n"
        ),
        Some(package) => {
            format!(
                "{suite} has no package {package}, and nothing of a source of this name{near}\n"
            )
        }
        None if older => {
            format!("{suite} offers no packages now: repoctl list --suite {name} --all\n")
        }
        None => {
            format!("{suite} holds no packages yet: repoctl upload --suite {name} FILE.deb\n")
        }
    }
}

/// Finds packages by name.
///
/// # Errors
/// A [`Failure`] from the server or the network.
pub async fn search(session: &mut Session<'_>, args: &SearchArgs) -> Result<(), Failure> {
    let pattern = match args.pattern.contains('*') {
        true => args.pattern.clone(),
        false => format!("*{}*", args.pattern),
    };
    let query = SearchQuery { pattern, limit: args.limit };
    let found = session.client.search(&query).await?;
    session.show(&found, |sheet| render::package::search(&found, sheet));
    if found.is_empty() {
        let near = near(&session.client, args.pattern.trim_matches('*')).await;
        let text = format!("no package of such a name in any suite that you may read{near}");
        session.say_if_empty(&found, &text);
    }
    Ok(())
}

/// Shows where the versions of a package are, the highest first.
///
/// # Errors
/// A [`Failure`] from the server or the network, and when there is no such package.
pub async fn show(session: &mut Session<'_>, args: &ShowArgs) -> Result<(), Failure> {
    let (name, version) = parse_target(&args.package)?;
    let query = SearchQuery { pattern: name.to_string(), limit: None };
    let mut found: Vec<SuitePlacement> = session.client.search(&query).await?;
    found.retain(|one| version.as_ref().is_none_or(|wanted| one.placement.version == *wanted));
    found.sort_by(|a, b| {
        let by_version = b.placement.version.compare(&a.placement.version);
        by_version.then_with(|| a.suite.cmp(&b.suite))
    });
    if found.is_empty() {
        return Err(absent(&session.client, &name, version.as_ref()).await);
    }
    let now = session.now();
    session.show(&found, |_| render::package::show(&found, now));
    Ok(())
}

/// Why there is nothing to show: the version, or the name, which may be that of a source.
async fn absent(client: &Client, name: &PackageName, version: Option<&Version>) -> Failure {
    let shown = shell_word(name.as_str());
    let query = SearchQuery { pattern: name.to_string(), limit: Some(1) };
    if let (Some(version), Ok(1..)) = (version, client.search(&query).await.map(|it| it.len())) {
        let message = format!("no suite that you may read has version {version} of {name}");
        return Failure::refused(message).with_hint(format!("repoctl show {shown} has them all"));
    }
    let near = near(client, name.as_str()).await;
    let message = format!("no package {name} in any suite that you may read{near}");
    Failure::refused(message).with_hint(format!(
        "`repoctl search PART` finds names; `repoctl list {shown}` what a source builds"
    ))
}

/// The end of a sentence that says that a package is not there: `; did you mean NAME?`, or that another suite has
/// it; empty where none is near, or the server does not say.
pub(super) async fn near(client: &Client, name: &str) -> String {
    let known = alike(client, name).await;
    match known.contains(name) {
        true => format!("; another suite has it: repoctl show {}", shell_word(name)),
        false => or_nearest(name, known.iter().map(String::as_str), ""),
    }
}

/// `; did you mean NAME?` where no suite that may be read has a package of this name.
pub(super) async fn mistyped(client: &Client, name: &str) -> String {
    let known = alike(client, name).await;
    match known.contains(name) {
        true => String::new(),
        false => or_nearest(name, known.iter().map(String::as_str), ""),
    }
}

/// The packages that may be read whose names begin or end as this one does.
async fn alike(client: &Client, name: &str) -> BTreeSet<String> {
    let middle = name.char_indices().nth(name.chars().count() / 2).map_or(0, |(at, _)| at);
    let (first, last) = name.split_at(middle);
    let mut known = BTreeSet::new();
    for pattern in [format!("{first}*"), format!("*{last}")] {
        let found = client.search(&SearchQuery { pattern, limit: None }).await.unwrap_or_default();
        known.extend(found.into_iter().map(|one| one.placement.package.to_string()));
    }
    known
}

/// Reads `PACKAGE` or `PACKAGE=VERSION`.
///
/// # Errors
/// A usage [`Failure`] that says which half is wrong.
pub fn parse_target(text: &str) -> Result<(PackageName, Option<Version>), Failure> {
    let (name, version) = match text.split_once('=') {
        Some((name, version)) => (name, Some(version)),
        None => (text, None),
    };
    let name = PackageName::parse(name).map_err(|error| Failure::usage(error.to_string()))?;
    let version = version.map(Version::parse).transpose();
    Ok((name, version.map_err(|error| Failure::usage(error.to_string()))?))
}
