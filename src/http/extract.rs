//! Extract: queries and paths of requests; their faults are answered like every other error. Bodies
//! are taken by [`Sent`](crate::http::sent::Sent) alone.

use axum::extract::FromRequestParts;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::Code;
use crate::http::answer::Failure;
use crate::http::json::json_response;

/// The JSON of an answer.
pub struct Json<T>(pub T);

/// The query of a request.
pub struct Query<T>(pub T);

/// The parameters of a path.
pub struct Path<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        json_response(StatusCode::OK, "application/json", &self.0)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let read = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        let axum::extract::Query(value) = read.map_err(|rejection: QueryRejection| {
            refused(rejection.status(), &rejection.body_text())
        })?;
        Ok(Self(value))
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let read = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        let axum::extract::Path(value) = read.map_err(|rejection: PathRejection| {
            refused(rejection.status(), &rejection.body_text())
        })?;
        Ok(Self(value))
    }
}

/// The framework's sentence in our envelope. A body that is too long has a code of its own, because
/// the remedy is to send less.
pub(super) fn refused(status: StatusCode, sentence: &str) -> Failure {
    let code = match status {
        StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
        status if status.is_server_error() => Code::Internal,
        _ => Code::InvalidRequest,
    };
    Failure::new(code, sentence)
}
