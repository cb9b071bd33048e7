//! control.tar: one flat folder of plain files, `control` among them exactly once.

use std::collections::HashSet;
use std::io::Read;

use super::ar::Body;
use super::control_files::{
    Conffiles, Looks, SCRIPT_FRONT_BYTES, check_script, check_triggers, looks, parse_conffiles,
};
use super::decode::Decoder;
use super::tar::{EntryKind, Header, TarLimit, TarReader};
use super::{DebError, DebLimits};

/// Names of control files are short; dpkg's own are below 20 bytes.
const NAME_MAX_BYTES: usize = 100;

/// The most POSIX records of one entry, which are held in memory. Unit: bytes.
const PAX_MAX_BYTES: u64 = 64 * 1024;

/// The records that change nothing that matters here, for any reader.
const HARMLESS_PAX_KEYS: [&[u8]; 8] =
    [b"atime", b"ctime", b"mtime", b"uid", b"gid", b"uname", b"gname", b"comment"];

type Tar<'a, R> = TarReader<Decoder<'a, Body<'a, R>>>;

/// The content of control.tar.
pub(super) struct ControlTar {
    /// The bytes of `control`.
    pub control: Vec<u8>,
    /// The names of all files, in their order.
    pub names: Vec<String>,
    /// What `conffiles` says.
    pub conffiles: Conffiles,
}

/// Reads control.tar to its end.
///
/// dpkg and apt look for `control` in different ways (last or first of several, through links or
/// not, with or without a prefix), so archives that would show a difference are refused.
pub(super) fn read<R: Read>(
    tar: &mut Tar<'_, R>,
    limits: &DebLimits,
) -> Result<ControlTar, DebError> {
    let limit =
        TarLimit { bytes: limits.control_tar_bytes, what: "control.tar, unpacked, in bytes," };
    let (mut control, mut conffiles) = (None, Conffiles::default());
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
        } else if let Some(found) = read_file(tar, &name, header.size_bytes, limits, limit)? {
            conffiles = found;
        }
        names.push(name);
    }
    let control = control.ok_or_else(|| tar.malformed("it has no control file"))?;
    Ok(ControlTar { control, names, conffiles })
}

/// Skips a file beside `control`, after checking it for what dpkg would stop at.
fn read_file<R: Read>(
    tar: &mut Tar<'_, R>,
    name: &str,
    size_bytes: u64,
    limits: &DebLimits,
    limit: TarLimit,
) -> Result<Option<Conffiles>, DebError> {
    let most = match looks(name) {
        Looks::Nothing => 0,
        Looks::Front => SCRIPT_FRONT_BYTES,
        Looks::Whole if size_bytes > limits.control_bytes => {
            let what = "conffiles or triggers, in bytes,";
            return Err(DebError::TooLarge { what, limit: limits.control_bytes });
        }
        Looks::Whole => usize::MAX,
    };
    let mut body = Vec::new();
    tar.read_body(size_bytes, limit, |piece| {
        let left = most.saturating_sub(body.len()).min(piece.len());
        body.extend_from_slice(piece.get(..left).unwrap_or_default());
    })?;
    let found = match (name, looks(name)) {
        ("conffiles", _) => parse_conffiles(&body).map(Some),
        ("triggers", _) => check_triggers(&body).map(|()| None),
        (_, Looks::Front) => check_script(&body).map(|()| None),
        _ => Ok(None),
    };
    found.map_err(|problem| tar.malformed(format!("{name}: {problem}")))
}

/// The name of a plain file without `./`; `None` for the folder itself.
fn file_name(header: &Header) -> Result<Option<String>, String> {
    let shown = || header.name.escape_ascii().to_string();
    if header.extended {
        let problem = "has a header that dpkg and apt read differently (long or extended fields)";
        return Err(format!("\"{}\" {problem}", shown()));
    }
    match header.kind {
        // The old style marks folders only by the slash.
        EntryKind::File if &*header.name == b"./" && header.size_bytes == 0 => return Ok(None),
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
    if header.name.split(|byte| *byte == b'/').any(|part| part.starts_with(b"._")) {
        return Err(format!(
            "\"{}\" is what the tar of macOS adds; set COPYFILE_DISABLE=1 when it packs",
            shown()
        ));
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

/// Accepts POSIX records that hold only times, owners or a comment, in values that GNU tar reads.
///
/// dpkg unpacks control.tar with GNU tar, which applies them all and stops at a value that it
/// cannot read; apt knows none of them. With a `path` or `size` the two would read different
/// control files.
fn check_pax<R: Read>(
    tar: &mut Tar<'_, R>,
    header: &Header,
    limit: TarLimit,
) -> Result<(), DebError> {
    let Some(records) = tar.read_small_body(header.size_bytes, PAX_MAX_BYTES, limit)? else {
        return Err(tar.malformed("it has extended (PAX) headers larger than 64 KiB"));
    };
    let mut rest = records.as_slice();
    while !rest.is_empty() {
        let Some((key, value, after)) = split_pax_record(rest) else {
            return Err(tar.malformed("it has an extended (PAX) header that is not well formed"));
        };
        let (shown_key, shown_value) = (key.escape_ascii(), value.escape_ascii());
        if !HARMLESS_PAX_KEYS.contains(&key) {
            let mac = if key.starts_with(b"LIBARCHIVE.") || key.starts_with(b"SCHILY.") {
                " (on macOS, set COPYFILE_DISABLE=1 when tar packs)"
            } else {
                ""
            };
            let problem = format!(
                "it has an extended (PAX) header with \"{shown_key}\", which apt ignores{mac}"
            );
            return Err(tar.malformed(problem));
        }
        if !is_pax_value(key, value) {
            let problem = format!(
                "it has an extended (PAX) header with {shown_key} \"{shown_value}\", at which the \
                 tar of dpkg stops"
            );
            return Err(tar.malformed(problem));
        }
        rest = after;
    }
    Ok(())
}

/// Whether GNU tar reads this value: times begin with whole seconds of 63 bits, owners are 32 bits.
fn is_pax_value(key: &[u8], value: &[u8]) -> bool {
    // Numbers are ASCII, so a replaced character is refused.
    let text = String::from_utf8_lossy(value);
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match key {
        b"atime" | b"ctime" | b"mtime" => {
            // GNU tar ignores what follows the number.
            let number = text.strip_prefix('-').unwrap_or(&text);
            let end =
                number.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(number.len());
            number.get(..end).is_some_and(|digits| digits.parse::<i64>().is_ok())
        }
        b"uid" | b"gid" => is_digits(&text) && text.parse::<u32>().is_ok(),
        _ => true,
    }
}

/// Splits `LENGTH KEY=VALUE\n`, where LENGTH counts itself, from what follows it; returns key,
/// value and the rest.
fn split_pax_record(records: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = records.iter().position(|byte| *byte == b' ')?;
    let digits = records.get(..blank)?;
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let length: usize = std::str::from_utf8(digits).ok().filter(|_| plain)?.parse().ok()?;
    let (record, after) = records.split_at_checked(length)?;
    let pair = record.get(blank.checked_add(1)?..)?.strip_suffix(b"\n")?;
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    // With a line feed within, another reader could see a second record.
    let one_line = !pair.contains(&b'\n');
    let (key, value) = pair.split_at_checked(equals).filter(|_| one_line)?;
    Some((key, value.strip_prefix(b"=")?, after))
}
