//! Scrub: how fast everything that is stored is read again.

use serde::Deserialize;

/// How fast everything that is stored is read again.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScrubOptions {
    /// How long a pass over everything may take; 0 for none. Unit: days.
    pub days: u32,
    /// How much is read in a second at most. Unit: bytes.
    pub bytes_per_second: u64,
    /// How much is read in a second at least. Unit: bytes.
    pub least_bytes_per_second: u64,
    /// How long a server that has just been started is left alone. Unit: seconds.
    pub wait_seconds: u64,
}

impl Default for ScrubOptions {
    fn default() -> Self {
        Self {
            days: 30,
            bytes_per_second: 8 << 20,
            least_bytes_per_second: 256 << 10,
            wait_seconds: 600,
        }
    }
}

impl ScrubOptions {
    pub(super) fn verify(&self) -> Result<(), String> {
        let Self { days, bytes_per_second, least_bytes_per_second, .. } = self;
        if *days > 3650 {
            return Err(format!("scrub.days is {days}; it lies between 0 (no scrub) and 3650"));
        }
        if *least_bytes_per_second == 0 || least_bytes_per_second > bytes_per_second {
            return Err(format!(
                "scrub.least_bytes_per_second is {least_bytes_per_second}; it lies between 1 and \
                 scrub.bytes_per_second, {bytes_per_second}"
            ));
        }
        Ok(())
    }
}
