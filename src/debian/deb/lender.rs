//! Lender: lends the memory for reading packages, and knows what each of them holds.

/// The memory that one package holds, and the most that it may hold until it is read. Unit: bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// Now.
    pub bytes: u64,
    /// At most.
    pub most_bytes: u64,
}

/// Lends the memory that packages take while they are read: the xz dictionary, the zstd window, and
/// the hashes of the paths.
///
/// Their other memory is small and bounded: some 400 KiB for each package that is being read.
pub trait Lender {
    /// A package is about to hold `to` instead of `from`. Returns once that is granted, and at once
    /// when it is less.
    ///
    /// A package that already holds memory waits here for more. An implementation keeps free what
    /// one such package needs to finish, so that packages never deadlock.
    fn lend(&self, from: Held, to: Held);
}

/// A lender without a limit.
impl Lender for () {
    fn lend(&self, _: Held, _: Held) {}
}
