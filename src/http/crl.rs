//! Revocation lists of other CAs: shown, and delivered even while nothing else is answered.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequestParts, State};
use axum::http::request::Parts;
use axum::routing::{MethodRouter, put as put_route};

use crate::api::{IssuerView, ListView};
use crate::domain::{Admitted, Right};
use crate::flow::access::crl;
use crate::http::App;
use crate::http::admitted::{Caller, peer_of, said};
use crate::http::answer::Failure;
use crate::http::extract::Json;
use crate::trust::IssuerReport;

/// The methods of `/crl`.
pub fn route() -> MethodRouter<App> {
    put_route(put).layer(DefaultBodyLimit::max(crl::MOST_BYTES)).get(show)
}

/// Who may bring lists: an operator, proven but for the age of the lists. Decided before the body is
/// read.
pub struct Repairer(Admitted);

impl FromRequestParts<App> for Repairer {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let (peer, judged) = peer_of(&parts.extensions)?;
        let standing = crl::identify_for_repair(&app.repository, &judged);
        let standing = standing.map_err(|error| app.metrics.refuse(&peer, error))?;
        let caller = Caller::new(standing, judged).saying(&said(parts).await?)?;
        caller.admit(app, Right::IssueHosts).map(Self)
    }
}

/// `PUT /crl`: lists in PEM or DER.
pub async fn put(
    State(app): State<App>,
    Repairer(admitted): Repairer,
    lists: Bytes,
) -> Result<Json<Vec<IssuerView>>, Failure> {
    let issuers = crl::put(&app.repository, &admitted, lists.to_vec()).await?;
    Ok(Json(issuers.into_iter().map(view).collect()))
}

/// `GET /crl`.
pub async fn show(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Vec<IssuerView>>, Failure> {
    caller.admit(&app, Right::IssueHosts)?;
    Ok(Json(crl::report(&app.repository).into_iter().map(view).collect()))
}

fn view(issuer: IssuerReport) -> IssuerView {
    let list = issuer.list.map(|list| ListView {
        number: list.number,
        this_update: list.this_update.0,
        next_update: list.next_update.0,
        closes: list.closes.0,
        revoked: list.revoked as u64,
    });
    IssuerView { name: issuer.name, not_after: issuer.not_after.0, list }
}
