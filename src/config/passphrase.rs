//! Where passphrases of private keys are.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The systemd credential with the passphrase of the embedded CA's private key.
const CREDENTIAL: &str = "repod-ca-passphrase";

/// How the embedded CA's private key is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CaOptions {
    /// A file with the passphrase of the private key; empty for none.
    pub passphrase_file: PathBuf,
}

impl CaOptions {
    pub(super) fn below(&mut self, base: &Path) {
        if !self.passphrase_file.as_os_str().is_empty() {
            self.passphrase_file = base.join(&self.passphrase_file);
        }
    }

    /// The file of the passphrase, if there is one: a systemd credential comes first.
    pub fn passphrase_path(&self) -> Option<PathBuf> {
        path(CREDENTIAL, &self.passphrase_file)
    }
}

/// The systemd credential of this name, else the configured file.
pub(super) fn path(credential: &str, named: &Path) -> Option<PathBuf> {
    let handed = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let handed = handed.map(|directory| directory.join(credential)).filter(|path| path.exists());
    let named = Some(named.to_path_buf()).filter(|path| !path.as_os_str().is_empty());
    handed.or(named)
}
