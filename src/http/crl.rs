//! Revocation lists of other CAs: shown, and accepted even while all other requests are refused.

use axum::extract::State;

use crate::api::{IssuerView, ListView};
use crate::domain::{Admitted, Right};
use crate::flow::access::crl;
use crate::flow::upload::body::{self, RoomFor};
use crate::http::App;
use crate::http::admitted::Caller;
use crate::http::answer::Failure;
use crate::http::extract::Json;
use crate::http::sent::Sent;
use crate::trust::IssuerReport;

/// `PUT /crl`: lists in PEM or DER.
pub async fn put(
    State(app): State<App>,
    caller: Caller,
    sent: Sent,
) -> Result<Json<Vec<IssuerView>>, Failure> {
    let (lists, _room) = sent.bytes(&app, &caller, Right::IssueHosts).await?;
    let admitted = caller.admit(&app, Right::IssueHosts)?;
    // What is read out of them is as long again.
    let of = Some(admitted.identity().clone());
    let bytes = lists.len() as u64;
    let _read = body::room(&app.repository, RoomFor::Parsed, &of, bytes).await?;
    let issuers = crl::put(&app.repository, &admitted, lists).await?;
    Ok(Json(issuers.into_iter().map(|one| view(&app, &admitted, one)).collect()))
}

/// `GET /crl`.
pub async fn show(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Vec<IssuerView>>, Failure> {
    let admitted = caller.admit(&app, Right::IssueHosts)?;
    let issuers = crl::report(&app.repository).into_iter();
    Ok(Json(issuers.map(|one| view(&app, &admitted, one)).collect()))
}

/// The list of the embedded CA has revocations of all suites, so only an admin is told how many.
fn view(app: &App, asker: &Admitted, issuer: IssuerReport) -> IssuerView {
    let counts = asker.entitled().is_admin() || app.repository.trust.is_external();
    let list = issuer.list.map(|list| ListView {
        number: list.number,
        this_update: list.this_update.0,
        next_update: list.next_update.0,
        closes: list.closes.0,
        revoked: counts.then_some(list.revoked as u64),
    });
    IssuerView { name: issuer.name, not_after: issuer.not_after.0, list }
}
