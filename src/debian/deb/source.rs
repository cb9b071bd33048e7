//! Bytes that come piece by piece, with errors that already know their member.

use super::DebError;

/// A stream inside a `.deb`: a member's bytes, or what they unpack to.
pub(super) trait Source {
    /// Fills a part of `into`; 0 only at the proven end of the stream.
    fn read(&mut self, into: &mut [u8]) -> Result<usize, DebError>;
}

/// The size of the buffers between the layers.
pub(super) const BUFFER_BYTES: usize = 64 * 1024;
