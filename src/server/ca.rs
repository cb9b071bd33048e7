//! The embedded CA of a data directory: opened by the server, and its key locked or unlocked by its
//! owner while the server is stopped.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{DataDirectory, ServerError, part, passphrase};
use crate::catalogue::{Audit, SqliteCatalogue};
use crate::config::Config;
use crate::domain::{Actor, Event};
use crate::time::Moment;
use crate::trust::CertificateAuthority;

/// The CA, if its key is here; opened with the configured passphrase.
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

/// A change of the private key of the CA.
#[derive(Clone, Debug)]
pub enum CaChange {
    /// Lock it with the passphrase in a file, or with the configured one.
    Lock(Option<PathBuf>),
    /// Remove the lock.
    Unlock,
}

/// Locks or unlocks the private key of a data directory that no server uses. `old` has the present
/// passphrase; without it the configured one is used. Returns whether the configuration fits the
/// new key file: it names the right passphrase, or none for an unlocked key.
///
/// # Errors
/// [`ServerError`], also while a server uses the directory; then the key is unchanged.
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
    // Opened before anything is changed, so that every change gets its line.
    let catalogue = SqliteCatalogue::open(&data.catalogue()).map_err(part("catalogue"))?;
    let verb = if new.is_some() { "ca-lock" } else { "ca-unlock" };
    let tell = |detail| {
        let event = Event::done(Actor::server(), verb, now).with(detail);
        catalogue.record_events(&[event]).map_err(part("audit log"))
    };
    CertificateAuthority::load_locked(&data.ca(), text(&old)).map_err(part("embedded CA"))?;
    // A line before and one after: the file and the log share no transaction, and so a change has a
    // line wherever it is cut off.
    tell("ca.key, on the server itself: begun")?;
    CertificateAuthority::relock(&data.ca(), text(&old), text(&new))
        .map_err(part("embedded CA"))?;
    tell("ca.key, on the server itself")?;
    Ok(match new {
        Some(_) => configured(&config).is_ok_and(|known| known == new),
        None => config.ca.passphrase_path().is_none(),
    })
}
