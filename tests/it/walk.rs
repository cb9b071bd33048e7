//! A host of one suite walks everything that there is of another: every path, digest, generation and
//! snapshot, read from the store itself and asked for in every way. It sees what it would see if nothing
//! of it were there.

pub mod line;
mod rights;
mod store;
mod work;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use repod::digest::Digest;

use crate::harness::deb::DebBuilder;
use crate::harness::server::{TestServer, package};
use line::{Answer, Line};
use store::Store;

const HOST: &str = "web-01.example.org";
/// As long as the name of the suite that is walked, so that answers are as long.
const ABSENT: &str = "absent";
const SECRET: &str = "secret";

/// Text of an archive's kind, so that indices are large enough for patches.
fn noisy(name: &str, version: &str) -> DebBuilder {
    let line =
        |number: u32| format!(" {}\n", Digest::of(format!("{name}/{version}/{number}").as_bytes()));
    let text = format!("of {SECRET}\n{}", (0..80).map(line).collect::<String>());
    package(name, version).field("Description", text.trim_end())
}

/// A server with the suite `stable`, which the host reads, and `secret` with everything that a suite can
/// have.
fn furnished() -> TestServer {
    let server = TestServer::start();
    let create = ["suite", "create", SECRET, "--component", "main,extra"];
    let kinds = ["--architecture", "amd64,arm64"];
    server.repoctl(&[&create[..], &kinds].concat()).expect_success();
    server.upload("acme-web", "1.0").expect_success();
    let upload = |component: &str, debs: &[DebBuilder]| {
        let files: Vec<_> = debs.iter().map(|deb| server.deb(deb)).collect();
        let words = ["upload", "--suite", SECRET, "--component", component];
        let files: Vec<_> = files.iter().map(String::as_str).collect();
        server.repoctl(&[&words[..], &files].concat()).expect_success();
    };
    let many: Vec<_> = (0..60).map(|number| noisy(&format!("secret-{number:02}"), "1.0")).collect();
    upload("main", &many);
    let everywhere = DebBuilder::new("secret-doc", "1.0", "all").file("usr/share/doc/x", b"x");
    let arm = DebBuilder::new("secret-arm", "1.0", "arm64").file("usr/bin/arm", b"arm");
    upload("extra", &[everywhere, arm]);
    for version in ["1.1", "1.2"] {
        upload("main", &[noisy("secret-00", version)]);
    }
    // Withdrawn by a rollback, waiting behind the pin, waiting below, removed.
    let operate = |words: &[&str]| server.repoctl(words).expect_success();
    operate(&["pin", "--suite", SECRET, "--rollback", "secret-00", "-m", "back"]);
    upload("main", &[noisy("secret-00", "1.3"), noisy("secret-01", "0.9")]);
    operate(&["remove", "--suite", SECRET, "secret-02", "-m", "gone"]);
    server
}

/// Waits until the store has indices with all of this in their paths.
#[track_caller]
fn until_there(server: &TestServer, parts: &[&str]) {
    let begun = Instant::now();
    loop {
        let store = Store::read(server, SECRET);
        let has = |part: &&str| store.indices.iter().any(|one| one.path.contains(*part));
        if parts.iter().all(has) {
            return;
        }
        let paths: Vec<_> = store.indices.iter().map(|one| &one.path).collect();
        assert!(begun.elapsed() < Duration::from_secs(90), "no {parts:?} among {paths:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// All that follows the generations, and every snapshot, made.
fn settled(server: &TestServer) -> Store {
    until_there(server, &["Packages.diff/Index", "Packages.xz", "Contents-"]);
    let edit = ["suite", "edit", SECRET, "--translations", "yes"];
    server.repoctl(&edit).expect_success();
    until_there(server, &["i18n/Translation-en.xz"]);
    let store = Store::read(server, SECRET);
    for generation in &store.generations {
        let path = format!("snapshot/{generation}/dists/{SECRET}/InRelease");
        let program = server.curl_as_operator(&path).args(["-o", "/dev/null"]);
        program.args(["--fail"]).run().expect_success();
    }
    store
}

/// A path that names something of the secret suite, and one like it that names nothing at all.
struct Pair {
    real: String,
    absent: String,
}

/// Every path below the root.
fn tree(store: &Store, own: &Store) -> Vec<Pair> {
    let mut paths = BTreeSet::new();
    let mut below = vec!["InRelease".to_owned(), "Release".into(), "Release.gpg".into()];
    for index in &store.indices {
        let folder = index.path.rsplit_once('/').unwrap().0;
        below.push(index.path.clone());
        below.push(format!("{folder}/by-hash/SHA256/{}", index.digest));
    }
    let roots = ["".to_owned()].into_iter();
    let snapshots = store.generations.iter().map(|number| format!("snapshot/{number}/"));
    let times = store.times.iter().map(|stamp| format!("snapshot/{stamp}/"));
    let roots: Vec<_> = roots.chain(snapshots).chain(times).collect();
    let files = ["InRelease", "Release", "Release.gpg"];
    for root in &roots {
        for file in &below {
            // All of it once, and the signed texts of every snapshot.
            if root.is_empty() || files.contains(&file.as_str()) || *root == roots[1] {
                paths.insert((format!("{root}dists/{SECRET}/{file}"), SECRET));
            }
        }
    }
    // Its digests, of every kind, below the suite that may be read.
    let known: BTreeSet<_> = own.digests().into_iter().collect();
    for digest in store.digests().difference(&known) {
        for folder in ["main/binary-amd64", "main", "main/i18n"] {
            for root in ["", &roots[1]] {
                paths.insert((format!("{root}dists/stable/{folder}/by-hash/SHA256/{digest}"), ""));
            }
        }
    }
    let absent = |(real, word): (String, &str)| {
        let absent = match word {
            "" => digit_changed(&real, "SHA256/"),
            word => real
                .replace(&format!("/{word}/"), &format!("/{ABSENT}/"))
                .replace(&format!("dists/{word}/"), &format!("dists/{ABSENT}/")),
        };
        Pair { real, absent }
    };
    let mut pairs: Vec<_> = paths.into_iter().map(absent).collect();
    for package in &store.packages {
        for root in ["", &roots[1]] {
            let real = format!("{root}{}", package.path);
            let absent = real.replace(&package.digest[..16], &"0".repeat(16));
            assert_ne!(real, absent);
            pairs.push(Pair { real, absent });
        }
    }
    pairs
}

/// The same path with another digest behind `mark`.
fn digit_changed(path: &str, mark: &str) -> String {
    let (before, digest) = path.split_once(mark).unwrap();
    let flipped: String = digest.chars().map(|c| if c == 'f' { '0' } else { 'f' }).collect();
    format!("{before}{mark}{flipped}")
}

/// Every way to ask.
fn ways(etag: &str) -> Vec<(&'static str, Vec<String>)> {
    let with = |text: &str| vec![text.to_owned()];
    vec![
        ("GET", vec![]),
        ("HEAD", vec![]),
        ("GET", with("Range: bytes=0-0")),
        ("GET", with(&format!("If-None-Match: {etag}"))),
        ("GET", with("If-None-Match: *")),
        ("GET", with("If-Modified-Since: Sun, 09 Sep 2001 01:46:40 GMT")),
        ("HEAD", with("If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT")),
        ("GET", vec!["Range: bytes=1-".into(), format!("If-Range: {etag}")]),
    ]
}

/// The two answers are one, but for the word that was asked for.
#[track_caller]
fn alike(what: &str, real: &Answer, absent: &Answer) {
    let plain = |answer: &Answer| answer.text().replace(ABSENT, SECRET);
    assert_eq!(plain(real), plain(absent), "{what}");
    assert!(["403", "404"].contains(&real.code()), "{what}: {real:?}");
}

#[test]
fn a_host_that_walks_a_whole_store_reads_nothing_of_another_suite() {
    let server = furnished();
    let store = settled(&server);
    let own = Store::read(&server, "stable");
    let _root = server.host(HOST);
    let folder = server.at(&format!("hosts/{HOST}/etc/apt/repod/repo.example.org"));
    let mut line = Line::open(&server, &folder);
    assert_eq!(line.get("dists/stable/InRelease").code(), "200");

    assert!(store.generations.len() >= 8, "{:?}", store.generations);
    assert!(store.packages.len() >= 65, "{}", store.packages.len());
    let pairs = tree(&store, &own);
    assert!(pairs.len() > 800, "{}", pairs.len());
    // That the paths are real is seen by who may read them.
    let mut admin = Line::open(&server, &server.at("data/operator"));
    let (mut counted, mut gone) = (0, BTreeSet::new());
    for (number, pair) in pairs.iter().enumerate() {
        let (real, absent) = (&pair.real, &pair.absent);
        let etag = format!("\"{}\"", real.rsplit('/').next().unwrap());
        for (method, headers) in ways(&etag) {
            let headers: Vec<_> = headers.iter().map(String::as_str).collect();
            let answers = [real, absent].map(|path| line.ask(method, path, &headers, ""));
            alike(&format!("{method} {real} {headers:?}"), &answers[0], &answers[1]);
            // The rest of the ways once for each kind of path is enough for the long tail of digests.
            if real.contains("dists/stable/") && number % 7 != 0 {
                break;
            }
        }
        // By its name an index is there only while it is listed.
        let hashed = real.contains("/by-hash/") && real.contains(&format!("dists/{SECRET}/"));
        if hashed || real.contains("pool/") || real.ends_with("Release") {
            counted += 1;
            match admin.ask("HEAD", real, &[], "").code() {
                "200" => {}
                "410" => assert!(gone.insert(real.clone())),
                other => panic!("{real}: {other}"),
            }
            assert_ne!(admin.ask("HEAD", absent, &[], "").code(), "200", "{absent}");
        }
    }
    assert!(counted > 200, "{counted} of {}", pairs.len());
    // What was rolled back from and what was removed, but not below an earlier state.
    let files: Vec<_> = gone.iter().map(|path| path.rsplit('/').next().unwrap()).collect();
    assert_eq!(files, ["secret-00_1.2_amd64.deb", "secret-02_1.0_amd64.deb"], "{gone:?}");
    assert!(gone.iter().all(|path| path.starts_with("pool/")), "{gone:?}");
}

/// Requests of the API that name the suite, or something in it.
fn questions(store: &Store) -> Vec<(String, String, String)> {
    let of = |method: &str, path: &str, body: &str| {
        (method.to_owned(), format!("api/v1/{path}"), body.to_owned())
    };
    let mut asked = vec![
        of("GET", "suites/@", ""),
        of("GET", "suites/@/packages", ""),
        of("GET", "suites/@/packages?all=true", ""),
        of("GET", "suites/@/packages?source=secret-00", ""),
        of("GET", "suites/@/generations", ""),
        of("GET", "suites/@/pins", ""),
        of("GET", &format!("hosts/{HOST}/setup?suites=@"), ""),
        of("GET", &format!("hosts/{HOST}/setup?suites=stable,@"), ""),
        of("DELETE", "suites/@", ""),
        of("PATCH", "suites/@", "{}"),
        of("PUT", "suites/@/main/x.deb", "x"),
        of("POST", "suites/@/changes", r#"{"change": {"verb": "unpin", "all": true}}"#),
        of("GET", "access/explain?identity=db.example.org&suite=@", ""),
    ];
    for generation in &store.generations {
        asked.push(of("GET", &format!("suites/@/diff?from=1&to={generation}"), ""));
        asked.push(of("GET", &format!("suites/@/generations?before={generation}"), ""));
    }
    for package in &store.packages {
        let body = format!(
            r#"{{"change": {{"verb": "add", "items": [{{"component": "main", "digest": "{}"}}]}}}}"#,
            package.digest
        );
        asked.push(of("POST", "suites/@/changes", &body));
    }
    asked
}

#[test]
fn what_the_api_tells_a_host_has_nothing_of_another_suite() {
    let server = furnished();
    let store = Store::read(&server, SECRET);
    let _root = server.host(HOST);
    let folder = server.at(&format!("hosts/{HOST}/etc/apt/repod/repo.example.org"));
    let out = server.at("ci");
    let role = ["--role", "uploader", "--suite", "stable", "--out", &out];
    server.repoctl(&[&["identity", "issue", "ci"][..], &role].concat()).expect_success();
    let out = server.at("oncall");
    let role = ["--role", "operator", "--suite", "stable", "--out", &out];
    server.repoctl(&[&["identity", "issue", "oncall"][..], &role].concat()).expect_success();

    for who in [folder, server.at("ci"), server.at("oncall")] {
        let mut line = Line::open(&server, &who);
        for (method, path, body) in questions(&store) {
            let ask = |line: &mut Line<'_>, word: &str| {
                line.ask(&method, &path.replace('@', word), &[], &body)
            };
            let (real, absent) = (ask(&mut line, SECRET), ask(&mut line, ABSENT));
            alike(&format!("{who}: {method} {path} {body}"), &real, &absent);
        }
        // Lists hold only what is one's own.
        for path in [
            "suites",
            "packages?pattern=*",
            "packages?pattern=secret*",
            "pins",
            "status",
            "whoami",
            "hosts",
            "identities",
            "access",
        ] {
            let answer = line.get(&format!("api/v1/{path}"));
            assert!(!answer.text().contains(SECRET), "{who}: {path}: {}", answer.text());
        }
        missing_blobs_are_all_missing(&mut line, &who, &store);
    }
}

/// Whoever may send is told to send all of it, as what is nowhere.
fn missing_blobs_are_all_missing(line: &mut Line<'_>, who: &str, store: &Store) {
    let digests: Vec<_> = store.digests().into_iter().collect();
    for some in digests.chunks(500) {
        let ask = |line: &mut Line<'_>, digests: &[String]| {
            let body = serde_json::json!({ "digests": digests }).to_string();
            line.ask("POST", "api/v1/blobs/missing", &[], &body)
        };
        let flipped: Vec<_> =
            some.iter().map(|one| digit_changed(&format!("/{one}"), "/")[1..].to_owned()).collect();
        let (real, absent) = (ask(line, some), ask(line, &flipped));
        assert_eq!(real.status, absent.status, "{who}");
        if real.code() == "200" {
            let told: serde_json::Value = serde_json::from_slice(&real.body).unwrap();
            assert_eq!(told["missing"].as_array().unwrap().len(), some.len(), "{who}");
        }
    }
}
