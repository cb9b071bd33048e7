//! The pages about metrics and alerts say what there is, and nothing else.

use std::collections::BTreeSet;

use repod::flow::report::concern::WarningCode;

use super::{alerts, metrics_in};
use crate::docs::pages::read;
use crate::harness::programs::program;
use crate::harness::server::TestServer;

/// The rows of the table on a page whose head begins like this, as cells without backticks.
fn table(page: &str, head: &str) -> Vec<Vec<String>> {
    let text = read(page);
    let (_, behind) = text.split_once(head).unwrap_or_else(|| panic!("{page} has no {head}"));
    let rows = behind.lines().skip(1).take_while(|line| line.starts_with("| `"));
    let cells = |row: &str| {
        let cells = row.trim_matches('|').split(" | ").map(|cell| cell.trim().replace('`', ""));
        cells.collect::<Vec<_>>()
    };
    let rows: Vec<_> = rows.map(cells).collect();
    assert!(rows.len() > 10, "{page}: {rows:?}");
    rows
}

/// Name and kind of every metric of a page, in its order.
fn kinds(page: &str) -> Vec<(String, String)> {
    let lines = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let both = lines.map(|line| line.split_once(' ').unwrap());
    both.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
}

#[test]
fn the_page_of_the_api_has_every_metric_in_the_order_of_the_metrics() {
    let server = TestServer::start();
    let page = server.metrics();
    let rows = table("docs/API.md", "| name | kind | what |\n");
    let told = rows.iter().map(|row| {
        let kind = row[1].split(',').next().unwrap();
        (row[0].clone(), kind.to_owned())
    });
    assert_eq!(kinds(&page), told.collect::<Vec<_>>());
    // Labels, too, of those that have a value.
    for row in &rows {
        let labels: Vec<_> = row[1].split(", ").skip(1).collect();
        let line = page.lines().find(|line| line.starts_with(&format!("{}{{", row[0])));
        for label in labels.iter().filter(|_| line.is_some()) {
            let named = [format!("{{{label}=\""), format!(",{label}=\"")];
            assert!(named.iter().any(|one| line.unwrap().contains(one)), "{row:?}: {line:?}");
        }
    }
}

#[test]
fn promtool_finds_nothing_wrong_with_the_metrics() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let checked = program("promtool").args(["check", "metrics"]).input(server.metrics()).run();
    assert!(checked.succeeded() && checked.stderr.is_empty(), "{checked}");
}

#[test]
fn every_warning_has_a_metric_that_is_on_the_page_and_an_alert_that_there_is() {
    let server = TestServer::start();
    let page = server.metrics();
    let rows = table("docs/monitoring.md", "| code | what it is | metric | alert |\n");
    let told: Vec<_> = rows.iter().map(|row| row[0].as_str()).collect();
    let all: Vec<_> = WarningCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(told, all);
    let alerts = alerts();
    for row in &rows {
        let there = |line: &&str| line.starts_with(&format!("# TYPE {} ", row[2]));
        assert!(page.lines().any(|line| there(&line)), "no {} on the page", row[2]);
        assert!(page.contains(&format!("repod_warnings{{code=\"{}\"}} 0\n", row[0])), "{row:?}");
        assert!(alerts.contains_key(&row[3]), "there is no alert {}", row[3]);
    }
}

#[test]
fn the_page_about_alerts_has_every_one_with_its_severity_and_time() {
    let rows =
        table("docs/monitoring.md", "| alert | severity | after | what it means | what to do |\n");
    let told: BTreeSet<_> = rows
        .iter()
        .map(|row| (row[0].clone(), row[1].clone(), row[2].replace("at once", "0m")))
        .collect();
    let there: BTreeSet<_> =
        alerts().into_iter().map(|(name, alert)| (name, alert.severity, alert.after)).collect();
    assert_eq!(told, there);
}

#[test]
fn alerts_name_metrics_that_are_there_and_commands_that_exist() {
    let server = TestServer::start();
    let page = server.metrics();
    for (name, alert) in alerts() {
        for metric in metrics_in(&alert.expr) {
            let whole = metric.trim_end_matches("_bucket");
            assert!(page.contains(&format!("# TYPE {whole} ")), "{name}: no {metric}");
        }
        assert!(alert.description.contains("Next"), "{name}: which command is next?");
        for command in alert.description.split("repoctl ").skip(1) {
            let is_word = |word: &&str| word.bytes().all(|byte| byte.is_ascii_lowercase());
            let end = command.find([';', ',', ':', '.']).unwrap_or(command.len());
            let words: Vec<_> = command[..end].split(' ').take_while(is_word).collect();
            // A sentence about status goes on behind it.
            let words = if words[0] == "status" { &words[..1] } else { &words[..] };
            let help = [words, &["--help"]].concat();
            let shown = program(env!("CARGO_BIN_EXE_repoctl")).args(&help).run();
            assert!(shown.succeeded(), "{name}: {shown}");
            assert!(shown.stdout.contains(&words.join(" ")), "{name}: {shown}");
        }
    }
}

#[test]
fn the_rules_and_their_own_tests_are_right_to_promtool() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/prometheus");
    let rules = program("promtool").dir(dir).args(["check", "rules", "repod.rules.yaml"]).run();
    rules.expect_success().expect_says(&format!("{} rules found", alerts().len()));
    let tests = ["test", "rules", "repod.rules.test.yaml"];
    program("promtool").dir(dir).args(tests).run().expect_success();
    let tests = read("packaging/prometheus/repod.rules.test.yaml");
    for name in alerts().keys() {
        let fires = format!("- labels: '{{alertname=\"{name}\"}}'\n            value: 1\n");
        assert!(tests.contains(&fires), "no test has {name} fire");
    }
}
