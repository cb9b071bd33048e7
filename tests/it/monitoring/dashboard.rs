//! The dashboard: every query of it is answered by the real Prometheus, from the metrics of a real server.

use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::{RULES, alerts, metrics_in, until};
use crate::docs::pages::{read, root};
use crate::harness::programs::{program, require};
use crate::harness::server::{TestServer, free_port};

/// A Prometheus that reads the metrics of a server, and the rules; ended when dropped.
struct Prometheus {
    child: Child,
    address: String,
    _dir: tempfile::TempDir,
}

impl Prometheus {
    fn of(server: &TestServer) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{}]\n\
             scrape_configs:\n  - job_name: repod\n    static_configs:\n      - targets: [{}]\n",
            root().join(RULES).display(),
            server.local_address()
        );
        let path = dir.path().join("prometheus.yml");
        std::fs::write(&path, config).unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let child = Command::new(require("prometheus"))
            .arg(format!("--config.file={}", path.display()))
            .arg(format!("--storage.tsdb.path={}", dir.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(dir.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        Self { child, address, _dir: dir }
    }

    fn ask(&self, path: &str, query: &str) -> Option<Value> {
        let address = format!("http://{}/api/v1/{path}", self.address);
        let mut curl = program("curl").args(["-sS", "--get", &address]);
        if !query.is_empty() {
            curl = curl.args(["--data-urlencode", &format!("query={query}")]);
        }
        serde_json::from_str(&curl.run().stdout).ok()
    }

    /// What it answers to a query.
    #[track_caller]
    fn query(&self, query: &str) -> Vec<Value> {
        let answer = self.ask("query", query).expect("Prometheus answers");
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"]["result"].as_array().unwrap().clone()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The queries of every panel, with its title.
fn queries() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(&read("packaging/grafana/repod.json")).unwrap();
    let mut found = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        let targets = panel["targets"].as_array().into_iter().flatten();
        for target in targets {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
            found.push((title.to_owned(), target["expr"].as_str().unwrap().to_owned()));
        }
    }
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let names: Vec<_> = variables.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["datasource", "instance"]);
    assert!(found.len() > 30, "{found:?}");
    found
}

#[test]
fn every_query_of_the_dashboard_is_answered_and_every_alert_is_evaluated() {
    let server = TestServer::start();
    let host = server.host("web1.example.org");
    server.upload("acme-web", "1.0").expect_success();
    host.update().expect_success();
    let page = server.metrics();
    let prometheus = Prometheus::of(&server);
    let has = |query: &str| {
        prometheus.ask("query", query).is_some_and(|answer| {
            answer["data"]["result"].as_array().is_some_and(|result| !result.is_empty())
        })
    };
    // A rate takes two scrapes.
    until("Prometheus", || has("rate(repod_requests_total[1m])"));
    for (title, expr) in queries() {
        let names = metrics_in(&expr);
        assert!(!names.is_empty(), "{title}: {expr}");
        for name in names {
            let part =
                ["_bucket", "_count", "_sum"].into_iter().find_map(|end| name.strip_suffix(end));
            let whole = part.unwrap_or(&name);
            assert!(page.contains(&format!("# TYPE {whole} ")), "{title}: there is no {name}");
        }
        let query = expr.replace("$__rate_interval", "1m").replace("$instance", ".*");
        let result = prometheus.query(&query);
        // Of a pass that is not under way, and of warnings that there are not, nothing is shown.
        assert!(!result.is_empty() || query.contains("> 0"), "{title} is empty: {query}");
    }
    let rules = || {
        let answer = prometheus.ask("rules", "").unwrap();
        let rules = &answer["data"]["groups"][0]["rules"];
        rules.as_array().unwrap().clone()
    };
    until("every rule", || rules().iter().all(|rule| rule["health"] == "ok"));
    assert_eq!(rules().len(), alerts().len());
    let up = prometheus.query("up{job=\"repod\"}");
    assert_eq!(up[0]["value"][1], "1");
}
