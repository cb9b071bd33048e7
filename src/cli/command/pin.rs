//! `repoctl pin`, `unpin`, `pins` and `remove`.

use super::Session;
use super::package::parse_target;
use crate::api::{Change, ChangeRequest, GenerationsQuery};
use crate::cli::args::{LeewayArgs, PinArgs, PinsArgs, RemoveArgs, UnpinArgs};
use crate::cli::failure::Failure;
use crate::cli::render;
use crate::client::Client;
use crate::debian::{PackageName, SuiteName};

/// Pins a version, or rolls back.
///
/// # Errors
/// A [`Failure`] from the command line, the server or the network.
pub async fn pin(session: &mut Session<'_>, args: &PinArgs) -> Result<(), Failure> {
    let suite = session.suite(args.of.suite.as_ref())?;
    let change = if args.rollback { rollback(args)? } else { pinning(args)? };
    let mut wanted = request(change, args.dry_run, args.leeway);
    if args.rollback && !args.dry_run {
        // Two who go back at the same time must not go back twice from what neither has seen. Uploads
        // of other packages meanwhile do not matter, unless the whole suite is to go back.
        wanted.expect_generation = last_generation(&session.client, &suite).await?;
    }
    make(session, &suite, wanted).await
}

/// Where the suite stands. What it holds is not counted for it: in an incident that would be time lost.
async fn last_generation(client: &Client, suite: &SuiteName) -> Result<Option<u64>, Failure> {
    let newest = GenerationsQuery { limit: Some(1), ..GenerationsQuery::default() };
    let generations = client.list_generations(suite, &newest).await?;
    Ok(generations.first().map(|newest| newest.generation))
}

fn rollback(args: &PinArgs) -> Result<Change, Failure> {
    let package = |text: &String| {
        PackageName::parse(text).map_err(|error| {
            let failure = Failure::usage(error.to_string());
            match text.contains('=') {
                true => {
                    failure.with_hint("--rollback takes names only; without it a version is pinned")
                }
                false => failure,
            }
        })
    };
    let packages = args.targets.iter().map(package).collect::<Result<Vec<_>, _>>()?;
    if args.binary && packages.is_empty() {
        return Err(Failure::usage("--binary needs the names of binary packages"));
    }
    Ok(Change::Rollback { packages, to: args.to, binary: args.binary })
}

fn pinning(args: &PinArgs) -> Result<Change, Failure> {
    let [target] = args.targets.as_slice() else {
        return Err(Failure::usage("one PACKAGE=VERSION is pinned at a time")
            .with_hint("--rollback takes several packages"));
    };
    let (package, Some(version)) = parse_target(target)? else {
        return Err(Failure::usage(format!("which version of {target} is meant?")).with_hint(
            format!("write {target}=VERSION, or --rollback {target} for the previous one"),
        ));
    };
    Ok(Change::Pin { package, version, binary: args.binary, hours: args.hours })
}

/// Ends pins. On a terminal the plan is shown first, and only that plan is carried out.
///
/// # Errors
/// A [`Failure`] from the server or the network, and when the answer to the question is no.
pub async fn unpin(session: &mut Session<'_>, args: &UnpinArgs) -> Result<(), Failure> {
    let suite = session.suite(args.of.suite.as_ref())?;
    let packages = args.packages.clone();
    let change = Change::Unpin { packages, all: args.all, binary: args.binary };
    let mut wanted = request(change, args.dry_run, args.leeway);
    let asks = session.around.may_ask && !session.json && !args.yes && !args.dry_run;
    if asks {
        wanted.expect_generation = last_generation(&session.client, &suite).await?;
        let plan = ChangeRequest { dry_run: true, ..wanted.clone() };
        let outcome = session.client.change(&suite, &plan).await?;
        let text = render::change::plan(&outcome, session.now());
        session.around.print(&text);
        if !session.around.ask("\nGo ahead?") {
            return Err(Failure::declined("not done; nothing was changed"));
        }
    }
    make(session, &suite, wanted).await
}

/// Lists the pins.
///
/// # Errors
/// A [`Failure`] from the server or the network.
pub async fn pins(session: &mut Session<'_>, args: &PinsArgs) -> Result<(), Failure> {
    let pins = session.client.list_pins(args.suite.as_ref()).await?;
    let now = session.now();
    session.show(&pins, || render::change::pins(&pins, now));
    session.say_if_empty(&pins, "nothing is pinned");
    Ok(())
}

/// Stops offering packages.
///
/// # Errors
/// A [`Failure`] from the server or the network.
pub async fn remove(session: &mut Session<'_>, args: &RemoveArgs) -> Result<(), Failure> {
    let suite = session.suite(args.of.suite.as_ref())?;
    let change = Change::Remove { packages: args.packages.clone(), binary: args.binary };
    make(session, &suite, request(change, args.dry_run, args.leeway)).await
}

fn request(change: Change, dry_run: bool, leeway: LeewayArgs) -> ChangeRequest {
    let LeewayArgs { cascade, force } = leeway;
    let (message, expect_generation) = (String::new(), None);
    ChangeRequest { message, dry_run, expect_generation, cascade, force, change }
}

async fn make(
    session: &mut Session<'_>,
    suite: &SuiteName,
    request: ChangeRequest,
) -> Result<(), Failure> {
    let outcome = session.client.change(suite, &request).await?;
    let now = session.now();
    session.show(&outcome, || render::change::moved(&outcome, now));
    Ok(())
}
