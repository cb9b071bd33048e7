//! `repoctl list`, `search` and `show`.

use super::Session;
use crate::api::{PackagesQuery, SearchQuery, SuitePlacement};
use crate::cli::args::{ListArgs, SearchArgs, ShowArgs};
use crate::cli::failure::Failure;
use crate::cli::render;
use crate::cli::text::shell_word;
use crate::debian::{PackageName, SuiteName, Version};

/// Lists the packages of a suite.
///
/// # Errors
/// A [`Failure`] from the server or the network.
pub async fn list(session: &mut Session<'_>, args: &ListArgs) -> Result<(), Failure> {
    let (suite, now) = (session.suite(args.of.suite.as_ref())?, session.now());
    let query = PackagesQuery { source: args.source.clone(), all: args.all };
    let packages = session.client.list_packages(&suite, &query).await?;
    session.show(&packages, || render::package::list(&packages, now));
    if packages.is_empty() && !session.json {
        let every = PackagesQuery { all: true, ..query };
        let older = !args.all && !session.client.list_packages(&suite, &every).await?.is_empty();
        session.around.complain(&nothing_in(&suite, args.source.as_ref(), older));
    }
    Ok(())
}

fn nothing_in(suite: &SuiteName, source: Option<&PackageName>, older: bool) -> String {
    let name = shell_word(suite.as_str());
    match source {
        Some(source) if older => format!(
            "{suite} offers nothing built from source \"{source}\" now: \
             repoctl list --suite {name} --all {source}\n"
        ),
        Some(source) => format!("{suite} has nothing built from source \"{source}\"\n"),
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
    let query = SearchQuery { pattern: args.pattern.clone(), limit: args.limit };
    let found = session.client.search(&query).await?;
    session.show(&found, || render::package::search(&found));
    session.say_if_empty(&found, "no package of such a name in any suite that you may read");
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
        let message = format!("no package {} in any suite that you may read", args.package);
        return Err(
            Failure::refused(message).with_hint("repoctl search 'NAME*' finds similar ones")
        );
    }
    let now = session.now();
    session.show(&found, || render::package::show(&found, now));
    Ok(())
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
