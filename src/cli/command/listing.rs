//! Listing: hosts and identities, and what is said of a name that is none.

use serde::Serialize;

use super::Session;
use crate::api::{Code, HealthView, IdentityView, ReportView, Role, SuiteChoice};
use crate::cli::args::HostListArgs;
use crate::cli::failure::Failure;
use crate::cli::render;
use crate::cli::text::{count, shell_word};
use crate::client::Client;
use crate::debian::SuiteName;
use crate::nearest::nearest;

/// Lists hosts.
///
/// # Errors
/// A [`Failure`] from the server or the network, and for a suite that no host reads.
pub(super) async fn hosts(session: &mut Session<'_>, args: &HostListArgs) -> Result<(), Failure> {
    let mut hosts = session.client.list_hosts().await?;
    if let Some(suite) =
        args.suite.as_ref().filter(|suite| !hosts.iter().any(|host| names(host, suite)))
    {
        // Nobody reads it by its name, or there is no such suite: then this says so.
        session.client.view_suite(suite).await?;
    }
    if hosts.is_empty() {
        session.show(&hosts, |_| String::new());
        session.say_if_empty(&hosts, "no hosts yet: repoctl host issue NAME --suite SUITE");
        return Ok(());
    }
    if let Some(suite) = &args.suite {
        hosts.retain(|host| reads(host, suite));
    }
    let hidden = hide(&mut hosts, args.all);
    hosts.retain(|host| !args.behind || is_behind(host, args.suite.as_ref()));
    session.show(&hosts, |sheet| render::access::hosts(&hosts, args.suite.as_ref(), sheet));
    let nobody = match (&args.suite, args.behind) {
        (Some(suite), true) => format!("no host is behind in {suite}"),
        (None, true) => "no host is behind".into(),
        (Some(suite), false) => format!("no host reads {suite}"),
        (None, false) => "no host holds a right".into(),
    };
    session.say_if_empty(&hosts, &nobody);
    say_hidden(session, hidden);
    Ok(())
}

/// Lists identities that are no hosts.
///
/// # Errors
/// A [`Failure`] from the server or the network.
pub(super) async fn identities(session: &mut Session<'_>, all: bool) -> Result<(), Failure> {
    let mut identities = session.client.list_identities().await?;
    let hidden = hide(&mut identities, all);
    session.show(&identities, |sheet| render::access::list(&identities, sheet));
    session.say_if_empty(&identities, "no identities yet: repoctl identity issue NAME");
    say_hidden(session, hidden);
    Ok(())
}

/// A host with its last report.
#[derive(Serialize)]
struct Shown<'s> {
    #[serde(flatten)]
    host: &'s IdentityView,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'s ReportView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<&'s HealthView>,
}

/// Shows one host.
///
/// # Errors
/// A [`Failure`] from the server or the network, and when there is no such host.
pub(super) async fn host(session: &mut Session<'_>, name: &str) -> Result<(), Failure> {
    let hosts = session.client.list_hosts().await?;
    let Some(host) = hosts.iter().find(|host| host.identity == name) else {
        return Err(unknown(&session.client, &hosts, name, true).await);
    };
    // A server before reports has none of any host.
    let report = match session.client.host_report(name).await {
        Ok(report) => Some(report),
        Err(error) if error.is(Code::Missing) => None,
        Err(error) => return Err(error.into()),
    };
    let health = match session.client.host_health(name).await {
        Ok(health) => Some(health),
        Err(error) if error.is(Code::Missing) => None,
        Err(error) => return Err(error.into()),
    };
    let value = Shown { host, report: report.as_ref(), health: health.as_ref() };
    session.show(&value, |sheet| {
        let said = report.as_ref().map(|report| render::fleet::report(report, sheet));
        let said =
            said.unwrap_or_else(|| "\n  it has sent no report of what it has installed\n".into());
        let checks = health.as_ref().map(|health| render::health::host(health, sheet));
        render::access::show(host, sheet) + &said + &checks.unwrap_or_default()
    });
    Ok(())
}

/// The host or identity that is to be revoked.
///
/// # Errors
/// A [`Failure`] from the server or the network, and when there is none, or nothing of it to revoke.
pub(super) async fn find(client: &Client, name: &str, host: bool) -> Result<IdentityView, Failure> {
    let all = known(client, host).await?;
    match all.iter().find(|one| one.identity == name) {
        Some(found) if is_token_alone(found) => Err(token_alone(name)),
        Some(found) => Ok(found.clone()),
        None => Err(unknown(client, &all, name, host).await),
    }
}

/// Why the server knows nothing of it that could be revoked, when that can be told.
pub(super) async fn absent(client: &Client, name: &str, host: bool) -> Option<Failure> {
    let all = known(client, host).await.ok()?;
    match all.iter().find(|one| one.identity == name) {
        Some(found) => is_token_alone(found).then(|| token_alone(name)),
        None => Some(unknown(client, &all, name, host).await),
    }
}

async fn known(client: &Client, host: bool) -> Result<Vec<IdentityView>, Failure> {
    Ok(match host {
        true => client.list_hosts().await?,
        false => client.list_identities().await?,
    })
}

fn token_alone(name: &str) -> Failure {
    let text = format!("{name} has no certificate yet, only a token; nothing was revoked");
    let name = shell_word(name);
    Failure::refused(text)
        .with_hint(format!("the token ends with `repoctl host token {name} --revoke`"))
}

/// Who operates some suites is not shown every host, so that nothing is said of those that it is not shown.
async fn unknown(client: &Client, all: &[IdentityView], name: &str, host: bool) -> Failure {
    let near = near(all, name).map_or(String::new(), |near| format!("; did you mean {near}?"));
    let sees_all = !host || client.whoami().await.is_ok_and(|who| who.role == Role::Admin);
    let (text, hint) = match (host, sees_all) {
        (true, true) => (
            format!("there is no host {name}{near}"),
            "`repoctl host list --all` shows the hosts, `repoctl identity list` the others",
        ),
        (true, false) => (
            format!("{name} is not among the hosts that you manage{near}"),
            "it may be there all the same: an admin manages hosts that read other suites as well, or were granted \
             more than to read",
        ),
        (false, _) => (
            format!("there is no identity {name}{near}"),
            "`repoctl identity list --all` shows them, `repoctl host list` the hosts",
        ),
    };
    Failure::refused(text).with_hint(hint)
}

/// The name that is meant. Names of one domain have most of their letters in common, so the first parts are
/// compared, and a first part alone stands for its name.
fn near<'i>(all: &'i [IdentityView], name: &str) -> Option<&'i str> {
    let parted = |name: &'_ str| -> (String, String) {
        let (first, domain) = name.split_once('.').unwrap_or((name, ""));
        (first.to_owned(), domain.to_owned())
    };
    let (first, domain) = parted(name);
    let alike = all.iter().map(|one| (parted(&one.identity), one.identity.as_str()));
    let alike: Vec<_> = alike.filter(|((_, of), _)| domain.is_empty() || *of == domain).collect();
    let near = nearest(&first, alike.iter().map(|((first, _), _)| first.as_str()))?;
    alike.iter().find(|((first, _), _)| first == near).map(|(_, name)| *name)
}

fn reads(host: &IdentityView, suite: &SuiteName) -> bool {
    match &host.suites {
        SuiteChoice::All => true,
        SuiteChoice::Named(suites) => suites.contains(suite),
    }
}

/// Whether what is known of the host has this suite by its name, so that there is one.
fn names(host: &IdentityView, suite: &SuiteName) -> bool {
    let named = matches!(&host.suites, SuiteChoice::Named(suites) if suites.contains(suite));
    let live = host.sightings.iter().any(|seen| seen.suite == *suite && seen.live.is_some());
    named || live || host.behind.contains(suite)
}

fn is_behind(host: &IdentityView, suite: Option<&SuiteName>) -> bool {
    host.behind.iter().any(|behind| suite.is_none_or(|suite| suite == behind))
}

/// It was never more than invited.
fn is_token_alone(one: &IdentityView) -> bool {
    one.role.is_none() && one.certificates.is_empty() && one.token_ends.is_some()
}

/// Takes those out that hold nothing any more; gives their number.
fn hide(list: &mut Vec<IdentityView>, all: bool) -> usize {
    let before = list.len();
    let holds = |one: &IdentityView| {
        let usable = one.certificates.iter().any(|certificate| certificate.revoked_at.is_none());
        one.role.is_some() || one.token_ends.is_some() || usable
    };
    list.retain(|one| all || holds(one));
    before.saturating_sub(list.len())
}

fn say_hidden(session: &mut Session<'_>, hidden: usize) {
    if hidden > 0 && !session.json {
        let names = count(hidden, "revoked name");
        session.around.complain(&format!("{names} not shown: --all\n"));
    }
}
