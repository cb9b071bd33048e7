//! Host certificates: the key and certificate with which a host reads one server, and how the next
//! pair replaces the last.
//!
//! ```text
//! /etc/apt/repod/SERVER/certificates/ID/client.key, client.crt    a pair that belongs together
//! /etc/apt/repod/SERVER/current -> certificates/ID                the pair in use: one link, one rename
//! /etc/apt/repod/SERVER/previous -> certificates/ID               the one before, until the next renewal
//! /etc/apt/repod/SERVER/client.key -> current/client.key          what apt's configuration names
//! /etc/apt/repod/SERVER/client.crt -> current/client.crt
//! ```

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::failure::Failure;
use super::replace::{self, Rights, wrong};
use super::root::Root;

/// The directory below the root of a machine.
const PLACE: &str = "etc/apt/repod";
/// The user that apt's download methods run as.
const SANDBOX_USER: &str = "_apt";
const KEY: &str = "client.key";
const CERTIFICATE: &str = "client.crt";
/// The directory of all pairs.
const CERTIFICATES: &str = "certificates";
/// A file in the directory of a pair: the token that it was made for.
const MARK: &str = "token";

/// The certificates of a host for one server.
pub struct HostCertificates {
    root: Root,
    /// The directory of the server, below the root.
    directory: PathBuf,
    /// The user that reads keys beside root.
    owner: Option<u32>,
    server: String,
}

/// A key, and the certificate for it once there is one.
pub struct Pair {
    /// Below the root.
    directory: PathBuf,
    /// PKCS#8, PEM.
    pub key_pem: Zeroizing<String>,
}

impl HostCertificates {
    /// The certificates of the machine below `root` for a server; there may be none yet.
    ///
    /// # Errors
    /// A [`Failure`] for a root that is no directory, or an invalid name.
    pub fn of(root: &Root, server: &str) -> Result<Self, Failure> {
        if !root.path().is_dir() {
            return Err(Failure::usage(format!("{}: is no directory", root.path().display())));
        }
        // An address of IPv6 has colons, in brackets.
        let plain = |c: char| c.is_ascii_alphanumeric() || "-.:[]".contains(c);
        if server.is_empty() || server.starts_with('.') || !server.chars().all(plain) {
            return Err(Failure::refused(format!("{server:?} is no name of a server")));
        }
        Ok(Self::below(root, server))
    }

    fn below(root: &Root, server: &str) -> Self {
        let directory = Path::new(PLACE).join(server);
        let owner = sandbox_user(root);
        Self { root: root.clone(), directory, owner, server: server.to_owned() }
    }

    /// The certificates of the machine below `root`, for every server. A directory is named as it is found,
    /// so that one odd name does not keep the others from theirs.
    ///
    /// # Errors
    /// A [`Failure`] when the directory cannot be read.
    pub fn all(root: &Root) -> Result<Vec<Self>, Failure> {
        let place = root.target(PLACE)?;
        let Ok(entries) = fs::read_dir(&place) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| wrong(&place, &error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if root.has(Path::new(PLACE).join(&name).join(CERTIFICATE)) {
                found.push(Self::below(root, &name));
            }
        }
        found.sort_by(|a, b| a.server.cmp(&b.server));
        Ok(found)
    }

    /// Locks out other runs of this program until the result is dropped.
    ///
    /// # Errors
    /// A [`Failure`] when the directory cannot be made or locked.
    pub fn alone(&self) -> Result<fs::File, Failure> {
        replace::alone(&self.root.target(&self.directory)?)
    }

    /// The name of the server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The root of the machine.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// Whether there is such a file beside the pair in use.
    pub fn has(&self, name: &str) -> bool {
        self.root.has(self.directory.join(name))
    }

    /// A file beside the pair in use, for messages.
    pub fn shown(&self, name: &str) -> PathBuf {
        self.root.shown(self.directory.join(name))
    }

    /// The text of a file beside the pair in use.
    ///
    /// # Errors
    /// A [`Failure`] that names the file that cannot be read.
    pub fn read(&self, name: &str) -> Result<String, Failure> {
        read(&self.root.target(self.directory.join(name))?)
    }

    /// Writes a file beside the pair in use anew.
    ///
    /// # Errors
    /// A [`Failure`] that names the file that cannot be written.
    pub fn replace(&self, name: &str, rights: Rights, content: &[u8]) -> Result<(), Failure> {
        replace::file(&self.place(name)?, rights, content)
    }

    /// Where a file or link beside the pair in use is.
    fn place(&self, name: &str) -> Result<PathBuf, Failure> {
        self.root.place(self.directory.join(name))
    }

    /// What a link beside the pair in use names.
    fn link(&self, name: &str) -> Option<PathBuf> {
        fs::read_link(self.place(name).ok()?).ok()
    }

    /// The directory of all pairs.
    fn certificates(&self) -> Result<PathBuf, Failure> {
        self.root.target(self.directory.join(CERTIFICATES))
    }

    /// The certificate in use and its key.
    ///
    /// # Errors
    /// A [`Failure`] that names the file that cannot be read.
    pub fn in_use(&self) -> Result<(String, Zeroizing<String>), Failure> {
        Ok((self.read(CERTIFICATE)?, Zeroizing::new(self.read(KEY)?)))
    }

    /// The pair that was made for this token.
    ///
    /// # Errors
    /// A [`Failure`] when it cannot be read.
    pub fn find(&self, mark: &str) -> Result<Option<Pair>, Failure> {
        for directory in self.pairs()? {
            let file = |name: &str| self.root.target(directory.join(name));
            if fs::read_to_string(file(MARK)?).is_ok_and(|found| found == mark) {
                let key_pem = Zeroizing::new(read(&file(KEY)?)?);
                return Ok(Some(Pair { directory, key_pem }));
            }
        }
        Ok(None)
    }

    /// Stores a new key. Its directory appears with everything in it, so that a half-written key is
    /// never found.
    ///
    /// # Errors
    /// A [`Failure`] that names what cannot be written.
    pub fn add(&self, key_pem: &str, mark: Option<&str>) -> Result<Pair, Failure> {
        let place = self.certificates()?;
        replace::directory(&place)?;
        let id = format!("{:016x}", rand::random::<u64>());
        let (beside, directory) = (place.join(format!(".new-{id}")), place.join(&id));
        let made = fs::DirBuilder::new().mode(0o700).create(&beside);
        made.map_err(|error| wrong(&beside, &error))?;
        if let Some(mark) = mark {
            replace::file(
                &beside.join(MARK),
                Rights { mode: 0o600, owner: None },
                mark.as_bytes(),
            )?;
        }
        let rights = Rights { mode: 0o400, owner: self.owner };
        replace::file(&beside.join(KEY), rights, key_pem.as_bytes())?;
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        let finish = || {
            fs::set_permissions(&beside, open)?;
            fs::rename(&beside, &directory)?;
            replace::sync(&place)
        };
        finish().map_err(|error: std::io::Error| wrong(&directory, &error))?;
        let directory = self.directory.join(CERTIFICATES).join(id);
        Ok(Pair { directory, key_pem: Zeroizing::new(key_pem.to_owned()) })
    }

    /// Stores the certificate of a pair.
    ///
    /// # Errors
    /// A [`Failure`] that names what cannot be written.
    pub fn complete(&self, pair: &Pair, certificate_pem: &str) -> Result<(), Failure> {
        let rights = Rights { mode: 0o644, owner: None };
        let path = self.root.place(pair.directory.join(CERTIFICATE))?;
        replace::file(&path, rights, certificate_pem.as_bytes())
    }

    /// Moves a certificate and key that are plain files, as `repoctl host issue` writes them,
    /// behind the links. At every moment apt finds two that belong together.
    ///
    /// # Errors
    /// A [`Failure`] that names what cannot be written.
    pub fn adopt(&self) -> Result<(), Failure> {
        if self.is_linked(CERTIFICATE) && self.is_linked(KEY) {
            return Ok(());
        }
        let (certificate, key) = self.in_use()?;
        let pair = self.add(&key, None)?;
        self.complete(&pair, &certificate)?;
        self.point("current", &pair.directory)?;
        self.link_files()
    }

    /// Makes a pair the one in use, and the present one the previous one. The two files that apt
    /// reads change with one rename.
    ///
    /// # Errors
    /// A [`Failure`] that names what cannot be written.
    pub fn switch(&self, pair: &Pair) -> Result<(), Failure> {
        let before = self.link("current");
        let next = below(&pair.directory);
        if let Some(before) = before.filter(|before| *before != next) {
            replace::link(&before, &self.place("previous")?)?;
        }
        self.point("current", &pair.directory)?;
        self.link_files()
    }

    /// Removes pairs that are neither in use nor the previous one, and remains of an interrupted
    /// run.
    ///
    /// # Errors
    /// A [`Failure`] that names what cannot be removed.
    pub fn prune(&self) -> Result<(), Failure> {
        let kept: Vec<PathBuf> =
            ["current", "previous"].iter().filter_map(|name| self.link(name)).collect();
        let place = self.certificates()?;
        let entries = fs::read_dir(&place).map_err(|error| wrong(&place, &error))?;
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if !kept.contains(&below(&path)) {
                fs::remove_dir_all(&path).map_err(|error| wrong(&path, &error))?;
            }
        }
        let own = self.root.target(&self.directory)?;
        let entries = fs::read_dir(own).into_iter().flatten().flatten();
        for entry in entries.filter(|one| one.file_name().as_encoded_bytes().starts_with(b".new-"))
        {
            let path = entry.path();
            // It may be a file or a directory, so both ways are tried.
            let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
        }
        Ok(())
    }

    /// The directories of all pairs, below the root.
    fn pairs(&self) -> Result<Vec<PathBuf>, Failure> {
        let entries = fs::read_dir(self.certificates()?);
        let names = entries.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.file_name()));
        let whole = names.filter(|name| !name.as_encoded_bytes().starts_with(b"."));
        Ok(whole.map(|name| self.directory.join(CERTIFICATES).join(name)).collect())
    }

    fn is_linked(&self, name: &str) -> bool {
        self.link(name).is_some_and(|to| to == Path::new("current").join(name))
    }

    fn link_files(&self) -> Result<(), Failure> {
        for name in [CERTIFICATE, KEY].into_iter().filter(|name| !self.is_linked(name)) {
            replace::link(&Path::new("current").join(name), &self.place(name)?)?;
        }
        Ok(())
    }

    fn point(&self, name: &str, directory: &Path) -> Result<(), Failure> {
        replace::link(&below(directory), &self.place(name)?)
    }
}

/// The directory of a pair as the links beside `certificates` name it.
fn below(directory: &Path) -> PathBuf {
    Path::new(CERTIFICATES).join(directory.file_name().unwrap_or_default())
}

/// The number of apt's own user on the machine below `root`, if it has one.
pub fn sandbox_user(root: &Root) -> Option<u32> {
    let users = fs::read_to_string(root.target("etc/passwd").ok()?).ok()?;
    let line = users.lines().find(|line| line.split(':').next() == Some(SANDBOX_USER))?;
    line.split(':').nth(2)?.parse().ok()
}

/// A text file of this host.
///
/// # Errors
/// A [`Failure`] that names it.
pub fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| {
        let failure = Failure::refused(format!("{}: cannot be read: {error}", path.display()));
        match error.kind() {
            std::io::ErrorKind::PermissionDenied => failure.with_hint("run it as root"),
            _ => failure,
        }
    })
}
