//! Files of this room: read with a limit, written whole or not at all, keys kept from others.

#![expect(clippy::disallowed_methods, reason = "CA and CRL files are this room's; only here")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::TrustError;

/// The most that is read of a certificate or key file. Unit: bytes.
pub(super) const CERTIFICATE_LIMIT_BYTES: u64 = 256 * 1024;
/// The most that is read of a revocation list, about a million entries. Unit: bytes.
pub(super) const CRL_LIMIT_BYTES: u64 = 32 * 1024 * 1024;
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
/// [`TrustError::Io`]; [`TrustError::File`] when it is larger or not a regular file.
pub(super) fn read(path: &Path, limit_bytes: u64) -> Result<Vec<u8>, TrustError> {
    let file = File::open(path).map_err(TrustError::io("open", path))?;
    let mut bytes = Vec::new();
    read_open(file, path, limit_bytes, &mut bytes)?;
    Ok(bytes)
}

/// Endings of the files that are read from a directory.
const ENDINGS: [&str; 5] = ["pem", "crt", "cer", "der", "crl"];

/// The files, and the files in directories, sorted by name.
///
/// # Errors
/// [`TrustError::Io`] for a directory that cannot be read.
pub(super) fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>, TrustError> {
    let mut found = Vec::new();
    for path in paths {
        if !path.is_dir() {
            found.push(path.clone());
            continue;
        }
        let mut inside = Vec::new();
        for entry in fs::read_dir(path).map_err(TrustError::io("list", path))? {
            let name = entry.map_err(TrustError::io("list", path))?.file_name();
            let hidden = name.as_encoded_bytes().starts_with(b".");
            let file = path.join(name);
            let ending = file.extension().and_then(|ending| ending.to_str());
            if !hidden && ending.is_some_and(|ending| ENDINGS.contains(&ending)) {
                inside.push(file);
            }
        }
        inside.sort();
        found.append(&mut inside);
    }
    Ok(found)
}

/// Whether something of this name exists.
pub(super) fn is_there(path: &Path) -> bool {
    path.exists()
}

/// A text that changes when one of the files changes, appears or goes: names, sizes, times, inodes.
pub(super) fn stamp(paths: &[PathBuf]) -> String {
    use std::os::unix::fs::MetadataExt;
    let one = |path: &PathBuf| match fs::metadata(path) {
        Ok(at) => {
            let (ino, size) = (at.ino(), at.size());
            let (mtime, nsec) = (at.mtime(), at.mtime_nsec());
            let (ctime, cnsec) = (at.ctime(), at.ctime_nsec());
            format!("{}|{ino} {size} {mtime}.{nsec} {ctime}.{cnsec}\n", path.display())
        }
        Err(error) => format!("{}|{}\n", path.display(), error.kind()),
    };
    match expand(paths) {
        Ok(paths) => paths.iter().map(one).collect(),
        Err(problem) => problem.to_string(),
    }
}

/// Reads a private key file, unless its mode has one of the `forbidden` bits.
///
/// # Errors
/// As for [`read`]; [`TrustError::KeyExposed`].
pub(super) fn read_private(path: &Path, forbidden: u32) -> Result<Zeroizing<String>, TrustError> {
    let file = File::open(path).map_err(TrustError::io("open", path))?;
    let metadata = file.metadata().map_err(TrustError::io("look at", path))?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & forbidden != 0 {
        return Err(TrustError::KeyExposed { path: path.to_path_buf(), mode });
    }
    // Large enough for the whole file: a vector that grows leaves copies of the key behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(16 * 1024));
    read_open(file, path, 16 * 1024 - 1, &mut bytes)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| TrustError::file(path, "not a PEM file"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn read_open(
    file: File,
    path: &Path,
    limit_bytes: u64,
    into: &mut Vec<u8>,
) -> Result<(), TrustError> {
    let metadata = file.metadata().map_err(TrustError::io("look at", path))?;
    if !metadata.is_file() {
        return Err(TrustError::file(path, "not a regular file"));
    }
    let most = limit_bytes.saturating_add(1);
    let read = file.take(most).read_to_end(into).map_err(TrustError::io("read", path))?;
    if read as u64 > limit_bytes {
        return Err(TrustError::file(path, format!("larger than {limit_bytes} bytes")));
    }
    Ok(())
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
