//! Whether hosts do what the dry run and the answer said that they would: hosts of two architectures, builds that are
//! installed side by side, and what depends on what moves, by apt-get and by unattended-upgrade.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::harness::apt::{AptRoot, HostFile};
use crate::harness::deb::DebBuilder;
use crate::harness::programs::{Outcome, is_root};
use crate::harness::server::{TestServer, host_files};

mod apart;
mod chance;
mod irreversible;
mod late;

/// What is installed: the version by name and architecture.
type Installed = BTreeMap<(String, String), String>;

/// How a host upgrades.
#[derive(Clone, Copy, PartialEq, Debug)]
enum By {
    AptGet,
    UnattendedUpgrade,
}

struct Host {
    root: AptRoot,
    by: By,
    /// For messages.
    name: String,
}

/// A server whose suite has packages of two architectures, and says what it owns.
fn server() -> TestServer {
    let server = TestServer::start();
    let edit = ["suite", "edit", "stable", "--add-architecture", "i386", "--owns", "acme-*"];
    server.repoctl(&[&edit[..], &["--yes"]].concat()).expect_success();
    server
}

impl Host {
    /// A host that takes i386 packages as well.
    fn new(server: &TestServer, name: &str, by: By) -> Self {
        let out = server.at(&format!("hosts/{name}"));
        let issue = ["host", "issue", name, "--suite", "stable", "--out", &out];
        server.repoctl(&issue).expect_success();
        let root = AptRoot::of_this_machine();
        root.place(&host_files(out.as_ref()));
        let both = "APT::Architectures { \"amd64\"; \"i386\"; };\n\
                    DPkg::Options { \"--force-unsafe-io\"; };\n";
        root.place(&[
            HostFile::new("/etc/apt/apt.conf.d/90foreign.conf", 0o644, both),
            HostFile::new("/var/lib/dpkg/arch", 0o644, "amd64\ni386\n"),
        ]);
        root.update().expect_success();
        Self { root, by, name: format!("{name} by {by:?}") }
    }

    fn installed(&self) -> Installed {
        let admin_dir = format!("--admindir={}/var/lib/dpkg", self.root.seen());
        let format = "--showformat=${db:Status-Status} ${Package} ${Architecture} ${Version}\n";
        let told = self.root.program("dpkg-query").args([&admin_dir, "-W", format]).run();
        let mut installed = Installed::new();
        for line in told.stdout.lines() {
            let words: Vec<_> = line.split(' ').collect();
            assert_eq!(words[0], "installed", "{told}");
            installed.insert((words[1].into(), words[2].into()), words[3].into());
        }
        installed
    }

    fn follow(&self) {
        self.try_to_follow().expect_success();
    }

    fn try_to_follow(&self) -> Outcome {
        self.root.update().expect_success();
        match self.by {
            By::AptGet => self.root.upgrade(),
            By::UnattendedUpgrade => self.root.unattended_upgrade(),
        }
    }

    /// Follows, and has what was said; of hosts that have what the answer names as stuck, nothing is known but that.
    #[track_caller]
    fn does_as_told(&self, answer: &Value) {
        let wanted = announced(answer, &self.installed());
        self.follow();
        assert_eq!(self.installed(), wanted, "{}: {answer:#}", self.name);
    }
}

fn word<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value[field].as_str()
}

/// What the moves of an answer make of what a host has.
fn announced(answer: &Value, installed: &Installed) -> Installed {
    let moves = answer["moves"].as_array().unwrap();
    let mut then = Installed::new();
    for ((name, built), version) in installed {
        let own = |one: &&Value| word(one, "package") == Some(name);
        let here = |one: &&Value| word(one, "architecture") == Some(built);
        let itself = moves.iter().filter(own).find(here);
        let goes = itself.is_some_and(|one| word(one, "to").is_none());
        // A package that is built for all architectures from now on, or no longer.
        let becomes = |one: &&Value| {
            let other = word(one, "architecture").unwrap();
            let for_all =
                (built == "all" && other == "amd64") || (built == "amd64" && other == "all");
            word(one, "to").is_some() && for_all
        };
        let other = moves.iter().filter(own).find(becomes).filter(|_| goes);
        let (built, version) = match (itself, other) {
            (_, Some(one)) => (word(one, "architecture").unwrap(), word(one, "to").unwrap()),
            (Some(one), None) if !goes => (built.as_str(), word(one, "to").unwrap()),
            _ => (built.as_str(), version.as_str()),
        };
        then.insert((name.clone(), built.into()), version.into());
    }
    then
}

/// What the dry run says, and the same once it is done.
#[track_caller]
fn told_and_done(server: &TestServer, args: &[&str]) -> Value {
    let answer = |more: &[&str]| {
        let outcome = server.repoctl(&[args, &["--json"], more].concat()).expect_success();
        serde_json::from_str::<Value>(&outcome.stdout).unwrap()
    };
    let told = answer(&["--dry-run"]);
    let done = answer(&["--yes"]);
    for said in ["moves", "stuck"] {
        assert_eq!(told[said], done[said], "{args:?}");
    }
    done
}

fn stuck(answer: &Value) -> Vec<String> {
    let all = answer["stuck"].as_array().into_iter().flatten();
    let of = |one: &Value| {
        format!("{} {}", word(one, "package").unwrap(), word(one, "architecture").unwrap())
    };
    all.map(of).collect()
}

/// A library that is installed side by side, what needs exactly its version in each architecture, what is there for
/// all of them, and what has nothing to do with it.
fn upload(server: &TestServer, version: &str) {
    let same = format!("acme-lib (= {version})");
    let file = |name: &str, built: &str| {
        DebBuilder::new(name, version, built)
            .file(&format!("usr/share/{name}/version"), format!("{version}\n").as_bytes())
    };
    let debs = [
        file("acme-lib", "amd64").field("Multi-Arch", "same"),
        file("acme-lib", "i386").field("Multi-Arch", "same"),
        file("acme-app", "amd64").field("Depends", &format!("{same}, acme-data")),
        file("acme-tool", "i386").field("Depends", &same),
        file("acme-data", "all").field("Multi-Arch", "foreign"),
        file("acme-web", "amd64"),
    ];
    let paths = debs.map(|deb| server.deb(&deb));
    let paths = paths.each_ref().map(String::as_str);
    server.repoctl(&[&["upload", "--suite", "stable"], &paths[..]].concat()).expect_success();
}

const BACK: [&str; 4] = ["pin", "--suite", "stable", "--rollback"];

#[test]
fn what_the_dry_run_and_the_answer_say_is_what_hosts_do() {
    let server = server();
    upload(&server, "1.0");
    let first = server.repoctl(&["history", "--suite", "stable", "--json"]).expect_success();
    let first: Value = serde_json::from_str(&first.stdout).unwrap();
    let first = first[0]["generation"].to_string();
    upload(&server, "2.0");

    let everything = ["acme-app", "acme-lib:i386", "acme-tool:i386", "acme-web"];
    let little = ["acme-lib", "acme-lib:i386", "acme-web"];
    let ways = [By::AptGet, By::UnattendedUpgrade];
    let ways = if is_root() { &ways[..] } else { &ways[..1] };
    let mut hosts = Vec::new();
    for (kind, packages) in [("whole", &everything[..]), ("lean", &little[..])] {
        for by in ways {
            let name = format!("{kind}-{by:?}.example.org").to_lowercase();
            let host = Host::new(&server, &name, *by);
            host.root.install(packages).expect_success();
            hosts.push((kind, host));
        }
    }

    // Alone it would leave what needs it where it is.
    let lib = [&BACK[..], &["acme-lib"]].concat();
    let refused = server.repoctl(&lib).expect_code(1);
    assert!(
        refused.says("acme-app 2.0 (amd64)") && refused.says("acme-tool 2.0 (i386)"),
        "{refused}"
    );
    let answer = told_and_done(&server, &[&lib[..], &["--cascade"]].concat());
    assert_eq!(answer["moves"].as_array().unwrap().len(), 4, "{answer:#}");
    assert!(stuck(&answer).is_empty(), "{answer:#}");
    hosts.iter().for_each(|(_, host)| host.does_as_told(&answer));

    // Forward again, past what was bad.
    upload(&server, "3.0");
    hosts.iter().for_each(|(_, host)| host.follow());
    let answer = told_and_done(&server, &["unpin", "--suite", "stable", "--all"]);
    assert_eq!(answer["moves"].as_array().unwrap().len(), 4, "{answer:#}");
    hosts.iter().for_each(|(_, host)| host.does_as_told(&answer));

    // By force: those that have what is named stay with it, and what it needs; all else follows.
    let forced =
        told_and_done(&server, &[&lib[..], &["acme-web", "acme-data", "--force"]].concat());
    assert_eq!(stuck(&forced), ["acme-app amd64", "acme-tool i386"], "{forced:#}");
    for (kind, host) in &hosts {
        let mut wanted = announced(&forced, &host.installed());
        if *kind == "whole" {
            for built in ["amd64", "i386"] {
                wanted.insert(("acme-lib".into(), built.into()), "3.0".into());
            }
        }
        host.follow();
        assert_eq!(host.installed(), wanted, "{}: {forced:#}", host.name);
    }

    let to = ["--all", "--to", &first];
    let all = told_and_done(&server, &[&BACK[..], &to].concat());
    assert!(stuck(&all).is_empty(), "{all:#}");
    for (_, host) in &hosts {
        host.follow();
        let versions: Vec<_> = host.installed().into_values().collect();
        assert!(versions.iter().all(|version| version == "1.0"), "{}: {versions:?}", host.name);
    }
}
