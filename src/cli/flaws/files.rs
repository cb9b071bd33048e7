//! Files: what an operator gives as records, on the disk: a file, a zip, or a folder of them.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use walkdir::WalkDir;
use zip::ZipArchive;

use super::document::{KINDS, Reader};
use crate::cli::failure::Failure;
use crate::cli::text::size;

/// The longest file, and the longest member of a zip. Unit: bytes.
const MOST_FILE_BYTES: u64 = 512 << 20;
/// The most that all files have together, once they are unpacked. Unit: bytes.
const MOST_BYTES: u64 = 8 << 30;
/// The most files of a folder, or members of a zip.
const MOST_FILES: usize = 1_000_000;
/// How deep folders may lie in each other.
const DEEPEST: usize = 16;
const ENDINGS: [&str; 4] = [".json", ".jsonl", ".ndjson", ".zip"];

/// Reads what is at a path. `spent` counts the bytes of all that is read.
///
/// # Errors
/// A [`Failure`] when it cannot be read, has no record, or is beyond the limits. A record that is wrong is left out.
pub fn read(reader: &mut Reader, path: &Path, spent: &mut u64) -> Result<(), Failure> {
    let (place, before) = (path.display().to_string(), reader.read());
    let told_before = reader.faults.told.len();
    if path.is_dir() {
        read_folder(reader, path, spent)?;
    } else {
        read_file(reader, path, &place, spent)?;
    }
    if reader.read() > before {
        return Ok(());
    }
    let reasons = reader.faults.told.iter().skip(told_before).take(5).map(|one| one.told());
    let reasons = reasons.collect();
    let failure = Failure::refused(format!("{place} has no record that can be read"));
    Err(failure.with_reasons(reasons).with_hint(KINDS))
}

fn read_folder(reader: &mut Reader, path: &Path, spent: &mut u64) -> Result<(), Failure> {
    let walk = WalkDir::new(path).max_depth(DEEPEST).sort_by_file_name();
    let mut files = 0_usize;
    for entry in walk {
        let entry = entry.map_err(|error| Failure::refused(error.to_string()))?;
        let place = entry.path().display().to_string();
        let is_record = ENDINGS.iter().any(|ending| place.ends_with(ending));
        if !is_record || !entry.path().is_file() {
            continue;
        }
        files = files.saturating_add(1);
        if files > MOST_FILES {
            return Err(too_many(&path.display().to_string(), files));
        }
        read_file(reader, entry.path(), &place, spent)?;
    }
    Ok(())
}

fn read_file(
    reader: &mut Reader,
    path: &Path,
    place: &str,
    spent: &mut u64,
) -> Result<(), Failure> {
    let unreadable = |error| Failure::refused(format!("{place}: {error}"));
    let file = File::open(path).map_err(unreadable)?;
    let expected = file.metadata().map_err(unreadable)?.len();
    let bytes = take(file, expected, place, spent)?;
    match bytes.starts_with(b"PK") {
        true => read_zip(reader, &bytes, place, spent),
        false => reader.text(place, &bytes),
    }
}

fn read_zip(
    reader: &mut Reader,
    bytes: &[u8],
    place: &str,
    spent: &mut u64,
) -> Result<(), Failure> {
    let broken = |error: zip::result::ZipError| {
        Failure::refused(format!("{place}: it is no zip that can be read: {error}"))
            .with_hint("was it downloaded to its end?")
    };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    if archive.len() > MOST_FILES {
        return Err(too_many(place, archive.len()));
    }
    for number in 0..archive.len() {
        let member = match archive.by_index(number) {
            Ok(member) => member,
            Err(error) => {
                reader.leave_out(&format!("{place}: member {number}"), None, error.to_string());
                continue;
            }
        };
        let name = member.name().to_owned();
        let is_record = [".json", ".jsonl", ".ndjson"].iter().any(|end| name.ends_with(end));
        if !member.is_file() || !is_record {
            continue;
        }
        let (inner, expected) = (format!("{place}: {name}"), member.size());
        match take(member, expected, &inner, spent) {
            Ok(bytes) => reader.text(&inner, &bytes)?,
            Err(error) if *spent > MOST_BYTES => return Err(error),
            // Its checksum is wrong, or it is cut: the others are whole.
            Err(error) => reader.leave_out(&inner, None, error.message),
        }
    }
    Ok(())
}

/// All bytes, up to the limits.
fn take(from: impl Read, expected: u64, place: &str, spent: &mut u64) -> Result<Vec<u8>, Failure> {
    let room = usize::try_from(expected.min(MOST_FILE_BYTES)).unwrap_or_default();
    // What a header says is no reason to take memory: at most a megabyte ahead.
    let mut bytes = Vec::with_capacity(room.min(1 << 20));
    let read = from.take(MOST_FILE_BYTES.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| Failure::refused(format!("{place}: {error}")))?;
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    *spent = spent.saturating_add(length);
    let limit = |most: u64, of: &str| {
        Failure::refused(format!("{place}: more than {} {of}", size(most)))
            .with_hint("give a part of the records")
    };
    match (length > MOST_FILE_BYTES, *spent > MOST_BYTES) {
        (true, _) => Err(limit(MOST_FILE_BYTES, "in one file")),
        (_, true) => Err(limit(MOST_BYTES, "altogether")),
        _ => Ok(bytes),
    }
}

fn too_many(place: &str, files: usize) -> Failure {
    Failure::refused(format!("{place}: {files} files; at most {MOST_FILES} are read"))
        .with_hint("give a part of them")
}
