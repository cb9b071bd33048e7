//! control.tar: one flat folder of plain files, `control` among them exactly once.

use std::collections::HashSet;
use std::io::Read;

use super::ar::Body;
use super::decode::Decoder;
use super::tar::{EntryKind, Header, TarLimit, TarReader};
use super::{DebError, DebLimits};

/// Names of control files are short; dpkg's own are below 20 bytes.
const NAME_MAX_BYTES: usize = 100;

/// POSIX records about one entry are held in memory.
const PAX_MAX_BYTES: u64 = 64 * 1024;

/// The records that no reader takes for anything that matters here.
const HARMLESS_PAX_KEYS: [&[u8]; 8] =
    [b"atime", b"ctime", b"mtime", b"uid", b"gid", b"uname", b"gname", b"comment"];

type ControlTar<'a, R> = TarReader<Decoder<'a, Body<'a, R>>>;

/// Reads control.tar to its end; gives the `control` file and the names of all files.
///
/// dpkg and apt look for `control` in different ways (last or first of several, through links or
/// not, with or without a prefix), so whatever would show the difference is refused.
pub(super) fn read<R: Read>(
    tar: &mut ControlTar<'_, R>,
    limits: &DebLimits,
) -> Result<(Vec<u8>, Vec<String>), DebError> {
    let limit =
        TarLimit { bytes: limits.control_tar_bytes, what: "control.tar, unpacked, in bytes," };
    let mut control = None;
    let mut seen = HashSet::new();
    let mut names = Vec::new();
    let mut entries = 0_u64;
    while let Some(header) = tar.next_header(limit)? {
        entries = entries.saturating_add(1);
        if entries > limits.control_entries {
            let limit = limits.control_entries;
            return Err(DebError::TooLarge { what: "the number of entries in control.tar", limit });
        }
        if is_pax(&header) {
            check_pax(tar, &header, limit)?;
            continue;
        }
        let Some(name) = file_name(&header).map_err(|problem| tar.malformed(problem))? else {
            continue;
        };
        if !seen.insert(name.clone()) {
            return Err(tar.malformed(format!("{name} is in it twice")));
        }
        if name == "control" {
            let most = limits.control_bytes;
            control = tar.read_small_body(header.size_bytes, most, limit)?;
            if control.is_none() {
                let what = "the control file, in bytes,";
                return Err(DebError::TooLarge { what, limit: most });
            }
        } else {
            tar.read_body(header.size_bytes, limit, |_| {})?;
        }
        names.push(name);
    }
    let control = control.ok_or_else(|| tar.malformed("it has no control file"))?;
    Ok((control, names))
}

/// The name of a plain file without `./`; `None` for the folder itself.
fn file_name(header: &Header) -> Result<Option<String>, String> {
    let shown = || header.name.escape_ascii().to_string();
    if header.extended {
        let problem = "has a header that dpkg and apt read differently (long or extended fields)";
        return Err(format!("\"{}\" {problem}", shown()));
    }
    match header.kind {
        EntryKind::File => {}
        EntryKind::Directory if matches!(&*header.name, b"." | b"./") => {
            return if header.size_bytes == 0 {
                Ok(None)
            } else {
                Err("its folder has a body".into())
            };
        }
        EntryKind::GnuLongName | EntryKind::GnuLongLink => {
            return Err(format!("it has a name of more than {NAME_MAX_BYTES} bytes"));
        }
        _ => return Err(format!("\"{}\" is not a regular file", shown())),
    }
    let name = header.name.strip_prefix(b"./").unwrap_or(&header.name);
    let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'\\');
    if name.is_empty() || name.starts_with(b".") || !name.iter().all(plain) {
        return Err(format!("\"{}\" is not a plain file name", shown()));
    }
    Ok(Some(name.iter().copied().map(char::from).collect()))
}

fn is_pax(header: &Header) -> bool {
    matches!(header.kind, EntryKind::PaxRecords | EntryKind::PaxGlobalRecords)
}

/// Passes POSIX records that say only times, owners or a comment.
///
/// dpkg unpacks control.tar with GNU tar, which obeys them all; apt knows none of them. A `path`
/// or `size` would give the two different control files.
fn check_pax<R: Read>(
    tar: &mut ControlTar<'_, R>,
    header: &Header,
    limit: TarLimit,
) -> Result<(), DebError> {
    let Some(records) = tar.read_small_body(header.size_bytes, PAX_MAX_BYTES, limit)? else {
        return Err(tar.malformed("it has extended (PAX) headers larger than 64 KiB"));
    };
    let mut rest = records.as_slice();
    while !rest.is_empty() {
        let Some((key, after)) = split_pax_record(rest) else {
            return Err(tar.malformed("it has an extended (PAX) header that is not well formed"));
        };
        if !HARMLESS_PAX_KEYS.contains(&key) {
            let key = key.escape_ascii();
            let problem =
                format!("it has an extended (PAX) header with \"{key}\", which apt ignores");
            return Err(tar.malformed(problem));
        }
        rest = after;
    }
    Ok(())
}

/// Splits `LENGTH KEY=VALUE\n`, where LENGTH counts itself, from what follows it; gives the key.
fn split_pax_record(records: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = records.iter().position(|byte| *byte == b' ')?;
    let digits = records.get(..blank)?;
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let length: usize = std::str::from_utf8(digits).ok().filter(|_| plain)?.parse().ok()?;
    let (record, after) = records.split_at_checked(length)?;
    let pair = record.get(blank.checked_add(1)?..)?.strip_suffix(b"\n")?;
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    // A line feed within would let a second reader see a second record.
    let one_line = !pair.contains(&b'\n');
    pair.get(..equals).filter(|_| one_line).map(|key| (key, after))
}
