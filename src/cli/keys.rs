//! Keys: made where they are used, readable only by their owner, never sent.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use zeroize::Zeroizing;

use super::failure::Failure;

/// A new private key and the request for a certificate over its public half.
pub struct NewKey {
    /// PKCS#8, PEM. Stays on this machine.
    pub key_pem: Zeroizing<String>,
    /// PKCS#10, PEM. Goes to the server.
    pub csr_pem: String,
}

impl NewKey {
    /// A new ECDSA key on P-256, with a request that names its owner.
    ///
    /// # Errors
    /// A [`Failure`] when the name fits no certificate or the machine gives no randomness.
    pub fn make(name: &str) -> Result<Self, Failure> {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(wrong)?;
        Self::request(&key, name)
    }

    /// The key of an earlier run, with the same request.
    ///
    /// # Errors
    /// A [`Failure`] when it is no key.
    pub fn again(key_pem: &str, name: &str) -> Result<Self, Failure> {
        Self::request(&rcgen::KeyPair::from_pem(key_pem).map_err(wrong)?, name)
    }

    fn request(key: &rcgen::KeyPair, name: &str) -> Result<Self, Failure> {
        let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).map_err(wrong)?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let csr_pem = params.serialize_request(key).and_then(|csr| csr.pem()).map_err(wrong)?;
        Ok(Self { key_pem: Zeroizing::new(key.serialize_pem()), csr_pem })
    }
}

fn wrong(error: rcgen::Error) -> Failure {
    Failure::refused(format!("cannot make a key: {error}"))
}

/// Creates a directory that nobody else can read. It must be new or empty, so that no key is ever
/// replaced.
///
/// # Errors
/// A [`Failure`] that says why not.
pub fn make_private_directory(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    let wrong = |why: String| Failure::refused(format!("{}: {why}", path.display()));
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| wrong(format!("cannot be made: {error}")))?;
    let mut entries =
        std::fs::read_dir(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if entries.next().is_some() {
        let failure = wrong("holds something already, perhaps a key that is in use".into());
        return Err(failure.with_hint("name another directory with --out, or move this one away"));
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
        .map_err(|error| wrong(format!("cannot be closed to others: {error}")))
}

/// Writes a new file, with exactly these permissions, and syncs it.
///
/// # Errors
/// A [`Failure`] that names the file.
pub fn write_new(path: &Path, mode: u32, content: &[u8]) -> Result<(), Failure> {
    let write = || -> std::io::Result<()> {
        let mut open = std::fs::OpenOptions::new();
        let mut file = open.write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(|error| {
        Failure::refused(format!("{}: cannot be written: {error}", path.display()))
    })
}
