//! Gathering: finds the files of an upload, and computes their digests.

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::cli::args::UploadArgs;
use crate::cli::failure::{Failure, unreadable};
use crate::cli::text::count;
use crate::digest::{Digest, Hasher};

const PIECE_BYTES: usize = 256 << 10;
/// Largest list of files that is read. Unit: bytes.
const LARGEST_LIST_BYTES: u64 = 64 << 20;

/// A package that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Its path on this machine.
    pub path: PathBuf,
    /// Unit: bytes.
    pub size_bytes: u64,
}

/// A package to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// Where it lies on this machine.
    pub path: PathBuf,
    /// SHA-256 of it.
    pub digest: Digest,
    /// Unit: bytes.
    pub size_bytes: u64,
}

/// The extensions of package files, in lower case.
const EXTENSIONS: [&str; 3] = ["deb", "udeb", "ddeb"];
/// How many of the skipped paths are named.
const NAMED_LEFT_OUT: usize = 5;

/// The files that the command line and the list name.
#[derive(Debug, Default)]
pub struct Gathered {
    /// The packages, each path once and in order.
    pub found: Vec<Found>,
    /// Files in named directories that are no packages, in order.
    pub left_out: Vec<PathBuf>,
    /// What was passed over because it cannot be uploaded, and why; nothing unless it is to be passed over.
    pub unfit: Vec<(PathBuf, Failure)>,
    keep_going: bool,
}

impl Gathered {
    /// Passes over a path that cannot be uploaded.
    ///
    /// # Errors
    /// The failure itself, unless such paths are passed over.
    fn pass_over(&mut self, path: &Path, failure: Failure) -> Result<(), Failure> {
        if !self.keep_going {
            return Err(failure);
        }
        self.unfit.push((path.to_owned(), failure));
        Ok(())
    }

    /// A note about the skipped files; empty when there are none.
    pub fn note(&self) -> String {
        if self.left_out.is_empty() {
            return String::new();
        }
        let named = self.left_out.iter().take(NAMED_LEFT_OUT);
        let mut names: Vec<String> = named.map(|path| shown(path)).collect();
        let more = self.left_out.len().saturating_sub(names.len());
        if more > 0 {
            names.push(format!("{} more", count(more, "path")));
        }
        let names = names.join(", ");
        format!("note: left out, as only *.deb, *.udeb and *.ddeb are uploaded: {names}\n")
    }
}

/// Finds the packages that the command line and the list name, and the other files in directories.
///
/// # Errors
/// A usage [`Failure`] for a path that does not exist, is no package, or is a directory without
/// any; also for something in a directory that is named like a package and cannot be uploaded. With
/// `--keep-going` these are passed over, and only a list that cannot be read is a failure.
pub fn gather(args: &UploadArgs, input: &mut dyn BufRead) -> Result<Gathered, Failure> {
    let mut named = args.paths.clone();
    match args.from_file.as_deref() {
        Some(list) if list == Path::new("-") => named.extend(read_list(list, input)?),
        Some(list) => {
            let file = std::fs::File::open(list).map_err(|error| unreadable(list, &error))?;
            named.extend(read_list(list, &mut std::io::BufReader::new(file))?);
        }
        None => {}
    }
    let mut gathered = Gathered { keep_going: args.keep_going, ..Gathered::default() };
    for path in named {
        if let Err(failure) = find(&path, &mut gathered) {
            gathered.pass_over(&path, failure)?;
        }
    }
    let Gathered { found, left_out, unfit, .. } = &mut gathered;
    found.sort();
    found.dedup_by(|one, other| one.path == other.path);
    left_out.sort();
    left_out.dedup();
    unfit.sort_by(|(one, _), (other, _)| one.cmp(other));
    unfit.dedup_by(|(one, _), (other, _)| one == other);
    if found.is_empty() && unfit.is_empty() {
        return Err(Failure::usage("the list names no package"));
    }
    Ok(gathered)
}

fn read_list(list: &Path, input: &mut dyn BufRead) -> Result<Vec<PathBuf>, Failure> {
    let mut text = String::new();
    let read = input.take(LARGEST_LIST_BYTES).read_to_string(&mut text);
    read.map_err(|error| unreadable(list, &error))?;
    Ok(text.lines().filter(|line| !line.trim().is_empty()).map(PathBuf::from).collect())
}

fn find(path: &Path, gathered: &mut Gathered) -> Result<(), Failure> {
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !metadata.is_dir() {
        if !metadata.is_file() || !is_deb(path) {
            let message = format!("{}: is not a .deb, .udeb or .ddeb file", path.display());
            return Err(Failure::usage(message)
                .with_hint("only *.deb, *.udeb and *.ddeb are uploaded; leave the others out"));
        }
        gathered.found.push(Found { path: path.to_owned(), size_bytes: metadata.len() });
        return Ok(());
    }
    let before = (gathered.found.len(), gathered.unfit.len());
    for entry in walkdir::WalkDir::new(path) {
        let (path, sorted) = match entry {
            Ok(entry) if entry.file_type().is_dir() => continue,
            Ok(entry) => (entry.path().to_owned(), sort_in(entry, gathered)),
            Err(error) => (error.path().unwrap_or(path).to_owned(), Err(not_walked(path, error))),
        };
        if let Err(failure) = sorted {
            gathered.pass_over(&path, failure)?;
        }
    }
    if (gathered.found.len(), gathered.unfit.len()) == before {
        let message = format!("there is no *.deb, *.udeb or *.ddeb below {}", path.display());
        return Err(Failure::usage(message));
    }
    Ok(())
}

/// The failure to list a directory below `path`.
fn not_walked(path: &Path, error: walkdir::Error) -> Failure {
    let at = error.path().unwrap_or(path).to_owned();
    let text = error.to_string();
    error.into_io_error().map_or_else(|| Failure::usage(text), |cause| unreadable(&at, &cause))
}

/// Sorts in an entry of a directory. Links to files are followed, those to directories are left
/// out.
fn sort_in(entry: walkdir::DirEntry, gathered: &mut Gathered) -> Result<(), Failure> {
    let path = entry.into_path();
    if !is_deb(&path) {
        gathered.left_out.push(path);
        return Ok(());
    }
    let metadata = std::fs::metadata(&path).map_err(|error| unreadable(&path, &error))?;
    if metadata.is_file() {
        gathered.found.push(Found { path, size_bytes: metadata.len() });
        return Ok(());
    }
    let message = format!("{}: has the name of a package and is no file", path.display());
    Err(Failure::usage(message).with_hint("take it out, or name the packages one by one"))
}

fn is_deb(path: &Path) -> bool {
    let extension = path.extension().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
    EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// A path as a part of one line of a message.
fn shown(path: &Path) -> String {
    path.to_string_lossy().chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// Reads a package once, for its digest and its size; `read_bytes` grows meanwhile.
///
/// # Errors
/// A usage [`Failure`] when it cannot be read.
pub fn hash(path: &Path, read_bytes: &AtomicU64) -> Result<Parcel, Failure> {
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
        read_bytes.fetch_add(read as u64, Ordering::Relaxed);
    }
}

/// Reads a small package whole.
///
/// # Errors
/// As [`hash`], and when its size has changed since it was found.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn gather_in(folder: &Path) -> Result<Gathered, Failure> {
        let mut gathered = Gathered::default();
        find(folder, &mut gathered)?;
        gathered.found.sort();
        gathered.left_out.sort();
        Ok(gathered)
    }

    #[test]
    fn nothing_in_a_directory_is_left_out_in_silence() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("sub")).unwrap();
        for name in ["a.deb", "b.udeb", "c.ddeb", "D.DEB", "sub/e.deb"] {
            std::fs::write(at(name), "x").unwrap();
        }
        let gathered = gather_in(folder.path()).unwrap();
        let names = |paths: Vec<&PathBuf>| -> Vec<String> {
            let cut = |path: &PathBuf| path.strip_prefix(folder.path()).unwrap().to_owned();
            paths.into_iter().map(|path| cut(path).to_str().unwrap().to_owned()).collect()
        };
        let found = gathered.found.iter().map(|found| &found.path).collect();
        assert_eq!(names(found), ["D.DEB", "a.deb", "b.udeb", "c.ddeb", "sub/e.deb"]);
        assert_eq!(gathered.note(), "");

        for name in ["a.changes", "a.deb.asc", "f.rpm", "g.tar", "h", "sub/i", "line\nfeed"] {
            std::fs::write(at(name), "x").unwrap();
        }
        let outside = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), at("link")).unwrap();
        let gathered = gather_in(folder.path()).unwrap();
        let left_out =
            ["a.changes", "a.deb.asc", "f.rpm", "g.tar", "h", "line\nfeed", "link", "sub/i"];
        assert_eq!(names(gathered.left_out.iter().collect()), left_out);
        let note = gathered.note();
        assert!(note.contains("a.changes") && note.contains("and *.ddeb are uploaded"), "{note}");
        assert!(note.ends_with("h, 3 paths more\n"), "{note}");
        assert_eq!(note.lines().count(), 1);
    }

    #[test]
    fn what_has_the_name_of_a_package_and_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.deb"), "x").unwrap();
        let link = folder.path().join("b.deb");
        std::os::unix::fs::symlink("/nowhere/at/all.deb", &link).unwrap();
        let error = gather_in(folder.path()).unwrap_err();
        assert!(error.message.contains("b.deb: there is no such file"), "{error:?}");
        std::fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink("/", &link).unwrap();
        let error = gather_in(folder.path()).unwrap_err();
        assert!(error.message.contains("is no file"), "{error:?}");
    }
}
