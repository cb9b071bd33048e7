//! Terminals: how `repoctl` behaves on those of people, of three widths.

use std::path::{Path, PathBuf};

use crate::harness::programs::{PATH, Program};
use crate::harness::pty::{Seen, Size, Step, on_pty};
use crate::harness::server::{TestServer, package};

mod colours;
mod files;
mod interrupted;
mod manual;
mod pager;
mod tables;

/// Names of which the beginnings and ends are alike, as those of one shop are.
const NAMES: [&str; 3] = [
    "acme-storefront-of-the-northern-region-frontend",
    "acme-storefront-of-the-southern-region-frontend",
    "acme-storefront-of-the-northern-region-backend",
];

/// A server with long names, and texts whose characters take two columns or none.
struct Desk {
    server: TestServer,
    room: PathBuf,
}

impl Desk {
    fn new() -> Self {
        let server = TestServer::start();
        let room = PathBuf::from(server.at("room"));
        std::fs::create_dir_all(&room).unwrap();
        let debs: Vec<String> =
            NAMES.iter().map(|name| server.deb(&package(name, "1.0"))).collect();
        let debs = debs.iter().map(String::as_str);
        let upload =
            ["upload", "--suite", "stable", "-m", "発売 🎉 cafe\u{301} of the first release"];
        server.repoctl(&upload.into_iter().chain(debs).collect::<Vec<_>>()).expect_success();
        let described =
            ["suite", "edit", "stable", "--description", "本番環境 where customers are"];
        server.repoctl(&described).expect_success();
        let token = ["host", "token", "web-01.northern-region.example.org", "--suite", "stable"];
        server.repoctl(&token).expect_success();
        Self { server, room }
    }

    /// With enough packages to be longer than any screen of these tests.
    fn long() -> Self {
        let desk = Self::new();
        let debs: Vec<String> =
            (0..40).map(|at| desk.server.deb(&package(&format!("zulu-{at:02}"), "1.0"))).collect();
        let debs = debs.iter().map(String::as_str);
        let upload = ["upload", "--suite", "stable"];
        desk.server.repoctl(&upload.into_iter().chain(debs).collect::<Vec<_>>()).expect_success();
        desk
    }

    fn ready(&self, program: Program) -> Program {
        let built =
            Path::new(env!("CARGO_BIN_EXE_repoctl")).parent().unwrap().display().to_string();
        program
            .env("PATH", format!("{built}:{PATH}"))
            .env("REPOCTL_CONFIG", self.server.at("data/operator/config.toml"))
            .env("REPOCTL_SUITE", "stable")
    }

    /// A command on a terminal, not yet run.
    fn at(&self, size: Size, line: &str, steps: &[Step]) -> Program {
        let command = ["sh", "-c", &format!("exec {line}")];
        self.ready(on_pty(&command, &self.room, size, steps))
    }

    /// What is shown on a terminal of this width and 24 lines, without a pager.
    fn seen(&self, columns: usize, line: &str) -> Seen {
        let size = Size { columns, rows: 24 };
        Seen::of(self.at(size, &format!("{line} --no-pager"), &[]).run()).expect_ended(0)
    }
}
