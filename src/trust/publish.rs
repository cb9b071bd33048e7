//! The embedded CA's revocation list: its entries, and how a new one replaces the old one.

use std::path::{Path, PathBuf};

use rcgen::{
    CertificateRevocationListParams, KeyIdMethod, RevocationReason, RevokedCertParams, SerialNumber,
};

use super::ca::own_authority;
use super::crl;
use super::dates::written;
use super::files::{self, CRL_LIMIT_BYTES, Readers};
use super::{CertificateAuthority, Serial, TrustError};
use crate::time::Moment;

/// A certificate that is no longer to be trusted.
#[derive(Debug, Clone)]
pub struct Revoked {
    /// Its serial, as [`super::IssuedClient::serial_hex`].
    pub serial_hex: String,
    /// When it was revoked.
    pub at: Moment,
    /// Why.
    pub reason: Reason,
}

/// Why a certificate is revoked (RFC 5280, section 5.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reason {
    /// Not said.
    #[default]
    Unspecified,
    /// Somebody else may have the key.
    KeyCompromise,
    /// Another certificate took its place.
    Superseded,
    /// The host no longer exists.
    CessationOfOperation,
    /// The right to it was withdrawn.
    PrivilegeWithdrawn,
}

impl Reason {
    /// The reason as the list has it; none for "unspecified", as the RFC asks.
    fn written(self) -> Option<RevocationReason> {
        match self {
            Self::Unspecified => None,
            Self::KeyCompromise => Some(RevocationReason::KeyCompromise),
            Self::Superseded => Some(RevocationReason::Superseded),
            Self::CessationOfOperation => Some(RevocationReason::CessationOfOperation),
            Self::PrivilegeWithdrawn => Some(RevocationReason::PrivilegeWithdrawn),
        }
    }
}

/// A list that the embedded CA has signed and nobody has seen yet.
pub struct OwnList {
    /// Where its number is kept.
    pub(super) number_path: PathBuf,
    /// Its number as it is kept.
    pub(super) number_text: String,
    /// Where the list is kept.
    pub(super) path: PathBuf,
    /// The list.
    pub(super) pem: String,
}

impl CertificateAuthority {
    /// Publishes a full revocation list in `crl.pem`, with a number above every earlier one.
    /// `revoked` must name every certificate that is revoked and not yet expired, each time.
    ///
    /// # Errors
    /// [`TrustError::Parameter`] for a bad serial, time or life; [`TrustError::Io`], after which
    /// the old list is still there.
    pub fn publish_crl(
        &self,
        revoked: &[Revoked],
        now: Moment,
        valid_seconds: i64,
    ) -> Result<(), TrustError> {
        let _only_writer = files::lock_directory(&self.directory)?;
        let list = self.sign_crl(revoked, now, valid_seconds, 0)?;
        // The number is written first: after a crash in between it is skipped, and never used
        // twice.
        files::replace(&list.number_path, list.number_text.as_bytes(), Readers::All)?;
        files::replace(&list.path, list.pem.as_bytes(), Readers::All)
    }

    /// Signs a full revocation list with a number above every earlier one, and above `above`, for
    /// [`super::Trust::take_own`].
    ///
    /// # Errors
    /// [`TrustError::Parameter`] for a bad serial, time or life; [`TrustError::Io`].
    pub fn sign_crl(
        &self,
        revoked: &[Revoked],
        now: Moment,
        valid_seconds: i64,
        above: u64,
    ) -> Result<OwnList, TrustError> {
        if valid_seconds < 1 {
            return Err(TrustError::Parameter("a revocation list must last a second".into()));
        }
        let path = self.directory.join("crl.pem");
        let number = self.next_number(&path, now)?.max(above.saturating_add(1));
        let list = CertificateRevocationListParams {
            this_update: written(now)?.to_datetime(),
            next_update: written(now.plus(valid_seconds))?.to_datetime(),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: entries(revoked)?,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let pem = list.signed_by(&self.issuer)?.pem()?;
        // Read back before anyone can see it: a list that our own reader refuses would close the
        // server.
        let own = own_authority(&self.directory.join("ca.crt"), self.certificate_pem.as_bytes())?;
        crl::read_own(pem.as_bytes(), own, now)?;
        let number_path = self.directory.join("crl.number");
        Ok(OwnList { number_path, number_text: format!("{number}\n"), path, pem })
    }

    /// What the published list revokes; nothing when there is none, or when it is damaged. Unlike the
    /// catalogue, it does not go back when a backup is restored.
    ///
    /// # Errors
    /// [`TrustError`] when it is there and was not read: what it alone revokes would be taken back by
    /// a list that is made without it.
    pub fn standing(&self) -> Result<Vec<Revoked>, TrustError> {
        let bytes = match files::read(&self.directory.join("crl.pem"), CRL_LIMIT_BYTES) {
            Ok(bytes) => bytes,
            Err(TrustError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Vec::new());
            }
            Err(unread) => return Err(unread),
        };
        let own = own_authority(&self.directory.join("ca.crt"), self.certificate_pem.as_bytes());
        let list = own.ok().and_then(|own| crl::read_published(&bytes, own).ok());
        let entry = |(serial, at): (&Serial, Moment)| Revoked {
            serial_hex: serial.to_string(),
            at,
            reason: Reason::default(),
        };
        Ok(list.map(|list| list.revoked().map(entry).collect()).unwrap_or_default())
    }

    /// Above the number kept beside the list, above that of the list itself, and not below the
    /// clock: so it rises even when both were lost.
    fn next_number(&self, list: &Path, now: Moment) -> Result<u64, TrustError> {
        let path = self.directory.join("crl.number");
        let kept = match files::read(&path, 64) {
            Err(TrustError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                0
            }
            other => String::from_utf8_lossy(&other?).trim_end().parse::<u64>().map_err(|_| {
                TrustError::file(&path, "damaged; remove it, numbers then go on from crl.pem")
            })?,
        };
        let published = files::read(list, CRL_LIMIT_BYTES).ok();
        let published = published.and_then(|bytes| crl::find_number(&bytes)?.to_u64());
        let clock = u64::try_from(now.0).unwrap_or(0);
        kept.max(published.unwrap_or(0))
            .checked_add(1)
            .map(|next| next.max(clock))
            .ok_or_else(|| TrustError::file(&path, "CRL numbers are used up; make a new CA"))
    }
}

/// The entries of a list; for a serial that comes several times, the earliest.
fn entries(revoked: &[Revoked]) -> Result<Vec<RevokedCertParams>, TrustError> {
    let mut earliest = std::collections::BTreeMap::<Serial, &Revoked>::new();
    for entry in revoked {
        let serial = Serial::parse(&entry.serial_hex).filter(|s| !s.as_bytes().is_empty());
        let serial = serial.ok_or_else(|| {
            let given: String = entry.serial_hex.chars().take(48).collect();
            TrustError::Parameter(format!("{given:?} is no certificate serial in hexadecimal"))
        })?;
        let kept = earliest.entry(serial).or_insert(entry);
        if entry.at < kept.at {
            *kept = entry;
        }
    }
    let written = |(serial, entry): (Serial, &Revoked)| {
        Ok(RevokedCertParams {
            serial_number: SerialNumber::from_slice(serial.as_bytes()),
            revocation_time: written(entry.at)?.to_datetime(),
            reason_code: entry.reason.written(),
            invalidity_date: None,
        })
    };
    earliest.into_iter().map(written).collect()
}
