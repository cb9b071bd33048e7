//! What hosts report, in the catalogue alone: how much is stored, and how long it takes to ask who has a package.
//!
//! `fleet [HOSTS [PACKAGES]]` prints JSON; times in milliseconds.

use std::error::Error;
use std::time::Instant;

use repod::catalogue::{Reports, SqliteCatalogue};
use repod::debian::PackageName;
use repod::domain::Identity;
use repod::domain::inventory::{Entry, Facts, HostReport, SetHash};
use repod::time::Moment;

type Fault = Box<dyn Error>;

/// How many hosts report in one transaction here.
const BATCH: usize = 50;
/// How many different versions of packages a fleet has for each package of a host.
const VARIETY: usize = 4;
const RUNS: usize = 11;

fn main() -> Result<(), Fault> {
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let number =
        |at: usize, default| words.get(at).map_or(Ok(default), |word| word.parse::<usize>());
    let (hosts, packages) = (number(0, 10_000)?, number(1, 800)?);
    let room = tempfile::tempdir()?;
    let path = room.path().join("catalogue.sqlite");
    let catalogue = SqliteCatalogue::open(&path)?;
    let before = catalogue_bytes(&path)?;
    let lines = (0..packages * VARIETY).map(|number| {
        let (name, version) = (number / VARIETY, number % VARIETY);
        Entry::parse(&format!("lib-package-{name} amd64 {version}.12.3-1+deb12u{version} auto"))
    });
    let lines: Vec<Entry> = lines.collect::<Result<_, _>>()?;
    let begun = Instant::now();
    for first in (0..hosts).step_by(BATCH) {
        let some = (first..hosts.min(first + BATCH)).map(|host| report(host, packages, &lines));
        let verdicts = catalogue.record_reports(some.collect::<Result<_, _>>()?)?;
        if verdicts.iter().any(Result::is_err) {
            return Err("a report was refused".into());
        }
    }
    let recorded = begun.elapsed();
    let name = PackageName::parse("lib-package-7")?;
    let mut asked = Vec::new();
    let mut found = 0;
    for _ in 0..RUNS {
        let begun = Instant::now();
        let mut ids: Vec<u64> = catalogue.list_reported(&name)?.iter().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        found = catalogue.list_owners(&ids)?.iter().filter(|one| !one.packages.is_empty()).count();
        asked.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    asked.sort_by(f64::total_cmp);
    // What `fleet` and `fleet diff` read of the reports.
    let mut walked = Vec::new();
    for _ in 0..RUNS {
        let begun = Instant::now();
        let mut held = 0_usize;
        catalogue.each_report(&mut |report| {
            held = held.saturating_add(report.packages.iter().filter(|(_, one)| one.held).count());
            Ok(())
        })?;
        std::hint::black_box(held);
        walked.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    walked.sort_by(f64::total_cmp);
    drop(catalogue);
    let stored = catalogue_bytes(&path)?.saturating_sub(before);
    println!(
        "{}",
        serde_json::json!({
            "hosts": hosts, "packages": packages, "lines": lines.len(), "stored_bytes": stored,
            "bytes_per_host": stored as f64 / hosts as f64, "recorded_seconds": recorded.as_secs_f64(),
            "who_has_milliseconds": asked, "who_has_found": found,
            "all_reports_milliseconds": walked,
        })
    );
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the size of the file is what is measured")]
fn catalogue_bytes(path: &std::path::Path) -> Result<u64, Fault> {
    Ok(std::fs::metadata(path)?.len())
}

/// The report of a host: every package in one of its versions, most in the same one as everywhere.
fn report(host: usize, packages: usize, lines: &[Entry]) -> Result<HostReport, Fault> {
    let version = |package: usize| match (host * 31 + package * 17) % 11 {
        0 => 0,
        1 => 1,
        2 => 2,
        _ => 3,
    };
    let installed =
        (0..packages).map(|package| lines.get(package * VARIETY + version(package)).cloned());
    let installed: Vec<Entry> = installed.collect::<Option<_>>().ok_or("no such line")?;
    Ok(HostReport {
        host: Identity::parse(&format!("host-{host}.fleet.example.org"))?,
        number: 1,
        base: None,
        hash: SetHash::of(&installed),
        installed,
        gone: Vec::new(),
        facts: Facts {
            os: "debian".into(),
            os_version: "12".into(),
            os_codename: "bookworm".into(),
            kernel: "6.1.0-27-amd64".into(),
            kernel_expected: "6.1.0-28-amd64".into(),
            ..Facts::default()
        },
        at: Moment(1_795_404_699),
    })
}
