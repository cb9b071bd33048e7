//! AFRESH: bytes of a file, read from the disk and not from what the kernel keeps of it in memory.
//!
//! May name: nothing

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;

use rustix::fs::{Advice, fadvise};
use rustix::io::{ReadWriteFlags, preadv2};

/// How much is read at once. Unit: bytes.
pub const PART_BYTES: usize = 256 << 10;
/// The advice is about whole pages; larger ones than this lose nothing but the advice. Unit: bytes.
const PAGE_BYTES: u64 = 4096;

/// Reads `length` bytes from `offset` on, and hands them to `each` in parts of at most 256 KiB, until
/// the file ends or `each` gives `false`. Gives how many bytes it handed over.
///
/// A read would be answered from the page cache, where bytes stay right while those on the disk rot.
/// So the pages of each part are dropped before it is read (`POSIX_FADV_DONTNEED`). Pages that were not
/// in the cache before are dropped afterwards too, so that a walk through everything pushes nothing out
/// that somebody needs. Pages that are not written yet stay: they are newer than the disk. On a file
/// system that takes no advice, this reads what the cache has.
///
/// # Errors
/// The system's; `EIO` for a sector that cannot be read.
pub fn read(
    file: &File,
    offset: u64,
    length: u64,
    each: &mut dyn FnMut(&[u8]) -> bool,
) -> io::Result<u64> {
    // What is read ahead would look as if it had been in the cache. The handle is the caller's own.
    let _advice = fadvise(file, 0, None, Advice::Random);
    let mut buffer = vec![0; PART_BYTES.min(usize::try_from(length).unwrap_or(PART_BYTES))];
    let (mut at, mut left) = (offset, length);
    while left > 0 {
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let Some(part) = buffer.get_mut(..wanted) else { break };
        let was_cached = is_cached(file, at);
        drop_pages(file, at, wanted as u64);
        let read = match file.read_at(part, at) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if !was_cached {
            drop_pages(file, at, read as u64);
        }
        at = at.saturating_add(read as u64);
        left = left.saturating_sub(read as u64);
        if !each(part.get(..read).unwrap_or_default()) {
            break;
        }
    }
    Ok(at.saturating_sub(offset))
}

/// Whether the page cache has the byte at an offset. If not, the kernel begins to read its page.
fn is_cached(file: &File, at: u64) -> bool {
    let mut byte = [0];
    let read = preadv2(file, &mut [IoSliceMut::new(&mut byte)], at, ReadWriteFlags::NOWAIT);
    read.is_ok_and(|read| read > 0)
}

/// Drops the pages of a range, those at its ends included: a page that is dropped in part stays.
fn drop_pages(file: &File, at: u64, length: u64) {
    let first = at - at % PAGE_BYTES;
    let end = at.saturating_add(length).next_multiple_of(PAGE_BYTES);
    // It is advice: without it, less is noticed.
    let _advice =
        fadvise(file, first, NonZeroU64::new(end.saturating_sub(first)), Advice::DontNeed);
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn file_of(bytes: &[u8]) -> File {
        #[expect(clippy::disallowed_methods, reason = "a file without a name, for this test")]
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.sync_all().unwrap();
        file
    }

    #[test]
    fn any_part_of_a_file_is_read_afresh_whole() {
        let bytes: Vec<u8> = (0..PART_BYTES * 2 + 77).map(|at| ((at * 7) >> 5) as u8).collect();
        let file = file_of(&bytes);
        for (offset, length) in
            [(0, bytes.len()), (1, PART_BYTES), (4095, 2), (bytes.len() - 1, 1), (5, 0)]
        {
            let mut came = Vec::new();
            let count = read(&file, offset as u64, length as u64, &mut |part| {
                came.extend_from_slice(part);
                true
            });
            assert_eq!(count.unwrap(), length as u64);
            assert!(came == bytes[offset..offset + length], "{length} from {offset}");
        }
    }

    #[test]
    fn a_file_that_ends_early_and_whoever_has_enough_end_it() {
        let file = file_of(&vec![1; PART_BYTES * 3]);
        let mut parts = 0;
        let count = read(&file, 0, u64::MAX, &mut |_| {
            parts += 1;
            parts < 2
        });
        assert_eq!(count.unwrap(), 2 * PART_BYTES as u64);
        assert_eq!(read(&file, 10, u64::MAX, &mut |_| true).unwrap(), 3 * PART_BYTES as u64 - 10);
    }

    /// Where the file system keeps a page cache that takes advice: what was not in it before is not
    /// in it afterwards, and what was stays.
    #[test]
    fn a_walk_leaves_the_page_cache_as_it_was() {
        // A file system in memory drops no page, and /tmp may be one.
        let mut files = ["/tmp", "/var/tmp", env!("CARGO_MANIFEST_DIR")].map(|dir| {
            let mut file = tempfile::tempfile_in(dir).unwrap();
            file.write_all(&vec![1; PART_BYTES * 4]).unwrap();
            file.sync_all().unwrap();
            drop_pages(&file, 0, 4 * PART_BYTES as u64);
            file
        });
        let on_disk = files.iter_mut().find(|file| !is_cached(file, 0));
        let file =
            on_disk.expect("no directory on a disk: /tmp, /var/tmp and the source are in memory");
        // To ask for a page is to have it read: it is dropped again once that is over.
        file.read_exact_at(&mut [0], 0).unwrap();
        drop_pages(file, 0, 4 * PART_BYTES as u64);
        let half = 2 * PART_BYTES as u64;
        let _warm = fadvise(&*file, 0, None, Advice::Random);
        file.read_exact_at(&mut vec![0; PART_BYTES * 2], half).unwrap();
        assert!(is_cached(file, half));
        read(file, 0, u64::MAX, &mut |_| true).unwrap();
        assert!(!is_cached(file, 0));
        assert!(is_cached(file, half));
    }
}
