//! What apt, aptly, debmirror and reprepro read of exported histories, through a plain web server.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use repod::debian::Version;
use tempfile::TempDir;

use super::fabric::{Fabric, name};
use super::history::History;
use super::releases::{Release, listing};
use super::shape;
use crate::crash::house::{Ground, House};
use crate::harness::apt::AptRoot;
use crate::harness::loopback::Loopback;
use crate::harness::programs::{Outcome, Program, program};

/// So many histories are exported; the last of them is a large one.
const EXPORTED: u64 = 20;

/// A package in a suite, as most clients tell it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Line {
    suite: String,
    /// Component and the architecture of the index; empty where the client does not tell.
    place: String,
    name: String,
    version: String,
}

type View = BTreeSet<Line>;

/// A directory with what the clients need, and what they should see.
struct Stage {
    dir: TempDir,
    web: Loopback,
    suites: Vec<Suite>,
    expected: View,
}

/// A suite as its Release file describes it.
struct Suite {
    name: String,
    components: Vec<String>,
    architectures: Vec<String>,
}

impl Stage {
    /// Plays the histories, exports them with the real program while their repository is open, and
    /// serves the tree.
    fn new(ground: &Ground) -> Self {
        let dir = tempfile::Builder::new().prefix("repod-clients-").tempdir().unwrap();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(dir.path(), open).unwrap();
        let place = ground.place("exported");
        let house = House::open(ground, &place, &ground.clock());
        let mut fabric = Fabric::default();
        let (mut suites, mut expected) = (Vec::new(), View::new());
        for seed in 0..EXPORTED {
            let history = History::play(&house, &mut fabric, seed, shape(seed));
            suites.push(Suite::of(&history, &mut expected));
        }
        std::fs::create_dir(place.join("keys")).unwrap();
        std::fs::copy(ground.key(), place.join("keys/archive-key.asc")).unwrap();
        let config = place.join("repod.toml");
        std::fs::write(&config, "public_url = \"https://repo.example.org/\"\n").unwrap();
        let tree = dir.path().join("tree");
        let repod = program(env!("CARGO_BIN_EXE_repod")).arg("export").arg(&tree);
        repod.arg("--config").arg(config).run().expect_success();
        let web = Loopback::over(&tree);
        let stage = Self { dir, web, suites, expected };
        stage.import_key();
        stage
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    /// A program with a home and a GnuPG home of its own.
    fn program(&self, name: &str) -> Program {
        program(name).env("HOME", self.path("home")).env("GNUPGHOME", self.path("gnupg"))
    }

    fn import_key(&self) {
        for folder in ["home", "gnupg"] {
            std::fs::create_dir(self.path(folder)).unwrap();
            let mine = std::os::unix::fs::PermissionsExt::from_mode(0o700);
            std::fs::set_permissions(self.path(folder), mine).unwrap();
        }
        let key = self.path("tree/archive-key.asc");
        self.program("gpg").args(["--batch", "--import"]).arg(key).run().expect_success();
        let export = ["--batch", "--export", "--output"];
        self.program("gpg").args(export).arg(self.path("key.gpg")).run().expect_success();
    }

    /// The last digits of the key's fingerprint, as reprepro names it.
    fn key_id(&self) -> String {
        let list = ["--batch", "--with-colons", "--list-keys"];
        let told = self.program("gpg").args(list).run().expect_success().stdout;
        let line = told.lines().find(|line| line.starts_with("pub:")).expect("there is a key");
        line.split(':').nth(4).expect("it has an id").to_owned()
    }

    /// Compares what a client has seen with what there is, both told in the client's own way.
    #[track_caller]
    fn expect(&self, client: &str, seen: &View, told: impl Fn(&Line) -> Line) {
        self.expect_of(client, seen, self.expected.iter().map(told).collect());
    }

    #[track_caller]
    fn expect_of(&self, client: &str, seen: &View, expected: View) {
        let missing: Vec<_> = expected.difference(seen).take(10).collect();
        let strange: Vec<_> = seen.difference(&expected).take(10).collect();
        assert!(*seen == expected, "{client} misses {missing:#?} and has {strange:#?}");
        println!("{client}: {} lines", seen.len());
    }
}

impl Suite {
    fn of(history: &History, expected: &mut View) -> Self {
        let (last, suite) = (history.last(), history.suite.to_string());
        let release = Release::parse(&last.head);
        let places = release.places();
        for (component, architecture) in &places {
            for package in listing(last, component, architecture) {
                expected.insert(Line {
                    suite: suite.clone(),
                    place: format!("{component} {architecture}"),
                    name: format!("{}_{}", package.name, package.architecture),
                    version: package.version.to_string(),
                });
            }
        }
        let words = |field: &str| release.words(field);
        Self { name: suite, components: words("Components"), architectures: words("Architectures") }
    }

    fn has(&self, architecture: &str) -> bool {
        self.architectures.iter().any(|one| one == architecture)
    }
}

/// The line without the architecture that the package itself was built for.
fn without_own(line: &Line) -> Line {
    let (name, _) = line.name.rsplit_once('_').expect("a name and an architecture");
    Line { name: name.to_owned(), ..line.clone() }
}

/// The line without its place.
fn without_place(line: &Line) -> Line {
    Line { place: String::new(), ..line.clone() }
}

/// apt, with every suite as a source of one host, once for each architecture.
fn apt(stage: &Stage) {
    let mut seen = View::new();
    for architecture in ["amd64", "arm64", "riscv64"] {
        let host = AptRoot::new();
        let key = stage.path("tree/archive-key.asc").display().to_string();
        for suite in stage.suites.iter().filter(|suite| suite.has(architecture)) {
            let (url, name, components) =
                (stage.web.url(), &suite.name, suite.components.join(" "));
            let source = format!("deb [signed-by={key}] {url} {name} {components}");
            host.add_source(name, &source);
        }
        let options = [
            format!("APT::Architecture={architecture}"),
            format!("APT::Architectures={architecture}"),
        ];
        let options = ["-o", options[0].as_str(), "-o", options[1].as_str()];
        let update = host.apt_get(&[&options[..], &["update"]].concat()).expect_success();
        assert!(!update.says("W:") && !update.says("E:"), "{update}");
        let every = (0..200).flat_map(|number| [name(number, false), name(number, true)]);
        let madison = host.program("apt-cache").args(options).arg("madison").args(every).run();
        seen.extend(madison.stdout.lines().map(madison_line));
    }
    stage.expect("apt", &seen, without_own);
}

/// `acme-x1 | 1.0-1 | http://127.0.0.1:1 h3/main amd64 Packages`
fn madison_line(line: &str) -> Line {
    let cells: Vec<_> = line.split('|').map(str::trim).collect();
    let words: Vec<_> = cells[2].split(' ').collect();
    let (suite, component) = words[1].split_once('/').expect("a suite and a component");
    Line {
        suite: suite.to_owned(),
        place: format!("{component} {}", words[2]),
        name: cells[0].to_owned(),
        version: cells[1].to_owned(),
    }
}

/// aptly, with every suite as a mirror.
fn aptly(stage: &Stage) {
    let config = stage.path("aptly.json");
    let root = stage.path("aptly").display().to_string();
    let text = format!("{{\"rootDir\": \"{root}\", \"gpgProvider\": \"gpg\"}}");
    std::fs::write(&config, text).unwrap();
    let ring = format!("-keyring={}", stage.path("key.gpg").display());
    let aptly = |args: &[&str]| -> Outcome {
        let config = format!("-config={}", config.display());
        stage.program("aptly").arg(config).args(args).run().expect_success()
    };
    let mut seen = View::new();
    for Suite { name, architectures, .. } in &stage.suites {
        let architectures = format!("-architectures={}", architectures.join(","));
        aptly(&["mirror", "create", &architectures, &ring, name, &stage.web.url(), name]);
        aptly(&["mirror", "update", &ring, name]);
        let shown = aptly(&["mirror", "show", "-with-packages", name]).stdout;
        let lines = shown.lines().filter_map(|line| line.strip_prefix("  "));
        seen.extend(lines.filter(|line| line.matches('_').count() == 2).map(|line| {
            let parts: Vec<_> = line.split('_').collect();
            let (suite, place) = (name.clone(), String::new());
            let name = format!("{}_{}", parts[0], parts[2]);
            Line { suite, place, name, version: parts[1].to_owned() }
        }));
    }
    stage.expect("aptly", &seen, without_place);
}

/// debmirror, with every suite in a directory of its own; seen by the files that it keeps, whose names
/// have no epoch.
fn debmirror(stage: &Stage) {
    let mut seen = View::new();
    for suite in &stage.suites {
        let dir = stage.path(&format!("debmirror-{}", suite.name));
        let mirror = stage.program("debmirror").args(["--method=http", "--root=/", "--nosource"]);
        mirror
            .args(["--diff=none", "--i18n", "--rsync-extra=none", "--precleanup", "--checksums"])
            .arg(format!("--host={}", stage.web.authority()))
            .arg(format!("--keyring={}", stage.path("key.gpg").display()))
            .arg(format!("--dist={}", suite.name))
            .arg(format!("--section={}", suite.components.join(",")))
            .arg(format!("--arch={}", suite.architectures.join(",")))
            .arg(&dir)
            .run()
            .expect_success();
        for entry in walkdir::WalkDir::new(dir.join("pool")).into_iter().filter_map(Result::ok) {
            let file = entry.file_name().to_str().unwrap();
            let Some(file) = file.strip_suffix(".deb") else { continue };
            let parts: Vec<_> = file.split('_').collect();
            let name = format!("{}_{}", parts[0], parts[2]);
            let (suite, version) = (suite.name.clone(), parts[1].to_owned());
            seen.insert(Line { suite, place: String::new(), name, version });
        }
    }
    stage.expect("debmirror", &seen, |line| {
        let version = line.version.rsplit(':').next().unwrap().to_owned();
        Line { version, ..without_place(line) }
    });
}

/// reprepro, with one update rule for each suite.
fn reprepro(stage: &Stage) {
    let base = stage.path("reprepro");
    std::fs::create_dir_all(base.join("conf")).unwrap();
    let (mut distributions, mut updates) = (String::new(), String::new());
    let (url, key) = (stage.web.url(), stage.key_id());
    for Suite { name, components, architectures } in &stage.suites {
        let (components, architectures) = (components.join(" "), architectures.join(" "));
        writeln!(
            distributions,
            "Codename: {name}\nArchitectures: {architectures}\nComponents: {components}\n\
             Update: from-{name}\n"
        )
        .unwrap();
        writeln!(
            updates,
            "Name: from-{name}\nMethod: {url}\nSuite: {name}\nArchitectures: {architectures}\n\
             Components: {components}\nVerifyRelease: {key}\n"
        )
        .unwrap();
    }
    std::fs::write(base.join("conf/distributions"), distributions).unwrap();
    std::fs::write(base.join("conf/updates"), updates).unwrap();
    let reprepro = || stage.program("reprepro").args(["--silent", "-b"]).arg(&base);
    reprepro().arg("update").run().expect_success();
    let mut seen = View::new();
    for Suite { name: suite, .. } in &stage.suites {
        let listed = reprepro().args(["list", suite]).run().expect_success();
        // `h3|main|amd64: acme-x1 1.0-1`
        for line in listed.stdout.lines() {
            let (place, package) = line.split_once(": ").expect("a place and a package");
            let places: Vec<_> = place.split('|').collect();
            let (name, version) = package.split_once(' ').expect("a name and a version");
            seen.insert(Line {
                suite: suite.clone(),
                place: format!("{} {}", places[1], places[2]),
                name: name.to_owned(),
                version: version.to_owned(),
            });
        }
    }
    // It keeps one version of a name, the highest.
    let mut highest: BTreeMap<Line, Version> = BTreeMap::new();
    for line in stage.expected.iter().map(without_own) {
        let version: Version = line.version.parse().unwrap();
        let named = Line { version: String::new(), ..line };
        let kept = highest.entry(named).or_insert_with(|| version.clone());
        *kept = version.max(kept.clone());
    }
    let line = |(line, version): (Line, Version)| Line { version: version.to_string(), ..line };
    stage.expect_of("reprepro", &seen, highest.into_iter().map(line).collect());
}

#[test]
fn exported_histories_are_read_by_every_client() {
    let ground = Ground::new();
    let stage = Stage::new(&ground);
    assert!(stage.expected.len() > 150, "{} lines", stage.expected.len());
    let clients: [fn(&Stage); 4] = [apt, aptly, debmirror, reprepro];
    std::thread::scope(|scope| {
        let running = clients.map(|client| {
            scope.spawn({
                let stage = &stage;
                move || client(stage)
            })
        });
        running.into_iter().for_each(|client| client.join().expect("a client reads the tree"));
    });
}
