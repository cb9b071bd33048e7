//! Where the commands of one page are run: a server, a directory with packages, and a host.

use std::path::{Path, PathBuf};

use super::pages::{Block, Page};
use crate::harness::apt::AptRoot;
use crate::harness::programs::{PATH, Program, program};
use crate::harness::server::{TestServer, host_files, package};

/// A server that was started for one page.
pub struct Stage {
    server: TestServer,
    local_port: String,
    room: PathBuf,
    host: Option<AptRoot>,
}

/// A shell that finds the programs that were just built.
pub fn shell(script: &str) -> Program {
    let built = Path::new(env!("CARGO_BIN_EXE_repod")).parent().unwrap().display();
    with_path(program("sh").args(["-eu", "-c", script]), &built.to_string())
}

fn with_path(program: Program, built: &str) -> Program {
    program.env("PATH", format!("{built}:{PATH}"))
}

impl Stage {
    /// A server without suites, and the packages that pages upload.
    pub fn new() -> Self {
        let mut server = TestServer::init();
        server.serve();
        let config = std::fs::read_to_string(server.data().join("repod.toml")).unwrap();
        let local = config.lines().find_map(|line| line.strip_prefix("local = [\"127.0.0.1:"));
        let local_port = local.unwrap().trim_end_matches("\"]").to_owned();
        let room = PathBuf::from(server.at("page"));
        std::fs::create_dir_all(room.join("dist")).unwrap();
        for (name, version, folder) in [
            ("acme-web", "1.0", ""),
            ("acme-web", "2.0", ""),
            ("acme-web", "3.0", ""),
            ("acme-web", "4.0", ""),
            ("acme-api", "1.0", "dist"),
            ("acme-cron", "1.0", "dist"),
        ] {
            let deb = package(name, version);
            std::fs::write(room.join(folder).join(deb.file_name()), deb.build()).unwrap();
        }
        Self { server, local_port, room, host: None }
    }

    /// Runs a block where the operator is.
    pub fn run(&mut self, page: &Page, block: &Block) {
        self.run_with(page, block, shell(&self.script(&block.text)));
    }

    /// Runs a block while the server is stopped, and starts it again.
    pub fn run_stopped(&mut self, page: &Page, block: &Block) {
        assert_eq!(self.server.stop(), 0);
        self.run(page, block);
        self.server.serve();
    }

    /// Runs a block on the host, which has what the page's `repoctl host` has written so far.
    pub fn run_on_host(&mut self, page: &Page, block: &Block) {
        let host = self.host.take().unwrap_or_else(AptRoot::new);
        for entry in std::fs::read_dir(&self.room).unwrap() {
            let tree = entry.unwrap().path();
            if tree.join("install.sh").exists() {
                host.place(&host_files(&tree));
            }
        }
        let here = host.path("/etc/apt/").display().to_string();
        let script = self.script(&block.text.replace("/etc/apt/", &here));
        let built = Path::new(env!("CARGO_BIN_EXE_repod")).parent().unwrap().display().to_string();
        let program = with_path(host.program("sh").args(["-eu", "-c", &script]), &built);
        self.run_with(page, block, program);
        self.host = Some(host);
    }

    /// The block with this test's names in place of the page's, and what it exports kept for the next.
    fn script(&self, text: &str) -> String {
        let data = self.server.data().display().to_string();
        let text = text
            .replace("8443", &self.server.port().to_string())
            .replace("9180", &self.local_port)
            .replace("/var/lib/repod", &data)
            .replace("/etc/repod/", &self.server.at("etc/"))
            .replace("/etc/repod", &self.server.at("etc"))
            // The shell does not end at the first half of such a line, whatever comes of it.
            .replace(" && ", "\n");
        format!(
            "[ ! -f .exported ] || . ./.exported\n{text}\nexport -p | grep REPO >.exported || true\n"
        )
    }

    fn run_with(&self, page: &Page, block: &Block, program: Program) {
        let home = self.room.join(".home");
        let outcome = program.dir(&self.room).env("HOME", home.display().to_string()).run();
        let (place, log) = (page.at(block.line), self.server.log());
        assert!(outcome.succeeded(), "{place}: {outcome}\n--- the server said\n{log}");
    }
}
