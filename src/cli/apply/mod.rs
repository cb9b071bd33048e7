//! `repoctl apply`: makes the server match a file; `repoctl access export` writes such a file.

mod aliases;
mod faults;
mod manifest;
mod plan;
mod stays;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io::Read;

use crate::api::{AccessChange, Exit};
use crate::cli::args::ApplyArgs;
use crate::cli::command::Session;
use crate::cli::consent::{Question, Settled};
use crate::cli::failure::{Failure, unread};
use crate::cli::style::Tone;
use crate::cli::text::escape;
use crate::client::Client;
use crate::debian::SuiteName;
use crate::toml_text::TomlText;

use faults::Refused;
pub use manifest::Manifest;
use plan::Plan;
use stays::Stays;

/// Largest file. Unit: bytes.
const LARGEST_BYTES: u64 = 64 << 20;

/// The most warnings that people are shown.
const MOST_WARNINGS: usize = 20;

/// Shows what the file would change, asks, and makes the changes. If the state changed meanwhile,
/// it shows the difference and asks again.
///
/// # Errors
/// A usage [`Failure`] for a faulty file; else from the server or the network, and when the answer
/// is no.
pub async fn apply(session: &mut Session<'_>, args: &ApplyArgs) -> Result<(), Failure> {
    let file = read(session, args)?;
    let me = session.client.whoami().await?.identity;
    let mut plan = draw(&session.client, &file, (args.prune, &me)).await?;
    loop {
        tell(session, &plan);
        if args.dry_run || plan.is_empty() {
            break;
        }
        let why = "all of this is made at once, and no one command takes it back";
        if session.settle(&Question::because(why))? == Settled::Shown {
            let now = draw(&session.client, &file, (args.prune, &me)).await?;
            if now != plan {
                session.say_moved("what the file alters");
                plan = now;
                continue;
            }
        }
        carry_out(session, &plan, &file).await.map_err(|failure| file.locate(failure))?;
        break;
    }
    let stays: Vec<_> = plan.stays.iter().map(Stays::value).collect();
    let value = serde_json::json!({
        "changes": plan.lines(), "kept": plan.unnamed.lines(), "stays": stays, "warnings": plan.warnings,
        "dry_run": args.dry_run,
    });
    session.show(&value, |_| match (plan.is_empty(), args.dry_run) {
        (true, _) => "nothing to do\n".into(),
        (false, true) => "nothing was done: --dry-run\n".into(),
        (false, false) => "applied\n".into(),
    });
    Ok(())
}

/// The plan from the present state to that of the file. Everything that the server would refuse is told here,
/// before anything is done, and also in a dry run.
async fn draw(client: &Client, file: &Written, how: (bool, &str)) -> Result<Plan, Failure> {
    let suites = client.list_suites().await?;
    let access = client.list_access().await?;
    let plan = Plan::new(&file.manifest, &suites, &access, how);
    let impossible = plan.impossible.iter().map(|(field, why)| Refused::impossible(field, why));
    let mut refused: Vec<_> = impossible.collect();
    let by_itself = faults::of(&file.manifest, &access);
    let may_ask = by_itself.is_empty();
    refused.extend(by_itself);
    refused.extend(faults::of_suites(client, &plan, &file.manifest).await?);
    let mut failure = file.refusal(&refused);
    if may_ask && !plan.access.is_empty() {
        let rehearsal = AccessChange { dry_run: true, ..plan.access.clone() };
        if let Err(error) = client.edit_access(&rehearsal).await {
            let other = file.locate(error.into());
            match &mut failure {
                None => failure = Some(other),
                Some(failure) => {
                    failure.reasons.push(other.message);
                    failure.reasons.extend(other.reasons);
                }
            }
        }
    }
    failure.map_or(Ok(plan), Err)
}

/// Prints the difference before it is made, so that it is visible even when making it fails.
fn tell(session: &mut Session<'_>, plan: &Plan) {
    if session.json {
        return;
    }
    let sheet = session.sheet();
    let change = |line: &String| format!("{}\n", sheet.paint(Tone::of_change(line), line));
    let mut text: String = plan.lines().iter().map(change).collect();
    text.extend(plan.stays.iter().map(|stays| format!("  {}\n", stays.line())));
    let warnings = plan.warnings.iter().take(MOST_WARNINGS);
    text.extend(warnings.map(|warning| sheet.heads(&format!("warning: {}\n", escape(warning)))));
    match plan.warnings.len().saturating_sub(MOST_WARNINGS) {
        0 => {}
        more => {
            let more = format!("warning: {more} more like these; --json has all of them\n");
            text.push_str(&sheet.heads(&more));
        }
    }
    session.around.print(&text);
}

/// Makes the changes, one after the other.
async fn carry_out(session: &mut Session<'_>, plan: &Plan, file: &Written) -> Result<(), Failure> {
    let mut done = Vec::new();
    let failed = |failure: Failure, suite: &SuiteName, done: &[String]| {
        in_part(file.at_suite(suite, false, failure), done)
    };
    for suite in &plan.create {
        let made = session.client.create_suite(suite).await;
        made.map_err(|error| failed(error.into(), &suite.name, &done))?;
        done.push(format!("suite {} was made", suite.name));
    }
    for (name, edit, _) in &plan.edit {
        let edited = session.client.edit_suite(name, edit).await;
        let owns = edit.owns.is_some();
        edited.map_err(|error| in_part(file.at_suite(name, owns, error.into()), &done))?;
        done.push(format!("suite {name} was edited"));
    }
    if !plan.access.is_empty() {
        let edited = session.client.edit_access(&plan.access).await;
        edited.map_err(|error| in_part(error.into(), &done))?;
        done.push("groups and grants were edited".into());
    }
    for name in &plan.remove {
        let removed = session.client.remove_suite(name, None).await;
        removed.map_err(|error| failed(error.into(), name, &done))?;
        done.push(format!("suite {name} was removed"));
    }
    Ok(())
}

/// The failure of one change, with those that were made before it: they stay, and the same command goes on from there.
fn in_part(mut failure: Failure, done: &[String]) -> Failure {
    if !done.is_empty() {
        failure.message.push_str("; the file was applied in part");
        failure.reasons.extend(done.iter().cloned());
        // Exit code 2 says that nothing was changed.
        if failure.exit == Exit::Usage {
            failure.exit = Exit::Refused;
        }
    }
    failure
}

/// The file as it was read.
struct Written {
    shown: String,
    text: String,
    manifest: Manifest,
}

impl Written {
    /// The failure of all that is refused, each with the line of the file that asks it.
    fn refusal(&self, refused: &[Refused]) -> Option<Failure> {
        let places = TomlText::new(&self.text);
        let at = |one: &Refused| places.at(&one.field, one.problem.as_str());
        match refused {
            [] => None,
            [one] if one.is_invalid => {
                let mut failure = Failure::in_file(&self.shown, &at(one));
                failure.reasons.extend(one.more.iter().cloned());
                Some(failure)
            }
            several => {
                let told = |one: &Refused| {
                    let fault = at(one);
                    [vec![fault.head(&self.shown)], fault.excerpt(), one.more.clone()].concat()
                };
                let mut failure =
                    Failure::refused("the file asks what cannot be done; nothing was done")
                        .with_reasons(several.iter().flat_map(told).collect());
                if several.iter().all(|one| one.is_invalid) {
                    failure.exit = Exit::Usage;
                }
                Some(failure)
            }
        }
    }

    /// A refusal of what the file says of a suite.
    fn at_suite(&self, suite: &SuiteName, owns: bool, mut failure: Failure) -> Failure {
        let one = faults::of_suite(&failure, suite, &self.manifest, owns);
        let fault = TomlText::new(&self.text).at(&one.field, one.problem);
        failure.message = fault.head(&self.shown);
        failure.reasons = [fault.excerpt(), one.more].concat();
        failure
    }

    /// A refusal of the server, with the lines of the file that have what it quotes.
    fn locate(&self, mut failure: Failure) -> Failure {
        let places = TomlText::new(&self.text);
        let said = [std::slice::from_ref(&failure.message), &failure.reasons].concat().join("\n");
        let quoted: BTreeSet<&str> = said.split(['"', '`']).skip(1).step_by(2).collect();
        for word in quoted {
            let Some(fault) = places.at_word(word, "is what was refused") else { continue };
            failure.reasons.push(fault.head(&self.shown));
            failure.reasons.extend(fault.excerpt());
        }
        failure
    }
}

fn read(session: &mut Session<'_>, args: &ApplyArgs) -> Result<Written, Failure> {
    let shown = args.file.display().to_string();
    let wrong = |why: String| Failure::usage(format!("{shown}: {why}"));
    let mut text = String::new();
    let cut = |read: std::io::Result<usize>| read.map_err(|error| wrong(unread(&error)));
    if args.file.as_os_str() == "-" {
        cut((&mut session.around.input).take(LARGEST_BYTES).read_to_string(&mut text))?;
    } else {
        let file = std::fs::File::open(&args.file).map_err(|error| wrong(unread(&error)))?;
        cut(file.take(LARGEST_BYTES).read_to_string(&mut text))?;
    }
    let manifest = Manifest::parse(&text).map_err(|fault| Failure::in_file(&shown, &fault))?;
    Ok(Written { shown, text, manifest })
}

/// Writes the present state as a file for `repoctl apply`.
///
/// # Errors
/// A [`Failure`] from the server or the network.
pub async fn export(session: &mut Session<'_>) -> Result<(), Failure> {
    let suites = session.client.list_suites().await?;
    let access = session.client.list_access().await?;
    let text = manifest::write(&suites, &access);
    let value = serde_json::json!({ "toml": text });
    session.show(&value, |_| text);
    Ok(())
}
