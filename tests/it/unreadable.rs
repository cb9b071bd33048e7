//! What stands where a file of the configuration should be: a FIFO, a device, a directory, a file of any
//! size, a circle of links. Neither a start nor a reload nor an end waits for it, and it is named.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::harness::programs::program;
use crate::harness::server::TestServer;

/// How long the server may take to notice, to end, or to say why it does not start.
const WITHIN: Duration = Duration::from_secs(20);

/// A server whose CA, lists and own certificate are files that somebody else puts there.
struct House {
    server: TestServer,
}

impl House {
    fn new() -> Self {
        let server = TestServer::init();
        let house = Self { server };
        let own = house.at("own");
        fs::create_dir_all(own.join("lists")).unwrap();
        let data = house.server.data();
        for (from, to) in [
            ("ca/ca.crt", "ca.crt"),
            ("ca/crl.pem", "list.crl"),
            ("ca/crl.pem", "lists/one.crl"),
            ("tls/server.crt", "server.crt"),
            ("tls/server.key", "server.key"),
        ] {
            fs::copy(data.join(from), own.join(to)).unwrap();
        }
        let config = data.join("repod.toml");
        let text = fs::read_to_string(&config).unwrap();
        let (own, mut kept, mut inside) = (own.display(), String::new(), false);
        for line in text.lines() {
            if line.starts_with('[') {
                inside = ["[trust]", "[tls]"].contains(&line);
            }
            if !inside {
                kept += &format!("{line}\n");
            }
        }
        let ours = format!(
            "[trust]\nanchors = [\"{own}/ca.crt\"]\ncrls = [\"{own}/list.crl\", \"{own}/lists\"]\n\
             [tls]\ncertificate = \"{own}/server.crt\"\nkey = \"{own}/server.key\"\nca = \"{own}/ca.crt\"\n"
        );
        fs::write(&config, format!("{kept}{ours}")).unwrap();
        house
    }

    fn at(&self, below: &str) -> PathBuf {
        PathBuf::from(self.server.at(below))
    }

    /// Waits until the warnings of the status are as wanted.
    #[track_caller]
    fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        let begun = Instant::now();
        loop {
            let status = self.server.repoctl(&["status"]);
            if status.succeeded() && wanted(&status.stdout) {
                return;
            }
            assert!(begun.elapsed() < WITHIN, "{what}: {status}\n{}", self.server.log());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Starts the server, which ends by itself, and gives what it says.
    #[track_caller]
    fn refused(&self, what: &str) -> String {
        let config = self.server.at("data/repod.toml");
        let begun = Instant::now();
        let serve = ["20", env!("CARGO_BIN_EXE_repod"), "serve", "--config", &config];
        let outcome = program("timeout").args(serve).run();
        assert!(!outcome.succeeded() && outcome.code != 124, "{what}: it runs or hangs: {outcome}");
        assert!(begun.elapsed() < WITHIN, "{what}: it waited");
        format!("{}{}", outcome.stdout, outcome.stderr)
    }

    #[track_caller]
    fn stops(&mut self, what: &str) {
        let begun = Instant::now();
        assert_eq!(self.server.stop(), 0, "{what}");
        assert!(begun.elapsed() < WITHIN, "{what}: the end waited");
    }
}

fn fifo(path: &Path) {
    rustix::fs::mkfifoat(rustix::fs::CWD, path, 0o600.into()).unwrap();
}

/// A name, what puts it there, and what is said of it.
type Kind = (&'static str, fn(&Path), &'static str);

/// What may stand in the place of a file, and how it is told.
const KINDS: [Kind; 5] = [
    ("a FIFO", fifo, "not a regular file, but a FIFO"),
    ("a device", |path| link("/dev/zero".as_ref(), path), "not a regular file, but a device"),
    ("a directory", |path| fs::create_dir(path).unwrap(), "not a regular file, but a directory"),
    ("a gibibyte", |path| fs::File::create(path).unwrap().set_len(1 << 30).unwrap(), "larger than"),
    ("a circle", |path| link(path, path), "symbolic links"),
];

fn link(to: &Path, path: &Path) {
    std::os::unix::fs::symlink(to, path).unwrap();
}

/// Puts something in the place of a file, and gives what brings the file back.
fn replace(path: &Path, make: fn(&Path)) -> impl FnOnce() + use<> {
    let (path, aside) = (path.to_path_buf(), path.with_extension("aside"));
    fs::rename(&path, &aside).unwrap();
    make(&path);
    move || {
        match fs::symlink_metadata(&path).unwrap().is_dir() {
            true => fs::remove_dir(&path).unwrap(),
            false => fs::remove_file(&path).unwrap(),
        }
        fs::rename(&aside, &path).unwrap();
    }
}

#[test]
fn a_running_server_waits_for_no_file_and_names_it() {
    let mut house = House::new();
    house.server.serve();
    house.server.repoctl(&["suite", "create", "stable"]).expect_success();
    house.until("at first", |status| !status.contains("unreadable") && !status.contains("crl-"));
    let files = ["own/list.crl", "own/ca.crt", "own/lists/one.crl", "own/server.key"];
    for below in files.into_iter().chain(["data/repod.toml"]) {
        let path = house.at(below);
        let shown = path.display().to_string();
        let back = replace(&path, fifo);
        house.server.signal("HUP");
        house.until(below, |status| status.contains(&shown) && status.contains("FIFO"));
        // Everything else goes on, with what was read before.
        house.server.upload("acme-web", "1.0").expect_success();
        assert!(house.server.log().contains(&shown));
        back();
        house.server.signal("HUP");
        house.until(below, |status| !status.contains(&shown));
    }
    let _back = replace(&house.at("own/ca.crt"), fifo);
    house.server.signal("HUP");
    house.stops("with a FIFO as CA file");
}

#[test]
fn a_start_waits_for_no_file_and_names_it() {
    let mut house = House::new();
    for (kind, make, told) in KINDS {
        for below in ["own/ca.crt", "own/server.key", "own/server.crt", "data/repod.toml"] {
            let path = house.at(below);
            let back = replace(&path, make);
            let said = house.refused(below);
            match (kind, below) {
                // A directory is one of CAs, and this one has none.
                ("a directory", "own/ca.crt") => assert!(said.contains("no CA"), "{said}"),
                _ => {
                    let shown = path.display().to_string();
                    assert!(said.contains(&shown), "{kind} as {below}: {said}");
                    assert!(said.contains(told), "{kind} as {below}: {said}");
                }
            }
            back();
        }
    }
    // Without one of the lists it starts, and serves nobody only if none is left.
    for (kind, make, told) in KINDS {
        let back = replace(&house.at("own/list.crl"), make);
        house.server.serve();
        let list = house.at("own/list.crl").display().to_string();
        if kind == "a directory" {
            // A directory is one of lists, and this one has none.
            house.server.repoctl(&["whoami"]).expect_success();
        } else {
            house.until(kind, |status| status.contains(&list) && status.contains(told));
        }
        house.stops(kind);
        back();
    }
    let back =
        [replace(&house.at("own/list.crl"), fifo), replace(&house.at("own/lists/one.crl"), fifo)];
    house.server.serve();
    let refused = house.server.repoctl(&["whoami"]);
    assert!(refused.says("no usable revocation list"), "{refused}");
    back.into_iter().for_each(|back| back());
    // By themselves, without a signal.
    house.until("the lists are back", |_| true);
    house.stops("at the end");
}

#[test]
fn a_passphrase_that_is_no_file_is_told_at_the_start() {
    let server = TestServer::unmade();
    let secret = server.at("passphrase");
    fs::write(&secret, "open sesame").unwrap();
    server.init_program(&["--ca-passphrase-file", &secret]).run().expect_success();
    let house = House { server };
    for (kind, make, told) in KINDS {
        let back = replace(Path::new(&secret), make);
        let said = house.refused(kind);
        assert!(said.contains(&secret) && said.contains(told), "{kind}: {said}");
        back();
    }
    for below in ["keys/signing.asc", "ca/ca.key"] {
        let path = house.server.data().join(below);
        let back = replace(&path, fifo);
        let said = house.refused(below);
        assert!(said.contains(&path.display().to_string()) && said.contains("FIFO"), "{said}");
        back();
    }
}

#[test]
fn a_change_of_ca_files_has_its_line_in_the_audit_log() {
    let mut house = House::new();
    house.server.serve();
    let lines = |house: &House| house.server.repoctl(&["audit", "--verb", "trust"]).stdout;
    house.until("first seen", |_| lines(&house).contains("first seen"));
    // Another CA comes beside the first: its list is the one of a second server.
    let other = TestServer::init();
    let (ca, list) = (other.data().join("ca/ca.crt"), other.data().join("ca/crl.pem"));
    fs::copy(list, house.at("own/lists/two.crl")).unwrap();
    let both = [fs::read(house.at("own/ca.crt")).unwrap(), fs::read(ca).unwrap()].concat();
    let first = fs::read(house.at("own/ca.crt")).unwrap();
    fs::write(house.at("own/ca.crt"), both).unwrap();
    house.until("added", |_| lines(&house).contains("added "));
    house.stops("with two CAs");
    fs::write(house.at("own/ca.crt"), first).unwrap();
    house.server.serve();
    let told = "changed while the server was stopped";
    house.until("removed", |_| lines(&house).contains(told));
    house.stops("with one CA");
    house.server.serve();
    house.until("nothing new", |_| lines(&house).matches(" trust ").count() == 3);
    house.stops("at the end");
}
