//! Data directories that cannot be made and servers that cannot start.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use crate::harness::server::TestServer;

use super::told;

/// Every file below a directory with its size and time, so that a change of any shows.
fn listing(dir: &Path) -> Vec<(PathBuf, u64, std::time::SystemTime)> {
    let files = walkdir::WalkDir::new(dir).sort_by_file_name().into_iter().map(|e| e.unwrap());
    let files = files.filter(|entry| entry.file_type().is_file());
    let entry = |entry: walkdir::DirEntry| {
        let metadata = entry.metadata().unwrap();
        (entry.into_path(), metadata.len(), metadata.modified().unwrap())
    };
    files.map(entry).collect()
}

#[test]
fn init_leaves_a_directory_alone_that_is_not_empty() {
    let server = TestServer::init();
    let before = listing(&server.data());
    let init = |data: &str, more: &[&str]| {
        server
            .repod(&[&["init", "--data", data, "--name", "repo.example.org"], more].concat())
            .run()
    };
    told(init(&server.at("data"), &[]), 1, &["is a data directory already", "keep it"]);
    assert_eq!(listing(&server.data()), before);
    let own = server.at("own");
    std::fs::create_dir(&own).unwrap();
    std::fs::write(format!("{own}/letter.txt"), "mine").unwrap();
    told(init(&own, &[]), 1, &[&own, "is not empty"]);
    assert_eq!(listing(Path::new(&own)).len(), 1);
    // An empty one will do, and one that a file stands in the way of will not.
    std::fs::remove_file(format!("{own}/letter.txt")).unwrap();
    init(&own, &[]).expect_success();
    let file = format!("{own}/repod.toml");
    let outcome = told(init(&file, &[]), 1, &[&file, "name another one"]);
    assert!(!outcome.says("remove"), "nobody is told to remove what is theirs: {outcome}");
    let fresh = server.at("fresh");
    let named = ["init", "--data", &fresh, "--name", "Not A Name"];
    told(server.repod(&named).run(), 1, &["--name", "Not A Name"]);
    told(init(&fresh, &["--operator", "Somebody Else"]), 1, &["--operator"]);
    assert!(!Path::new(&fresh).exists(), "what is refused makes nothing");
    server.repod(&["init", "--data", &fresh]).run().expect_code(2).expect_says("--name");
}

#[test]
fn serve_names_what_is_wrong_with_its_configuration() {
    let server = TestServer::init();
    let before = listing(&server.data());
    let config = std::fs::read_to_string(server.at("data/repod.toml")).unwrap();
    let path = server.at("data/other.toml");
    let serve = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let outcome = server.repod(&["serve", "--config", &path]).run();
        std::fs::remove_file(&path).unwrap();
        outcome
    };
    let with = |old: &str, new: &str| {
        assert!(config.contains(old), "{config}");
        config.replacen(old, new, 1)
    };
    let nowhere = server.at("nowhere");
    let data = format!("data = \"{nowhere}\"\n[listen]");
    let cases: [(String, &[&str]); 7] = [
        (
            with("[limits]", "[limits]\nreserve_byte = 1"),
            &["reserve_byte", "did you mean `reserve_bytes`"],
        ),
        (with("[limits]", "[limit]"), &["there is no field `limit`", "did you mean `limits`"]),
        (
            with("[limits]", "[limits]\nuploads = \"many\""),
            &["many", "uploads", "expected a whole number"],
        ),
        (with("[limits]", "[limits"), &["is not TOML", " | [limits"]),
        (with("https://", "http://"), &["public_url", "https://"]),
        (
            with("[certificates]", "[certificates]\ncrl_days = 0"),
            &["certificates.crl_days", "between 1 and"],
        ),
        (with("[listen]", &data), &[&nowhere, "no data directory", "repod init"]),
    ];
    for (text, says) in &cases {
        told(serve(text), 1, says);
    }
    let absent = ["serve", "--config", &nowhere];
    told(server.repod(&absent).run(), 1, &[&nowhere, "repod init"]);
    assert_eq!(listing(&server.data()), before);
}

#[test]
fn serve_on_a_busy_port_names_it_and_ends() {
    let mut server = TestServer::init();
    let taken = TcpListener::bind(("127.0.0.1", server.port())).expect("the port is free");
    let serve = ["serve", "--config", &server.at("data/repod.toml")];
    let address = format!("127.0.0.1:{}", server.port());
    let outcome = told_at_start(server.repod(&serve).run());
    for text in [&*address, "in use", "stop what listens there", "[listen] in repod.toml"] {
        assert!(outcome.contains(text), "wanted {text:?} from: {outcome}");
    }
    drop(taken);
    server.serve();
}

/// The last line, behind what was logged.
fn told_at_start(outcome: crate::harness::programs::Outcome) -> String {
    let outcome = outcome.expect_code(1);
    let last = outcome.stderr.lines().last().unwrap_or_default().to_owned();
    assert!(last.starts_with("error: "), "{outcome}");
    last
}
