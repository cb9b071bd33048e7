//! `repod check`: whether all that is stored is what was stored.
//!
//! May name: amount, cli, debian, demo, domain, init, server, signing, time

use std::path::{Path, PathBuf};
use std::sync::Arc;

use repod::amount::{count, size};
use repod::server::check::{self, Checked, Finding};
use repod::time::{Clock, SystemClock};

#[derive(clap::Args)]
pub struct CheckArguments {
    /// Repair what can be: packs of indices and stanzas, from packages. The server must be stopped;
    /// one that runs repairs by itself what it meets.
    #[arg(long)]
    repair: bool,
    /// The configuration [default: $REPOD_CONFIG, ./repod.toml or /etc/repod/repod.toml].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub fn run(arguments: CheckArguments) -> Result<(), String> {
    let config = repod::server::config_path(arguments.config);
    let checked = look(&config)?;
    if checked.findings.is_empty() {
        return Ok(());
    }
    if !arguments.repair {
        return Err(format!(
            "{} not what was stored:\n  {}\nwith the server stopped, `repod check --repair` repairs what can be",
            things_are(&checked.findings),
            lines(&checked.findings)
        ));
    }
    let runtime = tokio::runtime::Runtime::new();
    let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let repairs = runtime.block_on(check::repair(&config, clock, &checked.findings));
    let repairs = repairs.map_err(|error| error.to_string())?;
    runtime.shutdown_timeout(std::time::Duration::from_secs(10));
    repairs.done.iter().for_each(|one| println!("{one}"));
    let again = look(&config)?;
    // What the server writes anew at every start, such as the public keys.
    let by_itself = checked.findings.iter().filter(|one| one.damage.is_empty());
    for one in by_itself.filter(|one| !again.findings.contains(one)) {
        println!("{}: as it should be now", one.text);
    }
    match (again.findings.is_empty(), repairs.is_listed) {
        (true, true) => Ok(()),
        (true, false) => {
            Err("what was made anew is not listed yet; `repod serve` goes on with it".into())
        }
        (false, _) => Err(format!(
            "{} still not what was stored:\n  {}",
            things_are(&again.findings),
            [
                again.findings.iter().map(|one| one.text.clone()).collect(),
                reasons(&again, repairs.left)
            ]
            .concat()
            .join("\n  ")
        )),
    }
}

fn look(config: &Path) -> Result<Checked, String> {
    let checked = check::run(config, SystemClock.now(), &mut |_| {});
    let checked = checked.map_err(|error| error.to_string())?;
    let Checked { packages, packs, files, orphans, orphan_bytes, .. } = &checked;
    println!(
        "Checked {}, {} and {}.",
        count(*packages, "package"),
        count(*packs, "pack"),
        count(*files, "index file")
    );
    let (belong, them) = if *orphans == 1 { ("belongs", "it") } else { ("belong", "them") };
    let (stored, bytes) = (count(*orphans, "stored file"), size(*orphan_bytes));
    if *orphans > 0 {
        println!("  {stored} ({bytes}) {belong} to nothing; the server removes {them} by itself");
    }
    if checked.findings.is_empty() {
        println!("All of it is what was stored.");
    }
    Ok(checked)
}

/// Why something was not repaired, beside what is still wrong.
fn reasons(again: &Checked, left: Vec<String>) -> Vec<String> {
    let said = |reason: &String| again.findings.iter().any(|one| one.text == *reason);
    left.into_iter().filter(|reason| !said(reason)).collect()
}

fn things_are(findings: &[Finding]) -> String {
    let are = if findings.len() == 1 { "is" } else { "are" };
    format!("{} {are}", count(findings.len(), "thing"))
}

fn lines(findings: &[Finding]) -> String {
    findings.iter().map(|one| one.text.as_str()).collect::<Vec<_>>().join("\n  ")
}
