//! Rollouts: how far they are, and the steps that a request asks for.

use axum::extract::State;

use crate::api::{Brought, RingReached, RolledView, RolloutView, RolloutsQuery, WhichRollout};
use crate::debian::SuiteName;
use crate::domain::ring::{EVERYONE, RingText};
use crate::domain::{self, Right, Rings, Rollout, RolloutChange, RolloutRef, RolloutStep};
use crate::flow::inventory;
use crate::flow::report::history::RolledTo;
use crate::flow::report::{reports, rollouts};
use crate::http::App;
use crate::http::admitted::Caller;
use crate::http::answer::Failure;
use crate::http::extract::{Json, Path, Query};

/// How many rollouts are listed unless the query says.
const USUAL: u32 = 20;
/// Most rollouts of one answer.
const MOST: u32 = 200;

/// `GET /suites/{suite}/rollouts`.
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(suite): Path<String>,
    Query(query): Query<RolloutsQuery>,
) -> Result<Json<Vec<RolloutView>>, Failure> {
    let suite = caller.suite(&app, &suite)?;
    reports::there_is(&app.repository, &caller.admit(&app, Right::Read(&suite))?, &suite)?;
    let limit = query.limit.unwrap_or(USUAL).min(MOST);
    let (rings, all) = rollouts::list(&app.repository, &suite, limit).await?;
    Ok(Json(views(&app, &caller, &suite, &rings, &all).await?))
}

/// The open rollouts of a suite, the oldest first.
pub async fn open(
    app: &App,
    caller: &Caller,
    suite: &SuiteName,
) -> Result<Vec<RolloutView>, Failure> {
    let Some(desk) = app.repository.desk(suite) else { return Ok(Vec::new()) };
    let state = desk.state();
    let open: Vec<_> = state.rollouts.open.values().cloned().collect();
    match open.is_empty() {
        true => Ok(Vec::new()),
        false => views(app, caller, suite, &state.spec.rings, &open).await,
    }
}

async fn views(
    app: &App,
    caller: &Caller,
    suite: &SuiteName,
    rings: &Rings,
    all: &[Rollout],
) -> Result<Vec<RolloutView>, Failure> {
    // What they wait for names hosts.
    let mut verdicts = match caller.admit(app, Right::Operate(suite)) {
        Ok(_) => inventory::verdicts(&app.repository, suite).await?,
        Err(_) => Default::default(),
    };
    let mut one = |rollout: &Rollout| {
        let waits = verdicts.remove(&rollout.id).map(|verdict| verdict.why).unwrap_or_default();
        RolloutView { waits, ..view(suite, rings, rollout) }
    };
    Ok(all.iter().map(&mut one).collect())
}

fn view(suite: &SuiteName, rings: &Rings, rollout: &Rollout) -> RolloutView {
    let reached = |ring: &domain::ring::Ring| {
        let reached = rollout.reached.get(&ring.id);
        RingReached {
            name: ring.name.to_string(),
            at: reached.map(|reached| reached.at.0),
            generation: reached.and_then(|reached| reached.generation),
        }
    };
    let everyone = RingReached { name: EVERYONE.into(), at: None, generation: None };
    let brought = |(package, version)| Brought { package, version };
    RolloutView {
        suite: suite.clone(),
        rollout: rollout.id,
        state: rollout.state.as_str().into(),
        why: rollout.why.clone(),
        waits: String::new(),
        brings: rollout.sources().into_iter().map(brought).collect(),
        rings: rings.iter().map(reached).chain([everyone]).collect(),
        author: rollout.author.to_string(),
        message: rollout.message.clone(),
        at: rollout.at.0,
    }
}

/// A ring that was reached.
pub fn rolled(to: RolledTo) -> RolledView {
    let brought = |(package, version)| Brought { package, version };
    let brings = to.brings.into_iter().map(brought).collect();
    RolledView { rollout: to.rollout, ring: to.ring, brings }
}

/// A step of a rollout.
pub fn step(which: WhichRollout, step: RolloutStep) -> Result<domain::Change, Failure> {
    let of = match (which.rollout, which.package) {
        (Some(_), Some(_)) => {
            return Err(Failure::invalid("rollout", "name its number or a package, not both"));
        }
        (Some(number), None) => RolloutRef::Number(number),
        (None, Some(package)) => RolloutRef::Source(package),
        (None, None) => RolloutRef::Only,
    };
    Ok(domain::Change::Rollout(RolloutChange { of, step }))
}

/// Rings, as a request names them.
pub fn rings(sent: Vec<crate::api::Ring>) -> Result<Vec<RingText>, Failure> {
    let ring = |ring: crate::api::Ring| {
        let wrong = |error: domain::patterns::PatternError| {
            Failure::invalid("rings", format!("{}: {error}", ring.name))
        };
        let name = ring.name.parse().map_err(wrong)?;
        let hosts = ring.hosts.iter().map(|host| host.parse().map_err(wrong));
        Ok(RingText { name, hosts: hosts.collect::<Result<_, Failure>>()? })
    };
    sent.into_iter().map(ring).collect()
}

/// Rings as they are sent, with their hosts where the reader operates the suite.
pub fn rings_view(rings: &Rings, operates: bool) -> Vec<crate::api::Ring> {
    let hosts = |ring: &domain::ring::Ring| match operates {
        true => ring.hosts.iter().map(ToString::to_string).collect(),
        false => Vec::new(),
    };
    rings
        .iter()
        .map(|ring| crate::api::Ring { name: ring.name.to_string(), hosts: hosts(ring) })
        .collect()
}
