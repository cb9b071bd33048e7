//! Signing keys: shown, added, retired, and brought to hosts.

use axum::extract::State;

use crate::api::{
    ClientPackageView, HostBehind, KeyChoice, KeyOutcome, KeyRequest, KeyRetirement, KeyView,
    SuiteChoice,
};
use crate::domain::{Right, SuiteScope};
use crate::flow::upkeep::client_package::PublishedClient;
use crate::flow::upkeep::keys::{KeyReport, Rotation, Wanted};
use crate::flow::upkeep::{client_package, keys};
use crate::http::admitted::Caller;
use crate::http::answer::Failure;
use crate::http::extract::{Json, Path};
use crate::http::sent::Sent;
use crate::http::{App, views};
use crate::signing::KeyKind;

/// `GET /keys`.
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Vec<KeyView>>, Failure> {
    let admitted = caller.admit(&app, Right::IssueHosts)?;
    let reports = keys::report(&app.repository, &admitted).await?;
    Ok(Json(reports.into_iter().map(view).collect()))
}

/// `POST /keys`.
pub async fn add(
    State(app): State<App>,
    caller: Caller,
    sent: Sent,
) -> Result<Json<KeyOutcome>, Failure> {
    let (request, _room) = sent.json::<KeyRequest>(&app, &caller, Right::Administer).await?;
    let admitted = caller.admit(&app, Right::Administer)?;
    let wanted = match (request.public, request.kind) {
        (Some(public), _) => Wanted::External(public),
        (None, KeyChoice::Ed25519) => Wanted::Made(KeyKind::Ed25519),
        (None, KeyChoice::Rsa4096) => Wanted::Made(KeyKind::Rsa4096),
    };
    let suites = match views::scope(request.suites) {
        SuiteScope::All => None,
        SuiteScope::Named(suites) if suites.is_empty() => {
            return Err(Failure::invalid("suites", "is empty; name the suites that the key signs"));
        }
        SuiteScope::Named(suites) => Some(suites),
    };
    let rotation = keys::add(&app.repository, &admitted, wanted, suites).await?;
    Ok(Json(outcome(rotation)))
}

/// `POST /keys/{fingerprint}/retire`.
pub async fn retire(
    State(app): State<App>,
    caller: Caller,
    Path(fingerprint): Path<String>,
    sent: Sent,
) -> Result<Json<KeyOutcome>, Failure> {
    let (request, _room) = sent.json::<KeyRetirement>(&app, &caller, Right::Administer).await?;
    let admitted = caller.admit(&app, Right::Administer)?;
    let fingerprint = fingerprint.to_ascii_uppercase();
    let rotation = keys::retire(&app.repository, &admitted, &fingerprint, request.force).await?;
    Ok(Json(outcome(rotation)))
}

/// `POST /suites/{suite}/client-package`.
pub async fn publish(
    State(app): State<App>,
    caller: Caller,
    Path(suite): Path<String>,
) -> Result<Json<ClientPackageView>, Failure> {
    let suite = caller.suite(&app, &suite)?;
    let admitted = caller.admit(&app, Right::Operate(&suite))?;
    Ok(Json(package(client_package::publish(&app.repository, &admitted, &suite).await?)))
}

fn view(report: KeyReport) -> KeyView {
    let KeyReport { key, ready, behind, .. } = report;
    let behind = behind.into_iter();
    let behind = behind.map(|(host, suite)| HostBehind { host: host.to_string(), suite });
    KeyView {
        fingerprint: key.fingerprint,
        algorithm: key.algorithm,
        created: key.created.0,
        added: key.added.map(|at| at.0),
        suites: key
            .suites
            .map_or(SuiteChoice::All, |suites| SuiteChoice::Named(suites.into_iter().collect())),
        external: key.file.is_none(),
        hosts_ready: ready,
        hosts_behind: behind.collect(),
        public: key.public,
    }
}

fn package(published: PublishedClient) -> ClientPackageView {
    let PublishedClient { suite, package, version, generation } = published;
    ClientPackageView { suite, package, version, generation }
}

fn outcome(rotation: Rotation) -> KeyOutcome {
    let owed = rotation.owed.iter();
    let notes = owed.map(|(suite, problem)| format!("suite {suite} is not there yet: {problem}"));
    KeyOutcome {
        fingerprint: rotation.key.fingerprint,
        notes: notes.collect(),
        packages: rotation.packages.into_iter().map(package).collect(),
    }
}
