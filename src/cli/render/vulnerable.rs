//! Which hosts have what is known to be vulnerable.

use crate::cli::flaws::answer::{Found, FoundFlaw, Records, VulnerableHosts};
use crate::cli::sheet::Sheet;
use crate::cli::table::Table;
use crate::cli::text::{age, count, escape};

/// Of one flaw a line for each host; of all flaws a line for each flaw of each version.
pub fn found(found: &VulnerableHosts, sheet: &Sheet) -> String {
    let table = match found.flaw {
        Some(_) => hosts(found, sheet),
        None => flaws(found),
    };
    let mut out = table.lines(0, sheet);
    let mut section = |heading: &str, table: Table| {
        if !table.is_empty() {
            let blank = if out.is_empty() { "" } else { "\n" };
            out.push_str(&format!("{blank}{heading}:\n{}", table.lines(2, sheet)));
        }
    };
    let mut table = Table::new(&["PACKAGE", "VERSION", "WHY"]);
    for one in &found.found {
        for told in one.flaws.iter().filter_map(|flaw| flaw.told.clone()) {
            table.row([one.package.to_string(), one.version.to_string(), told]);
        }
    }
    section("yanked", table);
    let mut table = Table::new(&["HOST", "SYSTEM"]);
    for one in &found.not_judged {
        table.row([one.host.clone(), one.system.clone()]);
    }
    section("no Debian of a known release, so that records are not held against them", table);
    let mut table = Table::new(&["HOST"]);
    for one in &found.unreported {
        table.row([one.clone()]);
    }
    section("no report, so that nobody knows what they have installed", table);
    out
}

fn hosts(found: &VulnerableHosts, sheet: &Sheet) -> Table {
    let mut table =
        Table::new(&["HOST", "PACKAGE", "INSTALLED", "RELEASE", "FIXED IN", "REPORTED"]);
    for one in &found.found {
        let mut fixed: Vec<String> = one.flaws.iter().map(fixed_in).collect();
        fixed.dedup();
        for host in &one.hosts {
            table.row([
                host.host.clone(),
                one.package.to_string(),
                one.version.to_string(),
                one.release.clone().unwrap_or_default(),
                fixed.join(", "),
                age(host.reported_at, sheet.now),
            ]);
        }
    }
    table
}

fn flaws(found: &VulnerableHosts) -> Table {
    let mut table = Table::new(&["FLAW", "PACKAGE", "INSTALLED", "RELEASE", "FIXED IN", "HOSTS"]);
    for one in &found.found {
        let hosts = first_of(one);
        for flaw in &one.flaws {
            let mark = if flaw.unimportant { " (unimportant)" } else { "" };
            table.row([
                format!("{}{mark}", flaw.name),
                one.package.to_string(),
                one.version.to_string(),
                one.release.clone().unwrap_or_default(),
                fixed_in(flaw),
                hosts.clone(),
            ]);
        }
    }
    table
}

/// `web-01.example.org and 3 more`: there may be thousands.
fn first_of(found: &Found) -> String {
    let first = found.hosts.first().map(|one| one.host.clone()).unwrap_or_default();
    match found.hosts.len().saturating_sub(1) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

fn fixed_in(flaw: &FoundFlaw) -> String {
    match (&flaw.fixed_in, flaw.state) {
        (Some(version), _) => version.to_string(),
        (None, "undetermined") => "not known if concerned".into(),
        (None, "yanked") => "yanked".into(),
        (None, _) => "no fix yet".into(),
    }
}

/// The records that are left out: the first ones by name, and how many there are.
pub fn left_out(records: &Records, most: usize) -> String {
    let mut out = String::new();
    for one in records.left_out_told.iter().take(most) {
        out.push_str(&format!("left out: {}\n", escape(&one.told())));
    }
    let more = records.left_out.saturating_sub(most.try_into().unwrap_or(u64::MAX));
    if more > 0 {
        out.push_str(&format!("left out: {} more; --json has them\n", more));
    }
    out
}

/// How many of each there are.
pub fn counts(found: &VulnerableHosts) -> String {
    let verb = if found.vulnerable == 1 { "has" } else { "have" };
    let of = count(found.reported, "host");
    let mut parts = vec![format!(
        "{} of {of} that reported {verb} installed what is known to be vulnerable",
        found.vulnerable
    )];
    let is_open = |flaw: &&FoundFlaw| flaw.state == "no-fix-yet";
    let mut open: Vec<_> = found
        .found
        .iter()
        .flat_map(|one| &one.flaws)
        .filter(is_open)
        .map(|one| &one.name)
        .collect();
    open.sort();
    open.dedup();
    if !open.is_empty() {
        parts.push(format!("{} without a fix yet", count(open.len(), "flaw")));
    }
    if found.unimportant_hidden > 0 {
        let hidden = count(found.unimportant_hidden, "unimportant flaw");
        parts.push(format!("{hidden} hidden (--unimportant shows them)"));
    }
    if found.cleared > 0 {
        parts.push(format!("{} cleared by VEX", count(found.cleared, "flaw")));
    }
    if !found.unreported.is_empty() {
        parts.push(format!("{} sent no report", count(found.unreported.len(), "host")));
    }
    let records = &found.records;
    let mut read = count(records.read, "record");
    if records.left_out > 0 {
        read.push_str(&format!(", and {} left out", records.left_out));
    }
    if records.read > 0 || records.left_out > 0 {
        parts.push(format!("read {read}"));
    }
    format!("{}\n", parts.join("; "))
}
