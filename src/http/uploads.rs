//! Uploads: one package with nothing but curl, or many and then one change.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use crate::api::{
    BlobOutcome, BlobOutcomes, BlobReceipt, Code, Digests, MOST_DIGESTS, MissingBlobs, split_blobs,
};
use crate::cause::Cause;
use crate::debian::{Component, SuiteName};
use crate::digest::Digest;
use crate::domain::{Admitted, Change, Denied, Package, Right, Role};
use crate::flow::FlowError;
use crate::flow::admit::Ground;
use crate::flow::change::submit::{Terms, submit};
use crate::flow::report::reports;
use crate::flow::upload::body::{Holds, Meter};
use crate::flow::upload::single::{Declared, upload};
use crate::flow::upload::{batch, body, single};
use crate::http::admitted::{Caller, parse};
use crate::http::answer::{Failure, problem};
use crate::http::body::Watch;
use crate::http::changes::Changed;
use crate::http::extract::{Json, Path};
use crate::http::sent::{Sent, attended, length, metered};
use crate::http::{App, refused, told, views};

/// How much is read between two checks whether the sender may still send. Unit: bytes.
const LOOK_BYTES: usize = 128 << 10;

/// `PUT /suites/{suite}/{component}/{file}`: one `.deb`, taken and published.
pub async fn package(
    State(app): State<App>,
    caller: Caller,
    Path((suite, component, _)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Changed, Failure> {
    let suite = caller.suite(&app, &suite)?;
    let component: Component = parse("component", &component)?;
    let admitted = caller.admit(&app, Right::Upload(&suite))?;
    reports::there_is(&app.repository, &admitted, &suite)?;
    // Checked before the body, which may be long; its content is checked when it is there.
    let reach = admitted.reach(&suite, Role::Uploader);
    if !reach.covers_component(&component) {
        let (identity, within) = (admitted.identity().clone(), reach.words());
        return Err(
            FlowError::Denied(Denied::Component { identity, suite, component, within }).into()
        );
    }
    let declared = Declared { size_bytes: length(&headers), digest: None };
    let made = async {
        let taken = taken(&app, &caller, &admitted, Some(&suite), declared, body).await;
        let admitted = caller.admit_again(&app, Right::Upload(&suite))?;
        let package = taken?;
        let change = Change::Add(vec![(component, package.digest)]);
        let outcome = submit(&app.repository, &admitted, &suite, change, Terms::default()).await?;
        Ok(views::outcome(&suite, outcome, Vec::new()))
    };
    app.metrics.uploads.note_change(1, made.await).map(Changed)
}

/// `PUT /blobs/{digest}`: a package that a change will name.
pub async fn blob(
    State(app): State<App>,
    caller: Caller,
    Path(digest): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<BlobReceipt>, Failure> {
    let digest: Digest = parse("digest", &digest)?;
    let admitted = caller.admit(&app, Right::Stage)?;
    let declared = Declared { size_bytes: length(&headers), digest: Some(digest) };
    let taken = taken(&app, &caller, &admitted, None, declared, body).await;
    let still = caller.admit_again(&app, Right::Stage);
    let package = app.metrics.uploads.note_sent(still.and(taken))?;
    Ok(Json(BlobReceipt {
        digest: package.digest,
        name: package.name,
        version: package.version,
        architecture: package.architecture,
        size_bytes: package.size_bytes,
    }))
}

/// `POST /blobs`: many small packages for a later change.
pub async fn blobs(
    State(app): State<App>,
    caller: Caller,
    sent: Sent,
) -> Result<Json<BlobOutcomes>, Failure> {
    caller.admit(&app, Right::Stage)?;
    if sent.length().is_none() {
        let detail = "a batch comes with its length; leave chunked encoding out";
        return Err(Failure::new(Code::LengthRequired, detail));
    }
    let (body, room) = sent.bytes(&app, &caller, Right::Stage).await?;
    let admitted = caller.admit_again(&app, Right::Stage)?;
    let packages = split_blobs(body.into()).map_err(|error| Failure::invalid("body", error))?;
    let taking = async { Ok(batch::upload_all(&app.repository, &admitted, packages, room).await?) };
    let still = || caller.admit_again(&app, Right::Stage).map(drop);
    let outcomes = attended(taking, still).await?;
    let blobs: Vec<_> = outcomes
        .into_iter()
        .map(|(digest, outcome)| BlobOutcome { digest, problem: outcome.err().map(problem) })
        .collect();
    blobs.iter().for_each(|blob| app.metrics.uploads.note_problem(blob.problem.as_ref()));
    told::write_batch(admitted.identity(), &blobs);
    refused::note_batch(&app, &admitted, &blobs).await;
    Ok(Json(BlobOutcomes { blobs }))
}

/// `POST /blobs/missing`: which packages still have to be sent.
pub async fn missing(
    State(app): State<App>,
    caller: Caller,
    sent: Sent,
) -> Result<Json<MissingBlobs>, Failure> {
    let (asked, _room) = sent.json::<Digests>(&app, &caller, Right::Stage).await?;
    let admitted = caller.admit(&app, Right::Stage)?;
    if asked.digests.len() > MOST_DIGESTS {
        return Err(Failure::invalid(
            "digests",
            format!("more than {MOST_DIGESTS}; ask several times"),
        ));
    }
    let missing = single::missing(&app.repository, &admitted, asked.digests).await?;
    Ok(Json(MissingBlobs { missing }))
}

/// Takes one package, for as long as its sender may send it and others can bear its pace. Whether the
/// sender has lost the right is for the caller to look at first.
async fn taken(
    app: &App,
    caller: &Caller,
    admitted: &Admitted,
    suite: Option<&SuiteName>,
    declared: Declared,
    body: Body,
) -> Result<Package, Failure> {
    let repository = &app.repository;
    let of = Some(admitted.identity().clone());
    let ground = || Ground::sending(admitted.clone(), suite.cloned());
    let meter = Meter::default();
    let watch = Watch::new(repository, &caller.peer, ground());
    let pieces = watched(watch, metered(body, meter.clone()));
    let taking = async { Ok(upload(repository, admitted, pieces, declared).await?) };
    let mut ground = ground();
    attended(taking, || {
        ground.still_holds(repository, &caller.peer)?;
        Ok(body::keep_pace(repository, &of, Holds::Seat, &meter)?)
    })
    .await
}

/// A body that is read for as long as its sender has the right to send it, however fast it comes.
fn watched(
    mut watch: Watch,
    pieces: impl Stream<Item = Result<Bytes, axum::Error>>,
) -> impl Stream<Item = Result<Bytes, Cause>> {
    let mut unwatched_bytes = 0_usize;
    pieces.map(move |piece| {
        let piece = piece.map_err(Cause::of)?;
        unwatched_bytes = unwatched_bytes.saturating_add(piece.len());
        if unwatched_bytes >= LOOK_BYTES {
            unwatched_bytes = 0;
            watch.look().map_err(Cause::of)?;
        }
        Ok(piece)
    })
}
