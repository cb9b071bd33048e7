//! `repoctl host report`: tells every server that this host reads what is installed here.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::enrol::of_host;
use super::host_client::connect;
use crate::api::{HostFacts, HostReport, ReportState};
use crate::cli::args::HostReportArgs;
use crate::cli::failure::Failure;
use crate::cli::host_certificates::HostCertificates;
use crate::cli::machine::{self, next_number};
use crate::cli::replace::{self, Rights};
use crate::cli::root::Root;
use crate::cli::terminal::Terminal;
use crate::cli::text::{count, escape, escape_json, size};
use crate::cli::written::Written;
use crate::debian::gzip;
use crate::domain::inventory::{Entry, SetHash};
use crate::time::Moment;

/// Where what each server knows is kept.
const PLACE: &str = "var/lib/repoctl/reports";
/// While this is there, nothing is sent.
const OFF: &str = "no-report";
/// How often a report is sent again after an answer that asks for it.
const TRIES: usize = 3;

/// What a server has acknowledged.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Known {
    number: u64,
    installed: Vec<String>,
}

/// What was sent to one server.
#[derive(Serialize)]
struct Sent {
    server: String,
    packages: usize,
    sent_bytes: usize,
    whole: bool,
}

/// This machine.
struct Machine {
    entries: Vec<Entry>,
    facts: HostFacts,
}

/// Reports to every server, or shows what would be reported.
///
/// # Errors
/// The first [`Failure`], after every server was tried.
pub async fn report(
    around: &mut Terminal,
    json: bool,
    args: &HostReportArgs,
) -> Result<(), Failure> {
    let root = Root::of(&args.root);
    let all = HostCertificates::all(&root)?;
    let off = Path::new("etc/apt/repod").join(OFF);
    if root.has(&off) && !args.show {
        around.complain(&format!("nothing was sent: {} is there\n", root.shown(&off).display()));
        return Ok(());
    }
    let (entries, unreadable) = machine::packages(&root)?;
    let machine = Machine { entries, facts: machine::facts(&root, unreadable) };
    if args.show {
        return show(around, args, &all, &machine);
    }
    if all.is_empty() {
        return Err(Failure::refused("this machine holds no certificate of a repod")
            .with_hint("make a token with repoctl host token, and run repoctl host enroll here"));
    }
    let (mut sent, mut failures) = (Vec::new(), Vec::new());
    for host_certificates in &all {
        if host_certificates.has(OFF) {
            let off = host_certificates.shown(OFF);
            around.complain(&format!("nothing was sent there: {} is there\n", off.display()));
            continue;
        }
        match report_to(args, host_certificates, &machine, around.now()).await {
            Ok(one) => sent.push(one),
            Err(failure) => {
                let server = escape(host_certificates.server());
                let message = format!("{server}: {}", failure.message);
                failures.push(Failure { message, ..failure });
            }
        }
    }
    print(around, json, &sent);
    let mut failures = failures.into_iter();
    let first = failures.next();
    for failure in failures {
        around.complain(&failure.lines());
    }
    first.map_or(Ok(()), Err)
}

fn print(around: &mut Terminal, json: bool, sent: &[Sent]) {
    if json {
        let text = serde_json::to_string_pretty(sent).unwrap_or_default();
        return around.print(&format!("{}\n", escape_json(&text)));
    }
    for one in sent {
        let what = if one.whole { "all of it" } else { "what differs" };
        around.print(&format!(
            "reported {} to {}: {what}, {}\n",
            count(one.packages, "package"),
            escape(&one.server),
            size(one.sent_bytes as u64)
        ));
    }
}

/// Prints the JSON that would be packed and sent, byte for byte: to each server, or the first one to any.
fn show(
    around: &mut Terminal,
    args: &HostReportArgs,
    all: &[HostCertificates],
    machine: &Machine,
) -> Result<(), Failure> {
    let mut reports = Vec::new();
    for one in all {
        let path = path(one)?;
        let known = if args.full { None } else { read(&path) };
        reports.push((
            format!("to {}", one.server()),
            compose(machine, known.as_ref(), around.now(), 0),
        ));
    }
    if reports.is_empty() {
        reports.push(("to no server yet".into(), compose(machine, None, around.now(), 0)));
    }
    for (to, report) in reports {
        let text = plain(&report)?;
        let packed = pack(&text)?;
        around.complain(&format!(
            "{}: {} bytes, {} when packed; nothing was sent\n",
            escape(&to),
            text.len(),
            packed.len()
        ));
        // As it is: JSON escapes what a terminal would obey.
        around.print(&text);
        around.complain("\n");
    }
    Ok(())
}

async fn report_to(
    args: &HostReportArgs,
    host_certificates: &HostCertificates,
    machine: &Machine,
    now: Moment,
) -> Result<Sent, Failure> {
    let server = host_certificates.server();
    let root = host_certificates.root();
    let place = root.target(PLACE)?;
    replace::directory(&place)?;
    let _alone = replace::alone(&place)?;
    let path = path(host_certificates)?;
    let (client, name) = {
        let written = Written::open(root)?;
        connect(host_certificates, &written, now)?
    };
    let mut known = if args.full { None } else { read(&path) };
    let mut last = read(&path).map_or(0, |known| known.number);
    for _ in 0..TRIES {
        let report = compose(machine, known.as_ref(), now, last);
        let packed = pack(&plain(&report)?)?;
        let sent_bytes = packed.len();
        let answer = client.report(packed).await;
        let answer = answer.map_err(|error| of_host(error.into(), &name))?;
        match answer.outcome {
            ReportState::Taken => {
                keep(&path, machine, report.number)?;
                return Ok(Sent {
                    server: server.to_owned(),
                    packages: machine.entries.len(),
                    sent_bytes,
                    whole: report.base.is_none(),
                });
            }
            ReportState::Resynchronise => known = None,
            ReportState::Outdated => {
                // This machine was restored, or its clock was put back.
                last = answer.number.unwrap_or(report.number);
                known = None;
            }
        }
    }
    Err(Failure::refused(format!("{server} takes no report of {name}: others come in between"))
        .with_hint("is the certificate of this host on another machine as well?"))
}

/// The file of what a server has acknowledged.
fn path(host_certificates: &HostCertificates) -> Result<PathBuf, Failure> {
    let name = format!("{}.json", host_certificates.server());
    host_certificates.root().target(Path::new(PLACE).join(name))
}

/// What the server has acknowledged; what cannot be read is sent anew.
fn read(path: &Path) -> Option<Known> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn keep(path: &Path, machine: &Machine, number: u64) -> Result<(), Failure> {
    let installed = machine.entries.iter().map(ToString::to_string).collect();
    let text = serde_json::to_vec(&Known { number, installed });
    let text = text.map_err(|error| Failure::refused(error.to_string()))?;
    replace::file(path, Rights { mode: 0o600, owner: None }, &text)
}

/// The report of a machine: all of it, or what differs from what the server has, if that is less.
fn compose(machine: &Machine, known: Option<&Known>, now: Moment, last: u64) -> HostReport {
    let hash = SetHash::of(&machine.entries);
    let lines: Vec<_> = machine.entries.iter().map(ToString::to_string).collect();
    let number = next_number(now, known.map_or(last, |known| known.number.max(last)));
    let whole = |installed| HostReport {
        number,
        base: None,
        hash: hash.into(),
        installed,
        gone: Vec::new(),
        facts: machine.facts.clone(),
    };
    let Some(known) = known else { return whole(lines) };
    let base: Option<Vec<_>> = known.installed.iter().map(|line| Entry::parse(line).ok()).collect();
    let Some(base) = base else { return whole(lines) };
    let (had, have): (BTreeSet<&String>, BTreeSet<&String>) =
        (known.installed.iter().collect(), lines.iter().collect());
    let gone: Vec<String> = had.difference(&have).map(|line| (*line).clone()).collect();
    let installed: Vec<String> = have.difference(&had).map(|line| (*line).clone()).collect();
    if gone.len().saturating_add(installed.len()) >= lines.len() {
        return whole(lines);
    }
    let base = Some(SetHash::of(&base).into());
    HostReport { base, installed, gone, ..whole(Vec::new()) }
}

fn plain(report: &HostReport) -> Result<String, Failure> {
    serde_json::to_string(report).map_err(|error| Failure::refused(error.to_string()))
}

fn pack(text: &str) -> Result<Vec<u8>, Failure> {
    let packed = gzip::pack(text.as_bytes());
    packed.map_err(|error| Failure::refused(format!("the report cannot be packed: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn machine(numbers: &BTreeSet<u16>) -> Machine {
        let entry = |number: &u16| Entry::parse(&format!("acme-{number} amd64 1.0 auto")).unwrap();
        Machine { entries: numbers.iter().map(entry).collect(), facts: HostFacts::default() }
    }

    proptest! {
        /// What the server makes of a difference is what is installed.
        #[test]
        fn a_difference_is_from_what_was_acknowledged_to_what_is_there(
            before in proptest::collection::btree_set(0_u16..40, 0..20),
            after in proptest::collection::btree_set(0_u16..40, 0..20),
        ) {
            let (had, have) = (machine(&before), machine(&after));
            let known = Known {
                number: 7,
                installed: had.entries.iter().map(ToString::to_string).collect(),
            };
            let report = compose(&have, Some(&known), Moment(5), 0);
            prop_assert_eq!(report.number, 8);
            let mut set: BTreeSet<String> = match report.base {
                Some(base) => {
                    prop_assert_eq!(base, SetHash::of(&had.entries).into());
                    known.installed.iter().cloned().collect()
                }
                None => BTreeSet::new(),
            };
            for line in &report.gone {
                prop_assert!(set.remove(line));
            }
            for line in &report.installed {
                prop_assert!(set.insert(line.clone()));
            }
            let lines: BTreeSet<String> = have.entries.iter().map(ToString::to_string).collect();
            prop_assert_eq!(set, lines);
        }
    }

    #[test]
    fn what_was_kept_damaged_is_sent_anew() {
        let known = Known { number: 9, installed: vec!["nonsense".into()] };
        let report = compose(&machine(&BTreeSet::from([1])), Some(&known), Moment(100), 0);
        assert_eq!((report.base, report.installed.len(), report.number), (None, 1, 100));
    }
}
