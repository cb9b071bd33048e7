//! Scrub: how far it is, and what of it needs attention.

use crate::amount::count;
use crate::flow::report::concern::{Concern, WarningCode};
use crate::flow::repository::Repository;
use crate::flow::state::scrubbing::ScrubReport;

/// After so many of its periods without the end of a pass, something is wrong.
const PERIODS: i64 = 2;

/// How far the scrub is; `None` where there is none.
pub(super) fn report(repository: &Repository) -> Option<ScrubReport> {
    (repository.limits().scrub.days > 0).then(|| repository.scrubbing.report())
}

/// What of the scrub needs attention.
pub(super) fn concerns(repository: &Repository) -> Vec<Concern> {
    let limits = repository.limits().scrub;
    let Some(report) = report(repository) else { return Vec::new() };
    let found =
        report.warnings.iter().map(|text| Concern::of_server(WarningCode::ScrubFinding, text));
    let failure = report.failure.as_ref().map(|problem| {
        let text = format!("what is stored is not read again: {problem}");
        Concern::of_server(WarningCode::ScrubFailing, text)
    });
    let since = report.last.map(|last| last.ended_at);
    let since = since.or(report.present.map(|present| present.began_at));
    let late = since.filter(|since| {
        let waited = repository.now().since(*since);
        // By a clock that jumped, nobody knows how long ago that was.
        repository.doubt().is_none() && waited > limits.period_seconds().saturating_mul(PERIODS)
    });
    let late = late.map(|since| {
        let text = format!(
            "what is stored was not read again as a whole since {since}, though it should be within \
             {}; raise scrub.bytes_per_second or scrub.days in repod.toml",
            count(limits.days, "day")
        );
        Concern::of_server(WarningCode::ScrubLate, text)
    });
    found.chain(failure).chain(late).collect()
}
