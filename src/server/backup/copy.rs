//! Copy: one file, written under another name and then renamed. It is durable, and is read back,
//! with all others, once all are written.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::{Advice, fadvise};

use super::parts::Problem;
use crate::digest::{Digest, Hasher};

/// How much is read at once. Unit: bytes.
const PIECE_BYTES: usize = 1 << 20;

/// What became of a copy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Copied {
    /// It is there.
    Done {
        /// SHA-256 of its bytes.
        digest: Digest,
        /// Unit: bytes.
        size_bytes: u64,
    },
    /// There is nothing to copy.
    Absent,
    /// What is there has another digest, or cannot be read; nothing was copied.
    Damaged,
}

/// An error that names the file.
pub fn failed<'p>(what: &'static str, path: &'p Path) -> impl FnOnce(io::Error) -> Problem + 'p {
    move |error| format!("cannot {what} {}: {error}", path.display()).into()
}

/// Copies a file that is there, with its mode.
pub fn copy_file(from: &Path, to: &Path) -> Result<Copied, Problem> {
    match copy_proven(from, to, None)? {
        Copied::Damaged => Err(failed("read", from)(io::Error::other("its sectors fail"))),
        other => Ok(other),
    }
}

/// Copies a file whose bytes have this digest, where one is given.
///
/// # Errors
/// [`Problem`] when the copy cannot be written.
pub fn copy_proven(from: &Path, to: &Path, digest: Option<Digest>) -> Result<Copied, Problem> {
    let source = match File::open(from) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Copied::Absent),
        opened => opened.map_err(failed("open", from))?,
    };
    let mode = source.metadata().map_err(failed("look at", from))?.permissions().mode() & 0o777;
    if let Some(parent) = to.parent() {
        make_directory(parent)?;
    }
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let new = to.with_file_name(format!(".{name}.new"));
    let _leftover = fs::remove_file(&new);
    let made = File::options().write(true).create_new(true).mode(0o600).open(&new);
    let mut file = made.map_err(failed("make", &new))?;
    let written = write_all(&source, &mut file);
    let (found, size_bytes) = match written {
        Ok(written) if digest.is_none_or(|digest| digest == written.0) => written,
        Ok(_) | Err(Side::Source(_)) => {
            fs::remove_file(&new).map_err(failed("remove", &new))?;
            return Ok(Copied::Damaged);
        }
        Err(Side::Target(error)) => {
            let _nothing_lost = fs::remove_file(&new);
            return Err(failed("write", to)(error));
        }
    };
    file.set_permissions(Permissions::from_mode(mode)).map_err(failed("set the mode of", &new))?;
    drop(file);
    fs::rename(&new, to).map_err(failed("rename to", to))?;
    Ok(Copied::Done { digest: found, size_bytes })
}

/// Which of the two files failed.
enum Side {
    Source(#[expect(dead_code, reason = "a file that cannot be read is damaged")] io::Error),
    Target(io::Error),
}

fn write_all(mut source: &File, target: &mut File) -> Result<(Digest, u64), Side> {
    let (mut hasher, mut size_bytes) = (Hasher::default(), 0_u64);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let count = source.read(&mut piece).map_err(Side::Source)?;
        let Some(read) = piece.get(..count).filter(|read| !read.is_empty()) else { break };
        hasher.update(read);
        target.write_all(read).map_err(Side::Target)?;
        size_bytes = size_bytes.saturating_add(count as u64);
    }
    Ok((hasher.finish(), size_bytes))
}

/// SHA-256 of a file that is durable, read from the disk.
pub fn hash(path: &Path) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    // What is in memory proves nothing of the disk.
    let _advice = fadvise(&file, 0, None, Advice::DontNeed);
    let (mut hasher, mut piece) = (Hasher::default(), vec![0; PIECE_BYTES]);
    loop {
        let count = file.read(&mut piece)?;
        match piece.get(..count).filter(|read| !read.is_empty()) {
            Some(read) => hasher.update(read),
            None => return Ok(hasher.finish()),
        }
    }
}

/// Makes a directory and those above it, for their owner alone: there will be private keys.
pub fn make_directory(path: &Path) -> Result<(), Problem> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(failed("make", path))
}

/// Makes the name of a file durable.
pub fn sync_parent(path: &Path) -> Result<(), Problem> {
    let Some(parent) = path.parent() else { return Ok(()) };
    let synced = File::open(parent).and_then(|directory| directory.sync_all());
    synced.map_err(failed("sync", parent))
}
