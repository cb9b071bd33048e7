//! The embedded CA of a data directory, as the server opens it, and as its owner locks and unlocks its key
//! while the server is stopped.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{DataDirectory, ServerError, part, passphrase};
use crate::catalogue::{Audit, SqliteCatalogue};
use crate::config::Config;
use crate::domain::{Actor, Event};
use crate::time::Moment;
use crate::trust::CertificateAuthority;

/// The CA, if its key is here; opened with the passphrase that is configured.
pub(super) fn load(
    config: &Config,
    data: &DataDirectory,
) -> Result<Option<CertificateAuthority>, ServerError> {
    if !data.has_authority() {
        return Ok(None);
    }
    let loaded = CertificateAuthority::load_locked(&data.ca(), text(&configured(config)?));
    loaded.map(Some).map_err(part("embedded CA"))
}

fn configured(config: &Config) -> Result<Option<Zeroizing<String>>, ServerError> {
    config.ca.passphrase_path().map(|path| passphrase::read(&path)).transpose()
}

fn text(passphrase: &Option<Zeroizing<String>>) -> Option<&str> {
    passphrase.as_deref().map(String::as_str)
}

/// What is done to the private key of the CA.
#[derive(Clone, Debug)]
pub enum CaChange {
    /// Lock it with the passphrase in a file, else with the one that is configured.
    Lock(Option<PathBuf>),
    /// Take the lock away.
    Unlock,
}

/// Locks or unlocks the private key of a data directory that no server uses. What opens it now is in `old`,
/// else as configured. Gives whether the configuration fits the new file as it is: names the passphrase that
/// opens it, or none.
///
/// # Errors
/// [`ServerError`], also while a server uses the directory; the key is as it was then.
pub fn change(
    config: &Path,
    change: &CaChange,
    old: Option<&Path>,
    now: Moment,
) -> Result<bool, ServerError> {
    let config = Config::load(config).map_err(part("configuration"))?;
    let data = DataDirectory::open(&config.data)?;
    if !data.has_authority() {
        let problem = "there is no ca/ca.key here; the keys of other CAs are with those";
        return Err(part("embedded CA")(problem));
    }
    let old = match old {
        Some(path) => Some(passphrase::read(path)?),
        None => configured(&config)?,
    };
    let new = match change {
        CaChange::Unlock => None,
        CaChange::Lock(Some(path)) => Some(passphrase::read(path)?),
        CaChange::Lock(None) => Some(configured(&config)?.ok_or_else(|| {
            let problem = "none is configured; name a file with one, --passphrase-file, or \
                           ca.passphrase_file in repod.toml";
            part("passphrase")(problem)
        })?),
    };
    // Opened before anything is changed, so that no change goes without its line for want of it.
    let catalogue = SqliteCatalogue::open(&data.catalogue()).map_err(part("catalogue"))?;
    let verb = if new.is_some() { "ca-lock" } else { "ca-unlock" };
    let tell = |detail| {
        let event = Event::done(Actor::server(), verb, now).with(detail);
        catalogue.record_events(&[event]).map_err(part("audit log"))
    };
    CertificateAuthority::load_locked(&data.ca(), text(&old)).map_err(part("embedded CA"))?;
    // A line on either side: the file and the log share no transaction, and wherever this ends, there is one.
    tell("ca.key, on the server itself: begun")?;
    CertificateAuthority::relock(&data.ca(), text(&old), text(&new))
        .map_err(part("embedded CA"))?;
    tell("ca.key, on the server itself")?;
    Ok(match new {
        Some(_) => configured(&config).is_ok_and(|known| known == new),
        None => config.ca.passphrase_path().is_none(),
    })
}
