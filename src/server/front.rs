//! Front: the listeners, and the proxies that they trust.

use std::collections::BTreeSet;

use super::limits::edge_limits;
use super::{DataDirectory, ServerError, part};
use crate::config::Config;
use crate::http::Handover;
use crate::http::listen::{Edge, Networks};

/// Binds every configured address.
///
/// # Errors
/// [`ServerError::Listen`]; [`ServerError::Data`] for example keys on an address that others reach.
pub(super) fn bind(config: &Config, data: &DataDirectory) -> Result<Edge, ServerError> {
    let listen = &config.listen;
    data.expect_own_keys(&listen.proxy_protocol)?;
    let proxies = listen.proxies.iter().map(|network| (network.address, network.bits));
    Edge::bind(&listen.addresses, edge_limits(config))
        .and_then(|edge| edge.behind(&listen.proxy_protocol, Networks::new(proxies)))
        .map_err(ServerError::Listen)
}

/// The proxies that send the client's certificate in a header.
///
/// # Errors
/// [`ServerError::Part`] for a name that no certificate can have.
pub(super) fn handover(config: &Config) -> Result<Handover, ServerError> {
    let identity = |name: &String| {
        let fault = |problem| format!("listen.handover has {name:?}: {problem}");
        name.parse().map_err(|problem: crate::domain::IdentityError| fault(problem))
    };
    let proxies: Result<BTreeSet<_>, _> = config.listen.handover.iter().map(identity).collect();
    proxies.map(Handover::from).map_err(part("repod.toml"))
}
