//! A real server: `repod init` and `repod serve` as their own process over a directory of its own, and
//! `repoctl` to speak to it. Stopped, by its own pid, when dropped.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::apt::{AptRoot, HostFile};
use super::deb::DebBuilder;
use super::programs::{self, Outcome, Program};
use crate::calls::supervisor::Supervisor;
use crate::check::fetch::Curl;
use crate::check::{Report, check_suite};

/// How long a server may take to listen, on a machine that is busy with other tests.
const START: Duration = Duration::from_secs(60);

/// By what name hosts know the servers of the tests: one with dots, as real ones have. `tests/with-hosts` makes it
/// lead to this machine.
pub const NAME: &str = "repo.example.org";

/// For curl, where answers are compared: each answer has the id of its request.
pub const SAME_ID: [&str; 2] = ["-H", "X-Request-Id: the-same"];

/// A running `repod`.
pub struct TestServer {
    dir: TempDir,
    name: &'static str,
    port: u16,
    child: Option<Child>,
    /// Where the wall clock of the server is set; the machine's own without it.
    clock: Option<PathBuf>,
    /// Who holds the calls of the server on its data directory.
    calls: Option<Supervisor>,
}

impl TestServer {
    /// A server with an empty suite `stable` for amd64, of component `main`.
    pub fn start() -> Self {
        let mut server = Self::init();
        server.serve();
        server.repoctl(&["suite", "create", "stable", "--architectures", "amd64"]).expect_success();
        server
    }

    /// A data directory, with no server on it yet.
    pub fn init() -> Self {
        let server = Self::unmade();
        server.init_program(&[]).run().expect_success();
        server
    }

    /// No data directory yet, but a place for it.
    #[track_caller]
    pub fn unmade() -> Self {
        let found = std::net::ToSocketAddrs::to_socket_addrs(&(NAME, 0));
        let here = found.is_ok_and(|mut all| all.all(|one| one.ip().is_loopback()));
        assert!(
            here,
            "{NAME} does not lead to this machine: run the tests by cargo, which uses tests/with-hosts"
        );
        let dir =
            tempfile::Builder::new().prefix("repod-").tempdir().expect("a temporary directory");
        // The sandbox user of apt walks through it.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(dir.path(), open).unwrap();
        Self { dir, name: NAME, port: free_port(), child: None, clock: None, calls: None }
    }

    /// The same as [`TestServer::start`], where [`TestServer::set_clock`] sets the server's wall clock.
    pub fn with_clock() -> Self {
        let mut server = Self::init();
        server.clock = Some(PathBuf::from(server.at("clock")));
        server.set_clock("+0");
        server.serve();
        server.repoctl(&["suite", "create", "stable", "--architectures", "amd64"]).expect_success();
        server
    }

    /// Sets how far the server's wall clock is off, such as `+8d`, while it runs or before.
    pub fn set_clock(&self, off: &str) {
        let path = self.clock.as_ref().expect("made with a clock");
        std::fs::write(path, off).unwrap();
    }

    /// A server without a suite on a port that was chosen.
    pub fn on_port(port: u16) -> Self {
        let mut server = Self::unmade();
        server.port = port;
        server.init_program(&[]).run().expect_success();
        server.serve();
        server
    }

    /// A server without a suite that hosts know by another name than [`NAME`].
    pub fn named(name: &'static str) -> Self {
        let mut server = Self::unmade();
        server.name = name;
        server.init_program(&[]).run().expect_success();
        server.serve();
        server
    }

    /// `repod init` with `more`, not yet run.
    pub fn init_program(&self, more: &[&str]) -> Program {
        let port = self.port;
        let listen = [format!("127.0.0.1:{port}"), format!("[::1]:{port}")];
        let local = format!("127.0.0.1:{}", free_port());
        let data = self.at("data");
        self.repod(&["init", "--data", &data, "--name", self.name, "--local", &local])
            .args(["--port", &port.to_string(), "--listen", &listen[0], "--listen", &listen[1]])
            .args(more)
    }

    /// Starts the server and waits until it listens.
    pub fn serve(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.at("log")).unwrap();
        let config = self.at("data/repod.toml");
        let mut command = Command::new(env!("CARGO_BIN_EXE_repod"));
        command
            .args(["serve", "--config", &config])
            .envs(self.clock.iter().flat_map(|path| programs::faked_clock(path)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let child = match &self.calls {
            Some(calls) => calls.spawn(&mut command),
            None => command.spawn(),
        };
        let mut child = child.expect("repod starts");
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(child.try_wait().unwrap().is_none(), "repod ended: {}", self.log());
            assert!(begun.elapsed() < START, "repod does not listen: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        self.child = Some(child);
    }

    /// From the next start on, the system calls of the server on its data directory are held.
    pub fn hold_calls(&mut self) {
        self.calls = Some(Supervisor::of(&self.data()));
    }

    /// Who holds them.
    pub fn calls(&self) -> &Supervisor {
        self.calls.as_ref().expect("its calls are held")
    }

    /// Whether the server has not ended by itself.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().expect("it was started").try_wait().unwrap().is_none()
    }

    /// Ends the server as a power cut would end the process.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Ends the server as the service manager does; gives its exit code.
    pub fn stop(&mut self) -> i32 {
        let mut child = self.child.take().expect("it runs");
        self.signal_child(&child, "TERM");
        child.wait().unwrap().code().unwrap_or(-1)
    }

    /// The process of the server.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Sends a signal, by name, to the server.
    pub fn signal(&self, name: &str) {
        self.signal_child(self.child.as_ref().expect("it runs"), name);
    }

    fn signal_child(&self, child: &Child, name: &str) {
        let text = format!("kill -{name} {}", child.id());
        programs::program("sh").args(["-c", &text]).run().expect_success();
    }

    /// Everything the server has said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.at("log")).unwrap_or_default()
    }

    /// A path below the test's own directory.
    pub fn at(&self, below: &str) -> String {
        self.dir.path().join(below).display().to_string()
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Lets the last Date of a suite lie eight days ahead, as a clock that was ahead leaves it.
    pub fn date_ahead(&self, suite: &str) {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let floor = self.data().join("floor").join(suite);
        std::fs::write(floor, format!("{}\n", now + 8 * 86_400)).unwrap();
    }

    /// `https://repo.example.org:PORT`.
    pub fn url(&self) -> String {
        format!("https://repo.example.org:{}", self.port)
    }

    /// The port that is listened on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The page of metrics.
    pub fn metrics(&self) -> String {
        let address = format!("http://{}/metrics", self.local_address());
        let curl = programs::program("curl").args(["--silent", "--show-error", "--fail", &address]);
        curl.run().expect_success().stdout
    }

    /// Where health and metrics are asked for.
    pub fn local_address(&self) -> String {
        let config = std::fs::read_to_string(self.data().join("repod.toml")).unwrap();
        let local = config.lines().find_map(|line| line.strip_prefix("local = [\""));
        local.unwrap().trim_end_matches("\"]").to_owned()
    }

    /// `repod ARGS`.
    pub fn repod(&self, args: &[&str]) -> Program {
        programs::program(env!("CARGO_BIN_EXE_repod")).args(args)
    }

    /// `repoctl ARGS`, as the first operator, not yet run.
    pub fn repoctl_program(&self, args: &[&str]) -> Program {
        let profile = self.at("data/operator/config.toml");
        programs::program(env!("CARGO_BIN_EXE_repoctl")).env("REPOCTL_CONFIG", profile).args(args)
    }

    /// `repoctl ARGS`, as the first operator.
    pub fn repoctl(&self, args: &[&str]) -> Outcome {
        self.repoctl_program(args).run()
    }

    /// Builds a package into the test's directory and gives its path.
    pub fn deb(&self, builder: &DebBuilder) -> String {
        let folder = self.dir.path().join("debs");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(builder.file_name());
        std::fs::write(&path, builder.build()).unwrap();
        path.display().to_string()
    }

    /// Builds a small package and uploads it to `stable`.
    pub fn upload(&self, name: &str, version: &str) -> Outcome {
        let path = self.deb(&package(name, version));
        self.repoctl(&["upload", "--suite", "stable", &path])
    }

    /// A host that reads `stable`: a private apt root with what `repoctl host issue` wrote.
    pub fn host(&self, name: &str) -> AptRoot {
        self.host_with(name, AptRoot::new())
    }

    /// The same, in a root that was made before.
    pub fn host_with(&self, name: &str, root: AptRoot) -> AptRoot {
        let out = self.at(&format!("hosts/{name}"));
        self.repoctl(&["host", "issue", name, "--suite", "stable", "--out", &out]).expect_success();
        root.place(&host_files(Path::new(&out)));
        root
    }

    /// Has the catalogue say that an earlier state was restored, and that the log has it.
    pub fn note_restoration(&self) {
        let raw = rusqlite::Connection::open(self.data().join("catalogue.sqlite")).unwrap();
        raw.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
        let row = "INSERT INTO restoration (restored_at, is_complete, is_told) VALUES (1, 1, 1)";
        raw.execute(row, []).unwrap();
    }

    /// Walks everything that a suite names, over HTTPS, with a host's certificate, by the independent
    /// checker; panics with every fault.
    #[track_caller]
    pub fn check(&self, host: &str, suite: &str) -> Report {
        let own = PathBuf::from(self.at(&format!("hosts/{host}/etc/apt/repod/repo.example.org")));
        let source = Curl::new(&self.url())
            .ca(&self.data().join("ca/ca.crt"))
            .certificate(&own.join("client.crt"), &own.join("client.key"));
        match check_suite(&source, suite, &self.data().join("keys/archive-key.asc")) {
            Ok(report) => report,
            Err(faults) => panic!("{suite} is not whole: {faults:?}\n{}", self.log()),
        }
    }

    /// `curl` with the first operator's certificate; prints the head of the answer as well.
    pub fn curl_as_operator(&self, path: &str) -> Program {
        let own = self.at("data/operator");
        programs::program("curl")
            .args(["-sS", "-i", "--http1.1", "--max-time", "60"])
            .args(["--cacert", &format!("{own}/ca.crt")])
            .args(["--cert", &format!("{own}/client.crt"), "--key", &format!("{own}/client.key")])
            .arg(format!("{}/{path}", self.url()))
    }

    /// `curl` with a host's certificate, as `repoctl host issue` wrote it.
    pub fn curl(&self, host: &str, path: &str) -> Program {
        let own = self.at(&format!("hosts/{host}/etc/apt/repod/repo.example.org"));
        programs::program("curl")
            .args(["-sS", "--http1.1", "--cacert", &self.at("data/ca/ca.crt")])
            .args(["--cert", &format!("{own}/client.crt"), "--key", &format!("{own}/client.key")])
            .arg(format!("{}/{path}", self.url()))
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- the server said\n{}", self.log());
        }
    }
}

/// A package with one file that tells its version.
pub fn package(name: &str, version: &str) -> DebBuilder {
    DebBuilder::new(name, version, "amd64")
        .file(&format!("usr/share/{name}/version"), format!("{version}\n").as_bytes())
}

/// Every file below a tree that `repoctl host` wrote, but its script, as files of the host.
pub fn host_files(tree: &Path) -> Vec<HostFile> {
    let mut files = Vec::new();
    let script = std::fs::read_to_string(tree.join("install.sh")).expect("install.sh was written");
    // The script is what a person runs: what it puts, with its modes, is what the host gets.
    for line in script.lines().filter(|line| line.starts_with("put ")) {
        let words: Vec<_> = line.split_whitespace().collect();
        let mode = u32::from_str_radix(words[2], 8).unwrap();
        let content = std::fs::read(tree.join(words[3])).unwrap();
        files.push(HostFile::new(words[4], mode, content));
    }
    assert!(files.len() >= 6, "install.sh puts too little: {script}");
    files
}

/// A port that nobody listens on, and that the system gives to no outgoing connection: one of those,
/// made while the server is stopped, would keep it from listening again.
pub fn free_port() -> u16 {
    let is_free = |port: &u16| {
        let both = [TcpListener::bind(("127.0.0.1", *port)), TcpListener::bind(("::1", *port))];
        both.iter().all(Result::is_ok)
    };
    let mut ports = std::iter::repeat_with(|| rand::random::<u16>() % 20_000 + 10_000);
    ports.by_ref().take(1_000).find(is_free).expect("a port is free")
}
