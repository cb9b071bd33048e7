//! Signing keys.

use super::access::choice;
use crate::api::{ClientPackageView, KeyOutcome, KeyView};
use crate::cli::sheet::Sheet;
use crate::cli::table::Table;
use crate::cli::text::{count, escape, when};
use crate::time::Moment;

/// One line for each key.
pub fn list(keys: &[KeyView], sheet: &Sheet) -> String {
    let mut table = Table::new(&["=KEY", "KIND", "SUITES", "SIGNS SINCE", "PRIVATE PART"]);
    for key in keys {
        table.row([
            key.fingerprint.clone(),
            key.algorithm.clone(),
            choice(&key.suites),
            when(key.added.unwrap_or(key.created), sheet.now),
            if key.external { "elsewhere".into() } else { "on the server".into() },
        ]);
    }
    table.lines(0, sheet)
}

/// Each key with the hosts that are not known to have it.
pub fn status(keys: &[KeyView], now: Moment) -> String {
    let mut out = String::new();
    for key in keys {
        let (ready, behind) = (key.hosts_ready, key.hosts_behind.len());
        out.push_str(&format!(
            "{} ({}, signs {} since {})\n  hosts that have it: {ready}\n",
            escape(&key.fingerprint),
            escape(&key.algorithm),
            match choice(&key.suites).as_str() {
                "all" => "every suite".to_owned(),
                suites => suites.to_owned(),
            },
            when(key.added.unwrap_or(key.created), now),
        ));
        if behind > 0 {
            out.push_str("  hosts that are not known to have it:\n");
        }
        for one in &key.hosts_behind {
            out.push_str(&format!("    {}  {}\n", escape(&one.host), one.suite));
        }
    }
    out
}

/// The outcome of a change of keys.
pub fn outcome(outcome: &KeyOutcome, verb: &str) -> String {
    let mut out = format!("{} {verb}\n", escape(&outcome.fingerprint));
    for one in &outcome.packages {
        out.push_str(&package(one));
    }
    for note in &outcome.notes {
        out.push_str(&format!("note: {}\n", escape(note)));
    }
    if outcome.packages.len() > 1 {
        out.push_str(&format!(
            "{} bring it to their hosts\n",
            count(outcome.packages.len(), "package")
        ));
    }
    out
}

/// A client package.
pub fn package(one: &ClientPackageView) -> String {
    let (package, version, suite) = (&one.package, one.version, &one.suite);
    match one.generation {
        Some(generation) => format!("{package} {version} is in {suite}, generation {generation}\n"),
        None => format!("{package} {version} is in {suite} already\n"),
    }
}
