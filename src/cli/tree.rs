//! Trees: the files that a host needs, laid out below a directory as on the host, and the script
//! that puts them in place.
//!
//! The paths, owners and permissions come from the server and end up in a script that root runs, so
//! each is checked before anything is written.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::keys::write_new;
use super::replace::{self, Rights};
use super::root::Root;
use super::text::shell_word;
use super::units;
use crate::api::{HostSetup, SetupFile};

/// The script beside the files.
pub const SCRIPT: &str = "install.sh";

/// Allowed beginnings of paths on a host: apt's directories, and those of the program that follows
/// a rollback.
const PLACES: [&str; 4] =
    ["/etc/apt/", "/etc/systemd/system/repod-", "/usr/local/sbin/repod-", "/usr/share/keyrings/"];

/// The directory of sources.
const SOURCES: &str = "/etc/apt/sources.list.d/";

/// One file that is ready to be written.
struct Leaf<'a> {
    on_host: &'a str,
    mode: u32,
    owner: &'a str,
    content: &'a [u8],
    secret: bool,
}

/// Beginnings of paths of obsolete files, which only an earlier server wrote.
const OBSOLETE: [&str; 2] = ["/etc/apt/apt.conf.d/60repod-", "/etc/apt/apt.conf.d/61repod-"];

/// The files of one host, checked.
pub struct Tree<'a> {
    leaves: Vec<Leaf<'a>>,
    obsolete: Vec<&'a str>,
}

impl<'a> Tree<'a> {
    /// The files that the server says a host needs.
    ///
    /// # Errors
    /// A [`Failure`] for a path with `..` or outside of apt's directories, for an owner other than
    /// `root` and `_apt`, and for permissions that are more than reading and writing.
    pub fn of(setup: &'a HostSetup) -> Result<Self, Failure> {
        let leaves = setup.files.iter().map(leaf).collect::<Result<Vec<_>, _>>()?;
        let mut tree = Self { leaves: Vec::new(), obsolete: Vec::new() };
        for path in &setup.obsolete {
            below(path)?;
            if !OBSOLETE.iter().any(|begin| path.starts_with(begin)) {
                return Err(refuse(path, "is no file of an earlier server"));
            }
            tree.obsolete.push(path);
        }
        for one in leaves {
            tree.add(one)?;
        }
        Ok(tree)
    }

    /// Adds the certificate and the private key of the host, where the other files expect them.
    ///
    /// # Errors
    /// As [`Tree::of`].
    pub fn with_key(
        mut self,
        setup: &'a HostSetup,
        certificate_pem: &'a str,
        key_pem: &'a str,
    ) -> Result<Self, Failure> {
        let (certificate, key) = (certificate_pem.as_bytes(), key_pem.as_bytes());
        let (at, key_at) = (setup.certificate_path.as_str(), setup.key_path.as_str());
        let owner = "root";
        self.add(Leaf { on_host: at, mode: 0o644, owner, content: certificate, secret: false })?;
        // apt reads the key as the user `_apt`, and nobody else may.
        let owner = "_apt";
        self.add(Leaf { on_host: key_at, mode: 0o400, owner, content: key, secret: true })?;
        Ok(self)
    }

    fn add(&mut self, leaf: Leaf<'a>) -> Result<(), Failure> {
        below(leaf.on_host)?;
        if self.leaves.iter().any(|other| other.on_host == leaf.on_host) {
            return Err(refuse(leaf.on_host, "is named twice"));
        }
        self.leaves.push(leaf);
        Ok(())
    }

    /// Writes the files and the script below `root`; returns their paths below it. Existing files
    /// are replaced.
    ///
    /// # Errors
    /// A [`Failure`] that names the file that cannot be written.
    pub fn write(&self, root: &Path, name: &str) -> Result<Vec<PathBuf>, Failure> {
        let mut written = Vec::new();
        for leaf in &self.leaves {
            let relative = below(leaf.on_host)?;
            let mode = if leaf.secret { 0o600 } else { 0o644 };
            write_below(root, &relative, mode, leaf.content)?;
            written.push(relative);
        }
        let script = PathBuf::from(SCRIPT);
        write_below(root, &script, 0o755, self.script(name).as_bytes())?;
        written.push(script);
        Ok(written)
    }

    /// Puts the files in their places below the root of a machine, each whole or not at all. The
    /// sources come last, because they make apt use the server. Returns their paths.
    ///
    /// # Errors
    /// A [`Failure`] that names the file that cannot be written.
    pub fn install(&self, root: &Root, sandbox: Option<u32>) -> Result<Vec<String>, Failure> {
        let mut leaves: Vec<_> = self.leaves.iter().collect();
        leaves.sort_by_key(|leaf| leaf.on_host.starts_with(SOURCES));
        for leaf in &leaves {
            let path = root.place(below(leaf.on_host)?)?;
            replace::directory(path.parent().unwrap_or(root.path()))?;
            let owner = sandbox.filter(|_| leaf.owner != "root");
            replace::file(&path, Rights { mode: leaf.mode, owner }, leaf.content)?;
        }
        for path in &self.obsolete {
            replace::gone(&root.place(below(path)?)?)?;
        }
        Ok(leaves.iter().map(|leaf| leaf.on_host.to_owned()).collect())
    }

    fn script(&self, name: &str) -> String {
        let mut out = format!(
            "#!/bin/sh\n# Puts in place what {name} needs to read its suites. Run it as root on that host.\n"
        );
        out.push_str(SCRIPT_HEAD);
        for leaf in &self.leaves {
            let from = leaf.on_host.trim_start_matches('/');
            let (owner, mode) = (leaf.owner, leaf.mode);
            let (from, to) = (shell_word(from), shell_word(leaf.on_host));
            out.push_str(&format!("put {owner} {mode:04o} {from} {to}\n"));
        }
        for path in &self.obsolete {
            out.push_str(&format!("rm -f {}\n", shell_word(path)));
        }
        if self.leaves.iter().any(|leaf| leaf.on_host.ends_with(units::UPGRADE_TIMER_NAME)) {
            out.push_str(START_TIMER);
        }
        out.push_str("echo 'done; next: apt-get update'\n");
        if self.leaves.iter().any(|leaf| leaf.secret) {
            out.push_str(
                "echo 'remove this directory when that works: it holds the private key'\n",
            );
        }
        out
    }
}

const SCRIPT_HEAD: &str = r#"set -eu
cd "$(dirname "$0")"
if [ "$(id -u)" != 0 ]; then
    echo 'run this as root' >&2
    exit 1
fi
put() {
    directory=$(dirname "$4")
    [ -d "$directory" ] || install -d -o root -g root -m 0755 "$directory"
    install -o "$1" -g root -m "$2" "$3" "$4"
    echo "$4 ($1, $2)"
}
"#;

/// As `systemctl enable --now` does it; in an image, where no systemd runs, it is only enabled.
const START_TIMER: &str = r#"install -d -o root -g root -m 0755 /etc/systemd/system/timers.target.wants
ln -sf ../repod-upgrade.timer /etc/systemd/system/timers.target.wants/repod-upgrade.timer
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl restart repod-upgrade.timer
fi
"#;

fn leaf(file: &SetupFile) -> Result<Leaf<'_>, Failure> {
    if !matches!(file.owner.as_str(), "root" | "_apt") {
        return Err(refuse(&file.path, "is to belong to somebody other than root or _apt"));
    }
    let digits =
        (3..=4).contains(&file.mode.len()) && file.mode.bytes().all(|b| b.is_ascii_digit());
    let mode = u32::from_str_radix(&file.mode, 8).ok().filter(|_| digits);
    let Some(mode) = mode.filter(|mode| mode & !0o755 == 0 && mode & 0o400 != 0) else {
        return Err(refuse(&file.path, "has permissions that are not those of a plain file"));
    };
    let content = file.content.as_bytes();
    Ok(Leaf { on_host: &file.path, mode, owner: &file.owner, content, secret: false })
}

/// The path below the directory for an absolute path on the host.
fn below(on_host: &str) -> Result<PathBuf, Failure> {
    if !PLACES.iter().any(|place| on_host.starts_with(place)) {
        return Err(refuse(on_host, "lies where apt needs no file"));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.+:@~".contains(c);
    let relative = on_host.trim_start_matches('/');
    let sound = |part: &str| !matches!(part, "" | "." | "..") && part.chars().all(plain);
    if on_host.len() > 255 || !relative.split('/').all(sound) || on_host.starts_with("//") {
        return Err(refuse(on_host, "is not a plain path"));
    }
    Ok(PathBuf::from(relative))
}

fn refuse(path: &str, why: &str) -> Failure {
    let message = format!("the server names a file that is not written: {path:?} {why}");
    Failure::refused(message)
        .with_hint("does --server name the right server? Nothing was installed")
}

fn write_below(root: &Path, relative: &Path, mode: u32, content: &[u8]) -> Result<(), Failure> {
    let path = root.join(relative);
    let wrong = |path: &Path, error: std::io::Error| {
        Failure::refused(format!("{}: cannot be written: {error}", path.display()))
    };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(|error| wrong(parent, error))?;
    }
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(wrong(&path, error)),
        _ => write_new(&path, mode, content),
    }
}
