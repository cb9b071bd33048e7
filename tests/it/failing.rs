//! A disk that fails while a change is recorded: what the client was told holds after a crash, nobody is
//! told to try again in vain, and hosts are served.

mod full;
pub mod inject;
mod owed;
mod stores;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::harness::programs::{Outcome, program};
use crate::harness::server::{TestServer, package};
use inject::{Injected, SYNC, WRITE};

/// The host through which the tests see what hosts see.
const WATCHER: &str = "watcher.example.org";

/// What is asked for while the disk fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Deed {
    RollBack,
    Upload,
    Revoke,
}

const DEEDS: [Deed; 3] = [Deed::RollBack, Deed::Upload, Deed::Revoke];

/// What the client was told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    Done,
    NotDone,
    Unknown,
}

impl Told {
    fn of(outcome: &Outcome) -> Self {
        if outcome.succeeded() {
            return Self::Done;
        }
        assert_eq!(outcome.code, 4, "{outcome}");
        match outcome.says("it is not known whether it was done") {
            true => {
                assert!(!outcome.says("nothing was half done"), "{outcome}");
                Self::Unknown
            }
            false => Self::NotDone,
        }
    }
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(120), "{what} did not come");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// What the listener answers that is for this machine alone.
fn local(server: &TestServer, path: &str) -> String {
    let config = std::fs::read_to_string(server.data().join("repod.toml")).unwrap();
    let local = config.lines().find_map(|line| line.strip_prefix("local = [\""));
    let address = format!("http://{}/{path}", local.unwrap().trim_end_matches("\"]"));
    program("curl").args(["-sS", "-i", &address]).run().expect_success().stdout
}

struct House {
    server: TestServer,
    deeds: u32,
}

impl House {
    fn new() -> Self {
        let server = TestServer::start();
        let edit = ["suite", "edit", "stable", "--contents", "no", "--pdiffs", "no"];
        server.repoctl(&edit).expect_success();
        server.upload("acme-web", "1.0").expect_success();
        server.host(WATCHER).update().expect_success();
        Self { server, deeds: 0 }
    }

    fn log(&self) -> PathBuf {
        self.server.data().join("catalogue.sqlite-wal")
    }

    /// What a deed is done to.
    fn subject(&self, deed: Deed) -> String {
        let number = self.deeds;
        match deed {
            Deed::RollBack => "acme-web".into(),
            Deed::Upload => format!("acme-new{number}"),
            Deed::Revoke => format!("gone{number}.example.org"),
        }
    }

    /// Makes what the next deed needs.
    fn prepare(&mut self, deed: Deed) {
        self.deeds += 1;
        match deed {
            Deed::RollBack => {
                let unpin = ["unpin", "acme-web", "--suite", "stable", "-m", "again"];
                if self.server.repoctl(&["pins", "--suite", "stable"]).says("acme-web") {
                    self.server.repoctl(&unpin).expect_success();
                }
                self.server.upload("acme-web", &format!("2.{}", self.deeds)).expect_success();
            }
            Deed::Upload => {}
            Deed::Revoke => drop(self.server.host(&self.subject(deed))),
        }
    }

    /// Waits until nothing is left to be recorded but what is asked for: of what the server does by itself,
    /// xz comes last, and a list of hosts records what they fetched.
    fn calm(&self) {
        let begun = Instant::now();
        loop {
            let release = self.server.curl(WATCHER, "dists/stable/InRelease").run().stdout;
            if release.contains(" main/binary-amd64/Packages.xz") {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(120), "{release}");
            std::thread::sleep(Duration::from_millis(100));
        }
        self.server.repoctl(&["host", "list"]).expect_success();
    }

    fn act(&self, deed: Deed) -> Outcome {
        let subject = self.subject(deed);
        match deed {
            Deed::RollBack => {
                let pin = ["pin", "--suite", "stable", "--rollback", "acme-web", "-m", "is bad"];
                self.server.repoctl(&pin)
            }
            Deed::Upload => self.server.upload(&subject, "1.0"),
            Deed::Revoke => {
                self.server.repoctl(&["host", "revoke", &subject, "-m", "stolen", "--yes"])
            }
        }
    }

    /// What can be seen of what deeds alter.
    fn seen(&self, deed: Deed) -> String {
        match deed {
            Deed::RollBack | Deed::Upload => {
                let report = self.server.check(WATCHER, "stable");
                format!("{:?}", report.versions(&self.subject(deed)))
            }
            Deed::Revoke => {
                let asked = self.server.curl(&self.subject(deed), "dists/stable/InRelease").run();
                asked.stdout.lines().next().unwrap_or_default().to_owned()
            }
        }
    }

    fn local(&self, path: &str) -> String {
        local(&self.server, path)
    }

    /// Does a deed while the disk fails, until this is told. The server records something by itself now and
    /// then, which the error meets instead.
    fn fail(&mut self, deed: Deed, calls: &str, when: &str, expected: Told) -> Option<()> {
        for _ in 0..4 {
            if self.fail_once(deed, calls, when)? == expected {
                return Some(());
            }
        }
        panic!("{deed:?}, {calls} {when}: never told {expected:?}");
    }

    /// Does a deed while the disk fails, kills the server at once, and holds what is there then against
    /// what was told.
    fn fail_once(&mut self, deed: Deed, calls: &str, when: &str) -> Option<Told> {
        self.prepare(deed);
        let before = self.seen(deed);
        self.calm();
        let injected = Injected::at(self.server.pid(), &self.log(), calls, when)?;
        let outcome = self.act(deed);
        let told = Told::of(&outcome);
        self.server.kill();
        drop(injected);
        self.server.serve();
        let after = self.seen(deed);
        let what = format!("{deed:?}, {calls} {when}: {before} -> {after}, told: {outcome}");
        match told {
            Told::Done => assert_ne!(before, after, "{what}"),
            Told::NotDone => assert_eq!(before, after, "{what}"),
            Told::Unknown => {}
        }
        // Whatever it was, once more it is done and stays done.
        if before == after {
            self.act(deed).expect_success();
        }
        self.server.kill();
        self.server.serve();
        assert_ne!(before, self.seen(deed), "{what}");
        Some(told)
    }
}

/// The frames of a change whose sync failed are in the log, with the mark of a commit: they must not
/// count after a crash when the client was told that nothing was done.
fn holds_after_a_crash(cases: &[(Deed, &str, &str, Told)]) {
    let mut house = House::new();
    for (deed, calls, when, expected) in cases {
        if house.fail(*deed, calls, when, *expected).is_none() {
            return;
        }
    }
    assert_eq!(house.server.stop(), 0);
}

#[test]
fn what_was_told_of_a_rollback_when_the_disk_failed_holds_after_a_crash() {
    holds_after_a_crash(&[
        (Deed::RollBack, SYNC, "1", Told::NotDone),
        (Deed::RollBack, WRITE, "1", Told::NotDone),
        (Deed::RollBack, SYNC, "1+", Told::Unknown),
    ]);
}

/// The second commit of an upload is the publication.
#[test]
fn what_was_told_of_an_upload_when_the_disk_failed_holds_after_a_crash() {
    holds_after_a_crash(&[
        (Deed::Upload, SYNC, "1", Told::NotDone),
        (Deed::Upload, SYNC, "2", Told::NotDone),
        (Deed::Upload, WRITE, "1+", Told::Unknown),
    ]);
}

#[test]
fn what_was_told_of_a_revocation_when_the_disk_failed_holds_after_a_crash() {
    holds_after_a_crash(&[
        (Deed::Revoke, SYNC, "1", Told::NotDone),
        (Deed::Revoke, WRITE, "1", Told::NotDone),
        (Deed::Revoke, SYNC, "1+", Told::Unknown),
    ]);
}

#[test]
fn one_error_of_the_disk_stops_nothing() {
    let mut house = House::new();
    let mut told = Vec::new();
    for deed in DEEDS {
        house.prepare(deed);
        let before = house.seen(deed);
        house.calm();
        let Some(injected) = Injected::at(house.server.pid(), &house.log(), SYNC, "1") else {
            return;
        };
        let outcome = house.act(deed);
        told.push(Told::of(&outcome));
        if !outcome.succeeded() {
            assert!(outcome.says("nothing was half done"), "{outcome}");
            assert_eq!(before, house.seen(deed));
            house.act(deed).expect_success();
        }
        drop(injected);
        assert_ne!(before, house.seen(deed));
    }
    assert!(told.contains(&Told::NotDone), "the error met nobody: {told:?}");
    assert!(house.local("metrics").contains("repod_writable{store=\"catalogue\"} 1\n"));
    assert!(house.local("readyz").starts_with("HTTP/1.1 200 "));
    assert_eq!(house.server.stop(), 0);
}

/// While nothing can be written, it shows everywhere, nobody waits for it in vain, and hosts are served;
/// when it can again, it is.
#[test]
fn a_server_that_cannot_write_says_so_everywhere_and_serves_on() {
    let mut house = House::new();
    house.prepare(Deed::RollBack);
    let before = house.seen(Deed::RollBack);
    house.calm();
    let Some(injected) = Injected::at(house.server.pid(), &house.log(), SYNC, "1+") else { return };
    house
        .act(Deed::RollBack)
        .expect_code(4)
        .expect_says("it is not known whether it was done")
        .expect_says("look with repoctl history");
    let path = house.server.deb(&package("acme-late", "1.0"));
    let begun = Instant::now();
    let upload = ["upload", "--suite", "stable", "--retry-seconds", "600", &path];
    house.server.repoctl(&upload).expect_code(4).expect_says("writing stopped after");
    assert!(begun.elapsed() < Duration::from_secs(300), "it was tried again in vain");
    let again = ["pin", "--suite", "stable", "--rollback", "acme-web", "-m", "is bad", "--json"];
    house.server.repoctl(&again).expect_code(4).expect_says("\"code\":\"writing-stopped\"");
    let answer = house.server.curl_as_operator("api/v1/suites/stable/main/").args(["-T", &path]);
    let answer = answer.run().stdout;
    assert!(answer.contains("HTTP/1.1 500 ") && answer.contains("writing-stopped"), "{answer}");
    assert!(!answer.to_lowercase().contains("retry-after"), "{answer}");

    house.server.repoctl(&["status"]).expect_success().expect_says("WARNING writing-stopped");
    let ready = house.local("readyz");
    assert!(ready.starts_with("HTTP/1.1 503 "), "{ready}");
    assert!(
        ready.contains("hosts are served until") && ready.contains("writing stopped"),
        "{ready}"
    );
    assert!(house.local("healthz").starts_with("HTTP/1.1 200 "));
    let metrics = house.local("metrics");
    assert!(metrics.contains("repod_writable{store=\"catalogue\"} 0\n"), "{metrics}");
    assert!(metrics.contains("repod_writable{store=\"pool\"} 1\n"), "{metrics}");
    assert_eq!(before, house.seen(Deed::RollBack));

    drop(injected);
    until("that it is ready", || house.local("readyz").starts_with("HTTP/1.1 200 "));
    house.server.repoctl(&upload).expect_success().expect_says("published");
    // What history says from here on stays.
    assert_eq!(before, house.seen(Deed::RollBack));
    house.server.kill();
    house.server.serve();
    assert_eq!(before, house.seen(Deed::RollBack));
    assert_eq!(house.server.stop(), 0);
}
