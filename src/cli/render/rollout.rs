//! Rollouts: how far they are.

use crate::api::RolloutView;
use crate::cli::sheet::Sheet;
use crate::cli::table::Table;
use crate::cli::text::{age, escape};

/// Rollouts, newest first, as a table, and below it what those that are open wait for.
pub fn status(rollouts: &[RolloutView], sheet: &Sheet) -> String {
    let mut table =
        Table::new(&[">ROLLOUT", "STATE", "BRINGS", "REACHED", "NEXT", "SINCE", "BY", "WHY"]);
    for one in rollouts {
        let brings: Vec<_> =
            one.brings.iter().map(|of| format!("{} {}", of.package, of.version)).collect();
        table.row([
            one.rollout.to_string(),
            one.state.clone(),
            brings.join(", "),
            reached(one),
            next(one),
            age(last_step(one), sheet.now),
            escape(&one.author),
            escape(if one.why.is_empty() { &one.message } else { &one.why }),
        ]);
    }
    let mut waits = Table::new(&[">ROLLOUT", "WAITS FOR"]);
    for one in rollouts.iter().filter(|one| !one.waits.is_empty()) {
        waits.row([one.rollout.to_string(), escape(&one.waits)]);
    }
    let apart = if waits.is_empty() { "" } else { "\n" };
    format!("{}{apart}{}", table.lines(0, sheet), waits.lines(0, sheet))
}

/// A rollout as a line: which it is, how far, and what it waits for.
pub fn line(one: &RolloutView) -> String {
    let brings: Vec<_> =
        one.brings.iter().map(|of| format!("{} {}", of.package, of.version)).collect();
    let said = [&one.why, &one.waits].into_iter().filter(|text| !text.is_empty());
    let said: Vec<_> = said.map(|text| format!(": {}", escape(text))).collect();
    format!(
        "rollout {} ({}) is {}, ring {}{}\n",
        one.rollout,
        brings.join(", "),
        one.state,
        reached(one),
        said.first().map(String::as_str).unwrap_or_default()
    )
}

/// How many rings it has reached, and the last of them: `1 of 3, canary`.
fn reached(one: &RolloutView) -> String {
    let all = one.rings.len();
    if one.state == "done" {
        return format!("{all} of {all}");
    }
    let reached: Vec<_> = one.rings.iter().filter(|ring| ring.at.is_some()).collect();
    let last = reached.last().map(|ring| format!(", {}", ring.name)).unwrap_or_default();
    format!("{} of {all}{last}", reached.len())
}

/// The next ring; empty where there is none.
fn next(one: &RolloutView) -> String {
    if one.state != "running" {
        return String::new();
    }
    one.rings
        .iter()
        .find(|ring| ring.at.is_none())
        .map(|ring| ring.name.clone())
        .unwrap_or_default()
}

fn last_step(one: &RolloutView) -> i64 {
    one.rings.iter().filter_map(|ring| ring.at).max().unwrap_or(one.at)
}
