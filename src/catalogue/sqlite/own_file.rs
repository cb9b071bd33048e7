//! Own file: the file of a catalogue, held open beside SQLite's own handles.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The file of a catalogue.
pub(super) struct OwnFile {
    path: PathBuf,
    /// Closing any handle of the file releases the locks that SQLite holds on it in this process. So
    /// it is opened once, and closed when SQLite has closed its own.
    held: Option<File>,
}

impl OwnFile {
    /// A file that is held open, so that it can be read from the disk again.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn held(path: &Path) -> io::Result<Self> {
        let held = File::open(path)?;
        Ok(Self { path: path.to_path_buf(), held: Some(held) })
    }

    /// A file that others write.
    pub(super) fn named(path: &Path) -> Self {
        Self { path: path.to_path_buf(), held: None }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The handle, where it is held open.
    pub(super) fn handle(&self) -> Option<&File> {
        self.held.as_ref()
    }

    /// What is wrong, when another file or none is where the open one was.
    pub(super) fn misplaced(&self) -> Option<String> {
        let Self { path, held } = self;
        let held = held.as_ref()?.metadata().ok()?;
        let shown = path.display();
        match path.metadata() {
            Ok(there) if (there.dev(), there.ino()) == (held.dev(), held.ino()) => None,
            Ok(_) => Some(format!(
                "{shown} is another file than the one that the server has open; put that one back, or \
                 stop the server and restore a backup"
            )),
            Err(problem) => Some(format!(
                "{shown} is gone ({problem}), and is lost once the server stops; make a copy now: \
                 /proc/PID/fd of the server still has it"
            )),
        }
    }
}
