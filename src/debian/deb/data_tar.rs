//! data.tar: walked entry by entry to its end; only hashes of its paths are kept.

use std::io::Read;

use super::ar::Body;
use super::control_files::shown;
use super::decode::Decoder;
use super::installed::Installed;
use super::tar::{EntryKind, Header, TarLimit, TarReader};
use super::{DebError, DebLimits};

/// The longest path that a file system takes (PATH_MAX), its NUL included.
const LONG_NAME_MAX_BYTES: u64 = 4096;

/// The longest part of a path that dpkg installs: it needs room for `.dpkg-new`.
const PART_MAX_BYTES: usize = 246;

/// `PATH_MAX` less a slash in front, `.dpkg-new` and the NUL.
const PATH_MAX_BYTES: usize = 4085;

type DataTar<'a, R> = TarReader<Decoder<'a, Body<'a, R>>>;

/// Walks data.tar; returns the number of its entries and its unpacked size in bytes.
///
/// An entry at which dpkg would stop when installing is refused, and so is a path that could mean
/// two places.
pub(super) fn walk<R: Read>(
    tar: &mut DataTar<'_, R>,
    limits: &DebLimits,
    mut installed: Installed<'_>,
    on_path: &mut dyn FnMut(&[u8]),
) -> Result<(u64, u64), DebError> {
    let limit = TarLimit { bytes: limits.data_tar_bytes, what: "data.tar, unpacked, in bytes," };
    let mut entries = 0_u64;
    while let Some(header) = next_entry(tar, limit)? {
        entries = entries.saturating_add(1);
        if entries > limits.data_entries {
            let limit = limits.data_entries;
            return Err(DebError::TooLarge { what: "the number of entries in data.tar", limit });
        }
        let wrong = |problem: String| tar.malformed(format!("{} {problem}", shown(&header.name)));
        let (path, target) = check_entry(&header).map_err(wrong)?;
        installed.reserve(path, tar.member())?;
        installed.add(header.kind, path, target).map_err(|problem| wrong(problem.into()))?;
        if header.kind != EntryKind::Directory {
            on_path(path);
        }
        tar.read_body(header.size_bytes, limit, |_| {})?;
    }
    Ok((entries, tar.unpacked_bytes()))
}

/// The next real entry, with its long name and long target from GNU entries before it.
fn next_entry<R: Read>(
    tar: &mut DataTar<'_, R>,
    limit: TarLimit,
) -> Result<Option<Header>, DebError> {
    let (mut long_name, mut long_link) = (None, None);
    loop {
        let Some(mut header) = tar.next_header(limit)? else {
            if long_name.is_some() || long_link.is_some() {
                return Err(tar.malformed("a long name has no entry behind it"));
            }
            return Ok(None);
        };
        let slot = match header.kind {
            EntryKind::GnuLongName => &mut long_name,
            EntryKind::GnuLongLink => &mut long_link,
            _ => {
                header.name = long_name.unwrap_or(header.name);
                header.link = long_link.unwrap_or(header.link);
                return Ok(Some(header));
            }
        };
        if slot.is_some() {
            return Err(tar.malformed("two long names come before one entry"));
        }
        *slot = Some(read_long_name(tar, &header, limit)?);
    }
}

fn read_long_name<R: Read>(
    tar: &mut DataTar<'_, R>,
    header: &Header,
    limit: TarLimit,
) -> Result<Vec<u8>, DebError> {
    let Some(mut name) = tar.read_small_body(header.size_bytes, LONG_NAME_MAX_BYTES, limit)? else {
        let what = "a name in data.tar, in bytes,";
        return Err(DebError::TooLarge { what, limit: LONG_NAME_MAX_BYTES });
    };
    // dpkg and apt stop at the first NUL, and without a NUL dpkg reads on beyond the name.
    let ends_with_nul = name.pop() == Some(0);
    if !ends_with_nul || name.is_empty() || name.contains(&0) {
        return Err(tar.malformed("a long name does not end with its one NUL"));
    }
    Ok(name)
}

/// Checks one entry; returns its path and the target of a hard link, without `./`.
fn check_entry(header: &Header) -> Result<(&[u8], Option<&[u8]>), String> {
    match header.kind {
        EntryKind::PaxRecords | EntryKind::PaxGlobalRecords => {
            return Err("is an extended (PAX) header, which dpkg cannot install; use `tar \
                        --format=gnu`, or `--format=gnutar` on macOS"
                .into());
        }
        EntryKind::Other(kind) => {
            let kind = char::from(kind).escape_default();
            return Err(format!("has the tar type '{kind}', which dpkg cannot install"));
        }
        // Readers differ on whether the bytes of such a body are to be skipped.
        kind if kind != EntryKind::File && header.size_bytes != 0 => {
            return Err("has a body, although it is no regular file".into());
        }
        _ => {}
    }
    let path = match header.kind {
        EntryKind::Directory => check_folder_path(&header.name)?,
        _ => check_path(&header.name)?,
    };
    match header.kind {
        EntryKind::HardLink => {
            // dpkg treats both spellings of a target alike, but not of a path.
            let below_root = header.link.strip_prefix(b"/").unwrap_or(&header.link);
            let target = check_path(below_root)
                .map_err(|problem| format!("links to a path that {problem}"))?;
            Ok((path, Some(target)))
        }
        EntryKind::SymbolicLink if header.link.is_empty() => Err("links to nothing".into()),
        _ => Ok((path, None)),
    }
}

fn check_folder_path(name: &[u8]) -> Result<&[u8], String> {
    if matches!(name, b"." | b"./") {
        return Ok(b"");
    }
    check_path(name.strip_suffix(b"/").unwrap_or(name))
}

/// A path below the root, in the one spelling of dpkg's file lists.
fn check_path(name: &[u8]) -> Result<&[u8], String> {
    let path = name.strip_prefix(b"./").unwrap_or(name);
    if path.starts_with(b"/") {
        return Err("is absolute; paths must begin with \"./\"".into());
    }
    if path.contains(&b'\n') {
        return Err("has a line feed in it".into());
    }
    for part in path.split(|byte| *byte == b'/') {
        if matches!(part, b"" | b"." | b"..") {
            return Err("has an empty part, \".\" or \"..\" in its path".into());
        }
        if part.len() > PART_MAX_BYTES {
            return Err(format!(
                "has a part of more than {PART_MAX_BYTES} bytes; dpkg adds nine to install it, and \
                 file systems take 255: shorten it"
            ));
        }
    }
    if path.len() > PATH_MAX_BYTES {
        return Err(format!(
            "is a path of more than {PATH_MAX_BYTES} bytes; dpkg adds nine and a slash to install it, and the \
             kernel takes 4095: shorten it"
        ));
    }
    Ok(path)
}
