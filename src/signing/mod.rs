//! KEYS: signs the Release text of a suite, and proves every signature with another OpenPGP
//! implementation before anyone may see it.
//!
//! One library (rPGP) holds the private keys and signs. The other (Sequoia) never sees a private
//! key: it reads the public certificates and the finished files, under a policy at least as strict
//! as that of apt's own verifiers. Between the two is the floor of Dates: the last Date signed for
//! each suite. It is kept on disk apart from the catalogue, and no later signature may be at or
//! below it.
//!
//! May name: domain, digest, time, debian, reading, reserve, cause, writable
#![expect(
    clippy::disallowed_methods,
    reason = "private keys and the floor of Dates are files, and a command may sign"
)]

pub mod check;
mod date;
mod external;
pub mod floor;
mod kept;
pub mod key;
mod keyring;
mod keyring_key;
pub mod sign;
mod signed_release;
mod signers;
mod statement;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use check::{CheckError, PublicKeys, read_public_keys, verify_detached, verify_in_release};
pub use date::{NextDate, ReleaseDate};
pub use external::ExternalSigner;
pub use floor::{DateFloor, FloorError};
pub use key::{KeyKind, SecretKey, generate};
pub use keyring::{KeyAccess, Keyring, NewKey};
pub use keyring_key::KeyringKey;
pub use sign::Signer;
pub use signed_release::SignedRelease;
pub use signers::SigningKey;

use crate::debian::SuiteName;
use crate::time::Moment;

/// Why a key could not be made or read, or why a Release text was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The user ID of a new key is unusable (operator's fault).
    #[error("the user ID {0:?} is not usable: give 1 to 200 characters, none of them a control")]
    UserId(String),
    /// OpenPGP cannot express this time (operator's fault, usually a wrong clock).
    #[error("{0} is outside the years 1970 to 2105 that OpenPGP can express: set the clock right")]
    OutOfRange(Moment),
    /// The OpenPGP library failed (our fault).
    #[error("the OpenPGP library could not {what}: {reason}")]
    OpenPgp {
        /// What was being done.
        what: &'static str,
        /// The library's error.
        reason: String,
    },
    /// A new key would have replaced a file (operator's fault).
    #[error("{path:?} exists already, and a key is never overwritten: choose another path")]
    KeyExists {
        /// The file in the way.
        path: PathBuf,
    },
    /// The key file could not be read or written (the machine's or operator's fault).
    #[error("cannot {what} key file {path:?}: {source}")]
    KeyFile {
        /// What was being done.
        what: &'static str,
        /// The key file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// Others than the owner may use the key file (operator's fault).
    #[error(
        "key file {path:?} has mode {mode:03o}, open to others: run `chmod 600 {}`",
        .path.display()
    )]
    KeyExposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file does not hold a key that can be used here (operator's fault).
    #[error("{path:?} holds no usable signing key: {reason}")]
    KeyUnusable {
        /// The key file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No key, or the same key twice (operator's fault).
    #[error("a signer needs at least one key, and each key once: check the configured key files")]
    KeySet,
    /// The keyring cannot be used (operator's fault).
    #[error("the keyring, {path:?}: {problem}")]
    Keyring {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The keyring was replaced, and that may not be on the disk (the machine's fault).
    #[error("the keyring, {path:?}, may be the old or the new one after a crash: {source}")]
    Unsynced {
        /// Its file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No key of the keyring has this fingerprint (operator's fault).
    #[error("there is no key {0} in the keyring; `repoctl key list` shows them")]
    NoSuchKey(String),
    /// Without this key a suite would have none (operator's fault).
    #[error("{0} is the only key of at least one suite; add another first: `repoctl key rotate`")]
    LastKey(String),
    /// No key signs this suite (operator's fault).
    #[error("no key signs suite {0}; add one: `repoctl key rotate --suite {0}`")]
    NoKey(SuiteName),
    /// The command that signs did not (operator's fault).
    #[error("signing.command {command}, for key {key}: {reason}")]
    Command {
        /// The program.
        command: String,
        /// The key that it was to sign with.
        key: String,
        /// What it did instead of signing.
        reason: String,
    },
    /// The command that signs has another clock (operator's fault).
    #[error(
        "signing.command dates its signature {latest}, long after the Date {at}; hosts would refuse it: \
         set the clock right where it signs"
    )]
    CommandAhead {
        /// The date that it put into its signature.
        latest: Moment,
        /// The Date.
        at: Moment,
    },
    /// The clock is too far behind the last Date of the suite (the machine's fault).
    #[error(
        "suite {suite} was already signed for {floor}, but the clock shows {now}, and hosts ignore \
         an older Date: set the machine's clock right; if it is right, an admin starts the Dates of the \
         suite anew: `repoctl suite redate {suite}`"
    )]
    ClockBehind {
        /// The suite to be signed.
        suite: SuiteName,
        /// The last Date signed for it.
        floor: Moment,
        /// What the clock shows.
        now: Moment,
    },
    /// A Release of an earlier state may not have that Date (our fault, or a floor that was lost).
    #[error(
        "the Date {date} of suite {suite} is not of its past, which ends {}; only a publication \
         may go beyond: see that the floor is the suite's own", .floor.map_or_else(
            || "before its first signature".to_owned(), |floor| format!("at {floor}"))
    )]
    NotPast {
        /// The suite to be signed.
        suite: SuiteName,
        /// The refused Date.
        date: Moment,
        /// The last Date signed for it.
        floor: Option<Moment>,
    },
    /// The key did not exist yet at the Date (operator's fault: key or clock).
    #[error(
        "key {fingerprint} was made at {created}, after the Date {date}, so no verifier would \
         accept it: set the machine's clock right, or use an older key"
    )]
    KeyYounger {
        /// The key.
        fingerprint: String,
        /// When it was made.
        created: Moment,
        /// The Date to be signed.
        date: Moment,
    },
    /// The Release text cannot be signed without ambiguity (our fault).
    #[error("the Release text cannot be signed: {0}")]
    Text(String),
    /// The floor of Dates could not be read or raised, or forbids the Date.
    #[error(transparent)]
    Floor(#[from] FloorError),
    /// The independent check refused what was signed; nothing may be published (our fault).
    #[error("the independent check refused the signature, nothing was published: {0}")]
    Check(#[from] CheckError),
}

/// Runs a step of the OpenPGP library; an error says which step it was.
fn openpgp<T>(what: &'static str, result: pgp::errors::Result<T>) -> Result<T, SigningError> {
    result.map_err(|e| SigningError::OpenPgp { what, reason: e.to_string() })
}
