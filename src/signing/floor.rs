//! The floor of Dates: the last Date signed for each suite, on disk and strictly rising; and the
//! highest generation signed.
//!
//! It lies outside the catalogue on purpose: restoring an old catalogue must not bring back old
//! Dates, nor generation numbers that hosts have seen.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::cause::Cause;
use crate::debian::SuiteName;
use crate::reserve::is_full;
use crate::time::Moment;
use crate::writable::Writable;

/// A floor file is at most ten digits, a blank, twenty digits and a newline; reading a little more
/// shows that it is longer.
const READ_BYTES: u64 = 40;

/// Why the floor could not be read or raised.
#[derive(Debug, thiserror::Error)]
pub enum FloorError {
    /// The file system failed (the machine's fault).
    #[error("cannot {what} {path:?}: {source}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds something else than a Date (the machine's or operator's fault).
    #[error(
        "{path:?} is damaged: it must hold the last signed Date as seconds since 1970 and a \
         newline; write there the Date of the suite's last InRelease"
    )]
    Damaged {
        /// The damaged file.
        path: PathBuf,
    },
    /// The Date is not above the floor (a Date was used twice, or the floor rose meanwhile).
    #[error(
        "the Date {date} of suite {suite} is not above the last one, {floor}: ask for a new Date"
    )]
    NotAbove {
        /// The suite.
        suite: SuiteName,
        /// The refused Date.
        date: Moment,
        /// The last Date signed.
        floor: Moment,
    },
    /// OpenPGP cannot express the Date (the clock is wrong).
    #[error("{0} is outside the years 1970 to 2105 that OpenPGP can express: set the clock right")]
    OutOfRange(Moment),
    /// A sync failed, and the disk has taken nothing since, so nothing may be signed. It is tried again.
    #[error(
        "nothing can be written to {dir:?} since a failed {why}; look at the disk: it goes on by itself when that is sound"
    )]
    Stopped {
        /// The directory of the floor.
        dir: PathBuf,
        /// Which sync, and what the system said.
        #[source]
        why: Cause,
    },
}

/// The last signed Date of every suite.
///
/// Shape: a directory with one file per suite, named as the suite, which holds the seconds since
/// 1970 as decimal digits, the highest generation after a blank if one is known, and a newline.
#[derive(Debug)]
pub struct DateFloor {
    dir: PathBuf,
    writable: Writable,
}

impl DateFloor {
    /// Makes the directory, for its owner alone, and opens it. An existing one is kept.
    ///
    /// # Errors
    /// [`FloorError::Io`] when the directory cannot be made (the machine's fault).
    pub fn create(dir: impl Into<PathBuf>) -> Result<Self, FloorError> {
        let dir = dir.into();
        let made = fs::DirBuilder::new().mode(0o700).create(&dir);
        match made
            .and_then(|()| File::open(dir.parent().filter(has_name).unwrap_or(Path::new("."))))
        {
            Ok(parent) => parent.sync_all().map_err(failed("sync the parent of", &dir))?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed("make", &dir)(error)),
        }
        Self::open(dir)
    }

    /// Opens the floor in a directory that exists.
    ///
    /// A missing directory is refused: taking it for an empty one would forget every Date.
    ///
    /// # Errors
    /// [`FloorError::Io`] when `dir` is missing or is no directory (operator's fault).
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, FloorError> {
        let dir = dir.into();
        fs::read_dir(&dir).map_err(failed("open the directory", &dir))?;
        Ok(Self { dir, writable: Writable::default() })
    }

    /// The last signed Date of the suite; `None` when it was never signed.
    ///
    /// # Errors
    /// [`FloorError::Damaged`] when the file holds anything else than one Date, and
    /// [`FloorError::Io`] when it cannot be read (both the machine's fault).
    pub fn read(&self, suite: &SuiteName) -> Result<Option<Moment>, FloorError> {
        Ok(self.read_mark(suite)?.map(|mark| mark.date))
    }

    /// The highest generation of the suite that was ever signed; 0 when none is known.
    ///
    /// # Errors
    /// As for [`DateFloor::read`].
    pub fn read_generation(&self, suite: &SuiteName) -> Result<u64, FloorError> {
        Ok(self.read_mark(suite)?.map_or(0, |mark| mark.generation))
    }

    fn read_mark(&self, suite: &SuiteName) -> Result<Option<Mark>, FloorError> {
        let path = self.dir.join(suite.as_str());
        // A FIFO in its place keeps nobody waiting.
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
        let file = match OpenOptions::new().read(true).custom_flags(flags).open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed("open", &path))?,
        };
        if !file.metadata().map_err(failed("look at", &path))?.is_file() {
            return Err(FloorError::Damaged { path });
        }
        let mut bytes = Vec::new();
        file.take(READ_BYTES).read_to_end(&mut bytes).map_err(failed("read", &path))?;
        parse(&bytes).map(Some).ok_or(FloorError::Damaged { path })
    }

    /// Raises the floor of the suite, durably: once this returns, a power cut does not undo it. The
    /// highest generation is raised with it, if this one is higher.
    ///
    /// # Errors
    /// [`FloorError::NotAbove`] unless `date` is above the floor (caller's fault);
    /// [`FloorError::OutOfRange`]; [`FloorError::Damaged`], [`FloorError::Io`] and
    /// [`FloorError::Stopped`] when the disk is at fault.
    pub fn raise(
        &self,
        suite: &SuiteName,
        date: Moment,
        generation: u64,
    ) -> Result<(), FloorError> {
        if u32::try_from(date.0).is_err() {
            return Err(FloorError::OutOfRange(date));
        }
        let dir = self.lock()?;
        let before = self.read_mark(suite)?;
        if let Some(floor) = before.map(|mark| mark.date).filter(|floor| date <= *floor) {
            return Err(FloorError::NotAbove { suite: suite.clone(), date, floor });
        }
        // A suite that was removed and made again begins with its first one.
        let highest = before.map_or(0, |mark| mark.generation);
        let generation = if generation == 1 { 1 } else { generation.max(highest) };
        self.replace(suite, Mark { date, generation }, &dir)
    }

    /// Lowers the floor of the suite to `date`, durably, because a person said so. A floor that is
    /// lower stays, and so does the highest generation.
    ///
    /// # Errors
    /// As for [`DateFloor::raise`], but for [`FloorError::NotAbove`].
    pub fn lower(&self, suite: &SuiteName, date: Moment) -> Result<(), FloorError> {
        if u32::try_from(date.0).is_err() {
            return Err(FloorError::OutOfRange(date));
        }
        let dir = self.lock()?;
        match self.read_mark(suite)? {
            // Also one that is there: the sync of an attempt before may have failed.
            Some(mark) if mark.date >= date => self.replace(suite, Mark { date, ..mark }, &dir),
            _ => Ok(()),
        }
    }

    fn replace(&self, suite: &SuiteName, mark: Mark, dir: &File) -> Result<(), FloorError> {
        self.replace_file(suite.as_str(), mark.text().as_bytes(), dir)
    }

    /// Replaces a file of the directory, durably.
    pub(super) fn replace_file(
        &self,
        name: &str,
        bytes: &[u8],
        dir: &File,
    ) -> Result<(), FloorError> {
        // No suite's name begins with a dot.
        let temporary = self.dir.join(format!(".{name}.new"));
        let _leftover_of_a_crash = fs::remove_file(&temporary);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
            .map_err(failed("make", &temporary))?;
        if let Err(error) = file.write_all(bytes) {
            let _nothing_lost = fs::remove_file(&temporary);
            return Err(failed("write", &temporary)(error));
        }
        file.sync_all()
            .inspect_err(|error| self.unsynced("sync of a date", error, dir))
            .map_err(failed("make durable", &temporary))?;
        fs::rename(&temporary, self.dir.join(name)).map_err(failed("rename", &temporary))?;
        dir.sync_all()
            .inspect_err(|error| self.unsynced("sync of the dates", error, dir))
            .map_err(failed("make durable", &self.dir))
    }

    /// A sync failed, and its caller signs nothing. What it was for is no harm: the next one to write
    /// makes a new file, and renames it over this one. A full disk is no reason to stop.
    fn unsynced(&self, what: &str, error: &io::Error, dir: &File) {
        if !is_full(error) {
            self.writable.sync_failed(dir, Cause::from(format!("{what}: {error}")));
        }
    }

    /// Why nothing is signed; `None` while all is well.
    pub fn stopped(&self) -> Option<FloorError> {
        Some(FloorError::Stopped { dir: self.dir.clone(), why: self.writable.stopped()? })
    }

    /// When writing stopped, tries whether it can go on: for a server that signs nothing. It may wait
    /// for the disk.
    pub fn try_again(&self) {
        // Why not is in `stopped`.
        let _still = self.lock();
    }

    /// The directory, locked: another thread, or another process by mistake, must not write between
    /// reading and writing. Closing the handle frees the lock.
    ///
    /// # Errors
    /// [`FloorError::Stopped`] while the disk takes nothing; [`FloorError::Io`].
    pub(super) fn lock(&self) -> Result<File, FloorError> {
        let dir = File::open(&self.dir).map_err(failed("open the directory", &self.dir))?;
        let stopped = |why| FloorError::Stopped { dir: self.dir.clone(), why };
        self.writable.expect(&dir).map_err(stopped)?;
        dir.lock().map_err(failed("lock", &self.dir))?;
        Ok(dir)
    }

    /// The path of a file of the directory.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// What a floor file holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Mark {
    date: Moment,
    generation: u64,
}

impl Mark {
    /// A file without a generation is one of an earlier build.
    fn text(self) -> String {
        match self.generation {
            0 => format!("{}\n", self.date.0),
            generation => format!("{} {generation}\n", self.date.0),
        }
    }
}

/// Exactly what [`DateFloor::raise`] writes, and nothing else.
fn parse(bytes: &[u8]) -> Option<Mark> {
    let text = std::str::from_utf8(bytes).ok()?;
    let line = text.strip_suffix('\n')?;
    let (seconds, generation) = line.split_once(' ').unwrap_or((line, "0"));
    let seconds: u32 = seconds.parse().ok()?;
    let mark = Mark { date: Moment(i64::from(seconds)), generation: generation.parse().ok()? };
    (mark.text() == text).then_some(mark)
}

/// Whether a path names something: the parent of a bare file name is the empty path.
fn has_name(path: &&Path) -> bool {
    !path.as_os_str().is_empty()
}

pub(super) fn failed<'p>(
    what: &'static str,
    path: &'p Path,
) -> impl FnOnce(io::Error) -> FloorError + 'p {
    move |source| FloorError::Io { what, path: path.to_path_buf(), source }
}

#[cfg(test)]
mod tests;
