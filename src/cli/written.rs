//! Written: what `repoctl` wrote on this host, so that a file which somebody changed or removed is
//! recognised. It is one file beside the certificates, of digests alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::host_certificates::read;
use super::replace::{self, Rights};
use super::root::Root;
use crate::digest::Digest;

const DIRECTORY: &str = "etc/apt/repod";
const NAME: &str = "written.json";

/// The content of the file.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Book {
    /// The address of each server.
    #[serde(default)]
    addresses: BTreeMap<String, String>,
    /// What was written to each path.
    #[serde(default)]
    files: BTreeMap<String, Mark>,
}

#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Mark {
    /// The digest of what is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    written: Option<String>,
    /// The digest of what is about to be there: a run that was cut off may have written it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    writing: Option<String>,
}

/// What was written, and the lock that keeps other runs out.
pub struct Written {
    path: PathBuf,
    book: Book,
    saved: Book,
    _alone: fs::File,
}

impl Written {
    /// What was written below the root of a machine. Waits for another run.
    ///
    /// # Errors
    /// A [`Failure`] that names what cannot be made, locked or read.
    pub fn open(root: &Root) -> Result<Self, Failure> {
        let alone = replace::alone(&root.target(DIRECTORY)?)?;
        let name = format!("{DIRECTORY}/{NAME}");
        let path = root.place(&name)?;
        let book = match root.has(&name) {
            true => {
                serde_json::from_str::<Book>(&read(&root.target(&name)?)?).map_err(|error| {
                    Failure::refused(format!("{}: is damaged: {error}", path.display())).with_hint(
                    "remove it: files that are as repoctl writes them then count as written by it",
                )
                })?
            }
            false => Book::default(),
        };
        Ok(Self { path, saved: book.clone(), book, _alone: alone })
    }

    /// Whether this path was ever written.
    pub fn has(&self, path: &str) -> bool {
        self.book.files.get(path).is_some_and(|mark| mark.written.is_some())
    }

    /// Whether this is what was written there.
    pub fn is_own(&self, path: &str, content: &[u8]) -> bool {
        let (mark, found) = (self.book.files.get(path), Some(Digest::of(content).to_string()));
        mark.is_some_and(|mark| mark.written == found || mark.writing == found)
    }

    /// Every path that was written.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let written = self.book.files.iter().filter(|(_, mark)| mark.written.is_some());
        written.map(|(path, _)| path.as_str())
    }

    /// The address of a server, when it was last seen.
    pub fn address(&self, server: &str) -> Option<&str> {
        self.book.addresses.get(server).map(String::as_str)
    }

    /// Notes the address of a server.
    pub fn note_address(&mut self, server: &str, url: &str) {
        self.book.addresses.insert(server.to_owned(), url.to_owned());
    }

    /// Notes that this is about to be written there.
    pub fn intend(&mut self, path: &str, content: &[u8]) {
        let mark = self.book.files.entry(path.to_owned()).or_default();
        mark.writing = Some(Digest::of(content).to_string());
    }

    /// Notes that this is there.
    pub fn note(&mut self, path: &str, content: &[u8]) {
        let written = Some(Digest::of(content).to_string());
        self.book.files.insert(path.to_owned(), Mark { written, writing: None });
    }

    /// Makes the notes durable.
    ///
    /// # Errors
    /// A [`Failure`] when the file cannot be written.
    pub fn save(&mut self) -> Result<(), Failure> {
        if self.book == self.saved {
            return Ok(());
        }
        let text = serde_json::to_string_pretty(&self.book).unwrap_or_default();
        let rights = Rights { mode: 0o644, owner: None };
        replace::file(&self.path, rights, format!("{text}\n").as_bytes())?;
        self.saved = self.book.clone();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_was_cut_off_leaves_what_it_wrote_as_its_own() {
        let root = tempfile::tempdir().unwrap();
        let root = Root::of(root.path());
        let open = || Written::open(&root).map_err(|one| one.message).unwrap();
        let mut written = open();
        written.note("/a", b"one");
        written.intend("/a", b"two");
        written.intend("/b", b"new");
        written.save().map_err(|one| one.message).unwrap();
        drop(written);
        let written = open();
        assert!(written.is_own("/a", b"one") && written.is_own("/a", b"two"));
        assert!(!written.is_own("/a", b"three") && written.is_own("/b", b"new"));
        // What may never have been written was not removed by anybody.
        assert!(written.has("/a") && !written.has("/b"));
        assert_eq!(written.paths().collect::<Vec<_>>(), ["/a"]);
    }

    #[test]
    fn a_damaged_file_is_named() {
        let root = tempfile::tempdir().unwrap();
        drop(Written::open(&Root::of(root.path())));
        std::fs::write(root.path().join("etc/apt/repod/written.json"), "{").unwrap();
        let message = Written::open(&Root::of(root.path())).err().unwrap().message;
        assert!(message.contains("written.json: is damaged"), "{message}");
    }
}
