//! What is trusted now: CAs and their revocation lists as one immutable value, swapped as a whole.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rustls::pki_types::TrustAnchor;

use super::authority::{self, Authority};
use super::crl::{self, Crl, CrlNumber, Floor, SKEW_SECONDS};
use super::files::{self, CERTIFICATE_LIMIT_BYTES, CRL_LIMIT_BYTES, Readers};
use super::{CrlFault, IssuerId, Refusal, TrustError};
use crate::digest::{Digest, Hasher};
use crate::time::Moment;

/// Where trust is read from.
#[derive(Clone, Debug)]
pub struct TrustFiles {
    /// Certificates of the CAs: PEM with any number of blocks, or DER.
    pub anchors: Vec<PathBuf>,
    /// Their revocation lists, one for each CA: PEM with any number of blocks, or DER.
    pub crls: Vec<PathBuf>,
    /// Where the highest CRL numbers are remembered across restarts.
    pub floor: PathBuf,
}

impl TrustFiles {
    /// The files of the embedded CA in `directory`.
    pub fn of_directory(directory: &Path) -> Self {
        Self {
            anchors: vec![directory.join("ca.crt")],
            crls: vec![directory.join("crl.pem")],
            floor: directory.join("crl.floor"),
        }
    }

    fn read_anchors(&self) -> Result<Vec<(&Path, Vec<u8>)>, TrustError> {
        let read = |path: &'_ PathBuf| files::read(path, CERTIFICATE_LIMIT_BYTES);
        self.anchors.iter().map(|path| Ok((path.as_path(), read(path)?))).collect()
    }

    fn read_crls(&self) -> Result<Vec<Vec<u8>>, TrustError> {
        self.crls.iter().map(|path| files::read(path, CRL_LIMIT_BYTES)).collect()
    }
}

/// The CAs and lists that count, as of one load. Never altered; a reload makes another.
pub struct TrustState {
    epoch: u64,
    authorities: Vec<Authority>,
    anchors: Vec<TrustAnchor<'static>>,
    crls: HashMap<IssuerId, Crl>,
    fault: Option<TrustError>,
    floor: Floor,
    fingerprint: Digest,
}

impl TrustState {
    /// Rises by one with every load; a [`super::Standing`] belongs to one epoch.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The lists in force.
    pub fn crls(&self) -> impl Iterator<Item = &Crl> {
        self.crls.values()
    }

    /// Why there are no lists in force, when the first load found none that are good.
    pub fn crl_fault(&self) -> Option<&TrustError> {
        self.fault.as_ref()
    }

    /// Until when anybody may be served: the earliest `nextUpdate` of all CAs.
    ///
    /// # Errors
    /// [`Refusal::CrlMissing`], [`Refusal::CrlStale`] or [`Refusal::ClockBehind`] while nobody may.
    pub fn gate(&self, now: Moment) -> Result<Moment, Refusal> {
        match &self.fault {
            Some(TrustError::Crl(CrlFault::Stale(since))) => {
                return Err(Refusal::CrlStale { since: *since });
            }
            Some(TrustError::Crl(CrlFault::FromFuture(_))) => return Err(Refusal::ClockBehind),
            Some(_) => return Err(Refusal::CrlMissing),
            None => {}
        }
        let mut closes = None;
        for authority in &self.authorities {
            let crl = self.crls.get(&authority.id()).ok_or(Refusal::CrlMissing)?;
            if now.plus(SKEW_SECONDS) < crl.this_update() {
                return Err(Refusal::ClockBehind);
            }
            let next = crl.next_update();
            closes = Some(closes.map_or(next, |earliest: Moment| earliest.min(next)));
        }
        let closes = closes.ok_or(Refusal::CrlMissing)?;
        if now < closes { Ok(closes) } else { Err(Refusal::CrlStale { since: closes }) }
    }

    /// The list of a CA.
    pub(super) fn find_crl(&self, issuer: IssuerId) -> Option<&Crl> {
        self.crls.get(&issuer)
    }

    /// The configured CA of this id.
    pub(super) fn find_authority(&self, id: IssuerId) -> Option<&Authority> {
        self.authorities.iter().find(|authority| authority.id() == id)
    }

    /// What webpki builds paths to.
    pub(super) fn anchors(&self) -> &[TrustAnchor<'static>] {
        &self.anchors
    }
}

/// The holder of the present [`TrustState`]; cheap to ask, safe to share.
pub struct Trust {
    files: TrustFiles,
    state: ArcSwap<TrustState>,
    reloading: Mutex<()>,
}

impl Trust {
    /// Reads everything for the first time. Without good lists it succeeds too, but stays closed:
    /// [`TrustState::crl_fault`] says why, and the next good [`Trust::reload`] opens it.
    ///
    /// # Errors
    /// [`TrustError`] when a CA certificate or the remembered CRL numbers cannot be used.
    pub fn load(files: TrustFiles, now: Moment) -> Result<Self, TrustError> {
        let floor = read_floor(&files.floor)?;
        let anchors = files.read_anchors()?;
        let authorities = authority::read_all(&anchors)?;
        if authorities.is_empty() {
            return Err(TrustError::Parameter("no CA is configured: name a CA certificate".into()));
        }
        let lists = files.read_crls();
        let accepted = lists.and_then(|lists| {
            let crls = crl::accept(&lists, &authorities, &floor, now)?;
            Ok((crls, fingerprint(&anchors, &lists)))
        });
        let (crls, fingerprint, fault) = match accepted {
            Ok((crls, fingerprint)) => (crls, fingerprint, None),
            Err(fault) => (HashMap::new(), Digest::of(b""), Some(fault)),
        };
        let state = assemble(1, authorities, crls, floor, fingerprint, fault);
        let trust = Self { files, state: ArcSwap::from_pointee(state), reloading: Mutex::new(()) };
        trust.save_floor()?;
        Ok(trust)
    }

    /// The state of this moment.
    pub fn current(&self) -> Arc<TrustState> {
        self.state.load_full()
    }

    /// Reads the files again and says whether anything changed. Refused lists leave the old state
    /// in place, which closes by itself at its `nextUpdate`.
    ///
    /// # Errors
    /// [`TrustError`]: nothing changed, except when only remembering the CRL numbers failed.
    pub fn reload(&self, now: Moment) -> Result<bool, TrustError> {
        let _one_at_a_time = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.current();
        let anchors = self.files.read_anchors()?;
        let lists = self.files.read_crls()?;
        let fingerprint = fingerprint(&anchors, &lists);
        if old.fault.is_none() && old.fingerprint == fingerprint {
            self.save_floor()?;
            return Ok(false);
        }
        let authorities = authority::read_all(&anchors)?;
        if authorities.is_empty() {
            return Err(TrustError::Parameter("no CA is configured: name a CA certificate".into()));
        }
        let crls = crl::accept(&lists, &authorities, &old.floor, now)?;
        let epoch = old.epoch.saturating_add(1);
        let floor = old.floor.clone();
        let state = assemble(epoch, authorities, crls, floor, fingerprint, None);
        self.state.store(Arc::new(state));
        self.save_floor()?;
        Ok(true)
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
    epoch: u64,
    authorities: Vec<Authority>,
    crls: HashMap<IssuerId, Crl>,
    mut floor: Floor,
    fingerprint: Digest,
    fault: Option<TrustError>,
) -> TrustState {
    for crl in crls.values() {
        floor.insert(crl.issuer(), crl.number().clone());
    }
    let anchors = authorities.iter().map(|authority| authority.anchor().clone()).collect();
    TrustState { epoch, authorities, anchors, crls, fault, floor, fingerprint }
}

fn fingerprint(anchors: &[(&Path, Vec<u8>)], lists: &[Vec<u8>]) -> Digest {
    let mut hasher = Hasher::new();
    for bytes in anchors.iter().map(|(_, bytes)| bytes).chain(lists) {
        hasher.update(Digest::of(bytes).as_bytes());
    }
    hasher.finish()
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
