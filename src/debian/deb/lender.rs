//! Lender: who has the memory that reading packages takes, and what one of them holds of it.

/// What one package holds, and what it may come to hold before it is read. Unit: bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// Now.
    pub bytes: u64,
    /// At most.
    pub most_bytes: u64,
}

/// Who has the memory that packages take while they are read: the xz dictionary, the zstd window, and the hashes of
/// the paths in it.
///
/// What they take beside it is small and bounded: some 400 KiB for each package that is being read.
pub trait Lender {
    /// A package is about to hold `to` where it held `from`. Returns once it may, and at once when that is less.
    ///
    /// A package that holds something waits here for more. Whoever lends keeps as much free as one of them needs to
    /// come to its end, so that they never wait for each other in a circle.
    fn lend(&self, from: Held, to: Held);
}

/// Nobody counts.
impl Lender for () {
    fn lend(&self, _: Held, _: Held) {}
}
