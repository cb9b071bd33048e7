//! The files that trust is read from, and what was read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::TrustError;
use super::authority::{self, Authority};
use super::files::{self, CERTIFICATE_LIMIT_BYTES, CRL_LIMIT_BYTES};
use super::gather::Lists;
use crate::digest::{Digest, Hasher};
use crate::reserve::Reserve;

/// The files that trust is read from.
#[derive(Clone, Debug)]
pub struct TrustFiles {
    /// Certificates of the trust anchors: files (PEM with any number of blocks, or DER), or
    /// directories of them.
    pub anchors: Vec<PathBuf>,
    /// Certificates of CAs below those. They are trusted only by a path to an anchor.
    pub intermediates: Vec<PathBuf>,
    /// Revocation lists of all CAs above: files or directories, as for the anchors.
    pub crls: Vec<PathBuf>,
    /// A directory for lists that are delivered while the server runs; `None` where the server
    /// signs its list itself.
    pub delivered: Option<PathBuf>,
    /// Where the highest CRL numbers are remembered across restarts.
    pub floor: PathBuf,
    /// How long a list is still used after its `nextUpdate`. Unit: seconds.
    pub grace_seconds: i64,
    /// Room that is given up where a list is to be stored on a full disk.
    pub reserve: Arc<Reserve>,
}

/// What was read.
pub(super) struct Read {
    anchors: Vec<(PathBuf, Vec<u8>)>,
    intermediates: Vec<(PathBuf, Vec<u8>)>,
    /// The content of each file of lists, or why it could not be read.
    pub(super) lists: Vec<Result<Vec<u8>, TrustError>>,
}

impl TrustFiles {
    /// The files of the embedded CA in `directory`.
    pub fn of_directory(directory: &Path) -> Self {
        Self {
            anchors: vec![directory.join("ca.crt")],
            intermediates: Vec::new(),
            crls: vec![directory.join("crl.pem")],
            delivered: None,
            floor: directory.join("crl.floor"),
            grace_seconds: 0,
            reserve: Arc::new(Reserve::none()),
        }
    }

    /// Reads all of it. A list that cannot be read is an error in [`Read::lists`].
    pub(super) fn read(&self) -> Result<Read, TrustError> {
        let certificates = |paths: &[PathBuf]| -> Result<Vec<(PathBuf, Vec<u8>)>, TrustError> {
            let read = |path: PathBuf| {
                let bytes = files::read(&path, CERTIFICATE_LIMIT_BYTES)?;
                Ok((path, bytes))
            };
            files::expand(paths)?.into_iter().map(read).collect()
        };
        let lists = match files::expand(&self.list_places()) {
            Ok(paths) => paths.iter().map(|path| files::read(path, CRL_LIMIT_BYTES)).collect(),
            Err(problem) => vec![Err(problem)],
        };
        let (anchors, intermediates) =
            (certificates(&self.anchors)?, certificates(&self.intermediates)?);
        Ok(Read { anchors, intermediates, lists })
    }

    fn list_places(&self) -> Vec<PathBuf> {
        self.crls.iter().chain(&self.delivered).cloned().collect()
    }

    /// A digest that changes when one of the files changes: of names, sizes and times.
    pub(super) fn stamp(&self) -> Digest {
        let mut hasher = Hasher::new();
        for paths in [&self.anchors, &self.intermediates, &self.list_places()] {
            hasher.update(files::stamp(paths).as_bytes());
        }
        hasher.finish()
    }
}

impl Read {
    /// The CAs that were read.
    pub(super) fn authorities(&self) -> Result<Vec<Authority>, TrustError> {
        authority::read_all(&self.anchors, &self.intermediates)
    }

    /// A digest of what a verdict depends on: the certificates, and the lists in force.
    pub(super) fn fingerprint(&self, crls: &Lists) -> Digest {
        let mut hasher = Hasher::new();
        for (_, bytes) in self.anchors.iter().chain(&self.intermediates) {
            hasher.update(Digest::of(bytes).as_bytes());
        }
        let mut lists: Vec<_> = crls.values().map(|crl| crl.digest()).collect();
        lists.sort();
        lists.iter().for_each(|list| hasher.update(list.as_bytes()));
        hasher.finish()
    }
}
