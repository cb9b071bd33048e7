//! Gathering: which files are meant, and what their digests are.

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use crate::cli::args::UploadArgs;
use crate::cli::failure::Failure;
use crate::digest::{Digest, Hasher};

const PIECE_BYTES: usize = 256 << 10;
/// Largest list of files that is read. Unit: bytes.
const LARGEST_LIST_BYTES: u64 = 64 << 20;

/// A package that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Where it lies on this machine.
    pub path: PathBuf,
    /// Unit: bytes.
    pub size_bytes: u64,
}

/// One package on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// Where it lies on this machine.
    pub path: PathBuf,
    /// SHA-256 of it.
    pub digest: Digest,
    /// Unit: bytes.
    pub size_bytes: u64,
}

/// The packages that the command line and the list name, each path once and in order.
///
/// # Errors
/// A usage [`Failure`] for a path that is not there, is no `.deb` or `.udeb`, or is a directory without any.
pub fn gather(args: &UploadArgs, input: &mut dyn BufRead) -> Result<Vec<Found>, Failure> {
    let mut named = args.paths.clone();
    match args.from_file.as_deref() {
        Some(list) if list == Path::new("-") => named.extend(read_list(list, input)?),
        Some(list) => {
            let file = std::fs::File::open(list).map_err(|error| unreadable(list, &error))?;
            named.extend(read_list(list, &mut std::io::BufReader::new(file))?);
        }
        None => {}
    }
    let mut found = Vec::new();
    for path in named {
        find(&path, &mut found)?;
    }
    found.sort();
    found.dedup_by(|one, other| one.path == other.path);
    if found.is_empty() {
        return Err(Failure::usage("the list names no package"));
    }
    Ok(found)
}

fn read_list(list: &Path, input: &mut dyn BufRead) -> Result<Vec<PathBuf>, Failure> {
    let mut text = String::new();
    let read = input.take(LARGEST_LIST_BYTES).read_to_string(&mut text);
    read.map_err(|error| unreadable(list, &error))?;
    Ok(text.lines().filter(|line| !line.trim().is_empty()).map(PathBuf::from).collect())
}

fn find(path: &Path, found: &mut Vec<Found>) -> Result<(), Failure> {
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !metadata.is_dir() {
        if !metadata.is_file() || !is_deb(path) {
            let message = format!("{} is not a .deb or .udeb file", path.display());
            return Err(Failure::usage(message)
                .with_hint("only *.deb and *.udeb are uploaded; leave the others out"));
        }
        found.push(Found { path: path.to_owned(), size_bytes: metadata.len() });
        return Ok(());
    }
    let before = found.len();
    for entry in walkdir::WalkDir::new(path) {
        let entry = entry.map_err(|error| Failure::usage(error.to_string()))?;
        if !is_deb(entry.path()) {
            continue;
        }
        // Follows links, and skips what goes nowhere.
        if let Some(metadata) = std::fs::metadata(entry.path()).ok().filter(|m| m.is_file()) {
            found.push(Found { path: entry.into_path(), size_bytes: metadata.len() });
        }
    }
    if found.len() == before {
        return Err(Failure::usage(format!(
            "there is no *.deb or *.udeb below {}",
            path.display()
        )));
    }
    Ok(())
}

fn is_deb(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "deb" || extension == "udeb")
}

/// Reads a package once, for its digest and its size.
///
/// # Errors
/// A usage [`Failure`] when it cannot be read.
pub fn hash(path: &Path) -> Result<Parcel, Failure> {
    let wrong = |error: std::io::Error| unreadable(path, &error);
    let mut file = std::fs::File::open(path).map_err(wrong)?;
    let (mut hasher, mut size_bytes) = (Hasher::new(), 0_u64);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = match file.read(&mut piece) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            other => other.map_err(wrong)?,
        };
        if read == 0 {
            return Ok(Parcel { path: path.to_owned(), digest: hasher.finish(), size_bytes });
        }
        hasher.update(piece.get(..read).unwrap_or_default());
        size_bytes = size_bytes.saturating_add(read as u64);
    }
}

/// Reads a small package whole.
///
/// # Errors
/// As [`hash`], and when it has another size than it was found with.
pub fn read_small(found: &Found) -> Result<(Parcel, Vec<u8>), Failure> {
    let wrong = |error: std::io::Error| unreadable(&found.path, &error);
    let file = std::fs::File::open(&found.path).map_err(wrong)?;
    let room = usize::try_from(found.size_bytes).unwrap_or_default().saturating_add(1);
    let mut bytes = Vec::with_capacity(room);
    file.take(room as u64).read_to_end(&mut bytes).map_err(wrong)?;
    if bytes.len() as u64 != found.size_bytes {
        let path = found.path.display();
        return Err(Failure::refused(format!(
            "{path}: changed while it was being sent; upload it again"
        )));
    }
    let (path, size_bytes) = (found.path.clone(), found.size_bytes);
    Ok((Parcel { path, digest: Digest::of(&bytes), size_bytes }, bytes))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let why = match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "may not be read by this user".to_owned(),
        _ => error.to_string(),
    };
    Failure::usage(format!("{}: {why}", path.display()))
}
