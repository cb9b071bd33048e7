//! What every back end promises of reports of hosts.

use std::path::Path;

use repod::domain::inventory::{Contradiction, Entry, Facts, HostReport, Receipt, SetHash};
use repod::time::Moment;

use super::Make;
use super::samples::{identity, name};

const WEB: &str = "acme-web amd64 1.0 manual";
const NEWER: &str = "acme-web amd64 2.0 manual,hold";
const CRON: &str = "acme-cron all 1.0 auto acme";

fn entries(lines: &[&str]) -> Vec<Entry> {
    lines.iter().map(|line| Entry::parse(line).unwrap()).collect()
}

pub fn whole(host: &str, number: u64, lines: &[&str]) -> HostReport {
    HostReport {
        host: identity(host),
        number,
        base: None,
        hash: SetHash::of(&entries(lines)),
        installed: entries(lines),
        gone: Vec::new(),
        facts: Facts {
            os: "debian".into(),
            services: vec!["cron.service".into(), "ssh.service".into()],
            apt_at: Some(Moment(5)),
            reboot: true,
            unreadable: 2,
            ..Facts::default()
        },
        at: Moment(100),
    }
}

fn delta(
    number: u64,
    before: &[&str],
    after: &[&str],
    installed: &[&str],
    gone: &[&str],
) -> HostReport {
    HostReport {
        base: Some(SetHash::of(&entries(before))),
        hash: SetHash::of(&entries(after)),
        installed: entries(installed),
        gone: entries(gone),
        ..whole("a1", number, &[])
    }
}

pub fn a_report_follows_the_last_one_or_changes_nothing(room: &Path, make: &Make) {
    let catalogue = make(room);
    let taken = Ok(Receipt::Taken);
    let first = whole("a1", 10, &[WEB]);
    let next = delta(11, &[WEB], &[NEWER, CRON], &[NEWER, CRON], &[WEB]);
    let several = vec![
        delta(10, &[WEB], &[WEB, CRON], &[CRON], &[]),
        first.clone(),
        first.clone(),
        whole("a2", 1, &[WEB]),
        next.clone(),
        next.clone(),
        first,
    ];
    assert_eq!(
        catalogue.record_reports(several).unwrap(),
        [Ok(Receipt::Resynchronise), taken, taken, taken, taken, taken, Ok(Receipt::Outdated(11)),]
    );
    for (report, verdict) in [
        (delta(12, &[WEB], &[WEB, CRON], &[CRON], &[]), Ok(Receipt::Resynchronise)),
        (delta(12, &[NEWER, CRON], &[NEWER, CRON, WEB], &[WEB], &[]), Err(Contradiction)),
        (delta(12, &[NEWER, CRON], &[CRON], &[], &[WEB]), Err(Contradiction)),
        (delta(12, &[NEWER, CRON], &[NEWER, CRON], &[CRON], &[]), Err(Contradiction)),
    ] {
        assert_eq!(
            catalogue.record_reports(vec![report.clone()]).unwrap(),
            [verdict],
            "{report:?}"
        );
    }
    drop(catalogue);

    let catalogue = make(room);
    let kept = catalogue.find_report(&identity("a1")).unwrap().unwrap();
    assert_eq!((kept.number, kept.hash, kept.at), (11, next.hash, Moment(100)));
    assert_eq!(kept.facts, next.facts);
    let ids: Vec<u64> = kept.packages.iter().map(|(id, _)| *id).collect();
    let lines = catalogue.read_reported(&ids).unwrap();
    let mut said: Vec<_> = lines
        .iter()
        .zip(&kept.packages)
        .map(|((_, package), (_, marks))| {
            Entry { package: package.clone(), marks: *marks }.to_string()
        })
        .collect();
    said.sort();
    assert_eq!(said, [CRON, NEWER]);
    let mut hosts = Vec::new();
    catalogue
        .each_report(&mut |report| {
            hosts.push(report.host.to_string());
            Ok(())
        })
        .unwrap();
    hosts.sort();
    assert_eq!(hosts, ["a1", "a2"]);
    assert_eq!(catalogue.find_report(&identity("a3")).unwrap(), None);
    let lines: Vec<u64> =
        catalogue.list_reported(&name("acme-web")).unwrap().iter().map(|(id, _)| *id).collect();
    let mut owners = catalogue.list_owners(&lines).unwrap();
    owners.sort_by_key(|one| one.host.to_string());
    let said: Vec<_> =
        owners.iter().map(|one| (one.host.as_str(), one.packages.len(), one.at)).collect();
    assert_eq!(said, [("a1", 1, Moment(100)), ("a2", 1, Moment(100))]);
    assert!(catalogue.list_owners(&[1 << 30]).unwrap().iter().all(|one| one.packages.is_empty()));
}

pub fn lines_that_no_host_has_are_forgotten(room: &Path, make: &Make) {
    let catalogue = make(room);
    let versions = || {
        let found = catalogue.list_reported(&name("acme-web")).unwrap();
        let mut versions: Vec<_> = found.iter().map(|(_, one)| one.version.to_string()).collect();
        versions.sort();
        versions
    };
    let longer = "acme-web-tools amd64 9.0 auto";
    let both = vec![whole("a1", 1, &[WEB, longer]), whole("a2", 1, &[WEB])];
    catalogue.record_reports(both).unwrap();
    assert_eq!(versions(), ["1.0"]);
    assert_eq!(catalogue.forget_unreported().unwrap(), 0);
    catalogue.record_reports(vec![whole("a1", 2, &[NEWER, longer])]).unwrap();
    assert_eq!(catalogue.forget_unreported().unwrap(), 0);
    assert_eq!(versions(), ["1.0", "2.0"]);
    catalogue.record_reports(vec![whole("a2", 2, &[NEWER])]).unwrap();
    assert_eq!(catalogue.forget_unreported().unwrap(), 1);
    assert_eq!(versions(), ["2.0"]);
}
