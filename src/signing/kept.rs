//! Kept beside the floor: the last signed statement on the audit log, with which a catalogue that was
//! set back does not agree, and the last good reading of the clock.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};

use super::floor::failed;
use super::{DateFloor, FloorError};
use crate::time::Reading;

/// No suite's name begins with a dot.
const STATEMENT: &str = ".audit";
/// Far more than a statement with the signatures of many keys has. Unit: bytes.
const MOST_BYTES: u64 = 1 << 20;

/// The file of the last [`Reading`]. No suite's name begins with a dot.
const CLOCK: &str = ".clock";
/// The most that is read of it. Unit: bytes.
const CLOCK_BYTES: u64 = 256;

impl DateFloor {
    /// The last statement that was kept; `None` when there is none.
    ///
    /// # Errors
    /// [`FloorError::Io`] when it cannot be read (the machine's fault).
    pub fn read_statement(&self) -> Result<Option<String>, FloorError> {
        let path = self.path(STATEMENT);
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed("open", &path))?,
        };
        let mut bytes = Vec::new();
        file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(failed("read", &path))?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Keeps a statement in place of the one before, durably.
    ///
    /// # Errors
    /// [`FloorError::Io`] and [`FloorError::Stopped`] when the disk is at fault.
    pub fn keep_statement(&self, text: &str) -> Result<(), FloorError> {
        let dir = self.lock()?;
        self.replace_file(STATEMENT, text.as_bytes(), &dir)
    }

    /// Keeps what the clock showed while it was right, for the next start.
    ///
    /// # Errors
    /// [`FloorError::Io`]; what was kept before is still there.
    pub fn keep_reading(&self, reading: &Reading) -> Result<(), FloorError> {
        let path = self.path(CLOCK);
        let temporary = self.path(&format!("{CLOCK}.new"));
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
        let file = File::open(self.path(CLOCK)).ok()?;
        file.take(CLOCK_BYTES).read_to_string(&mut text).ok()?;
        Reading::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Moment;

    #[test]
    fn a_statement_is_kept_until_the_next_one() {
        let dir = tempfile::tempdir().unwrap();
        let floor = DateFloor::open(dir.path()).unwrap();
        assert_eq!(floor.read_statement().unwrap(), None);
        for text in ["Entries: 1\n", "Entries: 2\n"] {
            floor.keep_statement(text).unwrap();
            let again = DateFloor::open(dir.path()).unwrap();
            assert_eq!(again.read_statement().unwrap().as_deref(), Some(text));
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
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
}
