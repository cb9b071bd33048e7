//! RESERVE: room on the file system of the data directory that is kept for what has to be written
//! when it is full: revocation lists, and revocations in the catalogue.
//!
//! Shape: a directory with [`PIECES`] files of [`PIECE_BYTES`], which hold noise, because a file
//! system that compresses stores zeros in no room. Each of them is an inode and its bytes. What has to
//! be written is tried, and each time that there is no room for it one file is removed. They are made
//! again when there is room for twice as much.
//!
//! Limits: somebody else may take the room in the moment between the removal and the write; then the
//! next file goes. What is longer than all of them together may find no room.
//!
//! May name: amount

#![expect(clippy::disallowed_methods, reason = "this room makes and removes its own files")]

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::amount::size;

/// How many files there are.
pub const PIECES: usize = 8;
/// How long each of them is. Unit: bytes.
pub const PIECE_BYTES: u64 = 1 << 20;

/// Room that is given up for what has to be written.
#[derive(Debug)]
pub struct Reserve {
    /// `None` where none is kept.
    dir: Option<PathBuf>,
    /// Held while files are made or removed.
    changing: Mutex<()>,
}

impl Reserve {
    /// The room that is kept in `dir`, which is made with its files, as far as there is room for them
    /// now.
    pub fn open(dir: PathBuf) -> Self {
        let reserve = Self { dir: Some(dir), changing: Mutex::default() };
        reserve.refill();
        reserve
    }

    /// No room is kept: for programs that write nothing that has to be written.
    pub const fn none() -> Self {
        Self { dir: None, changing: Mutex::new(()) }
    }

    /// Runs `attempt`, and again for each file that is removed while `is_full` says that it failed for
    /// lack of room.
    ///
    /// # Errors
    /// That of the last attempt.
    pub fn spend<T, E>(
        &self,
        is_full: impl Fn(&E) -> bool,
        mut attempt: impl FnMut() -> Result<T, E>,
    ) -> Result<T, E> {
        let mut last = attempt();
        while last.as_ref().is_err_and(&is_full) && self.give_up_one() {
            last = attempt();
        }
        last
    }

    /// Makes the files that are not there, if there is room for twice as much. Gives whether all are
    /// there.
    pub fn refill(&self) -> bool {
        let Some(dir) = &self.dir else { return true };
        let _alone = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let lacking: Vec<_> = pieces(dir).filter(|piece| !is_whole(piece)).collect();
        let bytes = (lacking.len() as u64).saturating_mul(PIECE_BYTES);
        if lacking.is_empty() {
            return true;
        }
        let _there_already = fs::DirBuilder::new().mode(0o700).create(dir);
        let room = Room::of(dir);
        if room.is_none_or(|room| room.bytes < bytes.saturating_mul(2) || room.has_few_inodes()) {
            return false;
        }
        lacking.iter().all(|piece| make(piece).is_ok())
    }

    /// Whether all files are there; also where none is kept.
    pub fn is_whole(&self) -> bool {
        self.dir.as_ref().is_none_or(|dir| pieces(dir).all(|piece| is_whole(&piece)))
    }

    /// Where the files are; `None` where none is kept.
    pub fn dir(&self) -> Option<&Path> {
        self.dir.as_deref()
    }

    /// Removes a file; `false` when there was none.
    fn give_up_one(&self) -> bool {
        let Some(dir) = &self.dir else { return false };
        let _alone = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        pieces(dir).any(|piece| fs::remove_file(piece).is_ok())
    }
}

fn pieces(dir: &Path) -> impl Iterator<Item = PathBuf> + use<'_> {
    (0..PIECES).map(|number| dir.join(number.to_string()))
}

fn is_whole(piece: &Path) -> bool {
    fs::metadata(piece).is_ok_and(|at| at.is_file() && at.len() == PIECE_BYTES)
}

fn make(piece: &Path) -> io::Result<()> {
    let made = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(piece);
    // What it holds need not be durable: the room is taken once it is written.
    let written = made.and_then(|mut file| file.write_all(&noise()));
    if written.is_err() {
        let _as_before = fs::remove_file(piece);
    }
    written
}

/// Bytes that no compression makes fewer. Source: xorshift, Marsaglia 2003.
fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(usize::try_from(PIECE_BYTES).unwrap_or_default()).collect()
}

/// What is free on a file system.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room {
    /// For users other than root. Unit: bytes.
    pub bytes: u64,
    /// Inodes that are free; `None` on a file system that makes them as they are needed.
    pub inodes: Option<u64>,
}

impl Room {
    /// What is free where `path` lies; `None` when that cannot be told.
    pub fn of(path: &Path) -> Option<Self> {
        rustix::fs::statvfs(path).ok().map(|found| Self::read(&found))
    }

    /// What is free where an open file lies; `None` when that cannot be told.
    pub fn of_open(file: impl std::os::fd::AsFd) -> Option<Self> {
        rustix::fs::fstatvfs(file).ok().map(|found| Self::read(&found))
    }

    fn read(found: &rustix::fs::StatVfs) -> Self {
        Self {
            bytes: found.f_bavail.saturating_mul(found.f_frsize),
            inodes: (found.f_files > 0).then_some(found.f_favail),
        }
    }

    /// Whether there is no inode for another file.
    pub fn has_no_inodes(self) -> bool {
        self.inodes == Some(0)
    }

    fn has_few_inodes(self) -> bool {
        self.inodes.is_some_and(|inodes| inodes < 2 * PIECES as u64)
    }
}

/// What the file system of `path` lacks, for people: that no inode is free there, or how many bytes
/// are.
pub fn lack(path: &Path) -> String {
    // A file that could not be made is not there.
    let above = path.parent().unwrap_or(path);
    let (path, room) = match Room::of(path) {
        Some(room) => (path.display(), Some(room)),
        None => (above.display(), Room::of(above)),
    };
    match room {
        Some(room) if room.has_no_inodes() => format!(
            "no inode is free on the file system of {path}, although {} are: remove files there",
            size(room.bytes)
        ),
        Some(room) => format!(
            "{} are free on the file system of {path}: remove files there, make it larger, or see \
             its quota",
            size(room.bytes)
        ),
        None => format!("the file system of {path} has no free space"),
    }
}

/// Whether a call failed because a file system has no room for it.
pub fn is_full(error: &io::Error) -> bool {
    // By its kind, because a library may have wrapped the system's error.
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(dir: &Path) -> usize {
        fs::read_dir(dir).unwrap().count()
    }

    #[test]
    fn one_piece_is_given_up_for_each_attempt_that_finds_no_room() {
        let room = tempfile::tempdir().unwrap();
        let dir = room.path().join("reserve");
        let reserve = Reserve::open(dir.clone());
        assert!(reserve.is_whole());
        assert_eq!(count(&dir), PIECES);
        let mut attempts = 0;
        let written = reserve.spend(
            |full| *full,
            || {
                attempts += 1;
                if attempts < 4 { Err(true) } else { Ok(attempts) }
            },
        );
        assert_eq!(written, Ok(4));
        assert_eq!(count(&dir), PIECES - 3);
        assert!(!reserve.is_whole());
        // What fails for another reason takes nothing.
        assert_eq!(reserve.spend(|full: &bool| *full, || Err::<(), _>(false)), Err(false));
        assert_eq!(count(&dir), PIECES - 3);
        assert!(reserve.refill() && reserve.is_whole());
        // It has an end.
        assert_eq!(reserve.spend(|full: &bool| *full, || Err::<(), _>(true)), Err(true));
        assert_eq!(count(&dir), 0);
    }

    #[test]
    fn a_piece_that_was_cut_is_made_again() {
        let room = tempfile::tempdir().unwrap();
        let reserve = Reserve::open(room.path().join("reserve"));
        OpenOptions::new()
            .write(true)
            .open(room.path().join("reserve/3"))
            .unwrap()
            .set_len(7)
            .unwrap();
        assert!(!reserve.is_whole());
        assert!(reserve.refill() && reserve.is_whole());
    }

    #[test]
    fn where_none_is_kept_nothing_is_made_and_an_attempt_is_made_once() {
        let mut attempts = 0;
        let tried = Reserve::none().spend(
            |_: &()| true,
            || {
                attempts += 1;
                Err::<(), _>(())
            },
        );
        assert!(tried.is_err() && attempts == 1);
        assert!(Reserve::none().is_whole() && Reserve::none().refill());
    }
}
