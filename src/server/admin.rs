//! Admin: grants the role to the first admin, or to another when none is left, in the data
//! directory.

use std::path::Path;

use crate::catalogue::{Access, SqliteCatalogue};
use crate::config::Config;
use crate::domain::{Actor, Event, Grant, Identity, Role, SuiteScope};
use crate::server::{DataDirectory, ServerError, part};
use crate::time::Moment;

/// Makes `identity` an admin, whatever its role was. Its certificate is not checked: a user who may
/// write the data directory could do everything anyway.
///
/// # Errors
/// [`ServerError`], also while a server uses the directory.
pub fn make(config: &Path, identity: &Identity, now: Moment) -> Result<(), ServerError> {
    let config = Config::load(config).map_err(part("configuration"))?;
    let data = DataDirectory::open(&config.data)?;
    let catalogue = SqliteCatalogue::open(&data.catalogue()).map_err(part("catalogue"))?;
    let grant = Grant::whole(identity.clone(), Role::Admin, SuiteScope::All);
    let event = Event::done(Actor::server(), "grant", now);
    let event = event.with(&format!("{identity}: admin of every suite, on the server itself"));
    catalogue.record_grant(&grant, &event).map_err(part("catalogue"))
}
