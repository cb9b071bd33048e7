//! Refused packages: named by their file, once, and with --keep-going left out of what is published.

use super::{generation, json, large, offered, upload};
use crate::harness::server::{TestServer, package};

/// A suite that owns `acme-*`, with acme-old 1.0, and a folder of which some is refused.
fn import() -> (TestServer, String) {
    let server = TestServer::start();
    server.repoctl(&["suite", "edit", "stable", "--owns", "acme-*", "--yes"]).expect_success();
    server.upload("acme-old", "1.0").expect_success();
    let folder = server.at("import");
    std::fs::create_dir(&folder).unwrap();
    let write =
        |name: &str, bytes: &[u8]| std::fs::write(format!("{folder}/{name}"), bytes).unwrap();
    write("a-good.deb", &package("acme-a", "1.0").build());
    write("b-cut.deb", &package("acme-b", "1.0").build()[..400]);
    write("c-clash.deb", &package("acme-old", "1.0").file("usr/share/x", b"other").build());
    write("d-foreign.deb", &package("libc6", "9.0").build());
    write("e-large.deb", &large("acme-e", "1.0", 1 << 20).build());
    write("f-large-cut.deb", &large("acme-f", "1.0", 1 << 20).build()[..600_000]);
    write("g-twice.deb", &package("acme-g", "1.0").build());
    write("h-twice.deb", &package("acme-g", "1.0").file("usr/share/x", b"other").build());
    write("i-good.deb", &package("acme-i", "1.0").build());
    (server, folder)
}

const REFUSED: [&str; 5] =
    ["b-cut.deb", "c-clash.deb", "d-foreign.deb", "f-large-cut.deb", "h-twice.deb"];

#[test]
fn what_is_not_refused_goes_live_in_one_generation_and_the_rest_is_told_by_file() {
    let (server, folder) = import();
    let before = generation(&server);
    let tried = upload(&server, &["-n", "--keep-going", &folder]).expect_code(1);
    assert!(tried.stderr.contains("5 of 9 packages refused; the others would be taken"), "{tried}");
    assert_eq!(generation(&server), before);

    let told = upload(&server, &["--keep-going", &folder]).expect_code(1);
    assert!(
        told.stderr.starts_with("error: 5 of 9 packages refused; the others were taken\n"),
        "{told}"
    );
    let lines: Vec<_> = told.stderr.lines().skip(1).collect();
    for name in REFUSED {
        let own = format!("  {folder}/{name}: ");
        let count = lines.iter().filter(|line| line.starts_with(&own)).count();
        assert_eq!(count, 1, "{name}: {told}");
    }
    assert_eq!(lines.len(), REFUSED.len(), "{told}");
    let other = "comes twice with different bytes (SHA-256 ";
    assert!(lines[4].contains(other), "{told}");
    assert!(lines[4].ends_with(&format!("(the other one is {folder}/g-twice.deb)")), "{told}");
    assert_eq!(generation(&server), before + 1, "one generation");
    for name in ["acme-a", "acme-e", "acme-g", "acme-i", "acme-old"] {
        assert_eq!(offered(&server, name), ["1.0 amd64"], "{name}");
    }

    // Again: nothing new is published, and the same is told to programs.
    let told = upload(&server, &["--keep-going", "--json", &folder]).expect_code(1);
    let refused = json(&told.stdout)["refused"].as_array().unwrap().clone();
    let files: Vec<_> = refused.iter().map(|one| one["file"].as_str().unwrap()).collect();
    assert_eq!(files, REFUSED.map(|name| format!("{folder}/{name}")));
    let codes: Vec<_> = refused.iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert_eq!(codes[..2], ["rejected", "version-conflict"], "{codes:?}");
    assert_eq!(json(&told.stderr)["exit"], 1);
    assert_eq!(generation(&server), before + 1);
}

#[test]
fn what_cannot_be_read_is_passed_over_and_told() {
    let server = TestServer::start();
    let before = generation(&server);
    let folder = server.at("import");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(format!("{folder}/a-good.deb"), package("acme-a", "1.0").build()).unwrap();
    std::os::unix::fs::symlink("/nowhere/b.deb", format!("{folder}/b-link.deb")).unwrap();
    std::fs::create_dir(format!("{folder}/c-folder.deb")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, format!("{folder}/d-pipe.deb"), 0o600.into()).unwrap();
    let [missing, note] = ["missing.deb", "note.txt"].map(|name| server.at(name));
    std::fs::write(&note, "no package").unwrap();

    let told = upload(&server, &[&folder, &missing, &note]).expect_code(2);
    assert_eq!(generation(&server), before, "{told}");
    let told = upload(&server, &["--keep-going", &folder, &missing, &note]).expect_code(1);
    let head = "error: 4 of 5 packages refused; the others were taken\n";
    assert!(told.stderr.starts_with(head), "{told}");
    for (path, why) in [
        (format!("{folder}/b-link.deb"), "there is no such file"),
        (format!("{folder}/d-pipe.deb"), "is no file"),
        (missing.clone(), "there is no such file"),
        (note, "is not a .deb, .udeb or .ddeb file"),
    ] {
        let told_once = told.stderr.lines().filter(|line| line.starts_with(&format!("  {path}: ")));
        assert_eq!(told_once.filter(|line| line.contains(why)).count(), 1, "{path}: {told}");
    }
    assert_eq!(offered(&server, "acme-a"), ["1.0 amd64"]);
    assert_eq!(generation(&server), before + 1);

    let told = upload(&server, &["--keep-going", &missing]).expect_code(1);
    let head = "error: 1 of 1 package refused; nothing was published\n";
    assert!(told.stderr.starts_with(head), "{told}");
}

#[test]
fn without_it_nothing_is_published_and_a_conflict_names_its_file_once() {
    let (server, folder) = import();
    let before = generation(&server);
    let told = upload(&server, &[&folder]).expect_code(1);
    // What is wrong with bytes, and what the change would be refused for, at once.
    assert!(
        told.stderr.starts_with("error: 5 of 9 packages refused; nothing was published"),
        "{told}"
    );
    for name in ["b-cut.deb", "c-clash.deb", "d-foreign.deb", "f-large-cut.deb", "h-twice.deb"] {
        assert!(told.stderr.contains(&format!("  {folder}/{name}: ")), "{name}: {told}");
    }
    assert_eq!(generation(&server), before, "nothing was published");
    for name in ["b-cut.deb", "f-large-cut.deb"] {
        std::fs::remove_file(format!("{folder}/{name}")).unwrap();
    }
    // The same file twice, under another name and in a list.
    let copy = format!("{folder}/c-copy.deb");
    std::fs::copy(format!("{folder}/c-clash.deb"), &copy).unwrap();
    let told = upload(&server, &[&folder, &copy]).expect_code(1);
    let head = "error: 3 of 7 packages refused; nothing was published\n";
    assert!(told.stderr.starts_with(head), "{told}");
    let clash = told.stderr.lines().filter(|line| line.contains("exists with other bytes")).count();
    assert_eq!(clash, 1, "{told}");
    let named = format!("  {folder}/c-clash.deb: acme-old 1.0 amd64: this version exists with");
    assert!(told.stderr.contains(&named), "{told}");
    assert!(told.stderr.contains("hint: give the rebuilt package a higher version"), "{told}");
    assert_eq!(generation(&server), before, "nothing was published");
}

#[test]
fn what_a_grant_does_not_reach_is_refused_by_file_and_the_rest_goes_on() {
    let server = TestServer::start();
    server.repoctl(&["suite", "create", "edge"]).expect_success();
    let own = server.at("ci");
    let issue = ["identity", "issue", "ci", "--role", "uploader", "--suite", "edge", "--out", &own];
    server.repoctl(&issue).expect_success();
    let grant = ["access", "grant", "uploader", "ci", "--suite", "stable", "--package", "acme-*"];
    server.repoctl(&grant).expect_success();
    let debs = ["acme-web", "other", "others"].map(|name| server.deb(&package(name, "1.0")));
    let [cert, key] = ["client.crt", "client.key"].map(|name| format!("{own}/{name}"));
    let more = ["--cert", &cert, "--key", &key, &debs[0], &debs[1], &debs[2]];
    let told = upload(&server, &more).expect_code(3);
    assert!(
        told.stderr.starts_with("error: 2 of 3 packages refused; nothing was published"),
        "{told}"
    );
    for deb in &debs[1..] {
        assert!(told.stderr.contains(&format!("  {deb}: ci may alter only")), "{told}");
    }
    assert!(told.stderr.contains("hint: `repoctl whoami` shows"), "{told}");
    let told = upload(&server, &[&more[..], &["--keep-going"]].concat()).expect_code(1);
    assert!(
        told.stderr.starts_with("error: 2 of 3 packages refused; the others were taken"),
        "{told}"
    );
    assert_eq!(offered(&server, "acme-web"), ["1.0 amd64"]);
}
