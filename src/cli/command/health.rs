//! `repoctl health`: runs the checks of this host, and says of which hosts they do not count.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::Session;
use crate::cli::args::{HealthCommand, HealthRunArgs};
use crate::cli::checks::{self, Check};
use crate::cli::failure::Failure;
use crate::cli::machine::HEALTH;
use crate::cli::render;
use crate::cli::replace::{self, Rights};
use crate::cli::root::Root;
use crate::cli::terminal::Terminal;
use crate::cli::text::{escape, escape_json};
use crate::domain::health::{CheckName, CheckResult, Ended, HealthRun, since};
use crate::time::Moment;

/// What apt's hook touches when packages were altered.
const CHANGED: &str = "var/lib/repoctl/report-wanted";
/// How long all of them may take.
const ALL: Duration = Duration::from_secs(300);

/// A result, for programs.
#[derive(Serialize)]
struct Told<'a> {
    check: &'a str,
    result: &'static str,
    since: i64,
    text: &'a str,
}

/// Runs the checks and keeps what they say for the next report.
///
/// # Errors
/// A [`Failure`] when somebody else could write to their directory, or what they say cannot be kept.
pub fn run(around: &mut Terminal, json: bool, args: &HealthRunArgs) -> Result<(), Failure> {
    let root = Root::of(&args.root);
    let found = checks::find(&root).map_err(|problem| {
        Failure::refused(format!("no check was run: {problem}"))
            .with_hint("checks are run as root: chown root, and chmod go-w")
    })?;
    for (name, problem) in &found.left_out {
        let name = escape(&String::from_utf8_lossy(name.as_bytes()));
        around.complain(&format!("not run: {name}: {problem}\n"));
    }
    let kept = root.target(HEALTH)?;
    let before = fs::read_to_string(&kept).ok();
    let before = before.and_then(|text| HealthRun::parse(&text).ok());
    let before = before.iter().flat_map(|run| &run.checks);
    let before: BTreeMap<&CheckName, &CheckResult> =
        before.map(|check| (&check.name, check)).collect();
    // What is altered while they run is not what they have looked at.
    let changed_at = changed_at(&root);
    let (begun, at) = (Instant::now(), around.now());
    let each = Duration::from_secs(args.timeout);
    let result = |check: &Check| {
        let left = ALL.saturating_sub(begun.elapsed());
        let (ended, text) = match left.is_zero() {
            true => (Ended::TimedOut, "not run: the checks before it took all the time".to_owned()),
            false => checks::run(check, each.min(left)),
        };
        // A check that failed before the change is known by when it began to fail.
        let since = since(before.get(&check.name).copied(), ended, around.now());
        CheckResult { name: check.name.clone(), ended, since, text }
    };
    let run = HealthRun { at, changed_at, checks: found.checks.iter().map(result).collect() };
    if let Some(parent) = kept.parent() {
        replace::directory(parent)?;
    }
    replace::file(&kept, Rights { mode: 0o644, owner: None }, run.to_text().as_bytes())?;
    print(around, json, &run);
    Ok(())
}

fn changed_at(root: &Root) -> Option<Moment> {
    let data = fs::metadata(root.target(CHANGED).ok()?).ok()?;
    let since = data.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok().map(Moment)
}

fn print(around: &mut Terminal, json: bool, run: &HealthRun) {
    if json {
        let told = run.checks.iter().map(|check| Told {
            check: check.name.as_str(),
            result: check.ended.as_str(),
            since: check.since.0,
            text: &check.text,
        });
        let told: Vec<_> = told.collect();
        let text = serde_json::to_string_pretty(&told).unwrap_or_default();
        return around.print(&format!("{}\n", escape_json(&text)));
    }
    let sheet = around.sheet();
    around.print(&render::health::run(run, &sheet));
    if run.checks.is_empty() {
        around.complain(&format!("no checks in /{}\n", checks::PLACE));
    }
}

/// Leaves the failures of a host out of the count, or counts them again.
///
/// # Errors
/// A [`Failure`] from the server or the network.
pub async fn health(session: &mut Session<'_>, command: &HealthCommand) -> Result<(), Failure> {
    let (name, hours) = match command {
        // On the host itself, before there is a client.
        HealthCommand::Run(_) => return Ok(()),
        HealthCommand::Ignore(args) => (&args.name, Some(args.hours)),
        HealthCommand::Unignore(args) => (&args.name, None),
    };
    let answer = session.client.ignore_health(name, hours).await?;
    session.show(&answer, |sheet| render::health::ignored(&answer, sheet));
    Ok(())
}
