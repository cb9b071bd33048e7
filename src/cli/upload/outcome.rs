//! Outcome: what is told at the end of an upload, and whether it failed.

use serde::Serialize;

use super::refused::{Others, Refusals, Refused};
use crate::api::{ChangeOutcome, ItemOutcome};
use crate::cli::args::UploadArgs;
use crate::cli::command::Session;
use crate::cli::failure::Failure;
use crate::cli::render::change;
use crate::cli::sheet::Sheet;
use crate::cli::text::count;

/// The answer for programs with `--keep-going`: the outcome of what was published, if anything was, and
/// what was refused.
#[derive(Serialize)]
struct Whole<'o> {
    #[serde(flatten)]
    outcome: Option<&'o ChangeOutcome>,
    refused: &'o [Refused],
}

/// Prints what became of the packages.
///
/// # Errors
/// A [`Failure`] naming what was refused, and with `--require-live` what hosts are not offered.
pub(super) fn tell(
    session: &mut Session<'_>,
    args: &UploadArgs,
    outcome: Option<&ChangeOutcome>,
    refusals: &Refusals,
) -> Result<(), Failure> {
    let text =
        |sheet: &Sheet| outcome.map(|outcome| change::upload(outcome, sheet)).unwrap_or_default();
    match outcome {
        Some(outcome) if !args.keep_going => session.show(outcome, text),
        _ => session.show(&Whole { outcome, refused: refusals.list() }, text),
    }
    let waiting: Vec<_> = outcome.into_iter().flat_map(ChangeOutcome::not_live).collect();
    let missed = args.require_live && !waiting.is_empty();
    if let (Some(outcome), false, false) = (outcome, missed, session.json) {
        session.around.complain(&change::not_offered(outcome));
    }
    let accepted = outcome.map_or(0, |outcome| outcome.items.len());
    let others = if args.dry_run { Others::Tried } else { Others::Taken };
    match (refusals.is_empty(), missed) {
        (true, false) => Ok(()),
        (true, true) => Err(not_live(&waiting, &count(accepted, "package"), args.dry_run, ALONE)),
        (false, false) => Err(refusals.failure(accepted, others)),
        (false, true) => {
            let mut failure = refusals.failure(accepted, others);
            let also = not_live(&waiting, &format!("these {accepted}"), args.dry_run, ALONE);
            failure.message = format!("{}; {}", failure.message, also.message);
            failure.reasons.extend(also.reasons);
            Err(failure)
        }
    }
}

/// The failure for packages that were taken and that hosts are not offered; `alone` is the command that looks at one of
/// them by itself.
pub(in crate::cli) fn not_live(
    waiting: &[&ItemOutcome],
    all: &str,
    dry_run: bool,
    alone: &str,
) -> Failure {
    let message = match (dry_run, waiting.len()) {
        (true, number) => format!("{number} of {all} would not be live"),
        (false, 1) => format!("1 of {all} is not live; it is stored and waits"),
        (false, number) => format!("{number} of {all} are not live; they are stored and wait"),
    };
    Failure::refused(message).with_reasons(waiting.iter().map(|item| reason(item, alone)).collect())
}

/// What looks at one package by itself.
const ALONE: &str = "repoctl upload -n";

fn reason(item: &ItemOutcome, alone: &str) -> String {
    let ItemOutcome { package, version, architecture, component, state, note, cure, cure_unknown } =
        item;
    let why = if note.is_empty() { state.as_str() } else { note };
    let cure = match cure.as_str() {
        "" if *cure_unknown => {
            format!("what makes it live was not looked for: `{alone}` with it alone tells")
        }
        "" => "no command makes it live: upload a higher version".to_owned(),
        command => format!("to make it live: {command}"),
    };
    format!("{package} {version} {architecture} ({component}): {why}; {cure}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ItemState;

    #[test]
    fn a_command_that_was_not_looked_for_is_told_apart_from_none() {
        let item = |cure_unknown| ItemOutcome {
            package: "acme-web".parse().unwrap(),
            version: "1.0".parse().unwrap(),
            architecture: "amd64".parse().unwrap(),
            component: "main".parse().unwrap(),
            state: ItemState::Waiting,
            note: "acme-web is pinned at 0.9".into(),
            cure: String::new(),
            cure_unknown,
        };
        let head = "acme-web 1.0 amd64 (main): acme-web is pinned at 0.9;";
        let none = format!("{head} no command makes it live: upload a higher version");
        assert_eq!(reason(&item(false), ALONE), none);
        let unknown =
            "what makes it live was not looked for: `repoctl upload -n` with it alone tells";
        assert_eq!(reason(&item(true), ALONE), format!("{head} {unknown}"));
    }
}
