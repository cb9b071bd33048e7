//! The data directory: the paths of its parts, and the lock by which only one server uses it.

#![expect(clippy::disallowed_methods, reason = "this file holds the lock of the data directory")]

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// The data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// There is none.
    #[error(
        "{0} is no data directory; correct `data` in repod.toml, or make a new one with \
         `repod init --data DIR --name repo.example.org`"
    )]
    Missing(String),
    /// Another server runs on it.
    #[error("another repod uses {0}; stop it first (a data directory has one server)")]
    InUse(String),
    /// The keys are examples for tests, so others may have them.
    #[error(
        "{root} holds example keys (keys/EXAMPLE), which others may have, and {address} is not a \
         loopback address; listen on 127.0.0.1 and [::1] only, or make keys of your own with \
         `repod init`"
    )]
    ExampleKeys {
        /// The data directory.
        root: String,
        /// The first address that others can reach.
        address: SocketAddr,
    },
    /// The system failed.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: String,
        /// The system's error.
        source: io::Error,
    },
}

/// A data directory: unless it was opened [`DataDirectory::beside`] another process, only this
/// process uses it until it is dropped.
pub struct DataDirectory {
    root: PathBuf,
    _lock: Option<File>,
}

impl DataDirectory {
    /// Opens the directory and locks it for this process.
    ///
    /// # Errors
    /// [`DataError`]; then nothing was changed.
    pub fn open(root: &Path) -> Result<Self, DataError> {
        let shown = root.display().to_string();
        if !root.join("keys").is_dir() {
            return Err(DataError::Missing(shown));
        }
        Self::lock(root)
    }

    /// The paths of a directory that another process may use, for a process that only reads.
    ///
    /// # Errors
    /// [`DataError::Missing`].
    pub fn beside(root: &Path) -> Result<Self, DataError> {
        match root.join("keys").is_dir() {
            true => Ok(Self { root: root.to_path_buf(), _lock: None }),
            false => Err(DataError::Missing(root.display().to_string())),
        }
    }

    /// Locks a directory that is still being created.
    ///
    /// # Errors
    /// [`DataError::InUse`], [`DataError::Io`].
    pub fn lock(root: &Path) -> Result<Self, DataError> {
        let path = root.join("lock");
        let io = |source| DataError::Io { path: path.display().to_string(), source };
        let lock =
            File::options().create(true).truncate(false).write(true).open(&path).map_err(io)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { root: root.to_path_buf(), _lock: Some(lock) }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(DataError::InUse(root.display().to_string())),
            Err(errno) => Err(io(errno.into())),
        }
    }

    /// Keeps example keys (`keys.example/make.sh`) to this machine.
    ///
    /// # Errors
    /// [`DataError::ExampleKeys`] when others could reach one of `addresses` (operator's fault).
    pub fn expect_own_keys(&self, addresses: &[SocketAddr]) -> Result<(), DataError> {
        let open = addresses.iter().find(|address| !address.ip().is_loopback());
        match open {
            Some(address) if self.root.join("keys/EXAMPLE").exists() => {
                let root = self.root.display().to_string();
                Err(DataError::ExampleKeys { root, address: *address })
            }
            _ => Ok(()),
        }
    }

    /// The configuration file, unless another is named.
    pub fn config(&self) -> PathBuf {
        self.root.join("repod.toml")
    }

    /// The directory of OpenPGP keys and the keyring.
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// The private OpenPGP key that comes first.
    pub fn signing_key(&self) -> PathBuf {
        self.root.join("keys/signing.asc")
    }

    /// The public OpenPGP key, for people who copy it.
    pub fn archive_key(&self) -> PathBuf {
        self.root.join("keys/archive-key.asc")
    }

    /// The last Date signed of each suite, outside the catalogue.
    pub fn floor(&self) -> PathBuf {
        self.root.join("floor")
    }

    /// Where the scrub is.
    pub fn scrub(&self) -> PathBuf {
        self.root.join("scrub")
    }

    /// The CA and its revocation list.
    pub fn ca(&self) -> PathBuf {
        self.root.join("ca")
    }

    /// Whether the CA's own key is here.
    pub fn has_authority(&self) -> bool {
        self.ca().join("ca.key").exists()
    }

    /// The state for external CAs: delivered lists, and the numbers of lists.
    pub fn trust(&self) -> PathBuf {
        self.root.join("trust")
    }

    /// The server's own certificate and key.
    pub fn tls(&self) -> PathBuf {
        self.root.join("tls")
    }

    /// Blobs and packs.
    pub fn pool(&self) -> PathBuf {
        self.root.join("pool")
    }

    /// Room that is kept for what has to be written on a full disk.
    pub fn reserve(&self) -> PathBuf {
        self.root.join("reserve")
    }

    /// The database.
    pub fn catalogue(&self) -> PathBuf {
        self.root.join("catalogue.sqlite")
    }

    /// The first operator's certificate, key and profile.
    pub fn operator(&self) -> PathBuf {
        self.root.join("operator")
    }
}
