//! The join, held against looking at each host and each record alone.

use proptest::prelude::*;

use super::*;
use crate::debian::advisory::{Advisory, Affected, Event, concerns, release_key};
use crate::debian::vex::Statement;
use crate::debian::{Namespace, PackageName, Version};
use crate::domain::{Identity, PinKind, PinTarget, Yank};
use crate::time::Moment;

const SOURCES: [&str; 3] = ["openssl", "zlib", "linux"];

fn name(text: &str) -> PackageName {
    PackageName::parse(text).unwrap()
}

fn version(number: u32) -> Version {
    Version::parse(&format!("1.{number}-1")).unwrap()
}

fn line(source: &str, number: u32) -> Line {
    let signed = source == "linux";
    let source_version = if signed { format!("1.{number}+1") } else { format!("1.{number}-1") };
    Line {
        package: name(&format!("lib{source}")),
        version: version(number),
        source: name(if signed { "linux-signed-amd64" } else { source }),
        source_version: Version::parse(&source_version).unwrap(),
    }
}

fn system(number: usize) -> System {
    let text = |text: &str| text.to_owned();
    match number {
        0 => System { os: text("debian"), version: text("12"), codename: text("bookworm") },
        1 => System { os: text("debian"), version: String::new(), codename: text("trixie") },
        2 => System { os: text("debian"), ..System::default() },
        3 => System { os: text("ubuntu"), version: text("24.04"), codename: text("noble") },
        _ => System::default(),
    }
}

/// Source, release (0 is every one), from, length (0 is without an end), unimportant.
type Drawn = (usize, usize, u32, u32, bool);

fn advisory((number, drawn): (usize, &Drawn)) -> Advisory {
    let (source, release, from, length, unimportant) = *drawn;
    let release = [None, Some("12"), Some("trixie")][release].map(release_key);
    let mut events = vec![Event::Introduced(Some(version(from)))];
    if length > 0 {
        events.push(Event::Fixed(version(from + length)));
    }
    Advisory {
        id: format!("DEBIAN-CVE-2026-{number}"),
        aliases: Vec::new(),
        withdrawn: number % 7 == 6,
        affected: vec![Affected {
            source: name(SOURCES[source]),
            release,
            unimportant,
            undetermined: false,
            ranges: vec![events],
            versions: Vec::new(),
        }],
    }
}

proptest! {
    #[test]
    fn the_join_says_of_every_host_what_looking_at_each_alone_says(
        hosts in proptest::collection::vec((0_usize..5, any::<u16>()), 0..20),
        drawn in proptest::collection::vec((0_usize..3, 0_usize..3, 0_u32..4, 0_u32..4, any::<bool>()), 0..12),
        shown in any::<bool>(),
    ) {
        let lines: Vec<Line> =
            SOURCES.iter().flat_map(|source| (0..4).map(|number| line(source, number))).collect();
        let has = |bits: u16, at: usize| bits & (1 << at) != 0;
        let fleet = Fleet {
            systems: (0..5).map(system).collect(),
            hosts: hosts.iter().enumerate().map(|(number, (system, bits))| FleetHost {
                name: number.to_string(),
                system: *system,
                runs: (0..12).filter(|at| has(*bits, *at)).map(|at| [at as u32; 2]).collect(),
            }).collect(),
            lines: lines.clone(),
        };
        let advisories: Vec<Advisory> = drawn.iter().enumerate().map(advisory).collect();
        let mut known = Advisories::new(None);
        advisories.iter().for_each(|one| known.add(one.clone()).unwrap());
        let mut said = Vec::new();
        for row in join(&fleet, &known, &[], shown).rows {
            for flaw in &row.flaws {
                let at = match &flaw.remedy { Remedy::At(at) => at.to_string(), _ => "none".into() };
                said.extend(row.hosts.iter().map(|host| {
                    format!("{host} {} {} {} {at}", flaw.records[0], row.package, row.version)
                }));
            }
        }
        let mut expected = Vec::new();
        for (number, (of, bits)) in hosts.iter().enumerate() {
            let Some(releases) = system(*of).releases() else { continue };
            for (at, line) in lines.iter().enumerate().filter(|(at, _)| has(*bits, *at)) {
                let source = SOURCES[at / 4];
                for one in advisories.iter().filter(|one| !one.withdrawn) {
                    let concerned = concerns(&one.affected, &releases, &line.version);
                    let Some((affected, fix)) = concerned else { continue };
                    if affected.source.as_str() != source || affected.unimportant && !shown {
                        continue;
                    }
                    let fix = match fix {
                        crate::debian::advisory::Fix::At(at) => at.to_string(),
                        _ => "none".into(),
                    };
                    expected.push(format!("{number} {} {source} {} {fix}", one.id, line.version));
                }
            }
        }
        said.sort();
        expected.sort();
        prop_assert_eq!(said, expected);
    }
}

fn one_host() -> Fleet {
    Fleet {
        lines: vec![line("openssl", 1)],
        systems: vec![system(0)],
        hosts: vec![FleetHost { name: "a".into(), system: 0, runs: vec![[0, 0], [7, 9]] }],
    }
}

fn known(fixes: &[(&str, &[&str], u32)], only: Option<&str>) -> Advisories {
    let mut known = Advisories::new(only.map(str::to_owned));
    for (id, aliases, length) in fixes {
        let mut one = advisory((0, &(0, 1, 0, *length, false)));
        one.id = (*id).to_owned();
        one.aliases = aliases.iter().map(|one| (*one).to_owned()).collect();
        known.add(one).unwrap();
    }
    known
}

#[test]
fn records_of_one_cve_are_one_flaw_with_the_worst_of_what_they_say() {
    let of = [("DSA-1-1", &["CVE-2026-1", "CVE-2026-2"][..], 2), ("CVE-2026-1", &[], 3)];
    let rows = |only| join(&one_host(), &known(&of, only), &[], false).rows;
    let [row] = &rows(None)[..] else { panic!() };
    let told: Vec<_> = row.flaws.iter().map(|flaw| (flaw.name.as_str(), &flaw.remedy)).collect();
    let (two, three) = (Remedy::At(version(2)), Remedy::At(version(3)));
    assert_eq!(told, [("CVE-2026-1", &three), ("CVE-2026-2", &two)]);
    assert_eq!(row.flaws[0].records, ["DSA-1-1", "CVE-2026-1"]);
    let open = [of[1], ("X-1", &["CVE-2026-1"][..], 0)];
    let joined = join(&one_host(), &known(&open, None), &[], false);
    assert_eq!(joined.rows[0].flaws[0].remedy, Remedy::NoneYet);
    // By the name of one flaw, nothing else of the record is told; by that of the record, all of it.
    let names = |only| -> Vec<String> {
        rows(Some(only)).iter().flat_map(|row| &row.flaws).map(|one| one.name.to_string()).collect()
    };
    assert_eq!(names("cve-2026-2"), ["CVE-2026-2"]);
    assert_eq!(names("DSA-1-1"), ["CVE-2026-1", "CVE-2026-2"]);
    assert_eq!(names("CVE-2026-3"), [""; 0]);
}

#[test]
fn vex_clears_what_it_names_and_the_last_word_counts() {
    let joined = |statements: &[(&str, u32, &str, i64, bool)]| {
        let mut known = known(&[("DEBIAN-CVE-2026-1", &["CVE-2026-1"], 0)], None);
        for (flaw, number, release, at, clear) in statements {
            known
                .state(Statement {
                    flaws: vec![(*flaw).to_owned()],
                    source: name("openssl"),
                    version: (*number > 0).then(|| version(*number)),
                    release: (!release.is_empty()).then(|| release_key(release)),
                    at: *at,
                    clear: *clear,
                })
                .unwrap();
        }
        let joined = join(&one_host(), &known, &[], false);
        assert_eq!(joined.rows.len() + joined.cleared, 1);
        joined.cleared == 1
    };
    assert!(joined(&[("CVE-2026-1", 0, "", 5, true)]));
    assert!(joined(&[("CVE-2026-1", 1, "bookworm", 5, true)]));
    assert!(joined(&[("debian-cve-2026-1", 0, "12", 5, true)]));
    assert!(!joined(&[("CVE-2026-1", 2, "", 5, true)]), "another version");
    assert!(!joined(&[("CVE-2026-1", 0, "13", 5, true)]), "another release");
    assert!(!joined(&[("CVE-2026-2", 0, "", 5, true)]), "another flaw");
    assert!(!joined(&[("CVE-2026-1", 0, "", 5, true), ("CVE-2026-1", 0, "", 6, false)]));
    assert!(joined(&[("CVE-2026-1", 0, "", 6, true), ("CVE-2026-1", 0, "", 5, false)]));
    assert!(!joined(&[("CVE-2026-1", 0, "", 5, true), ("CVE-2026-1", 0, "", 5, false)]));
}

#[test]
fn yanks_of_sources_and_of_binaries_are_found_on_every_system() {
    let yank = |kind, package: &str, number| {
        let yank = Yank {
            target: PinTarget { kind, name: name(package) },
            version: version(number),
            author: Identity::parse("ann.example.org").unwrap(),
            message: String::new(),
            at: Moment(0),
        };
        (Namespace::default(), yank)
    };
    let fleet = Fleet { systems: vec![system(3)], ..one_host() };
    let yanks = [
        yank(PinKind::Source, "openssl", 1),
        yank(PinKind::Binary, "libopenssl", 1),
        yank(PinKind::Binary, "openssl", 1),
        yank(PinKind::Source, "openssl", 2),
    ];
    let rows = join(&fleet, &Advisories::new(None), &yanks, false).rows;
    let told: Vec<_> =
        rows.iter().map(|row| (row.package.as_str(), row.kind, row.hosts.len())).collect();
    assert_eq!(told, [("libopenssl", PinKind::Binary, 1), ("openssl", PinKind::Source, 1)]);
}

#[test]
fn more_than_is_kept_is_refused() {
    let mut many = Advisories::new(None);
    let mut one = advisory((0, &(0, 0, 0, 0, false)));
    one.affected[0].versions = vec![version(1); MOST_WEIGHT];
    assert_eq!(many.add(one.clone()), Err(TooMany));
    // Of what nobody asks for nothing is kept.
    assert_eq!(Advisories::new(Some("CVE-2026-9".into())).add(one), Ok(()));
}
