//! What the listener requires of every TLS configuration.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{NoServerSessionStorage, ProducesTickets};

/// The only protocol that is offered; apt speaks no other.
const ALPN: &[u8] = b"http/1.1";

/// Returns `config` with HTTP/1.1 as its only protocol, and without tickets, session cache or early
/// data.
///
/// A resumed session skips the verifier, so a host would come back after its certificate expired
/// or was revoked. A full handshake costs about 0.3 ms more. [`Edge`](super::Edge) serves no
/// configuration that did not pass through here.
pub fn harden(mut config: ServerConfig) -> ServerConfig {
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = Arc::new(NoTickets);
    config.send_tls13_tickets = 0;
    config.max_tls13_tickets = 0;
    config.max_early_data_size = 0;
    config
}

/// Whether `config` is as [`harden`] makes it.
pub(super) fn is_hard(config: &ServerConfig) -> bool {
    matches!(config.alpn_protocols.as_slice(), [only] if only.as_slice() == ALPN)
        && !config.session_storage.can_cache()
        && !config.ticketer.enabled()
        && config.send_tls13_tickets == 0
        && config.max_tls13_tickets == 0
        && config.max_early_data_size == 0
}

/// Makes no tickets and reads none.
#[derive(Debug)]
struct NoTickets;

impl ProducesTickets for NoTickets {
    fn enabled(&self) -> bool {
        false
    }

    fn lifetime(&self) -> u32 {
        0
    }

    fn encrypt(&self, _plain: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn decrypt(&self, _cipher: &[u8]) -> Option<Vec<u8>> {
        None
    }
}
