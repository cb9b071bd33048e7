//! `repoctl apply`: from a file to what leads there, and back with `repoctl access export`.

mod manifest;
mod plan;

#[cfg(test)]
mod tests;

use std::io::Read;

use crate::api::AccessChange;
use crate::cli::args::ApplyArgs;
use crate::cli::command::Session;
use crate::cli::failure::Failure;
use crate::cli::text::escape;

use manifest::Manifest;
use plan::Plan;

/// Largest file. Unit: bytes.
const LARGEST_BYTES: u64 = 64 << 20;

/// Shows what the file would alter, and alters it.
///
/// # Errors
/// A usage [`Failure`] for what is wrong with the file; else from the server or the network.
pub async fn apply(session: &mut Session<'_>, args: &ApplyArgs) -> Result<(), Failure> {
    let file = read(session, args)?;
    let suites = session.client.list_suites().await?;
    let access = session.client.list_access().await?;
    let plan = Plan::new(&file, &suites, &access, args.prune, &session.client.server_name());
    if !plan.impossible.is_empty() {
        let failure = Failure::refused("the file asks what cannot be done; nothing was done");
        return Err(failure.with_reasons(plan.impossible));
    }
    let lines = plan.lines();
    if !session.json {
        tell(session, &plan, &lines);
    }
    // What is wrong with groups and grants is heard before anything is done, and also in a dry run.
    if !plan.access.is_empty() {
        let rehearsal = AccessChange { dry_run: true, ..plan.access.clone() };
        session.client.edit_access(&rehearsal).await?;
    }
    if !args.dry_run {
        carry_out(session, &plan).await?;
    }
    let value = serde_json::json!({
        "changes": lines, "kept": plan.kept, "dry_run": args.dry_run,
    });
    session.show(&value, || match (plan.is_empty(), args.dry_run) {
        (true, _) => "nothing to do\n".into(),
        (false, true) => "nothing was done: --dry-run\n".into(),
        (false, false) => "applied\n".into(),
    });
    Ok(())
}

/// The difference before it is made, so that it is seen also when making it fails.
fn tell(session: &mut Session<'_>, plan: &Plan, lines: &[String]) {
    let mut text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    for kept in &plan.kept {
        text.push_str(&format!("  {} stays: it is not in the file\n", escape(kept)));
    }
    session.around.print(&text);
}

async fn carry_out(session: &mut Session<'_>, plan: &Plan) -> Result<(), Failure> {
    for suite in &plan.create {
        session.client.create_suite(suite).await?;
    }
    for (name, edit, _) in &plan.edit {
        session.client.edit_suite(name, edit).await?;
    }
    if !plan.access.is_empty() {
        session.client.edit_access(&plan.access).await?;
    }
    for name in &plan.remove {
        session.client.remove_suite(name).await?;
    }
    Ok(())
}

fn read(session: &mut Session<'_>, args: &ApplyArgs) -> Result<Manifest, Failure> {
    let shown = args.file.display().to_string();
    let wrong = |why: String| Failure::usage(format!("{shown}: {why}"));
    let mut text = String::new();
    let cut = |read: std::io::Result<usize>| read.map_err(|error| wrong(error.to_string()));
    if args.file.as_os_str() == "-" {
        cut((&mut session.around.input).take(LARGEST_BYTES).read_to_string(&mut text))?;
    } else {
        let file = std::fs::File::open(&args.file).map_err(|error| wrong(error.to_string()))?;
        cut(file.take(LARGEST_BYTES).read_to_string(&mut text))?;
    }
    Manifest::parse(&text).map_err(wrong)
}

/// Writes what is there as a file for `repoctl apply`.
///
/// # Errors
/// A [`Failure`] from the server or the network.
pub async fn export(session: &mut Session<'_>) -> Result<(), Failure> {
    let suites = session.client.list_suites().await?;
    let access = session.client.list_access().await?;
    let text = manifest::write(&suites, &access);
    let value = serde_json::json!({ "toml": text });
    session.show(&value, || text);
    Ok(())
}
