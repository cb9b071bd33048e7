//! Which CAs of client certificates are trusted, and the server's own certificate, where they are
//! not the embedded CA's.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The longest grace: a week. Unit: seconds.
const LONGEST_GRACE_SECONDS: u32 = 604_800;

/// Which CAs of client certificates are trusted. Without anchors it is the embedded CA.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrustOptions {
    /// Certificates of trust anchors, in files or directories: PEM with any number of blocks, or
    /// DER.
    pub anchors: Vec<PathBuf>,
    /// Certificates of CAs between those and the clients.
    pub intermediates: Vec<PathBuf>,
    /// Revocation lists of all these CAs.
    pub crls: Vec<PathBuf>,
    /// How long a list is still used after its `nextUpdate`. Unit: seconds.
    pub grace_seconds: u32,
}

impl TrustOptions {
    /// Whether clients have their certificates from other CAs than the embedded one.
    pub fn is_external(&self) -> bool {
        !self.anchors.is_empty()
    }

    pub(super) fn below(&mut self, base: &Path) {
        let lists = [&mut self.anchors, &mut self.intermediates, &mut self.crls];
        for path in lists.into_iter().flatten() {
            *path = base.join(&*path);
        }
    }

    pub(super) fn verify(&self) -> Result<(), String> {
        if self.grace_seconds > LONGEST_GRACE_SECONDS {
            return Err(format!(
                "trust.grace_seconds is {}; it is at most {LONGEST_GRACE_SECONDS} (a week)",
                self.grace_seconds
            ));
        }
        let others = !self.intermediates.is_empty() || !self.crls.is_empty();
        match (self.is_external(), self.crls.is_empty()) {
            (false, _) if others => {
                Err("trust.anchors is empty; name the certificate of the CA at the \
                 top, or remove trust.intermediates and trust.crls for the embedded CA"
                    .into())
            }
            (true, true) => {
                Err("trust.crls is empty; name the revocation lists of every CA, in files \
                 or directories: without them nothing is served"
                    .into())
            }
            _ => Ok(()),
        }
    }
}

/// The server's own certificate. Without one the embedded CA issues it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsOptions {
    /// The certificate, then intermediates, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// The CA certificate by which hosts recognise it, PEM.
    pub ca: PathBuf,
}

impl TlsOptions {
    /// Whether the certificate is another CA's.
    pub fn is_external(&self) -> bool {
        !self.certificate.as_os_str().is_empty()
    }

    pub(super) fn below(&mut self, base: &Path) {
        for path in [&mut self.certificate, &mut self.key, &mut self.ca] {
            if !path.as_os_str().is_empty() {
                *path = base.join(&*path);
            }
        }
    }

    pub(super) fn verify(&self) -> Result<(), String> {
        let named = [&self.certificate, &self.key, &self.ca].map(|one| !one.as_os_str().is_empty());
        match named {
            [true, true, true] | [false, false, false] => Ok(()),
            _ => Err(
                "tls.certificate, tls.key and tls.ca belong together; name all three, or none for \
                 a certificate of the embedded CA"
                    .into(),
            ),
        }
    }
}
