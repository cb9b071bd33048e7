//! The outcome of a change, short and clear for people in an incident.

use std::collections::BTreeSet;

use super::version;
use crate::api::{ChangeOutcome, ItemOutcome, ItemState, Move, PinView};
use crate::cli::sheet::Sheet;
use crate::cli::table::Table;
use crate::cli::text::{age, count, escape, shell_word, when};
use crate::time::Moment;

/// How hosts get a new generation.
const HOSTS_FOLLOW: &str = "hosts follow at their next `apt-get update && apt-get -y upgrade`";

const DRY_RUN: &str = "DRY RUN: nothing was changed. This is what would happen:\n\n";

const PLAN: &str = "This is what would happen:\n\n";

/// The outcome of an upload: a line for each package, then the state of the suite.
pub fn upload(outcome: &ChangeOutcome, sheet: &Sheet) -> String {
    let mut out = String::new();
    if outcome.dry_run {
        out.push_str(DRY_RUN);
    }
    outcome.items.iter().for_each(|one| out.push_str(&item(one)));
    out.push_str(&notes(outcome, sheet));
    out.push_str(&suite_state(outcome));
    out
}

fn item(item: &ItemOutcome) -> String {
    let (state, name, version) = (item.state.as_str(), &item.package, &item.version);
    let place = format!("{} ({})", item.architecture, item.component);
    let mut line = format!("{state:<9}  {name} {version} {place}");
    if !item.note.is_empty() {
        line.push_str(&format!(": {}", escape(&item.note)));
    }
    if !item.cure.is_empty() {
        line.push_str(&format!("; `{}` makes it live", escape(&item.cure)));
    }
    line + "\n"
}

/// One line when hosts are not offered all that was taken; empty otherwise.
pub fn not_offered(outcome: &ChangeOutcome) -> String {
    let (all, held) = (outcome.items.len(), outcome.not_live().count());
    let verb = match (outcome.dry_run, held) {
        (true, _) => "would not be",
        (false, 1) => "is not",
        (false, _) => "are not",
    };
    let packages = count(all, "package");
    match held {
        0 => String::new(),
        _ => format!("note: {held} of {packages} {verb} offered to hosts (see above)\n"),
    }
}

/// The outcome of a pin, a rollback, an unpin or a removal, and what hosts will do.
pub fn moved(outcome: &ChangeOutcome, sheet: &Sheet) -> String {
    let heading = if outcome.dry_run { DRY_RUN } else { "" };
    format!("{heading}{}", consequences(outcome, true, sheet))
}

/// The outcome of a promotion: what does not come to hosts with it, then what does.
pub fn promoted(outcome: &ChangeOutcome, sheet: &Sheet) -> String {
    let heading = if outcome.dry_run { DRY_RUN } else { "" };
    // Uploaders, who may promote, are not told which hosts read a suite.
    let tells_hosts = !outcome.hosts.is_empty();
    format!("{heading}{}{}", unmoved(outcome), consequences(outcome, tells_hosts, sheet))
}

/// The named packages of a change that hosts see no difference of, and those of which there is more to say.
fn unmoved(outcome: &ChangeOutcome) -> String {
    let told = |one: &&ItemOutcome| one.state != ItemState::Published || !one.note.is_empty();
    outcome.items.iter().filter(told).map(item).collect()
}

/// What became of a hold: the server's sentences are all there is to say.
pub fn held(outcome: &ChangeOutcome) -> String {
    outcome.notes.iter().map(|note| format!("{}\n", escape(note))).collect()
}

/// The expected outcome of a change, before the question.
pub fn plan(outcome: &ChangeOutcome, sheet: &Sheet) -> String {
    let tells_hosts = outcome.items.is_empty() || !outcome.hosts.is_empty();
    format!("{PLAN}{}{}", unmoved(outcome), consequences(outcome, tells_hosts, sheet))
}

fn consequences(outcome: &ChangeOutcome, tells_hosts: bool, sheet: &Sheet) -> String {
    let mut out = match (outcome.generation, outcome.dry_run) {
        (Some(generation), false) => {
            format!("live as generation {generation} of {}\n", outcome.suite)
        }
        _ => suite_state(outcome),
    };
    let mut rest = String::new();
    for pin in &outcome.pins {
        rest.push_str(&pin_line(pin, outcome.dry_run, sheet.now));
    }
    for pin in &outcome.ended {
        rest.push_str(&ended_line(pin, outcome.dry_run));
    }
    rest.push_str(&notes(outcome, sheet));
    if outcome.dry_run {
        rest.push_str(&if tells_hosts { hosts(outcome, sheet) } else { String::new() });
    } else if outcome.moves.iter().any(|one| one.from.is_some() && one.to.is_some()) {
        rest.push_str(&follow(outcome));
    }
    if !outcome.moves.is_empty() {
        out.push_str(&format!("\n{}", moves(&outcome.moves, sheet)));
        let apart = !rest.is_empty() && !rest.starts_with('\n');
        out.push_str(if apart { "\n" } else { "" });
    }
    out + &rest
}

/// Which hosts follow; the notes say why the others do not.
fn follow(outcome: &ChangeOutcome) -> String {
    let stuck: BTreeSet<_> = outcome.stuck.iter().map(|one| one.package.as_str()).collect();
    let stuck: Vec<_> = stuck.into_iter().collect();
    match stuck.len() {
        0 => format!("{HOSTS_FOLLOW}\n"),
        1..=8 => format!("{HOSTS_FOLLOW}, but not those that have {}\n", stuck.join(", ")),
        more => format!("{HOSTS_FOLLOW}, but not those that have any of {more} packages\n"),
    }
}

fn suite_state(outcome: &ChangeOutcome) -> String {
    let suite = &outcome.suite;
    match (outcome.generation, outcome.dry_run) {
        (Some(generation), false) => format!("generation {generation} of {suite} is live\n"),
        (None, false) => format!("no new generation: hosts see no difference in {suite}\n"),
        (_, true) if outcome.rolled => {
            format!("a new generation of {suite} would go live for some of its rings\n")
        }
        (_, true) if outcome.moves.is_empty() && !publishes(outcome) => {
            match outcome.pins.is_empty() && outcome.ended.is_empty() {
                true => format!("{suite} would stay as it is for hosts\n"),
                false => format!("hosts would see no difference in {suite}\n"),
            }
        }
        (Some(generation), true) => format!("generation {generation} of {suite} would go live\n"),
        (None, true) => format!("a new generation of {suite} would go live\n"),
    }
}

fn publishes(outcome: &ChangeOutcome) -> bool {
    outcome.items.iter().any(|item| item.state == ItemState::Published)
}

/// The moves, as a table.
pub fn moves(moves: &[Move], sheet: &Sheet) -> String {
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
    table.lines(2, sheet)
}

fn pin_line(pin: &PinView, dry_run: bool, now: Moment) -> String {
    let (package, kind) = (&pin.package, pin.kind.as_str());
    let would = if dry_run { "would be " } else { "" };
    let what = match &pin.version {
        Some(version) => format!("{would}pinned: {kind} {package} at {version}"),
        None => format!("{would}held out: {kind} {package}, offered in no version"),
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

fn ended_line(pin: &PinView, dry_run: bool) -> String {
    let (word, was) = if dry_run { ("would be unpinned", "") } else { ("unpinned", "was ") };
    let state = match &pin.version {
        Some(version) => format!("{was}at {version}"),
        None => format!("{was}held out"),
    };
    let why = match pin.message.trim_end() {
        "" => String::new(),
        message => format!(", \"{}\"", escape(message)),
    };
    let author = escape(&pin.author);
    format!("{word}: {} {} ({state}, by {author}{why})\n", pin.kind.as_str(), pin.package)
}

fn notes(outcome: &ChangeOutcome, sheet: &Sheet) -> String {
    let notes = outcome.notes.iter().map(|note| format!("note: {}\n", escape(note)));
    sheet.heads(&notes.collect::<String>())
}

fn hosts(outcome: &ChangeOutcome, sheet: &Sheet) -> String {
    let (suite, hosts) = (&outcome.suite, &outcome.hosts);
    if hosts.is_empty() {
        return format!("\nno host reads {suite}\n");
    }
    let mut table = Table::new(&["HOST", "LAST UPDATE", ">GENERATION"]);
    for host in hosts {
        table.row([
            host.identity.clone(),
            host.last_seen_at.map_or("never".into(), |at| age(at, sheet.now)),
            host.generation.map(|generation| generation.to_string()).unwrap_or_default(),
        ]);
    }
    let number = count(hosts.len(), "host");
    let heading = match (outcome.moves.is_empty(), hosts.len()) {
        (false, _) => format!("{number} would see it:"),
        (true, 1) => format!("{number} reads {suite}:"),
        (true, _) => format!("{number} read {suite}:"),
    };
    format!("\n{heading}\n{}", table.lines(2, sheet))
}

/// Pins, as a table.
pub fn pins(pins: &[PinView], sheet: &Sheet) -> String {
    let mut table =
        Table::new(&["SUITE", "PACKAGE", "KIND", "VERSION", "SINCE", "ENDS", "BY", "MESSAGE"]);
    for pin in pins {
        table.row([
            pin.suite.to_string(),
            pin.package.to_string(),
            pin.kind.as_str().into(),
            pin.version.as_ref().map_or("held out".into(), ToString::to_string),
            age(pin.at, sheet.now),
            pin.until.map_or("never".into(), |until| age(until, sheet.now)),
            pin.author.clone(),
            pin.message.clone(),
        ]);
    }
    table.lines(0, sheet)
}
