//! Tokens: each works once, for one name, in its time, for who may give the right.

use repod::api::{Secret, TokenText};
use repod::domain::{Grant, Role, SuiteScope, TokenFault};
use repod::flow::FlowError;
use repod::flow::access::certificates;
use repod::flow::access::enrol::{Shown, Wanted, enroll as enroll_by, make};

use super::{NAME, asks, empty_root, enroll, pairs, parts, serial, token};
use crate::harness::programs::program;
use crate::harness::server::TestServer;
use crate::renewal::{DAY, Moved, stable};

#[test]
fn a_token_works_once() {
    let server = TestServer::start();
    let (first, second) = (empty_root(), empty_root());
    let token = token(&server, NAME, &[]);
    enroll(first.path(), &token).expect_success();
    assert_eq!(asks(&server, first.path(), "dists/stable/InRelease"), "200");
    let own = serial(first.path());

    let refused = enroll(second.path(), &token).expect_code(3);
    refused.expect_says("this token was used already, and a token works once");
    assert!(!second.path().join("etc/apt/sources.list.d").exists());
    // The machine that has used it may ask again, and gets the same.
    enroll(first.path(), &token).expect_success();
    assert_eq!((serial(first.path()), pairs(first.path()).len()), (own.clone(), 1));

    let list = server.repoctl(&["host", "token", "--list"]).expect_success();
    assert!(list.says("used") && list.says(&own), "{list}");
    // What was told once is nowhere: not in the log, not in the catalogue.
    let secret = parts(&token).secret.0;
    assert!(!server.log().contains(&secret) && !server.log().contains(&token));
    for entry in std::fs::read_dir(server.data()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!found, "{} holds the secret", path.display());
        }
    }
}

#[test]
fn of_many_machines_with_one_token_one_is_enrolled() {
    let server = TestServer::start();
    for round in 0..3 {
        let name = format!("web-{round}.example.org");
        let token = token(&server, &name, &[]);
        let roots: Vec<_> = (0..6).map(|_| empty_root()).collect();
        let codes: Vec<i32> = std::thread::scope(|scope| {
            let run = |root: &tempfile::TempDir| enroll(root.path(), &token).code;
            let runs: Vec<_> = roots.iter().map(|root| scope.spawn(move || run(root))).collect();
            runs.into_iter().map(|run| run.join().unwrap()).collect()
        });
        assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{codes:?}");
        assert_eq!(codes.iter().filter(|code| **code == 3).count(), 5, "{codes:?}");
        let shown = server.repoctl(&["host", "show", &name, "--json"]).expect_success();
        assert_eq!(shown.stdout.matches("\"serial\"").count(), 1, "{shown}");
    }
}

#[test]
fn a_token_ends_by_being_revoked_replaced_or_altered() {
    let server = TestServer::start();
    let root = empty_root();
    let refused = |token: &str, why: &str| {
        enroll(root.path(), token).expect_code(3).expect_says(why);
        assert!(!root.path().join("etc/apt/sources.list.d").exists());
    };
    let revoked = token(&server, NAME, &[]);
    server.repoctl(&["host", "token", NAME, "--revoke", "--yes"]).expect_success();
    refused(&revoked, "this token was revoked");
    server
        .repoctl(&["host", "token", NAME, "--revoke", "--yes"])
        .expect_code(1)
        .expect_says("pending");

    let replaced = token(&server, NAME, &[]);
    let newer = token(&server, NAME, &[]);
    refused(&replaced, "this token was revoked");
    server.repoctl(&["host", "revoke", NAME, "-m", "no", "--yes"]).expect_code(1);

    let other = TokenText { name: "db-01.example.org".into(), ..parts(&newer) };
    refused(&other.write().0, "for another host");
    let guessed = TokenText { secret: Secret("a".repeat(43)), ..parts(&newer) };
    refused(&guessed.write().0, "not one of this server's");
    enroll(root.path(), &newer[..newer.len() - 8]).expect_code(2).expect_says("cut or altered");

    enroll(root.path(), &newer).expect_success();
    // What a revocation takes away is not given again, nor by what was pending.
    let again = token(&server, NAME, &[]);
    server.repoctl(&["host", "revoke", NAME, "-m", "stolen", "--yes"]).expect_success();
    assert_eq!(asks(&server, root.path(), "dists/stable/InRelease"), "403");
    for token in [&newer, &again] {
        let told = enroll(root.path(), token).expect_code(3);
        assert!(told.says("revoked"), "{told}");
    }
}

#[test]
fn an_operator_makes_tokens_for_its_own_suites_and_loses_them_with_the_right() {
    let server = TestServer::start();
    server.repoctl(&["suite", "create", "other", "--architectures", "amd64"]).expect_success();
    let out = server.at("oncall");
    let role = ["--role", "operator", "--suite", "stable", "--out", &out];
    server.repoctl(&[&["identity", "issue", "oncall"][..], &role].concat()).expect_success();
    let as_operator = |args: &[&str]| {
        server
            .repoctl_program(args)
            .env("REPOCTL_CERT", format!("{out}/client.crt"))
            .env("REPOCTL_KEY", format!("{out}/client.key"))
            .run()
    };
    as_operator(&["host", "token", NAME, "--suite", "other"]).expect_code(3);
    let foreign = server.repoctl(&["host", "token", "db-7", "--suite", "other"]).expect_success();
    let list = as_operator(&["host", "token", "--list"]).expect_success();
    assert!(!list.says("db-7"), "{list}");
    as_operator(&["host", "token", "db-7", "--suite", "stable"]).expect_success();
    as_operator(&["host", "token", "db-7", "--revoke", "--yes"]).expect_success();
    drop(foreign);

    let told = as_operator(&["host", "token", NAME, "--suite", "stable"]).expect_success();
    server.repoctl(&["identity", "revoke", "oncall", "-m", "left", "--yes"]).expect_success();
    let root = empty_root();
    let refused = enroll(root.path(), told.stdout.trim()).expect_code(3);
    refused.expect_says("who made this token may no longer give that right");
}

fn wanted(name: &str, hours: u32) -> Wanted {
    let suites = SuiteScope::Named([stable()].into());
    let grant = Grant::whole(name.parse().unwrap(), Role::Host, suites);
    Wanted { grant, hours, days: Some(1) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_by_itself_and_while_nobody_is_served() {
    let moved = Moved::start().await;
    let key = repod::trust::NewRequest::make().unwrap();
    let shown = |secret: &str| Shown {
        name: NAME.parse().unwrap(),
        secret: secret.to_owned().into(),
        csr_pem: key.csr_pem.clone(),
        message: String::new(),
    };
    let fault = |error: FlowError| match error {
        FlowError::Token(fault) => fault,
        other => panic!("{other}"),
    };
    let by = |hours| make(&moved.repository, &moved.admin, wanted(NAME, hours));
    for hours in [0, 721] {
        assert!(matches!(by(hours).await, Err(FlowError::Invalid { field: "hours", .. })));
    }
    let late = by(2).await.unwrap().secret;
    moved.later(2 * 3_600);
    let error = enroll_by(&moved.repository, shown(&late)).await.unwrap_err();
    assert_eq!(fault(error), TokenFault::Expired);

    // In the last second it works, the answer comes again, and after that second it does not.
    let used = by(1).await.unwrap().secret;
    moved.later(3_599);
    let first = enroll_by(&moved.repository, shown(&used)).await.unwrap();
    let second = enroll_by(&moved.repository, shown(&used)).await.unwrap();
    assert_eq!(first.client.certificate_pem, second.client.certificate_pem);
    assert_eq!(first.client.not_after, moved.repository.now().plus(DAY));
    moved.later(1);
    let error = enroll_by(&moved.repository, shown(&used)).await.unwrap_err();
    assert_eq!(fault(error), TokenFault::Expired);

    // A list that ran out closes this door with the others.
    let closed = by(700).await.unwrap().secret;
    moved.later(8 * DAY);
    let error = enroll_by(&moved.repository, shown(&closed)).await.unwrap_err();
    assert!(matches!(error, FlowError::Refused(_)), "{error}");
    certificates::publish_crl(&moved.repository).unwrap();
    enroll_by(&moved.repository, shown(&closed)).await.unwrap();
}

/// The settings of an enrolment come with the key ring of that moment, and count at once. What somebody
/// else reads in the name of a host does not.
#[test]
fn a_host_has_the_keys_of_its_enrolment_at_once() {
    let mut server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    let behind = |server: &TestServer| -> Vec<Vec<String>> {
        let told = server.repoctl(&["key", "list", "--json"]).expect_success();
        let keys: Vec<serde_json::Value> = serde_json::from_str(&told.stdout).unwrap();
        let hosts = |key: &serde_json::Value| {
            let hosts = key["hosts_behind"].as_array().unwrap().iter();
            hosts.map(|one| one["host"].as_str().unwrap().to_owned()).collect()
        };
        keys.iter().map(hosts).collect()
    };
    let (first, second, again) = (empty_root(), empty_root(), empty_root());
    let other = "web-02.example.org";
    enroll(first.path(), &token(&server, NAME, &[])).expect_success();
    assert_eq!(behind(&server), [[""; 0]]);
    let told = server.repoctl(&["key", "status"]).expect_success();
    assert!(told.says("hosts that have it: 1") && !told.says(NAME), "{told}");

    server.repoctl(&["key", "rotate"]).expect_success();
    assert_eq!(behind(&server), [vec![], vec![NAME]]);
    // To look at the settings is not to install them.
    let own = first.path().join("etc/apt/repod/repo.example.org");
    let url = format!("{}/api/v1/hosts/{NAME}/setup", server.url());
    let looked = program("curl").args(["-sf", "--cacert"]).arg(server.data().join("ca/ca.crt"));
    let looked = looked.arg("--cert").arg(own.join("client.crt")).arg("--key");
    looked
        .arg(own.join("client.key"))
        .arg(url)
        .run()
        .expect_success()
        .expect_says("PGP PUBLIC KEY");
    assert_eq!(behind(&server), [vec![], vec![NAME]]);
    enroll(second.path(), &token(&server, other, &[])).expect_success();
    assert_eq!(behind(&server), [vec![], vec![NAME]]);
    assert_eq!(server.stop(), 0);
    server.serve();
    server.repoctl(&["host", "setup", NAME, "--out", &server.at("setup")]).expect_success();
    assert_eq!(behind(&server), [vec![], vec![NAME]]);
    // Who is enrolled anew has the keys of now, and the old one is nobody's only one.
    let old = server.repoctl(&["key", "list"]).expect_success();
    let old = old.stdout.lines().nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    server.repoctl(&["key", "retire", &old, "--yes"]).expect_code(1).expect_says(NAME);
    enroll(again.path(), &token(&server, NAME, &[])).expect_success();
    assert_eq!(behind(&server), [[""; 0]; 2]);
    server.repoctl(&["key", "retire", &old, "--yes"]).expect_success();
    // A host that was set up by hand has not shown yet what it has.
    let out = server.at("issued");
    let issue = ["host", "issue", "web-03.example.org", "--suite", "stable", "--out", &out];
    server.repoctl(&issue).expect_success();
    assert_eq!(behind(&server), [["web-03.example.org"]]);
}
