//! Private apt roots: the machine's own apt-get over files of its own, so that tests really update,
//! install, upgrade and downgrade, as root or as anybody, and touch nothing outside.
//!
//! With `REPOD_TEST_APT_ROOT` naming a root with another apt in it (`tests/apt-roots` builds them),
//! the same tests run that apt instead, by chroot.

use super::programs::{self, Outcome, Program, is_root};
use crate::check::deb822::{Stanza, parse_stanzas};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The user that apt's download methods run as.
const SANDBOX_USER: &str = "_apt";

/// A file that a host is given.
#[derive(Clone, Debug)]
pub struct HostFile {
    /// Absolute, as on a real host.
    pub path: String,
    pub mode: u32,
    pub content: Vec<u8>,
}

impl HostFile {
    pub fn new(path: &str, mode: u32, content: impl Into<Vec<u8>>) -> Self {
        Self { path: path.to_owned(), mode, content: content.into() }
    }
}

/// A host: an apt and a dpkg database of its own. Removed with everything in it when dropped.
pub struct AptRoot {
    dir: TempDir,
    /// The root that the programs are run in, when it is not the machine's.
    chroot: Option<PathBuf>,
    sandboxed: bool,
}

/// What `apt-cache policy` says of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub installed: Option<String>,
    pub candidate: Option<String>,
}

impl AptRoot {
    /// A host on which nothing is installed and no source is set up.
    pub fn new() -> Self {
        Self::build(chosen_root(), false)
    }

    /// The same, with the apt that lies in another root.
    pub fn within(root: &Path) -> Self {
        Self::build(Some(root.to_owned()), false)
    }

    /// The same with the machine's own apt, whatever root was chosen.
    pub fn of_this_machine() -> Self {
        Self::build(None, false)
    }

    /// The same, where root's apt drops to its sandbox user for downloads, as on every real host.
    ///
    /// `None` when the tests do not run as root: then there is no sandbox to drop to.
    pub fn sandboxed() -> Option<Self> {
        is_root().then(|| Self::build(chosen_root(), true))
    }

    fn build(chroot: Option<PathBuf>, sandboxed: bool) -> Self {
        // Not below the build directory, which the sandbox user may not be able to enter.
        let parent = chroot.as_ref().map_or_else(std::env::temp_dir, |root| root.join("tmp"));
        let dir = tempfile::Builder::new().prefix("apt-root-").tempdir_in(parent);
        let dir = dir.expect("a temporary directory can be made");
        let root = Self { dir, chroot, sandboxed };
        std::fs::set_permissions(root.dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        for folder in [
            "etc/apt/apt.conf.d",
            "etc/apt/preferences.d",
            "etc/apt/sources.list.d",
            "etc/apt/trusted.gpg.d",
            "var/cache/apt/archives/partial",
            "var/lib/apt/lists/partial",
            "var/lib/dpkg/info",
            "var/lib/dpkg/updates",
            "var/lib/dpkg/triggers",
            "var/log/apt",
        ] {
            std::fs::create_dir_all(root.path(folder)).unwrap();
        }
        std::fs::write(root.path("var/lib/dpkg/status"), "").unwrap();
        std::fs::write(root.path("apt.conf"), root.configuration()).unwrap();
        root
    }

    /// Read through `APT_CONFIG`, before anything else is: with `Dir` set there, apt never looks
    /// at the machine's own configuration. Source: apt.conf(5), "The APT Configuration".
    fn configuration(&self) -> String {
        let seen = self.seen();
        let user = match (is_root(), self.sandboxed) {
            (true, false) => "APT::Sandbox::User \"root\";\n",
            _ => "",
        };
        format!(
            "Dir \"{seen}/\";\n\
             Dir::State::status \"{seen}/var/lib/dpkg/status\";\n\
             DPkg::Options {{\n\
             \"--root={seen}\"; \"--log={seen}/var/log/dpkg.log\";\n\
             \"--force-not-root\"; \"--force-script-chrootless\"; \"--force-bad-path\";\n\
             }};\n{user}"
        )
    }

    /// Where this root is, as the programs see it.
    pub fn seen(&self) -> String {
        let path = self.dir.path();
        let inside = self.chroot.as_ref().and_then(|root| path.strip_prefix(root).ok());
        match inside {
            Some(inside) => format!("/{}", inside.display()),
            None => path.display().to_string(),
        }
    }

    /// A file of this host, by its absolute path there.
    pub fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below.trim_start_matches('/'))
    }

    /// What a file of this host holds; `None` when there is none.
    pub fn read(&self, below: &str) -> Option<Vec<u8>> {
        std::fs::read(self.path(below)).ok()
    }

    /// Puts files where a host has them.
    ///
    /// Absolute paths below `/etc` and `/usr` in apt's own files (`CAInfo`, `SslCert`, `SslKey`,
    /// `Signed-By`) are changed to where they are here. A file that only its owner may read is
    /// given to apt's sandbox user where there is one, as the set-up of a real host does.
    pub fn place(&self, files: &[HostFile]) {
        for file in files {
            let path = self.path(&file.path);
            std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).unwrap();
            let content = match is_apt_text(&file.path) {
                true => self.rewrite(&String::from_utf8_lossy(&file.content)).into_bytes(),
                false => file.content.clone(),
            };
            std::fs::write(&path, content).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(file.mode)).unwrap();
            if self.sandboxed && file.mode & 0o077 == 0 {
                chown(&path, Some(self.sandbox_uid()), None).unwrap();
            }
        }
    }

    /// Takes a file of this host away.
    pub fn remove(&self, path: &str) {
        std::fs::remove_file(self.path(path)).unwrap();
    }

    fn sandbox_uid(&self) -> u32 {
        let root = self.chroot.as_deref().unwrap_or(Path::new("/"));
        let users = std::fs::read_to_string(root.join("etc/passwd")).expect("there are users");
        let line = users.lines().find(|line| line.split(':').next() == Some(SANDBOX_USER));
        let uid = line.and_then(|line| line.split(':').nth(2)).and_then(|uid| uid.parse().ok());
        uid.expect("apt has made its sandbox user")
    }

    fn rewrite(&self, text: &str) -> String {
        let seen = self.seen();
        let mut rewritten = String::new();
        for line in text.split_inclusive('\n') {
            let starts = |at: usize| at == 0 || line[..at].ends_with([' ', '\t', '"', ',', '=']);
            let mut from = 0;
            let paths = ["/etc/", "/usr/"].iter().flat_map(|below| line.match_indices(below));
            let mut ats: Vec<_> = paths.map(|(at, _)| at).filter(|at| starts(*at)).collect();
            ats.sort_unstable();
            for at in ats {
                rewritten.push_str(&line[from..at]);
                rewritten.push_str(&seen);
                from = at;
            }
            rewritten.push_str(&line[from..]);
        }
        rewritten
    }

    /// Puts one source into `sources.list.d`, as one line of the old form.
    pub fn add_source(&self, name: &str, line: &str) {
        let path = format!("/etc/apt/sources.list.d/{name}.list");
        self.place(&[HostFile::new(&path, 0o644, format!("{line}\n"))]);
    }

    /// A program of this host's apt or dpkg, ready to be run over this root.
    pub fn program(&self, name: &str) -> Program {
        let program = match &self.chroot {
            Some(root) => programs::program("chroot").arg(root).arg(name),
            None => programs::program(name),
        };
        let config = format!("{}/apt.conf", self.seen());
        program.env("APT_CONFIG", config).env("DEBIAN_FRONTEND", "noninteractive")
    }

    /// `apt-get ARGS`.
    pub fn apt_get(&self, args: &[&str]) -> Outcome {
        self.program("apt-get").args(args).run()
    }

    /// `apt-get update`.
    pub fn update(&self) -> Outcome {
        self.apt_get(&["update"])
    }

    /// `apt-get -y upgrade`.
    pub fn upgrade(&self) -> Outcome {
        self.apt_get(&["-y", "upgrade"])
    }

    /// `unattended-upgrade -v`, which wants to be at the root of a machine: the folders of this host are mounted over those of
    /// the machine, for this process alone. Only for root, and the machine's own apt.
    pub fn unattended_upgrade(&self) -> Outcome {
        assert!(is_root() && self.chroot.is_none(), "only root can mount");
        programs::require("unattended-upgrade");
        let script = "mkdir -p \"$0/var/run\"\n\
                      for folder in etc/apt var/lib/apt var/lib/dpkg var/cache/apt var/log; do\n\
                        mount --bind \"$0/$folder\" \"/$folder\"\n\
                      done\n\
                      mount -t tmpfs tmpfs /run\n\
                      exec unattended-upgrade -v";
        let seen = self.seen();
        self.program("unshare").args(["--mount", "sh", "-euc", script, &seen]).run()
    }

    /// `apt-get -y install PACKAGES`, really: the files are unpacked and dpkg's database says so.
    pub fn install(&self, packages: &[&str]) -> Outcome {
        self.apt_get(&[&["-y", "install"], packages].concat())
    }

    /// The version that dpkg says is installed here.
    pub fn installed(&self, package: &str) -> Option<String> {
        let admin_dir = format!("--admindir={}/var/lib/dpkg", self.seen());
        let format = "--showformat=${db:Status-Status} ${Version}\n";
        let outcome = self.program("dpkg-query").args([&admin_dir, "-W", format, package]).run();
        assert!(outcome.code <= 1, "{outcome}");
        let version = outcome.stdout.lines().find_map(|line| line.strip_prefix("installed "));
        version.map(str::to_owned)
    }

    /// What apt would install of a package, and what is.
    pub fn policy(&self, package: &str) -> Policy {
        let outcome = self.program("apt-cache").args(["policy", package]).run().expect_success();
        let field = |name: &str| {
            let value = outcome.stdout.lines().find_map(|line| line.trim().strip_prefix(name));
            value.map(|value| value.trim().to_owned()).filter(|value| value != "(none)")
        };
        Policy { installed: field("Installed:"), candidate: field("Candidate:") }
    }

    /// Every stanza that apt has read from its sources, as it prints them.
    pub fn available(&self) -> Vec<Stanza> {
        let outcome = self.program("apt-cache").arg("dumpavail").run().expect_success();
        parse_stanzas(&outcome.stdout).expect("apt prints stanzas")
    }

    /// Removes what `apt-get update` has fetched, so that the next one fetches all of it again.
    pub fn forget_lists(&self) {
        let lists = self.path("var/lib/apt/lists");
        std::fs::remove_dir_all(&lists).unwrap();
        std::fs::create_dir_all(lists.join("partial")).unwrap();
    }

    /// Removes what has been downloaded: apt installs a kept file of the same size unchecked.
    pub fn forget_downloads(&self) {
        self.apt_get(&["clean"]).expect_success();
    }

    /// The version of the apt that this root is run with.
    pub fn apt_version(&self) -> String {
        let outcome = self.apt_get(&["--version"]).expect_success();
        outcome.stdout.split_whitespace().nth(1).expect("apt tells its version").to_owned()
    }
}

/// The root whose apt the tests are to run with, if it is not the machine's.
fn chosen_root() -> Option<PathBuf> {
    std::env::var_os("REPOD_TEST_APT_ROOT").map(PathBuf::from)
}

/// Whether the file is one of those that apt reads paths from.
fn is_apt_text(path: &str) -> bool {
    let folders = ["/etc/apt/apt.conf.d/", "/etc/apt/sources.list.d/", "/etc/apt/sources.list"];
    folders.iter().any(|folder| path.starts_with(folder))
}

/// The root's own path, for messages of tests.
impl AsRef<Path> for AptRoot {
    fn as_ref(&self) -> &Path {
        self.dir.path()
    }
}
