//! `repoctl rollout …`.

use super::Session;
use super::pin::{make, plain, request};
use crate::api::{Change, RolloutsQuery, WhichRollout};
use crate::cli::args::{RolloutCommand, RolloutHalt, RolloutStatus, WhichArg};
use crate::cli::failure::Failure;
use crate::cli::render;

/// How many rollouts are looked at.
const LOOKED_AT: u32 = 200;

/// Shows rollouts, and has them go on, stay or end.
///
/// # Errors
/// A [`Failure`] from the command line, the server or the network, and when the answer is no.
pub async fn rollout(session: &mut Session<'_>, command: &RolloutCommand) -> Result<(), Failure> {
    match command {
        RolloutCommand::Status(args) => status(session, args).await,
        RolloutCommand::Start(args) => {
            let suite = session.suite(args.of.suite.as_ref())?;
            let (of, to) = (which(&args.which)?, args.to.clone());
            let change = Change::Start { of, to, override_freeze: args.override_freeze.clone() };
            make(session, &suite, request(change, &args.how)).await
        }
        RolloutCommand::Advance(args) => {
            let suite = session.suite(args.of.suite.as_ref())?;
            let (of, to) = (which(&args.which)?, args.to.clone());
            let change = Change::Advance { of, to, override_freeze: args.override_freeze.clone() };
            make(session, &suite, request(change, &args.how)).await
        }
        RolloutCommand::Abort(args) => {
            let suite = session.suite(args.of.suite.as_ref())?;
            let change = Change::Abort { of: which(&args.which)? };
            make(session, &suite, request(change, &args.how)).await
        }
        RolloutCommand::Pause(args) => halt(session, args, |of| Change::Pause { of }).await,
        RolloutCommand::Resume(args) => halt(session, args, |of| Change::Resume { of }).await,
    }
}

fn which(arg: &WhichArg) -> Result<WhichRollout, Failure> {
    arg.parsed().map_err(Failure::usage)
}

async fn halt(
    session: &mut Session<'_>,
    args: &RolloutHalt,
    change: impl FnOnce(WhichRollout) -> Change,
) -> Result<(), Failure> {
    let suite = session.suite(args.of.suite.as_ref())?;
    let change = change(which(&args.which)?);
    let outcome = session.client.change(&suite, &plain(change)).await?;
    session.show(&outcome, |_| render::change::held(&outcome));
    Ok(())
}

async fn status(session: &mut Session<'_>, args: &RolloutStatus) -> Result<(), Failure> {
    let suite = session.suite(args.of.suite.as_ref())?;
    let query = RolloutsQuery { limit: Some(LOOKED_AT) };
    let mut rollouts = session.client.list_rollouts(&suite, &query).await?;
    if !args.all {
        rollouts.retain(|one| one.state != "done" && one.state != "aborted");
    }
    session.show(&rollouts, |sheet| render::rollout::status(&rollouts, sheet));
    session.say_if_empty(&rollouts, &format!("nothing is under way in {suite}"));
    Ok(())
}
