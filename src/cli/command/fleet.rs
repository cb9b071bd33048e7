//! `repoctl who-has` and `repoctl fleet`.

use super::Session;
use crate::api::{FleetDiffQuery, FleetQuery, HealthState, WhoHasQuery};
use crate::cli::args::{FleetArgs, FleetCommand, FleetDiffArgs, WhoHasArgs};
use crate::cli::failure::Failure;
use crate::cli::render;

/// Shows which hosts have a package.
///
/// # Errors
/// A [`Failure`] from the server or the network.
pub async fn who_has(session: &mut Session<'_>, args: &WhoHasArgs) -> Result<(), Failure> {
    if let Some(flaw) = &args.vulnerable {
        return super::vulnerable::vulnerable(session, flaw.as_ref(), (&args.how, args.all)).await;
    }
    // clap lets these through, because the package stands in the way of what they need.
    if !args.how.from.is_empty() || args.how.unimportant {
        let problem = "--from and --unimportant are for --vulnerable, which takes no package";
        return Err(Failure::usage(problem).with_hint("repoctl who-has --vulnerable --from FILE"));
    }
    let Some(asked) = args.package.clone() else {
        return Err(Failure::usage("no package is named"));
    };
    let (is, version) =
        asked.version.map_or((None, None), |(is, version)| (Some(is), Some(version)));
    let query = WhoHasQuery { package: asked.package, is, version, all: args.all };
    let found = session.client.who_has(&query).await?;
    session.show(&found, |sheet| render::fleet::who_has(&found, sheet));
    if !session.json {
        let said = render::fleet::who_has_counts(&found, query.version.is_some());
        session.around.complain(&said);
    }
    Ok(())
}

/// Shows how the hosts stand to their suites, or what differs in a group.
///
/// # Errors
/// A [`Failure`] from the server or the network.
pub async fn fleet(session: &mut Session<'_>, args: &FleetArgs) -> Result<(), Failure> {
    if let Some(FleetCommand::Diff(args)) = &args.command {
        return diff(session, args).await;
    }
    let query = FleetQuery { suite: args.suite.clone(), group: args.group.clone(), all: args.all };
    let mut suites = session.client.fleet(&query).await?;
    if let Some(ring) = &args.ring {
        for suite in &mut suites {
            suite.hosts.retain(|host| host.ring.as_ref() == Some(ring));
        }
        suites.retain(|suite| !suite.hosts.is_empty());
        if suites.is_empty() {
            let hint = "`repoctl suite show SUITE` shows its rings and who is in them";
            return Err(Failure::refused(format!("no host is in a ring {ring}")).with_hint(hint));
        }
    }
    if args.unhealthy {
        for suite in &mut suites {
            suite.hosts.retain(|host| host.health.state == HealthState::Unhealthy);
        }
        suites.retain(|suite| !suite.hosts.is_empty());
        session.show(&suites, |sheet| render::fleet::unhealthy(&suites, sheet));
        session.say_if_empty(&suites, "no host has a failed check that counts");
        return Ok(());
    }
    session.show(&suites, |sheet| render::fleet::fleet(&suites, sheet));
    session.say_if_empty(&suites, "no hosts yet: repoctl host issue NAME --suite SUITE");
    Ok(())
}

async fn diff(session: &mut Session<'_>, args: &FleetDiffArgs) -> Result<(), Failure> {
    let query = FleetDiffQuery { group: args.group.clone(), all: args.all };
    let found = session.client.fleet_diff(&query).await?;
    session.show(&found, |sheet| render::fleet::diff(&found, sheet));
    Ok(())
}
