//! READING: files that people put there are read without waiting for ever. A FIFO, a device, a file of
//! any size or a network path that hangs costs an error that names it.
//!
//! May name: nothing

#![expect(
    clippy::disallowed_methods,
    reason = "this room reads files for the rooms that name them"
)]

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::OFlags;
use zeroize::Zeroizing;

/// How long a read may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// The most reads that are left behind at once. Each holds a thread and at most the limit of its read.
const MOST_LEFT: usize = 8;

/// Why a file was not read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// The system says no.
    #[error("{0}")]
    Io(Arc<io::Error>),
    /// It is no file with bytes in it.
    #[error("not a regular file, but {0}: put a file there, or name another one")]
    Kind(&'static str),
    /// It has more bytes than such a file can have.
    #[error("larger than {limit_bytes} bytes: put the right file there")]
    TooLarge {
        /// The most. Unit: bytes.
        limit_bytes: u64,
    },
    /// Nothing comes, as from a network file system that hangs.
    #[error(
        "nothing was read of it within {} s: see that its file system answers, or name a file on this machine",
        DEADLINE.as_secs()
    )]
    Hangs,
    /// Too many other reads hang.
    #[error(
        "{MOST_LEFT} other files hang, so it was not tried: see that their file systems answer"
    )]
    Crowded,
}

impl ReadError {
    /// The system's error, or another one with this text.
    pub fn into_io(self) -> io::Error {
        match self {
            Self::Io(error) => match error.raw_os_error() {
                Some(code) => io::Error::from_raw_os_error(code),
                None => io::Error::new(error.kind(), error.to_string()),
            },
            Self::Hangs | Self::Crowded => {
                io::Error::new(io::ErrorKind::TimedOut, self.to_string())
            }
            other => io::Error::other(other.to_string()),
        }
    }

    /// Whether there is no such file.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

/// The bytes of a secret, wiped when dropped, and the permission bits of their file.
pub struct Secret {
    /// The bytes.
    pub bytes: Zeroizing<Vec<u8>>,
    /// The permission bits.
    pub mode: u32,
}

/// The bytes of a file.
///
/// # Errors
/// [`ReadError`], after five seconds at most.
pub fn read(path: &Path, limit_bytes: u64) -> Result<Vec<u8>, ReadError> {
    let from = path.to_path_buf();
    look(path, move || {
        let mut bytes = Vec::new();
        read_into(&from, limit_bytes, &mut bytes)?;
        Ok(bytes)
    })?
}

/// The text of a file.
///
/// # Errors
/// As for [`read`]; also when it is not UTF-8.
pub fn read_text(path: &Path, limit_bytes: u64) -> Result<String, ReadError> {
    let bytes = read(path, limit_bytes)?;
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8").into())
}

/// The bytes of a secret. They are copied nowhere.
///
/// # Errors
/// As for [`read`].
pub fn read_secret(path: &Path, limit_bytes: u64) -> Result<Secret, ReadError> {
    let from = path.to_path_buf();
    look(path, move || {
        // Large enough never to grow, because growing would leave copies behind.
        let room = usize::try_from(limit_bytes.saturating_add(1)).unwrap_or_default();
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        let mode = read_into(&from, limit_bytes, &mut bytes)?.permissions().mode() & 0o7777;
        Ok(Secret { bytes, mode })
    })?
}

/// Does something that asks the file system about this path, such as a listing.
///
/// # Errors
/// [`ReadError::Hangs`] after five seconds, and at once as long as the same path still hangs;
/// [`ReadError::Crowded`].
pub fn look<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ReadError> {
    static PATIENCE: Patience = Patience::new(DEADLINE);
    PATIENCE.within(path, work)
}

/// Reads a regular file, and gives what the open handle says of it.
fn read_into(path: &Path, limit_bytes: u64, into: &mut Vec<u8>) -> Result<Metadata, ReadError> {
    // Asked first, because to open a device can do something.
    expect_regular(&fs::metadata(path)?)?;
    // What takes its place meanwhile does not keep the opening waiting.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file: File = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let found = file.metadata()?;
    expect_regular(&found)?;
    if found.len() > limit_bytes {
        return Err(ReadError::TooLarge { limit_bytes });
    }
    let read = file.take(limit_bytes.saturating_add(1)).read_to_end(into)?;
    if read as u64 > limit_bytes {
        return Err(ReadError::TooLarge { limit_bytes });
    }
    Ok(found)
}

fn expect_regular(found: &Metadata) -> Result<(), ReadError> {
    let kind = found.file_type();
    Err(ReadError::Kind(match () {
        () if kind.is_file() => return Ok(()),
        () if kind.is_dir() => "a directory",
        () if kind.is_fifo() => "a FIFO",
        () if kind.is_socket() => "a socket",
        () => "a device",
    }))
}

/// Work that may hang, on threads of its own, a bounded number of which may be left behind.
struct Patience {
    deadline: Duration,
    hanging: Mutex<BTreeSet<PathBuf>>,
}

impl Patience {
    const fn new(deadline: Duration) -> Self {
        Self { deadline, hanging: Mutex::new(BTreeSet::new()) }
    }

    fn hanging(&self) -> std::sync::MutexGuard<'_, BTreeSet<PathBuf>> {
        self.hanging.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn within<T: Send + 'static>(
        &'static self,
        path: &Path,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ReadError> {
        {
            let hanging = self.hanging();
            if hanging.contains(path) {
                return Err(ReadError::Hangs);
            }
            if hanging.len() >= MOST_LEFT {
                return Err(ReadError::Crowded);
            }
        }
        let (send, done) = channel();
        let over = Over { patience: self, path: path.to_path_buf() };
        let thread = move || {
            // Dropped last, also when the work panics.
            let _over = over;
            let _nobody_waits = send.send(work());
        };
        std::thread::Builder::new().name("reading".into()).spawn(thread)?;
        match done.recv_timeout(self.deadline) {
            Ok(result) => return Ok(result),
            // The work panicked.
            Err(RecvTimeoutError::Disconnected) => {
                return Err(io::Error::other("the read stopped").into());
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        let mut hanging = self.hanging();
        // It may have ended just now. If it ends later, it takes its path out again.
        if let Ok(result) = done.try_recv() {
            return Ok(result);
        }
        hanging.insert(path.to_path_buf());
        Err(ReadError::Hangs)
    }
}

/// A read on a thread of its own; once it is dropped, its path may be tried again.
struct Over {
    patience: &'static Patience,
    path: PathBuf,
}

impl Drop for Over {
    fn drop(&mut self) {
        self.patience.hanging().remove(&self.path);
    }
}

#[cfg(test)]
mod tests;
