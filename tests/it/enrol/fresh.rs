//! A machine on which nothing was set up yet: a fresh debootstrap root, and one command.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use super::{NAME, OWN, pairs, serial, token};
use crate::harness::programs::{self, Program};
use crate::harness::roots;
use crate::harness::server::TestServer;

/// A copy of the fresh root, with nothing added but `repoctl`.
struct Machine(PathBuf);

impl Machine {
    /// `None` where debootstrap makes none; that is told.
    fn new(server: &TestServer) -> Option<Self> {
        programs::require("debootstrap");
        let base = roots::kept("fresh-root", &[])?;
        let root = server.at("machine");
        programs::program("cp")
            .args(["-a", "--reflink=auto"])
            .arg(&base)
            .arg(&root)
            .run()
            .expect_success();
        std::fs::copy(env!("CARGO_BIN_EXE_repoctl"), format!("{root}/usr/bin/repoctl")).unwrap();
        Some(Self(root.into()))
    }

    fn run(&self, name: &str) -> Program {
        let root = self.0.display().to_string();
        programs::program("chroot").args([&root, name]).env("DEBIAN_FRONTEND", "noninteractive")
    }
}

#[test]
fn a_fresh_machine_is_enrolled_by_one_command_and_installs() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let Some(machine) = Machine::new(&server) else { return };
    let token = token(&server, NAME, &["-m", "new rack"]);
    server.repoctl(&["host", "list"]).expect_success().expect_says("token ends in");

    machine.run("apt-get").args(["-y", "install", "acme-web"]).run().expect_code(100);
    machine
        .run("repoctl")
        .args(["host", "enroll", &token])
        .run()
        .expect_success()
        .expect_says("next: apt-get update");
    machine.run("apt-get").arg("update").run().expect_success();
    machine.run("apt-get").args(["-y", "install", "acme-web"]).run().expect_success();
    let version = std::fs::read(machine.0.join("usr/share/acme-web/version")).unwrap();
    assert_eq!(version, b"1.0\n");
    server.repoctl(&["host", "show", NAME]).expect_success().expect_says("stable");

    // As `host issue` has it: apt's own user reads the key, and nobody else does.
    let key = std::fs::metadata(machine.0.join(OWN).join("client.key")).unwrap();
    let users = std::fs::read_to_string(machine.0.join("etc/passwd")).unwrap();
    let sandbox = users.lines().find(|line| line.starts_with("_apt:")).unwrap();
    assert_eq!(key.uid().to_string(), sandbox.split(':').nth(2).unwrap());
    assert_eq!(key.permissions().mode() & 0o7777, 0o400);

    // The timer is in place, and what it runs gives the host its next certificate, back and forth.
    let units = machine.0.join("etc/systemd/system");
    assert!(units.join("timers.target.wants/repod-renew.timer").exists());
    let service = std::fs::read_to_string(units.join("repod-renew.service")).unwrap();
    assert!(service.contains("; /usr/bin/repoctl host refresh || "), "{service}");
    machine.run("repoctl").args(["host", "refresh"]).run().expect_success().expect_says_nothing();
    let first = serial(&machine.0);
    machine
        .run("repoctl")
        .args(["host", "renew"])
        .run()
        .expect_success()
        .expect_says("not yet due");
    assert_eq!(serial(&machine.0), first);
    for _ in 0..2 {
        let renew = machine.run("repoctl").args(["host", "renew", "--force"]);
        renew.run().expect_success().expect_says("renewed");
    }
    assert_ne!(serial(&machine.0), first);
    assert_eq!(pairs(&machine.0).len(), 2);
    server.upload("acme-web", "2.0").expect_success();
    machine.run("apt-get").arg("update").run().expect_success();
    machine.run("apt-get").args(["-y", "upgrade"]).run().expect_success();
    let version = std::fs::read(machine.0.join("usr/share/acme-web/version")).unwrap();
    assert_eq!(version, b"2.0\n");
}
