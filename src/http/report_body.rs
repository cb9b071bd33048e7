//! The body of a report: unpacked, and read strictly. It is data of a stranger.

use crate::api::{Code, HealthFacts, HostFacts, HostReport};
use crate::debian::gzip;
use crate::domain::Identity;
use crate::domain::health::{CheckResult, HealthRun, MOST_CHECKS};
use crate::domain::inventory::{
    self, Entry, Facts, LONGEST_FACT_BYTES, MOST_PACKAGES, MOST_SERVICES,
};
use crate::http::answer::Failure;
use crate::time::Moment;

/// The highest number of a report: far beyond any clock, so that sums of them fit.
const HIGHEST_NUMBER: u64 = 1 << 40;

/// Unpacks the body, up to `most` bytes.
///
/// # Errors
/// [`Failure`] when it is not packed by gzip, or longer.
pub fn unpack(packed: &[u8], most: usize) -> Result<Vec<u8>, Failure> {
    let unpacked = gzip::unpack(packed, most).map_err(|error| {
        Failure::new(Code::InvalidRequest, format!("the body is not packed by gzip: {error}"))
    })?;
    unpacked.ok_or_else(|| {
        let detail = format!("the body has more than {most} bytes once it is unpacked");
        Failure::new(Code::TooLarge, detail)
    })
}

/// Reads what was unpacked: the report of `host`, which came at `at`.
///
/// # Errors
/// [`Failure`] naming the field that is not as it must be.
pub fn read(host: Identity, plain: &[u8], at: Moment) -> Result<inventory::HostReport, Failure> {
    // Each value takes memory beyond its bytes, and a package has three commas at most.
    let commas = plain.iter().filter(|byte| **byte == b',').count();
    if commas > MOST_PACKAGES.saturating_mul(4) {
        let detail = format!("the report has more values than {MOST_PACKAGES} packages have");
        return Err(Failure::new(Code::TooLarge, detail));
    }
    let sent: HostReport = serde_json::from_slice(plain).map_err(|error| {
        Failure::new(Code::InvalidRequest, format!("the report does not read as JSON: {error}"))
    })?;
    if sent.number > HIGHEST_NUMBER {
        return Err(Failure::invalid("number", format!("is above {HIGHEST_NUMBER}")));
    }
    Ok(inventory::HostReport {
        host,
        number: sent.number,
        base: sent.base.map(Into::into),
        hash: sent.hash.into(),
        installed: entries("installed", &sent.installed)?,
        gone: entries("gone", &sent.gone)?,
        facts: facts(sent.facts)?,
        at,
    })
}

fn entries(field: &str, lines: &[String]) -> Result<Vec<Entry>, Failure> {
    if lines.len() > MOST_PACKAGES {
        return Err(Failure::invalid(field, format!("has more than {MOST_PACKAGES} packages")));
    }
    lines
        .iter()
        .map(|line| Entry::parse(line).map_err(|error| Failure::invalid(field, error)))
        .collect()
}

/// Refuses what is long or has other signs than a line of text. All of it comes to terminals, which escape once more.
fn facts(sent: HostFacts) -> Result<Facts, Failure> {
    let texts = [
        ("os", &sent.os),
        ("os_version", &sent.os_version),
        ("os_codename", &sent.os_codename),
        ("kernel", &sent.kernel),
        ("kernel_expected", &sent.kernel_expected),
        ("apt_error", &sent.apt_error),
    ];
    for (field, text) in texts {
        if text.len() > LONGEST_FACT_BYTES || text.chars().any(char::is_control) {
            let problem = format!("is no line of at most {LONGEST_FACT_BYTES} bytes");
            return Err(Failure::invalid(field, problem));
        }
    }
    let is_unit = |unit: &String| {
        (1..=LONGEST_FACT_BYTES).contains(&unit.len()) && unit.bytes().all(|b| b.is_ascii_graphic())
    };
    if sent.services.len() > MOST_SERVICES || !sent.services.iter().all(is_unit) {
        let problem = format!("is no list of at most {MOST_SERVICES} names of units");
        return Err(Failure::invalid("services", problem));
    }
    Ok(Facts {
        os: sent.os,
        os_version: sent.os_version,
        os_codename: sent.os_codename,
        kernel: sent.kernel,
        kernel_expected: sent.kernel_expected,
        reboot: sent.reboot,
        services: sent.services,
        apt_at: sent.apt_at.map(Moment),
        apt_error: sent.apt_error,
        unreadable: sent.unreadable.min(1 << 32),
        health: sent.health.map(run).transpose()?,
    })
}

fn run(sent: HealthFacts) -> Result<HealthRun, Failure> {
    let checks = sent.checks.iter().map(|line| CheckResult::parse(line));
    let checks = checks.collect::<Result<_, _>>();
    let run = HealthRun {
        at: Moment(sent.at),
        changed_at: sent.changed_at.map(Moment),
        checks: checks.map_err(|problem| Failure::invalid("checks", problem))?,
    };
    match run.is_bounded() {
        true => Ok(run),
        false => {
            let problem = format!("has a check twice, or more than {MOST_CHECKS}");
            Err(Failure::invalid("checks", problem))
        }
    }
}

/// What a host said, as it was sent.
pub fn view(facts: Facts) -> HostFacts {
    HostFacts {
        os: facts.os,
        os_version: facts.os_version,
        os_codename: facts.os_codename,
        kernel: facts.kernel,
        kernel_expected: facts.kernel_expected,
        reboot: facts.reboot,
        services: facts.services,
        apt_at: facts.apt_at.map(|at| at.0),
        apt_error: facts.apt_error,
        unreadable: facts.unreadable,
        health: facts.health.map(|run| HealthFacts {
            at: run.at.0,
            changed_at: run.changed_at.map(|at| at.0),
            checks: run.checks.iter().map(ToString::to_string).collect(),
        }),
    }
}
