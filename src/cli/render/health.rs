//! The health of hosts.

use crate::api::{CheckState, CheckView, HealthIgnored, HealthState, HealthView};
use crate::cli::sheet::Sheet;
use crate::cli::table::Table;
use crate::cli::text::{age, escape, when};
use crate::domain::health::HealthRun;

/// What the checks of this host said.
pub fn run(run: &HealthRun, sheet: &Sheet) -> String {
    let mut table = Table::new(&["CHECK", "RESULT", "SINCE", "SAYS"]);
    for check in &run.checks {
        let name = check.name.to_string();
        let since = age(check.since.0, sheet.now);
        table.row([name, check.ended.as_str().to_owned(), since, check.text.clone()]);
    }
    table.lines(0, sheet)
}

/// Until when a host is left out.
pub fn ignored(answer: &HealthIgnored, sheet: &Sheet) -> String {
    let host = escape(&answer.host);
    match answer.until {
        Some(until) => {
            format!("failed checks of {host} do not count until {}\n", when(until, sheet.now))
        }
        None => format!("failed checks of {host} count\n"),
    }
}

/// The checks of a host, below its report; empty where there are none.
pub fn host(view: &HealthView, sheet: &Sheet) -> String {
    if view.checks.is_empty() && view.ignored_until.is_none() {
        return String::new();
    }
    let until = view
        .ignored_until
        .map(|until| format!(": failed checks do not count until {}", when(until, sheet.now)));
    let mut out =
        format!("\n  health: {}{}\n", word(view.state), escape(&until.unwrap_or_default()));
    let mut table = Table::new(&["CHECK", "RESULT", "SINCE", "TOLD", "BY", "SAYS"]);
    for check in &view.checks {
        table.row([
            check.check.clone(),
            result(check),
            age(check.since, sheet.now),
            age(check.at, sheet.now),
            check.reporter.clone().unwrap_or_else(|| "the host".into()),
            check.text.clone(),
        ]);
    }
    out.push_str(&table.lines(4, sheet));
    out
}

/// `10-web: no route`: what fails, in a row of a table.
pub fn failures(view: &HealthView) -> String {
    let counted = view.checks.iter().filter(|check| !check.failed_before);
    let said = counted.map(|check| match check.text.is_empty() {
        true => check.check.clone(),
        false => format!("{}: {}", check.check, check.text),
    });
    said.collect::<Vec<_>>().join("; ")
}

fn result(check: &CheckView) -> String {
    let word = match check.result {
        CheckState::Pass => "pass",
        CheckState::Fail => "fail",
        CheckState::Timeout => "timeout",
    };
    if check.failed_before { format!("{word}, before the change too") } else { word.to_owned() }
}

/// How a host is, in a word.
pub fn word(state: HealthState) -> &'static str {
    match state {
        HealthState::Unknown => "unknown",
        HealthState::Healthy => "healthy",
        HealthState::Unhealthy => "unhealthy",
        HealthState::Ignored => "ignored",
    }
}
