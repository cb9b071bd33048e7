//! Pieces: a stored file, a piece at a time. Bytes in the page cache are read at once; only a read
//! that would block goes to a blocking thread.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rustix::io::{Errno, ReadWriteFlags, preadv2};

/// How much of a file is read at once. Unit: bytes.
///
/// Small enough that a piece is still in the processor's cache when it is encrypted, and that
/// thousands of slow readers cost megabytes; each has at most two.
const PIECE_BYTES: usize = 128 * 1024;

/// A file on its way out.
pub(super) struct Pieces {
    file: Arc<File>,
    at: u64,
    left: u64,
    spare: Spare,
}

/// Holds the buffer of a stream while no piece is in it.
type Spare = Arc<Mutex<Option<Vec<u8>>>>;

/// The bytes of one piece; their buffer is reused for the next piece once they are sent.
struct Lent {
    buffer: Vec<u8>,
    filled: usize,
    spare: Spare,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        *self.spare.lock().unwrap_or_else(PoisonError::into_inner) = Some(buffer);
    }
}

impl Pieces {
    /// `length` bytes of `file` from `start` on.
    pub(super) fn new(file: File, start: u64, length: u64) -> Self {
        Self { file: Arc::new(file), at: start, left: length, spare: Spare::default() }
    }

    /// Whether all of it was returned.
    pub(super) fn is_done(&self) -> bool {
        self.left == 0
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// The system's; [`io::ErrorKind::UnexpectedEof`] when the file is shorter than `length` says.
    pub(super) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        if self.left == 0 {
            return Ok(None);
        }
        let wanted = usize::try_from(self.left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        let mut buffer = self.buffer(wanted);
        let mut filled = match read(&self.file, &mut buffer, self.at, ReadWriteFlags::NOWAIT) {
            Ok(filled) => filled,
            // It is not in the page cache, or the file system does not say.
            Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS) => 0,
            Err(error) => return Err(error.into()),
        };
        if filled == 0 {
            let (file, at) = (Arc::clone(&self.file), self.at);
            let read = tokio::task::spawn_blocking(move || {
                let filled = read(&file, &mut buffer, at, ReadWriteFlags::empty());
                filled.map(|filled| (buffer, filled))
            });
            (buffer, filled) = read.await.map_err(io::Error::other)??;
        }
        if filled == 0 {
            let short = "a stored file is shorter than recorded";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, short));
        }
        self.at = self.at.saturating_add(filled as u64);
        self.left = self.left.saturating_sub(filled as u64);
        Ok(Some(Bytes::from_owner(Lent { buffer, filled, spare: Arc::clone(&self.spare) })))
    }

    fn buffer(&self, wanted: usize) -> Vec<u8> {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut buffer = spare.unwrap_or_default();
        buffer.resize(wanted, 0);
        buffer
    }
}

fn read(file: &File, buffer: &mut [u8], at: u64, flags: ReadWriteFlags) -> Result<usize, Errno> {
    rustix::io::retry_on_intr(|| preadv2(file, &mut [IoSliceMut::new(buffer)], at, flags))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn noise(count: usize) -> Vec<u8> {
        (0..count)
            .map(|at| u8::try_from(at.wrapping_mul(2_654_435_761) >> 7 & 0xff).unwrap())
            .collect()
    }

    fn file_of(bytes: &[u8]) -> File {
        #[expect(clippy::disallowed_methods, reason = "a file without a name, for this test")]
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    async fn all(mut pieces: Pieces, keep: bool) -> io::Result<Vec<u8>> {
        let (mut bytes, mut kept) = (Vec::new(), Vec::new());
        while let Some(piece) = pieces.next().await? {
            bytes.extend_from_slice(&piece);
            if keep {
                kept.push(piece);
            }
        }
        assert!(!keep || kept.concat() == bytes, "a piece changed after it was given");
        Ok(bytes)
    }

    #[tokio::test]
    async fn any_part_of_a_file_comes_whole_whether_its_pieces_are_held_or_not() {
        let bytes = noise(3 * PIECE_BYTES + 17);
        for (start, length) in [
            (0, bytes.len()),
            (0, 1),
            (PIECE_BYTES - 1, PIECE_BYTES + 2),
            (bytes.len() - 1, 1),
            (5, 0),
        ] {
            for keep in [false, true] {
                let pieces = Pieces::new(file_of(&bytes), start as u64, length as u64);
                let came = all(pieces, keep).await.unwrap();
                assert!(came == bytes[start..start + length], "{length} from {start}");
            }
        }
    }

    #[tokio::test]
    async fn a_file_that_is_cut_is_an_error_and_no_short_answer() {
        let pieces = Pieces::new(file_of(&noise(100)), 0, 101);
        let error = all(pieces, false).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn a_buffer_is_used_again_once_its_piece_is_sent() {
        let mut pieces = Pieces::new(file_of(&noise(4 * PIECE_BYTES)), 0, 4 * PIECE_BYTES as u64);
        let first = pieces.next().await.unwrap().unwrap();
        let place = first.as_ptr();
        drop(first);
        let second = pieces.next().await.unwrap().unwrap();
        assert_eq!(second.as_ptr(), place);
        let third = pieces.next().await.unwrap().unwrap();
        assert_ne!(third.as_ptr(), place, "the second piece is still on its way");
    }
}
