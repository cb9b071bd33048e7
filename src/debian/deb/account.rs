//! Account: the lent memory that reading one package holds, for its decoder and the hashes of its
//! paths.

use std::cell::Cell;

use super::{DebError, DebLimits, Held, Lender};

/// Hashes of paths below this size are not counted: nearly all packages have fewer. Unit: bytes.
const SMALL_BYTES: u64 = 224 * 1024;

/// The most that the hashes of any package may take, also while their table grows. Unit: bytes.
const PATHS_MAX_BYTES: u64 = 28 << 20;

/// The most that the hashes take for each byte of a package: no tar header is packed to less than
/// one byte. Unit: bytes.
const PATHS_RATIO: u64 = 32;

/// The memory that one package holds, until this is dropped.
pub(super) struct Account<'l> {
    lender: &'l dyn Lender,
    limits: &'l DebLimits,
    decoder_bytes: Cell<u64>,
    paths_bytes: Cell<u64>,
    /// The most that paths may take. Unit: bytes.
    paths_most_bytes: Cell<u64>,
}

impl<'l> Account<'l> {
    /// Holds nothing yet.
    pub fn new(limits: &'l DebLimits, lender: &'l dyn Lender) -> Self {
        let none = || Cell::new(0);
        Self {
            lender,
            limits,
            decoder_bytes: none(),
            paths_bytes: none(),
            paths_most_bytes: none(),
        }
    }

    /// Sets the packed size of the member that is read next, as its header claims.
    pub fn open(&self, packed_bytes: u64) {
        let most = packed_bytes.saturating_mul(PATHS_RATIO).min(PATHS_MAX_BYTES);
        self.paths_most_bytes.set(if most > SMALL_BYTES { most } else { 0 });
    }

    /// The most that a decoder may take. Unit: bytes.
    pub fn decoder_most_bytes(&self) -> u64 {
        self.limits.decoder_bytes
    }

    /// A decoder is about to take `bytes` in all.
    ///
    /// # Errors
    /// [`DebError::Unsupported`] when the decoder asks for another size after many paths were read:
    /// a reader that holds their memory must not wait for more than it was expected to need.
    pub fn lend_decoder(&self, bytes: u64, member: &str) -> Result<(), DebError> {
        if bytes == self.decoder_bytes.get() {
            return Ok(());
        }
        if self.paths_bytes.get() > 0 {
            return Err(DebError::Unsupported {
                what: format!("a stream that asks for more memory behind its start ({member})"),
                cure: "repack with `dpkg-deb -Zxz`",
            });
        }
        // The decoder was not expected to need more, so its package waits for the new size while it
        // holds nothing. An engine allocates only at its next step.
        self.return_decoder();
        let from = self.held();
        self.decoder_bytes.set(bytes);
        self.lender.lend(from, self.held());
        Ok(())
    }

    /// The decoder was dropped.
    pub fn return_decoder(&self) {
        let from = self.held();
        self.decoder_bytes.set(0);
        self.lender.lend(from, self.held());
    }

    /// Paths are about to take `bytes` in all.
    ///
    /// # Errors
    /// [`DebError::Memory`] when that is more than the limit for this package, or
    /// [`DebError::TooLarge`] when it is more than any package may take.
    pub fn lend_paths(&self, bytes: u64, member: &str) -> Result<(), DebError> {
        let bytes = if bytes > SMALL_BYTES { bytes } else { 0 };
        if bytes > self.paths_most_bytes.get() {
            let what = "the memory for the names of files and folders in data.tar, in bytes,";
            return Err(DebError::TooLarge {
                what,
                limit: self.paths_most_bytes.get().max(SMALL_BYTES),
            });
        }
        let needs_bytes = self.decoder_bytes.get().saturating_add(bytes);
        let limit_bytes = self.limits.memory_bytes;
        if bytes > 0 && needs_bytes > limit_bytes {
            return Err(DebError::Memory { member: member.to_owned(), needs_bytes, limit_bytes });
        }
        let from = self.held();
        self.paths_bytes.set(bytes);
        self.lender.lend(from, self.held());
        Ok(())
    }

    fn held(&self) -> Held {
        let (decoder, paths) = (self.decoder_bytes.get(), self.paths_bytes.get());
        let bytes = decoder.saturating_add(paths);
        if bytes == 0 {
            return Held::default();
        }
        let most = decoder.saturating_add(self.paths_most_bytes.get());
        Held { bytes, most_bytes: most.min(self.limits.memory_bytes).max(bytes) }
    }
}

impl Drop for Account<'_> {
    fn drop(&mut self) {
        // The memory itself is freed a moment later, by the same thread.
        self.lender.lend(self.held(), Held::default());
    }
}
