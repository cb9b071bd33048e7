//! The restoration of an earlier state: shown, and acknowledged.

use axum::extract::State;

use crate::api::{RestoredView, UploadView};
use crate::domain::Right;
use crate::flow::report::restored::{self, AcceptedUpload};
use crate::http::App;
use crate::http::admitted::Caller;
use crate::http::answer::Failure;
use crate::http::extract::Json;

/// `GET /restored`.
pub async fn show(State(app): State<App>, caller: Caller) -> Result<Json<RestoredView>, Failure> {
    caller.admit(&app, Right::Administer)?;
    Ok(Json(view(restored::show(&app.repository).await?)))
}

/// `POST /restored/acknowledge`: the answer is what is known by then.
pub async fn acknowledge(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<RestoredView>, Failure> {
    let admitted = caller.admit(&app, Right::Administer)?;
    restored::acknowledge(&app.repository, &admitted).await?;
    Ok(Json(view(restored::show(&app.repository).await?)))
}

fn view(found: restored::Restored) -> RestoredView {
    let restored::Restored { restoration, lost, doubtful } = found;
    RestoredView {
        at: restoration.at.0,
        taken_at: restoration.taken_at.map(|at| at.0),
        complete: restoration.is_complete,
        acknowledged_at: restoration.acknowledged_at.map(|at| at.0),
        lost: lost.into_iter().map(upload).collect(),
        doubtful: doubtful.into_iter().map(upload).collect(),
    }
}

fn upload(one: AcceptedUpload) -> UploadView {
    UploadView {
        suite: one.suite,
        package: one.name.to_string(),
        version: one.version.to_string(),
        architecture: one.architecture.to_string(),
        sha256: one.digest,
        by: one.author,
        at: one.at.0,
    }
}
