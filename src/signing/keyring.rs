//! The keyring: which keys sign, for which suites, and where each is kept. A file beside the keys
//! has this. The file is replaced whole, so that a stop at any moment leaves the old keyring or the
//! new one.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::check::{CertificateFacts, describe_certificate, read_signing_certificate};
use super::keyring_key::KeyringKey;
use super::signers::{PrivateKey, SigningKey};
use super::{ExternalSigner, KeyKind, SecretKey, SigningError, generate};
use crate::debian::SuiteName;
use crate::reading::{self, ReadError};
use crate::time::Moment;

const RING: &str = "ring.json";
/// The key of a directory without a keyring file: the one that `repod init` made.
const FIRST: &str = "signing.asc";
/// The public keys, for people and for exports.
const PUBLIC: &str = "archive-key.asc";
/// Where private keys are moved that no longer sign.
const RETIRED: &str = "retired";

/// One key, as it is in the file.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    fingerprint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    suites: Option<BTreeSet<SuiteName>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    added_at: Option<i64>,
    public: String,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyringFile {
    keys: Vec<Entry>,
}

/// How keys are opened.
#[derive(Clone, Default)]
pub struct KeyAccess {
    /// What unlocks private keys that are locked, and locks those that are made.
    pub passphrase: Option<Zeroizing<String>>,
    /// What signs with keys that are not here.
    pub command: Option<ExternalSigner>,
}

impl std::fmt::Debug for KeyAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let locked = self.passphrase.is_some();
        f.debug_struct("KeyAccess")
            .field("locked", &locked)
            .field("command", &self.command)
            .finish()
    }
}

/// A new key of the keyring.
#[derive(Clone, Debug)]
pub enum NewKey {
    /// One that is made here.
    Make(KeyKind, String),
    /// The private key in a file; a copy of it is kept.
    Import(PathBuf),
    /// A public certificate, armored: a command signs.
    Public(String),
}

/// The keys of a directory.
#[derive(Clone, Debug)]
pub struct Keyring {
    dir: PathBuf,
    access: KeyAccess,
}

impl Keyring {
    /// The keyring in a directory that exists.
    pub fn at(dir: impl Into<PathBuf>, access: KeyAccess) -> Self {
        Self { dir: dir.into(), access }
    }

    /// Every key, without opening what is private.
    ///
    /// # Errors
    /// [`SigningError::Keyring`] when the keyring cannot be read (operator's fault).
    pub fn list(&self) -> Result<Vec<KeyringKey>, SigningError> {
        self.entries()?.into_iter().map(|entry| self.described(entry)).collect()
    }

    /// Makes the file of public keys match the keyring, also after a change was cut off between the
    /// two.
    ///
    /// # Errors
    /// As for [`Keyring::list`], or that the disk failed.
    pub fn mend(&self) -> Result<(), SigningError> {
        let entries = self.entries()?;
        match read(&self.dir.join(PUBLIC)) {
            Ok(text) if text == public_of(&entries) => Ok(()),
            _ => self.write_public(&entries),
        }
    }

    /// Every key, ready to sign.
    ///
    /// # Errors
    /// As for [`Keyring::list`] and [`SecretKey::load`], naming the file.
    pub fn open(&self) -> Result<Vec<SigningKey>, SigningError> {
        self.list()?.into_iter().map(|key| self.open_key(key)).collect()
    }

    fn open_key(&self, entry: KeyringKey) -> Result<SigningKey, SigningError> {
        let certificate = read_signing_certificate(&entry.public)?;
        let private = match &entry.file {
            Some(file) => {
                let path = self.dir.join(file);
                let key = SecretKey::load_locked(&path, self.passphrase())?;
                if key.fingerprint() != entry.fingerprint {
                    let reason = format!("it is another key than {}", entry.fingerprint);
                    return Err(SigningError::KeyUnusable { path, reason });
                }
                PrivateKey::Own(key)
            }
            None => PrivateKey::Command(self.access.command.clone().ok_or_else(|| {
                self.broken(format!(
                    "key {} is not here: name the program that signs with it, signing.command in \
                     repod.toml",
                    entry.fingerprint
                ))
            })?),
        };
        Ok(SigningKey { entry, private, certificate })
    }

    /// Adds a key, durably, and returns it ready to sign. When it fails, nothing was added.
    ///
    /// # Errors
    /// [`SigningError`] that says why the key cannot be used (operator's fault), or that the disk
    /// failed.
    pub fn add(
        &self,
        new: NewKey,
        suites: Option<BTreeSet<SuiteName>>,
        now: Moment,
    ) -> Result<SigningKey, SigningError> {
        let (own, public) = match new {
            NewKey::Make(kind, user_id) => {
                let key = generate(kind, &user_id, now)?;
                let public = key.public_armored()?;
                (Some(key), public)
            }
            NewKey::Import(path) => {
                let key = SecretKey::load_locked(&path, self.passphrase())?;
                let public = key.public_armored()?;
                (Some(key), public)
            }
            NewKey::Public(public) => (None, public),
        };
        let facts = describe_certificate(&read_signing_certificate(&public)?);
        let mut entries = self.entries()?;
        if entries.iter().any(|entry| entry.fingerprint == facts.fingerprint) {
            return Err(self.broken(format!("it holds {} already", facts.fingerprint)));
        }
        let file = own.as_ref().map(|_| format!("signing-{}.asc", facts.fingerprint));
        let added_at = Some(now.0);
        let fingerprint = facts.fingerprint.clone();
        let entry = Entry { fingerprint, file: file.clone(), suites, added_at, public };
        let opened = match (own, &file) {
            (Some(key), Some(file)) => {
                let path = self.dir.join(file);
                // A file that was left by a stop before the keyring was written is no key of the
                // keyring.
                let _leftover = fs::remove_file(&path);
                key.write_locked(&path, self.passphrase())?;
                self.open_key(self.described(entry.clone())?)?
            }
            _ => self.open_key(self.described(entry.clone())?)?,
        };
        entries.push(entry);
        self.write(&entries)?;
        Ok(opened)
    }

    /// Removes a key, durably; a private part that is here is moved aside.
    ///
    /// # Errors
    /// [`SigningError::NoSuchKey`], and [`SigningError::LastKey`] when a suite would be left
    /// without one.
    pub fn retire(&self, fingerprint: &str) -> Result<(), SigningError> {
        let entries = self.entries()?;
        let (gone, left): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| entry.fingerprint == fingerprint);
        let gone = gone.into_iter().next();
        let gone = gone.ok_or_else(|| SigningError::NoSuchKey(fingerprint.to_owned()))?;
        let covered = |suites: &Option<BTreeSet<SuiteName>>| match suites {
            None => left.iter().any(|entry| entry.suites.is_none()),
            Some(suites) => suites.iter().all(|suite| {
                left.iter().any(|entry| entry.suites.as_ref().is_none_or(|s| s.contains(suite)))
            }),
        };
        if !covered(&gone.suites) {
            return Err(SigningError::LastKey(fingerprint.to_owned()));
        }
        self.write(&left)?;
        if let Some(file) = gone.file {
            self.put_aside(&file, fingerprint)?;
        }
        Ok(())
    }

    fn put_aside(&self, file: &str, fingerprint: &str) -> Result<(), SigningError> {
        let from = self.dir.join(file);
        let folder = self.dir.join(RETIRED);
        let moved = fs::create_dir_all(&folder)
            .and_then(|()| fs::rename(&from, folder.join(format!("signing-{fingerprint}.asc"))));
        match moved {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            moved => {
                moved.map_err(|source| SigningError::KeyFile { what: "move", path: from, source })
            }
        }
    }

    fn passphrase(&self) -> Option<&str> {
        self.access.passphrase.as_deref().map(String::as_str)
    }

    fn entries(&self) -> Result<Vec<Entry>, SigningError> {
        match read(&self.dir.join(RING)) {
            Ok(text) => {
                let file: KeyringFile = serde_json::from_str(&text)
                    .map_err(|error| self.broken(format!("it does not read: {error}")))?;
                Ok(file.keys)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(vec![self.first()?]),
            Err(error) => Err(self.broken(error.to_string())),
        }
    }

    /// The one key of a directory without a keyring file: read from its private part, or from its
    /// public one where the private part was lost.
    fn first(&self) -> Result<Entry, SigningError> {
        let public = match SecretKey::load_locked(self.dir.join(FIRST), self.passphrase()) {
            Ok(key) => key.public_armored()?,
            Err(problem) => read(&self.dir.join(PUBLIC)).map_err(|_| problem)?,
        };
        let facts = describe_certificate(&read_signing_certificate(&public)?);
        let file = Some(FIRST.to_owned());
        Ok(Entry { fingerprint: facts.fingerprint, file, suites: None, added_at: None, public })
    }

    fn described(&self, entry: Entry) -> Result<KeyringKey, SigningError> {
        let CertificateFacts { fingerprint, created, algorithm } =
            describe_certificate(&read_signing_certificate(&entry.public)?);
        if fingerprint != entry.fingerprint {
            return Err(self.broken(format!("it names {} for {fingerprint}", entry.fingerprint)));
        }
        let Entry { public, file, suites, added_at, .. } = entry;
        let added = added_at.map(Moment);
        Ok(KeyringKey { fingerprint, public, file, suites, created, added, algorithm })
    }

    fn write(&self, entries: &[Entry]) -> Result<(), SigningError> {
        let file = KeyringFile { keys: entries.to_vec() };
        let text = serde_json::to_string_pretty(&file).map_err(|e| self.broken(e.to_string()))?;
        let written = replace(&self.dir, RING, 0o640, &format!("{text}\n"));
        written.map_err(|error| self.broken(error.to_string()))?;
        // Its name is new from here on, and what fails is no proof that it is the old one again.
        let named = sync(&self.dir).and_then(|()| self.replace_public(entries));
        named.map_err(|source| SigningError::Unsynced { path: self.dir.join(RING), source })
    }

    fn write_public(&self, entries: &[Entry]) -> Result<(), SigningError> {
        self.replace_public(entries).map_err(|error| self.broken(error.to_string()))
    }

    fn replace_public(&self, entries: &[Entry]) -> io::Result<()> {
        replace(&self.dir, PUBLIC, 0o644, &public_of(entries))?;
        sync(&self.dir)
    }

    fn broken(&self, problem: String) -> SigningError {
        SigningError::Keyring { path: self.dir.join(RING), problem }
    }
}

/// The most that is read of the keyring. Unit: bytes.
const LIMIT_BYTES: u64 = 16 << 20;

fn read(path: &Path) -> io::Result<String> {
    reading::read_text(path, LIMIT_BYTES).map_err(ReadError::into_io)
}

/// The public keys of a keyring, one after the other.
fn public_of(entries: &[Entry]) -> String {
    entries.iter().map(|entry| entry.public.as_str()).collect()
}

/// Replaces a file whole. Its name is durable once the directory is synced.
fn replace(dir: &Path, name: &str, mode: u32, text: &str) -> io::Result<()> {
    let new = dir.join(format!(".{name}.new"));
    let _leftover_of_a_crash = fs::remove_file(&new);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, dir.join(name))
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
