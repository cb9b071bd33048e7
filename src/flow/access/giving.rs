//! Giving: who may give which right to which name.

use crate::debian::SuiteName;
use crate::domain::{
    Admitted, Conflict, Denied, EnrolmentToken, Entitled, Grant, Identity, Limits, Role, Share,
    SuiteScope,
};
use crate::flow::access::limits;
use crate::flow::admit;
use crate::flow::error::FlowError;
use crate::flow::report::identities::IdentityReport;
use crate::flow::repository::Repository;
use crate::nearest::nearest;

/// Checks that the asker may give this right. An operator may only give the role of a host, and
/// only for suites that it operates itself.
pub(super) fn may_give(
    repository: &Repository,
    admitted: &Admitted,
    grant: &Grant,
) -> Result<(), FlowError> {
    may_give_all(repository, admitted, &Entitled::own(grant))
}

/// Checks that the name may be enrolled with this right. A right that names no suite is what the name
/// holds when it is enrolled, such as by its groups: then it has to be a host that reads something.
pub(super) fn may_enrol(
    repository: &Repository,
    admitted: &Admitted,
    grant: &Grant,
) -> Result<(), FlowError> {
    may_give(repository, admitted, grant)?;
    may_take(repository, admitted, grant)?;
    if !grant.names_no_suite() {
        return Ok(());
    }
    let (name, held) = (&grant.identity, admit::find_held(repository, &grant.identity));
    if let Some(role) = held.as_ref().filter(|held| !held.is_host()).map(Entitled::role) {
        let problem = format!(
            "is {} by what it holds, and a token is for a host; `repoctl identity issue` makes the others",
            role.as_str()
        );
        return Err(Conflict::one(name, problem).into());
    }
    let desks = repository.desks();
    if held.is_some_and(|held| desks.keys().any(|suite| held.reads(suite))) {
        return Ok(());
    }
    let problem = format!(
        "is empty, and nothing gives {name} a suite yet; name suites with --suite, or put it into a group that \
         reads some: `repoctl access group add GROUP {name}`"
    );
    Err(FlowError::Invalid { field: "suites", problem })
}

/// Whether the asker may see and revoke this token: it could give what the token gives. One that names
/// no suite is for who made it, and for whom all of the name lies within the suites of.
pub(super) fn answers_for(
    repository: &Repository,
    admitted: &Admitted,
    token: &EnrolmentToken,
) -> Result<bool, FlowError> {
    if !token.grant.names_no_suite() {
        return Ok(may_give(repository, admitted, &token.grant).is_ok());
    }
    if admitted.entitled().is_admin() || token.made_by == *admitted.identity() {
        return Ok(true);
    }
    let report = IdentityReport::read(repository, &token.grant.identity)?;
    Ok(report.share(&admit::operated(repository, admitted.entitled())) == Share::Whole)
}

/// Checks that the name is nobody's, or all that is known of it lies within the asker's suites:
/// otherwise an operator could take over another's host. The error is the same for every other
/// name, and does not say what is known of it.
fn may_take_over(
    repository: &Repository,
    admitted: &Admitted,
    name: &Identity,
) -> Result<(), FlowError> {
    if admitted.entitled().is_admin() {
        return Ok(());
    }
    let report = IdentityReport::read(repository, name)?;
    let share = report.share(&admit::operated(repository, admitted.entitled()));
    match share == Share::Whole || report.is_free() {
        true => Ok(()),
        false => {
            Err(Denied::Name { identity: admitted.identity().clone(), name: name.clone() }.into())
        }
    }
}

fn may_give_all(
    repository: &Repository,
    admitted: &Admitted,
    entitled: &Entitled,
) -> Result<(), FlowError> {
    let giver = admitted.entitled();
    if giver.is_admin() {
        return Ok(());
    }
    let identity = giver.identity().clone();
    let too_much =
        || Denied::Role { identity: identity.clone(), have: giver.role(), need: Role::Admin };
    if entitled.role() != Role::Host {
        return Err(too_much().into());
    }
    let mut suites = entitled.held().iter().flat_map(|held| &held.grant.suites);
    match suites.find(|suite| !giver.gives_suites([*suite])) {
        None => Ok(()),
        Some(suite) => Err(match suite.as_str().parse() {
            Ok(name) => no_right_to(repository, giver, name).into(),
            Err(_) => too_much().into(),
        }),
    }
}

/// The denial of a suite, with the one that may be meant, of those that the giver may read. It is the
/// same whether there is such a suite or not.
fn no_right_to(repository: &Repository, giver: &Entitled, suite: SuiteName) -> Denied {
    let identity = giver.identity().clone();
    let desks = repository.desks();
    let known = desks.keys().filter(|known| giver.reads(known));
    match nearest(suite.as_str(), known.map(SuiteName::as_str)) {
        Some(near) if near != suite.as_str() => {
            Denied::Mistyped { identity, suite, near: near.to_owned() }
        }
        _ => Denied::Suite(identity, suite),
    }
}

/// Checks that the name may get this right: its suites exist, and what it has already is of the same
/// role and within the asker's suites.
pub(super) fn may_take(
    repository: &Repository,
    admitted: &Admitted,
    grant: &Grant,
) -> Result<(), FlowError> {
    if let SuiteScope::Named(suites) = &grant.suites
        && let Some(absent) = suites.iter().find(|suite| repository.desk(suite).is_none())
    {
        return Err(crate::flow::repository::no_suite_for(repository, admitted, absent));
    }
    limits::verify(repository, grant)?;
    if grant.identity == Identity::server() {
        let problem = "is the server's own name; choose another";
        return Err(Conflict::one(&grant.identity, problem).into());
    }
    // A certificate by this name also gives the rights of the name's groups.
    may_take_over(repository, admitted, &grant.identity)?;
    let grants = repository.catalogue.list_grants()?;
    let Some(have) = grants.iter().find(|have| have.identity == grant.identity) else {
        return Ok(());
    };
    if have.role == grant.role {
        return Ok(());
    }
    let problem =
        format!("is {} already; revoke it first, or choose another name", have.role.as_str());
    Err(Conflict::one(&grant.identity, problem).into())
}

pub(super) fn no_authority(grant: &Grant) -> FlowError {
    let (name, role) = (&grant.identity, grant.role.as_str());
    let command = match grant.role {
        Role::Host => format!("`repoctl host grant {name}`"),
        _ => format!("`repoctl identity grant {name} --role {role}{}`", options(&grant.limits)),
    };
    let problem = format!(
        "certificates come from the CA that repod.toml names in [trust]: let that one issue it, \
         with dNSName {name} and clientAuth, and give the right with {command}"
    );
    Conflict::one("certificate", problem).into()
}

/// Limits, as options of a command line.
fn options(limits: &Limits) -> String {
    let components = limits.components.iter().map(|name| format!(" --component {name}"));
    let packages = limits.packages.iter().map(|pattern| format!(" --package '{pattern}'"));
    components.chain(packages).collect()
}
