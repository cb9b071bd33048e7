//! WRITABLE: whether a directory takes what is written to it, since a sync failed there.
//!
//! After a failed sync nobody knows which of the bytes that it was for are on the disk, and a second
//! one would not say. So whoever asked for it gets its error, relies on none of those bytes, and
//! writes them anew. What is kept here is whether the disk takes anything: a file of no meaning is
//! written, synced, renamed and removed, at once after the failure, and then once a second when
//! somebody asks. Until that succeeds, writing is stopped.
//!
//! May name: cause

use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::cause::Cause;

/// How long after one attempt the next one comes.
const PAUSE: Duration = Duration::from_secs(1);
/// The file of an attempt, before and after it is renamed. No suite and no digest has such a name.
const NAMES: [&str; 2] = [".probe.new", ".probe"];

/// Whether a directory takes what is written to it.
#[derive(Debug, Default)]
pub struct Writable {
    state: Mutex<Option<Stop>>,
    /// Held while an attempt is made: there is one file for all of them.
    trying: Mutex<()>,
}

#[derive(Debug)]
struct Stop {
    why: Cause,
    tried: Instant,
}

impl Writable {
    /// A sync below this directory failed. Writing stops, unless the directory takes a file now.
    pub fn sync_failed(&self, directory: impl AsFd, why: Cause) {
        let takes = self.try_now(directory).is_ok();
        if !takes {
            // The first failure is the one worth reporting.
            self.lock().get_or_insert(Stop { why, tried: Instant::now() });
        }
    }

    /// Whether something may be written. When writing stopped, and the last attempt was a second ago,
    /// it is tried again.
    ///
    /// # Errors
    /// Why not: the sync that failed.
    pub fn expect(&self, directory: impl AsFd) -> Result<(), Cause> {
        let mut state = self.lock();
        let Some(stop) = state.as_mut() else { return Ok(()) };
        let why = stop.why.clone();
        if stop.tried.elapsed() < PAUSE {
            return Err(why);
        }
        // Others who ask meanwhile do not wait for a disk that may hang.
        stop.tried = Instant::now();
        drop(state);
        self.try_now(directory).map_err(|_same| why)?;
        *self.lock() = None;
        Ok(())
    }

    /// Why nothing is written; `None` while all is well. The disk is not asked.
    pub fn stopped(&self) -> Option<Cause> {
        self.lock().as_ref().map(|stop| stop.why.clone())
    }

    fn try_now(&self, directory: impl AsFd) -> Result<(), Errno> {
        let _alone = self.trying.lock().unwrap_or_else(PoisonError::into_inner);
        probe(directory)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Stop>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does what every write does, with a file that nobody needs.
fn probe(directory: impl AsFd) -> Result<(), Errno> {
    let [new, name] = NAMES;
    let flags =
        OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&directory, new, flags, Mode::RUSR | Mode::WUSR)?;
    rustix::io::write(&file, b"x")?;
    rustix::fs::fsync(&file)?;
    rustix::fs::renameat(&directory, new, &directory, name)?;
    // Opened anew: some handles cannot be synced, and errors that were told are not told again.
    let same =
        rustix::fs::openat(&directory, ".", OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::fs::fsync(same)?;
    rustix::fs::unlinkat(&directory, name, AtFlags::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    fn failed(what: &str) -> Cause {
        Cause::with(what, Errno::IO)
    }

    #[test]
    fn one_error_of_a_disk_that_takes_files_stops_nothing_and_leaves_no_file() {
        let room = tempfile::tempdir().unwrap();
        let (directory, writable) = (File::open(room.path()).unwrap(), Writable::default());
        writable.sync_failed(&directory, failed("once"));
        assert!(writable.stopped().is_none());
        writable.expect(&directory).unwrap();
        assert_eq!(std::fs::read_dir(room.path()).unwrap().count(), 0);
    }

    #[test]
    fn writing_stops_while_the_directory_takes_no_file_and_goes_on_by_itself() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("gone");
        std::fs::create_dir(&path).unwrap();
        let (gone, writable) = (File::open(&path).unwrap(), Writable::default());
        std::fs::remove_dir(&path).unwrap();
        writable.sync_failed(&gone, failed("first"));
        writable.sync_failed(&gone, failed("second"));
        for _ in 0..2 {
            assert_eq!(writable.expect(&gone).unwrap_err().to_string(), "first");
            // A second later it is tried again, and fails again.
            writable.state.lock().unwrap().as_mut().unwrap().tried -= PAUSE;
        }
        assert!(writable.stopped().is_some());
        let sound = File::open(room.path()).unwrap();
        writable.expect(&sound).unwrap();
        assert!(writable.stopped().is_none());
    }
}
