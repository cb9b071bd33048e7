//! With the real apt: hosts update and install in a loop while versions come and go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use repod::config::Config;
use repod::server::Server;
use repod::time::{Clock as _, HandClock, SystemClock};

use crate::harness::apt::{AptRoot, HostFile};
use crate::harness::server::TestServer;
use crate::renewal::DAY;

/// A server in this process, whose clock runs ahead of the hosts', as those are told to bear.
struct Running {
    made: TestServer,
    clock: HandClock,
    is_over: Arc<AtomicBool>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    serving: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    fn start() -> Self {
        let made = TestServer::init();
        let clock = HandClock::at(SystemClock.now());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (data, own) = (made.data(), clock.clone());
        let (ready, is_ready) = std::sync::mpsc::channel();
        let serving = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let config = Config::load(&data.join("repod.toml")).unwrap();
                let server = Server::open(config, Arc::new(own)).unwrap();
                let (_reload, reloads) = tokio::sync::mpsc::channel(1);
                ready.send(()).unwrap();
                let ended = async {
                    let _ = stopped.await;
                };
                server.serve(ended, reloads).await.unwrap();
            });
        });
        is_ready.recv_timeout(Duration::from_secs(60)).unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let (ticks, ended) = (clock.clone(), Arc::clone(&is_over));
        std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(500));
                ticks.advance(1);
            }
        });
        Self { made, clock, is_over, stop: Some(stop), serving: Some(serving) }
    }

    fn host(&self, name: &str) -> AptRoot {
        let root = self.made.host(name);
        let ahead = "Acquire::Max-FutureTime \"31536000\";\n";
        root.place(&[HostFile::new("/etc/apt/apt.conf.d/99ahead", 0o644, ahead)]);
        root
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        drop(self.stop.take());
        let ended = self.serving.take().map(std::thread::JoinHandle::join);
        assert!(std::thread::panicking() || ended.is_none_or(|ended| ended.is_ok()));
    }
}

/// Tells the others that a host has ended, also where it failed.
struct Ended<'o>(&'o AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Two hosts never see a missing object; of what the dry run said each is gone; what it freed is said.
#[test]
fn apt_never_misses_anything_while_versions_come_and_go() {
    let server = Running::start();
    let made = &server.made;
    let create =
        ["suite", "create", "stable", "--keep-versions", "2", "--keep-installed-days", "1"];
    made.repoctl(&create).expect_success();
    made.upload("acme-web", "1.0").expect_success();
    let hosts = ["web-01.example.org", "web-02.example.org"].map(|name| server.host(name));
    let (over, rounds) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for host in &hosts {
            let (over, rounds) = (&over, &rounds);
            scope.spawn(move || {
                let _ended = Ended(over);
                while !over.load(Ordering::Relaxed) {
                    host.update().expect_success();
                    // By lists that may be old by now.
                    host.forget_downloads();
                    host.install(&["acme-web"]).expect_success();
                    rounds.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let work = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for version in 2..9 {
                made.upload("acme-web", &format!("{version}.0")).expect_success();
                // Half of the grace at a time, and the hosts are given something in each.
                let seen = rounds.load(Ordering::Relaxed);
                server.clock.advance(DAY / 2);
                made.repoctl(&["gc", "--yes"]).expect_success();
                let begun = std::time::Instant::now();
                while rounds.load(Ordering::Relaxed) < seen + 4 {
                    assert!(!over.load(Ordering::Relaxed) && begun.elapsed().as_secs() < 60);
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        }));
        over.store(true, Ordering::Relaxed);
        work.unwrap();
    });
    assert!(rounds.load(Ordering::Relaxed) >= 14);
    for host in &hosts {
        host.update().expect_success();
        host.upgrade().expect_success();
        assert_eq!(host.installed("acme-web").as_deref(), Some("8.0"));
    }
    // Until nobody is on anything old.
    server.clock.advance(2 * DAY);
    hosts.iter().for_each(|host| drop(host.update().expect_success()));
    let told = made.repoctl(&["gc", "-n", "--json"]).expect_success().stdout;
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let planned: Vec<String> = told["suites"][0]["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["version"].as_str().unwrap().to_owned())
        .collect();
    assert!(!planned.is_empty(), "{told}");
    let size = told["size_bytes"].as_u64().unwrap();
    made.repoctl(&["gc", "--yes"]).expect_success();
    server.clock.advance(DAY + 10);
    hosts.iter().for_each(|host| drop(host.update().expect_success()));
    let done = made.repoctl(&["gc", "--yes", "--json"]).expect_success().stdout;
    let done: serde_json::Value = serde_json::from_str(&done).unwrap();
    assert!(done["freed_bytes"].as_u64().unwrap() >= size, "{done} after {told}");
    let left = made.repoctl(&["show", "acme-web", "--json"]).expect_success().stdout;
    for version in &planned {
        assert!(!left.contains(&format!("\"{version}\"")), "{version} is still there: {left}");
    }
    assert!(left.contains("\"8.0\"") && left.contains("\"7.0\""), "{left}");
    for host in &hosts {
        host.update().expect_success();
        host.forget_downloads();
        host.apt_get(&["-y", "install", "--reinstall", "acme-web"]).expect_success();
    }
}
