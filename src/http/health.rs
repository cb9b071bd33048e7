//! The health of hosts: shown, told by others, and left out of the count.

use axum::extract::State;

use crate::api::{
    CheckState, CheckView, HealthIgnore, HealthIgnored, HealthQuery, HealthResult, HealthState,
    HealthView,
};
use crate::domain::health::{self, CheckName, Ended, Health, HostHealth, KnownCheck};
use crate::domain::{Identity, Right};
use crate::flow::inventory::{self, Word};
use crate::http::App;
use crate::http::admitted::{Caller, parse};
use crate::http::answer::Failure;
use crate::http::extract::{Json, Path, Query};
use crate::http::sent::Sent;

/// `GET /hosts/{name}/health`: for an operator of the host's suites, and for the host.
pub async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Query(query): Query<HealthQuery>,
) -> Result<Json<HealthView>, Failure> {
    let admitted = caller.admit(&app, Right::Introspect)?;
    let host: Identity = parse("name", &name)?;
    let found = inventory::health(&app.repository, &admitted, &host, query.suite).await?;
    Ok(Json(view(&found, |_| true)))
}

/// `POST /suites/{suite}/hosts/{name}/health`: an operator of the suite says how a host is.
pub async fn note(
    State(app): State<App>,
    caller: Caller,
    Path((suite, name)): Path<(String, String)>,
    sent: Sent,
) -> Result<Json<HealthView>, Failure> {
    let suite = caller.suite(&app, &suite)?;
    let (said, _room) = sent.json::<HealthResult>(&app, &caller, Right::Operate(&suite)).await?;
    let admitted = caller.admit(&app, Right::Operate(&suite))?;
    let host: Identity = parse("name", &name)?;
    let check = CheckName::parse(&said.check).map_err(|error| Failure::invalid("check", error))?;
    if !health::is_line(&said.text) {
        let problem = format!("is no line of at most {} bytes", health::LONGEST_TEXT_BYTES);
        return Err(Failure::invalid("text", problem));
    }
    let ended = match said.result {
        CheckState::Pass => Ended::Passed,
        CheckState::Fail => Ended::Failed,
        CheckState::Timeout => Ended::TimedOut,
    };
    let word = Word { name: check, ended, text: said.text };
    let found = inventory::note(&app.repository, &admitted, (suite, host), word).await?;
    Ok(Json(view(&found, |_| true)))
}

/// `POST /hosts/{name}/health/ignore`.
pub async fn ignore(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    sent: Sent,
) -> Result<Json<HealthIgnored>, Failure> {
    let (said, _room) = sent.json::<HealthIgnore>(&app, &caller, Right::IssueHosts).await?;
    let admitted = caller.admit(&app, Right::IssueHosts)?;
    let host: Identity = parse("name", &name)?;
    let until = inventory::ignore(&app.repository, &admitted, host, said.hours).await?;
    Ok(Json(HealthIgnored { host: name, until: until.map(|at| at.0) }))
}

/// The health of a host, with those of its checks that fail.
pub fn failures(found: &HostHealth) -> HealthView {
    view(found, |check| check.result.ended.is_failure())
}

fn view(found: &HostHealth, shown: impl Fn(&KnownCheck) -> bool) -> HealthView {
    HealthView {
        state: match found.standing() {
            Health::Unknown => HealthState::Unknown,
            Health::Healthy => HealthState::Healthy,
            Health::Unhealthy => HealthState::Unhealthy,
            Health::Ignored => HealthState::Ignored,
        },
        ignored_until: found.ignored_until.map(|at| at.0),
        checks: found.checks.iter().filter(|check| shown(check)).map(check).collect(),
    }
}

fn check(known: &KnownCheck) -> CheckView {
    CheckView {
        check: known.result.name.to_string(),
        reporter: known.reporter.as_ref().map(ToString::to_string),
        result: match known.result.ended {
            Ended::Passed => CheckState::Pass,
            Ended::Failed => CheckState::Fail,
            Ended::TimedOut => CheckState::Timeout,
        },
        since: known.result.since.0,
        at: known.at.0,
        failed_before: known.failed_before,
        text: known.result.text.clone(),
    }
}
