//! Faults: what the server would refuse of a file, told before anything is done, each with its field.
//!
//! What a group, a grant or an alias may be is judged here by the rules of the server, so that all of it is
//! told at once; suites are rehearsed there.

use std::collections::BTreeSet;

use super::manifest::{Manifest, SuiteEntry};
use super::plan::Plan;
use crate::api::{AccessGrant, AccessView, Code, Exit, SuiteDefinition, SuiteEdit};
use crate::cli::failure::Failure;
use crate::client::{Client, ClientError};
use crate::debian::SuiteName;
use crate::domain::patterns::{GroupName, Member, PackagePattern, SuitePattern};
use crate::domain::{self, Subject};
use crate::toml_text::step;

/// One thing that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The field of the file by its path.
    pub field: String,
    /// Why.
    pub problem: String,
    /// More reasons of it.
    pub more: Vec<String>,
    /// Whether the file is wrong whatever the server has.
    pub is_invalid: bool,
}

impl Refused {
    /// A value that is wrong whatever the server has.
    fn invalid(field: impl Into<String>, problem: impl ToString) -> Self {
        let (field, problem) = (field.into(), problem.to_string());
        Self { field, problem, more: Vec::new(), is_invalid: true }
    }

    /// What cannot be done in the state of the server.
    pub fn impossible(field: impl Into<String>, problem: impl ToString) -> Self {
        Self { is_invalid: false, ..Self::invalid(field, problem) }
    }
}

/// What is wrong with the file by itself, beside the groups that are there.
pub fn of(file: &Manifest, there: &AccessView) -> Vec<Refused> {
    let mut found = aliases(file);
    for (name, entry) in file.group.iter().flatten() {
        let path = format!("group.{}", step(name));
        found.extend(fault::<GroupName>(&path, name));
        let members = format!("{path}.members");
        found.extend(entry.members.iter().filter_map(|one| fault::<Member>(&members, one)));
    }
    let groups = there.groups.iter().map(|group| group.name.as_str());
    let made = file.group.iter().flatten().map(|(name, _)| name.as_str());
    let groups: BTreeSet<&str> = groups.chain(made).collect();
    for (at, (_, grant)) in file.grants().enumerate() {
        found.extend(of_grant(&format!("grant[{at}]"), grant, &groups));
    }
    found
}

fn fault<T: std::str::FromStr>(field: &str, text: &str) -> Option<Refused>
where
    T::Err: ToString,
{
    text.parse::<T>().err().map(|error| Refused::invalid(field, error.to_string()))
}

/// Aliases that are none, or that two suites of the file cannot have.
fn aliases(file: &Manifest) -> Vec<Refused> {
    let suites = || file.suite.iter().flatten();
    let mut found = Vec::new();
    for (name, entry) in suites() {
        let Some(alias) = entry.alias.as_ref().filter(|alias| !alias.is_empty()) else { continue };
        let path = format!("suite.{}.alias", step(name.as_str()));
        let of_other = |(other, its): &(&SuiteName, &SuiteEntry)| {
            *other < name && its.alias.as_ref() == Some(alias)
        };
        if let Some(fault) = fault::<SuiteName>(&path, alias) {
            found.push(fault);
        } else if suites().any(|(other, _)| other != name && other.as_str() == alias) {
            let problem =
                format!("{alias} is the name of a suite, and an alias is never also that");
            found.push(Refused::invalid(path, problem));
        } else if let Some((other, _)) = suites().find(of_other) {
            let problem = format!("{alias} is the alias of suite {other} in this file as well");
            found.push(Refused::invalid(path, problem));
        }
    }
    found
}

fn of_grant(path: &str, grant: &AccessGrant, groups: &BTreeSet<&str>) -> Vec<Refused> {
    let at = |field: &str| format!("{path}.{field}");
    let mut found: Vec<_> = fault::<Subject>(&at("to"), &grant.to).into_iter().collect();
    let suites = grant.suites.iter().filter_map(|one| fault::<SuitePattern>(&at("suites"), one));
    found.extend(suites);
    let packages = grant.packages.iter();
    found.extend(packages.filter_map(|one| fault::<PackagePattern>(&at("packages"), one)));
    if !found.is_empty() {
        return found;
    }
    // Both are written alike.
    let value = serde_json::to_value(grant).and_then(serde_json::from_value::<domain::AccessGrant>);
    if let Some(error) = value.ok().and_then(|grant| grant.verify().err()) {
        found.push(Refused::invalid(at(error.field), error.problem));
    }
    if let Some(name) = grant.to.strip_prefix('@').filter(|name| !groups.contains(name)) {
        let problem = format!(
            "there is no group {name}; give it here as [group.{}], or: repoctl access group add {name} MEMBER",
            step(name)
        );
        found.push(Refused::impossible(at("to"), problem));
    }
    found
}

/// What the server refuses of the suites that are made or edited.
///
/// # Errors
/// A [`Failure`] that is about no suite: of the network, or a right that is missing.
pub async fn of_suites(
    client: &Client,
    plan: &Plan,
    file: &Manifest,
) -> Result<Vec<Refused>, Failure> {
    let mut found = Vec::new();
    for suite in &plan.create {
        let rehearsal = SuiteDefinition { dry_run: true, ..suite.clone() };
        let asked = client.create_suite(&rehearsal).await.map(drop);
        found.extend(judged(asked, &suite.name, file, false)?);
    }
    for (name, edit, _) in &plan.edit {
        // What takes an alias from another suite is edited right after it is made.
        if plan.create.iter().any(|suite| suite.name == *name) {
            continue;
        }
        let rehearsal = SuiteEdit { dry_run: true, ..edit.clone() };
        let asked = client.edit_suite(name, &rehearsal).await.map(drop);
        found.extend(judged(asked, name, file, edit.owns.is_some())?);
    }
    Ok(found)
}

fn judged(
    asked: Result<(), ClientError>,
    suite: &SuiteName,
    file: &Manifest,
    owns: bool,
) -> Result<Option<Refused>, Failure> {
    let Err(error) = asked else { return Ok(None) };
    let failure = Failure::from(error);
    match failure.exit {
        Exit::Refused | Exit::Usage => Ok(Some(of_suite(&failure, suite, file, owns))),
        _ => Err(failure),
    }
}

/// What the server refuses of a suite, at the field that it is about.
pub fn of_suite(failure: &Failure, suite: &SuiteName, file: &Manifest, owns: bool) -> Refused {
    let path = format!("suite.{}", step(suite.as_str()));
    let message = &failure.message;
    let entry = file.suite.as_ref().and_then(|suites| suites.get(suite));
    let (field, problem) = match message.split_once(": ") {
        Some(("valid", problem)) => (Some("valid_days"), problem),
        // Of several names that hosts could not store together.
        Some(("name", problem)) => (None, problem),
        Some((field, problem)) if FIELDS.contains(&field) => (Some(field), problem),
        Some((alias, _)) if entry.is_some_and(|entry| entry.alias.as_deref() == Some(alias)) => {
            (Some("alias"), message.as_str())
        }
        _ if owns && failure.code.as_deref() == Some(Code::ChangeRefused.as_str()) => {
            (Some("owns"), message.as_str())
        }
        _ => (None, message.as_str()),
    };
    let field = field.map_or(path.clone(), |field| format!("{path}.{field}"));
    let more = failure.reasons.iter().filter(|one| !one.ends_with(problem)).cloned().collect();
    Refused { field, problem: problem.into(), more, is_invalid: failure.exit == Exit::Usage }
}

/// The fields of a suite, as server and file call them.
const FIELDS: [&str; 12] = [
    "alias",
    "origin",
    "label",
    "description",
    "components",
    "architectures",
    "owns",
    "not_automatic",
    "but_automatic_upgrades",
    "namespace",
    "changelogs",
    "snapshots",
];
