//! Groups and grants as they are used: who is let in, who is taken out on an open connection, what is
//! limited, and what an operator cannot get by the way of a group.

use super::line::Line;
use crate::harness::programs::Outcome;
use crate::harness::server::{TestServer, package};

/// A server with two suites, and a host that was given `stable` by `repoctl host issue`.
fn started() -> TestServer {
    let server = TestServer::start();
    server.repoctl(&["suite", "create", "secret", "--component", "main,extra"]).expect_success();
    server
}

fn access(server: &TestServer, words: &[&str]) -> Outcome {
    server.repoctl(&[&["access"], words].concat())
}

fn issue(server: &TestServer, name: &str, role: &str, suite: &str) -> String {
    let out = server.at(name);
    let words = ["identity", "issue", name, "--role", role, "--suite", suite, "--out", &out];
    server.repoctl(&words).expect_success();
    out
}

fn act_as(server: &TestServer, folder: &str, words: &[&str]) -> Outcome {
    server
        .repoctl_program(words)
        .env("REPOCTL_CERT", format!("{folder}/client.crt"))
        .env("REPOCTL_KEY", format!("{folder}/client.key"))
        .run()
}

#[test]
fn who_leaves_a_group_is_refused_on_an_open_connection_at_the_next_request() {
    let server = started();
    let _root = server.host("web-01.example.org");
    let folder = server.at("hosts/web-01.example.org/etc/apt/repod/repo.example.org");
    let mut line = Line::open(&server, &folder);
    let mut secret = || line.get("dists/secret/InRelease").code().to_owned();
    assert_eq!(secret(), "403");
    access(&server, &["group", "add", "web", "web-*.example.org"]).expect_success();
    assert_eq!(secret(), "403", "a group alone gives nothing");
    access(&server, &["grant", "host", "@web", "--suite", "sec*"]).expect_success();
    assert_eq!(secret(), "200");
    access(&server, &["group", "add", "web", "db.example.org"]).expect_success();
    access(&server, &["group", "remove", "web", "web-*.example.org"]).expect_success();
    assert_eq!(secret(), "403");
    access(&server, &["group", "add", "web", "web-01.example.org"]).expect_success();
    assert_eq!(secret(), "200");
    access(&server, &["revoke", "host", "@web"]).expect_success();
    assert_eq!(secret(), "403");
    // Once revoked, no group lets it in.
    access(&server, &["grant", "host", "@web", "--suite", "*"]).expect_success();
    assert_eq!(secret(), "200");
    server
        .repoctl(&["host", "revoke", "web-01.example.org", "-m", "stolen", "--yes"])
        .expect_success();
    assert_eq!(secret(), "403");
    let told = access(&server, &["explain", "web-01.example.org", "secret"]).expect_success();
    assert!(told.says("was revoked"), "{told}");
}

#[test]
fn an_uploader_of_some_packages_uploads_those_and_no_others() {
    let server = started();
    let folder = issue(&server, "ci.example.org", "host", "stable");
    let grant = ["grant", "uploader", "ci.example.org", "--suite", "secret"];
    let limits = ["--component", "main", "--package", "acme-web*"];
    access(&server, &[&grant[..], &limits].concat()).expect_success();
    let upload = |component: &str, names: &[&str]| {
        let files: Vec<_> = names.iter().map(|name| server.deb(&package(name, "1.0"))).collect();
        let files: Vec<_> = files.iter().map(String::as_str).collect();
        let words = ["upload", "--suite", "secret", "--component", component];
        act_as(&server, &folder, &[&words[..], &files].concat())
    };
    upload("main", &["acme-web", "acme-web-doc"]).expect_success();
    for (component, names) in [
        ("main", &["acme-api"][..]),
        ("extra", &["acme-web"]),
        ("main", &["acme-web2", "acme-api"]),
    ] {
        let told = upload(component, names).expect_code(3);
        assert!(told.says("may alter only acme-web* in main in suite secret"), "{told}");
    }
    // With curl, what lies in another component is refused before the body is read.
    let mut line = Line::open(&server, &folder);
    let answer = line.ask("PUT", "api/v1/suites/secret/extra/x.deb", &["Content-Length: 9"], "");
    assert!(answer.status.contains("nothing in component extra"), "{answer:?}");
    let listed = server.repoctl(&["list", "--suite", "secret"]).expect_success();
    assert!(!listed.says("acme-api") && !listed.says("acme-web2"), "{listed}");
    let told = access(&server, &["explain", "ci.example.org", "secret", "acme-api"]);
    let told = told.expect_success();
    assert!(told.says("is limited to acme-web* in main"), "{told}");
    assert!(told.says("repoctl access grant uploader ci.example.org --suite secret"), "{told}");
}

/// A version that another suite has is refused, since hosts may read both; what is said of it is what the
/// uploader may know.
#[test]
fn an_uploader_hears_nothing_of_what_another_suite_has() {
    let server = started();
    server.repoctl(&["suite", "edit", "stable", "--owns", "acme-*"]).expect_success();
    let folder = issue(&server, "ci.example.org", "uploader", "stable");
    let build = |name: &str, version: &str, more: &str| {
        server.deb(&package(name, version).file("usr/share/doc/more", more.as_bytes()))
    };
    let digest = |path: &str| {
        let bytes = std::fs::read(path).unwrap();
        repod::digest::Digest::of(&bytes).to_string()[..8].to_owned()
    };
    let mut known = Vec::new();
    for name in ["acme-vault", "vault"] {
        let path = build(name, "1.0", "theirs");
        known.push(digest(&path));
        server.repoctl(&["upload", "--suite", "secret", &path]).expect_success();
    }
    let upload = |name: &str, version: &str| {
        let path = build(name, version, "mine");
        act_as(&server, &folder, &["upload", "--suite", "stable", &path])
    };
    let silent = |told: &Outcome| {
        let words = ["secret", "other bytes", "same as", &known[0], &known[1]];
        assert!(words.iter().all(|word| !told.says(word)), "{told}");
    };
    // Other bytes and another spelling are one answer.
    for version in ["1.0", "1.00", "0:1.0"] {
        let told = upload("acme-vault", version).expect_code(1);
        assert!(told.says("this version is taken in this repository; build a higher"), "{told}");
        silent(&told);
    }
    // A name that is not to be had in the suite is refused for that alone, there or not.
    let (foreign, absent) = (upload("vault", "1.0"), upload("valut", "1.0"));
    silent(&foreign);
    let alike = |told: &Outcome| format!("{} {}", told.code, told.stderr).replace("vault", "valut");
    assert_eq!(alike(&foreign), alike(&absent));
    upload("acme-vault", "1.1").expect_success();

    // Who may read that suite is told all of it, and so is who sent it.
    let told = upload("acme-vault", "1.1").expect_code(0);
    assert!(!told.says("taken"), "{told}");
    let mine = build("acme-vault", "1.1", "mine again");
    let told = act_as(&server, &folder, &["upload", "--suite", "stable", &mine]).expect_code(1);
    assert!(told.says("this version exists with other bytes (SHA-256 "), "{told}");
    access(&server, &["grant", "host", "ci.example.org", "--suite", "secret"]).expect_success();
    let told = upload("acme-vault", "1.0").expect_code(1);
    assert!(told.says(&format!("exists with other bytes (SHA-256 {}", known[0])), "{told}");
}

#[test]
fn an_operator_of_some_packages_pins_those_and_no_others() {
    let server = started();
    let folder = issue(&server, "oncall.example.org", "host", "stable");
    let grant = ["grant", "operator", "oncall.example.org", "--suite", "stable"];
    access(&server, &[&grant[..], &["--package", "acme-web*"]].concat()).expect_success();
    for version in ["1.0", "2.0"] {
        server.upload("acme-web", version).expect_success();
        server.upload("acme-api", version).expect_success();
        // One source, and one of its packages is not among those.
        let files = ["acme-web-x", "acme-tool"]
            .map(|name| server.deb(&package(name, version).field("Source", "acme-web-both")));
        let words = ["upload", "--suite", "stable", &files[0], &files[1]];
        server.repoctl(&words).expect_success();
    }
    let act = |words: &[&str]| act_as(&server, &folder, words);
    let back = |what: &[&str]| {
        act(&[&["pin", "--suite", "stable", "--rollback", "-m", "bad"], what].concat())
    };
    for refused in [
        back(&["acme-api"]),
        back(&["acme-web-both"]),
        back(&["acme-web", "acme-api"]),
        back(&["--all", "--yes"]),
        act(&["pin", "--suite", "stable", "acme-api=1.0"]),
        act(&["remove", "--suite", "stable", "acme-api", "-m", "x"]),
        act(&["host", "issue", "web.example.org", "--suite", "stable", "--out", &server.at("w")]),
    ] {
        refused.expect_code(3);
    }
    let pins = server.repoctl(&["pins", "--json"]).expect_success();
    assert_eq!(pins.stdout.trim(), "[]");
    back(&["acme-web"]).expect_success();
    server.repoctl(&["pin", "--suite", "stable", "--rollback", "acme-api"]).expect_success();
    act(&["unpin", "--suite", "stable", "--all", "--yes"]).expect_code(3);
    act(&["unpin", "--suite", "stable", "acme-web"]).expect_success();
}

/// A certificate by a name that a group matches is worth what the group was given.
#[test]
fn an_operator_gets_nothing_by_the_way_of_a_group() {
    let server = started();
    let folder = issue(&server, "oncall.example.org", "operator", "stable");
    access(&server, &["group", "add", "vault", "vault-*.example.org"]).expect_success();
    access(&server, &["grant", "host", "@vault", "--suite", "secret"]).expect_success();
    let host = |name: &str| {
        let out = server.at(&format!("taken/{name}"));
        std::fs::create_dir_all(server.at("taken")).unwrap();
        let words = ["host", "issue", name, "--suite", "stable", "--out", &out];
        act_as(&server, &folder, &words)
    };
    host("web-01.example.org").expect_success();
    let told = host("vault-01.example.org").expect_code(3);
    assert!(!told.says("secret"), "{told}");
    let revoke = ["host", "revoke", "vault-01.example.org", "-m", "mine", "--yes"];
    act_as(&server, &folder, &revoke).expect_code(3);
    // Nor of one that an admin has shut out.
    let out = server.at("vault-02");
    let issue = ["host", "issue", "vault-02.example.org", "--suite", "stable", "--out", &out];
    server.repoctl(&issue).expect_success();
    server
        .repoctl(&["host", "revoke", "vault-02.example.org", "-m", "old", "--yes"])
        .expect_success();
    host("vault-02.example.org").expect_code(3);
    // Whoever operates whole suites may ask about them, and about no others.
    let explain =
        |suite: &str| act_as(&server, &folder, &["access", "explain", "web-01.example.org", suite]);
    explain("stable").expect_success();
    let (foreign, absent) = (explain("secret").expect_code(3), explain("absent").expect_code(3));
    // Each request has an id of its own.
    let said = |stderr: &str| {
        let lines = stderr.lines().filter(|line| !line.starts_with("request "));
        lines.collect::<Vec<_>>().join("\n").replace("secret", "absent")
    };
    assert_eq!(said(&foreign.stderr), said(&absent.stderr));
    act_as(&server, &folder, &["access", "list"]).expect_code(3);
    // An admin does not shut itself out.
    let admin = act_as(&server, &server.at("data/operator"), &["whoami", "--json"]);
    let name: serde_json::Value = serde_json::from_str(&admin.stdout).unwrap();
    let name = name["identity"].as_str().unwrap();
    server.repoctl(&["identity", "revoke", name, "-m", "x", "--yes"]).expect_code(1);
}

#[test]
fn a_suite_lists_only_names_that_it_owns() {
    let server = TestServer::start();
    server.upload("acme-web", "1.0").expect_success();
    server.upload("libc6", "1.0").expect_success();
    server.upload("libc6", "2.0").expect_success();
    let edit = |owns: &str| server.repoctl(&["suite", "edit", "stable", "--owns", owns]);
    // What hosts would not follow down any more has to go first.
    let told = edit("acme-*").expect_code(1);
    assert!(
        told.says("owns") && told.says("libc6") && told.says("`repoctl remove` it first"),
        "{told}"
    );
    server.repoctl(&["remove", "--suite", "stable", "libc6", "-m", "not ours"]).expect_success();
    edit("acme-*").expect_success();
    let told = server.upload("libc6", "3.0").expect_code(1);
    assert!(told.says("suite stable owns only acme-*"), "{told}");
    assert!(told.says("`repoctl suite edit stable --owns`"), "{told}");
    // Nor does it come back by a pin, a rollback, or the end of a pin.
    for words in [
        &["pin", "--suite", "stable", "libc6=1.0"][..],
        &["pin", "--suite", "stable", "--rollback", "--all", "--to", "3", "-m", "x", "--yes"],
        &["pin", "--suite", "stable", "--rollback", "libc6", "--to", "3", "-m", "x"],
    ] {
        let told = server.repoctl(words).expect_code(1);
        assert!(told.says("libc6") && told.says("suite stable owns only acme-*"), "{told}");
    }
    let _root = server.host("web-01.example.org");
    let folder = server.at("hosts/web-01.example.org/etc/apt/preferences.d");
    let file = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(file).unwrap();
    let named: Vec<_> = text.lines().filter(|line| line.starts_with("Package:")).collect();
    assert_eq!(
        named,
        [
            "Package: repod-client-repo.example.org-stable",
            "Package: repoctl:any",
            "Package: acme-*:any"
        ],
        "{text}"
    );
}

#[test]
fn a_file_says_what_is_there_and_the_second_time_there_is_nothing_to_do() {
    let server = started();
    let file = server.at("repo.toml");
    let text = r#"
        [suite.stable]
        owns = ["acme-*"]
        [suite.testing]
        components = ["main", "extra"]
        [group.web]
        members = ["web-*.example.org"]
        [group.ci]
        members = ["ci-1.example.org"]
        [[grant]]
        to = "@web"
        role = "host"
        suites = ["stable", "testing"]
        [[grant]]
        to = "@ci"
        role = "uploader"
        suites = ["*"]
        components = ["main"]
        packages = ["acme-web*"]
    "#;
    std::fs::write(&file, text).unwrap();
    let apply = |more: &[&str]| server.repoctl(&[&["apply", "-f", &file], more].concat());
    let dry = apply(&["--dry-run"]).expect_success();
    assert!(dry.says("+ suite testing: main,extra for amd64"), "{dry}");
    assert!(dry.says("nothing was done: --dry-run"), "{dry}");
    assert!(!server.repoctl(&["suite", "list"]).expect_success().says("testing"));
    let done = apply(&["-m", "from git", "--yes"]).expect_success();
    assert!(done.says("+ grant uploader of * to @ci, for acme-web* in main"), "{done}");
    assert!(done.says("stays: 1 suite: secret (not in the file"), "{done}");
    let again = apply(&[]).expect_success();
    assert!(again.says("nothing to do") && !again.stdout.contains("+ "), "{again}");
    // What is exported is what is there.
    let exported = server.repoctl(&["access", "export"]).expect_success().stdout;
    std::fs::write(&file, &exported).unwrap();
    for more in [&[][..], &["--prune"]] {
        let same = apply(more).expect_success();
        // Nothing but the asker's own grant is beside it.
        let own = "  stays: 1 grant: admin of * to operator (your own, with your certificate)\n";
        assert_eq!(same.stdout, format!("{own}nothing to do\n"), "{exported}");
    }
    // Less in the file goes only when it is asked for.
    let less = exported.split("[[grant]]").next().unwrap().replace("\"web-*.example.org\",", "");
    std::fs::write(&file, format!("{less}\ngrant = []\n")).unwrap();
    // A key behind a table would belong to it.
    apply(&[]).expect_code(2);
    std::fs::write(&file, format!("grant = []\n{less}")).unwrap();
    let kept = apply(&[]).expect_success();
    assert!(kept.says("--prune removes what is not") && kept.says("nothing to do"), "{kept}");
    let pruned = apply(&["--prune", "--yes"]).expect_success();
    assert!(pruned.says("- grant host of stable testing to @web"), "{pruned}");
    assert!(pruned.says("- group web: web-*.example.org"), "{pruned}");
    // What would leave a grant to nobody is refused before a suite is made.
    let wrong =
        "[suite.never]\n[[grant]]\nto = \"@nobody\"\nrole = \"host\"\nsuites = [\"never\"]\n";
    std::fs::write(&file, wrong).unwrap();
    let told = apply(&[]).expect_code(1);
    assert!(told.says("there is no group nobody"), "{told}");
    assert!(!server.repoctl(&["suite", "list"]).expect_success().says("never"));
}
