//! The audit log: read, signed up to its end, and checked against its chain.

use axum::extract::State;

use crate::api::{AuditCheckpoint, AuditEntry, AuditQuery, AuditVerdict, MOST_ENTRIES};
use crate::domain::Right;
use crate::domain::audit::{Entry, Search};
use crate::flow::audit::entries::Reach;
use crate::flow::audit::{entries, seal};
use crate::http::App;
use crate::http::admitted::Caller;
use crate::http::answer::Failure;
use crate::http::extract::{Json, Query};
use crate::time::Moment;

/// How many entries are returned when the query names no number.
const USUAL_ENTRIES: u32 = 50;

/// `GET /audit`: entries that the caller may see.
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Vec<AuditEntry>>, Failure> {
    let admitted = caller.admit(&app, Right::Audit)?;
    let search = Search {
        since: query.since.map(Moment),
        until: query.until.map(Moment),
        identity: query.identity,
        suite: query.suite,
        verb: query.verb,
        refused: query.refused,
    };
    let reach = match (query.after, query.before) {
        (Some(_), Some(_)) => {
            return Err(Failure::invalid("after", "and before exclude each other; give one"));
        }
        (Some(after), None) => Reach::After(after),
        (None, before) => Reach::Before(before),
    };
    let limit = query.limit.unwrap_or(USUAL_ENTRIES).min(MOST_ENTRIES);
    let entries =
        entries::list(&app.repository, &admitted, search, query.package, reach, limit).await?;
    Ok(Json(entries.into_iter().map(entry).collect()))
}

/// `GET /audit/checkpoints`: every one, the oldest first.
pub async fn checkpoints(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Vec<AuditCheckpoint>>, Failure> {
    caller.admit(&app, Right::Audit)?;
    let all = seal::list(&app.repository).await?;
    Ok(Json(all.into_iter().map(checkpoint).collect()))
}

/// `POST /audit/checkpoints`: the log is signed up to its end.
pub async fn seal(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<AuditCheckpoint>, Failure> {
    caller.admit(&app, Right::Audit)?;
    Ok(Json(checkpoint(seal::seal_now(&app.repository).await?)))
}

/// `GET /audit/verify`: the whole log is checked against its chain and its checkpoints.
pub async fn verify(State(app): State<App>, caller: Caller) -> Result<Json<AuditVerdict>, Failure> {
    caller.admit(&app, Right::Administer)?;
    let verdict = seal::verify_all(&app.repository).await?;
    Ok(Json(AuditVerdict {
        entries: verdict.end.entries,
        hash: verdict.end.hash,
        checkpoints: verdict.checkpoints,
        signed_entries: verdict.signed_entries,
        faults: verdict.faults,
    }))
}

fn entry(entry: Entry) -> AuditEntry {
    let Entry { number, event, hash } = entry;
    AuditEntry {
        number,
        at: event.at.0,
        identity: event.actor.identity,
        serial: event.actor.serial,
        verb: event.verb,
        suite: event.suite,
        detail: event.detail,
        message: event.message,
        before: event.before,
        after: event.after,
        outcome: event.outcome,
        times: event.times,
        hash,
    }
}

fn checkpoint(checkpoint: seal::Sealed) -> AuditCheckpoint {
    AuditCheckpoint {
        entries: checkpoint.statement.end.entries,
        hash: checkpoint.statement.end.hash,
        at: checkpoint.statement.at.0,
        text: checkpoint.text,
    }
}
