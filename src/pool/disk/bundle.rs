//! Bundle: many small blobs in one file, with a table at its start of where each of them is.
//!
//! Shape: 8 magic bytes; the number of blobs (4 bytes); for each blob its digest (32 bytes), its
//! offset in the file and its size in bytes (4 each), in the order of the digests; then their bytes
//! in that order, without gaps. Numbers are big-endian. The name of the file is the digest of
//! everything before the bytes, so it proves every byte of the file.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::digest::Digest;
use crate::pool::Sealed;

const MAGIC: &[u8; 8] = b"repodbn1";
const HEADER_BYTES: usize = 12;
const ENTRY_BYTES: usize = 40;
/// Most blobs of one bundle.
pub(super) const MOST_BLOBS: usize = 16_384;
/// Most that the blobs of one bundle add up to. Unit: bytes.
pub(super) const MOST_BYTES: u64 = 8 << 20;

/// Where a blob is in its bundle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub(super) digest: Digest,
    pub(super) offset: u64,
    pub(super) size_bytes: u64,
}

impl Entry {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (digest, numbers) = bytes.split_at_checked(32)?;
        let (offset, size) = numbers.split_at_checked(4)?;
        let number = |bytes: &[u8]| bytes.try_into().map(u32::from_be_bytes).ok().map(u64::from);
        let digest = Digest::from_slice(digest)?;
        Some(Self { digest, offset: number(offset)?, size_bytes: number(size)? })
    }

    /// The offset after its last byte.
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(self.size_bytes)
    }
}

/// The table of these blobs; `None` unless they are in the order of their digests and within the
/// limits of a bundle.
pub(super) fn table(blobs: &[&Sealed]) -> Option<Vec<u8>> {
    let ordered = blobs.is_sorted_by(|one, other| one.digest() < other.digest());
    if !ordered || blobs.len() > MOST_BLOBS {
        return None;
    }
    let mut table = Vec::with_capacity(table_bytes(blobs.len()));
    table.extend_from_slice(MAGIC);
    table.extend_from_slice(&u32::try_from(blobs.len()).ok()?.to_be_bytes());
    let mut offset = table_bytes(blobs.len());
    for blob in blobs {
        let size = blob.bytes().len();
        table.extend_from_slice(blob.digest().as_bytes());
        table.extend_from_slice(&u32::try_from(offset).ok()?.to_be_bytes());
        table.extend_from_slice(&u32::try_from(size).ok()?.to_be_bytes());
        offset = offset.checked_add(size)?;
    }
    Some(table)
}

/// The size of a table of `count` blobs. Unit: bytes.
pub(super) fn table_bytes(count: usize) -> usize {
    count.saturating_mul(ENTRY_BYTES).saturating_add(HEADER_BYTES)
}

/// Reads the table of the bundle of this name; `None` when it is damaged.
pub(super) fn read_table(
    file: &File,
    size_bytes: u64,
    name: &Digest,
) -> io::Result<Option<Vec<Entry>>> {
    let mut first = [0; HEADER_BYTES];
    if size_bytes < first.len() as u64 {
        return Ok(None);
    }
    file.read_exact_at(&mut first, 0)?;
    let Some(count) = header(&first) else { return Ok(None) };
    // Checked before memory is allocated, so that the stored size limits it.
    if count > MOST_BLOBS || table_bytes(count) as u64 > size_bytes {
        return Ok(None);
    }
    let mut table = vec![0; table_bytes(count)];
    file.read_exact_at(&mut table, 0)?;
    let rest = table.get(HEADER_BYTES..).unwrap_or_default();
    let entries: Option<Vec<_>> = rest.chunks_exact(ENTRY_BYTES).map(Entry::parse).collect();
    let ends = |entries: &Vec<Entry>| entries.last().map_or(table.len() as u64, Entry::end);
    let whole = Digest::of(&table) == *name;
    Ok(entries.filter(|entries| whole && ends(entries) == size_bytes))
}

/// Reads one entry of a table that was valid when it was opened. `None` when it is no longer valid:
/// it does not begin where the entry before it ends.
pub(super) fn read_entry(file: &File, number: u32) -> io::Result<Option<Entry>> {
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    let (from, before) = match number.checked_sub(1) {
        Some(previous) => (table_bytes(previous), ENTRY_BYTES),
        None => (0, HEADER_BYTES),
    };
    let mut bytes = [0; 2 * ENTRY_BYTES];
    let Some(bytes) = bytes.get_mut(..before.saturating_add(ENTRY_BYTES)) else { return Ok(None) };
    match file.read_exact_at(bytes, from as u64) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let (before, own) = bytes.split_at(before);
    let begins = match number {
        0 => header(before).map(|count| table_bytes(count) as u64),
        _ => Entry::parse(before).map(|entry| entry.end()),
    };
    Ok(Entry::parse(own).filter(|entry| Some(entry.offset) == begins))
}

/// The number of blobs in a header; `None` when it is not a header.
fn header(bytes: &[u8]) -> Option<usize> {
    let count = bytes.strip_prefix(MAGIC)?.try_into().ok()?;
    usize::try_from(u32::from_be_bytes(count)).ok()
}
