//! Told: what was not carried out is a line of the server's own log, with the id of its request, so
//! that whoever is told the id finds it there. Whoever has no good certificate cannot fill the log.

use std::time::Instant;

use axum::http::StatusCode;
use axum::response::Response;

use crate::domain::Event;
use crate::http::App;
use crate::http::answer::Refused;
use crate::http::refused::Asked;

/// Writes the line of a request that failed or was refused; `refusal` is its entry of the audit log.
pub fn write(app: &App, asked: Asked<'_>, response: &Response, refusal: Option<&Event>) {
    let Some(refused) = response.extensions().get::<Refused>() else { return };
    let status = response.status();
    // A failure of the server was written where it became an answer.
    let is_due = match status {
        StatusCode::INTERNAL_SERVER_ERROR => false,
        status => status.is_server_error() || refusal.is_some(),
    };
    if !is_due {
        return;
    }
    let known = asked.identity(app);
    let who = known.as_deref().unwrap_or("somebody");
    let (method, path, status_code) = (asked.method(), asked.path(), status.as_u16());
    let (code, detail) = (refused.code.as_str(), refused.detail.as_str());
    let line = || match status.is_server_error() {
        true => tracing::warn!(who, method, path, status = status_code, code, detail, "failed"),
        false => tracing::info!(who, method, path, status = status_code, code, detail, "refused"),
    };
    match asked.address().filter(|_| known.is_none() || asked.reads()) {
        Some(address) => app.metrics.spare(address, Instant::now(), line),
        None => line(),
    }
}
