//! Submit: the one way to change what a suite offers.

use crate::domain::Expect;
use crate::flow::change::adding;
use tokio::sync::oneshot;

use crate::debian::SuiteName;
use crate::domain::Change;
use crate::domain::Outcome;
use crate::domain::pinning::{Asking, Leeway};
use crate::domain::{Admitted, Role};
use crate::flow::change::publish_batch;
use crate::flow::error::FlowError;
use crate::flow::repository::{Repository, no_suite_for};
use crate::flow::suite::queue::{Job, Queued};
use crate::flow::threads::blocking;
use crate::flow::upload::single;

/// The longest reason. Unit: bytes.
pub const LONGEST_MESSAGE_BYTES: usize = 1_024;

/// The options of a change.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Terms {
    /// The reason; kept with the generation. When it is empty, the reason of `admitted` counts.
    pub message: String,
    /// Only report what the change would do.
    pub dry_run: bool,
    /// Refuse unless this generation is the last one.
    pub expect: Option<Expect>,
    /// What may be done where hosts could not follow.
    pub leeway: Leeway,
}

/// Makes a change and answers when the generation that holds it is live.
///
/// The caller has checked that `admitted` may do this in `suite`.
///
/// # Errors
/// [`FlowError`]; nothing was changed then.
pub async fn submit(
    repository: &std::sync::Arc<Repository>,
    admitted: &Admitted,
    suite: &SuiteName,
    change: Change,
    terms: Terms,
) -> Result<Outcome, FlowError> {
    let said = Some(terms.message.as_str()).filter(|text| !text.is_empty());
    let message = one_line(said.unwrap_or_else(|| admitted.why()))?;
    sent_or_readable(repository, admitted, &change).await?;
    let desk = repository.desk(suite).ok_or_else(|| no_suite_for(repository, admitted, suite))?;
    let author = admitted.identity().clone();
    let need = if change.takes_in() { Role::Uploader } else { Role::Operator };
    let reach = admitted.reach(suite, need);
    if terms.dry_run {
        let repository = std::sync::Arc::clone(repository);
        let (at, leeway) = (repository.dating(), terms.leeway);
        let asking = Asking { author, reach, message, at, until: None, leeway };
        return blocking(move || {
            publish_batch::rehearse(&repository, &desk, &change, &asking, terms.expect)
        })
        .await;
    }
    let (reply, answer) = oneshot::channel();
    let serial = admitted.actor().serial;
    let (leeway, expect) = (terms.leeway, terms.expect);
    let queued = Queued::now();
    let outrun = 0;
    desk.submit(Job {
        change,
        author,
        serial,
        reach,
        message,
        leeway,
        expect,
        outrun,
        queued,
        reply,
    })?;
    answer.await.unwrap_or_else(|_| {
        Err(FlowError::Unavailable("the server stopped before the change was made".into()))
    })
}

/// Checks that the asker has sent or may read every added package. The error is the same as for a
/// package that does not exist.
async fn sent_or_readable(
    repository: &std::sync::Arc<Repository>,
    admitted: &Admitted,
    change: &Change,
) -> Result<(), FlowError> {
    let Change::Add(items) = change else { return Ok(()) };
    let digests = items.iter().map(|(_, digest)| *digest).collect();
    match single::unknown(repository, admitted, digests).await?.first() {
        Some(digest) => Err(adding::not_sent(digest)),
        None => Ok(()),
    }
}

/// A reason as it is kept: one line of history and of the audit log, without control characters.
///
/// # Errors
/// [`FlowError::Invalid`] naming the field, also for a reason longer than 1024 bytes.
pub fn one_line(message: &str) -> Result<String, FlowError> {
    let text = message.trim();
    let problem = if text.len() > LONGEST_MESSAGE_BYTES {
        "is longer than 1024 bytes"
    } else if text.chars().any(char::is_control) {
        "holds control characters or line breaks; write one line"
    } else {
        return Ok(text.to_string());
    };
    Err(FlowError::Invalid { field: "message", problem: problem.into() })
}
