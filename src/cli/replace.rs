//! Replace: files and links that appear whole under their names, or not at all.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::failure::Failure;

/// Owner and mode of a file.
#[derive(Clone, Copy, Debug)]
pub struct Rights {
    /// Permission bits.
    pub mode: u32,
    /// The owner, if it is another user than the one that writes.
    pub owner: Option<u32>,
}

/// Writes or replaces a file: written beside it, synced, then renamed.
///
/// # Errors
/// A [`Failure`] that names the file; then an existing file is unchanged.
pub fn file(path: &Path, rights: Rights, content: &[u8]) -> Result<(), Failure> {
    let write = || -> io::Result<()> {
        let mut beside = tempfile::Builder::new()
            .prefix(".new-")
            .permissions(fs::Permissions::from_mode(0o600))
            .tempfile_in(folder(path))?;
        beside.write_all(content)?;
        if rights.owner.is_some() {
            std::os::unix::fs::chown(beside.path(), rights.owner, None)?;
        }
        // Set again after opening, because the umask may have taken bits away.
        beside.as_file().set_permissions(fs::Permissions::from_mode(rights.mode))?;
        beside.as_file().sync_all()?;
        beside.persist(path).map_err(|error| error.error)?;
        sync(folder(path))
    };
    write().map_err(|error| wrong(path, &error))
}

/// Removes a file, if it exists.
///
/// # Errors
/// A [`Failure`] that names the file.
pub fn gone(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(wrong(path, &error)),
        Ok(()) => sync(folder(path)).map_err(|error| wrong(path, &error)),
    }
}

/// Makes `path` a link to `target`, replacing a link or file.
///
/// # Errors
/// A [`Failure`] that names the link.
pub fn link(target: &Path, path: &Path) -> Result<(), Failure> {
    let make = || -> io::Result<()> {
        let beside = tempfile::Builder::new().prefix(".new-").tempdir_in(folder(path))?;
        let made = beside.path().join("link");
        std::os::unix::fs::symlink(target, &made)?;
        fs::rename(&made, path)?;
        sync(folder(path))
    };
    make().map_err(|error| wrong(path, &error))
}

/// Creates a directory that everybody may enter, and those above it.
///
/// # Errors
/// A [`Failure`] that names the directory.
pub fn directory(path: &Path) -> Result<(), Failure> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    directory(folder(path))?;
    let make = || -> io::Result<()> {
        match fs::DirBuilder::new().mode(0o755).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            made => made?,
        }
        // The umask may be stricter, and apt reads these as a user of its own.
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
        sync(folder(path))
    };
    make().map_err(|error| wrong(path, &error))
}

/// Locks other runs of this program out of a directory until the result is dropped, and waits for one that
/// is at work. The lock is a file of its own that only its owner may open: the directory itself may be
/// locked by everybody who can read it.
///
/// # Errors
/// A [`Failure`] that names the directory.
pub fn alone(path: &Path) -> Result<fs::File, Failure> {
    directory(path)?;
    let lock = || {
        let mut options = fs::File::options();
        // A link there may lead to any file.
        let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        options.create(true).truncate(false).write(true).mode(0o600).custom_flags(flags);
        let file = options.open(path.join(LOCK))?;
        file.lock()?;
        Ok(file)
    };
    lock().map_err(|error: io::Error| wrong(path, &error))
}

/// The name of the file that is locked.
const LOCK: &str = "lock";

/// Syncs a directory, so that a rename in it is durable.
///
/// # Errors
/// The system's error.
pub fn sync(directory: &Path) -> io::Result<()> {
    fs::File::open(directory)?.sync_all()
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The failure when something cannot be written.
pub fn wrong(path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::refused(format!("{}: cannot be written: {error}", path.display()));
    match error.kind() {
        io::ErrorKind::PermissionDenied => failure.with_hint("run it as root"),
        _ => failure,
    }
}
