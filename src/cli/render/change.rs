//! What came of a change: readable at three in the morning.

use super::version;
use crate::api::{ChangeOutcome, HostSeen, ItemState, Move, PinView};
use crate::cli::table::Table;
use crate::cli::text::{age, count, escape, shell_word, when};
use crate::debian::SuiteName;
use crate::time::Moment;

/// How hosts come to see a new generation.
const HOSTS_FOLLOW: &str = "hosts follow at their next `apt-get update && apt-get -y upgrade`";

const DRY_RUN: &str = "DRY RUN: nothing was changed. This is what would happen:\n\n";

/// What came of an upload: a line for each package, then where the suite stands.
pub fn upload(outcome: &ChangeOutcome) -> String {
    let mut out = String::new();
    if outcome.dry_run {
        out.push_str(DRY_RUN);
    }
    for item in &outcome.items {
        let (state, name, version) = (item.state.as_str(), &item.package, &item.version);
        let place = format!("{} ({})", item.architecture, item.component);
        out.push_str(&format!("{state:<9}  {name} {version} {place}"));
        if !item.note.is_empty() {
            out.push_str(&format!(": {}", escape(&item.note)));
        }
        out.push('\n');
    }
    out.push_str(&notes(outcome));
    out.push_str(&standing(outcome));
    out
}

/// What came of a pin, a rollback, an unpin or a removal, and what hosts do about it.
pub fn moved(outcome: &ChangeOutcome, now: Moment) -> String {
    let mut out = String::new();
    if outcome.dry_run {
        out.push_str(DRY_RUN);
    }
    out.push_str(&standing(outcome));
    if !outcome.moves.is_empty() {
        out.push_str(&format!("\n{}\n", moves(&outcome.moves)));
    }
    for pin in &outcome.pins {
        out.push_str(&pin_line(pin, now));
    }
    out.push_str(&notes(outcome));
    if outcome.dry_run {
        out.push_str(&hosts(&outcome.suite, &outcome.hosts, now));
    } else if outcome.moves.iter().any(|one| one.from.is_some() && one.to.is_some()) {
        out.push_str(&format!("{HOSTS_FOLLOW}\n"));
    }
    out
}

fn standing(outcome: &ChangeOutcome) -> String {
    let suite = &outcome.suite;
    match (outcome.generation, outcome.dry_run) {
        (Some(generation), false) => format!("generation {generation} of {suite} is live\n"),
        (None, false) => format!("no new generation: hosts see no difference in {suite}\n"),
        (_, true) if outcome.moves.is_empty() && !publishes(outcome) => {
            format!("{suite} would stay as it is for hosts\n")
        }
        (Some(generation), true) => format!("generation {generation} of {suite} would go live\n"),
        (None, true) => format!("a new generation of {suite} would go live\n"),
    }
}

fn publishes(outcome: &ChangeOutcome) -> bool {
    outcome.items.iter().any(|item| item.state == ItemState::Published)
}

/// What moves, as a table.
pub fn moves(moves: &[Move]) -> String {
    let mut table = Table::new(&["PACKAGE", "ARCHITECTURE", "COMPONENT", "FROM", "TO"]);
    for one in moves {
        table.row([
            one.package.to_string(),
            one.architecture.to_string(),
            one.component.to_string(),
            version(one.from.as_ref()),
            version(one.to.as_ref()),
        ]);
    }
    table.lines(2)
}

fn pin_line(pin: &PinView, now: Moment) -> String {
    let (package, kind) = (&pin.package, pin.kind.as_str());
    let what = match &pin.version {
        Some(version) => format!("pinned: {kind} {package} at {version}"),
        None => format!("held out: {kind} {package} is offered in no version"),
    };
    let end = match pin.until {
        Some(until) => format!("until {}", when(until, now)),
        None => {
            let binary = if kind == "binary" { " --binary" } else { "" };
            let suite = shell_word(pin.suite.as_str());
            format!(
                "until `repoctl unpin --suite {suite}{binary} {}`",
                shell_word(package.as_str())
            )
        }
    };
    format!("{what}, {end}\n")
}

fn notes(outcome: &ChangeOutcome) -> String {
    outcome.notes.iter().map(|note| format!("note: {}\n", escape(note))).collect()
}

fn hosts(suite: &SuiteName, hosts: &[HostSeen], now: Moment) -> String {
    if hosts.is_empty() {
        return format!("\nno host reads {suite}\n");
    }
    let mut table = Table::new(&["HOST", "LAST SEEN", ">GENERATION"]);
    for host in hosts {
        table.row([
            host.identity.clone(),
            host.last_seen_at.map_or("never".into(), |at| age(at, now)),
            host.generation.map(|generation| generation.to_string()).unwrap_or_default(),
        ]);
    }
    format!("\n{} would see it:\n{}", count(hosts.len(), "host"), table.lines(2))
}

/// Pins, as a table.
pub fn pins(pins: &[PinView], now: Moment) -> String {
    let mut table =
        Table::new(&["SUITE", "PACKAGE", "KIND", "VERSION", "SINCE", "ENDS", "BY", "MESSAGE"]);
    for pin in pins {
        table.row([
            pin.suite.to_string(),
            pin.package.to_string(),
            pin.kind.as_str().into(),
            pin.version.as_ref().map_or("held out".into(), ToString::to_string),
            age(pin.at, now),
            pin.until.map_or("never".into(), |until| age(until, now)),
            pin.author.clone(),
            pin.message.clone(),
        ]);
    }
    table.lines(0)
}
