//! Absent: grants that name suites which are not there, or parts that none of their suites has.

use std::collections::BTreeMap;

use super::render;
use crate::api::{AccessGrant, SuiteView};
use crate::debian::{Component, SuiteName};
use crate::domain::SuitePattern;
use crate::domain::patterns::PackagePattern;
use crate::domain::reserved::is_reserved;
use crate::nearest::or_nearest;

/// What a limit of a grant can be about in a suite.
#[derive(Default, Debug, Clone)]
struct Parts {
    components: Vec<Component>,
    /// Patterns of the names that it owns; empty when it takes any.
    owns: Vec<String>,
}

/// The suites of a server, or those that it will have.
#[derive(Default, Debug)]
pub struct Known {
    suites: BTreeMap<SuiteName, Parts>,
    /// What each alias is the alias of.
    aliases: BTreeMap<String, SuiteName>,
}

impl Known {
    /// These, with their aliases.
    pub fn of<'s>(suites: impl IntoIterator<Item = &'s SuiteView>) -> Self {
        let mut known = Self::default();
        for suite in suites {
            known.name(&suite.name, suite.alias.as_ref().map(SuiteName::as_str));
            known.part(&suite.name, &suite.components, Some(&suite.owns));
        }
        known
    }

    /// One more, or another alias of one that is there.
    pub fn name(&mut self, name: &SuiteName, alias: Option<&str>) {
        self.suites.entry(name.clone()).or_default();
        if let Some(alias) = alias.filter(|alias| !alias.is_empty()) {
            self.aliases.insert(alias.to_owned(), name.clone());
        }
    }

    /// Components that a suite has too, and what it owns where that is another.
    pub fn part(&mut self, name: &SuiteName, components: &[Component], owns: Option<&[String]>) {
        let parts = self.suites.entry(name.clone()).or_default();
        let new = components.iter().filter(|one| !parts.components.contains(one));
        let new: Vec<_> = new.cloned().collect();
        parts.components.extend(new);
        if let Some(owns) = owns {
            parts.owns = owns.to_vec();
        }
    }

    /// What is wrong with what a grant names, in a sentence for each suite, component and pattern of
    /// names that is not there.
    pub fn faults(&self, grant: &AccessGrant) -> Vec<String> {
        let faults = grant.suites.iter().filter_map(|named| self.fault(named));
        let faults = faults.chain(self.beyond(grant));
        faults.map(|fault| format!("grant {}: {fault}", render::rights::grant(grant))).collect()
    }

    fn fault(&self, named: &str) -> Option<String> {
        // What is no pattern is refused by the server, which says so.
        let pattern: SuitePattern = named.parse().ok()?;
        if pattern == SuitePattern::any() || self.suites.keys().any(|name| pattern.matches(name)) {
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
        let known = self.suites.keys().map(SuiteName::as_str);
        let near = or_nearest(named, known, "; the grant counts once there is one");
        Some(format!("suites: there is no suite {named}{near}"))
    }

    /// The limits that match nothing of the suites of the grant which are there.
    fn beyond(&self, grant: &AccessGrant) -> Vec<String> {
        let patterns: Vec<SuitePattern> =
            grant.suites.iter().filter_map(|named| named.parse().ok()).collect();
        let is_meant = |name: &SuiteName| patterns.iter().any(|pattern| pattern.matches(name));
        let suites: Vec<_> = self.suites.iter().filter(|(name, _)| is_meant(name)).collect();
        if suites.is_empty() {
            return Vec::new();
        }
        let components = grant.components.iter().filter_map(|one| no_component(&suites, one));
        let packages = grant.packages.iter().filter_map(|one| not_owned(&suites, one));
        components.chain(packages).collect()
    }
}

/// The most suites that a sentence names.
const MOST_NAMED: usize = 3;

fn no_component(suites: &[(&SuiteName, &Parts)], wanted: &Component) -> Option<String> {
    let known = || suites.iter().flat_map(|(_, parts)| &parts.components);
    if known().any(|one| one == wanted) {
        return None;
    }
    let mut have: Vec<_> = known().map(Component::as_str).collect();
    have.sort_unstable();
    have.dedup();
    let otherwise = format!("; there are {}", have.join(", "));
    let near = or_nearest(wanted.as_str(), have.iter().copied(), &otherwise);
    let names: Vec<_> = suites.iter().take(MOST_NAMED).map(|(name, _)| name.as_str()).collect();
    Some(match suites.len() > MOST_NAMED {
        true => format!("components: none of its {} suites has {wanted}{near}", suites.len()),
        false => format!("components: {wanted} is no component of {}{near}", names.join(", ")),
    })
}

fn not_owned(suites: &[(&SuiteName, &Parts)], named: &str) -> Option<String> {
    // What is no pattern is refused by the server, which says so.
    let pattern: PackagePattern = named.parse().ok()?;
    let takes = |owns: &[String]| owns.is_empty() || owns.iter().any(|own| pattern.overlaps(own));
    if is_reserved(named) || suites.iter().any(|(_, parts)| takes(&parts.owns)) {
        return None;
    }
    let own =
        |(name, parts): &(&SuiteName, &Parts)| format!("{name} owns only {}", parts.owns.join(" "));
    let owned: Vec<_> = suites.iter().take(MOST_NAMED).map(own).collect();
    let more = if suites.len() > MOST_NAMED { " and so on" } else { "" };
    Some(format!("packages: {named} can match nothing there: {}{more}", owned.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_suite_that_is_not_there_is_told_with_the_one_that_is_meant() {
        let mut known = Known::default();
        known.name(&"stable".parse().unwrap(), Some("prod"));
        known.name(&"edge".parse().unwrap(), None);
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

    #[test]
    fn a_limit_that_nothing_of_the_suites_meets_is_told() {
        let mut known = Known::default();
        for (name, components, owns) in
            [("stable", &["main", "extra"][..], &["acme-*"][..]), ("edge", &["main"], &["uni-*"])]
        {
            let components: Vec<_> = components.iter().map(|one| one.parse().unwrap()).collect();
            let owns: Vec<_> = owns.iter().map(ToString::to_string).collect();
            known.part(&name.parse().unwrap(), &components, Some(&owns));
        }
        known.part(&"free".parse().unwrap(), &["main".parse().unwrap()], None);
        let faults = |suites: &[&str], components: &[&str], packages: &[&str]| {
            let texts = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
            let components = components.iter().map(|one| one.parse().unwrap()).collect();
            let (to, role) = ("ci.example".into(), crate::api::Role::Uploader);
            let (suites, packages) = (texts(suites), texts(packages));
            let told = known.faults(&AccessGrant { to, role, suites, components, packages });
            told.iter().map(|one| one.split_once(": ").unwrap().1.to_owned()).collect::<Vec<_>>()
        };
        // One suite that has it is enough; names of which hosts keep up are taken everywhere.
        assert!(faults(&["stable", "edge"], &["extra"], &["uni-a", "acme-web*"]).is_empty());
        assert!(faults(&["stable"], &[], &["*-web", "repoctl", "acme*"]).is_empty());
        assert!(faults(&["free", "edge"], &["main"], &["widget"]).is_empty());
        // What is to be said of a suite that is not there is said of the suite.
        assert_eq!(faults(&["later*"], &["extra"], &[]), ["suites: no suite matches later* yet"]);
        assert_eq!(
            faults(&["stable"], &["mian", "main"], &["widget", "repo*"]),
            [
                "components: mian is no component of stable; did you mean main?",
                "packages: widget can match nothing there: stable owns only acme-*",
                "packages: repo* can match nothing there: stable owns only acme-*",
            ]
        );
        assert_eq!(
            faults(&["*"], &["contrib"], &[]),
            ["components: contrib is no component of edge, free, stable; there are extra, main"]
        );
        assert_eq!(
            faults(&["stable", "edge"], &[], &["widget"]),
            [
                "packages: widget can match nothing there: edge owns only uni-*, stable owns only acme-*"
            ]
        );
    }
}
