//! Completion: what the shells that people have offer at a tab, with names that come from the server.

use std::time::{Duration, Instant};

use crate::harness::programs::{Outcome, program, require};
use crate::harness::server::TestServer;

/// Types a line into an interactive shell on a terminal of its own, then a tab, and another one as long as nothing
/// comes of it. Ends when all that is expected is shown; what was shown is printed.
const TAB: &str = r#"
import fcntl, json, os, pty, select, struct, sys, termios, time
told = json.loads(sys.argv[1])
child, terminal = pty.fork()
if child == 0:
    os.execvp(told["shell"][0], told["shell"])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, told["columns"], 0, 0))
shown = b""
def read(seconds):
    global shown
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.05)[0]:
            shown += os.read(terminal, 65536)
def until(texts, seconds, press=None):
    end = time.monotonic() + seconds
    while not all(text.encode() in shown for text in texts):
        if time.monotonic() > end:
            sys.stdout.buffer.write(shown)
            sys.exit("not shown: %s" % texts)
        if press:
            os.write(terminal, press)
        read(0.5)
read(0.5)
os.write(terminal, told["begin"].encode() + b"; echo RE''ADY\n")
until(["READY"], 60)
read(0.3)
shown = b""
os.write(terminal, told["line"].encode())
until(told["shows"], 60, b"\t")
sys.stdout.buffer.write(shown)
"#;

struct Shell {
    name: &'static str,
    start: &'static [&'static str],
    begin: &'static str,
}

const SHELLS: [Shell; 3] = [
    Shell {
        name: "bash",
        start: &["bash", "--norc", "--noprofile", "-i"],
        begin: "source <(repoctl completions bash)",
    },
    Shell {
        name: "zsh",
        start: &["zsh", "-f", "-i"],
        begin: "autoload -U compinit; compinit -u -D; source <(repoctl completions zsh)",
    },
    Shell {
        name: "fish",
        start: &["fish", "--no-config", "-i"],
        begin: "repoctl completions fish | source",
    },
];

/// A server with something to name.
fn furnished() -> TestServer {
    let server = TestServer::start();
    for name in ["acme-web", "acme-worker", "zulu"] {
        for version in ["1.0", "2.0"] {
            server.upload(name, version).expect_success();
        }
    }
    let _root = server.host("web1.example.org");
    server.repoctl(&["pin", "--suite", "stable", "zulu=1.0", "--yes"]).expect_success();
    server.repoctl(&["access", "group", "add", "oncall", "ada.example.org"]).expect_success();
    server
}

/// `repoctl` is found by its name, as it is where it is installed, and knows the server.
fn with_repoctl(server: &TestServer, argv: &[&str]) -> crate::harness::programs::Program {
    let built = std::path::Path::new(env!("CARGO_BIN_EXE_repoctl")).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", built.display());
    let profile = server.data().join("operator/config.toml");
    let home = server.at("home");
    std::fs::create_dir_all(&home).unwrap();
    program(argv[0])
        .args(&argv[1..])
        .env("PATH", path)
        .env("HOME", home)
        .env("TERM", "xterm")
        .env("REPOCTL_CONFIG", profile)
}

fn tab(server: &TestServer, shell: &Shell, line: &str, shows: &[&str]) {
    tab_at(160, server, shell, line, shows);
}

fn tab_at(columns: u16, server: &TestServer, shell: &Shell, line: &str, shows: &[&str]) {
    let _there = require(shell.name);
    let told = serde_json::json!({
        "shell": shell.start, "begin": shell.begin, "line": line, "shows": shows,
        "columns": columns,
    });
    let outcome = with_repoctl(server, &["python3", "-c", TAB, &told.to_string()]).run();
    assert!(outcome.succeeded(), "{} at `{line}`: {outcome}", shell.name);
}

#[test]
fn every_shell_offers_what_is_on_the_server() {
    let server = furnished();
    for shell in &SHELLS {
        tab(
            &server,
            shell,
            "repoctl pin --suite stable --rollback acme-w",
            &["acme-web", "acme-worker"],
        );
        tab(&server, shell, "repoctl suite show st", &["stable"]);
        tab(&server, shell, "repoctl pin --suite stable acme-web=2", &["acme-web=2.0"]);
        tab(&server, shell, "repoctl host revoke we", &["web1.example.org"]);
        let said = "repoctl pin --suite stable -m 'a bad release' --rollback zu";
        tab(&server, shell, said, &["zulu"]);
    }
}

#[test]
fn a_tab_works_on_a_terminal_of_any_width() {
    let server = furnished();
    for shell in &SHELLS {
        for columns in [60, 80, 200] {
            let both = ["acme-web", "acme-worker"];
            tab_at(columns, &server, shell, "repoctl show acme-w", &both);
        }
    }
}

/// What a shell would ask for the last of these words.
fn offered(server: &TestServer, words: &[&str]) -> Outcome {
    let words = [&[env!("CARGO_BIN_EXE_repoctl"), "--", "repoctl"], words].concat();
    let last = (words.len() - 3).to_string();
    let asked = with_repoctl(server, &words).env("_REPOCTL_COMPLETE", "bash");
    asked.env("_CLAP_COMPLETE_INDEX", last).env("_CLAP_IFS", "\n").run()
}

fn names(server: &TestServer, words: &[&str]) -> Vec<String> {
    let outcome = offered(server, words).expect_success();
    assert_eq!(outcome.stderr, "");
    outcome.stdout.lines().filter(|word| !word.starts_with('-')).map(str::to_owned).collect()
}

#[test]
fn each_argument_is_offered_what_it_names() {
    let server = furnished();
    for (words, expected) in [
        (&["show", "acme-web="][..], &["acme-web=1.0", "acme-web=2.0"][..]),
        (&["pin", "--suite", "stable", "acme-web=2"], &["acme-web=2.0"]),
        (&["pin", "--suite=stable", "--rollback", "zu"], &["zulu"]),
        (&["unpin", "--suite", "stable", ""], &["zulu"]),
        (&["list", "--suite", "s"], &["stable"]),
        (&["pin", "-sstable", "--rollback", "zu"], &["zulu"]),
        (&["pin", "-sedge", "--rollback", "zu"], &[]),
        (&["promote", "--from", "s"], &["stable"]),
        (&["promote", "--from", "stable", "--to", "s"], &["stable"]),
        (&["promote", "--from", "stable", "--to", "edge", "zu"], &["zulu"]),
        (&["promote", "--from=stable", "acme-web=2"], &["acme-web=2.0"]),
        (&["promote", "--from", "edge", "--to", "stable", "zu"], &[]),
        (&["promote", "--from", "stable", "--generation", "7"], &["7"]),
        (&["suite", "edit", "s"], &["stable"]),
        (&["suite", "create", "s"], &[]),
        (&["host", "revoke", ""], &["web1.example.org"]),
        (&["access", "group", "show", ""], &["oncall"]),
        (&["access", "grant", "operator", "@"], &["@oncall"]),
        (&["diff", "--suite", "stable", "7"], &["7"]),
        // Not the packages of a suite that is not there.
        (&["pin", "--suite", "edge", "--rollback", "acme-w"], &[]),
    ] {
        assert_eq!(names(&server, words), expected, "{words:?}");
    }
    let key = names(&server, &["key", "retire", ""]);
    assert!(key.len() == 1 && key[0].len() == 40, "{key:?}");
    assert!(names(&server, &["host", "is"]).contains(&"issue".to_owned()), "commands as well");
}

#[test]
fn nothing_is_said_and_nobody_waits_when_the_server_is_away() {
    let mut server = furnished();
    let words = ["pin", "--suite", "stable", "--rollback", "acme-w"];
    assert_eq!(names(&server, &words).len(), 2);
    assert_eq!(server.stop(), 0);
    let away = offered(&server, &words).expect_success();
    assert_eq!((away.stdout.as_str(), away.stderr.as_str()), ("", ""));
    // One that takes connections and says nothing.
    let config = server.data().join("operator/config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = mute.local_addr().unwrap().port();
    let line = text.lines().find(|line| line.starts_with("server")).unwrap();
    let text = text.replace(line, &format!("server = \"repo.example.org:{port}\""));
    std::fs::write(&config, text).unwrap();
    let begun = Instant::now();
    let mute = offered(&server, &words).expect_success();
    assert_eq!((mute.stdout.as_str(), mute.stderr.as_str()), ("", ""));
    assert!(begun.elapsed() < Duration::from_secs(10), "a line that does not move");
}
