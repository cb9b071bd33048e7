//! Kept: the last signed end of the log lies beside the catalogue as well. A log that was set back to
//! an earlier state, with all its checkpoints, does not have that end.

use crate::catalogue::Audit;
use crate::domain::audit::{Search, Statement};
use crate::flow::error::FlowError;

/// The verb of the entry that tells of a restoration.
pub const RESTORE: &str = "restore";
/// The verb of the entry by which an admin acknowledges it.
pub const ACKNOWLEDGE: &str = "restore-acknowledge";

/// The statement in a signed text; its signature is not looked at.
pub(crate) fn statement_of(text: &str) -> Option<Statement> {
    let (_, body) = text.split_once("\n\n")?;
    let (body, _) = body.split_once("-----BEGIN PGP SIGNATURE-----")?;
    Statement::parse(body)
}

/// What was signed last, if the log is another one by now.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub(crate) fn differing<A: Audit + ?Sized>(
    audit: &A,
    kept: Option<&str>,
) -> Result<Option<Statement>, FlowError> {
    let Some(statement) = kept.and_then(statement_of) else { return Ok(None) };
    let end = statement.end;
    let Some(before) = end.entries.checked_sub(1) else { return Ok(None) };
    let found = audit.list_entries(&Search::default(), before, 1)?.pop();
    let is_same = found.is_some_and(|one| one.number == end.entries && one.hash == end.hash);
    Ok((!is_same).then_some(statement))
}

/// What is wrong with a log as it stands beside what was signed last, for people.
pub(crate) fn faults<A: Audit + ?Sized>(
    audit: &A,
    kept: Option<&str>,
) -> Result<Vec<String>, FlowError> {
    let mut faults = Vec::new();
    if kept.is_some_and(|text| statement_of(text).is_none()) {
        faults.push("the checkpoint that is kept in floor/.audit cannot be read".into());
    }
    if let Some(Statement { end, at }) = differing(audit, kept)? {
        faults.push(format!(
            "the log was set back: at {at} it was signed up to entry {}, hash {}, which it does not have",
            end.entries, end.hash
        ));
    }
    let last = |verb: &str| {
        let search = Search { verb: Some(verb.into()), ..Search::default() };
        audit.list_last_entries(&search, None, 1).map(|mut found| found.pop())
    };
    let acknowledged = last(ACKNOWLEDGE)?.map_or(0, |entry| entry.number);
    if let Some(entry) = last(RESTORE)?.filter(|entry| entry.number > acknowledged) {
        faults.push(format!(
            "entry {}: an earlier state was restored ({}); once you know why, `repoctl restored acknowledge`",
            entry.number, entry.event.detail
        ));
    }
    Ok(faults)
}
