//! `repod demo` as people run it: the story told to its end, what it says to try next, and nothing
//! left behind.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::harness::programs::{self, Outcome, is_root};

const REPOD: &str = env!("CARGO_BIN_EXE_repod");

/// What a story that went well has said, in this order.
const ESSENTIAL: &[&str] = &[
    "1. A data directory",
    "$ repoctl suite create stable",
    "generation 2 of stable is live",
    "Unpacking acme-web (1.0)",
    "acme-web 1.0 installed",
    "Unpacking acme-web (2.0) over (1.0)",
    "acme-web 2.0 installed",
    "$ repoctl pin --suite stable --rollback acme-web",
    "Unpacking acme-web (1.0) over (2.0)",
    "acme-web 1.0 installed",
    "acme-web-data 1.0 installed",
    "$ repoctl history --suite stable",
    "403  no client certificate",
    "403  certificate was revoked",
    "Every step did what it says",
];

#[test]
fn the_story_comes_true_and_leaves_nothing_behind() {
    let temporary = open_directory();
    let outcome = programs::program(REPOD)
        .args(["demo", "--exit"])
        .env("TMPDIR", temporary.path())
        // Neither a proxy nor an apt configuration of the user changes the story.
        .env("https_proxy", "http://127.0.0.1:9/")
        .env("APT_CONFIG", "/nonexistent")
        .run();
    assert_story(&outcome);
    assert_eq!(entries(temporary.path()), Vec::<String>::new());
}

/// Root drops its rights for this one; without root the test above is it already.
#[test]
fn an_ordinary_user_is_told_the_same_story() {
    if !is_root() {
        println!("not run: this is an ordinary user already");
        return;
    }
    let place = open_directory();
    let program = place.path().join("repod");
    std::fs::copy(REPOD, &program).unwrap();
    let temporary = place.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    std::fs::set_permissions(&temporary, PermissionsExt::from_mode(0o1777)).unwrap();
    let outcome = programs::program("runuser")
        .args(["-u", "nobody", "--"])
        .arg(&program)
        .args(["demo", "--exit"])
        .env("TMPDIR", &temporary)
        // Ordinary users often have no `sbin` in theirs, and dpkg wants programs from there.
        .env("PATH", "/usr/bin:/bin")
        .run();
    assert_story(&outcome);
    assert_eq!(entries(&temporary), Vec::<String>::new());
}

/// The demo in namespaces of its own, with `setup` run there as root before it.
fn demo_after(setup: &str, place: &TempDir) -> Outcome {
    let namespaces = match is_root() {
        true => &["--mount", "--net"][..],
        false => &["--user", "--map-root-user", "--mount", "--net"],
    };
    let script = format!("{setup}\nexec \"$0\" demo --exit");
    programs::program("unshare")
        .args(namespaces)
        .args(["sh", "-euc", &script, REPOD])
        .env("TMPDIR", place.path())
        .run()
}

/// Some machines have no `localhost`, or have it on IPv6 alone, or elsewhere.
#[test]
fn the_story_needs_no_localhost_by_name() {
    for hosts in ["", "::1 localhost", "192.0.2.1 localhost"] {
        let (place, etc) = (open_directory(), open_directory());
        // All of /etc is another one: nothing can be mounted on the hosts file that `tests/with-hosts` has mounted.
        let setup = format!(
            "ip link set lo up\ncp -a /etc/. {etc}/ 2>&1 || :\nrm -f {etc}/hosts\n\
             echo '{hosts}' >{etc}/hosts\nmount --bind {etc} /etc\n\
             ! getent ahostsv4 localhost | grep -q '^127'",
            etc = etc.path().display()
        );
        assert_story(&demo_after(&setup, &place));
        assert_eq!(entries(place.path()), Vec::<String>::new(), "with the hosts file {hosts:?}");
    }
}

#[test]
fn a_machine_without_loopback_is_told_what_is_missing() {
    for setup in ["", "ip link set lo up\nip address del 127.0.0.1/8 dev lo"] {
        let place = open_directory();
        let outcome = demo_after(setup, &place).expect_code(1);
        for said in ["step 1 (A data directory): 127.0.0.1 does not answer", "ip link set lo up"] {
            assert!(outcome.stderr.contains(said), "after {setup:?}: {outcome}");
        }
        assert_eq!(entries(place.path()), Vec::<String>::new());
    }
}

#[test]
fn a_step_that_does_not_come_true_is_named() {
    let place = open_directory();
    let false_apt = place.path().join("bin/apt-get");
    std::fs::create_dir(place.path().join("bin")).unwrap();
    std::fs::write(&false_apt, "#!/bin/sh\nexit 0\n").unwrap();
    std::fs::set_permissions(&false_apt, PermissionsExt::from_mode(0o755)).unwrap();
    let kept = place.path().join("kept");
    let demo = || {
        programs::program(REPOD)
            .args(["demo", "--exit", "--dir"])
            .arg(&kept)
            .env("PATH", format!("{}:{}", place.path().join("bin").display(), programs::PATH))
            .run()
            .expect_code(1)
    };
    // apt-get says that all is well, but dpkg knows better.
    let outcome = demo();
    assert!(outcome.stderr.contains("step 5 (A host of the fleet): "), "{outcome}");
    assert!(outcome.stderr.contains("dpkg-query"), "{outcome}");
    assert!(!outcome.says("Every step did what it says"), "{outcome}");
    // A named directory stays for a look, and is not taken for a new one.
    assert!(kept.join("data/repod.toml").is_file());
    let outcome = demo();
    assert!(outcome.stderr.contains("is not empty"), "{outcome}");
}

#[test]
fn what_it_says_to_try_next_works_until_it_is_interrupted() {
    let temporary = open_directory();
    let mut demo = Demo::start(temporary.path());
    let told = demo.read_until("Ctrl-C stops the server and removes the directory.");
    let (_, next) = told.split_once("In another terminal").expect("it says what to try");
    let lines = next.lines().filter_map(|line| line.strip_prefix("  "));
    let script = lines.collect::<Vec<_>>().join("\n");
    let repoctl = env!("CARGO_BIN_EXE_repoctl");
    let script = script.replace("cargo run --release --bin repoctl --", repoctl);
    for command in [repoctl, "apt-get update", "unpin"] {
        assert!(script.contains(command), "it does not say {command}:\n{next}");
    }
    let outcome = programs::program("sh").args(["-euxc", &script]).run().expect_success();
    let outcome = outcome.expect_says("waiting").expect_says("Unpacking acme-web (3.0) over (1.0)");
    assert!(outcome.says("Installed: 3.0"), "{outcome}");
    let health = next.lines().find_map(|line| line.strip_prefix("Health of the server: "));
    programs::program("sh").args(["-c", health.expect("health is told")]).run().expect_success();

    demo.interrupt();
    assert_eq!(demo.child.wait().unwrap().code(), Some(0));
    assert_eq!(entries(temporary.path()), Vec::<String>::new());
}

#[test]
fn an_interrupted_story_leaves_nothing_behind() {
    let temporary = open_directory();
    let mut demo = Demo::start(temporary.path());
    demo.read_until("apt-get update");
    demo.interrupt();
    assert_eq!(demo.child.wait().unwrap().code(), Some(1));
    assert_eq!(entries(temporary.path()), Vec::<String>::new());
    let mut complaint = String::new();
    demo.child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert!(complaint.contains("stopped during step "), "{complaint}");
}

#[track_caller]
fn assert_story(outcome: &Outcome) {
    assert_eq!(outcome.code, 0, "{outcome}");
    let mut rest = outcome.stdout.as_str();
    for line in ESSENTIAL {
        let Some((_, after)) = rest.split_once(line) else {
            panic!("it does not say {line:?}, or not in its place: {outcome}");
        };
        rest = after;
    }
    // Not a terminal: no colour, no bar. And the server has nothing to warn of.
    let plain = |c: char| matches!(c, '\n' | '\t') || !c.is_control();
    assert!(outcome.stdout.chars().all(plain), "{outcome}");
    assert_eq!(outcome.stderr, "", "{outcome}");
}

fn open_directory() -> TempDir {
    let dir = tempfile::Builder::new().prefix("demo-").tempdir().expect("a temporary directory");
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    dir
}

fn entries(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

/// A demonstration that goes on, ended by its own pid when dropped.
struct Demo {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
}

impl Demo {
    fn start(temporary: &Path) -> Self {
        let mut child = Command::new(REPOD)
            .arg("demo")
            .env("TMPDIR", temporary)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("repod starts");
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, out }
    }

    #[track_caller]
    fn read_until(&mut self, wanted: &str) -> String {
        let mut told = String::new();
        while !told.contains(wanted) {
            let read = self.out.read_line(&mut told).unwrap();
            assert!(read > 0, "it ended before it said {wanted:?}: {told}");
        }
        told
    }

    fn interrupt(&self) {
        let text = format!("kill -INT {}", self.child.id());
        programs::program("sh").args(["-c", &text]).run().expect_success();
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
