//! Bytes that come piece by piece, with errors that name their member.

use super::DebError;

/// A stream inside a `.deb`: a member's bytes, or what they unpack to.
pub(super) trait Source {
    /// Fills a part of `into`; 0 only at the proven end of the stream.
    fn read(&mut self, into: &mut [u8]) -> Result<usize, DebError>;
}

/// The size of the buffers between the layers.
pub(super) const BUFFER_BYTES: usize = 64 * 1024;

/// A buffer for about `expected_bytes`: whole blocks of tar, and not larger than [`BUFFER_BYTES`].
pub(super) fn buffer_bytes(expected_bytes: u64) -> usize {
    const LEAST_BYTES: usize = 4 * 1024;
    let expected = usize::try_from(expected_bytes).unwrap_or(BUFFER_BYTES);
    expected.clamp(LEAST_BYTES, BUFFER_BYTES).next_multiple_of(LEAST_BYTES)
}
