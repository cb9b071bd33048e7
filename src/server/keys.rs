//! Keys: the ring of a data directory, as the server opens it, and as its owner changes it by hand while
//! the server is stopped.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{DataDirectory, ServerError, part, passphrase};
use crate::catalogue::{Audit, SqliteCatalogue};
use crate::config::Config;
use crate::debian::SuiteName;
use crate::domain::{Actor, Event};
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
    // Opened before anything is changed, so that no change goes without its line for want of it.
    let catalogue = SqliteCatalogue::open(&data.catalogue()).map_err(part("catalogue"))?;
    let note = |verb: &str, fingerprint: &str| {
        let event = Event::done(Actor::server(), verb, now);
        let event = event.with(&format!("{fingerprint}, on the server itself"));
        catalogue.record_events(&[event]).map_err(part("audit log"))
    };
    let new = match wish {
        KeyWish::List => None,
        KeyWish::Make(kind) => Some(NewKey::Make(kind, format!("{host} archive signing key"))),
        KeyWish::Import(path) => Some(NewKey::Import(path)),
        KeyWish::Retire(fingerprint) => {
            ring.retire(&fingerprint).map_err(part("signing key"))?;
            note("key-retire", &fingerprint)?;
            None
        }
    };
    if let Some(new) = new {
        let added = ring.add(new, suites, now).map_err(part("signing key"))?;
        note("key-add", added.fingerprint())?;
    }
    ring.list().map_err(part("signing key"))
}
