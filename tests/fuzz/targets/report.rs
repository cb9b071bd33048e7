//! What a host says of itself: the body of a report.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use repod::domain::Identity;
use repod::domain::health::{HealthRun, MOST_CHECKS};
use repod::domain::inventory::{LONGEST_FACT_BYTES, MOST_PACKAGES, MOST_SERVICES};
use repod::http::report_body::{read, unpack, view};
use repod::time::Moment;

/// The longest report that is unpacked here. Unit: bytes.
const MOST_BYTES: usize = 256 << 10;

/// The body as it comes, and as what would be in it.
///
/// What is unpacked is no longer than allowed. What is read is bounded, has no control characters, and says the same
/// when it is written again.
pub fn report(bytes: &[u8]) {
    if let Ok(plain) = unpack(bytes, MOST_BYTES) {
        assert!(plain.len() <= MOST_BYTES);
        plain_report(&plain);
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).expect("it is written to memory");
    let packed = packed.finish().expect("it is written to memory");
    match unpack(&packed, MOST_BYTES) {
        Ok(plain) => assert_eq!(plain, bytes),
        Err(_) => assert!(bytes.len() > MOST_BYTES),
    }
    plain_report(bytes);
}

fn plain_report(plain: &[u8]) {
    let host = Identity::parse("a.example.org").expect("it is a name");
    let Ok(report) = read(host.clone(), plain, Moment(9)) else { return };
    assert!(report.installed.len() <= MOST_PACKAGES && report.gone.len() <= MOST_PACKAGES);
    let _ = report.is_consistent();
    let facts = report.facts.clone();
    for text in [&facts.os, &facts.kernel, &facts.apt_error] {
        assert!(text.len() <= LONGEST_FACT_BYTES && !text.chars().any(char::is_control));
    }
    assert!(facts.services.len() <= MOST_SERVICES);
    if let Some(run) = &facts.health {
        assert!(run.checks.len() <= MOST_CHECKS);
        assert_eq!(
            HealthRun::parse(&run.to_text()).as_ref(),
            Ok(run),
            "it is stored and read again"
        );
    }
    let lines = |entries: &[repod::domain::inventory::Entry]| -> Vec<String> {
        entries.iter().map(ToString::to_string).collect()
    };
    let sent = repod::api::HostReport {
        number: report.number,
        base: report.base.map(Into::into),
        hash: report.hash.into(),
        installed: lines(&report.installed),
        gone: lines(&report.gone),
        facts: view(report.facts.clone()),
    };
    let written = serde_json::to_vec(&sent).expect("what was read is written");
    let again = read(host, &written, Moment(9)).expect("what was written is read");
    assert_eq!(again, report);
}
