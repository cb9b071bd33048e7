//! Access: groups and grants are edited, and rights explained.

use std::collections::BTreeSet;
use std::sync::Arc;

use tracing::{error, info};

use crate::catalogue::AccessRecord;
use crate::debian::{Component, PackageName, SuiteName};
use crate::domain::patterns::GroupName;
use crate::domain::reserved::is_apart;
use crate::domain::rights::{self, Deed, Question, Verdict};
use crate::domain::{
    AccessEdit, AccessSet, Admitted, Change, Conflict, Denied, Entitled, Held, Identity, Rights,
    Role, Share,
};
use crate::flow::access::in_force;
use crate::flow::admit;
use crate::flow::audit::entries;
use crate::flow::error::FlowError;
use crate::flow::report::identities::IdentityReport;
use crate::flow::report::reports::reading;
use crate::flow::repository::Repository;
use crate::flow::suite::queue::Job;
use crate::flow::threads::{blocking, lock};

/// The most memberships and grants that one edit may change.
const MOST_EDITED: usize = 200_000;

/// All groups and grants.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub async fn list(repository: &Arc<Repository>) -> Result<AccessRecord, FlowError> {
    reading(repository, |repository| Ok(repository.catalogue.load_access()?)).await
}

/// Edits groups and grants, all or nothing, and gives what really changed. It applies from
/// everybody's next request on. With `dry_run` nothing is recorded.
///
/// The caller has checked that `admitted` may administer.
///
/// # Errors
/// [`FlowError::Conflict`] with every reason, also when the asker would no longer be an admin;
/// [`FlowError::Invalid`] for an edit that is too large.
pub async fn edit(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    edit: AccessEdit,
    dry_run: bool,
) -> Result<AccessEdit, FlowError> {
    let named = edit.join.len() + edit.leave.len() + edit.give.len() + edit.revoke.len();
    if named > MOST_EDITED {
        let problem = format!("names {named} things; at most {MOST_EDITED} go into one");
        return Err(FlowError::Invalid { field: "edit", problem });
    }
    let (shared, admitted) = (Arc::clone(repository), admitted.clone());
    blocking(move || {
        let by = admitted.identity();
        let _alone = lock(&shared.rights);
        let record = shared.catalogue.load_access()?;
        let given = record.grants.iter().map(|given| given.grant.clone());
        let before = AccessSet::new(&record.groups, given);
        let after = before.after(&edit)?;
        keeps_its_role(by, &record, &after)?;
        let done = AccessEdit::between(&before, &after);
        if !dry_run && !done.is_empty() {
            let event = admitted.did("access", shared.now()).with(&entries::access_edited(&done));
            shared.catalogue.record_access(&done, &event)?;
            in_force::rights(&shared)?;
            sign_anew_for_rings(&shared, &done);
            let (given, taken) = (done.give.len(), done.revoke.len());
            let (joined, left) = (done.join.len(), done.leave.len());
            info!(%by, given, taken, joined, left, "access edited");
        }
        Ok(done)
    })
    .await
}

/// Has suites signed anew whose rings name a group that has other members now: a host that is in another ring by that
/// would ignore the head of this ring, which has no later Date than the one that it has.
fn sign_anew_for_rings(repository: &Repository, done: &AccessEdit) {
    let moved = done.join.iter().chain(&done.leave).map(|(group, _)| group);
    let moved: BTreeSet<&GroupName> = moved.chain(&done.end_groups).collect();
    for desk in repository.desks().values() {
        if desk.state().spec.rings.groups().is_disjoint(&moved) {
            continue;
        }
        let (job, _) = Job::of_server(Change::Renew);
        if let Err(problem) = desk.submit(job) {
            error!(suite = %desk.suite, %problem, "hosts in other rings follow with the next change");
        }
    }
}

/// Refuses an edit after which the asker is no longer an admin: it could not undo the edit.
fn keeps_its_role(
    by: &Identity,
    record: &AccessRecord,
    after: &AccessSet,
) -> Result<(), FlowError> {
    let grants: Vec<_> = after.grants.iter().cloned().collect();
    let rights = Rights::new(&record.own, &after.groups(), &grants, record.shut_out.clone());
    if rights.of(by).is_some_and(|entitled| entitled.is_admin()) {
        return Ok(());
    }
    let problem = "is you, and would not be an admin any more; let another admin do that";
    Err(Conflict::one(by, problem).into())
}

/// Why an identity may or may not do each deed in a suite.
#[derive(Clone, Debug)]
pub struct Explained {
    /// Each deed with its verdict, the least first.
    pub verdicts: Vec<(Deed, Verdict)>,
    /// Whether the suite exists; `None` unless the asker is an admin.
    pub suite_exists: Option<bool>,
}

/// A question what an identity may do in a suite, or with one component or package of it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// About whom.
    pub identity: Identity,
    /// In which suite.
    pub suite: SuiteName,
    /// In which component; `None` for any.
    pub component: Option<Component>,
    /// With which package; `None` for any.
    pub package: Option<PackageName>,
}

/// Explains what an identity may do. An operator who asks about somebody else is told of the grants
/// that cover the suite, and of these nothing but that; who has none is answered like nobody.
///
/// # Errors
/// [`FlowError::Denied`] unless the asker is that identity, an admin, or operates the whole suite.
pub async fn explain(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    asked: Asked,
) -> Result<Explained, FlowError> {
    let asker = admitted.entitled();
    may_ask(asker, &asked.identity, &asked.suite)?;
    let verdicts = verdicts(repository, &asked);
    if asker.identity() == &asked.identity || asker.is_admin() {
        let suite_exists = asker.is_admin().then(|| repository.desk(&asked.suite).is_some());
        return Ok(Explained { verdicts, suite_exists });
    }
    let admitted = admitted.clone();
    reading(repository, move |repository| {
        // Read whoever it is, so that the time does not tell.
        let report = IdentityReport::read(repository, &asked.identity)?;
        let share = report.share(&admit::operated(repository, admitted.entitled()));
        let is_known = share > Share::None;
        let told = |(deed, verdict)| (deed, as_told(verdict, &asked.suite, is_known));
        Ok(Explained { verdicts: verdicts.into_iter().map(told).collect(), suite_exists: None })
    })
    .await
}

fn verdicts(repository: &Repository, asked: &Asked) -> Vec<(Deed, Verdict)> {
    let grants = repository.grants.load();
    let verdict = |deed| {
        let (component, package) = (asked.component.as_ref(), asked.package.as_ref());
        let question = Question { suite: &asked.suite, deed, component, package };
        let verdict = rights::explain(grants.rights(), &asked.identity, &question);
        match verdict {
            Verdict::Allowed(held) if deed == Deed::Upload => {
                (deed, bringing(repository, asked, held))
            }
            verdict => (deed, verdict),
        }
    };
    Deed::ALL.map(verdict).into()
}

/// Of the grants by which something is uploaded, those that are for a package that the suite takes without owning
/// its name, where it is about one.
fn bringing(repository: &Repository, asked: &Asked, mut held: Vec<Held>) -> Verdict {
    let reserved = asked.package.as_ref().filter(|name| is_apart(name.as_str()));
    if let (Some(name), Some(desk)) = (reserved, repository.desk(&asked.suite))
        && !desk.state().spec.owns_name(name.as_str())
    {
        held.retain(|held| held.grant.brings_reserved(name));
        if held.is_empty() {
            return Verdict::NotNamed;
        }
    }
    Verdict::Allowed(held)
}

/// A verdict on somebody else, for an operator of the suite.
fn as_told(verdict: Verdict, suite: &SuiteName, is_known: bool) -> Verdict {
    match verdict {
        Verdict::ShutOut if is_known => Verdict::ShutOut,
        Verdict::ShutOut | Verdict::HoldsNothing => Verdict::OtherSuites,
        Verdict::Allowed(held) => {
            let within = |held: Held| {
                let mut grant = (*held.grant).clone();
                grant.suites.retain(|pattern| pattern.matches(suite));
                Held { grant: Arc::new(grant), ..held }
            };
            Verdict::Allowed(held.into_iter().map(within).collect())
        }
        other => other,
    }
}

fn may_ask(asker: &Entitled, about: &Identity, suite: &SuiteName) -> Result<(), FlowError> {
    let gives = asker.reach(suite, Role::Operator).is_whole();
    if asker.identity() == about || asker.is_admin() || gives {
        return Ok(());
    }
    let identity = asker.identity().clone();
    Err(match asker.role_in(suite) {
        None => Denied::Suite(identity, suite.clone()),
        Some(have) if have >= Role::Operator => Denied::Limited { identity },
        Some(have) => Denied::Role { identity, have, need: Role::Operator },
    }
    .into())
}
