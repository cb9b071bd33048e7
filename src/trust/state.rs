//! What is trusted now: CAs and their revocation lists one immutable value that is replaced as a
//! whole.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rustls::pki_types::{CertificateDer, TrustAnchor};

use super::authority::Authority;
use super::crl::{self, Crl, CrlNumber, Floor, SKEW_SECONDS};
use super::files::{self, CERTIFICATE_LIMIT_BYTES, Readers};
use super::gather::{Gathered, Lists, Measure, Trouble, gather};
use super::sources::TrustFiles;
use super::{CrlFault, IssuerId, Refusal, TrustError};
use crate::digest::{Digest, Hasher};
use crate::time::Moment;

/// The CAs and lists of one load. It never changes; a reload makes another.
pub struct TrustState {
    epoch: u64,
    authorities: Vec<Authority>,
    anchors: Vec<TrustAnchor<'static>>,
    between: Vec<CertificateDer<'static>>,
    crls: Lists,
    troubles: Vec<Trouble>,
    others: usize,
    floor: Floor,
    fingerprint: Digest,
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
    issuer: IssuerId,
    number: CrlNumber,
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

/// Holds the present [`TrustState`]; cheap to read, safe to share between threads.
pub struct Trust {
    files: TrustFiles,
    state: ArcSwap<TrustState>,
    /// The stamp of the files when they were read last; locked while they are read.
    reading: Mutex<Digest>,
}

impl Trust {
    /// Reads everything for the first time. Without valid lists it succeeds too, but the gate stays
    /// closed: [`TrustState::crl_fault`] says why, and the next good [`Trust::reload`] opens it.
    ///
    /// # Errors
    /// [`TrustError`] when a CA certificate or the remembered CRL numbers cannot be used.
    pub fn load(files: TrustFiles, now: Moment) -> Result<Self, TrustError> {
        if let Some(directory) = &files.delivered {
            files::make_private_directory(directory)?;
        }
        let floor = read_floor(&files.floor)?;
        let stamp = files.stamp();
        let state = assemble(&files, None, &floor, now)?;
        let trust = Self { files, state: ArcSwap::from_pointee(state), reading: Mutex::new(stamp) };
        trust.save_floor()?;
        Ok(trust)
    }

    /// Whether the CAs are external ones and not the embedded one.
    pub fn is_external(&self) -> bool {
        self.files.delivered.is_some()
    }

    /// The present state.
    pub fn current(&self) -> Arc<TrustState> {
        self.state.load_full()
    }

    /// Reads the files again and says whether anything changed. When a list is refused, the old one
    /// of its CA stays in force until its `nextUpdate`; the valid lists are used all the same.
    ///
    /// # Errors
    /// [`TrustError`]: the first problem. If a CA certificate has it, nothing changed.
    pub fn reload(&self, now: Moment) -> Result<bool, TrustError> {
        let mut stamp = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        *stamp = self.files.stamp();
        self.read_again(now)
    }

    /// [`Trust::reload`], if the files changed since they were read last, or time may have mended a
    /// problem. It costs little when nothing changed.
    pub fn look(&self, now: Moment) -> Option<Result<bool, TrustError>> {
        let mut stamp = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = self.files.stamp();
        let mends = |trouble: &Trouble| match trouble.fault {
            TrustError::Crl(CrlFault::FromFuture(at)) => at <= now.plus(SKEW_SECONDS),
            // The clock was ahead.
            TrustError::Crl(CrlFault::Stale(at)) => at.plus(self.files.grace_seconds) > now,
            _ => false,
        };
        if *stamp == seen && !self.current().troubles.iter().any(mends) {
            return None;
        }
        *stamp = seen;
        Some(self.read_again(now))
    }

    /// Takes lists that were delivered: verified, stored durably, in force at once. A list of the
    /// number in force is success. `announce` is called with the verified lists before anything is
    /// stored.
    ///
    /// # Errors
    /// [`TrustError::Crl`] when one of them is refused, and then all are (sender's fault);
    /// [`TrustError::Parameter`] where the server signs its list itself; [`TrustError::Io`].
    pub fn deliver(
        &self,
        bytes: &[u8],
        now: Moment,
        announce: impl FnOnce(&[Proven]),
    ) -> Result<(), TrustError> {
        let _alone = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(directory) = &self.files.delivered else {
            let why = "this server signs its revocation list itself and renews it automatically";
            return Err(TrustError::Parameter(why.into()));
        };
        let state = self.current();
        let (authorities, floor) = (&state.authorities, &state.floor);
        // Grace is only for lists that ran out while they were in force.
        let measure = Measure { authorities, floor, grace_seconds: 0, now };
        let mut taken = Vec::new();
        for der in crl::split(bytes)? {
            let list = crl::read(&der, authorities).map_err(|(_, fault)| fault)?;
            measure.check_new(&list)?;
            let number = list.number().clone();
            taken.push((Proven { issuer: list.issuer(), number }, der));
        }
        let (lists, ders): (Vec<_>, Vec<_>) = taken.into_iter().unzip();
        announce(&lists);
        let written = lists.iter().zip(ders).try_for_each(|(list, der)| {
            let path = directory.join(format!("{}.crl", list.issuer));
            files::replace(&path, &der, Readers::All)
        });
        // Also when one could not be written, because those before it were. Other problems with the
        // files are reported at their own reload.
        let read = match self.read_again(now) {
            Ok(_) | Err(TrustError::Crl(_)) => Ok(()),
            Err(problem) => Err(problem),
        };
        written.and(read)
    }

    fn read_again(&self, now: Moment) -> Result<bool, TrustError> {
        let old = self.current();
        let mut state = assemble(&self.files, Some(&old), &old.floor, now)?;
        let fault = state.crl_fault().cloned();
        let changed = state.fingerprint != old.fingerprint;
        if !changed {
            state.epoch = old.epoch;
        }
        self.state.store(Arc::new(state));
        self.save_floor()?;
        fault.map_or(Ok(changed), Err)
    }

    fn save_floor(&self) -> Result<(), TrustError> {
        let state = self.current();
        let lines = state.floor.iter().map(|(id, number)| format!("{id} {number}\n"));
        let text: String = lines.collect();
        if read_floor(&self.files.floor).is_ok_and(|saved| saved == state.floor) {
            return Ok(());
        }
        files::replace(&self.files.floor, text.as_bytes(), Readers::All)
    }
}

fn assemble(
    files: &TrustFiles,
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
    let sources = std::mem::take(&mut read.lists);
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

/// The remembered CRL numbers; none when there is no file yet.
fn read_floor(path: &Path) -> Result<Floor, TrustError> {
    let bytes = match files::read(path, CERTIFICATE_LIMIT_BYTES) {
        Err(TrustError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Floor::new());
        }
        other => other?,
    };
    let line = |line: &str| -> Option<(IssuerId, CrlNumber)> {
        let (id, number) = line.split_once(' ')?;
        Some((IssuerId::parse(id)?, CrlNumber::parse(number)?))
    };
    let text = String::from_utf8_lossy(&bytes);
    let read: Option<Floor> = text.lines().map(line).collect();
    let why = "damaged; remove it once you are sure that the revocation lists are the newest ones";
    read.ok_or_else(|| TrustError::file(path, why))
}
