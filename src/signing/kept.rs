//! Kept: the last signed statement on the audit log, beside the catalogue. A catalogue that is set
//! back to an earlier state, with all its statements, does not agree with it.

use std::fs::File;
use std::io::{ErrorKind, Read as _};

use super::floor::failed;
use super::{DateFloor, FloorError};

/// No suite's name begins with a dot.
const STATEMENT: &str = ".audit";
/// Far more than a statement with the signatures of many keys has. Unit: bytes.
const MOST_BYTES: u64 = 1 << 20;

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
    /// [`FloorError::Io`] and [`FloorError::Broken`] when the disk is at fault.
    pub fn keep_statement(&self, text: &str) -> Result<(), FloorError> {
        let dir = self.lock()?;
        self.replace_file(STATEMENT, text.as_bytes(), &dir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
