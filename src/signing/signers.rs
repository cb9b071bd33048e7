//! Signers: the keys that sign one text together, and the proof that every one of them has signed.

use std::sync::Arc;

use pgp::armor::{self, BlockType};
use pgp::composed::{ArmorOptions, CleartextSignedMessage, DetachedSignature};
use pgp::packet::{Signature, SignatureType};
use pgp::types::Timestamp;
use sequoia_openpgp::Cert;

use super::check::{Certificates, CheckError};
use super::external::Form;
use super::key::timestamp;
use super::keyring_key::KeyringKey;
use super::{ExternalSigner, SecretKey, SignedRelease, SigningError, openpgp};
use crate::debian::SuiteName;
use crate::time::Moment;

/// How much later than the Date a command may date its signature. Unit: seconds.
const AHEAD_SECONDS: i64 = 60;

/// A key that can sign: its own entry in the keyring, and its private part.
#[derive(Debug)]
pub struct SigningKey {
    pub(super) entry: KeyringKey,
    pub(super) private: PrivateKey,
    pub(super) certificate: Cert,
}

/// Where the private part is.
#[derive(Debug)]
pub(super) enum PrivateKey {
    /// In this process.
    Own(SecretKey),
    /// With a command.
    Command(ExternalSigner),
}

impl SigningKey {
    /// 40 upper-case hexadecimal digits.
    pub fn fingerprint(&self) -> &str {
        &self.entry.fingerprint
    }

    /// When the key was made; it cannot sign an older Date.
    fn created(&self) -> Moment {
        match &self.private {
            PrivateKey::Own(key) => key.created(),
            PrivateKey::Command(_) => self.entry.created,
        }
    }
}

/// The keys that sign one text, in order.
#[derive(Clone, Debug)]
pub(super) struct Signers(pub(super) Vec<Arc<SigningKey>>);

impl Signers {
    /// Those of `keys` that sign for a suite.
    pub(super) fn of(keys: &[Arc<SigningKey>], suite: &SuiteName) -> Self {
        Self(keys.iter().filter(|key| key.entry.signs(suite)).cloned().collect())
    }

    pub(super) fn fingerprints(&self) -> Vec<String> {
        self.0.iter().map(|key| key.entry.fingerprint.clone()).collect()
    }

    pub(super) fn public_armored(&self) -> String {
        self.0.iter().map(|key| key.entry.public.as_str()).collect()
    }

    /// When the newest of them was made.
    pub(super) fn newest(&self) -> Option<(String, Moment)> {
        let made = self.0.iter().map(|key| (key.entry.fingerprint.clone(), key.created()));
        made.max_by_key(|(_, created)| *created)
    }

    /// Makes both signatures at a time, and verifies them. Also returns the time of the newest
    /// signature, because a command dates its own.
    ///
    /// With `timely`, signatures that a command dates much later than asked are refused.
    pub(super) fn sign_proven(
        &self,
        text: &str,
        at: Moment,
        timely: bool,
    ) -> Result<(SignedRelease, Moment), SigningError> {
        let created = timestamp(at)?;
        let clear = self.by_commands(text, Form::Clear)?;
        let detached = self.by_commands(text, Form::Detached)?;
        let dated = clear.iter().chain(&detached).flatten().filter_map(Signature::created);
        let latest = dated.map(|stamp| Moment(i64::from(stamp.as_secs()))).fold(at, Moment::max);
        if timely && latest.since(at) > AHEAD_SECONDS {
            return Err(SigningError::CommandAhead { latest, at });
        }
        let in_release = self.sign_in_clear(text, created, &clear);
        let release_gpg = self.sign_detached(text, created, &detached);
        let signed = SignedRelease {
            release: text.to_owned(),
            in_release: openpgp("sign InRelease", in_release)?,
            release_gpg: openpgp("sign Release.gpg", release_gpg)?,
        };
        self.prove(&signed, latest)?;
        Ok((signed, latest))
    }

    /// The signatures that commands make; `None` where this process signs itself.
    fn by_commands(&self, text: &str, form: Form) -> Result<Vec<Option<Signature>>, SigningError> {
        let sign = |key: &Arc<SigningKey>| match &key.private {
            PrivateKey::Own(_) => Ok(None),
            PrivateKey::Command(command) => {
                command.sign(&key.entry.fingerprint, form, text).map(Some)
            }
        };
        self.0.iter().map(sign).collect()
    }

    pub(super) fn sign_in_clear(
        &self,
        text: &str,
        created: Timestamp,
        by_commands: &[Option<Signature>],
    ) -> pgp::errors::Result<String> {
        // The framing brings the last newline; with our own, a blank line would be added.
        let text = text.strip_suffix('\n').unwrap_or(text);
        let message = CleartextSignedMessage::new_many(text, |normal| {
            self.signatures(SignatureType::Text, created, normal.as_bytes(), by_commands)
        })?;
        message.to_armored_string(ArmorOptions::default())
    }

    pub(super) fn sign_detached(
        &self,
        text: &str,
        created: Timestamp,
        by_commands: &[Option<Signature>],
    ) -> pgp::errors::Result<String> {
        let signatures =
            self.signatures(SignatureType::Binary, created, text.as_bytes(), by_commands)?;
        let signatures: Vec<_> = signatures.into_iter().map(DetachedSignature::new).collect();
        let mut armored = Vec::new();
        armor::write(&signatures, BlockType::Signature, &mut armored, None, true)?;
        Ok(String::from_utf8_lossy(&armored).into_owned())
    }

    fn signatures(
        &self,
        kind: SignatureType,
        created: Timestamp,
        data: &[u8],
        by_commands: &[Option<Signature>],
    ) -> pgp::errors::Result<Vec<Signature>> {
        let made = by_commands.iter().map(Option::as_ref).chain(std::iter::repeat(None));
        let sign = |(key, made): (&Arc<SigningKey>, Option<&Signature>)| match (&key.private, made)
        {
            (PrivateKey::Own(key), _) => Ok(Some(key.signature(kind, created, data)?)),
            (PrivateKey::Command(_), made) => Ok(made.cloned()),
        };
        let all: pgp::errors::Result<Vec<_>> = self.0.iter().zip(made).map(sign).collect();
        Ok(all?.into_iter().flatten().collect())
    }

    /// Signs a statement in clear, and gives it back once it is proven.
    pub(super) fn sign_statement(&self, text: &str, at: Moment) -> Result<String, SigningError> {
        let at = self.newest().map_or(at, |(_, created)| created.max(at));
        let made = self.by_commands(text, Form::Clear)?;
        let dated = made.iter().flatten().filter_map(Signature::created);
        let latest = dated.map(|stamp| Moment(i64::from(stamp.as_secs()))).fold(at, Moment::max);
        let signed = self.sign_in_clear(text, timestamp(at)?, &made);
        let signed = openpgp("sign a statement", signed)?;
        let proof = self.certificates().prove_in_release(&signed, latest)?;
        if proof.content != text {
            return Err(CheckError::Content("the statement").into());
        }
        if proof.signers != self.fingerprints() {
            return Err(CheckError::Signature("not every key has signed".into()).into());
        }
        Ok(signed)
    }

    fn certificates(&self) -> Certificates {
        Certificates::new(self.0.iter().map(|key| key.certificate.clone()).collect())
    }

    /// Checks that both files are signed by every key, and that the signed text is the text itself.
    pub(super) fn prove(&self, signed: &SignedRelease, at: Moment) -> Result<(), CheckError> {
        let certificates = self.certificates();
        let clear = certificates.prove_in_release(&signed.in_release, at)?;
        if clear.content != signed.release {
            return Err(CheckError::Content("the Release text"));
        }
        let detached = certificates.prove_detached(&signed.release, &signed.release_gpg, at)?;
        let keys = self.fingerprints();
        if clear.signers != keys || detached != keys {
            return Err(CheckError::Signature("not every key has signed".into()));
        }
        Ok(())
    }
}

/// Which keys an InRelease file names as its signers, sorted. Nothing is verified: this only shows
/// whether the keys of today signed it.
pub(super) fn named_signers(in_release: &str) -> Option<Vec<String>> {
    let (message, _) = CleartextSignedMessage::from_string(in_release).ok()?;
    let mut named = Vec::new();
    for signature in message.signatures() {
        named.push(format!("{:X}", signature.issuer_fingerprint().first()?));
    }
    named.sort();
    Some(named)
}
