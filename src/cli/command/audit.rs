//! `repoctl audit …`.

use std::path::Path;

use super::Session;
use crate::api::{AuditEntry, AuditQuery, AuditVerdict, MOST_ENTRIES, VERBS};
use crate::cli::args::{AuditArgs, AuditCommand, AuditVerify};
use crate::cli::chain::{Chain, line};
use crate::cli::failure::{Failure, unreadable};
use crate::cli::render;
use crate::cli::terminal::Terminal;
use crate::cli::text::count;
use crate::nearest::or_nearest;
use crate::signing::verify_in_release;

/// Shows the log, has it signed, or checks it against its chain.
///
/// # Errors
/// A [`Failure`] from the server, the network or the disk, or when the log is not whole.
pub async fn audit(session: &mut Session<'_>, args: &AuditArgs) -> Result<(), Failure> {
    match &args.command {
        None => list(session, args).await,
        Some(AuditCommand::Verify(verify)) => verify_server(session, verify).await,
        Some(AuditCommand::Checkpoint) => {
            let checkpoint = session.client.seal_audit().await?;
            // Printed unchanged, so that it can be kept: a verifier reads every byte of it.
            session.show(&checkpoint, |_| checkpoint.text.clone());
            Ok(())
        }
    }
}

async fn list(session: &mut Session<'_>, args: &AuditArgs) -> Result<(), Failure> {
    let now = session.now();
    let mut query = AuditQuery {
        since: args.since.map(|since| since.from(now).0),
        until: args.until.map(|until| until.from(now).0),
        identity: args.identity.clone(),
        suite: args.suite.as_ref().map(ToString::to_string),
        verb: args.verb.clone(),
        package: args.package.clone(),
        refused: args.refused,
        after: args.all.then_some(0),
        before: None,
        limit: Some(if args.all { MOST_ENTRIES } else { args.limit }),
    };
    let mut any = false;
    loop {
        let page = session.client.list_audit(&query).await?;
        any |= !page.is_empty();
        let last = page.last().filter(|_| args.all).map(|last| last.number);
        print(session, &page, args.all);
        if last <= query.after {
            break;
        }
        query.after = last;
    }
    if !any {
        let verb = args.verb.as_deref().filter(|verb| !VERBS.contains(verb));
        let otherwise = "; docs/audit.md has the verbs";
        let near = verb.map(|verb| {
            format!("; no verb is called {verb}{}", or_nearest(verb, VERBS.into_iter(), otherwise))
        });
        let meant = match &args.package {
            Some(package) => super::package::mistyped(&session.client, package.as_str()).await,
            None => String::new(),
        };
        let near = near.unwrap_or_default();
        session.say_if_empty(&[(); 0], &format!("no such entries{near}{meant}"));
    }
    Ok(())
}

/// Prints a page of entries; of the whole log each as it comes, so that nothing of it has to be kept.
fn print(session: &mut Session<'_>, page: &[AuditEntry], is_of_all: bool) {
    let text = match session.json {
        true => page.iter().map(|entry| format!("{}\n", line(entry))).collect(),
        false => render::audit::list(page, &session.sheet()),
    };
    match session.json || is_of_all {
        true => session.around.print(&text),
        false => session.around.print_long(&text),
    }
}

async fn verify_server(session: &mut Session<'_>, args: &AuditVerify) -> Result<(), Failure> {
    let mut chain = Chain::new();
    demand_kept(session.around, args, &mut chain)?;
    let checkpoints = session.client.list_checkpoints().await?;
    for checkpoint in &checkpoints {
        let name = format!("the server's checkpoint of {}", count(checkpoint.entries, "entry"));
        chain.demand(&name, &checkpoint.text);
    }
    let mut signed = 0;
    if let Some(key) = read_key(args)? {
        let now = session.now();
        // The last valid one covers everything that earlier ones cover.
        let holds = |text: &str, at| verify_in_release(text, &key, now.max(at)).is_ok();
        let last =
            checkpoints.iter().rev().find(|one| holds(&one.text, crate::time::Moment(one.at)));
        signed = last.map_or(0, |last| last.entries);
        if last.is_none() {
            chain.fault("no checkpoint of the server is signed by the archive key".into());
        }
    }
    let verdict = session.client.verify_audit().await?;
    loop {
        let after = Some(chain.entries());
        let query = AuditQuery { after, limit: Some(MOST_ENTRIES), ..AuditQuery::default() };
        let page = session.client.list_audit(&query).await?;
        page.iter().for_each(|entry| chain.take(entry));
        // A server that returns the same page again must not cause an endless loop.
        if after >= Some(chain.entries()) {
            break;
        }
    }
    for fault in verdict.faults {
        chain.fault(format!("the server found: {fault}"));
    }
    let signed = if args.archive_key.is_some() { signed } else { verdict.signed_entries };
    tell(session.around, session.json, chain, checkpoints.len(), signed)
}

/// Checks an export against its chain and the kept checkpoints, without a server.
///
/// # Errors
/// A [`Failure`] of the disk, or when the log is not whole.
pub fn verify_export(
    around: &mut Terminal,
    args: &AuditVerify,
    export: &Path,
    json: bool,
) -> Result<(), Failure> {
    let mut chain = Chain::new();
    demand_kept(around, args, &mut chain)?;
    let signed = if args.archive_key.is_some() { chain.farthest() } else { 0 };
    take_export(&mut chain, &read(export)?);
    tell(around, json, chain, args.checkpoint.len(), signed)
}

/// Adds every line of an export.
pub(in crate::cli) fn take_export(chain: &mut Chain, export: &[u8]) {
    let Ok(text) = std::str::from_utf8(export) else {
        return chain.fault("the export is not as it was written: it is no text".into());
    };
    if !text.is_empty() && !text.ends_with('\n') {
        chain.fault("the export was cut: its last line does not end".into());
    }
    text.split_terminator('\n').for_each(|line| chain.take_line(line));
}

/// Demands the kept checkpoints, each signed by the archive key if one is given.
fn demand_kept(around: &Terminal, args: &AuditVerify, chain: &mut Chain) -> Result<(), Failure> {
    let key = read_key(args)?;
    for path in &args.checkpoint {
        let name = path.display().to_string();
        let text = String::from_utf8_lossy(&read(path)?).into_owned();
        if let Some(key) = &key
            && let Err(error) = verify_in_release(&text, key, around.now())
        {
            chain.fault(format!("{name}: {error}"));
        }
        chain.demand(&name, &text);
    }
    Ok(())
}

fn read_key(args: &AuditVerify) -> Result<Option<String>, Failure> {
    let Some(path) = &args.archive_key else { return Ok(None) };
    Ok(Some(String::from_utf8_lossy(&read(path)?).into_owned()))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| unreadable(path, &error))
}

fn tell(
    around: &mut Terminal,
    json: bool,
    chain: Chain,
    checkpoints: usize,
    signed_entries: u64,
) -> Result<(), Failure> {
    let (entries, hash, faults) = chain.finish();
    let checkpoints = checkpoints as u64;
    let verdict = AuditVerdict { entries, hash, checkpoints, signed_entries, faults };
    if !verdict.faults.is_empty() {
        let mut failure = Failure::refused("the audit log is not what was written");
        failure.reasons = verdict.faults;
        return Err(failure);
    }
    let text = match json {
        true => format!("{}\n", serde_json::to_string_pretty(&verdict).unwrap_or_default()),
        false => render::audit::whole(&verdict),
    };
    around.print(&text);
    Ok(())
}
