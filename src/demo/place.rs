//! The place of the demonstration: one directory, and free ports of the loopback addresses.

use std::fs::DirBuilder;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use tempfile::TempDir;

use super::DemoError;

/// How often another port is tried when one is free for IPv4 but not for IPv6.
const PORT_TRIES: usize = 50;

/// The directory, which nobody but this user can enter.
pub struct Place {
    root: String,
    temporary: Option<TempDir>,
}

impl Place {
    /// Makes the directory: the named one, or a temporary one.
    ///
    /// # Errors
    /// [`DemoError::Directory`] when it cannot be made, is not empty, or has a name that apt's
    /// configuration cannot hold (the user's fault).
    pub fn make(named: Option<&Path>) -> Result<Self, DemoError> {
        let wanted = named.map_or_else(std::env::temp_dir, Path::to_path_buf);
        let wrong = |path: &Path, problem: String| DemoError::Directory {
            path: path.display().to_string(),
            problem,
        };
        let absolute = std::path::absolute(&wanted).map_err(|e| wrong(&wanted, e.to_string()))?;
        plain(&absolute).map_err(|problem| wrong(&absolute, problem))?;
        let (path, temporary) = match named {
            Some(_) => {
                own_directory(&absolute).map_err(|problem| wrong(&absolute, problem))?;
                (absolute, None)
            }
            None => {
                let made = tempfile::Builder::new().prefix("repod-demo-").tempdir_in(&absolute);
                let made = made.map_err(|error| wrong(&absolute, error.to_string()))?;
                (made.path().to_path_buf(), Some(made))
            }
        };
        Ok(Self { root: path.display().to_string(), temporary })
    }

    /// The directory itself.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Whether it is removed in the end.
    pub fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }

    /// The absolute path of something in it.
    pub fn at(&self, below: &str) -> String {
        format!("{}/{below}", self.root)
    }

    /// The text with paths relative to the directory.
    pub fn as_seen(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.root), "")
    }

    /// Makes a directory in it, with those above.
    ///
    /// # Errors
    /// The system's error, with the path.
    pub fn make_directory(&self, below: &str) -> Result<(), String> {
        let path = self.at(below);
        // dpkg-deb requires this mode of a package's directories, whatever the umask.
        std::fs::create_dir_all(&path)
            .and_then(|()| {
                let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
                std::fs::set_permissions(&path, mode)
            })
            .map_err(|error| format!("{path}: {error}"))
    }

    /// Writes a file in it.
    ///
    /// # Errors
    /// The system's error, with the path.
    pub fn write(&self, below: &str, content: &str) -> Result<(), String> {
        let path = self.at(below);
        std::fs::write(&path, content).map_err(|error| format!("{path}: {error}"))
    }

    /// Reads a small file in it.
    ///
    /// # Errors
    /// The system's error, with the path.
    pub fn read(&self, below: &str) -> Result<String, String> {
        let path = self.at(below);
        std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))
    }

    /// Removes the directory, if it is a temporary one.
    ///
    /// # Errors
    /// The system's error.
    pub fn clear(self) -> io::Result<()> {
        self.temporary.map_or(Ok(()), TempDir::close)
    }
}

/// The path is unquoted in apt's and dpkg's files.
fn plain(path: &Path) -> Result<(), String> {
    let sound = |c: char| c.is_ascii_alphanumeric() || "/-_.+@~".contains(c);
    match path.to_str().filter(|text| text.chars().all(sound)) {
        Some(_) => Ok(()),
        None => Err(
            "its path goes into apt's configuration, so it may hold only ASCII letters, digits \
                     and - _ . + @ ~; name another with --dir, or set TMPDIR"
                .into(),
        ),
    }
}

fn own_directory(path: &Path) -> Result<(), String> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    let entries = made.and_then(|()| std::fs::read_dir(path));
    match entries.map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err("is not empty; name a new directory".into()),
        Err(error) => Err(error.to_string()),
    }
}

/// A port that is free on loopback, and the addresses: IPv4, and IPv6 where there is any.
///
/// # Errors
/// Why there is none, for people. That no name is resolved for this is on purpose: where `localhost` leads is up to
/// the hosts file.
pub fn free_port() -> Result<(u16, Vec<SocketAddr>), String> {
    loopback_answers().map_err(|error| {
        format!(
            "127.0.0.1 does not answer on this machine ({error}), and the demo speaks over it; \
             as root: ip link set lo up; ip address replace 127.0.0.1/8 dev lo"
        )
    })?;
    find_port().map_err(|error| format!("no free port: {error}"))
}

/// In a container or a namespace the loopback device may be down, or have IPv6 alone.
fn loopback_answers() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    TcpStream::connect(listener.local_addr()?).map(drop)
}

fn find_port() -> io::Result<(u16, Vec<SocketAddr>)> {
    for _ in 0..PORT_TRIES {
        let four = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = four.local_addr()?;
        let port = address.port();
        match TcpListener::bind((Ipv6Addr::LOCALHOST, port)) {
            Ok(six) => return Ok((port, vec![address, six.local_addr()?])),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(_) => return Ok((port, vec![address])),
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "no port is free on 127.0.0.1 and ::1 alike"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_place_is_gone_after_it_is_cleared() {
        let place = Place::make(None).unwrap();
        place.make_directory("a/b").unwrap();
        place.write("a/b/c", "d").unwrap();
        assert_eq!(place.read("a/b/c").unwrap(), "d");
        assert_eq!(place.as_seen(&format!("cat {}", place.at("a/b/c"))), "cat a/b/c");
        let root = Path::new(place.root()).to_path_buf();
        assert!(root.exists());
        place.clear().unwrap();
        assert!(!root.exists());
    }

    #[test]
    fn a_named_place_is_kept_and_has_to_be_empty() {
        let above = tempfile::tempdir().unwrap();
        let named = above.path().join("new/place");
        let place = Place::make(Some(&named)).unwrap();
        place.write("file", "").unwrap();
        place.clear().unwrap();
        assert!(named.join("file").exists());
        let problem = Place::make(Some(&named)).err().unwrap().to_string();
        assert!(problem.contains("is not empty"), "{problem}");
    }

    #[test]
    fn a_place_that_apt_cannot_spell_is_refused() {
        let above = tempfile::tempdir().unwrap();
        let problem = Place::make(Some(&above.path().join("a b"))).err().unwrap().to_string();
        assert!(problem.contains("--dir"), "{problem}");
        assert!(!above.path().join("a b").exists());
    }

    #[test]
    fn a_free_port_is_free_on_every_address() {
        let (port, addresses) = free_port().unwrap();
        assert!(addresses.iter().all(|a| a.port() == port && a.ip().is_loopback()));
        for address in addresses {
            TcpListener::bind(address).unwrap();
        }
    }
}
