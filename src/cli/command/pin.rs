//! `repoctl pin`, `unpin`, `pins`, `remove`, `hold` and `release`.

use super::Session;
use super::package::parse_target;
use crate::api::{Change, ChangeOutcome, ChangeRequest, Exit, GenerationsQuery, Promote};
use crate::cli::args::{
    ChangeArgs, HoldArgs, PinArgs, PinsArgs, ReleaseArgs, RemoveArgs, UnpinArgs,
};
use crate::cli::consent::{Question, Settled, names};
use crate::cli::failure::Failure;
use crate::cli::render;
use crate::cli::text::count;
use crate::client::Client;
use crate::debian::{PackageName, SuiteName};

/// Pins a version, or rolls back.
///
/// # Errors
/// A [`Failure`] from the command line, the server or the network, and when the answer is no.
pub async fn pin(session: &mut Session<'_>, args: &PinArgs) -> Result<(), Failure> {
    let suite = session.suite(args.of.suite.as_ref())?;
    let change = if args.rollback { rollback(args)? } else { pinning(args)? };
    make(session, &suite, request(change, &args.how)).await
}

/// The last generation of the suite. Its packages are not counted for this: in an incident that
/// would cost time.
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
    if packages.is_empty() && !args.all {
        return Err(Failure::usage("no package is named")
            .with_hint("name packages, or say --all to go back with the whole suite"));
    }
    Ok(Change::Rollback { packages, to: args.to, all: args.all, binary: args.binary })
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

/// Ends pins.
///
/// # Errors
/// A [`Failure`] from the server or the network, and when the answer is no.
pub async fn unpin(session: &mut Session<'_>, args: &UnpinArgs) -> Result<(), Failure> {
    let suite = session.suite(args.of.suite.as_ref())?;
    let packages = args.packages.clone();
    let change = Change::Unpin { packages, all: args.all, binary: args.binary };
    make(session, &suite, request(change, &args.how)).await
}

/// Lists the pins.
///
/// # Errors
/// A [`Failure`] from the server or the network.
pub async fn pins(session: &mut Session<'_>, args: &PinsArgs) -> Result<(), Failure> {
    let pins = session.client.list_pins(args.suite.as_ref()).await?;
    session.show(&pins, |sheet| render::change::pins(&pins, sheet));
    session.say_if_empty(&pins, "nothing is pinned");
    Ok(())
}

/// Stops offering packages.
///
/// # Errors
/// A [`Failure`] from the server or the network, and when the answer is no.
pub async fn remove(session: &mut Session<'_>, args: &RemoveArgs) -> Result<(), Failure> {
    let suite = session.suite(args.of.suite.as_ref())?;
    let change = Change::Remove { packages: args.packages.clone(), binary: args.binary };
    make(session, &suite, request(change, &args.how)).await
}

/// Has a suite offer nothing new.
///
/// # Errors
/// A [`Failure`] from the server or the network.
pub async fn hold(session: &mut Session<'_>, args: &HoldArgs) -> Result<(), Failure> {
    let suite = session.suite(args.of.suite.as_ref())?;
    let outcome = session.client.change(&suite, &plain(Change::Hold {})).await?;
    session.show(&outcome, |_| render::change::held(&outcome));
    Ok(())
}

/// Ends a hold.
///
/// # Errors
/// A [`Failure`] from the server or the network, and when the answer is no.
pub async fn release(session: &mut Session<'_>, args: &ReleaseArgs) -> Result<(), Failure> {
    let suite = session.suite(args.of.suite.as_ref())?;
    make(session, &suite, request(Change::Release {}, &args.how)).await
}

/// A change without any option.
pub(super) fn plain(change: Change) -> ChangeRequest {
    ChangeRequest {
        message: String::new(),
        dry_run: false,
        expect_generation: None,
        as_shown: false,
        cascade: false,
        force: false,
        urgent: false,
        change,
    }
}

/// The request for a change.
pub(super) fn request(change: Change, how: &ChangeArgs) -> ChangeRequest {
    let ChangeArgs { dry_run, cascade, force, .. } = *how;
    ChangeRequest { dry_run, cascade, force, ..plain(change) }
}

/// Makes a change once it is confirmed, and shows what came of it.
///
/// # Errors
/// A [`Failure`] from the server or the network, and when the answer is no.
pub(super) async fn make(
    session: &mut Session<'_>,
    suite: &SuiteName,
    wanted: ChangeRequest,
) -> Result<(), Failure> {
    let outcome = made(session, suite, wanted).await?;
    session.show(&outcome, |sheet| render::change::moved(&outcome, sheet));
    Ok(())
}

/// Makes a change once it is confirmed, and asks again when the suite has moved since it was shown,
/// unless the change was bound to a generation from the beginning.
///
/// # Errors
/// A [`Failure`] from the server or the network, and when the answer is no.
pub(super) async fn made(
    session: &mut Session<'_>,
    suite: &SuiteName,
    mut wanted: ChangeRequest,
) -> Result<ChangeOutcome, Failure> {
    let bound = wanted.expect_generation;
    loop {
        let settled = match wanted.dry_run {
            true => Settled::Plain,
            false => settle(session, suite, &mut wanted).await?,
        };
        let outcome = match session.client.change(suite, &wanted).await {
            Err(error) if settled == Settled::Shown && bound.is_none() && error.is_moved() => {
                wanted.expect_generation = None;
                session.say_moved(suite.as_str());
                continue;
            }
            outcome => outcome?,
        };
        return Ok(outcome);
    }
}

/// Makes a dry run of a change, asks if that does more than the command names, and binds the change
/// to the generation of the dry run.
async fn settle(
    session: &mut Session<'_>,
    suite: &SuiteName,
    wanted: &mut ChangeRequest,
) -> Result<Settled, Failure> {
    let known = Question { because: of_all(&wanted.change, suite), ..Question::default() };
    if !session.may_ask() {
        session.settle(&known)?;
    }
    // Two people who roll back at the same time must not go back twice from a state that neither
    // has seen. Uploads of other packages meanwhile do not matter, unless the whole suite goes
    // back.
    let goes_back = matches!(wanted.change, Change::Rollback { .. });
    if session.said_yes() && !goes_back {
        return Ok(Settled::Beforehand);
    }
    let bound = wanted.expect_generation;
    if bound.is_none() {
        wanted.expect_generation = last_generation(&session.client, suite).await?;
    }
    if session.said_yes() {
        return Ok(Settled::Beforehand);
    }
    // If the suite moves between the two requests, the server refuses the change, which is bound to
    // the first. The packages that move along are known only from the dry run, so a cascade is
    // bound to it with or without a question.
    wanted.as_shown = wanted.cascade;
    let plan = ChangeRequest { dry_run: true, expect_generation: None, ..wanted.clone() };
    let outcome = match session.client.change(suite, &plan).await {
        Ok(outcome) => outcome,
        // An impossible change is sent once more without dry run and refused, so that the audit log
        // has it.
        Err(error) if known.because.is_empty() && error.exit() == Exit::Refused => {
            return Ok(Settled::Plain);
        }
        Err(error) => return Err(error.into()),
    };
    let mut because = known.because;
    because.extend(beyond(&wanted.change, &outcome));
    let shown = render::change::plan(&outcome, &session.sheet());
    let settled = session.settle(&Question { shown, because })?;
    match settled {
        Settled::Plain if !goes_back && !wanted.cascade => wanted.expect_generation = bound,
        Settled::Plain | Settled::Beforehand => {}
        Settled::Shown => wanted.as_shown = true,
    }
    Ok(settled)
}

/// The reason to ask about a change of a whole suite, whatever it moves.
fn of_all(change: &Change, suite: &SuiteName) -> Vec<String> {
    match change {
        Change::Rollback { all: true, .. } => vec![format!("the whole suite {suite} goes back")],
        Change::Promote(Promote { all: true, from, .. }) => {
            vec![format!("everything that suite {from} lists comes to suite {suite}")]
        }
        Change::Release {} => {
            vec![format!("what came while suite {suite} was held goes to its hosts")]
        }
        Change::Unpin { all: true, .. } => vec![format!("every pin of suite {suite} ends")],
        _ => Vec::new(),
    }
}

/// What a change of named packages does beyond these.
fn beyond(change: &Change, outcome: &ChangeOutcome) -> Vec<String> {
    let mut because = Vec::new();
    if !outcome.beyond.is_empty() {
        let (beyond, list) = (outcome.beyond.len(), names(&outcome.beyond));
        let packages = count(beyond, "package");
        because.push(format!("this concerns {packages} that the command does not name: {list}"));
    }
    let out = outcome.pins.iter().filter(|pin| pin.version.is_none());
    let out: Vec<_> = out.map(|pin| &pin.package).collect();
    if !out.is_empty() && matches!(change, Change::Rollback { .. }) {
        because.push(format!("hosts are then offered no version of {}", names(&out)));
    }
    because
}
