//! What is trusted now: CAs and their revocation lists one immutable value that is replaced as a
//! whole.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, TrustAnchor};

use super::authority::Authority;
use super::crl::{Crl, CrlNumber, Floor, SKEW_SECONDS};
use super::gather::{Gathered, Lists, Measure, Trouble, gather};
use super::keep::Keep;
use super::sources::TrustFiles;
use super::{CrlFault, IssuerId, Refusal, TrustError};
use crate::digest::{Digest, Hasher};
use crate::time::Moment;

/// The CAs and lists of one load. It never changes; a reload makes another.
pub struct TrustState {
    pub(super) epoch: u64,
    pub(super) authorities: Vec<Authority>,
    anchors: Vec<TrustAnchor<'static>>,
    between: Vec<CertificateDer<'static>>,
    crls: Lists,
    pub(super) troubles: Vec<Trouble>,
    others: usize,
    pub(super) floor: Floor,
    pub(super) fingerprint: Digest,
    grace_seconds: i64,
}

/// A CA and its list, for people and metrics.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IssuerReport {
    /// Which CA.
    pub id: IssuerId,
    /// Its subject, in printable ASCII.
    pub name: String,
    /// Until when it may certify.
    pub not_after: Moment,
    /// The list in force.
    pub list: Option<ListReport>,
}

/// A list in force, for people and metrics.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListReport {
    /// Its number, in hexadecimal.
    pub number: String,
    /// When it was made.
    pub this_update: Moment,
    /// When the next one is due.
    pub next_update: Moment,
    /// From when on nobody is served: `next_update` plus the grace.
    pub closes: Moment,
    /// How many certificates it revokes.
    pub revoked: usize,
}

impl TrustState {
    /// Rises by one with every load; a [`super::Standing`] belongs to one epoch.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The lists in force.
    pub fn crls(&self) -> impl Iterator<Item = &Crl> {
        self.crls.values().map(AsRef::as_ref)
    }

    /// The first problem with the lists at the last load, if there was one.
    pub fn crl_fault(&self) -> Option<&TrustError> {
        self.troubles.first().map(|trouble| &trouble.fault)
    }

    /// All problems with the lists at the last load.
    pub fn troubles(&self) -> &[Trouble] {
        &self.troubles
    }

    /// How many lists of CAs that are not configured were found beside the good ones. They do no
    /// harm.
    pub fn other_lists(&self) -> usize {
        self.others
    }

    /// Every CA with its list, in the order in which they are configured.
    pub fn issuers(&self) -> Vec<IssuerReport> {
        let list = |crl: &Arc<Crl>| ListReport {
            number: crl.number().to_string(),
            this_update: crl.this_update(),
            next_update: crl.next_update(),
            closes: crl.next_update().plus(self.grace_seconds),
            revoked: crl.len(),
        };
        let report = |authority: &Authority| IssuerReport {
            id: authority.id(),
            name: authority.name().to_owned(),
            not_after: authority.not_after(),
            list: self.crls.get(&authority.id()).map(list),
        };
        self.authorities.iter().map(report).collect()
    }

    /// Every CA that may certify clients, with a digest of its certificates.
    pub fn authorities(&self) -> Vec<(IssuerId, String, Digest)> {
        let marked = |authority: &Authority| {
            let mut hasher = Hasher::new();
            authority.certificates().iter().for_each(|der| hasher.update(der));
            (authority.id(), authority.name().to_owned(), hasher.finish())
        };
        self.authorities.iter().map(marked).collect()
    }

    /// Until when clients may be served: the earliest `nextUpdate` of all CAs, plus the grace.
    ///
    /// # Errors
    /// [`Refusal::CrlMissing`], [`Refusal::CrlRefused`], [`Refusal::CrlStale`] or
    /// [`Refusal::ClockBehind`] while nobody may be served.
    pub fn gate(&self, now: Moment) -> Result<Moment, Refusal> {
        let mut earliest: Option<&Arc<Crl>> = None;
        for authority in &self.authorities {
            let crl = self.crls.get(&authority.id()).ok_or_else(|| self.absence(authority.id()))?;
            if now.plus(SKEW_SECONDS) < crl.this_update() {
                return Err(Refusal::ClockBehind);
            }
            if earliest.is_none_or(|earliest| crl.next_update() < earliest.next_update()) {
                earliest = Some(crl);
            }
        }
        let since = earliest.ok_or(Refusal::CrlMissing)?.next_update();
        let closes = since.plus(self.grace_seconds);
        if now < closes { Ok(closes) } else { Err(Refusal::CrlStale { since }) }
    }

    /// Why a CA has no list: its own problem, or that of a list which belongs to no CA.
    fn absence(&self, issuer: IssuerId) -> Refusal {
        let own = self.troubles.iter().filter(|trouble| trouble.issuer == Some(issuer));
        let nobodys = self.troubles.iter().filter(|trouble| trouble.issuer.is_none());
        let faults = own.chain(nobodys).map(|trouble| &trouble.fault);
        let refusal = |fault: &TrustError| match fault {
            TrustError::Crl(CrlFault::FromFuture(_)) => Some(Refusal::ClockBehind),
            TrustError::Crl(fault) => fault.word().map(Refusal::CrlRefused),
            _ => None,
        };
        faults.filter_map(refusal).next().unwrap_or(Refusal::CrlMissing)
    }

    /// The list of a CA.
    pub(super) fn find_crl(&self, issuer: IssuerId) -> Option<&Crl> {
        self.crls.get(&issuer).map(AsRef::as_ref)
    }

    /// The configured CA of this id.
    pub(super) fn find_authority(&self, id: IssuerId) -> Option<&Authority> {
        self.authorities.iter().find(|authority| authority.id() == id)
    }

    /// The trust anchors that webpki builds paths to.
    pub(super) fn anchors(&self) -> &[TrustAnchor<'static>] {
        &self.anchors
    }

    /// The CAs that webpki may build paths through, beside those that the client sends.
    pub(super) fn between(&self) -> &[CertificateDer<'static>] {
        &self.between
    }
}

/// A delivered list that was verified. Written as the CA's id, a blank, and the number of the list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proven {
    pub(super) issuer: IssuerId,
    pub(super) number: CrlNumber,
}

impl Proven {
    /// Its number.
    pub fn number(&self) -> &CrlNumber {
        &self.number
    }

    /// Reads this text form; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let (issuer, number) = text.split_once(' ')?;
        Some(Self { issuer: IssuerId::parse(issuer)?, number: CrlNumber::parse(number)? })
    }

    /// The name of its CA, when this list or a later one of that CA is in force.
    pub fn in_force(&self, state: &TrustState) -> Option<String> {
        let list = state.find_crl(self.issuer).filter(|list| *list.number() >= self.number)?;
        Some(state.find_authority(list.issuer())?.name().to_owned())
    }
}

impl fmt::Display for Proven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.issuer, self.number)
    }
}

/// Reads the CAs and chooses a list for each.
///
/// # Errors
/// [`TrustError`] when a CA certificate cannot be used.
pub(super) fn assemble(
    files: &TrustFiles,
    keep: &Keep,
    old: Option<&TrustState>,
    floor: &Floor,
    now: Moment,
) -> Result<TrustState, TrustError> {
    let mut read = files.read()?;
    let authorities = read.authorities()?;
    let grace_seconds = files.grace_seconds;
    let measure = Measure { authorities: &authorities, floor, grace_seconds, now };
    let none = Lists::new();
    let held = old.map_or(&none, |old| &old.crls);
    let mut sources = std::mem::take(&mut read.lists);
    sources.extend(keep.lists().into_iter().map(Ok));
    let Gathered { lists: crls, troubles, others } = gather(sources, held, &measure);
    let fingerprint = read.fingerprint(&crls);
    let mut floor = floor.clone();
    for crl in crls.values() {
        floor.insert(crl.issuer(), crl.number().clone());
    }
    let tops = authorities.iter().filter(|authority| authority.is_anchor());
    let lower = authorities.iter().filter(|authority| !authority.is_anchor());
    let between = lower.flat_map(Authority::certificates).cloned();
    Ok(TrustState {
        epoch: old.map_or(1, |old| old.epoch.saturating_add(1)),
        anchors: tops.map(|authority| authority.anchor().clone()).collect(),
        between: between.collect(),
        authorities,
        crls,
        troubles,
        others,
        floor,
        fingerprint,
        grace_seconds,
    })
}
