//! Collecting what suites do not keep.

use axum::extract::State;

use crate::api::{GcPackage, GcSuite, GcView, KeepRules};
use crate::domain::{Keep, Right};
use crate::flow::upkeep::retention::{self, Collected, Going, Plan};
use crate::http::App;
use crate::http::admitted::Caller;
use crate::http::answer::Failure;
use crate::http::extract::Json;

/// How many packages and generations of a suite an answer has at most.
const MOST: usize = 1_000;

/// `GET /gc`.
pub async fn plan(State(app): State<App>, caller: Caller) -> Result<Json<GcView>, Failure> {
    caller.admit(&app, Right::Administer)?;
    let plan = retention::plan(&app.repository).await?;
    Ok(Json(view(&plan, |_| None)))
}

/// `POST /gc`: the answer is what goes by then.
pub async fn run(State(app): State<App>, caller: Caller) -> Result<Json<GcView>, Failure> {
    let admitted = caller.admit(&app, Right::Administer)?;
    let (ran, plan) = retention::run(&app.repository, &admitted).await?;
    let view = view(&plan, |suite| ran.suites.get(suite));
    Ok(Json(GcView { freed_bytes: Some(ran.swept.size_bytes), ..view }))
}

/// What an edit of a suite and a view of it call the same.
pub fn keep(rules: Keep) -> KeepRules {
    let Keep { versions, days, installed_days } = rules;
    KeepRules { versions, days, installed_days }
}

fn view<'r>(
    plan: &Plan,
    done: impl Fn(&crate::debian::SuiteName) -> Option<&'r Collected>,
) -> GcView {
    let mut suites = Vec::new();
    for (suite, rules, collection) in &plan.suites {
        let done = done(suite);
        let is_quiet = collection.packages.is_empty() && done.is_none();
        if rules.is_everything() && is_quiet {
            continue;
        }
        let dropped = done.map_or(&collection.generations, |done| &done.generations);
        let mut packages: Vec<_> = collection.packages.iter().collect();
        packages.sort_by(|a, b| {
            let key = |one: &Going| (one.package.name.clone(), one.package.version.clone());
            key(a).cmp(&key(b))
        });
        let shown = packages.iter().take(MOST).map(|one| package(one, plan.grace_seconds));
        suites.push(GcSuite {
            suite: suite.clone(),
            keep: keep(*rules),
            generations: dropped.iter().take(MOST).copied().collect(),
            generation_count: dropped.len() as u64,
            packages: shown.collect(),
            package_count: packages.len() as u64,
            removed: done.map_or(0, |done| done.removed.len() as u64),
        });
    }
    GcView {
        at: plan.at.0,
        grace_seconds: plan.grace_seconds,
        suites,
        packages: plan.freed().count() as u64,
        size_bytes: plan.freed_bytes(),
        freed_bytes: None,
    }
}

fn package(one: &Going, grace_seconds: i64) -> GcPackage {
    GcPackage {
        package: one.package.name.clone(),
        version: one.package.version.clone(),
        architecture: one.package.architecture.clone(),
        component: one.component.clone(),
        size_bytes: one.package.size_bytes,
        newer: one.newer,
        left: one.left.map(|at| at.0),
        goes_at: one.since.map(|since| since.plus(grace_seconds).0),
        elsewhere: one.elsewhere,
    }
}
