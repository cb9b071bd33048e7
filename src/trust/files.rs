//! Files of this room: read with a limit, written whole or not at all, keys kept from others.

#![expect(clippy::disallowed_methods, reason = "CA and CRL files are this room's; only here")]

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::TrustError;
use crate::cause::Cause;
use crate::reading::{self, ReadError, Secret};

/// The most that is read of a certificate or key file. Unit: bytes.
pub(super) const CERTIFICATE_LIMIT_BYTES: u64 = 256 * 1024;
/// The most that is read of a revocation list, about a million entries. Unit: bytes.
pub(super) const CRL_LIMIT_BYTES: u64 = 32 * 1024 * 1024;
/// The most that is read of a private key. Unit: bytes.
const KEY_LIMIT_BYTES: u64 = 16 * 1024 - 1;
/// Permission bits that a CA key must not have: anything for group and others.
pub(super) const OWNER_ONLY: u32 = 0o077;
/// Permission bits that a server key must not have; a group such as ssl-cert may read it.
pub(super) const GROUP_READS: u32 = 0o037;

/// Who may read a file that is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// Its owner: mode 0600.
    Owner,
    /// Everyone: mode 0644.
    All,
}

/// Reads a whole file of at most `limit_bytes`.
///
/// # Errors
/// [`TrustError::Io`]; [`TrustError::File`] when it is larger, not a regular file, or hangs.
pub(super) fn read(path: &Path, limit_bytes: u64) -> Result<Vec<u8>, TrustError> {
    reading::read(path, limit_bytes).map_err(unread("read", path))
}

/// Endings of the files that are read from a directory.
const ENDINGS: [&str; 5] = ["pem", "crt", "cer", "der", "crl"];

/// The files, and the files in directories, sorted by name.
///
/// # Errors
/// [`TrustError::Io`] for a directory that cannot be read; [`TrustError::File`] for one that hangs.
pub(super) fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>, TrustError> {
    let mut found = Vec::new();
    for path in paths {
        let from = path.clone();
        let inside = reading::look(path, move || expand_one(from)).map_err(unread("list", path))?;
        found.append(&mut inside.map_err(TrustError::io("list", path))?);
    }
    Ok(found)
}

fn expand_one(path: PathBuf) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path]);
    }
    let mut inside = Vec::new();
    for entry in fs::read_dir(&path)? {
        let name = entry?.file_name();
        let hidden = name.as_encoded_bytes().starts_with(b".");
        let file = path.join(name);
        let ending = file.extension().and_then(|ending| ending.to_str());
        if !hidden && ending.is_some_and(|ending| ENDINGS.contains(&ending)) {
            inside.push(file);
        }
    }
    inside.sort();
    Ok(inside)
}

/// Whether something of this name exists.
pub(super) fn is_there(path: &Path) -> bool {
    let at = path.to_path_buf();
    reading::look(path, move || at.exists()).unwrap_or(true)
}

/// A text that changes when one of the files changes, appears or goes: names, sizes, times, inodes.
pub(super) fn stamp(paths: &[PathBuf]) -> String {
    let one = |path: &PathBuf| {
        let from = path.clone();
        let stamped = reading::look(path, move || match expand_one(from) {
            Ok(files) => files.iter().map(stamp_one).collect(),
            Err(error) => error.to_string(),
        });
        stamped.unwrap_or_else(|error| format!("{}|{error}\n", path.display()))
    };
    paths.iter().map(one).collect()
}

fn stamp_one(path: &PathBuf) -> String {
    use std::os::unix::fs::MetadataExt;
    match fs::metadata(path) {
        Ok(at) => {
            let (ino, size) = (at.ino(), at.size());
            let (mtime, nsec) = (at.mtime(), at.mtime_nsec());
            let (ctime, cnsec) = (at.ctime(), at.ctime_nsec());
            format!("{}|{ino} {size} {mtime}.{nsec} {ctime}.{cnsec}\n", path.display())
        }
        Err(error) => format!("{}|{}\n", path.display(), error.kind()),
    }
}

/// Reads a private key file, unless its mode has one of the `forbidden` bits.
///
/// # Errors
/// As for [`read`]; [`TrustError::KeyExposed`].
pub(super) fn read_private(path: &Path, forbidden: u32) -> Result<Zeroizing<String>, TrustError> {
    let Secret { bytes, mode } =
        reading::read_secret(path, KEY_LIMIT_BYTES).map_err(unread("read", path))?;
    if mode & forbidden != 0 {
        return Err(TrustError::KeyExposed { path: path.to_path_buf(), mode });
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| TrustError::file(path, "not a PEM file"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn unread<'p>(action: &'static str, path: &'p Path) -> impl FnOnce(ReadError) -> TrustError + 'p {
    move |error| match error {
        ReadError::Io(source) => TrustError::Io { action, path: path.to_path_buf(), source },
        other => TrustError::file(path, Cause::of(other)),
    }
}

/// Writes a file whole: temporary file beside it, fsync, rename over it, fsync of the directory.
/// The owner stays the same, so that the server can still read a file that root changed by hand.
///
/// # Errors
/// [`TrustError::Io`]; a reader then finds the old file or the new one, never a mixture.
pub(super) fn replace(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), TrustError> {
    let directory = directory_of(path);
    let temporary = fill_temporary(directory, path, bytes, readers)?;
    keep_owner(path, temporary.as_file())?;
    temporary.persist(path).map_err(|e| TrustError::io("rename onto", path)(e.error))?;
    sync_directory(directory)
}

/// Writes a new file whole, never over another.
///
/// # Errors
/// [`TrustError::Exists`]; [`TrustError::Io`].
pub(super) fn create(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), TrustError> {
    let directory = directory_of(path);
    let temporary = fill_temporary(directory, path, bytes, readers)?;
    temporary.persist_noclobber(path).map_err(|e| match e.error.kind() {
        std::io::ErrorKind::AlreadyExists => TrustError::Exists(path.to_path_buf()),
        _ => TrustError::io("create", path)(e.error),
    })?;
    sync_directory(directory)
}

/// Makes a directory that only its owner enters, unless there is one.
///
/// # Errors
/// [`TrustError::Io`].
pub(super) fn make_private_directory(path: &Path) -> Result<(), TrustError> {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(path).map_err(TrustError::io("create", path))
}

/// Keeps other writers out of a directory until the guard is dropped.
///
/// # Errors
/// [`TrustError::Io`].
pub(super) fn lock_directory(path: &Path) -> Result<File, TrustError> {
    let directory = File::open(path).map_err(TrustError::io("open", path))?;
    directory.lock().map_err(TrustError::io("lock", path))?;
    Ok(directory)
}

fn keep_owner(path: &Path, new: &File) -> Result<(), TrustError> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let Ok(old) = fs::metadata(path) else { return Ok(()) };
    let own = new.metadata().map_err(TrustError::io("look at", path))?;
    if (old.uid(), old.gid()) == (own.uid(), own.gid()) {
        return Ok(());
    }
    match fchown(new, Some(old.uid()), Some(old.gid())) {
        // Only root may give files away; a file that another user replaces belongs to that user.
        Err(error) if error.kind() != std::io::ErrorKind::PermissionDenied => {
            Err(TrustError::io("set the owner of", path)(error))
        }
        _ => Ok(()),
    }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn fill_temporary(
    directory: &Path,
    path: &Path,
    bytes: &[u8],
    readers: Readers,
) -> Result<tempfile::NamedTempFile, TrustError> {
    let mode = if readers == Readers::Owner { 0o600 } else { 0o644 };
    let mut temporary = tempfile::Builder::new()
        .prefix(".new-")
        .permissions(fs::Permissions::from_mode(0o600))
        .tempfile_in(directory)
        .map_err(TrustError::io("create a file in", directory))?;
    let file = temporary.as_file_mut();
    file.write_all(bytes).map_err(TrustError::io("write", path))?;
    // Set again after opening, because the umask may have taken bits away.
    file.set_permissions(fs::Permissions::from_mode(mode))
        .map_err(TrustError::io("set the mode of", path))?;
    file.sync_all().map_err(TrustError::io("sync", path))?;
    Ok(temporary)
}

fn sync_directory(path: &Path) -> Result<(), TrustError> {
    let directory = File::open(path).map_err(TrustError::io("open", path))?;
    directory.sync_all().map_err(TrustError::io("sync", path))
}
