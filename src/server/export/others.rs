//! Others: what belongs to suites of the tree that an export is not of.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use super::fault::failed;
use crate::flow::FlowError;
use crate::flow::serve::export::Suites;

/// The files of the other suites: everything below their directories, and what their indices name.
#[derive(Default)]
pub(super) struct Others {
    directories: BTreeSet<PathBuf>,
    links: BTreeSet<PathBuf>,
    packages: BTreeSet<PathBuf>,
}

impl Others {
    /// Reads the indices of the other suites from the tree; nothing for an export of all suites.
    pub(super) fn of(root: &Path, suites: &Suites) -> Result<Self, FlowError> {
        let mut others = Self::default();
        let Suites::Only(suites) = suites else { return Ok(others) };
        let own = |name: &Path| {
            let name = name.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            suites.iter().any(|suite| *suite.as_str() == *name)
        };
        let dists = root.join("dists");
        let found = match fs::read_dir(&dists) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(others),
            found => found.map_err(failed("read", &dists))?,
        };
        for entry in found {
            let path = entry.map_err(failed("read", &dists))?.path();
            match fs::read_link(&path) {
                // The link of an alias belongs to the suite that it leads to.
                Ok(to) if !own(&to) => drop(others.links.insert(path)),
                Ok(_) => {}
                Err(_) if path.is_dir() && !own(&path) => {
                    others.add_packages(root, &path)?;
                    others.directories.insert(path);
                }
                Err(_) => {}
            }
        }
        Ok(others)
    }

    /// Whether the file is one of theirs.
    pub(super) fn have(&self, path: &Path) -> bool {
        self.packages.contains(path)
            || self.links.contains(path)
            || path.ancestors().any(|above| self.directories.contains(above))
    }

    /// What the plain indices of a suite name: those that are listed, and those of before that are kept.
    fn add_packages(&mut self, root: &Path, suite: &Path) -> Result<(), FlowError> {
        for entry in walkdir::WalkDir::new(suite) {
            let entry = entry.map_err(|error| failed("read", suite)(error.into()))?;
            if !entry.file_type().is_file() || !may_be_plain(entry.path()) {
                continue;
            }
            let file = fs::File::open(entry.path()).map_err(failed("read", entry.path()))?;
            let mut file = BufReader::new(file);
            // What is compressed, or no list of packages, has no such line.
            if !file.fill_buf().map_err(failed("read", entry.path()))?.starts_with(b"Package: ") {
                continue;
            }
            for line in file.split(b'\n') {
                let line = line.map_err(failed("read", entry.path()))?;
                if let Some(name) = line.strip_prefix(b"Filename: ") {
                    self.packages.insert(root.join(String::from_utf8_lossy(name).trim_end()));
                }
            }
        }
        Ok(())
    }
}

/// Whether it may be a plain index of packages: by its name, or by its place under its hash.
fn may_be_plain(path: &Path) -> bool {
    let by_hash = path.parent().is_some_and(|parent| parent.ends_with("by-hash/SHA256"));
    by_hash || path.file_name().is_some_and(|name| name == "Packages")
}
