//! Keys: the ring of a data directory, as the server opens it, and as its owner changes it by hand while
//! the server is stopped.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{DataDirectory, ServerError, part, passphrase};
use crate::catalogue::{RingWish, SqliteCatalogue};
use crate::config::Config;
use crate::debian::SuiteName;
use crate::domain::Actor;
use crate::flow::upkeep::keyring as told;
use crate::signing::{ExternalSigner, KeyAccess, KeyKind, KeyRing, NewKey, RingKey};
use crate::time::Moment;

/// The ring of a data directory, by its configuration.
pub(super) fn ring(config: &Config, data: &DataDirectory) -> Result<KeyRing, ServerError> {
    let signing = &config.signing;
    let command = (!signing.command.is_empty()).then(|| ExternalSigner {
        command: signing.command.clone(),
        timeout: Duration::from_secs(signing.timeout_seconds.into()),
    });
    let passphrase = signing.passphrase_path().map(|path| passphrase::read(&path)).transpose()?;
    Ok(KeyRing::at(data.keys(), KeyAccess { passphrase, command }))
}

/// What is done to the ring of a stopped server.
#[derive(Clone, Debug)]
pub enum KeyWish {
    /// Show it.
    List,
    /// Make a key.
    Make(KeyKind),
    /// Take over a private key from a file.
    Import(PathBuf),
    /// Take a key out. Nobody is asked which hosts have another.
    Retire(String),
}

/// Changes the ring of a data directory that no server uses; gives every key that is in it then. The
/// server signs anew, and publishes the client packages, when it is started.
///
/// # Errors
/// [`ServerError`], also while a server uses the directory; nothing was changed then.
pub fn change(
    config: &Path,
    wish: KeyWish,
    suites: Vec<SuiteName>,
    now: Moment,
) -> Result<Vec<RingKey>, ServerError> {
    let config = Config::load(config).map_err(part("configuration"))?;
    let data = DataDirectory::open(&config.data)?;
    let ring = ring(&config, &data)?;
    let suites = (!suites.is_empty()).then(|| suites.into_iter().collect::<BTreeSet<_>>());
    let host = config.host().map_err(part("repod.toml"))?;
    let catalogue = SqliteCatalogue::open(&data.catalogue()).map_err(part("catalogue"))?;
    let keys = || ring.list().map_err(part("signing key"));
    if matches!(wish, KeyWish::List) {
        return keys();
    }
    // Told before anything is changed, so that no change goes without its line.
    let remark = "on the server itself".to_owned();
    let by = RingWish { actor: Actor::server(), message: String::new(), remark };
    told::begin(&catalogue, &keys()?, by, now).map_err(part("audit log"))?;
    let altered = match wish {
        KeyWish::List => Ok(()),
        KeyWish::Make(kind) => {
            let new = NewKey::Make(kind, format!("{host} archive signing key"));
            ring.add(new, suites, now).map(drop)
        }
        KeyWish::Import(path) => ring.add(NewKey::Import(path), suites, now).map(drop),
        KeyWish::Retire(fingerprint) => ring.retire(&fingerprint),
    };
    let keys = keys()?;
    told::tell(&catalogue, &keys, now).map_err(part("audit log"))?;
    altered.map_err(part("signing key"))?;
    Ok(keys)
}
