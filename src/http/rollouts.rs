//! Rollouts: how far they are, and the steps that a request asks for.

use std::collections::BTreeMap;

use axum::extract::State;

use crate::api::{Brought, RingReached, RolloutView, RolloutsQuery, WhichRollout};
use crate::debian::SuiteName;
use crate::domain::ring::{EVERYONE, RingText};
use crate::domain::verdict::Verdict;
use crate::domain::{self, Right, Rings, Rollout, RolloutChange, RolloutRef, RolloutStep};
use crate::flow::inventory;
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
    let operates = caller.admit(&app, Right::Operate(&suite)).is_ok();
    let limit = query.limit.unwrap_or(USUAL).min(MOST);
    let (rings, all) = rollouts::list(&app.repository, &suite, limit).await?;
    // It names hosts.
    let mut verdicts = match operates {
        true => inventory::verdicts(&app.repository, &suite).await?,
        false => Default::default(),
    };
    let waits = |rollout: &Rollout, verdicts: &mut BTreeMap<u64, Verdict>| {
        verdicts.remove(&rollout.id).map(|verdict| verdict.why).unwrap_or_default()
    };
    let one = |rollout: &Rollout| RolloutView {
        waits: waits(rollout, &mut verdicts),
        ..view(&suite, &rings, rollout)
    };
    Ok(Json(all.iter().map(one).collect()))
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
