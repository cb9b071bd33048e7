//! What a new data directory is to be.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::domain::Identity;
use crate::signing::KeyKind;

/// What the new directory is to be.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// Where.
    pub data: PathBuf,
    /// The host name by which hosts reach the server.
    pub name: String,
    /// The port by which they do.
    pub port: u16,
    /// Where to listen; every address of the machine on `port` when empty.
    pub listen: Vec<SocketAddr>,
    /// Where health checks of this machine are answered.
    pub local: Vec<SocketAddr>,
    /// The kind of the signing key.
    pub key: KeyKind,
    /// The name of the first operator.
    pub operator: Identity,
    /// Whose certificates count.
    pub trust: InitTrust,
}

/// Whose certificates count.
#[derive(Clone, Debug)]
pub enum InitTrust {
    /// Those of a CA that is made with the directory.
    Embedded {
        /// The file with the passphrase that locks its private key; else that is in the clear.
        passphrase_file: Option<PathBuf>,
    },
    /// Those of CAs that exist already.
    External(ExternalCa),
}

impl Default for InitTrust {
    fn default() -> Self {
        Self::Embedded { passphrase_file: None }
    }
}

/// CAs that exist already, by their files. Those stay where they are.
#[derive(Clone, Debug, Default)]
pub struct ExternalCa {
    /// As [`crate::config::TrustOptions::anchors`].
    pub anchors: Vec<PathBuf>,
    /// As [`crate::config::TrustOptions::intermediates`].
    pub intermediates: Vec<PathBuf>,
    /// As [`crate::config::TrustOptions::crls`].
    pub crls: Vec<PathBuf>,
    /// The server's own certificate and its key; without them a key is made, and a request for one.
    pub server: Option<(PathBuf, PathBuf)>,
    /// The CA that hosts recognise the server by, where that is not the only anchor.
    pub server_ca: Option<PathBuf>,
}
