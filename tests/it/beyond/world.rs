//! A server with one suite of whoever asks, and everything that there can be of another.

use std::cell::OnceCell;

use repod::digest::Digest;
use serde_json::Value;

use crate::harness::deb::DebBuilder;
use crate::harness::server::{TestServer, package};
use crate::walk::line::Line;

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Person {
    Admin,
    Operator,
    /// An operator of some packages.
    OfSome,
    Uploader,
    Host,
}

impl Person {
    /// Everybody beyond whose suites something lies.
    pub const ALL: [Self; 4] = [Self::Operator, Self::OfSome, Self::Uploader, Self::Host];
}

/// A kind of name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    Suite,
    Alias,
    /// A host, present or past.
    Host,
    /// A build job or a person.
    Identity,
    Group,
    /// A host with a pending token.
    Token,
    Package,
    Pin,
    ClientPackage,
    Generation,
    Digest,
    Fingerprint,
    /// A package's path in the pool.
    PoolPath,
    /// An index by its hash.
    ByHash,
    /// The number of an entry in the audit log.
    Entry,
}

impl Kind {
    pub const ALL: [Self; 15] = [
        Self::Suite,
        Self::Alias,
        Self::Host,
        Self::Identity,
        Self::Group,
        Self::Token,
        Self::Package,
        Self::Pin,
        Self::ClientPackage,
        Self::Generation,
        Self::Digest,
        Self::Fingerprint,
        Self::PoolPath,
        Self::ByHash,
        Self::Entry,
    ];
}

const THEIRS: &str = "qadesh";
const ALIAS: &str = "zephyr";
const HOSTS: [&str; 6] = [
    "db-read.example.org",
    "db-gone.example.org",
    "db-mere.example.org",
    "db-shut.example.org",
    "db-token.example.org",
    "vault-01.example.org",
];
const PEOPLE: [&str; 3] = ["ann.example.org", "bob.example.org", "cyd.example.org"];

pub struct World {
    pub server: TestServer,
    theirs: OnceCell<Vec<(Kind, String, String)>>,
}

impl World {
    /// A server with the suite `stable`, and each person of it.
    pub fn mine() -> Self {
        let server = TestServer::start();
        let world = Self { server, theirs: OnceCell::new() };
        world.admin(&["suite", "edit", "stable", "--alias", "trixie"]);
        world.upload("stable", &package("acme-web", "1.0"));
        world.upload("stable", &package("acme-web", "2.0"));
        world.admin(&["pin", "--suite", "stable", "acme-web=1.0", "-m", "mine"]);
        for (name, role) in [("op", "operator"), ("ci", "uploader")] {
            let (name, out) = (format!("{name}.example.org"), world.server.at(name));
            let issue = ["identity", "issue", &name, "--role", role, "--suite", "stable"];
            world.admin(&[&issue[..], &["--out", &out]].concat());
        }
        let out = world.server.at("some");
        let issue =
            ["identity", "issue", "some.example.org", "--role", "host", "--suite", "stable"];
        world.admin(&[&issue[..], &["--out", &out]].concat());
        let grant = ["access", "grant", "operator", "some.example.org", "--suite", "stable"];
        world.admin(&[&grant[..], &["--package", "acme-web*"]].concat());
        let out = world.server.at("hosts/web.example.org");
        world.admin(&["host", "issue", "web.example.org", "--suite", "stable", "--out", &out]);
        world.server.curl("web.example.org", "dists/stable/InRelease").run().expect_success();
        world
    }

    pub fn with_theirs() -> Self {
        let mut world = Self::mine();
        world.add_theirs();
        world
    }

    pub fn admin(&self, words: &[&str]) -> String {
        self.server.repoctl(words).expect_success().stdout
    }

    fn upload(&self, suite: &str, deb: &DebBuilder) -> String {
        let path = self.server.deb(deb);
        self.admin(&["upload", "--suite", suite, &path]);
        path
    }

    /// The connection of somebody.
    pub fn line(&self, person: Person) -> Line<'_> {
        let folder = match person {
            Person::Admin => "data/operator",
            Person::Operator => "op",
            Person::OfSome => "some",
            Person::Uploader => "ci",
            Person::Host => "hosts/web.example.org/etc/apt/repod/repo.example.org",
        };
        Line::open(&self.server, &self.server.at(folder))
    }

    /// The names of a kind that exist elsewhere alone, each with one as long that exists nowhere.
    pub fn names(&self, kind: Kind) -> Vec<(String, String)> {
        let theirs = self.theirs.get().expect("there is something of theirs");
        let of = theirs.iter().filter(|(of, ..)| *of == kind);
        of.map(|(_, there, nowhere)| (there.clone(), nowhere.clone())).collect()
    }

    /// Panics when a text has any name of theirs.
    #[track_caller]
    pub fn expect_silent(&self, text: &str, place: &str) {
        let telling = [Kind::Generation, Kind::Entry];
        let theirs = self.theirs.get().expect("there is something of theirs");
        let names = theirs.iter().filter(|(kind, ..)| !telling.contains(kind));
        for (kind, name, _) in names {
            assert!(!text.contains(name.as_str()), "{place} tells of {kind:?} {name}: {text}");
        }
    }

    /// A suite with all that a suite can have, and who belongs to it.
    pub fn add_theirs(&mut self) {
        let create = ["suite", "create", THEIRS, "--architecture", "amd64", "--alias", ALIAS];
        self.admin(&create);
        for number in 1..3 {
            self.upload(THEIRS, &package("vault-tool", &format!("{number}.0")));
            let deb = package("vault-kept", &format!("{number}.0"));
            self.upload(THEIRS, &deb);
        }
        self.admin(&["pin", "--suite", THEIRS, "vault-kept=1.0", "-m", "theirs"]);
        self.admin(&["key", "rotate", "--suite", THEIRS, "-m", "theirs"]);
        self.add_hosts();
        self.add_people();
        let names = self.found();
        self.theirs.set(names).expect("once");
    }

    fn add_hosts(&self) {
        let issue = |name: &str, more: &[&str]| {
            let out = self.server.at(&format!("hosts/{name}"));
            let words = ["host", "issue", name, "--suite", THEIRS, "--out", &out];
            self.admin(&[&words[..], more].concat());
        };
        let [read, gone, mere, shut, token, _] = HOSTS;
        issue(read, &["--days", "9"]);
        self.server.curl(read, "dists/qadesh/InRelease").run().expect_success();
        issue(gone, &[]);
        self.admin(&["host", "revoke", gone, "-m", "sold", "--yes"]);
        for name in [mere, shut] {
            self.admin(&["host", "grant", name, "--suite", THEIRS]);
        }
        self.admin(&["host", "revoke", shut, "-m", "sold", "--yes"]);
        self.admin(&["host", "token", token, "--suite", THEIRS]);
        self.admin(&["access", "group", "add", "vaults", "vault-*.example.org"]);
        self.admin(&["access", "grant", "host", "@vaults", "--suite", THEIRS]);
    }

    fn add_people(&self) {
        let [ann, bob, cyd] = PEOPLE;
        for (name, role) in [(ann, "uploader"), (bob, "operator"), (cyd, "uploader")] {
            let grant = ["identity", "grant", name, "--role", role, "--suite", THEIRS, "--yes"];
            self.admin(&grant);
        }
        self.admin(&["identity", "revoke", cyd, "-m", "left", "--yes"]);
    }

    /// What there is now, by the words of an admin.
    fn found(&self) -> Vec<(Kind, String, String)> {
        let mut line = self.line(Person::Admin);
        let mut json = |path: &str| -> Value {
            serde_json::from_slice(&line.get(&format!("api/v1/{path}")).body).unwrap()
        };
        let mut names = vec![
            (Kind::Suite, THEIRS.into(), "absent".into()),
            (Kind::Alias, ALIAS.into(), "absent".into()),
            (Kind::Group, "vaults".into(), "valuts".into()),
            (Kind::Package, "vault-tool".into(), "valut-tool".into()),
            (Kind::Pin, "vault-kept".into(), "valut-kept".into()),
        ];
        let client = "repod-client-repo.example.org-";
        names.push((Kind::ClientPackage, format!("{client}{THEIRS}"), format!("{client}absent")));
        let another = |name: &str| format!("x{}", &name[1..]);
        let hosts = HOSTS.iter().filter(|name| **name != HOSTS[4]);
        names.extend(hosts.map(|name| (Kind::Host, (*name).into(), another(name))));
        names.push((Kind::Token, HOSTS[4].into(), another(HOSTS[4])));
        names.extend(PEOPLE.map(|name| (Kind::Identity, name.into(), another(name))));
        let keys = json("keys");
        let only = |key: &&Value| key["suites"] == serde_json::json!([THEIRS]);
        let key = keys.as_array().unwrap().iter().find(only).unwrap()["fingerprint"].clone();
        names.push((Kind::Fingerprint, key.as_str().unwrap().into(), "A".repeat(40)));
        let last = json("suites/qadesh")["generation"].as_u64().unwrap();
        let mine = json("suites/stable")["generation"].as_u64().unwrap();
        assert!(mine < last && last < 9, "{mine} {last}");
        names.push((Kind::Generation, last.to_string(), (last + 1).to_string()));
        names.extend(self.bytes(&mut json));
        let entries = json("audit?suite=qadesh&limit=1");
        let entry = entries[0]["number"].as_u64().unwrap();
        assert!((10..99).contains(&entry), "{entry}");
        names.push((Kind::Entry, entry.to_string(), "99".into()));
        names
    }

    /// Digests and paths: of what the suite has, and of what was only sent.
    fn bytes(&self, json: &mut dyn FnMut(&str) -> Value) -> Vec<(Kind, String, String)> {
        let sent = self.server.deb(&package("vault-sent", "1.0"));
        let bytes = std::fs::read(&sent).unwrap();
        let sent_digest = Digest::of(&bytes).to_string();
        let put = self.server.curl_as_operator(&format!("api/v1/blobs/{sent_digest}"));
        let told = put.args(["-T", &sent]).run().expect_success();
        assert!(told.says("HTTP/1.1 200"), "{told}");
        let listed = json("suites/qadesh/packages");
        let digest = listed[0]["digest"].as_str().unwrap().to_owned();
        let absent = |of: &str| Digest::of(of.as_bytes()).to_string();
        let fetch = |path: &str| {
            let own = "data/operator";
            let mut line = Line::open(&self.server, &self.server.at(own));
            String::from_utf8(line.get(path).body).unwrap()
        };
        let index = "main/binary-amd64/Packages";
        let packages = fetch(&format!("dists/qadesh/{index}"));
        let path = packages.lines().find_map(|line| line.strip_prefix("Filename: ")).unwrap();
        let release = fetch("dists/qadesh/Release");
        let hash = release.lines().find(|line| line.ends_with(index)).unwrap();
        let hash = hash.split_whitespace().next().unwrap().to_owned();
        let below = path.strip_prefix("pool/").unwrap().to_owned();
        let (folder, file) = below.rsplit_once('/').unwrap();
        let other = below.replace("vault", "valut");
        assert!(!folder.is_empty() && !file.is_empty() && other != below, "{path}");
        vec![
            (Kind::Digest, digest.clone(), absent("nothing")),
            (Kind::Digest, sent_digest, absent("nothing else")),
            (Kind::PoolPath, below, other),
            (Kind::ByHash, hash, absent("no index")),
        ]
    }
}
