//! Limits for all fields of a package together: what readers of an index and of its files can
//! handle.

use super::super::stanza::{Fault, Field};
use super::super::{Architecture, PackageName, Version};

/// The longest stanza that a package may have in an index. Unit: bytes.
///
/// apt cannot read one of 1,048,703 bytes, and then drops every package of every repository on the
/// host; Debian's longest is below 100 KB. Shown by the test
/// `a_stanza_at_the_bound_is_read_by_apt`.
pub const LONGEST_STANZA_BYTES: usize = 512 * 1024;

/// The most that the repository adds to a stanza: Filename, Size and SHA256. Unit: bytes.
const ADDED_BYTES: usize = 2048;

/// The longest name of a file on a host. Unit: bytes. Source: limits.h, `NAME_MAX`, less the
/// `.FAILED` that apt appends to the name of a download that it rejects (acquire-item.cc).
const LONGEST_FILE_NAME_BYTES: usize = 255 - 7;

/// The fault of a stanza that would be too long, named by its longest field.
pub(super) fn stanza(fields: &[Field]) -> Option<Fault> {
    let whole = fields.iter().map(Field::written_bytes).fold(ADDED_BYTES, usize::saturating_add);
    if whole <= LONGEST_STANZA_BYTES {
        return None;
    }
    let longest = fields.iter().max_by_key(|field| field.written_bytes())?;
    let problem = format!(
        "is {} bytes long and makes the package's stanza {whole}; apt would stop on every host at one of a mebibyte, \
         so at most {LONGEST_STANZA_BYTES} are taken: shorten it",
        longest.written_bytes(),
    );
    Some(Fault::of(longest.name(), problem))
}

/// The fault of a version with which the package's file would have a name that no host can store.
///
/// apt calls it `NAME_VERSION_ARCHITECTURE.deb` and writes `:` as `%3a` (`pkgAcqArchive`,
/// acquire-item.cc).
pub(super) fn file_name(
    package: &PackageName,
    version: &Version,
    architecture: &Architecture,
) -> Option<Fault> {
    let version = version.to_string().replace(':', "%3a");
    let name = format!("{package}_{version}_{architecture}.udeb");
    let more = name.len().checked_sub(LONGEST_FILE_NAME_BYTES).filter(|more| *more > 0)?;
    let problem = format!(
        "makes the name of the package's file {} bytes long, and no host could store it; make it {more} shorter",
        name.len(),
    );
    Some(Fault::of("Version", problem))
}
