//! `repoctl yank` and `yanks`.

use super::Session;
use super::package::parse_target;
use crate::api::YankRequest;
use crate::cli::args::{ChangeArgs, YankArgs};
use crate::cli::consent::Question;
use crate::cli::failure::Failure;
use crate::cli::render;

/// Has a version offered nowhere, or lets it come back.
///
/// # Errors
/// A [`Failure`] from the command line, the server or the network, and when the answer is no.
pub async fn yank(session: &mut Session<'_>, args: &YankArgs) -> Result<(), Failure> {
    let (package, Some(version)) = parse_target(&args.target)? else {
        return Err(Failure::usage(format!("which version of {} is meant?", args.target))
            .with_hint(format!("write {}=VERSION", args.target)));
    };
    let ChangeArgs { dry_run, cascade, force, .. } = args.how;
    let wanted = YankRequest {
        namespace: args.namespace.clone(),
        package,
        version,
        binary: args.binary,
        undo: args.undo,
        message: String::new(),
        dry_run,
        cascade,
        force,
    };
    if !dry_run {
        ask(session, &wanted).await?;
    }
    let outcomes = session.client.yank(&wanted).await?;
    session.show(&outcomes, |sheet| render::yank::outcomes(&outcomes, sheet));
    Ok(())
}

/// Asks, once it was shown what would happen in which suite.
async fn ask(session: &mut Session<'_>, wanted: &YankRequest) -> Result<(), Failure> {
    let what = format!("{} {}", wanted.package, wanted.version);
    let mut question = Question::because(match wanted.undo {
        true => format!("{what} may come back to every suite that a pin names it for"),
        false => format!("{what} leaves every suite that has taken it, and its snapshots"),
    });
    if session.may_ask() && !session.said_yes() {
        let plan = YankRequest { dry_run: true, ..wanted.clone() };
        let outcomes = session.client.yank(&plan).await?;
        question.shown = render::yank::outcomes(&outcomes, &session.sheet());
    }
    session.settle(&question)?;
    Ok(())
}

/// Lists what is yanked.
///
/// # Errors
/// A [`Failure`] from the server or the network.
pub async fn yanks(session: &mut Session<'_>) -> Result<(), Failure> {
    let yanks = session.client.list_yanks().await?;
    session.show(&yanks, |sheet| render::yank::list(&yanks, sheet));
    session.say_if_empty(&yanks, "nothing is yanked");
    Ok(())
}
