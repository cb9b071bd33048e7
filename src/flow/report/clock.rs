//! Clock: what an operator should know of the server's clock, and of what was signed by a wrong one.

use crate::flow::error::FlowError;
use crate::flow::report::concern::{Circle, Concern, WarningCode};
use crate::flow::repository::Repository;
use crate::time::{Doubt, PastJump};

/// How far a Date may lie ahead of the clock unnoticed: what apt forgives. Unit: seconds.
const AHEAD_SECONDS: i64 = 10;

/// The clock jumped, or did within the last hour; `None` when all is well.
pub fn concern(repository: &Repository) -> Option<Concern> {
    if let Some(doubt) = repository.doubt() {
        return Some(Concern::of_server(WarningCode::ClockInDoubt, in_doubt(&doubt)));
    }
    let (_, uptime) = repository.clock.both();
    let past = repository.steadiness.past(uptime)?;
    Some(Concern::of_server(WarningCode::ClockJumped, over(&past)))
}

/// The clock, and every suite and revocation list that is dated ahead of it.
pub(super) fn look_at_clock(
    repository: &Repository,
    concerns: &mut Vec<Concern>,
) -> Result<(), FlowError> {
    concerns.extend(concern(repository));
    let now = repository.now();
    for (suite, desk) in repository.desks().iter() {
        // A floor that is damaged is told when the suite is signed.
        let floor = repository.signer.last_date(suite).unwrap_or_default();
        let date = floor.max(desk.state().head.as_ref().map(|head| head.date));
        let Some(date) = date.filter(|date| date.since(now) > AHEAD_SECONDS) else { continue };
        let text = format!(
            "suite {suite} was signed for {date}, {} ahead of the server's clock: until then hosts whose clock \
             is right refuse what was signed, and no change is published. If the clock is right, \
             `repoctl suite redate {suite}` starts its Dates anew; else set the clock right",
            length(date.since(now))
        );
        concerns.push(Concern {
            code: WarningCode::SuiteDatedAhead,
            text,
            of: Circle::Readers(suite.clone()),
        });
    }
    for issuer in repository.trust.current().issuers() {
        let Some(list) = issuer.list.filter(|list| list.this_update.since(now) > AHEAD_SECONDS)
        else {
            continue;
        };
        let cure = match repository.trust.is_external() {
            true => "set the clock right, or have the CA make another list",
            false => "set the clock right; if it is right, another list is made within a minute",
        };
        let text = format!(
            "the revocation list of {} is dated {}, {} ahead of the server's clock: {cure}",
            issuer.name,
            list.this_update,
            length(list.this_update.since(now))
        );
        concerns.push(Concern::of_server(WarningCode::CrlDatedAhead, text));
    }
    Ok(())
}

fn in_doubt(doubt: &Doubt) -> String {
    let off = match doubt.off_seconds {
        Some(off) => format!("the server's clock jumped: it is {}", off_by(off)),
        None => "the server started with a clock that does not follow what was known before".into(),
    };
    format!(
        "{off}. Nothing is signed, ended or removed that nobody asked for, until the clock agrees again or for \
         {} more; changes are dated by the earlier of both times",
        length(doubt.left_seconds())
    )
}

fn over(past: &PastJump) -> String {
    let lasted = length(past.lasted_seconds);
    let off = past.off_seconds.map_or_else(|| "in doubt".to_owned(), off_by);
    match past.came_back {
        true => format!("the server's clock was {off} for {lasted}; it agrees again"),
        false => {
            format!(
                "the server's clock was {off} for {lasted}, and that time is taken for right now"
            )
        }
    }
}

fn off_by(seconds: i64) -> String {
    let direction = if seconds < 0 { "behind" } else { "ahead of" };
    format!("{} {direction} where it was expected", length(seconds.saturating_abs()))
}

/// A length of time in its two largest units.
fn length(seconds: i64) -> String {
    let units = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];
    let mut left = seconds.max(0);
    let mut parts = Vec::new();
    for (unit, each) in units {
        let count = left / each;
        left %= each;
        if count > 0 {
            parts.push(format!("{count} {unit}"));
        } else if !parts.is_empty() {
            break;
        }
        if parts.len() == 2 {
            break;
        }
    }
    if parts.is_empty() { "0 s".into() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_has_its_two_largest_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (25, "25 s"),
            (60, "1 min"),
            (3_600, "1 h"),
            (3_661, "1 h 1 min"),
            (8 * 86_400, "8 d"),
            (8 * 86_400 - 25, "7 d 23 h"),
            (86_400 + 59, "1 d"),
        ] {
            assert_eq!(length(seconds), text);
        }
    }
}
