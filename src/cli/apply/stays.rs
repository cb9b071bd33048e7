//! What stays: all that is on the server and not in the file, and that is not removed, with the reason.

use super::manifest::Manifest;
use crate::api::{AccessGrant, AccessView, GivenGrant, SuiteView};
use crate::cli::render;
use crate::cli::text::{count, escape};
use crate::debian::SuiteName;

/// The most names in a line; of the others only the number is given.
const MOST_NAMES: usize = 8;
/// The most names for programs.
const MOST_FOR_PROGRAMS: usize = 1_000;

/// The reason of what `--prune` removes.
const NOT_PRUNED: &str = "not in the file; --prune removes what is not";

/// What is on the server and not in the file, and is not removed.
#[derive(Debug, Default, PartialEq)]
pub struct Unnamed {
    /// Components and architectures of suites that are in the file.
    pub parts: Vec<String>,
    /// Suites that `--prune` does not remove, because they hold packages.
    pub full: Vec<SuiteName>,
    /// Other suites.
    pub suites: Vec<SuiteName>,
    /// Groups.
    pub groups: Vec<String>,
    /// Members of groups that are in the file, each behind the name of its group.
    pub members: Vec<String>,
    /// Grants.
    pub grants: Vec<AccessGrant>,
}

impl Unnamed {
    /// All of it, a line each.
    pub fn lines(&self) -> Vec<String> {
        let of = |kind: &str, names: &[String]| -> Vec<String> {
            names.iter().map(|name| format!("{kind} {name}")).collect()
        };
        let suites = self.full.iter().chain(&self.suites);
        let suites: Vec<_> = suites.map(ToString::to_string).collect();
        let grants: Vec<_> = self.grants.iter().map(render::rights::grant).collect();
        [
            of("suite", &self.parts),
            of("suite", &suites),
            of("group", &self.members),
            of("group", &self.groups),
            of("grant", &grants),
        ]
        .concat()
    }
}

/// Things of one kind that stay for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stays {
    /// What they are: `suite`.
    pub kind: &'static str,
    /// Their names.
    pub names: Vec<String>,
    /// Why they stay.
    pub why: String,
}

impl Stays {
    /// For people: `stays: 2 suites: edge, testing (not in the file)`.
    pub fn line(&self) -> String {
        let some: Vec<_> = self.names.iter().take(MOST_NAMES).map(String::as_str).collect();
        let more = match self.names.len().saturating_sub(MOST_NAMES) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let kinds = count(self.names.len(), self.kind);
        escape(&format!("stays: {kinds}: {}{more} ({})", some.join("; "), self.why))
    }

    /// For programs.
    pub fn value(&self) -> serde_json::Value {
        let some: Vec<_> = self.names.iter().take(MOST_FOR_PROGRAMS).collect();
        serde_json::json!({
            "kind": self.kind, "count": self.names.len(), "names": some, "why": self.why,
        })
    }
}

/// Everything that stays beside what a plan for a file removes. `me` is the one who asks.
pub fn of(
    unnamed: &Unnamed,
    file: &Manifest,
    suites: &[SuiteView],
    access: &AccessView,
    me: &str,
) -> Vec<Stays> {
    let mut all = Vec::new();
    let mut add = |kind, names: Vec<String>, why: &str| {
        if !names.is_empty() {
            all.push(Stays { kind, names, why: why.to_owned() });
        }
    };
    add("suite part", unnamed.parts.clone(), "components and architectures are never removed");
    add(
        "suite",
        names_of(&unnamed.full),
        "not in the file, and holds packages: `repoctl remove` them first",
    );
    add("suite", names_of(&unnamed.suites), NOT_PRUNED);
    add("group", unnamed.groups.clone(), NOT_PRUNED);
    add("group member", unnamed.members.clone(), NOT_PRUNED);
    add("grant", unnamed.grants.iter().map(render::rights::grant).collect(), NOT_PRUNED);
    if file.suite.is_none() {
        add(
            "suite",
            suites.iter().map(|suite| suite.name.to_string()).collect(),
            "the file does not speak of suites",
        );
    }
    if file.group.is_none() {
        add(
            "group",
            access.groups.iter().map(|group| group.name.clone()).collect(),
            "the file does not speak of groups",
        );
    }
    let words = |of: &dyn Fn(&&GivenGrant) -> bool| -> Vec<String> {
        let found = access.grants.iter().filter(of);
        found.map(|given| render::rights::grant(&given.grant)).collect()
    };
    if file.grant.is_none() {
        add("grant", words(&|given| !given.own), "the file does not speak of grants");
    }
    add(
        "grant",
        words(&|given| given.own && given.grant.to == me),
        "your own, with your certificate",
    );
    add(
        "grant",
        words(&|given| given.own && given.grant.to != me),
        "given with a certificate, in no file; `repoctl host revoke` and `repoctl identity revoke` take both",
    );
    all
}

fn names_of<T: ToString>(all: &[T]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}
