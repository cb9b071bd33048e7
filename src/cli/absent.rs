//! Absent: grants that name suites which are not there.

use std::collections::{BTreeMap, BTreeSet};

use super::render;
use crate::api::{AccessGrant, SuiteView};
use crate::debian::SuiteName;
use crate::domain::SuitePattern;
use crate::nearest::or_nearest;

/// The suites of a server, or those that it will have.
#[derive(Default, Debug)]
pub struct Known {
    names: BTreeSet<SuiteName>,
    /// What each alias is the alias of.
    aliases: BTreeMap<String, SuiteName>,
}

impl Known {
    /// These, with their aliases.
    pub fn of<'s>(suites: impl IntoIterator<Item = &'s SuiteView>) -> Self {
        let mut known = Self::default();
        for suite in suites {
            known.add(&suite.name, suite.alias.as_ref().map(SuiteName::as_str));
        }
        known
    }

    /// One more.
    pub fn add(&mut self, name: &SuiteName, alias: Option<&str>) {
        self.names.insert(name.clone());
        if let Some(alias) = alias.filter(|alias| !alias.is_empty()) {
            self.aliases.insert(alias.to_owned(), name.clone());
        }
    }

    /// What is wrong with the suites that a grant names, in a sentence for each that is not there.
    pub fn faults(&self, grant: &AccessGrant) -> Vec<String> {
        let faults = grant.suites.iter().filter_map(|named| self.fault(named));
        faults.map(|fault| format!("grant {}: {fault}", render::rights::grant(grant))).collect()
    }

    fn fault(&self, named: &str) -> Option<String> {
        // What is no pattern is refused by the server, which says so.
        let pattern: SuitePattern = named.parse().ok()?;
        if pattern == SuitePattern::any() || self.names.iter().any(|name| pattern.matches(name)) {
            return None;
        }
        if let Some(suite) = self.aliases.get(named) {
            return Some(format!(
                "suites: {named} is the alias of suite {suite}, and a grant reaches no suite by its alias; name {suite}"
            ));
        }
        if named.contains('*') {
            return Some(format!("suites: no suite matches {named} yet"));
        }
        let known = self.names.iter().map(SuiteName::as_str);
        let near = or_nearest(named, known, "; the grant counts once there is one");
        Some(format!("suites: there is no suite {named}{near}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_suite_that_is_not_there_is_told_with_the_one_that_is_meant() {
        let mut known = Known::default();
        known.add(&"stable".parse().unwrap(), Some("prod"));
        known.add(&"edge".parse().unwrap(), None);
        let faults = |suites: &[&str]| {
            let suites: Vec<_> = suites.iter().map(ToString::to_string).collect();
            let (to, role) = ("@web".into(), crate::api::Role::Host);
            let (components, packages) = (Vec::new(), Vec::new());
            known.faults(&AccessGrant { to, role, suites, components, packages })
        };
        assert!(faults(&["*", "st*", "edge", "stable"]).is_empty());
        assert_eq!(
            faults(&["stabel", "edge", "testing", "prod", "te*"]),
            [
                "there is no suite stabel; did you mean stable?",
                "there is no suite testing; the grant counts once there is one",
                "prod is the alias of suite stable, and a grant reaches no suite by its alias; name stable",
                "no suite matches te* yet",
            ]
            .map(|end| format!("grant host of stabel edge testing prod te* to @web: suites: {end}"))
        );
    }
}
