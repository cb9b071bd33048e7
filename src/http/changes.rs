//! Changes: the body of a request becomes a change.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::api::{Change, ChangeOutcome, ChangeRequest, MOST_ITEMS, Promote, PromoteItem};
use crate::debian::{PackageName, SuiteName};
use crate::domain::pinning::Leeway;
use crate::domain::promotion::Wanted;
use crate::domain::{self, Expect, PinKind, PinTarget, Right, RolloutStep, Way};
use crate::flow::change::promote;
use crate::flow::change::submit::{Terms, submit};
use crate::flow::report::identities;
use crate::http::admitted::Caller;
use crate::http::answer::Failure;
use crate::http::extract::Path;
use crate::http::json::json_response;
use crate::http::refused::AttemptedChange;
use crate::http::sent::Sent;
use crate::http::{App, rollouts, views};

/// What became of a change: 202 where a package was taken and hosts are not offered it, otherwise 200.
pub struct Changed(pub ChangeOutcome);

impl IntoResponse for Changed {
    fn into_response(self) -> Response {
        let Self(outcome) = self;
        let waits = !outcome.dry_run && outcome.not_live().next().is_some();
        let status = if waits { StatusCode::ACCEPTED } else { StatusCode::OK };
        json_response(status, "application/json", &outcome)
    }
}

/// `POST /suites/{suite}/changes`.
pub async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(suite): Path<String>,
    sent: Sent,
) -> Response {
    // Whatever the change is, it takes this at least.
    let read = async {
        let suite = caller.suite(&app, &suite)?;
        sent.json::<ChangeRequest>(&app, &caller, Right::Upload(&suite)).await
    };
    let (request, _room) = match read.await {
        Ok(read) => read,
        Err(failure) => return failure.into_response(),
    };
    let (attempted, dry_run) = (AttemptedChange::of(&request), request.dry_run);
    match made(&app, &caller, &suite, request).await {
        Ok(outcome) => outcome.into_response(),
        Err(failure) => attempted.refuse(failure, dry_run),
    }
}

async fn made(
    app: &App,
    caller: &Caller,
    suite: &str,
    request: ChangeRequest,
) -> Result<Changed, Failure> {
    let suite = caller.suite(app, suite)?;
    let right = match &request.change {
        Change::Add { .. } | Change::Promote(_) if !request.urgent => Right::Upload(&suite),
        _ => Right::Operate(&suite),
    };
    let admitted = caller.admit(app, right)?;
    let terms = Terms {
        message: request.message,
        dry_run: request.dry_run,
        expect: request
            .expect_generation
            .map(|generation| Expect { generation, exactly: request.as_shown }),
        leeway: Leeway { cascade: request.cascade, force: request.force, urgent: request.urgent },
    };
    let change = asked(app, caller, &suite, request.change).await?;
    let dry_run = terms.dry_run;
    let adding = match &change {
        domain::Change::Add(items) if !dry_run => items.len(),
        _ => 0,
    };
    let made = async {
        let outcome = submit(&app.repository, &admitted, &suite, change, terms).await?;
        let operates = caller.admit(app, Right::Operate(&suite)).is_ok();
        let hosts = if dry_run && operates {
            views::hosts_of(&suite, identities::list(&app.repository, Some(true)).await?)
        } else {
            Vec::new()
        };
        Ok(views::outcome(&suite, outcome, hosts))
    };
    match adding {
        0 => made.await.map(Changed),
        packages => app.metrics.uploads.note_change(packages, made.await).map(Changed),
    }
}

/// The change that takes from another suite, which the caller has to read: one that is not there is answered like
/// one that the caller may not read.
async fn promoted(
    app: &App,
    caller: &Caller,
    to: &SuiteName,
    change: Promote,
) -> Result<domain::Change, Failure> {
    let Promote { from, packages, all, generation, component, binary, all_versions } = change;
    if all != packages.is_empty() {
        return Err(Failure::invalid("packages", SOME_OR_ALL));
    }
    if !all {
        bounded("packages", packages.len())?;
    }
    let from = caller.suite(app, from.as_str())?;
    let reads = caller.admit(app, Right::Read(&from))?;
    if from == *to {
        let problem =
            "is the suite itself; name another one, or roll back with `repoctl pin --rollback`";
        return Err(Failure::invalid("from", problem));
    }
    let one = |item: PromoteItem| (target(item.package, binary), item.version);
    let targets = packages.into_iter().map(one).collect();
    let wanted = Wanted { targets, binary, all_versions, component };
    Ok(promote::change(&app.repository, &reads, &from, generation, wanted).await?)
}

/// The change that a request asks for.
async fn asked(
    app: &App,
    caller: &Caller,
    suite: &SuiteName,
    change: Change,
) -> Result<domain::Change, Failure> {
    Ok(match change {
        Change::Add { items } => {
            bounded("items", items.len())?;
            domain::Change::Add(
                items.into_iter().map(|item| (item.component, item.digest)).collect(),
            )
        }
        Change::Promote(wanted) => promoted(app, caller, suite, wanted).await?,
        Change::Pin { package, version, binary, hours } => {
            domain::Change::Pin(target(package, binary), version, hours)
        }
        Change::Rollback { packages, to, all, binary } => {
            some_or_all(&packages, all)?;
            domain::Change::RollBack(targets(packages, binary)?, to)
        }
        Change::Unpin { packages, all, binary } => {
            some_or_all(&packages, all)?;
            domain::Change::Unpin(targets(packages, binary)?)
        }
        Change::Start { of, to, override_freeze } => {
            rollouts::step(of, RolloutStep::Start(Way { to, override_freeze }))?
        }
        Change::Advance { of, to, override_freeze } => {
            rollouts::step(of, RolloutStep::Advance(Way { to, override_freeze }))?
        }
        Change::Pause { of } => rollouts::step(of, RolloutStep::Pause)?,
        Change::Resume { of } => rollouts::step(of, RolloutStep::Resume)?,
        Change::Abort { of } => rollouts::step(of, RolloutStep::Abort)?,
        Change::Hold {} => domain::Change::Hold,
        Change::Release {} => domain::Change::Release,
        Change::Remove { packages, binary } => {
            if packages.is_empty() {
                return Err(Failure::invalid("packages", "name at least one package"));
            }
            domain::Change::Remove(targets(packages, binary)?)
        }
    })
}

/// What is wrong with a list of packages and the word for all of them.
const SOME_OR_ALL: &str = "name packages, or say all; not both and not neither";

/// A list that came out empty by mistake is not taken for the whole suite.
fn some_or_all(packages: &[PackageName], all: bool) -> Result<(), Failure> {
    if all == packages.is_empty() {
        return Ok(());
    }
    Err(Failure::invalid("packages", SOME_OR_ALL))
}

fn bounded(field: &str, count: usize) -> Result<(), Failure> {
    match count {
        0 => Err(Failure::invalid(field, "is empty; name at least one")),
        1..=MOST_ITEMS => Ok(()),
        _ => {
            Err(Failure::invalid(field, format!("names more than {MOST_ITEMS}; split the change")))
        }
    }
}

fn targets(packages: Vec<PackageName>, binary: bool) -> Result<Vec<PinTarget>, Failure> {
    if packages.len() > MOST_ITEMS {
        bounded("packages", packages.len())?;
    }
    Ok(packages.into_iter().map(|package| target(package, binary)).collect())
}

fn target(name: PackageName, binary: bool) -> PinTarget {
    PinTarget { kind: if binary { PinKind::Binary } else { PinKind::Source }, name }
}
