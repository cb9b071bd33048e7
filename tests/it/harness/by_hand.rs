//! A repository made by hand: apt-ftparchive's indices and a signature of our own, so that the
//! harness and the checker are tried on something that the product has no part in.

use super::deb::{Compression, DebBuilder};
use super::programs::program;
use pgp::composed::{
    ArmorOptions, CleartextSignedMessage, DetachedSignature, KeyType, SecretKeyParamsBuilder,
    SignedSecretKey,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::types::Password;
use rand::rngs::OsRng;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// A tree with a suite `stable`, component `main`, architecture `amd64`.
pub struct HandMade {
    dir: tempfile::TempDir,
    key: SignedSecretKey,
    /// When it is published next; strictly rising. Unit: seconds since 1970.
    next_date: u64,
}

impl HandMade {
    /// An empty repository with a key of its own.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut params = SecretKeyParamsBuilder::default();
        params.key_type(KeyType::Ed25519Legacy).can_certify(true).can_sign(true);
        params.primary_user_id("By hand <hand@example.org>".to_owned());
        let key = params.build().unwrap().generate(OsRng).unwrap();
        for folder in ["pool", "dists/stable/main/binary-amd64/by-hash/SHA256"] {
            std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        let public = key.to_public_key().to_armored_string(ArmorOptions::default()).unwrap();
        std::fs::write(dir.path().join("key.asc"), public).unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        // So far back that a few publishes in one second do not run ahead of the clock.
        Self { dir, key, next_date: now - 60 }
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    /// The public key, armored.
    pub fn key_file(&self) -> PathBuf {
        self.path("key.asc")
    }

    /// Puts a package into the pool; it is listed from the next [`Self::publish`] on.
    pub fn add(&self, deb: &DebBuilder) -> PathBuf {
        let path = self.path("pool").join(deb.file_name());
        std::fs::write(&path, deb.build()).unwrap();
        path
    }

    /// Lists and signs whatever lies in the pool.
    pub fn publish(&mut self) {
        let listed = program("apt-ftparchive")
            .args(["-o", "APT::FTPArchive::DoByHash=false", "packages", "pool"])
            .dir(self.dir.path())
            .run()
            .expect_success();
        self.publish_indices(&listed.stdout_bytes, Compression::Xz.compress(&listed.stdout_bytes));
    }

    /// Signs these bytes as `Packages`, and those as `Packages.xz`.
    pub fn publish_indices(&mut self, packages: &[u8], xz: Vec<u8>) {
        let gz = Compression::Gzip.compress(packages);
        let folder = "main/binary-amd64";
        let mut list = String::new();
        for (suffix, bytes) in [("", packages), (".gz", &gz), (".xz", &xz)] {
            let digest = hex::encode(Sha256::digest(bytes));
            let size = bytes.len();
            writeln!(list, " {digest} {size:>9} {folder}/Packages{suffix}").unwrap();
            let dir = self.path("dists/stable").join(folder);
            std::fs::write(dir.join(format!("Packages{suffix}")), bytes).unwrap();
            std::fs::write(dir.join("by-hash/SHA256").join(digest), bytes).unwrap();
        }
        let date = date_line(self.next_date);
        self.next_date += 1;
        self.sign(&format!(
            "Origin: Hand\nLabel: Hand\nSuite: stable\nCodename: stable\nDate: {date}\n\
             Architectures: amd64\nComponents: main\nAcquire-By-Hash: yes\nSHA256:\n{list}"
        ));
    }

    /// Writes this text as Release, with both signatures.
    pub fn sign(&self, release: &str) {
        let none = Password::empty();
        let armored = ArmorOptions::default();
        // The newline before the signature belongs to the frame, not to the text.
        let text = release.trim_end_matches('\n');
        let clear =
            CleartextSignedMessage::sign(OsRng, text, &self.key.primary_key, &none).unwrap();
        let bytes = release.as_bytes();
        let hash = HashAlgorithm::Sha512;
        let detached =
            DetachedSignature::sign_binary_data(OsRng, &self.key.primary_key, &none, hash, bytes);
        let write = |name: &str, text: &str| {
            std::fs::write(self.path("dists/stable").join(name), text).unwrap();
        };
        write("InRelease", &clear.to_armored_string(armored.clone()).unwrap());
        write("Release", release);
        write("Release.gpg", &detached.unwrap().to_armored_string(armored).unwrap());
    }
}

impl AsRef<Path> for HandMade {
    fn as_ref(&self) -> &Path {
        self.dir.path()
    }
}

/// A date as Release files have it. Unit: seconds since 1970.
fn date_line(seconds: u64) -> String {
    let date = program("date").args(["--utc", "-d", &format!("@{seconds}")]);
    date.arg("+%a, %d %b %Y %H:%M:%S UTC").run().expect_success().stdout.trim().to_owned()
}
