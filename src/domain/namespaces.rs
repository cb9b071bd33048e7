//! Namespaces: whether a suite takes bytes that the asker has not sent, and the warnings where two
//! namespaces meet.

use std::collections::BTreeMap;

use crate::debian::{Namespace, SuiteName};
use crate::domain::conflict::ConflictReason;
use crate::domain::{Package, SuiteSpec};

/// A suite that the asker may read, with its namespace.
pub type Readable = (SuiteName, Namespace);

/// Whether bytes may be added to a suite of `to` by somebody who has not sent them, and can read
/// them in `from`.
///
/// That is a promotion, and it is allowed within one namespace only. It does not concern bytes that
/// the asker has sent, wherever else they are. Bytes that no suite has are in no namespace yet.
pub fn may_promote(to: &Namespace, from: &[Readable]) -> bool {
    from.is_empty() || from.iter().any(|(_, namespace)| namespace == to)
}

/// Why a package is not promoted into a suite, and what to do. It names only suites that the asker
/// may read.
pub fn not_promoted(package: &Package, to: &SuiteSpec, from: &[Readable]) -> ConflictReason {
    let from: Vec<_> = from.iter().map(|(suite, of)| format!("{suite} (namespace {of})")).collect();
    let problem = format!(
        "is in suite {}, and is not promoted to suite {} (namespace {}): each namespace has builds of its own; build \
         it for that one, or, if it is meant for both, upload the file itself",
        from.join(", "),
        to.name,
        to.namespace
    );
    ConflictReason::of(package, problem)
}

/// The same sentence, in a text for somebody who may not know of all these suites: without them.
pub fn without_places(text: &str) -> String {
    let (begin, end) = (" is in suite ", ", and is not promoted ");
    let mut told = String::new();
    let mut rest = text;
    while let Some((before, found)) = rest.split_once(begin) {
        let Some((_, after)) = found.split_once(end) else { break };
        told.push_str(before);
        told.push_str(" is elsewhere");
        told.push_str(end);
        rest = after;
    }
    told.push_str(rest);
    told
}

/// The warning for a host that reads suites of several namespaces; `None` when they share one.
pub fn side_by_side(suites: &[SuiteSpec]) -> Option<String> {
    let of = by_namespace(suites);
    if of.len() < 2 {
        return None;
    }
    let named: Vec<_> = of.iter().map(|(namespace, suites)| listed(namespace, suites)).collect();
    Some(format!(
        "{} may give the same version other bytes, and apt takes either for both: let a host read one namespace, or \
         end versions with the release they are built for (1.2~deb12, 1.2~deb13)",
        named.join(" and ")
    ))
}

/// The warning for a host that has read suites of other namespaces than it reads now; `None` when
/// it has not.
pub fn moved(now: &[SuiteSpec], before: &[SuiteSpec]) -> Option<String> {
    let elsewhere = |one: &&SuiteSpec| now.iter().all(|spec| spec.namespace != one.namespace);
    let of = by_namespace(before.iter().filter(elsewhere));
    if of.is_empty() || now.is_empty() {
        return None;
    }
    let named: Vec<_> = of.iter().map(|(namespace, suites)| listed(namespace, suites)).collect();
    Some(format!(
        "this host has read {}: run `apt-get clean` on it, since apt installs a kept file of the same name, version \
         and size unchecked, and install anew what has the same version here (`apt-get install --reinstall NAME`)",
        named.join(" and ")
    ))
}

/// The names of suites, by their namespaces.
fn by_namespace<'s>(
    suites: impl IntoIterator<Item = &'s SuiteSpec>,
) -> BTreeMap<&'s Namespace, Vec<&'s str>> {
    let mut of: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for spec in suites {
        of.entry(&spec.namespace).or_default().push(spec.name.as_str());
    }
    of
}

fn listed(namespace: &Namespace, suites: &[&str]) -> String {
    let word = if suites.len() == 1 { "suite" } else { "suites" };
    format!("{word} {} (namespace {namespace})", suites.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace(text: &str) -> Namespace {
        Namespace::parse(text).unwrap()
    }

    fn spec(name: &str, of: &str) -> SuiteSpec {
        let text = format!(
            r#"{{"name": "{name}", "origin": "o", "label": "l", "components": ["main"],
                "architectures": ["amd64"], "valid_seconds": 86400, "namespace": "{of}"}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn read(all: &[(&str, &str)]) -> Vec<Readable> {
        all.iter().map(|(suite, of)| (suite.parse().unwrap(), namespace(of))).collect()
    }

    #[test]
    fn promotion_goes_within_one_namespace() {
        let trixie = namespace("trixie");
        for (from, may) in [
            (&[][..], true),
            (&[("testing", "trixie")], true),
            (&[("bookworm", "bookworm"), ("testing", "trixie")], true),
            (&[("bookworm", "bookworm")], false),
            (&[("stable", "default"), ("bookworm", "bookworm")], false),
        ] {
            assert_eq!(may_promote(&trixie, &read(from)), may, "{from:?}");
        }
        assert!(may_promote(&Namespace::default(), &read(&[("stable", "default")])));
        assert!(!may_promote(&Namespace::default(), &read(&[("trixie", "trixie")])));
    }

    #[test]
    fn the_reason_can_be_told_without_the_suites_that_have_it() {
        let package = crate::domain::tests::package("acme-web", "1.0");
        let from = read(&[("hidden", "bookworm"), ("secret", "forky")]);
        let reason = not_promoted(&package, &spec("edge", "trixie"), &from).to_string();
        assert!(reason.contains("hidden") && reason.contains("forky"), "{reason}");
        let text = format!("packages: 2: {reason}; {reason}");
        let told = without_places(&text);
        for name in ["hidden", "bookworm", "secret", "forky"] {
            assert!(!told.contains(name), "{told}");
        }
        assert!(told.starts_with("packages: 2: acme-web 1.0"), "{told}");
        assert_eq!(told.matches("not promoted to suite edge (namespace trixie)").count(), 2);
        assert_eq!(without_places("is in suite edge"), "is in suite edge");
    }

    #[test]
    fn hosts_of_one_namespace_get_no_warning() {
        let of = |all: &[(&str, &str)]| -> Vec<_> {
            all.iter().map(|(name, of)| spec(name, of)).collect()
        };
        assert_eq!(side_by_side(&[]), None);
        assert_eq!(side_by_side(&of(&[("stable", "default"), ("edge", "default")])), None);
        let said =
            side_by_side(&of(&[("a", "trixie"), ("b", "bookworm"), ("c", "trixie")])).unwrap();
        let begin = "suite b (namespace bookworm) and suites a, c (namespace trixie) may give";
        assert!(said.starts_with(begin), "{said}");
        assert!(said.contains("~deb12") && said.contains("~deb13"), "{said}");

        let (now, both) = (of(&[("a", "trixie")]), of(&[("a", "trixie"), ("b", "bookworm")]));
        for (now, before) in [(&now, &[][..]), (&now, &now), (&both, &both), (&vec![], &both)] {
            assert_eq!(moved(now, before), None);
        }
        let said = moved(&now, &both).unwrap();
        assert!(
            said.starts_with(
                "this host has read suite b (namespace bookworm): run `apt-get clean`"
            ),
            "{said}"
        );
    }
}
