//! Signing a Release text: a Date above the floor, two signatures, and the proof of both.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use super::check::{describe_certificate, read_signing_certificate};
use super::key::timestamp;
use super::keyring::{Keyring, NewKey};
use super::keyring_key::KeyringKey;
use super::signed_release::SignedRelease;
use super::signers::{PrivateKey, Signers, SigningKey, named_signers};
use super::statement;
use super::{DateFloor, NextDate, ReleaseDate, SecretKey, SigningError};
use crate::debian::SuiteName;
use crate::time::{Moment, Reading};

/// How far the clock may be behind the floor before signing gives up waiting. Unit: seconds.
const WAIT_SECONDS: i64 = 5;

/// The keys that sign, and the floor of Dates below which they never do.
#[derive(Debug)]
pub struct Signer {
    keys: ArcSwap<Vec<Arc<SigningKey>>>,
    /// Where the keys are kept; one change at a time.
    keyring: Option<Mutex<Keyring>>,
    floor: DateFloor,
}

impl Signer {
    /// A signer with one key, or with several: all sign every suite.
    ///
    /// # Errors
    /// [`SigningError::KeySet`] when there is no key or one comes twice (operator's fault), or
    /// [`SigningError::Check`] when a certificate is not usable.
    pub fn new(keys: Vec<SecretKey>, floor: DateFloor) -> Result<Self, SigningError> {
        let everywhere = |key: SecretKey| {
            let public = key.public_armored()?;
            let certificate = read_signing_certificate(&public)?;
            let facts = describe_certificate(&certificate);
            let entry = KeyringKey {
                fingerprint: facts.fingerprint,
                public,
                file: None,
                suites: None,
                created: facts.created,
                added: None,
                algorithm: facts.algorithm,
            };
            Ok(SigningKey { entry, private: PrivateKey::Own(key), certificate })
        };
        let keys = keys.into_iter().map(everywhere).collect::<Result<Vec<_>, SigningError>>()?;
        Self::with(keys, None, floor)
    }

    /// A signer with the keys of a keyring, which may change while it signs.
    ///
    /// # Errors
    /// As for [`Keyring::open`] and [`Signer::new`].
    pub fn of_keyring(keyring: Keyring, floor: DateFloor) -> Result<Self, SigningError> {
        let keys = keyring.open()?;
        keyring.mend()?;
        Self::with(keys, Some(Mutex::new(keyring)), floor)
    }

    fn with(
        keys: Vec<SigningKey>,
        keyring: Option<Mutex<Keyring>>,
        floor: DateFloor,
    ) -> Result<Self, SigningError> {
        let names: BTreeSet<_> = keys.iter().map(|key| &key.entry.fingerprint).collect();
        if keys.is_empty() || names.len() != keys.len() {
            return Err(SigningError::KeySet);
        }
        let keys = keys.into_iter().map(Arc::new).collect();
        Ok(Self { keys: ArcSwap::from_pointee(keys), keyring, floor })
    }

    /// Adds a key, on disk and for every signature from now on.
    ///
    /// # Errors
    /// As for [`Keyring::add`]; nothing was added then.
    pub fn add(
        &self,
        new: NewKey,
        suites: Option<BTreeSet<SuiteName>>,
        now: Moment,
    ) -> Result<KeyringKey, SigningError> {
        let keyring = self.keyring()?;
        let keyring = keyring.lock().unwrap_or_else(PoisonError::into_inner);
        let added =
            keyring.add(new, suites, now).inspect_err(|problem| self.follow(&keyring, problem));
        let key = Arc::new(added?);
        let entry = key.entry.clone();
        let mut keys = (**self.keys.load()).clone();
        keys.push(key);
        self.keys.store(Arc::new(keys));
        Ok(entry)
    }

    /// Removes a key, on disk and for every signature from now on.
    ///
    /// # Errors
    /// As for [`Keyring::retire`]; nothing was changed then.
    pub fn retire(&self, fingerprint: &str) -> Result<(), SigningError> {
        let keyring = self.keyring()?;
        let keyring = keyring.lock().unwrap_or_else(PoisonError::into_inner);
        keyring.retire(fingerprint).inspect_err(|problem| self.follow(&keyring, problem))?;
        let left = self
            .keys
            .load()
            .iter()
            .filter(|key| key.entry.fingerprint != fingerprint)
            .cloned()
            .collect();
        self.keys.store(Arc::new(left));
        Ok(())
    }

    /// Takes the keys that the keyring has now, where a change of it may have been made or not. What is
    /// shown and what signs is then what the disk says.
    fn follow(&self, keyring: &Keyring, problem: &SigningError) {
        if !matches!(problem, SigningError::Unsynced { .. }) {
            return;
        }
        // If it cannot be read, the keys of before go on until the next start.
        if let Ok(keys) = keyring.open() {
            self.keys.store(Arc::new(keys.into_iter().map(Arc::new).collect()));
        }
    }

    fn keyring(&self) -> Result<&Mutex<Keyring>, SigningError> {
        self.keyring.as_ref().ok_or(SigningError::KeySet)
    }

    /// Every key as it is on disk: the next start uses these.
    ///
    /// # Errors
    /// As for [`Keyring::list`].
    pub fn kept_keys(&self) -> Result<Vec<KeyringKey>, SigningError> {
        let Some(keyring) = &self.keyring else { return Ok(self.keys()) };
        keyring.lock().unwrap_or_else(PoisonError::into_inner).list()
    }

    /// Every key, in the order in which they sign.
    pub fn keys(&self) -> Vec<KeyringKey> {
        self.keys.load().iter().map(|key| key.entry.clone()).collect()
    }

    fn all(&self) -> Signers {
        Signers((**self.keys.load()).clone())
    }

    fn signers(&self, suite: &SuiteName) -> Result<Signers, SigningError> {
        let signers = Signers::of(&self.keys.load(), suite);
        match signers.0.is_empty() {
            true => Err(SigningError::NoKey(suite.clone())),
            false => Ok(signers),
        }
    }

    /// The public certificates of all keys, armored, one after the other.
    ///
    /// # Errors
    /// None at present.
    pub fn public_armored(&self) -> Result<String, SigningError> {
        Ok(self.all().public_armored())
    }

    /// The public certificates of the keys that sign a suite.
    pub fn public_for(&self, suite: &SuiteName) -> String {
        Signers::of(&self.keys.load(), suite).public_armored()
    }

    /// The public certificates of the signer's own keys as one binary keyring.
    ///
    /// # Errors
    /// [`SigningError::OpenPgp`] when the library fails (our fault).
    pub fn public_binary(&self) -> Result<Vec<u8>, SigningError> {
        self.keys.load().iter().try_fold(Vec::new(), |mut all, key| {
            if let PrivateKey::Own(key) = &key.private {
                all.extend(key.public_binary()?);
            }
            Ok(all)
        })
    }

    /// The fingerprints of all keys, in the order in which they sign.
    pub fn fingerprints(&self) -> Vec<String> {
        self.all().fingerprints()
    }

    /// The fingerprints of the keys that sign a suite, in that order.
    pub fn fingerprints_for(&self, suite: &SuiteName) -> Vec<String> {
        Signers::of(&self.keys.load(), suite).fingerprints()
    }

    /// Whether the signers that an InRelease file names are exactly the keys that sign the suite
    /// today.
    pub fn is_signed_by_all(&self, suite: &SuiteName, in_release: &str) -> bool {
        let mut keys = self.fingerprints_for(suite);
        keys.sort();
        named_signers(in_release) == Some(keys)
    }

    /// The Date for the next Release text of the suite: `now`, once it is above the floor.
    ///
    /// # Errors
    /// [`SigningError::ClockBehind`] when the clock is more than 5 s behind the floor,
    /// [`SigningError::OutOfRange`] when it shows no usable year, and [`SigningError::Floor`] when
    /// the floor cannot be read (all the machine's fault).
    pub fn next_date(&self, suite: &SuiteName, now: Moment) -> Result<NextDate, SigningError> {
        timestamp(now)?;
        let ready = ReleaseDate::new(suite, now);
        let Some(floor) = self.floor.read(suite)?.filter(|floor| *floor >= now) else {
            return Ok(NextDate::Ready(ready));
        };
        let behind = floor.since(now);
        match u32::try_from(behind.saturating_add(1)) {
            Ok(seconds) if behind <= WAIT_SECONDS => Ok(NextDate::Wait { seconds }),
            _ => Err(SigningError::ClockBehind { suite: suite.clone(), floor, now }),
        }
    }

    /// A Date for signing the live state again: above the floor, and older than the present second.
    /// A change that comes now can then still use that second. `None` when there is none yet.
    ///
    /// # Errors
    /// As for [`Signer::next_date`], but a clock behind the floor only means that there is none.
    pub fn spare_date(
        &self,
        suite: &SuiteName,
        now: Moment,
    ) -> Result<Option<ReleaseDate>, SigningError> {
        let moment = now.plus(-1);
        timestamp(moment)?;
        let made = self.signers(suite)?.newest().is_none_or(|(_, created)| created <= moment);
        let free = made && self.floor.read(suite)?.is_none_or(|floor| floor < moment);
        Ok(free.then(|| ReleaseDate::new(suite, moment)))
    }

    /// Starts the Dates of a suite anew at `now`: the only way by which its floor goes down. The next
    /// signature uses this Date, or a later one.
    ///
    /// # Errors
    /// [`SigningError::OutOfRange`], [`SigningError::Floor`].
    pub fn restart_dates(
        &self,
        suite: &SuiteName,
        now: Moment,
    ) -> Result<ReleaseDate, SigningError> {
        timestamp(now)?;
        self.floor.lower(suite, now.plus(-1))?;
        Ok(ReleaseDate::new(suite, now))
    }

    /// Keeps what the clock showed while it was right, for the next start.
    ///
    /// # Errors
    /// [`SigningError::Floor`] when the disk fails.
    pub fn keep_reading(&self, reading: &Reading) -> Result<(), SigningError> {
        Ok(self.floor.keep_reading(reading)?)
    }

    /// What was kept last.
    pub fn last_reading(&self) -> Option<Reading> {
        self.floor.last_reading()
    }

    /// The last Date that was signed for the suite; `None` when there is none.
    ///
    /// # Errors
    /// [`SigningError::Floor`] when the floor cannot be read (the machine's fault).
    pub fn last_date(&self, suite: &SuiteName) -> Result<Option<Moment>, SigningError> {
        Ok(self.floor.read(suite)?)
    }

    /// The floor of Dates, and what is kept beside it.
    pub fn floor(&self) -> &DateFloor {
        &self.floor
    }

    /// Signs the text with every key and gives it back once another implementation verified it.
    ///
    /// The floor is raised, durably, before the first signature is made. The signatures bear the
    /// Date as their own time, and are verified at that time.
    ///
    /// # Errors
    /// [`SigningError::Text`] when the text is ambiguous or does not bear the Date,
    /// [`SigningError::KeyYounger`] when a key is newer than the Date, [`SigningError::Floor`] when
    /// the Date is used up or the disk fails, [`SigningError::OpenPgp`] and
    /// [`SigningError::Check`] when what was made does not verify.
    pub fn sign(
        &self,
        date: ReleaseDate,
        release_text: &str,
    ) -> Result<SignedRelease, SigningError> {
        let mut signed = self.sign_all(date, &[release_text])?;
        signed.pop().ok_or_else(|| SigningError::Text("there is none".into()))
    }

    /// Signs several texts with one Date: what a suite serves everybody, and what it serves its rings.
    ///
    /// # Errors
    /// As for [`Signer::sign`].
    pub fn sign_all(
        &self,
        date: ReleaseDate,
        texts: &[impl AsRef<str>],
    ) -> Result<Vec<SignedRelease>, SigningError> {
        for text in texts {
            check_text(text.as_ref(), date.moment).map_err(SigningError::Text)?;
        }
        timestamp(date.moment)?;
        let signers = self.signers(&date.suite)?;
        if let Some((fingerprint, created)) = signers.newest().filter(|(_, at)| *at > date.moment) {
            return Err(SigningError::KeyYounger { fingerprint, created, date: date.moment });
        }
        self.floor.raise(&date.suite, date.moment, date.generation)?;
        let sign = |text: &_| Ok(signers.sign_proven(AsRef::as_ref(text), date.moment, true)?.0);
        texts.iter().map(sign).collect()
    }

    /// Signs the text of an earlier state with every key and gives it back, with the time that the
    /// signatures bear, once another implementation verified it.
    ///
    /// The floor is neither raised nor passed: `date` is at it or below. The signatures bear the
    /// Date as their own time. Where a key is newer, they bear the time at which the newest key was
    /// made, because verifiers accept nothing older.
    ///
    /// # Errors
    /// [`SigningError::NotPast`] when the Date is above the floor or there is none; and as for
    /// [`Signer::sign`].
    pub fn sign_past(
        &self,
        suite: &SuiteName,
        date: Moment,
        release_text: &str,
    ) -> Result<(SignedRelease, Moment), SigningError> {
        check_text(release_text, date).map_err(SigningError::Text)?;
        let floor = self.floor.read(suite)?;
        if floor.is_none_or(|floor| date > floor) {
            return Err(SigningError::NotPast { suite: suite.clone(), date, floor });
        }
        let signers = self.signers(suite)?;
        let at = signers.newest().map_or(date, |(_, created)| created.max(date));
        signers.sign_proven(release_text, at, false)
    }

    /// Signs a statement that is no Release text, in clear and with every key, and returns it once
    /// another implementation verified it. Dates and their floor are not involved.
    ///
    /// # Errors
    /// [`SigningError::Text`] when the statement could be taken for a Release text or is ambiguous,
    /// and as for [`Signer::sign`].
    pub fn sign_statement(&self, text: &str, at: Moment) -> Result<String, SigningError> {
        statement::check(text).map_err(|problem| SigningError::Text(problem.into()))?;
        self.all().sign_statement(text, at)
    }
}

/// Checks that the text reads the same to every verifier, and that it bears exactly this Date.
///
/// Clear-signing drops blanks at the ends of lines and ignores the kind of line end; apt reads
/// field names in any case and stops at a blank line. So none of these may occur.
fn check_text(text: &str, date: Moment) -> Result<(), String> {
    if !text.ends_with('\n') {
        return Err("its last line does not end".into());
    }
    if text.contains(|c: char| c.is_control() && c != '\n' && c != '\t') {
        return Err("it holds a control character, such as a carriage return".into());
    }
    let wanted = format!("Date: {}", date.release_date());
    let mut dates = 0_usize;
    for line in text.split_terminator('\n') {
        if line.is_empty() {
            return Err("it holds an empty line".into());
        }
        if line.ends_with(char::is_whitespace) {
            return Err(format!("there are blanks at the end of the line {:?}", line.trim_end()));
        }
        let name = line.split(':').next().unwrap_or_default();
        if name.trim_end().eq_ignore_ascii_case("date") {
            dates = dates.saturating_add(1);
            if line != wanted {
                return Err(format!("it holds {line:?} where {wanted:?} must be"));
            }
        }
    }
    match dates {
        1 => Ok(()),
        0 => Err(format!("the line {wanted:?} is missing")),
        _ => Err("it holds several Dates".into()),
    }
}

#[cfg(test)]
mod tests;
