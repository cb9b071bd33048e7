//! Identities, certificates and revocations.

use std::collections::BTreeSet;

use super::rights::limits;
use super::{pairs, with_ring};
use crate::api::{
    AccessGrant, CertificateView, Granted, IdentityView, RevocationOutcome, Role, SuiteChoice,
    WhoAmI,
};
use crate::cli::sheet::Sheet;
use crate::cli::table::Table;
use crate::cli::text::{age, count, escape, when};
use crate::debian::SuiteName;
use crate::time::Moment;

/// The identity of the caller, as the server sees it.
pub fn whoami(who: &WhoAmI, server: &str, now: Moment) -> String {
    let mut lines = vec![
        ("identity", who.identity.clone()),
        ("role", who.role.as_str().into()),
        ("suites", choice(&who.suites)),
    ];
    let limits = limited_to(&who.limits, &who.suites);
    lines.extend((!limits.is_empty()).then_some(("limited to", limits)));
    lines.push(("certificate ends", when(who.certificate_not_after, now)));
    lines.push(("server", format!("{server} (repod {})", who.server_version)));
    pairs(0, &lines)
}

/// What uploads are limited to, by every grant; with its suites where these are not all of `suites`.
fn limited_to(grants: &[AccessGrant], suites: &SuiteChoice) -> String {
    let all: BTreeSet<String> = match suites {
        SuiteChoice::All => ["*".to_owned()].into(),
        SuiteChoice::Named(names) => names.iter().map(ToString::to_string).collect(),
    };
    let words = grants.iter().map(|grant| {
        let limits = limits(&grant.components, &grant.packages);
        match grant.suites.iter().cloned().collect::<BTreeSet<_>>() == all {
            true => limits,
            false => format!("{limits} of {}", grant.suites.join(" ")),
        }
    });
    words.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", or ")
}

/// Identities, as a table: one line each, with the certificate that ends last.
pub fn list(identities: &[IdentityView], sheet: &Sheet) -> String {
    let mut table = Table::new(&["NAME", "ROLE", "SUITES", "LIMITED TO", "CERTIFICATE"]);
    for one in identities {
        table.row([
            one.identity.clone(),
            one.role.map(|role| role.as_str().to_owned()).unwrap_or_default(),
            choice(&one.suites),
            limited_to(&one.limits, &one.suites),
            certificate_state(one, sheet.now),
        ]);
    }
    table.lines(0, sheet)
}

/// Hosts, as a table: one line each, with what it was offered last of each of its suites, or of `suite`.
pub fn hosts(hosts: &[IdentityView], suite: Option<&SuiteName>, sheet: &Sheet) -> String {
    let mut table = Table::new(&["NAME", "CERTIFICATE", "LAST UPDATE", "OFFERED"]);
    for one in hosts {
        let offered = match suite {
            Some(suite) => offered(one, suite),
            None => {
                let of = suites_of(one).into_iter();
                let of = of.map(|suite| format!("{suite} {}", offered(one, suite)));
                of.collect::<Vec<_>>().join(", ")
            }
        };
        table.row([
            one.identity.clone(),
            certificate_state(one, sheet.now),
            last_update(one, suite, sheet.now),
            offered,
        ]);
    }
    table.lines(0, sheet)
}

/// The suites that a host reads; of one that reads all, those that it has read or was not offered yet.
fn suites_of(one: &IdentityView) -> BTreeSet<&SuiteName> {
    match &one.suites {
        SuiteChoice::Named(suites) => suites.iter().collect(),
        SuiteChoice::All => {
            let seen = one.sightings.iter().filter(|seen| seen.live.is_some());
            seen.map(|seen| &seen.suite).chain(&one.behind).collect()
        }
    }
}

fn last_update(one: &IdentityView, suite: Option<&SuiteName>, now: Moment) -> String {
    let seen = one.sightings.iter().filter(|it| suite.is_none_or(|suite| *suite == it.suite));
    seen.map(|it| it.at).max().map_or("never".into(), |at| age(at, now))
}

/// `4`, `3 of 4` where it is behind, or `nothing`.
fn offered(one: &IdentityView, suite: &SuiteName) -> String {
    let Some(seen) = one.sightings.iter().find(|it| it.suite == *suite) else {
        return "nothing".into();
    };
    match seen.live {
        Some(live) if live != seen.generation => format!("{} of {live}", seen.generation),
        _ => seen.generation.to_string(),
    }
}

/// One identity with every certificate and sighting.
pub fn show(one: &IdentityView, sheet: &Sheet) -> String {
    let mut out = format!("{}\n", escape(&one.identity));
    let invited = one.certificates.is_empty() && one.token_ends.is_some();
    let none =
        if invited { "none until its token is used" } else { "none: its rights were taken away" };
    let role = one.role.map_or(none, |role| role.as_str());
    let is_both = one.host && one.role.is_some_and(|role| role > Role::Host);
    let role = if is_both { format!("host, and {role}") } else { role.to_owned() };
    let mut lines = vec![("role", role), ("suites", choice(&one.suites))];
    let limits = limited_to(&one.limits, &one.suites);
    lines.extend((!limits.is_empty()).then_some(("limited to", limits)));
    lines.extend(one.token_ends.map(|end| ("token ends", when(end, sheet.now))));
    out.push_str(&pairs(2, &lines));
    let mut certificates = Table::new(&["=SERIAL", "ENDS", "REVOKED", "REASON"]);
    for one in &one.certificates {
        certificates.row([
            one.serial.clone(),
            when(one.not_after, sheet.now),
            one.revoked_at.map(|at| when(at, sheet.now)).unwrap_or_default(),
            one.reason.clone(),
        ]);
    }
    let mut sightings = Table::new(&["SUITE", "LAST UPDATE", "OFFERED"]);
    for seen in &one.sightings {
        sightings.row([
            with_ring(&seen.suite, seen.ring.as_deref()),
            when(seen.at, sheet.now),
            offered(one, &seen.suite),
        ]);
    }
    for table in [certificates, sightings].into_iter().filter(|table| !table.is_empty()) {
        out.push_str(&format!("\n{}", table.lines(2, sheet)));
    }
    out
}

/// A right that was given.
pub fn granted(right: &Granted) -> String {
    let (name, role) = (escape(&right.identity), right.role.as_str());
    let suites = match &right.suites {
        SuiteChoice::All => "every suite".to_owned(),
        named => choice(named),
    };
    let notes = right.notes.iter().map(|note| format!("note: {}\n", escape(note)));
    let limits = match limits(&right.components, &right.packages) {
        none if none.is_empty() => none,
        limits => format!(", for {}", escape(&limits)),
    };
    format!("{name} is {role} of {suites}{limits}\n") + &notes.collect::<String>()
}

/// The outcome of a revocation.
pub fn revoked(outcome: &RevocationOutcome, now: Moment) -> String {
    let name = escape(&outcome.identity);
    if outcome.serials.is_empty() {
        let note = match outcome.other_ca {
            true => "the CA that issued its certificate should revoke that, too",
            false => "it had no certificate that was still valid",
        };
        return format!("{name} is shut out: its right is taken away\nnote: {note}\n");
    }
    let certificates = count(outcome.serials.len(), "certificate");
    let serials = outcome.serials.iter().map(|serial| format!("  {}\n", escape(serial)));
    let list = outcome.crl_next_update.map_or_else(
        || {
            "the revocation list that says so is not made yet; `repoctl status` warns until it is\n"
                .to_owned()
        },
        |until| format!("the revocation list that says so is valid until {}\n", when(until, now)),
    );
    format!("{name} is shut out: {certificates} revoked\n") + &serials.collect::<String>() + &list
}

/// Suites as words.
pub fn choice(suites: &SuiteChoice) -> String {
    match suites {
        SuiteChoice::All => "all".into(),
        SuiteChoice::Named(names) if names.is_empty() => "none".into(),
        SuiteChoice::Named(names) => {
            names.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
        }
    }
}

/// The certificate that ends last, and the pending token.
fn certificate_state(one: &IdentityView, now: Moment) -> String {
    let certificate = last_end(&one.certificates, now);
    match one.token_ends {
        Some(end) if one.certificates.is_empty() => format!("token ends {}", age(end, now)),
        Some(end) => format!("{certificate}, token ends {}", age(end, now)),
        None => certificate,
    }
}

fn last_end(certificates: &[CertificateView], now: Moment) -> String {
    let sound = certificates.iter().filter(|one| one.revoked_at.is_none());
    match sound.map(|one| one.not_after).max() {
        Some(end) if end > now.0 => format!("ends {}", age(end, now)),
        Some(end) => format!("ended {}", age(end, now)),
        None if certificates.is_empty() => "none".into(),
        None => "revoked".into(),
    }
}
