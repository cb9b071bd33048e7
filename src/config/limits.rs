//! Limits: what uploads and connections may take.

use serde::Deserialize;

use crate::amount::size;

/// Limits on uploads and connections.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Largest `.deb`. Unit: bytes.
    pub package_bytes: u64,
    /// Free space that uploads never touch. Unit: bytes.
    pub reserve_bytes: u64,
    /// How many uploads are read and verified at once.
    pub uploads: usize,
    /// Memory that uploads may take, however many come at once. Unit: bytes.
    pub memory_bytes: u64,
    /// Open connections in all.
    pub connections: usize,
    /// Open connections of one address.
    pub connections_per_address: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            package_bytes: 4 << 30,
            reserve_bytes: 1 << 30,
            uploads: 16,
            memory_bytes: 224 << 20,
            connections: 20_000,
            connections_per_address: 512,
        }
    }
}

/// A fifth of it is enough for the largest batch, and the rest for many packages with the defaults
/// of `dpkg-deb`.
const LEAST_MEMORY_BYTES: u64 = 64 << 20;

impl Limits {
    /// Checks that the server can work with them.
    ///
    /// # Errors
    /// The field and its bound, for people.
    pub fn verify(&self) -> Result<(), String> {
        let counts = [
            ("limits.package_bytes", self.package_bytes),
            ("limits.uploads", self.uploads as u64),
            ("limits.connections", self.connections as u64),
            ("limits.connections_per_address", self.connections_per_address as u64),
        ];
        if let Some((field, _)) = counts.into_iter().find(|(_, count)| *count == 0) {
            return Err(format!("{field} is 0, so nobody would be served; it is at least 1"));
        }
        if self.memory_bytes < LEAST_MEMORY_BYTES {
            return Err(format!(
                "limits.memory_bytes is {}; it is at least {LEAST_MEMORY_BYTES} ({}), for one \
                 package and one batch of small ones",
                self.memory_bytes,
                size(LEAST_MEMORY_BYTES)
            ));
        }
        Ok(())
    }
}
