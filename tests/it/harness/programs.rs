//! The real programs: run with their output caught, a time limit, and nothing of this machine's
//! environment. One that is missing is a failure that names its Debian package, never a skip.

use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// No program of a test may take longer. Unit: seconds.
const LIMIT_SECONDS: &str = "300";

/// Where programs are looked for; `dpkg` wants the `sbin` directories too.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Which Debian package holds a program.
const PACKAGES: &[(&str, &str)] = &[
    ("apt-cache", "apt"),
    ("apt-config", "apt"),
    ("apt-file", "apt-file"),
    ("apt-ftparchive", "apt-utils"),
    ("apt-get", "apt"),
    ("aptly", "aptly"),
    ("base64", "coreutils"),
    ("chroot", "coreutils"),
    ("curl", "curl"),
    ("debootstrap", "debootstrap"),
    ("date", "coreutils"),
    ("debmirror", "debmirror"),
    ("dpkg", "dpkg"),
    ("dpkg-deb", "dpkg"),
    ("dpkg-query", "dpkg"),
    ("gpg", "gpg"),
    ("gpg-agent", "gpg-agent"),
    ("gpgv", "gpgv"),
    ("gzip", "gzip"),
    ("haproxy", "haproxy"),
    ("nginx", "nginx-light"),
    ("openssl", "openssl"),
    ("perl", "perl"),
    ("prometheus", "prometheus"),
    ("promtool", "prometheus"),
    ("python3", "python3"),
    ("reprepro", "reprepro"),
    ("sh", "dash"),
    ("sqv", "sqv"),
    ("tar", "tar"),
    ("timeout", "coreutils"),
    ("unattended-upgrade", "unattended-upgrades"),
    ("unshare", "util-linux"),
    ("xz", "xz-utils"),
    ("zcat", "gzip"),
    ("zstd", "zstd"),
];

/// The environment in which a program's wall clock is off by what a file says, as faketime(1) reads it. The
/// clocks that count from the start of the machine, and the times of files, are the real ones.
pub fn faked_clock(off: &std::path::Path) -> Vec<(&'static str, String)> {
    let library = std::fs::read_dir("/usr/lib").unwrap().flatten();
    let library = library.map(|one| one.path().join("faketime/libfaketimeMT.so.1"));
    let library = library.into_iter().find(|path| path.exists());
    let library =
        library.expect("libfaketimeMT.so.1 is missing: install the Debian package faketime");
    vec![
        ("LD_PRELOAD", library.display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE", off.display().to_string()),
        ("FAKETIME_NO_CACHE", "1".into()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ("NO_FAKE_STAT", "1".into()),
    ]
}

/// What a program printed and how it ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// As it was typed.
    pub command: String,
    /// The exit code; 128 and the signal's number for one that was killed.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    /// The same as `stdout`, byte by byte.
    pub stdout_bytes: Vec<u8>,
}

impl Outcome {
    /// Whether it ended with exit code 0.
    pub fn succeeded(&self) -> bool {
        self.code == 0
    }

    /// Itself, or a panic with everything that was printed.
    #[track_caller]
    pub fn expect_success(self) -> Self {
        assert!(self.succeeded(), "{self}");
        self
    }

    /// Itself, or a panic with everything that was printed when it did not end with `code`.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert!(self.code == code, "wanted exit code {code} of: {self}");
        self
    }

    /// Whether either stream says `text`.
    pub fn says(&self, text: &str) -> bool {
        self.stdout.contains(text) || self.stderr.contains(text)
    }

    /// Itself, or a panic when anything was said.
    #[track_caller]
    pub fn expect_says_nothing(self) -> Self {
        assert!(self.stdout.is_empty() && self.stderr.is_empty(), "{self}");
        self
    }

    /// Itself, or a panic when neither stream says `text`.
    #[track_caller]
    pub fn expect_says(self, text: &str) -> Self {
        assert!(self.says(text), "wanted {text:?} from: {self}");
        self
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { command, code, stdout, stderr, .. } = self;
        write!(f, "{command}\nexit code {code}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

/// A program about to be run.
pub struct Program {
    name: String,
    command: Command,
    input: Vec<u8>,
}

/// A program of this machine, by name (looked for in [`PATH`]) or by absolute path.
#[track_caller]
pub fn program(name: &str) -> Program {
    let path = require(name);
    let mut command = Command::new(require("timeout"));
    command.args(["--kill-after=5", LIMIT_SECONDS]).arg(path);
    command.env_clear().env("PATH", PATH).env("LC_ALL", "C.UTF-8").env("HOME", "/nonexistent");
    Program { name: name.to_owned(), command, input: Vec::new() }
}

/// Where the program lies.
///
/// Panics when it is nowhere, and says how to get it.
#[track_caller]
pub fn require(name: &str) -> PathBuf {
    if let Some(path) = find(name) {
        return path;
    }
    let package = PACKAGES.iter().find(|(program, _)| *program == name).map(|(_, package)| package);
    match package {
        Some(package) => panic!("{name} is missing: apt-get install {package}, or run tests/run"),
        None => panic!("{name} is missing"),
    }
}

fn find(name: &str) -> Option<PathBuf> {
    let dirs = PATH.split(':').map(|dir| PathBuf::from(dir).join(name));
    dirs.into_iter().find(|path| path.is_file())
}

impl Program {
    pub fn arg(mut self, arg: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub fn args<A: AsRef<std::ffi::OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Hands on variables of this process where they are set.
    pub fn env_from_here(mut self, names: &[&str]) -> Self {
        for (name, value) in names.iter().filter_map(|name| Some((name, std::env::var_os(name)?))) {
            self.command.env(name, value);
        }
        self
    }

    pub fn dir(mut self, dir: impl AsRef<std::path::Path>) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// What it reads on its standard input; nothing unless told.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    /// Runs it to its end.
    ///
    /// Panics when it cannot be started or takes too long.
    #[track_caller]
    pub fn run(mut self) -> Outcome {
        let args = self.command.get_args().skip(3).map(|arg| arg.to_string_lossy());
        let command = format!("{} {}", self.name, args.collect::<Vec<_>>().join(" "));
        let streams = self.command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = streams.stderr(Stdio::piped()).spawn().expect("timeout starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        let input = std::mem::take(&mut self.input);
        // A program that does not read all of its input is no fault of ours: its exit code says.
        let writer = std::thread::spawn(move || stdin.write_all(&input).is_ok());
        let output = child.wait_with_output().expect("its end is awaited");
        writer.join().expect("writing does not panic");
        let code = output.status.code().unwrap_or(-1);
        assert!(code != 124 && code != 137, "{command}: took more than {LIMIT_SECONDS} seconds");
        Outcome {
            command,
            code,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            stdout_bytes: output.stdout,
        }
    }
}

/// Whether this process is root.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").expect("/proc is mounted").uid() == 0
}
