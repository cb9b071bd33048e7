//! The floor of Dates: the last Date signed for each suite, on disk and strictly rising.
//!
//! It lies outside the catalogue on purpose: restoring an old catalogue must not bring back old
//! Dates.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::OFlags;

use crate::debian::SuiteName;
use crate::time::{Moment, Reading};

/// A floor file is at most ten digits and a newline; reading a little more shows that it is longer.
const READ_BYTES: u64 = 32;

/// The file of the last [`Reading`]. No suite's name begins with a dot.
const CLOCK: &str = ".clock";
/// The most that is read of it. Unit: bytes.
const CLOCK_BYTES: u64 = 256;

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
    /// An earlier write may not have reached the disk, so nothing may be signed any more.
    #[error("an earlier write to {dir:?} may be lost: check the disk, then restart the server")]
    Broken {
        /// The directory of the floor.
        dir: PathBuf,
    },
}

/// The last signed Date of every suite.
///
/// Shape: a directory with one file per suite, named as the suite, which holds the seconds since
/// 1970 as decimal digits and a newline.
#[derive(Debug)]
pub struct DateFloor {
    dir: PathBuf,
    broken: AtomicBool,
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
        Ok(Self { dir, broken: AtomicBool::new(false) })
    }

    /// The last signed Date of the suite; `None` when it was never signed.
    ///
    /// # Errors
    /// [`FloorError::Damaged`] when the file holds anything else than one Date, and
    /// [`FloorError::Io`] when it cannot be read (both the machine's fault).
    pub fn read(&self, suite: &SuiteName) -> Result<Option<Moment>, FloorError> {
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

    /// Raises the floor of the suite, durably: once this returns, a power cut does not undo it.
    ///
    /// # Errors
    /// [`FloorError::NotAbove`] unless `date` is above the floor (caller's fault);
    /// [`FloorError::OutOfRange`]; [`FloorError::Damaged`], [`FloorError::Io`] and
    /// [`FloorError::Broken`] when the disk is at fault.
    pub fn raise(&self, suite: &SuiteName, date: Moment) -> Result<(), FloorError> {
        let dir = self.locked(date)?;
        if let Some(floor) = self.read(suite)?.filter(|floor| date <= *floor) {
            return Err(FloorError::NotAbove { suite: suite.clone(), date, floor });
        }
        self.replace(suite, date, &dir)
    }

    /// Lowers the floor of the suite to `date`, durably, because a person said so. A floor that is
    /// lower stays.
    ///
    /// # Errors
    /// As for [`DateFloor::raise`], but for [`FloorError::NotAbove`].
    pub fn lower(&self, suite: &SuiteName, date: Moment) -> Result<(), FloorError> {
        let dir = self.locked(date)?;
        match self.read(suite)? {
            Some(floor) if floor > date => self.replace(suite, date, &dir),
            _ => Ok(()),
        }
    }

    /// Keeps what the clock showed while it was right, for the next start.
    ///
    /// # Errors
    /// [`FloorError::Io`]; what was kept before is still there.
    pub fn keep_reading(&self, reading: &Reading) -> Result<(), FloorError> {
        let path = self.dir.join(CLOCK);
        let temporary = self.dir.join(format!("{CLOCK}.new"));
        let written = File::create(&temporary).and_then(|mut file| {
            file.write_all(reading.write().as_bytes())?;
            file.sync_all()
        });
        written.and_then(|()| fs::rename(&temporary, &path)).map_err(failed("write", &path))
    }

    /// What was kept last; `None` where nothing was, or something else is there. Then a start has
    /// nothing to compare its clock with.
    pub fn last_reading(&self) -> Option<Reading> {
        let mut text = String::new();
        let file = File::open(self.dir.join(CLOCK)).ok()?;
        file.take(CLOCK_BYTES).read_to_string(&mut text).ok()?;
        Reading::parse(&text)
    }

    /// The directory, locked for a change to this Date. Closing the handle frees the lock.
    fn locked(&self, date: Moment) -> Result<File, FloorError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(FloorError::Broken { dir: self.dir.clone() });
        }
        if u32::try_from(date.0).is_err() {
            return Err(FloorError::OutOfRange(date));
        }
        let dir = File::open(&self.dir).map_err(failed("open the directory", &self.dir))?;
        // Another thread, or another process by mistake, must not write between reading and
        // writing.
        dir.lock().map_err(failed("lock", &self.dir))?;
        Ok(dir)
    }

    fn replace(&self, suite: &SuiteName, date: Moment, dir: &File) -> Result<(), FloorError> {
        // No suite's name begins with a dot.
        let temporary = self.dir.join(format!(".{suite}.new"));
        let _leftover_of_a_crash = fs::remove_file(&temporary);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
            .map_err(failed("make", &temporary))?;
        if let Err(error) = file.write_all(format!("{}\n", date.0).as_bytes()) {
            let _nothing_lost = fs::remove_file(&temporary);
            return Err(failed("write", &temporary)(error));
        }
        // After a failed sync the kernel may drop the dirty pages, and a second sync would succeed
        // wrongly.
        file.sync_all()
            .and_then(|()| fs::rename(&temporary, self.dir.join(suite.as_str())))
            .and_then(|()| dir.sync_all())
            .inspect_err(|_| self.broken.store(true, Ordering::SeqCst))
            .map_err(failed("make durable", &temporary))
    }
}

/// Exactly what [`DateFloor::raise`] writes, and nothing else.
fn parse(bytes: &[u8]) -> Option<Moment> {
    let text = std::str::from_utf8(bytes).ok()?;
    let seconds: u32 = text.strip_suffix('\n')?.parse().ok()?;
    (format!("{seconds}\n") == text).then(|| Moment(i64::from(seconds)))
}

/// Whether a path names something: the parent of a bare file name is the empty path.
fn has_name(path: &&Path) -> bool {
    !path.as_os_str().is_empty()
}

fn failed<'p>(what: &'static str, path: &'p Path) -> impl FnOnce(io::Error) -> FloorError + 'p {
    move |source| FloorError::Io { what, path: path.to_path_buf(), source }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn suite(name: &str) -> SuiteName {
        SuiteName::parse(name).unwrap()
    }

    #[test]
    fn the_floor_rises_survives_a_restart_and_never_falls() {
        let dir = tempfile::tempdir().unwrap();
        let floor = DateFloor::open(dir.path()).unwrap();
        let (stable, edge) = (suite("stable"), suite("edge"));
        assert_eq!(floor.read(&stable).unwrap(), None);
        floor.raise(&stable, Moment(100)).unwrap();
        for low in [100, 99, 0] {
            let refused = floor.raise(&stable, Moment(low)).unwrap_err();
            assert!(
                matches!(refused, FloorError::NotAbove { floor: Moment(100), .. }),
                "{refused}"
            );
        }
        floor.raise(&edge, Moment(7)).unwrap();
        drop(floor);

        let again = DateFloor::open(dir.path()).unwrap();
        assert_eq!(again.read(&stable).unwrap(), Some(Moment(100)));
        assert_eq!(again.read(&edge).unwrap(), Some(Moment(7)));
        assert!(again.raise(&stable, Moment(100)).is_err());
        again.raise(&stable, Moment(101)).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("stable")).unwrap(), "101\n");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "no temporary file is left");
    }

    #[test]
    fn the_floor_is_lowered_on_demand_alone_and_never_raised_by_that() {
        let dir = tempfile::tempdir().unwrap();
        let floor = DateFloor::open(dir.path()).unwrap();
        let stable = suite("stable");
        floor.lower(&stable, Moment(50)).unwrap();
        assert_eq!(floor.read(&stable).unwrap(), None, "a suite that was never signed has none");
        floor.raise(&stable, Moment(100)).unwrap();
        floor.lower(&stable, Moment(200)).unwrap();
        assert_eq!(floor.read(&stable).unwrap(), Some(Moment(100)));
        floor.lower(&stable, Moment(40)).unwrap();
        assert_eq!(floor.read(&stable).unwrap(), Some(Moment(40)));
        assert!(floor.raise(&stable, Moment(40)).is_err());
        floor.raise(&stable, Moment(41)).unwrap();
        assert!(floor.lower(&stable, Moment(-1)).is_err());
    }

    #[test]
    fn a_reading_of_the_clock_is_kept_and_a_damaged_one_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let floor = DateFloor::open(dir.path()).unwrap();
        assert_eq!(floor.last_reading(), None);
        let reading = Reading { at: Moment(7), uptime_seconds: 3, boot: "a".into() };
        floor.keep_reading(&reading).unwrap();
        assert_eq!(floor.last_reading(), Some(reading));
        for bad in ["", "7 3 a", &"1".repeat(1 << 20)] {
            fs::write(dir.path().join(CLOCK), bad).unwrap();
            assert_eq!(floor.last_reading(), None, "{:?}", bad.get(..5));
        }
    }

    #[test]
    fn a_damaged_file_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let floor = DateFloor::open(dir.path()).unwrap();
        for bad in
            ["", "\n", "12", "+12\n", "012\n", "-1\n", "12\n\n", " 12\n", "4294967296\n", "x\n"]
        {
            fs::write(dir.path().join("stable"), bad).unwrap();
            let refused = floor.read(&suite("stable")).unwrap_err();
            assert!(matches!(refused, FloorError::Damaged { .. }), "{bad:?}: {refused}");
            assert!(refused.to_string().contains("stable"), "{refused}");
            assert!(floor.raise(&suite("stable"), Moment(1 << 31)).is_err(), "{bad:?}");
        }
        fs::write(dir.path().join("stable"), [b'1', 0xff, b'\n']).unwrap();
        assert!(floor.read(&suite("stable")).is_err());
        fs::write(dir.path().join("stable"), "1".repeat(1 << 20)).unwrap();
        assert!(floor.read(&suite("stable")).is_err());
        assert_eq!(floor.read(&suite("edge")).unwrap(), None, "other suites are not harmed");
    }

    #[test]
    fn a_missing_directory_is_refused_until_it_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("floor");
        assert!(matches!(DateFloor::open(&path), Err(FloorError::Io { .. })));
        DateFloor::create(&path).unwrap().raise(&suite("a"), Moment(5)).unwrap();
        assert_eq!(DateFloor::create(&path).unwrap().read(&suite("a")).unwrap(), Some(Moment(5)));
        fs::write(dir.path().join("file"), "").unwrap();
        assert!(DateFloor::create(dir.path().join("file")).is_err());
    }

    #[test]
    fn dates_outside_openpgp_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let floor = DateFloor::open(dir.path()).unwrap();
        for bad in [-1, 1 << 32, i64::MAX, i64::MIN] {
            let refused = floor.raise(&suite("a"), Moment(bad)).unwrap_err();
            assert!(matches!(refused, FloorError::OutOfRange(_)), "{bad}: {refused}");
        }
        assert_eq!(floor.read(&suite("a")).unwrap(), None);
    }

    #[test]
    fn a_write_that_may_be_lost_ends_all_writing() {
        let dir = tempfile::tempdir().unwrap();
        let floor = DateFloor::open(dir.path()).unwrap();
        // A directory in the place of the file makes the rename fail.
        fs::create_dir(dir.path().join("late")).unwrap();
        let file = File::open(dir.path()).unwrap();
        assert!(floor.replace(&suite("late"), Moment(1), &file).is_err());
        let refused = floor.raise(&suite("other"), Moment(1)).unwrap_err();
        assert!(matches!(refused, FloorError::Broken { .. }), "{refused}");
    }

    #[test]
    fn of_many_threads_with_one_date_one_wins() {
        let dir = tempfile::tempdir().unwrap();
        let floor = DateFloor::open(dir.path()).unwrap();
        let wins = std::thread::scope(|scope| {
            let raise = || floor.raise(&suite("stable"), Moment(9)).is_ok();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(raise)).collect();
            threads.into_iter().map(|t| t.join().unwrap()).filter(|won| *won).count()
        });
        assert_eq!(wins, 1);
    }

    proptest! {
        #[test]
        fn bytes_parse_only_to_what_writes_them(
            bytes in prop::collection::vec(any::<u8>(), 0..14)
        ) {
            if let Some(moment) = parse(&bytes) {
                prop_assert_eq!(format!("{}\n", moment.0).into_bytes(), bytes);
            }
        }

        #[test]
        fn what_is_written_parses(seconds in any::<u32>()) {
            let text = format!("{seconds}\n");
            prop_assert_eq!(parse(text.as_bytes()), Some(Moment(i64::from(seconds))));
        }
    }
}
