//! What hosts have installed, and how they stand to their suites.

use super::{pairs, version, with_ring};
use crate::api::{
    FleetDiff, FleetHost, FleetState, FleetSuite, HealthState, HostHas, InstalledView, OfferedView,
    ReportView, WhoHas,
};
use crate::cli::sheet::Sheet;
use crate::cli::table::Table;
use crate::cli::text::{age, count, escape, when};

/// Who has a package installed, and of whom that is not known.
pub fn who_has(found: &WhoHas, sheet: &Sheet) -> String {
    let mut out = String::new();
    let mut table = Table::new(&["HOST", "INSTALLED", "REPORTED", "OFFERED"]);
    for one in &found.installed {
        table.row([
            one.host.clone(),
            joined(one.installed.iter().map(installed)),
            one.reported_at.map(|at| age(at, sheet.now)).unwrap_or_default(),
            joined(one.offered.iter().map(offered)),
        ]);
    }
    out.push_str(&table.lines(0, sheet));
    if found.unreported.is_empty() {
        return out;
    }
    let blank = if out.is_empty() { "" } else { "\n" };
    out.push_str(&format!("{blank}no report, so that nobody knows what they have installed:\n"));
    let mut table = Table::new(&["HOST", "OFFERED", "LAST UPDATE"]);
    for one in &found.unreported {
        table.row([
            one.host.clone(),
            joined(one.offered.iter().map(offered)),
            last_update(one).map_or("never".into(), |at| age(at, sheet.now)),
        ]);
    }
    out.push_str(&table.lines(2, sheet));
    out
}

/// How many hosts there are of each kind.
pub fn who_has_counts(found: &WhoHas, of_versions: bool) -> String {
    let such = if of_versions { " in such a version" } else { "" };
    let installed = count(found.installed.len() as u64, "host");
    let unreported = found.unreported.len();
    format!(
        "{installed} reported it installed{such}, {} reported otherwise, {unreported} sent no report\n",
        found.without
    )
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

fn installed(one: &InstalledView) -> String {
    let architecture = if one.architecture.is_all() { "" } else { one.architecture.as_str() };
    let marks =
        [architecture, if one.held { "held" } else { "" }, if one.broken { "broken" } else { "" }];
    let marks: Vec<_> = marks.into_iter().filter(|mark| !mark.is_empty()).collect();
    format!("{} {}", one.version, marks.join(" ")).trim_end().to_owned()
}

/// `2.0 (stable 42)`: the version in the generation that it was given.
fn offered(one: &OfferedView) -> String {
    let version = one.version.as_ref().map_or("none".into(), ToString::to_string);
    format!("{version} ({} {})", one.suite, one.generation)
}

fn last_update(one: &HostHas) -> Option<i64> {
    one.offered.iter().map(|offered| offered.at).max()
}

/// How many hosts of each suite stand how, and which are not as they should be.
pub fn fleet(suites: &[FleetSuite], sheet: &Sheet) -> String {
    let headings = [
        "SUITE",
        ">GENERATION",
        ">HOSTS",
        ">LIVE",
        ">BEHIND",
        ">HELD",
        ">UNHEALTHY",
        ">SILENT",
        ">NO REPORT",
        ">REBOOT",
    ];
    let mut table = Table::new(&headings);
    let mut named = Table::new(&["HOST", "SUITE", "STATE", "OFFERED", "REPORTED", "HOLDS"]);
    for suite in suites {
        let tally = |is: &dyn Fn(&FleetHost) -> bool| {
            suite.hosts.iter().filter(|host| is(host)).count().to_string()
        };
        table.row([
            suite.suite.to_string(),
            suite.live.map(|live| live.to_string()).unwrap_or_default(),
            suite.hosts.len().to_string(),
            tally(&|host| host.state == FleetState::Live),
            tally(&|host| host.state == FleetState::Behind),
            tally(&|host| host.state == FleetState::Held),
            tally(&|host| host.health.state == HealthState::Unhealthy),
            tally(&|host| host.state == FleetState::Silent),
            tally(&|host| host.reported_at.is_none()),
            tally(&|host| host.reboot),
        ]);
        let well = |host: &&FleetHost| {
            host.state == FleetState::Live
                && host.reported_at.is_some()
                && !host.reboot
                && host.health.state != HealthState::Unhealthy
        };
        for host in suite.hosts.iter().filter(|host| !well(host)) {
            named.row(row(suite, host, sheet));
        }
    }
    let mut out = table.lines(0, sheet);
    if !named.is_empty() {
        out.push_str(&format!("\n{}", named.lines(0, sheet)));
    }
    out
}

fn row(suite: &FleetSuite, host: &FleetHost, sheet: &Sheet) -> [String; 6] {
    let state = match host.state {
        FleetState::Silent => "silent",
        FleetState::Behind => "behind",
        FleetState::Held => "held",
        FleetState::Live => "live",
    };
    let reboot = if host.reboot { ", reboot" } else { "" };
    let unhealthy = host.health.state == HealthState::Unhealthy;
    let unhealthy = if unhealthy { ", unhealthy" } else { "" };
    let offered = match (host.generation, suite.live) {
        (None, _) => "nothing".into(),
        (Some(generation), Some(live)) if generation != live => format!("{generation} of {live}"),
        (Some(generation), _) => generation.to_string(),
    };
    [
        host.host.clone(),
        with_ring(&suite.suite, host.ring.as_deref()),
        format!("{state}{reboot}{unhealthy}"),
        offered,
        host.reported_at.map_or("never".into(), |at| age(at, sheet.now)),
        joined(host.held.iter().map(|one| format!("{} {}", one.package, one.version))),
    ]
}

/// The hosts with a failed check that counts.
pub fn unhealthy(suites: &[FleetSuite], sheet: &Sheet) -> String {
    let mut table = Table::new(&["HOST", "SUITE", "SINCE", "FAILS"]);
    for suite in suites {
        for host in &suite.hosts {
            let counted = host.health.checks.iter().filter(|check| !check.failed_before);
            let since = counted.map(|check| check.since).min();
            table.row([
                host.host.clone(),
                suite.suite.to_string(),
                since.map(|since| age(since, sheet.now)).unwrap_or_default(),
                super::health::failures(&host.health),
            ]);
        }
    }
    table.lines(0, sheet)
}

/// What the hosts of a group do not have alike.
pub fn diff(found: &FleetDiff, sheet: &Sheet) -> String {
    let mut out = String::new();
    let mut table = Table::new(&["PACKAGE", "ARCHITECTURE", "MOST", ">HOSTS", "HOST", "INSTALLED"]);
    for one in &found.differences {
        for odd in &one.odd {
            table.row([
                one.package.to_string(),
                one.architecture.to_string(),
                one.majority.as_ref().map_or("not installed".into(), ToString::to_string),
                one.agree.to_string(),
                odd.host.clone(),
                odd.version.as_ref().map_or("not installed".into(), ToString::to_string),
            ]);
        }
    }
    out.push_str(&table.lines(0, sheet));
    let blank = if out.is_empty() { "" } else { "\n" };
    let compared = count(found.compared, "host");
    let group = escape(&found.group);
    out.push_str(&match (found.compared, found.differences.len()) {
        (0, _) => format!("no host of {group} has reported what it has installed\n"),
        (_, 0) => {
            format!("{compared} of {group} have the same packages installed in the same versions\n")
        }
        (_, differing) => {
            format!(
                "{blank}{compared} of {group} compared: {} installed differently\n",
                count(differing, "package")
            )
        }
    });
    let mut table = Table::new(&["FACT", "MOST", ">HOSTS", "HOST", "SAYS"]);
    for one in &found.facts {
        let said = |text: &str| if text.is_empty() { "not known".into() } else { text.to_owned() };
        for odd in &one.odd {
            let (most, agree) = (said(&one.majority), one.agree.to_string());
            table.row([one.fact.clone(), most, agree, odd.host.clone(), said(&odd.says)]);
        }
    }
    if !table.is_empty() {
        out.push_str(&format!("\n{}\n", table.lines(0, sheet)));
    }
    for one in &found.held {
        let held = joined(one.held.iter().map(|one| format!("{} {}", one.package, one.version)));
        out.push_str(&format!("held on {}: {}\n", escape(&one.host), escape(&held)));
    }
    if !found.unreported.is_empty() {
        let hosts = joined(found.unreported.iter().map(|host| escape(host)));
        out.push_str(&format!("no report, so not compared: {hosts}\n"));
    }
    out
}

/// The last report of a host, in short.
pub fn report(view: &ReportView, sheet: &Sheet) -> String {
    let facts = &view.facts;
    let mut lines = vec![
        ("reported", when(view.at, sheet.now)),
        ("installed", count(view.packages, "package")),
        (
            "system",
            format!("{} {} {}", facts.os, facts.os_version, facts.os_codename).trim().to_owned(),
        ),
    ];
    let kernel = match facts.kernel_expected.is_empty() || facts.kernel_expected == facts.kernel {
        true => facts.kernel.clone(),
        false => format!("{}; {} after a reboot", facts.kernel, facts.kernel_expected),
    };
    lines.push(("kernel", kernel));
    lines.push(("reboot needed", if facts.reboot { "yes" } else { "no" }.into()));
    lines.push(("to restart", facts.services.join(" ")));
    let apt = facts.apt_at.map(|at| {
        let error = if facts.apt_error.is_empty() { "no error" } else { &facts.apt_error };
        format!("{}: {error}", when(at, sheet.now))
    });
    lines.push(("last apt", apt.unwrap_or_default()));
    let marked = |is: &dyn Fn(&InstalledView) -> bool| {
        let of = view.marked.iter().filter(|one| is(one));
        joined(of.map(|one| format!("{} {}", one.package, version(Some(&one.version)))))
    };
    lines.push(("held", marked(&|one| one.held)));
    lines.push(("broken", marked(&|one| one.broken)));
    if facts.unreadable > 0 {
        lines.push(("left out", count(facts.unreadable, "package")));
    }
    let lines: Vec<_> = lines.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    format!("\n  report\n{}", pairs(4, &lines))
}
