//! Reports of hosts, and questions about the fleet.

use axum::extract::State;

use crate::api::{
    Code, FactDifference, FleetDiff, FleetDiffQuery, FleetHost, FleetQuery, FleetState, FleetSuite,
    HostHas, HostHolds, InstalledView, MOST_PLAIN_REPORT_BYTES, OddFact, OddHost, OfferedView,
    PackageDifference, ReportOutcome, ReportState, ReportView, VersionRelation, WhoHas,
    WhoHasQuery,
};
use crate::debian::relation::Operator;
use crate::domain::inventory::{Installed, Marks, Receipt};
use crate::domain::{Denied, GroupName, Identity, Right, Role};
use crate::flow::FlowError;
use crate::flow::inventory as fleet;
use crate::flow::upload::body::{self, RoomFor};
use crate::http::admitted::{Caller, parse};
use crate::http::answer::Failure;
use crate::http::extract::{Json, Path, Query};
use crate::http::sent::Sent;
use crate::http::{App, health, report_body};

/// Nothing that is a report is packed smaller. A body that is has been made to fill memory.
const MOST_TIMES: usize = 64;
/// `POST /report`: a host says what it has installed. It is answered when that is durable.
pub async fn report(
    State(app): State<App>,
    caller: Caller,
    sent: Sent,
) -> Result<Json<ReportOutcome>, Failure> {
    let admitted = caller.admit(&app, Right::Introspect)?;
    if !admitted.entitled().is_host() {
        let (identity, have) = (admitted.identity().clone(), admitted.entitled().role());
        return Err(FlowError::Denied(Denied::Role { identity, have, need: Role::Host }).into());
    }
    let (packed, _room) = sent.bytes(&app, &caller, Right::Introspect).await?;
    let most = MOST_PLAIN_REPORT_BYTES.min(packed.len().saturating_mul(MOST_TIMES));
    // Unpacked, and once more as what is read from it.
    let of = Some(admitted.identity().clone());
    let room = body::room(&app.repository, RoomFor::Parsed, &of, most.saturating_mul(3) as u64);
    let _room_for_plain = room.await?;
    let (host, at) = (admitted.identity().clone(), app.repository.now());
    let read = move || {
        report_body::unpack(&packed, most).and_then(|plain| report_body::read(host, &plain, at))
    };
    let read = tokio::task::spawn_blocking(read).await;
    let report =
        read.map_err(|_| Failure::new(Code::Internal, "the reader of a report stopped"))??;
    let (outcome, number) = match fleet::take(&app.repository, report).await? {
        Receipt::Taken => (ReportState::Taken, None),
        Receipt::Resynchronise => (ReportState::Resynchronise, None),
        Receipt::Outdated(number) => (ReportState::Outdated, Some(number)),
    };
    Ok(Json(ReportOutcome { outcome, number }))
}

/// `GET /hosts/{name}/report`: for an operator of the host's suites, and for the host.
pub async fn host_report(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<ReportView>, Failure> {
    let admitted = caller.admit(&app, Right::Introspect)?;
    let host: Identity = parse("name", &name)?;
    let found = fleet::find(&app.repository, &admitted, &host).await?;
    Ok(Json(ReportView {
        host: name,
        at: found.report.at.0,
        packages: found.report.packages.len() as u64,
        marked: views(found.marked),
        facts: report_body::view(found.report.facts),
    }))
}

/// `GET /fleet/who-has`.
pub async fn who_has(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<WhoHasQuery>,
) -> Result<Json<WhoHas>, Failure> {
    let admitted = caller.admit(&app, Right::IssueHosts)?;
    let version = match (query.is, query.version) {
        (Some(_), None) => {
            return Err(Failure::invalid("is", "compares with version, which is missing"));
        }
        (is, version) => version.map(|version| (operator(is), version)),
    };
    let wanted = fleet::Wanted { name: query.package.clone(), version, all: query.all };
    let answer = fleet::who_has(&app.repository, &admitted, wanted).await?;
    Ok(Json(WhoHas {
        package: query.package,
        installed: answer.owners.into_iter().map(owner).collect(),
        without: answer.without,
        unreported: answer.unreported.into_iter().map(owner).collect(),
    }))
}

fn operator(is: Option<VersionRelation>) -> Operator {
    match is.unwrap_or(VersionRelation::Equal) {
        VersionRelation::Earlier => Operator::Earlier,
        VersionRelation::EarlierOrEqual => Operator::EarlierOrEqual,
        VersionRelation::Equal => Operator::Equal,
        VersionRelation::LaterOrEqual => Operator::LaterOrEqual,
        VersionRelation::Later => Operator::Later,
    }
}

fn owner(owner: fleet::Owner) -> HostHas {
    let offered = owner.offered.into_iter().map(|one| OfferedView {
        suite: one.suite,
        generation: one.generation,
        at: one.at.0,
        version: one.version,
    });
    HostHas {
        host: owner.host.to_string(),
        installed: views(owner.installed),
        reported_at: owner.reported_at.map(|at| at.0),
        offered: offered.collect(),
    }
}

/// `GET /fleet`.
pub async fn summary(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<FleetQuery>,
) -> Result<Json<Vec<FleetSuite>>, Failure> {
    let admitted = caller.admit(&app, Right::IssueHosts)?;
    let group = query.group.map(|group| parse::<GroupName>("group", &group)).transpose()?;
    let asked = (query.suite, group, query.all);
    let suites = fleet::fleet(&app.repository, &admitted, asked).await?;
    let suite = |one: fleet::SuiteStanding| FleetSuite {
        suite: one.suite,
        live: one.live,
        hosts: one.hosts.into_iter().map(host).collect(),
    };
    Ok(Json(suites.into_iter().map(suite).collect()))
}

fn host(one: fleet::HostStanding) -> FleetHost {
    FleetHost {
        host: one.host.to_string(),
        ring: one.ring,
        state: match one.state {
            fleet::State::Silent => FleetState::Silent,
            fleet::State::Behind => FleetState::Behind,
            fleet::State::Held => FleetState::Held,
            fleet::State::Live => FleetState::Live,
        },
        generation: one.seen.map(|(generation, _)| generation),
        seen_at: one.seen.map(|(_, at)| at.0),
        reported_at: one.reported_at.map(|at| at.0),
        held: views(one.held),
        reboot: one.reboot,
        health: health::failures(&one.health),
    }
}

/// `GET /fleet/diff`.
pub async fn difference(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<FleetDiffQuery>,
) -> Result<Json<FleetDiff>, Failure> {
    let admitted = caller.admit(&app, Right::IssueHosts)?;
    let group: GroupName = parse("group", &query.group)?;
    let drift = fleet::drift(&app.repository, &admitted, group, query.all).await?;
    let differences = drift.differences.into_iter().map(|one| PackageDifference {
        package: one.name,
        architecture: one.architecture,
        majority: one.majority,
        agree: one.agree as u64,
        odd: one
            .odd
            .into_iter()
            .map(|(host, version)| OddHost { host: host.to_string(), version })
            .collect(),
    });
    let facts = drift.facts.into_iter().map(|one| FactDifference {
        fact: one.fact.to_owned(),
        majority: one.majority,
        agree: one.agree as u64,
        odd: one
            .odd
            .into_iter()
            .map(|(host, says)| OddFact { host: host.to_string(), says })
            .collect(),
    });
    let held = drift.held.into_iter();
    let held = held.map(|(host, held)| HostHolds { host: host.to_string(), held: views(held) });
    Ok(Json(FleetDiff {
        group: query.group,
        compared: drift.compared as u64,
        unreported: drift.unreported.iter().map(ToString::to_string).collect(),
        differences: differences.collect(),
        facts: facts.collect(),
        held: held.collect(),
    }))
}

fn views(packages: Vec<(Installed, Marks)>) -> Vec<InstalledView> {
    let view = |(package, marks): (Installed, Marks)| InstalledView {
        package: package.name,
        version: package.version,
        architecture: package.architecture,
        held: marks.held,
        broken: marks.broken,
    };
    packages.into_iter().map(view).collect()
}
