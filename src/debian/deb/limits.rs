//! How large a `.deb` and its parts may be.

/// The limits of one `.deb`. Each bounds what is unpacked, so compression cannot hide size.
///
/// The caller limits the size of the `.deb` itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebLimits {
    /// The unpacked control.tar. Unit: bytes. The largest in Debian (file lists with checksums)
    /// are a few MiB.
    pub control_tar_bytes: u64,
    /// The `control` file, which is held in memory. Unit: bytes. Real ones are a few KiB.
    pub control_bytes: u64,
    /// Entries of control.tar, whose names are held in memory. Real packages have below 20.
    pub control_entries: u64,
    /// The unpacked data.tar. Unit: bytes. Nothing of it is kept; this limits work.
    pub data_tar_bytes: u64,
    /// Entries of data.tar. Only hashes of their paths are kept.
    pub data_entries: u64,
    /// Memory that one decoder may take: the xz dictionary, the zstd window. Unit: bytes.
    /// `xz -9` needs 65 MiB and `zstd --ultra -22` 128 MiB; no option of dpkg-deb needs more.
    pub decoder_bytes: u64,
    /// Memory that a decoder and the hashes of paths may take together. Unit: bytes.
    pub memory_bytes: u64,
}

impl Default for DebLimits {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            control_tar_bytes: 16 * MIB,
            control_bytes: MIB,
            control_entries: 4096,
            data_tar_bytes: 64 * 1024 * MIB,
            data_entries: 1_000_000,
            decoder_bytes: 128 * MIB,
            memory_bytes: (128 + 28) * MIB,
        }
    }
}
