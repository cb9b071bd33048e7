//! New directories and files, with the modes that they need; files are durable.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

pub(super) fn make_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), make_directory)
}

pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o750).create(path)
}

pub(super) fn write_new(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().create_new(true).write(true).mode(mode).open(path)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}
