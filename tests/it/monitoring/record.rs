//! Pages of metrics of a real server, recorded and played to the real promtool.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::RULES;
use crate::harness::programs::{Outcome, program};

/// How often the rules are evaluated. Unit: seconds.
const STEP: u32 = 15;
/// How long all is well, in the play. Unit: steps.
const WELL: u32 = 40;
/// How long it is not, after that. Unit: steps.
const ILL: u32 = 260;
/// Between two pages: longer than the server shows what it read before.
const APART: Duration = Duration::from_secs(11);

/// A state of a server: two of its pages, a while apart.
pub struct State {
    pages: [(f64, BTreeMap<String, f64>); 2],
}

impl State {
    /// Records what `page` gives.
    pub fn record(page: impl Fn() -> String) -> Self {
        let one = || {
            let text = page();
            let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            let both = lines.map(|line| line.rsplit_once(' ').unwrap());
            let values = both.map(|(series, value)| (series.to_owned(), value.parse().unwrap()));
            (at, values.collect::<BTreeMap<_, _>>())
        };
        let first = one();
        std::thread::sleep(APART);
        Self { pages: [first, one()] }
    }

    /// The value of a series on the last page.
    #[track_caller]
    pub fn value(&self, series: &str) -> f64 {
        let (_, values) = &self.pages[1];
        *values.get(series).unwrap_or_else(|| panic!("no {series} in {values:?}"))
    }

    /// How a series goes on after its last page, in promtool's words, for so many steps from `from` on. The
    /// clock of the play begins at 0. What is a time or an age goes on as it went between the two pages, and
    /// everything else stays as it was.
    fn go_on(&self, series: &str, from: u32, steps: u32) -> String {
        let [(before, earlier), (at, later)] = &self.pages;
        let Some(value) = later.get(series) else { return format!("_x{steps}") };
        let name = series.split('{').next().unwrap();
        let pace = match earlier.get(series) {
            Some(earlier) => (value - earlier) / (at - before),
            None => 0.0,
        };
        let is_time = name.ends_with("_timestamp_seconds") && *value > 0.0;
        let runs = (is_time || name.ends_with("_age_seconds")) && pace > 0.5;
        let value = if is_time { value - at + f64::from(from * STEP) } else { *value };
        let more = if runs { STEP } else { 0 };
        format!("{value:.3}+{more}x{}", steps - 1)
    }
}

/// What fires at the end of each part of a play: while all is well, and when it is not any more.
pub fn play(well: &State, ill: &State) -> [BTreeSet<String>; 2] {
    let all: BTreeSet<_> = well.pages[1].1.keys().chain(ill.pages[1].1.keys()).collect();
    let mut series = String::new();
    for one in all {
        let values = [well.go_on(one, 0, WELL), ill.go_on(one, WELL, ILL)].join(" ");
        let (name, labels) = one.trim_end_matches('}').split_once('{').unwrap_or((one, ""));
        let labels = labels.replace('\'', "''");
        let comma = if labels.is_empty() { "" } else { "," };
        let own = "instance=\"repo.example.org:9180\",job=\"repod\"";
        writeln!(series, "      - series: '{name}{{{labels}{comma}{own}}}'").unwrap();
        writeln!(series, "        values: {values}").unwrap();
    }
    [WELL - 1, WELL + ILL - 1].map(|step| fired(&series, step * STEP))
}

/// What fires by promtool at a time of the play. promtool says what there is when something else is
/// expected; what it says is then expected, and has to be right.
fn fired(series: &str, at_seconds: u32) -> BTreeSet<String> {
    let nobody = BTreeSet::from(["Nobody".to_owned()]);
    let outcome = tested(series, at_seconds, &nobody);
    let got = outcome.stderr.split("got:").nth(1).or(outcome.stdout.split("got:").nth(1));
    let got = got.unwrap_or_else(|| panic!("promtool says nothing of alerts: {outcome}"));
    let names = got.split("alertname=\\\"").skip(1).chain(got.split("alertname=\"").skip(1));
    let names: BTreeSet<_> =
        names.map(|rest| rest.split(['"', '\\']).next().unwrap().to_owned()).collect();
    tested(series, at_seconds, &names).expect_success();
    names
}

fn tested(series: &str, at_seconds: u32, names: &BTreeSet<String>) -> Outcome {
    let mut samples = String::from(if names.is_empty() { " []\n" } else { "\n" });
    for name in names {
        let labels = format!("          - labels: '{{alertname=\"{name}\"}}'\n");
        samples.push_str(&format!("{labels}            value: 1\n"));
    }
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/");
    let text = format!(
        "rule_files: [{rules}{RULES}]\nevaluation_interval: {STEP}s\ntests:\n  \
         - interval: {STEP}s\n    input_series:\n{series}    promql_expr_test:\n      \
         - expr: count by (alertname) (ALERTS{{alertstate=\"firing\"}})\n        \
         eval_time: {at_seconds}s\n        exp_samples:{samples}"
    );
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("recorded.test.yaml");
    std::fs::write(&path, text).unwrap();
    program("promtool").args(["test", "rules"]).arg(&path).run()
}
