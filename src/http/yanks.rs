//! Yanks: versions that no suite offers.

use std::collections::BTreeMap;

use axum::extract::State;

use crate::api::{ChangeOutcome, YankRequest, YankView};
use crate::domain::pinning::Leeway;
use crate::domain::{PinKind, PinTarget, Right};
use crate::flow::change::submit::Terms;
use crate::flow::change::yanking::{self, Asked};
use crate::http::admitted::Caller;
use crate::http::answer::Failure;
use crate::http::extract::Json;
use crate::http::sent::Sent;
use crate::http::{App, views};

/// `POST /yanks`.
pub async fn yank(
    State(app): State<App>,
    caller: Caller,
    sent: Sent,
) -> Result<Json<Vec<ChangeOutcome>>, Failure> {
    let (asked, _room) = sent.json::<YankRequest>(&app, &caller, Right::Audit).await?;
    let admitted = caller.saying(&asked.message)?.admit(&app, Right::Audit)?;
    let kind = if asked.binary { PinKind::Binary } else { PinKind::Source };
    let terms = Terms {
        message: asked.message,
        dry_run: asked.dry_run,
        expect: None,
        leeway: Leeway { cascade: asked.cascade, force: asked.force, urgent: false },
    };
    let wanted = Asked {
        namespace: asked.namespace,
        target: PinTarget { kind, name: asked.package },
        version: asked.version,
        undo: asked.undo,
    };
    let outcomes = yanking::yank(&app.repository, &admitted, wanted, terms).await?;
    let view = |(suite, outcome)| views::outcome(&suite, outcome, Vec::new());
    Ok(Json(outcomes.into_iter().map(view).collect()))
}

/// `GET /yanks`: those of what suites have taken that the caller may read.
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Vec<YankView>>, Failure> {
    caller.admit(&app, Right::Introspect)?;
    let mut yanks: BTreeMap<_, YankView> = BTreeMap::new();
    for (suite, desk) in app.repository.desks().iter() {
        if caller.admit(&app, Right::Read(suite)).is_err() {
            continue;
        }
        let state = desk.state();
        for (named, yank) in state.yanks.iter().filter(|(one, _)| state.withdrawn.contains(one)) {
            let key = (state.spec.namespace.clone(), named.clone());
            let view = yanks.entry(key).or_insert_with(|| YankView {
                namespace: state.spec.namespace.clone(),
                package: yank.target.name.clone(),
                kind: match yank.target.kind {
                    PinKind::Source => crate::api::PinKind::Source,
                    PinKind::Binary => crate::api::PinKind::Binary,
                },
                version: yank.version.clone(),
                suites: Vec::new(),
                author: yank.author.to_string(),
                message: yank.message.clone(),
                at: yank.at.0,
            });
            view.suites.push(suite.clone());
        }
    }
    Ok(Json(yanks.into_values().collect()))
}
