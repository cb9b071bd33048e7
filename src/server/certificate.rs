//! The server's own certificate: its source, its names, and its renewal.

use std::sync::Arc;

use tracing::{info, warn};

use super::limits::DAY_SECONDS;
use super::{DataDirectory, ServerError, part};
use crate::config::Config;
use crate::flow::Repository;
use crate::http::listen::harden;
use crate::time::Moment;
use crate::trust::{
    AnyProvenClient, ServerIdentity, ServerKey, TrustError, existing_key, load_server, read_ca,
    server_config,
};

/// The server's own certificate and key.
pub(super) fn load_identity(
    config: &Config,
    data: &DataDirectory,
) -> Result<ServerIdentity, TrustError> {
    match config.tls.is_external() {
        true => ServerIdentity::load(&config.tls.certificate, &config.tls.key),
        false => load_server(&data.tls()),
    }
}

/// Logs when a certificate of another CA is not for the name that hosts use. It is no error,
/// because a proxy may connect by another name.
pub(super) fn tell_of_name(config: &Config, identity: &ServerIdentity) {
    let Ok(host) = config.host() else { return };
    if config.tls.is_external() && !identity.is_for(&host) {
        warn!(
            %host,
            "tls.certificate has no such name in subjectAltName: hosts that come here by it will refuse the server"
        );
    }
}

/// The CA certificates by which hosts recognise the server, where it is not the embedded CA.
pub(super) fn server_ca(config: &Config) -> Result<Option<String>, ServerError> {
    let read = config.tls.is_external().then(|| read_ca(&config.tls.ca)).transpose();
    read.map_err(part("tls.ca"))
}

pub(super) fn tls_config(
    identity: &ServerIdentity,
) -> Result<Arc<rustls::ServerConfig>, ServerError> {
    let config = server_config(Arc::new(AnyProvenClient), identity).map_err(part("TLS"))?;
    Ok(Arc::new(harden((*config).clone())))
}

/// The names of the server: the public one for hosts, loopback for its own machine.
pub fn server_names(host: &str) -> Vec<String> {
    let mut names = vec![host.to_string()];
    for local in ["localhost", "127.0.0.1", "::1"] {
        if local != host {
            names.push(local.into());
        }
    }
    names
}

/// Renews the server's own certificate when less than a third of its life is left, and one that begins
/// in the future: the clock was ahead. While the clock is in doubt, the present one stays.
pub(super) fn renew_server_certificate(
    config: &Config,
    data: &DataDirectory,
    repository: &Repository,
    now: Moment,
) -> Result<bool, ServerError> {
    let Some(authority) = repository.authority.as_ref().filter(|_| !config.tls.is_external())
    else {
        return Ok(false);
    };
    let life = i64::from(config.certificates.server_days).saturating_mul(DAY_SECONDS);
    let current = load_server(&data.tls()).map_err(part("server certificate"))?;
    let is_fresh = current.not_after.since(now) > life / 3 && current.not_before <= now;
    if is_fresh || repository.doubt().is_some() {
        return Ok(false);
    }
    let host = config.host().map_err(part("repod.toml"))?;
    let authority = authority.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let days = config.certificates.server_days;
    // The key is kept, so that only one file changes and no crash can leave a pair that does not
    // match.
    let key = existing_key(&data.tls()).map_err(part("server certificate"))?;
    let issued = authority
        .issue_server(&server_names(&host), &ServerKey::Existing(&key), days, now)
        .map_err(part("server certificate"))?;
    issued.write(&data.tls()).map_err(part("server certificate"))?;
    info!(not_after = %issued.not_after, "server certificate renewed");
    Ok(true)
}
