//! Keys: the keyring of a data directory, opened by the server, and changed by its owner while the
//! server is stopped.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{DataDirectory, ServerError, part, passphrase};
use crate::catalogue::{KeyringChange, SqliteCatalogue};
use crate::config::Config;
use crate::debian::SuiteName;
use crate::domain::Actor;
use crate::flow::upkeep::keyring as audit_lines;
use crate::signing::{ExternalSigner, KeyAccess, KeyKind, Keyring, KeyringKey, NewKey};
use crate::time::Moment;

/// The keyring of a data directory, by its configuration.
pub(super) fn keyring(config: &Config, data: &DataDirectory) -> Result<Keyring, ServerError> {
    let signing = &config.signing;
    let command = (!signing.command.is_empty()).then(|| ExternalSigner {
        command: signing.command.clone(),
        timeout: Duration::from_secs(signing.timeout_seconds.into()),
    });
    let passphrase = signing.passphrase_path().map(|path| passphrase::read(&path)).transpose()?;
    Ok(Keyring::at(data.keys(), KeyAccess { passphrase, command }))
}

/// A change of the keyring of a stopped server.
#[derive(Clone, Debug)]
pub enum KeyChange {
    /// Show it.
    List,
    /// Make a key.
    Make(KeyKind),
    /// Take over a private key from a file.
    Import(PathBuf),
    /// Retire a key, without a check that hosts have another.
    Retire(String),
}

/// Changes the keyring of a data directory that no server uses; returns all keys in it afterwards.
/// At its next start the server signs again and publishes the client packages.
///
/// # Errors
/// [`ServerError`], also while a server uses the directory; then nothing was changed.
pub fn change(
    config: &Path,
    change: KeyChange,
    suites: Vec<SuiteName>,
    now: Moment,
) -> Result<Vec<KeyringKey>, ServerError> {
    let config = Config::load(config).map_err(part("configuration"))?;
    let data = DataDirectory::open(&config.data)?;
    let keyring = keyring(&config, &data)?;
    let suites = (!suites.is_empty()).then(|| suites.into_iter().collect::<BTreeSet<_>>());
    let host = config.host().map_err(part("repod.toml"))?;
    let catalogue = SqliteCatalogue::open(&data.catalogue()).map_err(part("catalogue"))?;
    let keys = || keyring.list().map_err(part("signing key"));
    if matches!(change, KeyChange::List) {
        return keys();
    }
    // Logged before anything is changed, so that every change has its line.
    let remark = "on the server itself".to_owned();
    let by = KeyringChange { actor: Actor::server(), message: String::new(), remark };
    audit_lines::begin(&catalogue, &keys()?, by, now).map_err(part("audit log"))?;
    let altered = match change {
        KeyChange::List => Ok(()),
        KeyChange::Make(kind) => {
            let new = NewKey::Make(kind, format!("{host} archive signing key"));
            keyring.add(new, suites, now).map(drop)
        }
        KeyChange::Import(path) => keyring.add(NewKey::Import(path), suites, now).map(drop),
        KeyChange::Retire(fingerprint) => keyring.retire(&fingerprint),
    };
    let keys = keys()?;
    audit_lines::tell(&catalogue, &keys, now).map_err(part("audit log"))?;
    altered.map_err(part("signing key"))?;
    Ok(keys)
}
