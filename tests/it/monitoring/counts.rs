//! What is counted: packages by what became of them, hosts that are refused, publishes and answers.

use super::until;
use crate::harness::deb::DebBuilder;
use crate::harness::server::{TestServer, package};

/// The value of a series; 0 for what is not there.
fn value(server: &TestServer, series: &str) -> f64 {
    let page = server.metrics();
    let line = page.lines().find_map(|line| line.strip_prefix(&format!("{series} ")));
    line.unwrap_or_else(|| panic!("no {series} in {page}")).parse().unwrap()
}

#[test]
fn packages_are_counted_by_what_became_of_them() {
    let server = TestServer::start();
    let count =
        |outcome: &str| value(&server, &format!("repod_uploads_total{{outcome=\"{outcome}\"}}"));
    let all = || ["published", "waiting", "already", "refused", "put_off", "failed"].map(count);
    assert_eq!(all(), [0.0; 6]);
    server.upload("acme-web", "2.0").expect_success();
    assert_eq!(all(), [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    // A lower version is stored and not offered, the same again is there already.
    server.upload("acme-web", "1.0").expect_success();
    server.upload("acme-web", "2.0").expect_success();
    assert_eq!(all(), [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
    // Other bytes of a version that there is.
    let other = server.deb(&package("acme-web", "2.0").file("opt/other", b"other"));
    server.repoctl(&["upload", "--suite", "stable", &other]).expect_code(1);
    assert_eq!(all(), [1.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
    // Many at once, one of which is none: nothing is published, and one was refused.
    let good = server.deb(&package("acme-good", "1.0"));
    let broken = server.at("broken.deb");
    std::fs::write(&broken, "!<arch>\nthis is none").unwrap();
    let put = |path: &str, name: &str| {
        let to = format!("api/v1/suites/stable/main/{name}");
        server.curl_as_operator(&to).args(["-T", path]).run().stdout
    };
    assert!(put(&broken, "broken_1.0_amd64.deb").contains("HTTP/1.1 422"));
    assert_eq!(all(), [1.0, 1.0, 1.0, 2.0, 0.0, 0.0]);
    assert!(put(&good, "acme-good_1.0_amd64.deb").contains("HTTP/1.1 200"));
    assert_eq!(all(), [2.0, 1.0, 1.0, 2.0, 0.0, 0.0]);
    // A dry run counts for nothing.
    let next = server.deb(&package("acme-web", "3.0"));
    server.repoctl(&["upload", "--suite", "stable", "--dry-run", &next]).expect_success();
    assert_eq!(all(), [2.0, 1.0, 1.0, 2.0, 0.0, 0.0]);
    let many: Vec<_> = (0..30)
        .map(|n| server.deb(&DebBuilder::new(&format!("acme-many{n}"), "1.0", "amd64")))
        .collect();
    let words = ["upload", "--suite", "stable"].into_iter().chain(many.iter().map(String::as_str));
    server.repoctl(&words.collect::<Vec<_>>()).expect_success();
    assert_eq!(all(), [32.0, 1.0, 1.0, 2.0, 0.0, 0.0]);
    // The suite was made, and then three generations and what follows them.
    let publishes = value(&server, "repod_publish_duration_seconds_count");
    assert!(publishes >= 4.0, "{publishes}");
    assert!(value(&server, "repod_queue_wait_seconds_count") >= publishes);
    assert!(value(&server, "repod_responses_total{kind=\"api\",class=\"4xx\"}") >= 2.0);
}

#[test]
fn a_host_that_is_refused_counts_also_when_it_is_served_something_else() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let host = server.host("web1.example.org");
    let other = server.host("web2.example.org");
    host.update().expect_success();
    other.update().expect_success();
    let failing = || value(&server, "repod_hosts_failing");
    assert_eq!(failing(), 0.0);
    server.repoctl(&["suite", "create", "edge", "--architectures", "amd64"]).expect_success();
    let grant = |suite: &str| {
        let own = ["host", "grant", "web1.example.org", "--suite", suite, "--yes"];
        server.repoctl(&own).expect_success()
    };
    // It reads a suite that is not its own any more.
    grant("edge");
    assert!(host.update().says("403"));
    assert_eq!(failing(), 1.0);
    other.update().expect_success();
    assert_eq!(failing(), 1.0, "that another one is served is nothing to it");
    grant("stable");
    host.update().expect_success();
    assert_eq!(failing(), 1.0, "it was refused a moment ago");
    server.repoctl(&["host", "revoke", "web2.example.org", "-m", "gone", "--yes"]).expect_success();
    assert!(other.update().says("403"));
    assert_eq!(failing(), 2.0);
    // What was read is written down from time to time.
    until("the sighting", || value(&server, "repod_hosts{state=\"reading\"}") == 1.0);
    let files = "repod_responses_total{kind=\"files\",class=\"2xx\"}";
    assert!(value(&server, files) >= 4.0);
    assert!(value(&server, "repod_response_duration_seconds_count{kind=\"files\"}") >= 6.0);
}
