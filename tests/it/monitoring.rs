//! What somebody on call sees: the page of metrics, the alerts in the real promtool, the dashboard in the
//! real Prometheus, and the ids of requests.

mod counts;
mod dashboard;
mod ids;
mod pages;
mod record;
mod states;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::docs::pages::read;

const RULES: &str = "packaging/prometheus/repod.rules.yaml";

/// An alert of the rules.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Alert {
    severity: String,
    after: String,
    expr: String,
    description: String,
}

/// The alerts of the rules, by name, in the order of the alphabet.
fn alerts() -> BTreeMap<String, Alert> {
    let text = read(RULES);
    let (_, alerts) = text.split_once("    rules:\n").unwrap();
    let alerts = alerts.split("      - alert: ").skip(1).map(|text| {
        let (name, rest) = text.split_once('\n').unwrap();
        let field = |field: &str| {
            let (_, behind) = rest.split_once(&format!(" {field}: ")).unwrap();
            let (first, more) = behind.split_once('\n').unwrap_or((behind, ""));
            if first != ">-" {
                return first.trim_matches('\'').to_owned();
            }
            // A folded text: its lines are further in than the field.
            let deep = more.len() - more.trim_start_matches(' ').len();
            let lines = more.lines().take_while(|line| line.starts_with(&" ".repeat(deep)));
            lines.map(str::trim).collect::<Vec<_>>().join(" ")
        };
        let alert = Alert {
            severity: field("severity"),
            after: field("for"),
            expr: field("expr"),
            description: field("description"),
        };
        (name.to_owned(), alert)
    });
    alerts.collect()
}

/// Every name of a metric of ours in a text.
fn metrics_in(text: &str) -> Vec<String> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c: char| !is_of_name(c));
    words.filter(|word| word.starts_with("repod_")).map(str::to_owned).collect()
}

#[track_caller]
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(120), "{what} did not come");
        std::thread::sleep(Duration::from_millis(200));
    }
}
