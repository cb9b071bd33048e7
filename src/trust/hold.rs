//! Hold: the present state of trust, read again when its files change, and lists that come in.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tracing::{error, info};

use super::crl::{self, CrlNumber, Floor, SKEW_SECONDS};
use super::files::{self, CERTIFICATE_LIMIT_BYTES};
use super::gather::{Measure, Trouble};
use super::keep::Keep;
use super::publish::OwnList;
use super::sources::TrustFiles;
use super::state::{Proven, TrustState, assemble};
use super::{CrlFault, IssuerId, TrustError};
use crate::digest::Digest;
use crate::reserve::Reserve;
use crate::time::Moment;

/// Holds the present [`TrustState`]; cheap to read, safe to share between threads.
pub struct Trust {
    files: TrustFiles,
    keep: Keep,
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
            let make = || files::make_private_directory(directory);
            match files.reserve.spend(TrustError::is_full, make) {
                // What is delivered is kept in memory then.
                Err(problem) if !problem.is_full() => return Err(problem),
                _ => {}
            }
        }
        let floor = read_floor(&files.floor)?;
        let stamp = files.stamp();
        let keep = Keep::new(Arc::clone(&files.reserve));
        let state = assemble(&files, &keep, None, &floor, now)?;
        let state = ArcSwap::from_pointee(state);
        let trust = Self { files, keep, state, reading: Mutex::new(stamp) };
        trust.save_floor();
        Ok(trust)
    }

    /// Why a list that is in force, or a number, is not on the disk; `None` when all is. A start would
    /// go back to what is there.
    pub fn unstored(&self) -> Option<TrustError> {
        self.keep.why()
    }

    /// The room that is given up where a list is to be stored on a full disk.
    pub fn reserve(&self) -> &Reserve {
        &self.files.reserve
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
        if self.keep.retry() {
            info!("what could not be stored of revocation lists is on the disk now");
        }
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

    /// Takes lists that were delivered: verified, stored durably, in force at once. What cannot be stored
    /// is in force all the same, until the server ends ([`Trust::unstored`]). A list of the
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
        for (list, der) in lists.iter().zip(ders) {
            self.keep.list(&directory.join(format!("{}.crl", list.issuer)), &der);
        }
        self.tell_unstored();
        // Other problems with the files are reported at their own reload.
        match self.read_again(now) {
            Ok(_) | Err(TrustError::Crl(_)) => Ok(()),
            Err(problem) => Err(problem),
        }
    }

    /// Puts a list that the embedded CA has signed into force, and stores it. What cannot be stored is in
    /// force all the same, until the server ends ([`Trust::unstored`]).
    ///
    /// # Errors
    /// As for [`Trust::reload`].
    pub fn take_own(&self, list: &OwnList, now: Moment) -> Result<(), TrustError> {
        let mut stamp = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        // The number is written first: after a crash in between it is skipped, and never used twice.
        self.keep.numbers(&list.number_path, &list.number_text);
        self.keep.list(&list.path, list.pem.as_bytes());
        self.tell_unstored();
        *stamp = self.files.stamp();
        self.read_again(now).map(drop)
    }

    fn tell_unstored(&self) {
        if let Some(problem) = self.unstored() {
            error!(%problem, "a revocation list is in force and not on the disk; it is tried again");
        }
    }

    fn read_again(&self, now: Moment) -> Result<bool, TrustError> {
        let old = self.current();
        let mut state = assemble(&self.files, &self.keep, Some(&old), &old.floor, now)?;
        let fault = state.crl_fault().cloned();
        let changed = state.fingerprint != old.fingerprint;
        if !changed {
            state.epoch = old.epoch;
        }
        self.state.store(Arc::new(state));
        self.save_floor();
        fault.map_or(Ok(changed), Err)
    }

    fn save_floor(&self) {
        let state = self.current();
        let lines = state.floor.iter().map(|(id, number)| format!("{id} {number}\n"));
        let text: String = lines.collect();
        let is_saved = read_floor(&self.files.floor).is_ok_and(|saved| saved == state.floor);
        if !is_saved || self.keep.text_of(&self.files.floor).is_some() {
            self.keep.numbers(&self.files.floor, &text);
        }
    }
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
