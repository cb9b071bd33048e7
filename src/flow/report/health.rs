//! Health: what an operator should know of the server: what expires when, and how much room is
//! left.

use std::sync::Arc;

use crate::amount::size;
use crate::catalogue::CertificateRecord;
use crate::debian::SuiteName;
use crate::domain::{Admitted, Entitled, Identity, Package, Share};
use crate::flow::admit;
use crate::flow::error::{Damage, FlowError};
use crate::flow::report::clock::look_at_clock;
pub use crate::flow::report::concern::{Circle, Concern, WarningCode};
use crate::flow::report::identities;
use crate::flow::report::identities::IdentityReport;
use crate::flow::report::reports::reading;
use crate::flow::report::{restored, rollouts, scrub, writing};
use crate::flow::repository::Repository;
use crate::flow::state::damage::Fate;
use crate::flow::state::mishaps::Mishap;
use crate::flow::state::scrubbing::ScrubReport;
use crate::pool::Kind;
use crate::time::Moment;
use crate::trust::{IssuerReport, Refusal};

/// The state of the server: what expires when, and how much room is left.
#[derive(Clone, Debug, Default)]
pub struct ServerReport {
    /// Until when clients are served: the earliest next update of all revocation lists, plus the
    /// grace; `None` while nobody is served.
    pub crl_next_update: Option<Moment>,
    /// When the first CA expires.
    pub ca_not_after: Option<Moment>,
    /// How much can still be stored. Unit: bytes.
    pub room_bytes: Option<u64>,
    /// The identities within the asker's suites whose last certificate expires within 30 days, and when it
    /// does; the first to expire first.
    pub expiring_soon: Vec<(Moment, Identity)>,
    /// How far the scrub is; `None` where there is none.
    pub scrub: Option<ScrubReport>,
    /// What needs attention.
    pub concerns: Vec<Concern>,
}

const DAY_SECONDS: i64 = 86_400;

/// The state of the server, for an asker; `certificate_not_after` is when its own certificate
/// expires.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub async fn server(
    repository: &Arc<Repository>,
    asker: &Admitted,
    certificate_not_after: Option<Moment>,
) -> Result<ServerReport, FlowError> {
    let asker = asker.clone();
    reading(repository, move |repository| {
        let mut report = look(repository, certificate_not_after)?;
        report.expiring_soon = expiring_soon(repository, asker.entitled())?;
        Ok(report)
    })
    .await
}

/// What of the server needs attention, whoever asks, without the count of certificates. Blocks.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub(super) fn look(
    repository: &Repository,
    certificate_not_after: Option<Moment>,
) -> Result<ServerReport, FlowError> {
    let mut report = ServerReport::default();
    look_at_lists(repository, &mut report);
    look_at_ends(repository, certificate_not_after, &mut report);
    look_at_room(repository, &mut report);
    report.concerns.extend(writing::concerns(repository));
    look_at_damage(repository, &mut report)?;
    report.concerns.extend(restored::concerns(repository)?);
    report.concerns.extend(rollouts::concerns(repository));
    report.scrub = scrub::report(repository);
    report.concerns.extend(scrub::concerns(repository));
    for (mishap, problem) in repository.mishaps.all() {
        let text = format!("{problem}; what was read before stays in use");
        report.concerns.push(Concern::of_server(unreadable(mishap), text));
    }
    look_at_clock(repository, &mut report.concerns)?;
    if repository.audit_broken.load(std::sync::atomic::Ordering::Relaxed) {
        let text = "the audit log was altered; `repoctl audit verify` says where";
        report.concerns.push(Concern::of_server(WarningCode::AuditBroken, text));
    }
    Ok(report)
}

fn look_at_lists(repository: &Repository, report: &mut ServerReport) {
    let (state, now) = (repository.trust.current(), repository.now());
    match state.gate(now) {
        Ok(until) => {
            report.crl_next_update = Some(until);
            report.concerns.extend(state.issuers().iter().filter_map(|one| ends_soon(one, now)));
        }
        Err(refusal) => {
            report.concerns.push(Concern::of_server(closed(&refusal), refusal));
        }
    }
    for trouble in state.troubles() {
        report.concerns.push(Concern::of_server(WarningCode::CrlUnusable, &trouble.fault));
    }
}

/// Why nobody is served.
fn closed(refusal: &Refusal) -> WarningCode {
    match refusal {
        Refusal::CrlStale { .. } => WarningCode::CrlStale,
        Refusal::CrlRefused(_) => WarningCode::CrlRefused,
        Refusal::ClockBehind => WarningCode::ClockBehind,
        // The gate closes for nothing else.
        _ => WarningCode::CrlMissing,
    }
}

fn unreadable(mishap: Mishap) -> WarningCode {
    match mishap {
        Mishap::Configuration => WarningCode::ConfigurationUnreadable,
        Mishap::Trust => WarningCode::TrustUnreadable,
        Mishap::ServerCertificate => WarningCode::ServerCertificateUnreadable,
    }
}

/// The concern about the first list that expires soon, or is accepted only by grace.
pub fn waning(repository: &Repository) -> Option<Concern> {
    let now = repository.now();
    let issuers = repository.trust.current().issuers();
    issuers.iter().find_map(|issuer| ends_soon(issuer, now))
}

/// The concern about a list that expires within a day and within a third of its validity, or that
/// is accepted only by grace.
fn ends_soon(issuer: &IssuerReport, now: Moment) -> Option<Concern> {
    let (name, list) = (&issuer.name, issuer.list.as_ref()?);
    let (closes, life) = (list.closes, list.next_update.since(list.this_update));
    if list.next_update <= now {
        let text = format!(
            "the revocation list of {name} is out of date since {}; nothing is served from {closes} on",
            list.next_update
        );
        return Some(Concern::of_server(WarningCode::CrlInGrace, text));
    }
    (list.next_update.since(now) < DAY_SECONDS.min(life / 3)).then(|| {
        let text = format!(
            "the revocation list of {name} ends {}; nothing is served from {closes} on",
            list.next_update
        );
        Concern::of_server(WarningCode::CrlEndsSoon, text)
    })
}

fn look_at_ends(repository: &Repository, server: Option<Moment>, report: &mut ServerReport) {
    let now = repository.now();
    if let Some(authority) = &repository.authority {
        let not_after = crate::flow::threads::lock(authority).not_after();
        report.ca_not_after = Some(not_after);
        if not_after.since(now) < 365 * DAY_SECONDS {
            let text = format!(
                "the CA ends {not_after} and should have renewed itself; the server's log says why it did not"
            );
            report.concerns.push(Concern::of_server(WarningCode::CaEndsSoon, text));
        }
    }
    if repository.trust.is_external() {
        for issuer in repository.trust.current().issuers() {
            let end = issuer.not_after;
            report.ca_not_after = Some(report.ca_not_after.map_or(end, |other| other.min(end)));
            if end.since(now) < 60 * DAY_SECONDS {
                let text = format!(
                    "the CA {} ends {end}; put its renewed certificate beside the old one, where [trust] names it",
                    issuer.name
                );
                report.concerns.push(Concern::of_server(WarningCode::CaEndsSoon, text));
            }
        }
    }
    if let Some(end) = server.filter(|end| end.since(now) < 14 * DAY_SECONDS) {
        let text = format!("the server certificate ends {end}; hosts fail silently after that");
        report.concerns.push(Concern::of_server(WarningCode::ServerCertificateEndsSoon, text));
    }
    for (suite, desk) in repository.desks().iter() {
        let head = desk.state().head.clone();
        if let Some(head) = head.filter(|head| head.valid_until.since(now) < DAY_SECONDS / 2) {
            let text = format!(
                "the signature of {suite} ends {}; it should have been renewed",
                head.valid_until
            );
            report.concerns.push(Concern {
                code: WarningCode::SignatureEndsSoon,
                text,
                of: Circle::Readers(suite.clone()),
            });
        }
    }
}

fn look_at_room(repository: &Repository, report: &mut ServerReport) {
    match repository.pool.room_bytes() {
        Ok(room) => {
            report.room_bytes = Some(room);
            if room < repository.limits().package_bytes {
                let text = match room {
                    0 => "nothing can be stored any more: no space or no inode is free".to_owned(),
                    room => format!(
                        "only {} can still be stored; the largest package may not fit",
                        size(room)
                    ),
                };
                let text = format!("{text}; {}", would_free(repository));
                report.concerns.push(Concern::of_server(WarningCode::DiskNearlyFull, text));
            }
        }
        Err(error) => {
            report.concerns.push(Concern::of_server(WarningCode::DiskUnreadable, error));
        }
    }
}

/// What collecting would free, or why it would free nothing.
fn would_free(repository: &Repository) -> String {
    let bytes = repository.reclaimable_bytes.load(std::sync::atomic::Ordering::Relaxed);
    let is_any = repository.desks().values().any(|desk| !desk.state().spec.keep.is_everything());
    match (bytes, is_any) {
        (0, false) => "every suite keeps everything: `repoctl suite edit SUITE --keep-versions N` \
                       says what may go"
            .to_owned(),
        (0, true) => "nothing goes by what suites keep: `repoctl gc -n`".to_owned(),
        (bytes, _) => {
            format!(
                "{} go by what suites keep, a day after they are marked: `repoctl gc`",
                size(bytes)
            )
        }
    }
}

/// What was found damaged since the start. A package that was sent again is sound.
fn look_at_damage(repository: &Repository, report: &mut ServerReport) -> Result<(), FlowError> {
    for (damage, fate) in repository.damage.all() {
        if let Damage::Blob(digest) = damage
            && matches!(repository.pool.open(Kind::Blob, &digest), Ok(Some(_)))
        {
            repository.damage.forget(damage);
            continue;
        }
        let (what, suites) = described(repository, damage)?;
        let (code, text) = match fate {
            Fate::Found => {
                (WarningCode::Damage, format!("{what} is damaged or lost; a repair begins"))
            }
            Fate::Lost(cure) => (WarningCode::Damage, format!("{what} is damaged or lost: {cure}")),
            Fate::Repaired => (
                WarningCode::DamageRepaired,
                format!("{what} was damaged and is repaired; look at the disk"),
            ),
            Fate::Replaced(text) => (
                WarningCode::DamageRepaired,
                format!(
                    "{what} was damaged, and what is listed was made anew: {text}; look at the disk"
                ),
            ),
        };
        let concern = |of| Concern { code, text: text.clone(), of };
        match suites.is_empty() {
            true => report.concerns.push(concern(Circle::Admins)),
            false => {
                report.concerns.extend(suites.into_iter().map(Circle::Readers).map(concern));
            }
        }
    }
    Ok(())
}

/// What is damaged in words, and the suites that may hear of it: a package is named only to those
/// who may read it.
fn described(
    repository: &Repository,
    damage: Damage,
) -> Result<(String, Vec<SuiteName>), FlowError> {
    let (what, digest) = match damage {
        Damage::Pack(pack) => {
            return Ok((format!("pack {} of indices", pack.short()), Vec::new()));
        }
        Damage::Chunk(key) => {
            return Ok((format!("what the catalogue says of chunk {}", key.short()), Vec::new()));
        }
        Damage::Index(_) => {
            return Ok(("an index file of some generation".into(), Vec::new()));
        }
        Damage::Blob(digest) => ("the .deb", digest),
        Damage::Stanza(digest) => ("the stanza", digest),
    };
    let suites = repository.catalogue.list_suites_of(&[digest])?.pop().unwrap_or_default();
    let record = repository.catalogue.find_packages(&[digest])?.pop();
    let Some(record) = record.filter(|_| !suites.is_empty()) else {
        return Ok((format!("{what} of package {}", digest.short()), suites));
    };
    let Package { name, version, architecture, .. } = record.package;
    Ok((format!("{what} of {name} {version} {architecture}"), suites))
}

fn expiring_soon(
    repository: &Repository,
    asker: &Entitled,
) -> Result<Vec<(Moment, Identity)>, FlowError> {
    let now = repository.now();
    let operated = admit::operated(repository, asker);
    let soon = |report: IdentityReport| {
        let end = ends_within_a_month(report.certificates.iter(), now)?;
        (report.share(&operated) == Share::Whole).then_some((end, report.identity))
    };
    let mut soon: Vec<_> =
        identities::list_now(repository, None)?.into_iter().filter_map(soon).collect();
    soon.sort();
    Ok(soon)
}

/// When the last certificate of an identity ends that was not revoked, where that is within 30 days.
pub(super) fn ends_within_a_month<'c>(
    certificates: impl Iterator<Item = &'c CertificateRecord>,
    now: Moment,
) -> Option<Moment> {
    let open = certificates.filter(|one| one.revoked_at.is_none());
    let last = open.map(|one| one.not_after).max();
    last.filter(|end| *end > now && end.since(now) < 30 * DAY_SECONDS)
}
