//! Who is answered, and what is taken of an answer.

use std::path::Path;

use super::{HOST, enrolled, refresh, server, sources};

#[test]
fn who_is_shut_out_is_told_and_nothing_is_written() {
    let server = server();
    let host = enrolled(&server, "stable");
    let root: &Path = host.as_ref();
    super::grant(&server, "stable,edge");
    server.repoctl(&["host", "revoke", HOST, "-m", "stolen", "--yes"]).expect_success();
    for args in [&["--dry-run"][..], &[], &["--force"]] {
        refresh(root, args).expect_code(3).expect_says("repo.example.org: ").expect_says("revoked");
    }
    assert!(host.read(&sources("edge")).is_none());
    let nothing = tempfile::tempdir().unwrap();
    refresh(nothing.path(), &[]).expect_code(1).expect_says("repoctl host enroll");
}

#[test]
fn a_host_reads_what_it_lacks_and_not_what_another_does() {
    let server = server();
    let _first = server.host(HOST);
    let _other = server.host("web-02.example.org");
    let code = |path: &str| {
        let asked = server.curl(HOST, path).args(["-o", "/dev/null", "-w", "%{http_code}"]);
        asked.run().expect_success().stdout
    };
    assert_eq!(code(&format!("api/v1/hosts/{HOST}/setup")), "200");
    assert_eq!(code("api/v1/hosts/web-02.example.org/setup"), "403");
    assert_eq!(code(&format!("api/v1/hosts/{HOST}/setup?suites=edge&installs=true")), "403");
}
