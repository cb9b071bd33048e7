//! Keys: the ring of a data directory, as the server opens it, and as its owner changes it by hand while
//! the server is stopped.

#![expect(clippy::disallowed_methods, reason = "the passphrase is in a file")]

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::{DataDirectory, ServerError, part};
use crate::catalogue::{Audit, SqliteCatalogue};
use crate::config::Config;
use crate::debian::SuiteName;
use crate::domain::{Actor, Event};
use crate::signing::{ExternalSigner, KeyAccess, KeyKind, KeyRing, NewKey, RingKey};
use crate::time::Moment;

/// The longest passphrase that is read. Unit: bytes.
const PASSPHRASE_BYTES: usize = 4096;

/// The ring of a data directory, by its configuration.
pub(super) fn ring(config: &Config, data: &DataDirectory) -> Result<KeyRing, ServerError> {
    let signing = &config.signing;
    let command = (!signing.command.is_empty()).then(|| ExternalSigner {
        command: signing.command.clone(),
        timeout: Duration::from_secs(signing.timeout_seconds.into()),
    });
    let passphrase = signing.passphrase_path().map(|path| read_passphrase(&path)).transpose()?;
    Ok(KeyRing::at(data.keys(), KeyAccess { passphrase, command }))
}

fn read_passphrase(path: &Path) -> Result<Zeroizing<String>, ServerError> {
    let shown = path.display();
    let wrong = |problem: String| part("passphrase")(format!("{shown}: {problem}"));
    // Large enough never to grow, because growing would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(PASSPHRASE_BYTES));
    let file = std::fs::File::open(path).map_err(|error| wrong(error.to_string()))?;
    let read = file.take(PASSPHRASE_BYTES as u64).read_to_end(&mut bytes);
    read.map_err(|error| wrong(error.to_string()))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong("is not UTF-8".into()))?;
    match text.trim_end_matches(['\n', '\r']) {
        "" => Err(wrong("is empty; write the passphrase there, in one line".into())),
        text => Ok(Zeroizing::new(text.to_owned())),
    }
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
