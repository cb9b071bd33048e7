//! Admin: the first admin, or another one when no admin is left, given its right on the data directory.

use std::path::Path;

use crate::catalogue::{Access, SqliteCatalogue};
use crate::config::Config;
use crate::domain::{Actor, Event, Grant, Identity, Role, SuiteScope};
use crate::server::{DataDirectory, ServerError, part};
use crate::time::Moment;

/// Makes `identity` an admin, whatever it was. Its certificate is not looked at: whoever may write the
/// data directory may do so anyway.
///
/// # Errors
/// [`ServerError`], also while a server uses the directory.
pub fn make(config: &Path, identity: &Identity, now: Moment) -> Result<(), ServerError> {
    let config = Config::load(config).map_err(part("configuration"))?;
    let data = DataDirectory::open(&config.data)?;
    let catalogue = SqliteCatalogue::open(&data.catalogue()).map_err(part("catalogue"))?;
    let grant = Grant { identity: identity.clone(), role: Role::Admin, suites: SuiteScope::All };
    let event = Event::done(Actor::server(), "grant", now);
    let event = event.with(&format!("{identity}: admin of every suite, on the server itself"));
    catalogue.record_grant(&grant, &event).map_err(part("catalogue"))
}
