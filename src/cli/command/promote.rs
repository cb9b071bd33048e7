//! `repoctl promote`.

use super::Session;
use super::package::parse_target;
use super::pin::{made, request};
use crate::api::{Change, ChangeOutcome, Promote, PromoteItem};
use crate::cli::args::PromoteArgs;
use crate::cli::failure::Failure;
use crate::cli::render;
use crate::cli::text::count;
use crate::cli::upload::not_live;

/// Takes into one suite what another one lists.
///
/// # Errors
/// A [`Failure`] from the command line, the server or the network, when the answer is no, and with
/// `--require-live` what hosts are not offered.
pub async fn promote(session: &mut Session<'_>, args: &PromoteArgs) -> Result<(), Failure> {
    let to = session.suite(args.to.as_ref())?;
    let mut wanted = request(change(args)?, &args.how);
    wanted.expect_generation = args.expect;
    wanted.urgent = args.urgent;
    let outcome = made(session, &to, wanted).await?;
    session.show(&outcome, |sheet| render::change::promoted(&outcome, sheet));
    let waiting: Vec<_> = outcome.not_live().collect();
    if args.require_live && !waiting.is_empty() {
        let all = count(outcome.items.len(), "package");
        return Err(not_live(&waiting, &all, args.how.dry_run, "repoctl promote -n"));
    }
    say_not_offered(session, &outcome);
    Ok(())
}

fn say_not_offered(session: &mut Session<'_>, outcome: &ChangeOutcome) {
    if !session.json {
        session.around.complain(&render::change::not_offered(outcome));
    }
}

fn change(args: &PromoteArgs) -> Result<Change, Failure> {
    if args.targets.is_empty() && !args.all {
        return Err(Failure::usage("no package is named").with_hint(format!(
            "name packages, or say --all for everything that {} lists",
            args.from
        )));
    }
    if args.binary && args.targets.is_empty() {
        return Err(Failure::usage("--binary needs the names of binary packages"));
    }
    let item = |text: &String| {
        parse_target(text).map(|(package, version)| PromoteItem { package, version })
    };
    Ok(Change::Promote(Promote {
        from: args.from.clone(),
        packages: args.targets.iter().map(item).collect::<Result<_, _>>()?,
        all: args.all,
        generation: args.generation,
        component: args.component.clone(),
        binary: args.binary,
        all_versions: args.all_versions,
    }))
}
