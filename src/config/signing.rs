//! How the signing keys are opened, and the command that signs with keys elsewhere.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The systemd credential with the passphrase of the private keys.
const CREDENTIAL: &str = "repod-signing-passphrase";

/// How the signing keys are opened.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SigningOptions {
    /// A program that signs with keys elsewhere, and its arguments.
    pub command: Vec<String>,
    /// How long it may take. Unit: seconds.
    pub timeout_seconds: u32,
    /// A file with the passphrase of the private keys; empty for none.
    pub passphrase_file: PathBuf,
}

impl Default for SigningOptions {
    fn default() -> Self {
        Self { command: Vec::new(), timeout_seconds: 30, passphrase_file: PathBuf::new() }
    }
}

impl SigningOptions {
    pub(super) fn below(&mut self, base: &Path) {
        if !self.passphrase_file.as_os_str().is_empty() {
            self.passphrase_file = base.join(&self.passphrase_file);
        }
    }

    pub(super) fn verify(&self) -> Result<(), String> {
        if let Some(program) = self.command.first().filter(|program| !program.starts_with('/')) {
            return Err(format!(
                "signing.command begins with {program:?}; name the program by its absolute path"
            ));
        }
        match (1..=600).contains(&self.timeout_seconds) {
            true => Ok(()),
            false => Err(format!(
                "signing.timeout_seconds is {}; it lies between 1 and 600",
                self.timeout_seconds
            )),
        }
    }

    /// The file of the passphrase, if there is one: a systemd credential comes first.
    pub fn passphrase_path(&self) -> Option<PathBuf> {
        super::passphrase::path(CREDENTIAL, &self.passphrase_file)
    }
}
