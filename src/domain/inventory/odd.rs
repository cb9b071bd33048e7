//! What is out of place in a group of hosts: packages of which the hosts do not all have the same version.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::{Facts, Installed};
use crate::debian::{Architecture, PackageName, Version};
use crate::domain::Identity;

/// A package on a host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holding {
    /// Which host.
    pub host: Identity,
    /// Which package.
    pub package: Installed,
}

/// A package of which not every host has the same version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Its name.
    pub name: PackageName,
    /// Its architecture.
    pub architecture: Architecture,
    /// The version that most hosts have; `None` when most have none.
    pub majority: Option<Version>,
    /// How many hosts have that.
    pub agree: usize,
    /// The hosts that do not, with what they have.
    pub odd: Vec<(Identity, Option<Version>)>,
}

/// The differences among hosts, by name. `holdings` are all packages of these hosts; those that all have alike may be
/// left out. As many hosts with one version as with another: the higher one is the majority, and none is the lowest.
pub fn differences(hosts: &BTreeSet<Identity>, holdings: Vec<Holding>) -> Vec<Difference> {
    let mut of: BTreeMap<(PackageName, Architecture), BTreeMap<Identity, Version>> =
        BTreeMap::new();
    for Holding { host, package } in holdings {
        let place = of.entry((package.name, package.architecture)).or_default();
        place.insert(host, package.version);
    }
    let compared = of.into_iter().filter_map(|((name, architecture), by_host)| {
        let have = |host: &Identity| by_host.get(host).cloned();
        let mut counts: Vec<(Option<Version>, usize)> = Vec::new();
        for version in hosts.iter().map(have) {
            match counts.iter_mut().find(|(one, _)| *one == version) {
                Some((_, count)) => *count = count.saturating_add(1),
                None => counts.push((version, 1)),
            }
        }
        let order = |(a, m): &(Option<Version>, usize), (b, n): &(Option<Version>, usize)| {
            m.cmp(n).then_with(|| compare(a.as_ref(), b.as_ref()))
        };
        let (majority, agree) = counts.into_iter().max_by(|a, b| order(a, b))?;
        let odd: Vec<_> = hosts.iter().map(|host| (host.clone(), have(host))).collect();
        let odd: Vec<_> = odd.into_iter().filter(|(_, version)| *version != majority).collect();
        (!odd.is_empty()).then_some(Difference { name, architecture, majority, agree, odd })
    });
    compared.collect()
}

/// Something beside packages that hosts do not all say alike.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FactDifference {
    /// What: `release`, of the system, or `kernel`, the one that runs.
    pub fact: &'static str,
    /// What most hosts say; empty when most do not know it.
    pub majority: String,
    /// How many hosts say that.
    pub agree: usize,
    /// The hosts that do not, with what they say.
    pub odd: Vec<(Identity, String)>,
}

/// What hosts do not say alike beside packages. As many hosts with one text as with another: the later one by its letters
/// is the majority.
pub fn fact_differences(hosts: &BTreeMap<Identity, Facts>) -> Vec<FactDifference> {
    let facts = [("release", release as fn(&Facts) -> String), ("kernel", kernel)];
    let compared = facts.into_iter().filter_map(|(fact, of)| {
        let mut counts = BTreeMap::<String, usize>::new();
        for facts in hosts.values() {
            let count = counts.entry(of(facts)).or_default();
            *count = count.saturating_add(1);
        }
        let most = counts.into_iter().max_by(|(a, m), (b, n)| m.cmp(n).then_with(|| a.cmp(b)));
        let (majority, agree) = most?;
        let odd = hosts.iter().map(|(host, facts)| (host.clone(), of(facts)));
        let odd: Vec<_> = odd.filter(|(_, said)| *said != majority).collect();
        (!odd.is_empty()).then_some(FactDifference { fact, majority, agree, odd })
    });
    compared.collect()
}

fn release(facts: &Facts) -> String {
    format!("{} {}", facts.os, facts.os_version).trim().to_owned()
}

fn kernel(facts: &Facts) -> String {
    facts.kernel.clone()
}

fn compare(a: Option<&Version>, b: Option<&Version>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.compare(b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_with_another_release_or_kernel_is_named() {
        let host = |name: &str, version: &str, kernel: &str| {
            let facts = Facts {
                os: "debian".into(),
                os_version: version.into(),
                kernel: kernel.into(),
                ..Facts::default()
            };
            (Identity::parse(name).unwrap(), facts)
        };
        let told = |hosts: Vec<(Identity, Facts)>| -> Vec<String> {
            let found = fact_differences(&hosts.into_iter().collect());
            let line = |one: &FactDifference| {
                format!("{} {} {} {:?}", one.fact, one.majority, one.agree, one.odd)
            };
            found.iter().map(line).collect()
        };
        assert_eq!(told(vec![host("a1", "12", "6.1"), host("a2", "12", "6.1")]), [""; 0]);
        let found =
            told(vec![host("a1", "12", "6.1"), host("a2", "11", "6.1"), host("a3", "12", "")]);
        assert_eq!(
            found,
            [r#"release debian 12 2 [("a2", "debian 11")]"#, r#"kernel 6.1 2 [("a3", "")]"#,]
        );
        assert_eq!(told(Vec::new()), [""; 0]);
    }

    fn of(list: &[(&str, &str)]) -> Vec<String> {
        let holdings: Vec<_> = list
            .iter()
            .map(|(host, line)| Holding {
                host: Identity::parse(host).unwrap(),
                package: Installed::parse(line).unwrap(),
            })
            .collect();
        let hosts = ["a1", "a2", "a3"].map(|host| Identity::parse(host).unwrap()).into();
        let text =
            |version: &Option<Version>| version.as_ref().map_or("none".into(), |v| v.to_string());
        differences(&hosts, holdings)
            .iter()
            .map(|one| {
                let odd = one.odd.iter().map(|(host, version)| format!("{host} {}", text(version)));
                let odd: Vec<_> = odd.collect();
                format!("{} {}x{}: {}", one.name, text(&one.majority), one.agree, odd.join(", "))
            })
            .collect()
    }

    #[test]
    fn the_odd_one_out_is_named_with_the_majority() {
        let x = |version: &str| format!("acme-web amd64 {version}");
        let (one, two) = (x("1.0"), x("2.0"));
        assert_eq!(of(&[("a1", &one), ("a2", &one), ("a3", &one)]), [""; 0]);
        assert_eq!(of(&[("a1", &one), ("a2", &two), ("a3", &one)]), ["acme-web 1.0x2: a2 2.0"]);
        assert_eq!(of(&[("a2", &two)]), ["acme-web nonex2: a2 2.0"]);
        assert_eq!(of(&[("a1", &one), ("a2", &two)]), ["acme-web 2.0x1: a1 1.0, a3 none"]);
    }
}
