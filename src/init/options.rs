//! Options of a new data directory.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::domain::Identity;
use crate::signing::KeyKind;

/// Options of a new data directory.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// The directory.
    pub data: PathBuf,
    /// The host name by which hosts reach the server.
    pub name: String,
    /// The port of the server.
    pub port: u16,
    /// Where to listen; every address of the machine on `port` when empty.
    pub listen: Vec<SocketAddr>,
    /// The addresses for health checks from this machine.
    pub local: Vec<SocketAddr>,
    /// The kind of the signing key.
    pub key: KeyKind,
    /// The name of the first operator.
    pub operator: Identity,
    /// Which CA's client certificates are trusted.
    pub trust: InitTrust,
}

/// Which CA's client certificates are trusted.
#[derive(Clone, Debug)]
pub enum InitTrust {
    /// Those of a CA that is created with the directory.
    Embedded {
        /// The file with the passphrase that locks its private key; `None` for a key in the clear.
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

/// CAs that exist already, by their files. The files stay where they are.
#[derive(Clone, Debug, Default)]
pub struct ExternalCa {
    /// As [`crate::config::TrustOptions::anchors`].
    pub anchors: Vec<PathBuf>,
    /// As [`crate::config::TrustOptions::intermediates`].
    pub intermediates: Vec<PathBuf>,
    /// As [`crate::config::TrustOptions::crls`].
    pub crls: Vec<PathBuf>,
    /// The server's own certificate and its key; without them a key and a request are created.
    pub server: Option<(PathBuf, PathBuf)>,
    /// The CA that hosts recognise the server by, where that is not the only anchor.
    pub server_ca: Option<PathBuf>,
}
