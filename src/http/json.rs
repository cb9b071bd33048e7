//! JSON: the one way in which bodies of it are written.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A body of JSON that ends with a line feed, so that a shell's prompt does not follow it.
pub fn json_response<T: Serialize>(
    status: StatusCode,
    media_type: &'static str,
    value: &T,
) -> Response {
    let Ok(mut body) = serde_json::to_vec(value) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    body.push(b'\n');
    (status, [(header::CONTENT_TYPE, media_type)], body).into_response()
}
