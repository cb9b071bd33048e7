//! The `.deb` container: read once, front to back, to its very end, in bounded memory.
//!
//! Three members in a fixed order: `debian-binary`, `control.tar[.gz|.xz|.zst]`,
//! `data.tar[.gz|.xz|.zst]`. Members whose names begin with `_` may come between them, and others
//! after them. A package is refused when dpkg, apt and GNU tar could read it in different ways, or
//! when dpkg could not install it. Only the control file and names are kept.
//!
//! Source: deb(5); dpkg's `lib/dpkg/{ar,tarfn}.c` and `src/deb/extract.c`; apt's
//! `apt-pkg/contrib/{arfile,extracttar}.cc`.

mod account;
mod ar;
mod control_files;
mod control_tar;
mod data_tar;
mod decode;
mod error;
mod installed;
mod lender;
mod limits;
mod path_hash;
mod source;
mod tar;
#[cfg(test)]
mod tests;

pub use error::DebError;
pub use lender::{Held, Lender};
pub use limits::DebLimits;

use std::io::Read;

use account::Account;
use ar::Archive;
use control_tar::ControlTar;
use decode::{Compression, Decoder};
use installed::Installed;
use source::buffer_bytes;
use tar::TarReader;

/// The result of reading a whole `.deb`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebParts {
    /// The bytes of the `control` file, unchanged.
    pub control: Vec<u8>,
    /// The names of the files in control.tar, in its order and without `./`: `control`,
    /// `postinst`.
    pub control_members: Vec<String>,
    /// How many entries data.tar has, directories included.
    pub data_entries: u64,
    /// Length of the unpacked data.tar, headers and padding included. Unit: bytes.
    pub data_bytes: u64,
}

/// Reads a whole `.deb` and returns its control file.
///
/// Shape: `input` is the file from its first byte to its last; it need not seek or be buffered.
/// Limits: `limits` bounds every size; memory stays near `limits.memory_bytes` at most, whatever
/// the input. There is no clock here: a caller that wants a time limit passes an `input` whose
/// `read` fails when time is up. Work then stops once the last 64 KiB are unpacked.
///
/// # Errors
/// [`DebError::Read`] when `input` fails (ours); every other variant is the sender's fault.
///
/// Source: deb(5).
pub fn read_deb(input: impl Read, limits: &DebLimits) -> Result<DebParts, DebError> {
    read_deb_with(input, limits, &(), &mut |_| {})
}

/// Reads a whole `.deb` as [`read_deb`] does, reports each path that it installs, and asks `lender`
/// before it allocates memory.
///
/// Shape: `on_path` gets each entry of data.tar that is not a directory, without the leading `./`:
/// `usr/bin/hello`. Paths are bytes, not always UTF-8, and hold no line feed. The paths are valid
/// only when the whole call succeeds.
///
/// # Errors
/// As [`read_deb`].
pub fn read_deb_with(
    input: impl Read,
    limits: &DebLimits,
    lender: &dyn Lender,
    on_path: &mut dyn FnMut(&[u8]),
) -> Result<DebParts, DebError> {
    let mut archive = Archive::begin(input)?;
    read_format_version(&mut archive)?;
    let ControlTar { control, names: control_members, conffiles } = {
        let account = Account::new(limits, lender);
        let mut tar = open_tar(&mut archive, "control.tar", &account)?;
        control_tar::read(&mut tar, limits)?
    };
    let (data_entries, data_bytes) = {
        let account = Account::new(limits, lender);
        let mut tar = open_tar(&mut archive, "data.tar", &account)?;
        data_tar::walk(&mut tar, limits, Installed::new(&conffiles, &account), on_path)?
    };
    archive.pass_the_rest()?;
    Ok(DebParts { control, control_members, data_entries, data_bytes })
}

/// An estimate of how much larger packages are once unpacked.
const USUAL_RATIO: u64 = 8;

/// The largest `debian-binary` that is accepted. It is four bytes in every known package.
const FORMAT_VERSION_MAX_BYTES: u64 = 1024;

/// Checks `debian-binary`: the first line is `2.` and a number.
///
/// deb(5) tells readers to take any minor number and to ignore further lines; dpkg does so.
fn read_format_version<R: Read>(archive: &mut Archive<R>) -> Result<(), DebError> {
    const NAME: &str = "debian-binary";
    let member = archive.next_member()?.ok_or_else(|| DebError::cut_before(NAME))?;
    if member.name != NAME {
        return Err(DebError::malformed(
            &member.name,
            "it stands first, where only debian-binary may stand",
        ));
    }
    if member.size_bytes > FORMAT_VERSION_MAX_BYTES {
        return Err(DebError::TooLarge { what: NAME, limit: FORMAT_VERSION_MAX_BYTES });
    }
    let text = archive.read_small_member(&member)?;
    let malformed = || DebError::malformed(NAME, "it does not say format version 2.0");
    let plain = text.iter().all(|byte| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\n'));
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let minor = first.strip_prefix(b"2.").ok_or_else(malformed)?;
    let is_number = (1..=4).contains(&minor.len()) && minor.iter().all(u8::is_ascii_digit);
    if is_number && plain && text.ends_with(b"\n") { Ok(()) } else { Err(malformed()) }
}

/// Goes to the tar member `stem`, past any `_` members, and opens it for reading.
fn open_tar<'a, R: Read>(
    archive: &'a mut Archive<R>,
    stem: &'static str,
    account: &'a Account<'a>,
) -> Result<TarReader<Decoder<'a, ar::Body<'a, R>>>, DebError> {
    let member = loop {
        let member = archive.next_member()?.ok_or_else(|| DebError::cut_before(stem))?;
        if !member.name.starts_with('_') {
            break member;
        }
    };
    let Some(suffix) = member.name.strip_prefix(stem) else {
        let problem = format!("it stands where {stem} must stand");
        return Err(DebError::malformed(&member.name, problem));
    };
    let compression = Compression::from_suffix(&member.name, suffix)?;
    if member.size_bytes == 0 {
        return Err(DebError::malformed(&member.name, "it is empty"));
    }
    let name = member.name.clone();
    // The size is the sender's claim, so it may only make buffers smaller.
    let packed_bytes = member.size_bytes;
    let body = archive.body(member);
    account.open(packed_bytes);
    let decoder = Decoder::new(body, &name, compression, packed_bytes, account)?;
    Ok(TarReader::new(decoder, name, buffer_bytes(packed_bytes.saturating_mul(USUAL_RATIO))))
}
