//! Seats: nobody keeps others from sending for long, by many bodies or by slow ones, and who has lost the right to
//! send is ended whether anything comes or not.

use std::time::{Duration, Instant};

use crate::harness::deb::{Compression, DebBuilder};
use crate::harness::programs::Program;
use crate::harness::raw::Raw;
use crate::harness::server::{TestServer, package};

use super::{head, uploader};

/// A server that reads so many uploads at once.
fn with_uploads(uploads: usize) -> TestServer {
    let mut server = TestServer::start();
    server.stop();
    let path = server.data().join("repod.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("[limits]", &format!("[limits]\nuploads = {uploads}"));
    std::fs::write(&path, text).unwrap();
    server.serve();
    server
}

/// An upload of which nothing comes yet but its head and the beginning of a package.
fn begin(server: &TestServer, own: &str) -> Raw {
    let mut line = Raw::open(server, own);
    let path = "/api/v1/suites/stable/main/x.deb";
    line.send(&head("PUT", path, "x/y", "Content-Length: 100000000\r\n"));
    line.send("!<arch>\n");
    line
}

/// `repoctl upload` with a certificate.
fn upload(server: &TestServer, own: &str, deb: &str, more: &[&str]) -> Program {
    let (certificate, key) = (format!("{own}.crt"), format!("{own}.key"));
    let as_who = ["upload", "--suite", "stable", "--cert", &certificate, "--key", &key, deb];
    server.repoctl_program(&[&as_who[..], more].concat())
}

/// How many places are taken: each has a file in staging.
fn staged(server: &TestServer) -> usize {
    std::fs::read_dir(server.data().join("pool/staging")).unwrap().count()
}

#[track_caller]
fn eventually(what: &str, within: Duration, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < within, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn sixty_four_slow_uploads_of_one_sender_keep_no_other_waiting() {
    let server = TestServer::start();
    let [slow, other] =
        ["slow.example.org", "other.example.org"].map(|name| uploader(&server, name));
    let timed = |name: &str| {
        let deb = server.deb(&package(name, "1.0"));
        let begun = Instant::now();
        upload(&server, &other, &deb, &[]).run().expect_success();
        begun.elapsed()
    };
    let quiet = timed("acme-one").max(timed("acme-two"));
    let _slow: Vec<_> = (0..64).map(|_| begin(&server, &slow)).collect();
    eventually("half of the places are taken", Duration::from_secs(20), || staged(&server) == 8);
    let meanwhile = timed("acme-three").max(timed("acme-four"));
    assert_eq!(staged(&server), 8, "the slow ones are still there");
    assert!(meanwhile < quiet * 2, "{meanwhile:?}, and {quiet:?} when it is quiet");
}

#[test]
fn the_slowest_are_ended_when_others_wait_and_none_is_while_nobody_does() {
    let server = with_uploads(2);
    let [one, two, three] =
        ["one.example.org", "two.example.org", "three.example.org"].map(|n| uploader(&server, n));
    let (first, second) = (begin(&server, &one), begin(&server, &two));
    eventually("both places are taken", Duration::from_secs(10), || staged(&server) == 2);
    // Nobody waits for longer than any span: nothing happens to them.
    std::thread::sleep(Duration::from_secs(7));
    assert_eq!(staged(&server), 2);
    let deb = server.deb(&package("acme-web", "1.0"));
    let begun = Instant::now();
    upload(&server, &three, &deb, &["--retry-seconds", "0"]).run().expect_success();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    // One was enough.
    assert_eq!(staged(&server), 1);
    let ended: Vec<_> = [first, second].iter_mut().filter_map(told).collect();
    let [ended] = &ended[..] else { panic!("one of them was told: {ended:?}") };
    assert_eq!(ended.status, 408, "{ended:?}");
    for why in ["8 bytes", "while others wait", "32768", "send it again"] {
        assert!(ended.body.contains(why), "{why}: {ended:?}");
    }
}

/// The answer on a connection, if there is one.
fn told(line: &mut Raw) -> Option<crate::harness::raw::RawAnswer> {
    line.has_answer(Duration::from_millis(500)).then(|| line.answer())
}

#[test]
fn a_slow_sender_that_keeps_nobody_waiting_comes_to_its_end() {
    let server = TestServer::start();
    let own = uploader(&server, "slow.example.org");
    let noise: Vec<u8> =
        (0..24_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
    let deb = DebBuilder::new("acme-slow", "1.0", "amd64").data_compression(Compression::None);
    let deb = deb.file("usr/share/acme-slow/noise", &noise).build();
    let fields = format!("Content-Length: {}\r\n", deb.len());
    let mut line = Raw::open(&server, &own);
    line.send(&head("PUT", "/api/v1/suites/stable/main/x.deb", "x/y", &fields));
    for piece in deb.chunks(1_024) {
        line.try_send(piece).unwrap();
        std::thread::sleep(Duration::from_millis(400));
    }
    assert_eq!(line.answer().status, 200);
}

#[test]
fn many_jobs_of_one_sender_wait_for_each_other_and_none_fails() {
    let server = with_uploads(2);
    let own = uploader(&server, "ci.example.org");
    let jobs: Vec<_> = (0..8)
        .map(|number| {
            let name = format!("acme-{number}");
            let noise = vec![u8::try_from(number).unwrap(); 300 << 10];
            let deb = DebBuilder::new(&name, "1.0", "amd64").data_compression(Compression::None);
            let deb = server.deb(&deb.file(&format!("usr/share/{name}/x"), &noise));
            let job = upload(&server, &own, &deb, &["--retry-seconds", "0"]);
            std::thread::spawn(move || job.run())
        })
        .collect();
    for job in jobs {
        job.join().unwrap().expect_success();
    }
}

#[test]
fn who_loses_the_right_while_nothing_comes_is_ended_within_five_seconds() {
    let server = with_uploads(2);
    let requests = [
        [
            "PUT",
            "/api/v1/suites/stable/main/x.deb",
            "x/y",
            "Content-Length: 100000000\r\n",
            "!<arch>\n",
        ],
        ["PUT", "/api/v1/suites/stable/main/x.deb", "x/y", "Transfer-Encoding: chunked\r\n", ""],
        ["PUT", "/api/v1/blobs/DIGEST", "x/y", "Content-Length: 100000000\r\n", "!<arch>\n"],
        ["POST", "/api/v1/blobs", "x/y", "Content-Length: 1000000\r\n", "0"],
        ["POST", "/api/v1/blobs/missing", "application/json", "Content-Length: 300000\r\n", "{"],
        [
            "POST",
            "/api/v1/suites/stable/changes",
            "application/json",
            "Content-Length: 90\r\n",
            "{",
        ],
    ];
    let lines = |own: &str| -> Vec<(usize, Raw)> {
        let open = |(at, request): (usize, &[&str; 5])| {
            let [method, path, kind, fields, begun] = *request;
            let mut line = Raw::open(&server, own);
            let path = path.replace("DIGEST", &"0".repeat(64));
            line.send(&head(method, &path, kind, fields)).send(begun);
            (at, line)
        };
        requests.iter().enumerate().map(open).collect()
    };
    let name = "ci.example.org";
    let own = uploader(&server, name);
    let access = |verb| {
        let change = ["access", verb, "uploader", name, "--suite", "edge"];
        server.repoctl(&change).expect_success();
    };
    server.repoctl(&["suite", "create", "edge", "--architectures", "amd64"]).expect_success();
    // The certificate is revoked: those that wait for a place, too.
    access("grant");
    let mut open = lines(&own);
    std::thread::sleep(Duration::from_millis(1_500));
    server.repoctl(&["identity", "revoke", name, "-m", "stolen", "--yes"]).expect_success();
    let since = Instant::now();
    for (at, line) in &mut open {
        let answer = line.answer();
        assert_eq!(answer.status, 403, "{}: {answer:?}", requests[*at][1]);
        assert!(answer.head.contains("connection: close"), "{answer:?}");
        assert!(since.elapsed() < Duration::from_secs(5), "{}", requests[*at][1]);
    }
    for (at, mut line) in open {
        line.closed();
        assert!(since.elapsed() < Duration::from_secs(6), "{}", requests[at][1]);
    }
    assert_eq!(staged(&server), 0);
}

#[test]
fn a_revoked_host_that_takes_nothing_of_a_long_answer_is_cut_off() {
    let server = TestServer::start();
    let noise: Vec<u8> =
        (0..10_000_000_u32).flat_map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let deb = DebBuilder::new("acme-large", "1.0", "amd64").data_compression(Compression::None);
    let deb = server.deb(&deb.file("usr/share/acme-large/noise", &noise));
    server.repoctl(&["upload", "--suite", "stable", &deb]).expect_success();
    server.host("goes.example.org");
    let own = server.at("hosts/goes.example.org/etc/apt/repod/repo.example.org/client");
    let packages = server.curl("goes.example.org", "dists/stable/main/binary-amd64/Packages").run();
    let packages = packages.expect_success().stdout;
    let path = packages.lines().find_map(|line| line.strip_prefix("Filename: ")).unwrap();
    let mut line = Raw::open(&server, &own);
    line.send(&format!("GET /{path} HTTP/1.1\r\nHost: repo.example.org\r\n\r\n"));
    std::thread::sleep(Duration::from_secs(1));
    server
        .repoctl(&["host", "revoke", "goes.example.org", "-m", "stolen", "--yes"])
        .expect_success();
    // Nothing is read: only the server knows that it has ended.
    let ended = "a body under way was broken off";
    eventually(ended, Duration::from_secs(5), || server.log().contains(ended));
    let (_, came) = line.closed();
    assert!(came < noise.len() as u64, "all of it came");
}
