//! The protocol as a host that is not `repoctl` speaks it: wrongly, too much, twice, and out of order.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use repod::domain::inventory::{Entry, SetHash};
use serde_json::{Value, json};

use super::{owners, report, server};
use crate::harness::server::TestServer;

const HOST: &str = "web-01.example.org";

fn pack(text: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

fn hash(lines: &[&str]) -> String {
    SetHash::of(&lines.iter().map(|line| Entry::parse(line).unwrap()).collect::<Vec<_>>())
        .to_string()
}

/// Sends these bytes as a host; gives the status and the answer.
fn send(server: &TestServer, host: &str, body: &[u8]) -> (u16, Value) {
    let path = server.at("report.gz");
    std::fs::write(&path, body).unwrap();
    let said = server
        .curl(host, "api/v1/report")
        .args(["-X", "POST", "-H", "Content-Type: application/gzip", "-w", "\n%{http_code}"])
        .args(["--data-binary", &format!("@{path}")])
        .run()
        .expect_success();
    let (answer, status) = said.stdout.trim_end().rsplit_once('\n').unwrap();
    (status.parse().unwrap(), serde_json::from_str(answer).unwrap_or(Value::Null))
}

fn send_json(server: &TestServer, value: &Value) -> (u16, String) {
    let (status, answer) = send(server, HOST, &pack(value.to_string().as_bytes()));
    let said = answer["outcome"].as_str().or(answer["code"].as_str()).unwrap_or_default();
    (status, said.to_owned())
}

const WEB: &str = "acme-web amd64 1.0 manual";
const NEWER: &str = "acme-web amd64 2.0 manual";
const CRON: &str = "acme-cron amd64 1.0 auto";

fn whole(number: u64, lines: &[&str]) -> Value {
    json!({ "number": number, "hash": hash(lines), "installed": lines, "facts": {} })
}

#[test]
fn repeated_and_late_reports_have_one_answer_and_change_nothing() {
    let server = server();
    drop(server.host(HOST));
    let taken = (200, "taken".to_owned());
    let first = whole(10, &[WEB]);
    assert_eq!(send_json(&server, &first), taken);
    assert_eq!(send_json(&server, &first), taken, "the same again");
    let next = json!({ "number": 11, "base": hash(&[WEB]), "hash": hash(&[NEWER, CRON]),
        "installed": [NEWER, CRON], "gone": [WEB], "facts": { "reboot": true } });
    assert_eq!(send_json(&server, &next), taken);
    assert_eq!(send_json(&server, &next), taken);
    // One that was under way for long, and one of the same number that says something else.
    assert_eq!(send_json(&server, &first), (200, "outdated".into()));
    assert_eq!(send_json(&server, &whole(11, &[WEB])), (200, "outdated".into()));
    assert_eq!(owners(&server, "acme-web"), [format!("{HOST} 2.0")]);
    let of_nothing = json!({ "number": 12, "base": hash(&[WEB]), "hash": hash(&[WEB, CRON]),
        "installed": [CRON], "facts": {} });
    assert_eq!(send_json(&server, &of_nothing), (200, "resynchronise".into()));
    assert_eq!(owners(&server, "acme-cron"), [format!("{HOST} 1.0")]);
    assert_eq!(send_json(&server, &whole(12, &[CRON])), taken);
    assert_eq!(owners(&server, "acme-web"), [""; 0]);
}

#[test]
fn what_contradicts_itself_or_is_no_report_is_refused() {
    let server = server();
    drop(server.host(HOST));
    assert_eq!(send_json(&server, &whole(10, &[WEB])), (200, "taken".into()));
    let base = hash(&[WEB]);
    let delta = |hash: String, installed: &[&str], gone: &[&str]| json!({ "number": 11, "base": base, "hash": hash, "installed": installed, "gone": gone, "facts": {} });
    let mut unknown = whole(11, &[WEB]);
    unknown["users"] = json!(["ann"]);
    let mut foreign = whole(11, &[WEB]);
    foreign["host"] = json!("web-02.example.org");
    let mut long = whole(11, &[WEB]);
    long["facts"] = json!({ "kernel": "x".repeat(257) });
    let mut odd = whole(11, &[WEB]);
    odd["facts"] = json!({ "apt_error": "a\u{1b}[2J" });
    let mut far = whole(11, &[WEB]);
    far["number"] = json!(u64::MAX);
    let mut bad = whole(11, &[WEB]);
    bad["installed"] = json!(["acme-web amd64 1.0 manual ; rm"]);
    for (why, report) in [
        ("the hash is another set's", delta(hash(&[WEB]), &[CRON], &[])),
        ("two versions of one package", delta(hash(&[WEB, NEWER]), &[NEWER], &[])),
        ("what is gone was not there", {
            let set =
                SetHash::of(&[Entry::parse(WEB).unwrap()]).without(&Entry::parse(CRON).unwrap());
            delta(set.to_string(), &[], &[CRON])
        }),
        ("a package twice", whole(11, &[WEB, NEWER])),
        ("a field that is not known", unknown),
        ("a name of another host", foreign),
        ("a long text", long),
        ("a text that a terminal obeys", odd),
        ("a number that no clock reaches", far),
        ("a line with more", bad),
    ] {
        assert_eq!(send_json(&server, &report), (400, "invalid-request".into()), "{why}");
    }
    for body in [&b"no gzip"[..], &pack(b"no json"), &pack(b"{}"), b""] {
        assert_eq!(send(&server, HOST, body).0, 400, "{body:?}");
    }
    assert_eq!(owners(&server, "acme-web"), [format!("{HOST} 1.0")]);
    assert_eq!(owners(&server, "acme-cron"), [""; 0]);
}

#[test]
fn what_is_too_large_is_not_unpacked() {
    let server = server();
    drop(server.host(HOST));
    let (status, _) = send(&server, HOST, &vec![0; (384 << 10) + 1]);
    assert_eq!(status, 413);
    // 100 MB of blanks in 100 kB.
    let (status, _) = send(&server, HOST, &pack(&vec![b' '; 100 << 20]));
    assert_eq!(status, 413);
    let values = format!("[{}1]", "1,".repeat(80_001));
    assert_eq!(send(&server, HOST, &pack(values.as_bytes())).0, 413);
    let many: Vec<String> = (0..20_001).map(|n| format!("p{n} all 1 auto")).collect();
    let lines: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(send_json(&server, &whole(1, &lines)), (400, "invalid-request".into()));
    assert_eq!(send_json(&server, &whole(1, &lines[1..])), (200, "taken".into()));
    assert_eq!(owners(&server, "p20000"), [format!("{HOST} 1")]);
}

#[test]
fn a_host_speaks_of_itself_alone_and_nobody_but_hosts_speaks() {
    let server = server();
    let [_one, _two] = ["web-01.example.org", "web-02.example.org"].map(|name| server.host(name));
    let body = pack(whole(1, &[WEB]).to_string().as_bytes());
    assert_eq!(send(&server, "web-02.example.org", &body).0, 200);
    assert_eq!(owners(&server, "acme-web"), ["web-02.example.org 1.0"]);
    let path = server.at("report.gz");
    // The operator's certificate is one of a person: it is refused before the body is read.
    let said = server
        .curl_as_operator("api/v1/report")
        .args(["-X", "POST", "--data-binary", &format!("@{path}")])
        .run()
        .expect_success();
    said.expect_says("403");
    // The report of another host is none of a host's business.
    let of = |host: &str, path: &str| server.curl(host, path).run().expect_success().stdout;
    let told = of("web-01.example.org", "api/v1/hosts/web-02.example.org/report");
    let absent = of("web-01.example.org", "api/v1/hosts/web-09.example.org/report");
    assert_eq!(told.replace("web-02", "web-09").contains("missing"), absent.contains("missing"));
    assert!(absent.contains("missing") && !told.contains("\"packages\""), "{told}");
    assert!(
        of("web-02.example.org", "api/v1/hosts/web-02.example.org/report")
            .contains("\"packages\":1")
    );
}

#[test]
fn a_host_whose_memory_or_server_was_set_back_is_in_step_again() {
    let server = server();
    let host = server.host(HOST);
    host.update().expect_success();
    host.install(&["acme-web"]).expect_success();
    report(&host, &[]).expect_success();
    let state = host.path("/var/lib/repoctl/reports/repo.example.org.json");
    let old = std::fs::read(&state).unwrap();
    host.install(&["acme-cron"]).expect_success();
    report(&host, &[]).expect_success().expect_says("what differs");
    // The machine was restored: what it takes for known is not what the server has.
    std::fs::write(&state, old).unwrap();
    host.program("apt-mark").args(["hold", "acme-cron"]).run().expect_success();
    report(&host, &[]).expect_success().expect_says("all of it");
    std::fs::remove_file(&state).unwrap();
    report(&host, &[]).expect_success().expect_says("all of it");
    std::fs::write(&state, "damaged").unwrap();
    report(&host, &[]).expect_success().expect_says("all of it");
    // Somebody sent a report of a far future with this certificate.
    assert_eq!(send_json(&server, &whole(1 << 39, &[WEB])), (200, "taken".into()));
    report(&host, &[]).expect_success().expect_says("all of it");
    assert_eq!(owners(&server, "acme-cron"), [format!("{HOST} 1.0")]);
}

/// The packages of the machine that runs the tests, as a host would say them.
#[test]
fn eight_hundred_packages_take_less_than_ten_kilobytes_and_one_more_less_than_a_half() {
    let server = server();
    let host = server.host(HOST);
    let text = std::fs::read_to_string("/var/lib/dpkg/status").unwrap();
    let stanzas: Vec<&str> =
        text.split("\n\n").filter(|one| one.contains("\nStatus: install ok installed")).collect();
    assert!(stanzas.len() >= 200, "this machine has few packages to try with");
    let count = stanzas.len().min(800);
    let place = |count: usize| {
        std::fs::create_dir_all(host.path("/var/lib/dpkg")).unwrap();
        std::fs::write(host.path("/var/lib/dpkg/status"), stanzas[..count].join("\n\n") + "\n")
            .unwrap();
    };
    place(count - 1);
    let sent = |args: &[&str]| {
        let told = report(&host, &[&["--json"], args].concat()).expect_success();
        let told: Value = serde_json::from_str(&told.stdout).unwrap();
        told[0]["sent_bytes"].as_u64().unwrap()
    };
    let first = sent(&[]);
    assert!(first < 10_000 * count as u64 / 800, "{count} packages: {first} bytes");
    place(count);
    let next = sent(&[]);
    assert!(next < 500, "one more: {next} bytes");
    let again = sent(&[]);
    assert!(again < 500, "nothing more: {again} bytes");
    // With what ten checks say, and one of them at length.
    for number in 0..10 {
        super::health::check(&host, &format!("{number}0-service"), "exit 0");
    }
    super::health::check(&host, "99-bad", "head -c 2000 /usr/share/common-licenses/GPL-3; exit 1");
    super::health::run(&host).expect_success().expect_says("99-bad");
    let with_checks = sent(&[]);
    assert!(with_checks < 500, "with checks: {with_checks} bytes");
}
