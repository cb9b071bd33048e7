//! All of OSV's records for Debian against the packages of a fleet: a made-up file of the real shape and size.
//!
//! `vulnerable [RECORDS [HOSTS [PACKAGES]]]` prints JSON; times in seconds.

use std::error::Error;
use std::io::{Read, Write};
use std::time::Instant;

use repod::api::{FleetInstalled, HostInstalled, InstalledLine};
use repod::debian::{PackageName, Version, osv};
use repod::domain::vulnerable::{Advisories, Fleet, FleetHost, Line, System, join};
use zip::write::SimpleFileOptions;

type Fault = Box<dyn Error>;

/// How many different versions of packages a fleet has for each package of a host.
const VARIETY: usize = 4;
/// The sources of Debian that have flaws; some have thousands, most a few.
const SOURCES: usize = 4_000;
const RELEASES: [&str; 4] = ["11", "12", "13", "14"];
const RUNS: usize = 5;

fn main() -> Result<(), Fault> {
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let number =
        |at: usize, default| words.get(at).map_or(Ok(default), |word| word.parse::<usize>());
    let (records, hosts, packages) = (number(0, 60_000)?, number(1, 10_000)?, number(2, 800)?);
    let (zipped, plain_bytes) = made_up(records)?;
    let answer = serde_json::to_vec(&installed(hosts, packages)?)?;
    let (mut read, mut decoded, mut joined, mut all) = (vec![], vec![], vec![], vec![]);
    let (mut pairs, mut flaws, mut vulnerable) = (0, 0, 0);
    for _ in 0..RUNS {
        let begun = Instant::now();
        let mut known = Advisories::new(None);
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(&zipped))?;
        let mut text = Vec::new();
        for at in 0..zip.len() {
            text.clear();
            zip.by_index(at)?.read_to_end(&mut text)?;
            known.add(osv::parse(&text)?)?;
        }
        let was_read = begun.elapsed().as_secs_f64();
        let fleet = fleet(serde_json::from_slice(&answer)?);
        let was_decoded = begun.elapsed().as_secs_f64();
        let found = join(&fleet, &known, &[], false);
        let was_joined = begun.elapsed().as_secs_f64();
        read.push(was_read);
        decoded.push(was_decoded - was_read);
        joined.push(was_joined - was_decoded);
        all.push(was_joined);
        pairs = found.rows.iter().map(|row| row.flaws.len() * row.hosts.len()).sum();
        flaws = found.rows.iter().map(|row| row.flaws.len()).sum();
        vulnerable = found.rows.len();
    }
    for times in [&mut read, &mut decoded, &mut joined, &mut all] {
        times.sort_by(f64::total_cmp);
    }
    println!(
        "{}",
        serde_json::json!({
            "records": records, "zip_bytes": zipped.len(), "plain_bytes": plain_bytes,
            "hosts": hosts, "packages": packages, "answer_bytes": answer.len(),
            "read_seconds": read, "decoded_seconds": decoded, "joined_seconds": joined, "all_seconds": all,
            "vulnerable_versions": vulnerable, "flaws_of_versions": flaws, "flaws_of_hosts": pairs,
        })
    );
    Ok(())
}

/// Which source a record is about: a fifth of them the kernel, the others mostly few sources.
fn source_of(record: usize) -> usize {
    match record % 5 {
        0 => 0,
        _ => {
            let spread = (record * 7_919) % (SOURCES * SOURCES);
            spread.isqrt().min(SOURCES - 1)
        }
    }
}

/// The zip, and how many bytes its members have.
fn made_up(records: usize) -> Result<(Vec<u8>, usize), Fault> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let mut plain = 0;
    for record in 0..records {
        let (year, source) = (2002 + record % 25, source_of(record));
        let affected: Vec<_> = RELEASES
            .iter()
            .take(1 + record % RELEASES.len())
            .map(|release| {
                let mut events = vec![serde_json::json!({ "introduced": "0" })];
                let last = record % 8;
                if record % 3 > 0 {
                    events.push(serde_json::json!({ "fixed": format!("{last}.12.3-1+deb12u1") }));
                }
                let versions: Vec<_> =
                    (0..10).map(|n| format!("0.{n}.3-1+deb{release}u{n}")).collect();
                serde_json::json!({
                    "package": {
                        "ecosystem": format!("Debian:{}", release),
                        "name": format!("lib-package-{source}"),
                        "purl": format!("pkg:deb/debian/lib-package-{source}?arch=source"),
                    },
                    "ranges": [{ "type": "ECOSYSTEM", "events": events }],
                    "versions": versions,
                    "ecosystem_specific": {
                        "urgency": if record % 6 == 0 { "unimportant" } else { "not yet assigned" },
                    },
                })
            })
            .collect();
        let id = format!("CVE-{year}-{record}");
        let text = serde_json::json!({
            "schema_version": "1.7.0", "id": format!("DEBIAN-{id}"), "upstream": [&id],
            "published": "2026-01-01T00:00:00Z", "modified": "2026-11-19T10:00:00Z",
            "details": "A flaw in how something is parsed lets somebody do what they should not. ".repeat(6),
            "severity": [{ "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H" }],
            "references": [{ "type": "ADVISORY", "url": format!("https://security-tracker.debian.org/tracker/{id}") }],
            "affected": affected,
        });
        let text = text.to_string();
        plain += text.len();
        zip.start_file(format!("DEBIAN-{id}.json"), SimpleFileOptions::default())?;
        zip.write_all(text.as_bytes())?;
    }
    Ok((zip.finish()?.into_inner(), plain))
}

/// What the server answers: every package in one of its versions, most in the same one as everywhere.
fn installed(hosts: usize, packages: usize) -> Result<FleetInstalled, Fault> {
    let version = |host: usize, package: usize| match (host * 31 + package * 17) % 11 {
        at @ 0..3 => at,
        _ => 3,
    };
    let lines = (0..packages * VARIETY).map(|number| {
        let (at, of) = (number / VARIETY, number % VARIETY);
        let name = PackageName::parse(&format!("lib-package-{at}"))?;
        let version = Version::parse(&format!("{of}.12.3-1+deb12u0"))?;
        Ok(InstalledLine {
            package: name.clone(),
            version: version.clone(),
            source: name,
            source_version: version,
        })
    });
    let host = |number: usize| {
        let mut has = Vec::<[u32; 2]>::new();
        for at in 0..packages {
            let at = u32::try_from(at * VARIETY + version(number, at)).unwrap_or(u32::MAX);
            match has.last_mut() {
                Some([_, last]) if *last + 1 == at => *last = at,
                _ => has.push([at; 2]),
            }
        }
        let release = if number.is_multiple_of(2) { "12" } else { "13" };
        HostInstalled {
            host: format!("host-{number}.fleet.example.org"),
            reported_at: 1_795_404_699,
            os: "debian".into(),
            os_version: release.into(),
            os_codename: String::new(),
            has,
        }
    };
    Ok(FleetInstalled {
        lines: lines.collect::<Result<_, Fault>>()?,
        hosts: (0..hosts).map(host).collect(),
        unreported: Vec::new(),
    })
}

fn fleet(said: FleetInstalled) -> Fleet {
    let system = |version: &str| System {
        os: "debian".into(),
        version: version.into(),
        codename: String::new(),
    };
    Fleet {
        lines: said
            .lines
            .into_iter()
            .map(|one| Line {
                package: one.package,
                version: one.version,
                source: one.source,
                source_version: one.source_version,
            })
            .collect(),
        systems: vec![system("12"), system("13")],
        hosts: said
            .hosts
            .into_iter()
            .map(|one| FleetHost {
                system: usize::from(one.os_version == "13"),
                name: one.host,
                runs: one.has,
            })
            .collect(),
    }
}
