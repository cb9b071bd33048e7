//! What clients see of a suite's head: its files, its Date, and gpgv's word on them.

use std::path::Path;

use base64::Engine as _;
use repod::time::Moment;
use tempfile::TempDir;

use crate::harness::programs::{Outcome, program};

/// The Date of an InRelease or Release file.
pub fn date_of(release: &[u8]) -> Moment {
    let text = std::str::from_utf8(release).unwrap();
    let date = text.lines().find_map(|line| line.strip_prefix("Date: ")).expect("it has a Date");
    Moment::parse_http_date(&date.replace("UTC", "GMT")).expect("the Date can be read")
}

/// A key as gpgv wants it.
pub struct Keyring(TempDir);

impl Keyring {
    /// The first key of an armored file.
    pub fn read(armored: &Path) -> Self {
        let text = std::fs::read_to_string(armored).unwrap();
        let (_, body) = text.split_once("\n\n").expect("armor begins with headers");
        let lines: String = body.lines().take_while(|line| !line.starts_with(['-', '='])).collect();
        let key = base64::engine::general_purpose::STANDARD.decode(lines).unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("keyring.gpg"), key).unwrap();
        Self(dir)
    }

    fn gpgv(&self, files: &[(&str, &[u8])]) -> Outcome {
        let paths = files.iter().map(|(name, bytes)| {
            let path = self.0.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        });
        let paths: Vec<_> = paths.collect();
        let gpgv = program("gpgv").args(["--homedir", "/nonexistent", "--keyring"]);
        gpgv.arg(self.0.path().join("keyring.gpg")).args(paths).run()
    }

    /// Verifies an InRelease file.
    #[track_caller]
    pub fn expect_in_release(&self, in_release: &[u8]) {
        self.gpgv(&[("InRelease", in_release)]).expect_success();
    }

    /// Verifies a Release file by its Release.gpg.
    #[track_caller]
    pub fn expect_pair(&self, release: &[u8], release_gpg: &[u8]) {
        self.gpgv(&[("Release.gpg", release_gpg), ("Release", release)]).expect_success();
    }
}
