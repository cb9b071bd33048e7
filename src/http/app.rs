//! App: the state that every handler has.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use crate::domain::host::{Address, ErrorMode};
use crate::flow::Repository;
use crate::http::metrics::Metrics;

/// The state that every handler has.
#[derive(Clone)]
pub struct App {
    /// The flows.
    pub repository: Arc<Repository>,
    /// What hosts need to know of this server.
    pub site: Arc<Site>,
    /// Counters since the start.
    pub metrics: Arc<Metrics>,
}

/// How this server is reached and recognised.
#[derive(Clone, Debug)]
pub struct Site {
    /// Where hosts find it: `https://repo.example.org:8443/`.
    pub public_url: String,
    /// The host part of it.
    pub host: String,
    /// How `apt-get update` of hosts ends when a source cannot be reached.
    pub error_mode: ErrorMode,
    /// The CA certificates by which hosts recognise the server, PEM; `None` for the embedded CA.
    pub server_ca: Option<String>,
    /// When the server's own certificate ends. Unit: seconds since 1970.
    pub certificate_not_after: Arc<AtomicI64>,
}

impl Site {
    /// What of it is in the files that hosts are given.
    pub fn address(&self) -> Address {
        let (public_url, server) = (self.public_url.clone(), self.host.clone());
        Address { public_url, server, error_mode: self.error_mode }
    }
}
