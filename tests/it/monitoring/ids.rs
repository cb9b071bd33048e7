//! Ids of requests: what a person is told leads to the lines of the log.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::server::{TestServer, package};

/// The value of a header of what curl printed.
fn header<'a>(answer: &'a str, name: &str) -> Vec<&'a str> {
    let lines = answer.lines().take_while(|line| !line.is_empty());
    let both = lines.filter_map(|line| line.split_once(": "));
    both.filter(|(one, _)| one.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}

fn lines_of(log: &str, id: &str) -> Vec<String> {
    let span = format!("request{{id={id}}}: ");
    log.lines().filter(|line| line.contains(&span)).map(str::to_owned).collect()
}

#[test]
fn an_id_is_in_the_answer_the_problem_and_the_log_and_a_forged_one_is_replaced() {
    let server = TestServer::start();
    let _root = server.host("web1.example.org");
    let ask = |path: &str, id: &str| {
        let header = format!("X-Request-Id: {id}");
        server.curl_as_operator(path).args(["-H", &header]).run().expect_success().stdout
    };
    let served = ask("api/v1/whoami", "build-77");
    assert_eq!(header(&served, "x-request-id"), ["build-77"], "{served}");
    // apt's files, the API's problems, and paths that there are not.
    let file = server.curl("web1.example.org", "dists/stable/InRelease").args(["-i"]).run().stdout;
    assert!(file.starts_with("HTTP/1.1 200") && header(&file, "x-request-id")[0].len() == 16);
    let problem = ask("api/v1/suites/nowhere", "build-78");
    assert_eq!(header(&problem, "x-request-id"), ["build-78"]);
    let body: Value = serde_json::from_str(problem.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(body["request_id"], "build-78", "{problem}");
    let long = "x".repeat(65);
    for forged in ["a}: ERROR forged", "z9 z9", "\u{1b}[31m", "\"quoted\"", &long] {
        let answer = ask("api/v1/suites/nowhere", forged);
        let given = header(&answer, "x-request-id");
        assert!(given.len() == 1 && given[0].len() == 16, "{forged:?}: {answer}");
        assert!(!server.log().contains(forged), "{forged:?}: {}", server.log());
    }
    // What alters something and is refused has its line, and so has what is done.
    let change = |suite: &str, id: &str| {
        let path = format!("api/v1/suites/{suite}");
        let body = r#"{"description": "for tests"}"#;
        let header = format!("X-Request-Id: {id}");
        server
            .curl_as_operator(&path)
            .args(["-X", "PATCH", "-H", &header, "--json", body])
            .run()
            .stdout
    };
    assert!(change("nowhere", "edit-1").starts_with("HTTP/1.1 404"));
    assert!(change("stable", "edit-2").starts_with("HTTP/1.1 200"));
    let log = server.log();
    let refused = lines_of(&log, "edit-1");
    assert!(refused.len() == 1 && refused[0].contains("refused who=\"operator\""), "{log}");
    assert!(refused[0].contains("code=\"missing\""), "{refused:?}");
    let done = lines_of(&log, "edit-2");
    assert!(done.iter().any(|line| line.contains("published suite=stable")), "{log}");
}

#[test]
fn a_file_that_is_refused_or_damaged_has_its_line_by_the_id_of_the_request() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let host = "web1.example.org";
    let _root = server.host(host);
    server.repoctl(&["suite", "create", "edge", "--architectures", "amd64"]).expect_success();
    let ask = |path: &str, id: &str| {
        let header = format!("X-Request-Id: {id}");
        server.curl(host, path).args(["-i", "-H", &header]).run().stdout
    };
    assert!(ask("dists/edge/InRelease", "file-1").starts_with("HTTP/1.1 403"));
    let refused = lines_of(&server.log(), "file-1");
    assert!(refused.len() == 1 && refused[0].contains("refused who="), "{}", server.log());
    let index = ask("dists/stable/main/binary-amd64/Packages", "file-2");
    assert!(lines_of(&server.log(), "file-2").is_empty(), "{}", server.log());
    let field = |name: &str| index.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let (path, digest) = (field("Filename: "), field("SHA256: "));
    let fans = std::fs::read_dir(server.data().join("pool/blobs")).unwrap();
    let stored = fans.map(|fan| fan.unwrap().path().join(digest)).find(|one| one.exists());
    std::fs::write(stored.expect("the stored package"), "rotten").unwrap();
    assert!(ask(path, "file-3").starts_with("HTTP/1.1 500"));
    let failed = lines_of(&server.log(), "file-3");
    assert!(failed.len() == 1 && failed[0].contains("ERROR"), "{}", server.log());
}

#[test]
fn what_repoctl_prints_of_a_failure_finds_it_in_the_log_of_the_server() {
    let mut server = TestServer::start();
    assert_eq!(server.stop(), 0);
    server.hold_calls();
    server.serve();
    let upload = |name: &str, more: &[&str]| {
        let deb = server.deb(&package(name, "1.0"));
        let own = ["upload", "--suite", "stable", "--retry-seconds", "0", &deb];
        server.repoctl(&[&own[..], more].concat())
    };
    let fine = upload("acme-web", &[]).expect_success();
    assert!(!fine.says("request "), "{fine}");
    server.calls().break_syncs(Some("pool"));
    let failed = upload("acme-late", &[]).expect_code(4);
    let line = failed.stderr.lines().find(|line| line.starts_with("request ")).expect("a line");
    let id = line.strip_prefix("request ").unwrap().split(':').next().unwrap();
    let found = lines_of(&server.log(), id);
    assert!(found.iter().any(|line| line.contains("ERROR")), "{id}: {}", server.log());
    let json = upload("acme-later", &["--json"]).expect_code(4);
    let told: Value = serde_json::from_str(json.stderr.lines().last().unwrap()).unwrap();
    let id = told["request_id"].as_str().unwrap_or_else(|| panic!("{json}"));
    assert!(!lines_of(&server.log(), id).is_empty(), "{id}: {}", server.log());
    server.calls().break_syncs(None);
}

#[test]
fn a_log_in_json_has_the_id_in_every_line_of_the_request() {
    let mut server = TestServer::start();
    server.stop();
    let config = server.data().join("repod.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replacen("[log]\n", "[log]\nformat = \"json\"\n", 1)).unwrap();
    let before = server.log().lines().count();
    server.serve();
    server.upload("acme-web", "1.0").expect_success();
    // Two at once: they may be published together, and both are found all the same.
    let debs = ["acme-one", "acme-two"].map(|name| server.deb(&package(name, "1.0")));
    std::thread::scope(|scope| {
        for (deb, id) in debs.iter().zip(["job-1", "job-2"]) {
            let path = format!("api/v1/suites/stable/main/{}", deb.rsplit('/').next().unwrap());
            let put = server.curl_as_operator(&path).args(["-T", deb.as_str()]);
            let put = put.args(["-H", &format!("X-Request-Id: {id}")]);
            scope.spawn(|| assert!(put.run().stdout.contains("200 OK")));
        }
    });
    let log = server.log();
    let mut found = BTreeSet::new();
    let mut batches = Vec::new();
    for line in log.lines().skip(before) {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        let (span, said) =
            (&event["span"], event["fields"]["message"].as_str().unwrap_or_default());
        if said == "published" || said == "made together with others" {
            assert!(span["name"] == "request" || span["name"] == "batch", "{line}");
            found.extend(span["id"].as_str().map(str::to_owned));
            batches.push(event["fields"].clone());
        }
    }
    assert!(found.contains("job-1") && found.contains("job-2"), "{found:?} {batches:?}");
}
