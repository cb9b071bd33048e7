//! The container: read in pieces of any size with the same result, within the memory that was lent.

use std::cell::Cell;
use std::io::{self, Read};

use repod::debian::deb::{DebParts, Held, Lender, read_deb_with};
use repod::debian::{DebError, DebLimits};

/// Small ones, so that the fuzzer meets them.
pub const LIMITS: DebLimits = DebLimits {
    control_tar_bytes: 256 << 10,
    control_bytes: 16 << 10,
    control_entries: 64,
    data_tar_bytes: 4 << 20,
    data_entries: 512,
    decoder_bytes: 12 << 20,
    memory_bytes: 16 << 20,
};

/// A `.deb`.
pub fn deb(bytes: &[u8]) {
    let _ = read_both_ways(bytes);
}

/// What was read, and the paths; it is the same however the bytes come.
pub fn read_both_ways(bytes: &[u8]) -> Result<(DebParts, Vec<Vec<u8>>), DebError> {
    let whole = read(bytes);
    let step = bytes.len() % 61 + 1;
    let pieces = read(Pieces { bytes, step });
    match (&whole, &pieces) {
        (Ok(one), Ok(other)) => assert_eq!(one, other),
        // Of several faults, the one that is met first may be another.
        (Err(_), Err(_)) => {}
        (one, other) => panic!("{one:?}, and in pieces of {step}: {other:?}"),
    }
    if let Ok((parts, paths)) = &whole {
        expect_within_limits(parts, paths);
    }
    whole
}

fn read(input: impl Read) -> Result<(DebParts, Vec<Vec<u8>>), DebError> {
    let (book, mut paths) = (Book::default(), Vec::new());
    let parts = read_deb_with(input, &LIMITS, &book, &mut |path| paths.push(path.to_vec()))?;
    assert_eq!(book.0.get().bytes, 0, "memory was not given back");
    Ok((parts, paths))
}

fn expect_within_limits(parts: &DebParts, paths: &[Vec<u8>]) {
    assert!(parts.control.len() as u64 <= LIMITS.control_bytes);
    assert!(parts.control_members.len() as u64 <= LIMITS.control_entries);
    assert!(parts.control_members.iter().any(|name| name == "control"));
    assert!(parts.data_entries <= LIMITS.data_entries && parts.data_bytes <= LIMITS.data_tar_bytes);
    assert!(paths.len() as u64 <= parts.data_entries);
    for path in paths {
        assert!(!path.is_empty() && !path.contains(&b'\n'), "{path:?}");
        let mut segments = path.split(|byte| *byte == b'/');
        let plain = |segment: &[u8]| !segment.is_empty() && segment != b"." && segment != b"..";
        assert!(segments.all(plain), "{}", path.escape_ascii());
    }
}

/// Keeps account of what is lent.
#[derive(Default)]
struct Book(Cell<Held>);

impl Lender for Book {
    fn lend(&self, from: Held, to: Held) {
        assert_eq!(from, self.0.replace(to), "the account is another");
        assert!(to.bytes <= to.most_bytes.max(from.bytes), "{to:?}");
        assert!(to.bytes <= LIMITS.memory_bytes, "{to:?}");
    }
}

/// Bytes that come a few at a time.
struct Pieces<'b> {
    bytes: &'b [u8],
    step: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.step.min(buffer.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(count);
        buffer[..count].copy_from_slice(now);
        self.bytes = later;
        Ok(count)
    }
}
