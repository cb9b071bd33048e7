//! Reports: the questions of people.

use std::sync::atomic::Ordering;

use axum::extract::State;

use crate::api::{
    CertificateEnd, Diff, DiffQuery, GenerationView, GenerationsQuery, PackagesQuery, PinView,
    PlacementView, SearchQuery, Status, SuitePlacement, SuiteStatus, TrustStatus, Warning, WhoAmI,
};
use crate::debian::SuiteName;
use crate::domain::{Identity, Right};
use crate::flow::report::health::{Circle, Concern};
use crate::flow::report::reports::PackagesOf;
use crate::flow::report::{health, history, reports};
use crate::http::admitted::Caller;
use crate::http::answer::Failure;
use crate::http::extract::{Json, Path, Query};
use crate::http::{App, rollouts, views};
use crate::time::Moment;

/// Most identities that are named because their certificates expire.
const MOST_ENDS: usize = 20;
/// Most rows of one answer.
const MOST_ROWS: u32 = 1_000;

/// `GET /whoami`.
pub async fn whoami(State(app): State<App>, caller: Caller) -> Result<Json<WhoAmI>, Failure> {
    let admitted = caller.admit(&app, Right::Introspect)?;
    let entitled = admitted.entitled();
    Ok(Json(WhoAmI {
        identity: entitled.identity().to_string(),
        role: views::role(entitled.role()),
        suites: views::held(&app, entitled),
        limits: views::limits(entitled),
        certificate_not_after: caller.standing.not_after().0,
        server_version: env!("CARGO_PKG_VERSION").into(),
    }))
}

/// `GET /status`. Operators and admins also see what concerns the server and not a suite; counts
/// are of what lies within the suites that the caller operates.
pub async fn status(State(app): State<App>, caller: Caller) -> Result<Json<Status>, Failure> {
    let admitted = caller.admit(&app, Right::Introspect)?;
    let mut suites = Vec::new();
    for name in app.repository.desks().keys() {
        if caller.admit(&app, Right::Read(name)).is_err() {
            continue;
        }
        let suite = reports::suite(&app.repository, name).await?;
        suites.push(SuiteStatus {
            suite: name.clone(),
            generation: suite.generation,
            date: suite.head.as_ref().map(|head| head.date.0),
            valid_until: suite.head.as_ref().map(|head| head.valid_until.0),
            packages: suite.packages,
            waiting: suite.waiting,
            pins: suite.pins,
            hold: suite.hold.as_ref().map(views::hold),
            rollouts: rollouts::open(&app, &caller, name).await?,
        });
    }
    let server = Some(Moment(app.site.certificate_not_after.load(Ordering::Relaxed)));
    let state = health::server(&app.repository, &admitted, server).await?;
    let operates = caller.admit(&app, Right::IssueHosts).is_ok();
    let shown = |concern: &Concern| match &concern.of {
        Circle::Readers(suite) => caller.admit(&app, Right::Read(suite)).is_ok(),
        Circle::Operators => operates,
        Circle::Admins => admitted.entitled().is_admin(),
    };
    let soon = state.expiring_soon;
    let end = |(at, identity): &(Moment, Identity)| CertificateEnd {
        identity: identity.to_string(),
        not_after: at.0,
    };
    let days = app.repository.limits().scrub.days;
    let warning =
        |concern: Concern| Warning { code: concern.code.as_str().into(), text: concern.text };
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION").into(),
        name: app.site.host.clone(),
        now: app.repository.now().0,
        suites,
        trust: TrustStatus {
            crl_next_update: state.crl_next_update.map(|at| at.0),
            ca_not_after: state.ca_not_after.map(|at| at.0),
            server_certificate_not_after: server.map(|at| at.0),
            certificates_expiring_soon: if operates { soon.len() as u64 } else { 0 },
            first_to_expire: soon.iter().filter(|_| operates).take(MOST_ENDS).map(end).collect(),
        },
        room_bytes: state.room_bytes.filter(|_| operates),
        scrub: state.scrub.filter(|_| operates).map(|report| views::scrub(&report, days)),
        warnings: state.concerns.into_iter().filter(shown).map(warning).collect(),
    }))
}

/// `GET /suites/{suite}/generations`.
pub async fn history(
    State(app): State<App>,
    caller: Caller,
    Path(suite): Path<String>,
    Query(query): Query<GenerationsQuery>,
) -> Result<Json<Vec<GenerationView>>, Failure> {
    let suite = caller.suite(&app, &suite)?;
    let admitted = caller.admit(&app, Right::Read(&suite))?;
    reports::there_is(&app.repository, &admitted, &suite)?;
    let limit = query.limit.unwrap_or(20).min(MOST_ROWS);
    let (package, before) = (query.package, query.before);
    let found = history::history(&app.repository, &suite, package, before, limit).await?;
    let live =
        app.repository.desk(&suite).and_then(|desk| Some(desk.state().head.as_ref()?.generation));
    let reads = |suite: &SuiteName| admitted.entitled().reads(suite);
    let view = |report| views::generation(report, live, &reads);
    Ok(Json(found.into_iter().map(view).collect()))
}

/// `GET /suites/{suite}/diff`.
pub async fn diff(
    State(app): State<App>,
    caller: Caller,
    Path(suite): Path<String>,
    Query(query): Query<DiffQuery>,
) -> Result<Json<Diff>, Failure> {
    let suite = caller.suite(&app, &suite)?;
    reports::there_is(&app.repository, &caller.admit(&app, Right::Read(&suite))?, &suite)?;
    let moves = reports::diff(&app.repository, &suite, query.from, query.to).await?;
    let moves = moves.iter().map(views::moved).collect();
    Ok(Json(Diff { from: query.from, to: query.to, moves }))
}

/// `GET /suites/{suite}/packages`: what is listed and what waits; with `all`, everything that was
/// accepted.
pub async fn packages(
    State(app): State<App>,
    caller: Caller,
    Path(suite): Path<String>,
    Query(query): Query<PackagesQuery>,
) -> Result<Json<Vec<PlacementView>>, Failure> {
    let suite = caller.suite(&app, &suite)?;
    reports::there_is(&app.repository, &caller.admit(&app, Right::Read(&suite))?, &suite)?;
    let of = match (query.source, query.package) {
        (Some(_), Some(_)) => {
            return Err(Failure::invalid("source", "and package exclude each other; give one"));
        }
        (Some(source), None) => PackagesOf::Source(source),
        (None, Some(named)) => PackagesOf::Named(named),
        (None, None) => PackagesOf::Suite,
    };
    let found = reports::packages(&app.repository, &suite, of).await?;
    let current = |one: &reports::PlacementReport| {
        !matches!(one.standing, reports::PlacementStanding::Superseded)
    };
    let shown = found.into_iter().filter(|one| query.all || current(one));
    Ok(Json(shown.map(|one| views::placement(one).1).collect()))
}

/// `GET /packages`: in every suite that the caller may read.
pub async fn search(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<SearchQuery>,
) -> Result<Json<Vec<SuitePlacement>>, Failure> {
    caller.admit(&app, Right::Introspect)?;
    let limit = query.limit.unwrap_or(MOST_ROWS).min(MOST_ROWS);
    let desks = app.repository.desks();
    let readable = desks.keys().filter(|suite| caller.admit(&app, Right::Read(suite)).is_ok());
    let readable = readable.cloned().collect();
    let found = reports::search(&app.repository, readable, query.pattern, limit).await?;
    let view = |one| {
        let (suite, placement) = views::placement(one);
        SuitePlacement { suite, placement }
    };
    Ok(Json(found.into_iter().map(view).collect()))
}

/// `GET /suites/{suite}/pins`.
pub async fn pins(
    State(app): State<App>,
    caller: Caller,
    Path(suite): Path<String>,
) -> Result<Json<Vec<PinView>>, Failure> {
    let suite = caller.suite(&app, &suite)?;
    reports::there_is(&app.repository, &caller.admit(&app, Right::Read(&suite))?, &suite)?;
    let pins = reports::pins(&app.repository, Some(&suite))?;
    Ok(Json(pins.iter().map(|(suite, pin)| views::pin(suite, pin)).collect()))
}

/// `GET /pins`: of every suite that the caller may read.
pub async fn all_pins(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Vec<PinView>>, Failure> {
    caller.admit(&app, Right::Introspect)?;
    let pins = reports::pins(&app.repository, None)?;
    let readable = pins.iter().filter(|(suite, _)| caller.admit(&app, Right::Read(suite)).is_ok());
    Ok(Json(readable.map(|(suite, pin)| views::pin(suite, pin)).collect()))
}
