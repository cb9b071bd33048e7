//! The trait of the catalogue's own integrity: whether its file is what was written to it.

use super::CatalogueError;

/// How much is recorded.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Measured {
    /// The size of every `.deb` together. Unit: bytes.
    pub package_bytes: u64,
    /// The size of every index file of every generation together. Unit: bytes.
    pub index_bytes: u64,
    /// The size of the catalogue itself. Unit: bytes.
    pub own_bytes: u64,
}

/// Looks at what lies below the facts. A fault is a text for people.
pub trait Integrity: Send + Sync {
    /// How much is recorded.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn measure(&self) -> Result<Measured, CatalogueError>;

    /// Reads the whole file from the disk again, not from what the kernel keeps of it in memory, so
    /// that whoever looks at it next sees what is on the disk. `read` is told how many bytes were read,
    /// after each part of at most 256 KiB; it may wait, and gives `false` to end it. Gives what is
    /// wrong.
    ///
    /// # Errors
    /// [`CatalogueError`] when that cannot be done.
    fn reread(&self, read: &dyn Fn(u64) -> bool) -> Result<Vec<String>, CatalogueError>;

    /// The names of the parts that are looked at one after the other, in order.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_parts(&self) -> Result<Vec<String>, CatalogueError>;

    /// What is wrong with a part; the first faults tell enough. One read transaction for each part.
    ///
    /// # Errors
    /// [`CatalogueError`] when nobody can look; a part that cannot be read is an answer.
    fn look_at_part(&self, part: &str) -> Result<Vec<String>, CatalogueError>;
}
