//! Suites: made, shown, edited, removed.

use axum::extract::State;
use axum::http::header::IF_MATCH;
use axum::http::{HeaderMap, StatusCode};

use crate::api::{
    ChangeOutcome, KeepChange, KeepRules, SuiteDefinition, SuiteEdit, SuiteRedate, SuiteView,
};
use crate::debian::SuiteName;
use crate::debian::release::SNAPSHOTS_WORD;
use crate::domain::{self, AliasEdit, Keep, KeepEdit, Right, Rings, SuiteSpec};
use crate::flow::report::reports;
use crate::flow::upkeep::suite as flow;
use crate::http::admitted::{Caller, parse};
use crate::http::answer::Failure;
use crate::http::extract::{Json, Path};
use crate::http::sent::Sent;
use crate::http::{App, policy, rollouts, views};

const DAY_SECONDS: i64 = 86_400;

/// `GET /suites`: those that the caller may read.
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Vec<SuiteView>>, Failure> {
    caller.admit(&app, Right::Introspect)?;
    let mut seen = Vec::new();
    for name in app.repository.desks().keys() {
        if caller.admit(&app, Right::Read(name)).is_ok() {
            let operates = caller.admit(&app, Right::Operate(name)).is_ok();
            seen.push(views::suite(reports::suite(&app.repository, name).await?, operates));
        }
    }
    Ok(Json(seen))
}

/// `GET /suites/{suite}`.
pub async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(suite): Path<String>,
) -> Result<Json<SuiteView>, Failure> {
    let suite = caller.suite(&app, &suite)?;
    reports::there_is(&app.repository, &caller.admit(&app, Right::Read(&suite))?, &suite)?;
    let operates = caller.admit(&app, Right::Operate(&suite)).is_ok();
    Ok(Json(views::suite(reports::suite(&app.repository, &suite).await?, operates)))
}

/// `POST /suites`.
pub async fn create(
    State(app): State<App>,
    caller: Caller,
    sent: Sent,
) -> Result<Json<SuiteView>, Failure> {
    let (definition, _room) =
        sent.json::<SuiteDefinition>(&app, &caller, Right::Administer).await?;
    let admitted = caller.admit(&app, Right::Administer)?;
    let here = || format!("{}snapshot/{SNAPSHOTS_WORD}/", app.site.public_url);
    let policy = policy::edit(definition.rollout)?;
    let spec = SuiteSpec {
        name: definition.name,
        alias: definition.alias,
        origin: definition.origin,
        label: definition.label,
        description: definition.description,
        owns: definition.owns,
        allows: definition.allows,
        components: definition.components,
        architectures: definition.architectures,
        valid_seconds: i64::from(definition.valid_days).saturating_mul(DAY_SECONDS),
        not_automatic: definition.not_automatic,
        but_automatic_upgrades: definition.but_automatic_upgrades,
        changelogs: definition.changelogs.filter(|url| !url.is_empty()),
        snapshots: Some(definition.snapshots.unwrap_or_else(here)).filter(|url| !url.is_empty()),
        contents: definition.contents,
        pdiffs: definition.pdiffs,
        translations: definition.translations,
        versions: definition.versions,
        namespace: definition.namespace,
        rings: Rings::default().replaced(&rollouts::rings(definition.rings)?),
        rollout: Default::default(),
        keep: keep(definition.keep),
    };
    let spec = SuiteSpec { rollout: spec.rollout.edited(&policy), ..spec };
    if definition.dry_run {
        let spec = flow::rehearse(&app.repository, spec).await?;
        return Ok(Json(views::suite(reports::planned(spec), true)));
    }
    let name = spec.name.clone();
    flow::create(&app.repository, &admitted, spec).await?;
    Ok(Json(views::suite(reports::suite(&app.repository, &name).await?, true)))
}

/// `PATCH /suites/{suite}`.
pub async fn edit(
    State(app): State<App>,
    caller: Caller,
    Path(suite): Path<String>,
    sent: Sent,
) -> Result<Json<ChangeOutcome>, Failure> {
    let (edit, _room) = sent.json::<SuiteEdit>(&app, &caller, Right::Administer).await?;
    let suite: SuiteName = parse("suite", &suite)?;
    let admitted = caller.saying(&edit.message)?.admit(&app, Right::Administer)?;
    let changed = domain::SuiteEdit {
        alias: alias_edit(edit.alias, edit.alias_from)?,
        description: edit.description,
        valid_seconds: edit.valid_days.map(|days| i64::from(days).saturating_mul(DAY_SECONDS)),
        owns: edit.owns,
        allows: edit.allows,
        add_components: edit.add_components,
        add_architectures: edit.add_architectures,
        remove_architectures: edit.remove_architectures,
        with_packages: edit.with_packages,
        not_automatic: edit.not_automatic,
        but_automatic_upgrades: edit.but_automatic_upgrades,
        changelogs: edit.changelogs,
        snapshots: edit.snapshots,
        contents: edit.contents,
        pdiffs: edit.pdiffs,
        translations: edit.translations,
        versions: edit.versions,
        namespace: edit.namespace.map(Box::new),
        rings: edit.rings.map(rollouts::rings).transpose()?.map(Box::new),
        rollout: edit.rollout.map(policy::edit).transpose()?.map(Box::new),
        keep: keep_edit(edit.keep),
    };
    let outcome = flow::edit(&app.repository, &admitted, &suite, changed, edit.dry_run).await?;
    Ok(Json(views::outcome(&suite, outcome, Vec::new())))
}

fn keep(rules: KeepRules) -> Keep {
    let KeepRules { versions, days, installed_days } = rules;
    Keep { versions, days, installed_days }
}

fn keep_edit(change: KeepChange) -> Option<Box<KeepEdit>> {
    let KeepChange { versions, days, installed_days } = change;
    (!change.is_unsaid()).then(|| Box::new(KeepEdit { versions, days, installed_days }))
}

/// Another second name, none for the empty one; nothing where none is said.
fn alias_edit(
    alias: Option<String>,
    from: Option<SuiteName>,
) -> Result<Option<Box<AliasEdit>>, Failure> {
    let Some(text) = alias else { return Ok(None) };
    let alias = (!text.is_empty()).then(|| parse("alias", &text)).transpose()?;
    Ok(Some(Box::new(AliasEdit { alias, from })))
}

/// `POST /suites/{suite}/redate`.
pub async fn redate(
    State(app): State<App>,
    caller: Caller,
    Path(suite): Path<String>,
    sent: Sent,
) -> Result<Json<SuiteView>, Failure> {
    let (asked, _room) = sent.json::<SuiteRedate>(&app, &caller, Right::Administer).await?;
    let suite: SuiteName = parse("suite", &suite)?;
    let admitted = caller.saying(&asked.message)?.admit(&app, Right::Administer)?;
    flow::redate(&app.repository, &admitted, &suite).await?;
    Ok(Json(views::suite(reports::suite(&app.repository, &suite).await?, true)))
}

/// `DELETE /suites/{suite}`: only when it holds no packages, and only at the generation of `If-Match`.
pub async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path(suite): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Failure> {
    let suite: SuiteName = parse("suite", &suite)?;
    let admitted = caller.admit(&app, Right::Administer)?;
    flow::remove(&app.repository, &admitted, &suite, expected(&headers)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The generation that a request is for, as its `If-Match` says.
fn expected(headers: &HeaderMap) -> Result<Option<u64>, Failure> {
    let Some(tag) = headers.get(IF_MATCH) else { return Ok(None) };
    let number = tag.to_str().ok().and_then(|tag| tag.trim_matches('"').parse().ok());
    let wrong = || Failure::invalid("If-Match", "is not the number of one generation, in quotes");
    number.map(Some).ok_or_else(wrong)
}
