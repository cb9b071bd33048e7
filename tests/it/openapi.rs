//! `openapi.json` of a real server, held against what `repoctl` really asks and is answered.

mod between;
mod schema;

use std::collections::{BTreeMap, BTreeSet};

use repod::api::BASE;
use repod::http::table;
use serde_json::Value;

use crate::harness::deb::Compression;
use crate::harness::programs::program;
use crate::harness::server::{TestServer, package};
use between::{Between, Exchange};

/// The operations of the description: method and path, as the description writes both.
type Operations<'d> = BTreeMap<(String, String), &'d Value>;

fn operations(document: &Value) -> Operations<'_> {
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, item): (&String, _)| {
        let item: &Value = item;
        let methods = item.as_object().unwrap().iter();
        methods.map(|(method, one)| ((method.clone(), path.clone()), one)).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of).collect()
}

/// The operation that a request came to: of several, the one that leaves least open.
fn find<'o>(operations: &'o Operations<'_>, exchange: &Exchange) -> &'o (String, String) {
    let path = exchange.target.split('?').next().unwrap();
    let path = path.strip_prefix(BASE).unwrap_or_else(|| panic!("{path} is not of the API"));
    let asked: Vec<_> = path.split('/').collect();
    let fits = |(method, path): &&(String, String)| {
        let parts: Vec<_> = path.split('/').collect();
        method.to_uppercase() == exchange.method
            && parts.len() == asked.len()
            && parts.iter().zip(&asked).all(|(part, asked)| part == asked || part.starts_with('{'))
    };
    let found = operations.keys().filter(fits).min_by_key(|(_, path)| path.matches('{').count());
    found.unwrap_or_else(|| panic!("{} {path} is not described", exchange.method))
}

/// What the description does not say of a request and its answer.
fn faults(document: &Value, operation: &Value, exchange: &Exchange) -> Vec<String> {
    let mut found = query_faults(operation, exchange);
    let sent = &operation["requestBody"]["content"];
    let mut judge = |content: &Value, kind: &str, body: &str| {
        let Some(described) = content.get(kind) else {
            found.push(format!("{kind:?} is not described"));
            return;
        };
        if let Some(schema) = described.get("schema") {
            let value: Value = serde_json::from_str(body).unwrap();
            found.extend(schema::faults(document, schema, &value));
        }
    };
    // Some requests carry a body that nobody reads.
    if operation.get("requestBody").is_some() {
        judge(sent, &exchange.sent_type, &exchange.sent);
    }
    let answer = &operation["responses"][exchange.status.to_string()];
    if answer.is_null() {
        return vec![format!("{} is not described: {}", exchange.status, exchange.answered)];
    }
    if exchange.status != 204 {
        let is_json = exchange.answered_type.contains("json");
        assert!(!is_json || exchange.answered.ends_with('\n'), "no line feed: {exchange:?}");
        judge(&answer["content"], &exchange.answered_type, &exchange.answered);
    }
    found
}

fn query_faults(operation: &Value, exchange: &Exchange) -> Vec<String> {
    let parameters = operation["parameters"].as_array().unwrap();
    let of_query = parameters.iter().filter(|parameter| parameter["in"] == "query");
    let names: BTreeMap<_, _> =
        of_query.map(|one| (one["name"].as_str().unwrap(), one["required"] == true)).collect();
    let query = exchange.target.split_once('?').map_or("", |(_, query)| query);
    let asked: BTreeSet<_> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|p| p.split('=').next().unwrap())
        .collect();
    let unknown = asked.iter().filter(|name| !names.contains_key(*name));
    let unknown: Vec<_> = unknown.map(|name| format!("query {name} is not described")).collect();
    let absent = names.iter().filter(|(name, required)| **required && !asked.contains(*name));
    unknown.into_iter().chain(absent.map(|(name, _)| format!("query {name} is required"))).collect()
}

/// Everything that `repoctl` can ask a server.
fn ask_everything(between: &Between) {
    let server = &between.server;
    let run =
        |args: &str| between.repoctl(&args.split(' ').collect::<Vec<_>>()).run().expect_success();
    let old = server.deb(&package("acme-web", "1.0"));
    let (new, more) =
        (server.deb(&package("acme-web", "2.0")), server.deb(&package("acme-more", "1.0")));
    let noise: Vec<u8> =
        (0..1_u32 << 18).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    let large = package("acme-data", "1.0").file("usr/share/acme-data/noise", &noise);
    let large = server.deb(&large.data_compression(Compression::None));
    let (files, crl) = (server.at("files"), server.at("data/ca/crl.pem"));
    std::fs::create_dir(&files).unwrap();

    run("suite create stable --architecture amd64 --owns acme-* -m ours");
    run("suite create empty --architecture amd64 --not-automatic --component main,extra");
    run(&format!("upload --suite stable {old} {more} -m first"));
    run(&format!("upload --suite stable {new} {large}"));
    run(&format!("upload --suite stable {old}"));
    let curl = between.curl("api/v1/suites/stable/main/acme-web_2.0_amd64.deb?message=again");
    let curl = curl.args(["-H", "Content-Type: application/vnd.debian.binary-package", "-T", &new]);
    curl.run().expect_success();

    run("pin --suite stable --rollback acme-web --dry-run");
    run("pin --suite stable --rollback acme-web -m crashes --yes");
    run("pins");
    run("pins --suite stable");
    run("unpin --suite stable acme-web -m mended");
    run("pin --suite stable acme-web=1.0 --for 24h --yes");
    run("remove --suite stable acme-data -m gone --yes");
    run("hold --suite stable -m moving");
    run("suite show stable");
    run("release --suite stable -m moved --yes");
    run("yank acme-more=1.0 --dry-run");
    run("yank acme-more=1.0 -m broken --yes");
    run("yanks");
    run("yank --undo acme-more=1.0 --yes");
    run("suite create wide --ring canary=web1.example.org --ring early=10% -m steps");
    run("suite edit wide --rollout start=manual");
    run(&format!("upload --suite wide {old}"));
    run("rollout start --suite wide -m now");
    run("rollout status --suite wide --all");
    run("rollout pause --suite wide acme-web -m slow");
    run("rollout resume --suite wide 1");
    run("rollout advance --suite wide --to early --dry-run");
    run("rollout advance --suite wide --to everyone -m well");
    run(&format!("upload --suite wide {new} --urgent"));
    run(
        "suite edit stable --description Ours --valid-days 10 --add-component extra -m wider --yes",
    );
    server.date_ahead("stable");
    run("suite redate stable -m ahead --yes");
    run("suite remove empty --yes");
    for shown in ["suite list", "suite show stable", "status", "whoami", "search acme-*"] {
        run(shown);
    }
    for shown in ["list", "list --all", "history", "diff 1 2"] {
        run(&format!("{shown} --suite stable"));
    }

    run(&format!("host issue web-01.example.org --suite stable --days 30 --out {files}/host"));
    run("host grant web-02.example.org --suite stable -m another");
    run("host list");
    run(&format!("host setup web-01.example.org --out {files}/setup"));
    enrol_and_renew(between);
    run("host revoke web-01.example.org -m stolen --yes");
    run("host token web-05.example.org --suite stable --hours 2");
    run("host token web-05.example.org --revoke --yes");
    run("host token --list");

    run(&format!("identity issue ci --role uploader --suite stable --out {files}/ci"));
    run("identity grant ops --role operator --all-suites -m oncall --yes");
    run("identity list");
    run("identity revoke ci -m left --yes");

    run("access group add web web-*.example.org");
    run("access grant uploader @web --suite stable --package acme-*");
    run("access list");
    run("access explain ops stable acme-web");

    let rotated = run("key rotate --json");
    let rotated: Value = serde_json::from_str(&rotated.stdout).unwrap();
    run("key list");
    run("key publish --suite stable");
    run(&format!("key retire {} --force --yes", rotated["fingerprint"].as_str().unwrap()));

    run("crl show");
    between
        .repoctl(&["crl", "put", &crl])
        .run()
        .expect_code(1)
        .expect_says("signs its revocation list itself");
    run("audit --all");
    run("audit --suite stable --verb add --refused");
    run("audit checkpoint");
    run("audit verify");
    server.note_restoration();
    run("gc --dry-run");
    run("gc -m tidy --yes");
    run("restored");
    run("restored acknowledge -m checked");
}

/// A machine that gets its certificate by a token, and the one after that.
fn enrol_and_renew(between: &Between) {
    let token = ["host", "token", "web-03.example.org", "--suite", "stable", "-m", "new"];
    let token = between.repoctl(&token).run().expect_success().stdout;
    let root = tempfile::Builder::new().prefix("openapi-").tempdir().unwrap();
    let root = root.path().display().to_string();
    let on_host = |args: &[&str]| {
        let repoctl = program(env!("CARGO_BIN_EXE_repoctl")).arg("host").args(args);
        repoctl.args(["--root", &root]).run().expect_success();
    };
    on_host(&["enroll", token.trim()]);
    on_host(&["renew", "--force"]);
    on_host(&["refresh"]);
    let status = format!("{root}/var/lib/dpkg/status");
    std::fs::create_dir_all(format!("{root}/var/lib/dpkg")).unwrap();
    let stanza =
        "Package: acme-web\nStatus: hold ok installed\nArchitecture: amd64\nVersion: 1.0\n";
    std::fs::write(&status, stanza).unwrap();
    on_host(&["report"]);
    for line in [
        "access group add all web-*.example.org",
        "host show web-03.example.org",
        "who-has acme-web<2.0",
        "who-has --vulnerable",
        "host issue web-06.example.org --suite stable --out FILES",
        "health ignore web-06.example.org --for 8h -m disk",
        "health unignore web-06.example.org",
        "fleet --suite stable",
        "fleet diff all",
    ] {
        let line = line.replace("FILES", &format!("{root}/web-06"));
        between.repoctl(&line.split(' ').collect::<Vec<_>>()).run().expect_success();
    }
    // What another system asks.
    let said = r#"{"check": "http", "result": "fail", "text": "503"}"#;
    let asked = between.curl("api/v1/suites/stable/hosts/web-03.example.org/health");
    let asked = asked.args(["-X", "POST", "-H", "Content-Type: application/json", "-d", said]);
    asked.run().expect_success().expect_says("unhealthy");
}

#[test]
fn what_repoctl_asks_and_is_answered_is_as_openapi_json_says() {
    let between = Between::start();
    let outcome = between.curl(&format!("{}/openapi.json", &BASE[1..])).run().expect_success();
    let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let operations = operations(&document);
    ask_everything(&between);

    assert!(between.seen().iter().any(|exchange| exchange.status == 202), "an old version waits");
    let mut done = BTreeSet::new();
    for exchange in between.seen() {
        let operation = find(&operations, &exchange);
        let found = faults(&document, operations[operation], &exchange);
        assert!(found.is_empty(), "{operation:?}: {found:#?}\n{exchange:#?}");
        if exchange.status < 300 {
            done.insert(operation.clone());
        }
    }
    // With a CA of its own, the server takes no lists.
    let mut left: Vec<_> = operations.keys().filter(|one| !done.contains(*one)).collect();
    left.retain(|(method, path)| (method.as_str(), path.as_str()) != ("put", "/crl"));
    assert!(left.is_empty(), "repoctl did not do {left:?}");
    // The server that is asked is described by the table that it was built from.
    assert_eq!(operations.len(), table::api().count());
}

#[test]
fn whoever_has_a_certificate_reads_it_and_nobody_else() {
    let server = TestServer::start();
    let _host = server.host("web-01.example.org");
    let path = format!("{}/openapi.json", &BASE[1..]);
    let told = server.curl("web-01.example.org", &path).arg("-i").run().expect_success();
    let told = told.expect_says("HTTP/1.1 200 OK").expect_says("content-type: application/json");
    let (_, text) = told.stdout.split_once("\r\n\r\n").unwrap();
    let document: Value = serde_json::from_str(text).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"][0]["url"], BASE);
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let nobody = program("curl").args(["-sS", "--cacert", &server.at("data/ca/ca.crt")]);
    let nobody = nobody.arg(format!("{}/{path}", server.url())).run();
    nobody.expect_success().expect_says("certificate-missing");
}
