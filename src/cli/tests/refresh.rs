//! What a server says to a host that refreshes, and what of it is written.

use std::path::Path;

use axum::Router;
use axum::response::Json;
use axum::routing::get;
use serde_json::{Value, json};

use super::{Output, Stage};
use crate::client::tests::fake::Fake;
use crate::signing::{KeyKind, generate};
use crate::time::Moment;

/// What apt runs as root when it stands in its configuration.
const COMMAND: &str = "DPkg::Pre-Invoke { \"id > /owned\"; };\n";

fn setup() -> Value {
    let file =
        |path: &str| json!({ "path": path, "mode": "0755", "owner": "root", "content": COMMAND });
    let key = generate(KeyKind::Ed25519, "repo", Moment(1_790_000_000)).unwrap();
    json!({
        "certificate_path": "/etc/apt/x", "key_path": "/etc/apt/y",
        "files": [file("/etc/apt/apt.conf.d/99more.conf"), file("/usr/local/sbin/repod-upgrade"),
            file("/etc/apt/apt.conf.d/60repod-localhost-stable.conf")],
        "obsolete": ["/etc/apt/apt.conf.d/60repod-of-another"],
        "facts": { "public_url": "https://localhost:8443/", "suites": [{
            "name": "stable", "origin": "Acme", "label": "Acme", "components": ["main"],
            "architectures": ["amd64"], "owns": [], "names": [], "keys": key.public_armored().unwrap() }] },
    })
}

/// Has a host refresh from a server that gives this answer; what was said, and every file there.
async fn refreshed(answer: Value) -> (Output, Vec<(String, String)>) {
    let routes = Router::new()
        .route("/hosts/web-01.example.org/setup", get(move || async move { Json(answer.clone()) }));
    let (fake, root) = (Fake::start(routes, 0).await, tempfile::tempdir().unwrap());
    let (certificate, key) = fake.authority.issue("web-01.example.org");
    let own = root.path().join("etc/apt/repod/localhost");
    std::fs::create_dir_all(&own).unwrap();
    std::fs::create_dir_all(root.path().join("etc/apt/sources.list.d")).unwrap();
    let held =
        [("client.crt", &certificate), ("client.key", &key), ("ca.crt", &fake.authority.ca_pem)];
    for (name, text) in held {
        std::fs::write(own.join(name), text).unwrap();
    }
    // Another suite of the server, by which it is found.
    let sources = root.path().join("etc/apt/sources.list.d/repod-localhost-edge.sources");
    std::fs::write(&sources, format!("URIs: {}/\n", fake.server)).unwrap();
    let arguments = ["host", "refresh", "--root", root.path().to_str().unwrap()];
    let output = Stage::default().run(&arguments).await;
    std::fs::remove_dir_all(&own).unwrap();
    std::fs::remove_file(sources).unwrap();
    let mut files = Vec::new();
    list(root.path(), root.path(), &mut files);
    (output, files)
}

fn list(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            list(root, &entry, files);
        } else if !entry.ends_with("repod/lock") {
            let name = entry.strip_prefix(root).unwrap().display().to_string();
            files.push((name, std::fs::read_to_string(&entry).unwrap()));
        }
    }
}

#[tokio::test]
async fn no_file_is_written_as_the_server_sent_it() {
    let (output, mut files) = refreshed(setup()).await;
    assert_eq!((output.exit, output.err.as_str()), (0, ""));
    files.sort();
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "etc/apt/apt.conf.d/60repod-localhost-stable.conf",
        "etc/apt/preferences.d/60repod-localhost-stable.pref",
        "etc/apt/repod/written.json",
        "etc/apt/sources.list.d/repod-localhost-stable.sources",
        "usr/local/sbin/repod-upgrade",
    ];
    assert_eq!(names, expected);
    for (name, text) in &files {
        assert!(!text.contains("owned") && !text.contains("Pre-Invoke"), "{name}: {text}");
    }
}

#[tokio::test]
async fn a_value_that_is_not_of_its_kind_has_nothing_of_the_server_written() {
    for (pointer, value) in [
        ("/facts/public_url", json!("https://elsewhere.example.org/")),
        ("/facts/public_url", json!("https://localhost:8443/\nTrusted: yes\nX: /")),
        ("/facts/suites/0/name", json!("../../cron.d/x")),
        ("/facts/suites/0/components", json!(["main\nTrusted: yes"])),
        ("/facts/suites/0/architectures", json!(["amd64\nTrusted: yes"])),
        ("/facts/suites/0/origin", json!(format!("a\n{COMMAND}"))),
        ("/facts/suites/0/owns", json!(["*"])),
        ("/facts/suites/0/names", json!(["*"])),
        ("/facts/suites/0/keys", json!(COMMAND)),
        ("/facts", json!(null)),
    ] {
        let mut answer = setup();
        *answer.pointer_mut(pointer).unwrap() = value.clone();
        let (output, files) = refreshed(answer).await;
        assert_ne!(output.exit, 0, "{pointer} {value}");
        assert!(output.err.starts_with("error: localhost: "), "{}", output.err);
        // The script of this program is written all the same.
        let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
        let expected = ["etc/apt/repod/written.json", "usr/local/sbin/repod-upgrade"];
        assert!(names.iter().all(|name| expected.contains(name)), "{pointer} {value}: {names:?}");
    }
}
