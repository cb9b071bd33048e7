//! Suites, their history and their differences.

use std::collections::{BTreeMap, BTreeSet};

use super::{change, pairs};
use crate::api::{Diff, GenerationView, HoldView, KeepRules, Move, Ring, RolledView, SuiteView};
use crate::cli::sheet::Sheet;
use crate::cli::table::Table;
use crate::cli::text::{age, count, escape, size, when};
use crate::debian::SuiteName;
use crate::time::Moment;

/// Every suite, as a table.
pub fn list(suites: &[SuiteView], sheet: &Sheet) -> String {
    let headings = [
        "SUITE",
        "NAMESPACE",
        ">GENERATION",
        ">PACKAGES",
        ">VERSIONS",
        ">WAITING",
        ">PINS",
        ">SIZE",
        "PUBLISHED",
        "ALIAS",
        "DESCRIPTION",
    ];
    let mut table = Table::new(&headings);
    for suite in suites {
        table.row([
            suite.name.to_string(),
            suite.namespace.to_string(),
            suite.generation.to_string(),
            suite.packages.to_string(),
            suite.versions.to_string(),
            suite.waiting.to_string(),
            suite.pins.to_string(),
            size(suite.size_bytes),
            suite.date.map(|date| age(date, sheet.now)).unwrap_or_default(),
            suite.alias.as_ref().map(ToString::to_string).unwrap_or_default(),
            suite.description.clone(),
        ]);
    }
    table.lines(0, sheet)
}

/// One suite with everything that is said of it.
pub fn show(suite: &SuiteView, now: Moment) -> String {
    let moment = |at: Option<i64>| at.map_or("never".into(), |at| when(at, now));
    let joined = |names: Vec<String>| names.join(" ");
    let lines = [
        ("alias", suite.alias.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("origin", suite.origin.clone()),
        ("label", suite.label.clone()),
        ("description", suite.description.clone()),
        ("components", joined(suite.components.iter().map(ToString::to_string).collect())),
        ("architectures", joined(suite.architectures.iter().map(ToString::to_string).collect())),
        (
            "owns",
            if suite.owns.is_empty() { "any name".into() } else { joined(suite.owns.clone()) },
        ),
        ("allows", joined(suite.allows.iter().map(ToString::to_string).collect())),
        ("versions", suite.versions.to_string()),
        ("namespace", suite.namespace.to_string()),
        ("keeps", kept(suite.keep)),
        ("held", suite.hold.as_ref().map(|hold| held(hold, now)).unwrap_or_default()),
        ("rings", rings(suite)),
        ("rollouts", rollouts(suite)),
        ("freezes", freezes(suite)),
        ("hosts take it", taken(suite).into()),
        ("beside packages", beside(suite)),
        ("changelogs", suite.changelogs.clone().unwrap_or_default()),
        ("snapshots", suite.snapshots.clone().unwrap_or_default()),
        ("generation", suite.generation.to_string()),
        ("published", moment(suite.date)),
        ("valid until", moment(suite.valid_until)),
        ("signatures valid", count(suite.valid_days, "day")),
        ("packages", suite.packages.to_string()),
        ("waiting", suite.waiting.to_string()),
        ("pins", suite.pins.to_string()),
        ("size", size(suite.size_bytes)),
    ];
    format!("{}\n{}", suite.name, pairs(2, &lines))
}

/// What a suite keeps of what it no longer lists.
pub fn kept(rules: KeepRules) -> String {
    let KeepRules { versions, days, installed_days } = rules;
    if versions == 0 && days == 0 {
        return "everything".to_owned();
    }
    let mut parts = Vec::new();
    if versions > 0 {
        parts.push(format!("{} of each package", count(versions, "version")));
    }
    if days > 0 {
        parts.push(format!("{} of what was listed", count(days, "day")));
    }
    if installed_days > 0 {
        parts.push(format!(
            "what hosts have that were seen within {}",
            count(installed_days, "day")
        ));
    }
    parts.join(", ")
}

/// The rings in order, each with who is in it as far as the reader may know.
fn rings(suite: &SuiteView) -> String {
    let ring = |one: &Ring| match one.hosts.is_empty() {
        true => escape(&one.name),
        false => escape(&format!("{} ({})", one.name, one.hosts.join(" "))),
    };
    if suite.rings.is_empty() {
        return String::new();
    }
    let named = suite.rings.iter().map(ring).chain(["everyone".to_owned()]);
    named.collect::<Vec<_>>().join(", then ")
}

/// By what rollouts go on and stop, as it is set; nothing where there are no rings.
fn rollouts(suite: &SuiteView) -> String {
    if suite.rings.is_empty() {
        return String::new();
    }
    let pairs = suite.rollout.pairs().into_iter().map(|(key, value)| format!("{key}={value}"));
    pairs.collect::<Vec<_>>().join(" ")
}

/// When rollouts take no step.
fn freezes(suite: &SuiteView) -> String {
    let freezes = suite.rollout.freezes.iter().flatten();
    freezes.map(|one| format!("{} ({})", one.name, one.when)).collect::<Vec<_>>().join(", ")
}

/// Since when, by whom and why a suite is held, and how much waits.
pub(super) fn held(hold: &HoldView, now: Moment) -> String {
    let why = if hold.message.is_empty() {
        String::new()
    } else {
        format!(": {}", escape(&hold.message))
    };
    let back = match hold.held_back {
        0 => "nothing came meanwhile".to_owned(),
        some => format!("{} came meanwhile", count(some, "package")),
    };
    format!("{} by {}{why}; {back}", age(hold.at, now), escape(&hold.author))
}

/// What is asked about before the Dates of a suite start anew: what the clocks show.
pub fn redate(name: &SuiteName, date: Option<Moment>, server: Moment, own: Moment) -> String {
    let date = date.map_or("never".into(), |date| when(date.0, server));
    let lines = [
        ("last Date", date),
        ("server's clock", server.iso()),
        ("this machine's clock", own.iso()),
    ];
    format!("{name}: its Dates start anew at the time of the server's clock\n{}", pairs(2, &lines))
}

/// What hosts do with the suite, and the priority that apt gives it.
fn taken(suite: &SuiteView) -> &'static str {
    match (suite.not_automatic, suite.but_automatic_upgrades) {
        (false, _) => "by themselves (500)",
        (true, true) => "when asked to, then upgrades by themselves (100)",
        (true, false) => "when asked to (1)",
    }
}

fn beside(suite: &SuiteView) -> String {
    let files = [
        (suite.contents, "Contents"),
        (suite.pdiffs, "patches"),
        (suite.translations, "Translation-en"),
    ];
    let names: Vec<&str> = files.iter().filter_map(|(made, name)| made.then_some(*name)).collect();
    names.join(" ")
}

/// Generations, newest first, as a table.
pub fn history(generations: &[GenerationView], sheet: &Sheet) -> String {
    let mut table = Table::new(&[">GENERATION", "", "PUBLISHED", "BY", "CHANGED", "MESSAGE"]);
    let alike = alike(generations);
    for one in generations {
        let again = one.same_as.map(|same| format!("(as {same}) ")).unwrap_or_default();
        let message = one.message.trim_end().replace('\n', "; ");
        table.row([
            one.generation.to_string(),
            if one.live { "live".into() } else { " ".into() },
            when(one.at, sheet.now),
            one.authors.join(","),
            changed(one, &alike),
            format!("{again}{message}").trim_end().to_owned(),
        ]);
    }
    table.lines(0, sheet)
}

/// The moves that several generations have in other architectures: builders sent one version one after the other.
fn alike(generations: &[GenerationView]) -> BTreeSet<String> {
    let mut of: BTreeMap<String, BTreeSet<BTreeSet<String>>> = BTreeMap::new();
    for one in generations {
        let mut own: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for one in &one.moves {
            own.entry(moved(one)).or_default().insert(one.architecture.to_string());
        }
        own.into_iter().for_each(|(text, architectures)| {
            of.entry(text).or_default().insert(architectures);
        });
    }
    of.into_iter().filter(|(_, sets)| sets.len() > 1).map(|(text, _)| text).collect()
}

/// How many packages of a generation are named.
const NAMED: usize = 4;

/// What a rollout brought to a ring: `acme-web 2.0 to ring canary`.
fn rolled(to: &RolledView) -> String {
    let first = to.brings.first().map(|of| format!("{} {}", of.package, of.version));
    let more = match to.brings.len() {
        0 | 1 => String::new(),
        all => format!(" and {} more", all.saturating_sub(1)),
    };
    format!("{}{more} to ring {}", first.unwrap_or_default(), escape(&to.ring))
}

/// What came and went: `acme-web 1.0 -> 2.0, +acme-new 1.0, -acme-old 3.1, and 5 more`.
fn changed(one: &GenerationView, alike: &BTreeSet<String>) -> String {
    let of = |one: &Move| match moved(one) {
        text if alike.contains(&text) => format!("{text} ({})", one.architecture),
        text => text,
    };
    let mut names: Vec<String> = one.moves.iter().map(of).collect();
    // The same of every architecture is said once.
    names.dedup();
    let rolled: Vec<String> = one.rolled.iter().map(rolled).collect();
    if names.is_empty() && !rolled.is_empty() {
        return rolled.join(", ");
    }
    names.extend(rolled);
    let (entered, left) = (one.entered, one.left);
    if names.is_empty() {
        return if entered == 0 && left == 0 {
            String::new()
        } else {
            format!("+{entered} -{left}")
        };
    }
    let told = one.moves.iter().flat_map(|one| [&one.from, &one.to]).flatten().count() as u64;
    let is_whole = told >= entered.saturating_add(left);
    match names.len().saturating_sub(NAMED) {
        0 if is_whole => names.join(", "),
        _ => {
            names.truncate(NAMED);
            format!("{}, … (+{entered} -{left})", names.join(", "))
        }
    }
}

fn moved(one: &Move) -> String {
    let name = &one.package;
    match (&one.from, &one.to) {
        (Some(from), Some(to)) => format!("{name} {from} -> {to}"),
        (None, Some(to)) => format!("+{name} {to}"),
        (Some(from), None) => format!("-{name} {from}"),
        (None, None) => name.to_string(),
    }
}

/// What differs between two generations.
pub fn diff(diff: &Diff, sheet: &Sheet) -> String {
    if diff.moves.is_empty() {
        return format!("generations {} and {} hold the same packages\n", diff.from, diff.to);
    }
    change::moves(&diff.moves, sheet)
}
