//! Hosts that saw the newer state, and what people are told.

use super::*;

/// A fleet that saw what came after the backup: one host, and one that is revoked after it.
fn fleet(place: &Place) -> (AptRoot, AptRoot) {
    let server = &place.server;
    server.upload("acme-web", "1.0").expect_success();
    let (host, gone) = (server.host("web1.example.org"), server.host("gone.example.org"));
    host.update().expect_success();
    host.install(&["acme-web"]).expect_success();
    place.back_up(&[]).expect_success();
    // Several, so that the number of generations tells.
    for version in ["1.5", "1.7", "2.0"] {
        server.upload("acme-web", version).expect_success();
    }
    server.repoctl(&["host", "revoke", "gone.example.org", "--yes"]).expect_success();
    assert_eq!(follow(&host).as_deref(), Some("2.0"));
    (host, gone)
}

/// Other bytes under a name and version that hosts have.
fn other_bytes(server: &TestServer) -> String {
    server.deb(&package("acme-web", "2.0").file("usr/share/acme-web/more", b"other bytes\n"))
}

#[test]
fn hosts_follow_a_restored_backup_and_no_version_gets_other_bytes() {
    let mut place = Place::new();
    let (host, gone) = fleet(&place);
    let seen = place.last_generation();
    place.restore().expect_code(1).expect_says("stop it first");
    place.server.stop();
    let told = place.restore().expect_success();
    assert!(
        told.says("versions keep their bytes") && told.says("catalogue.sqlite.before-"),
        "{told}"
    );
    place.check().expect_code(1).expect_says("the log was set back");
    place.server.serve();
    place.led_on();
    let server = &place.server;
    assert_eq!(follow(&host).as_deref(), Some("1.0"), "hosts go down with it");
    assert!(place.last_generation() > seen, "no number is used twice");
    let history = place.server.repoctl(&["history", "--suite", "stable"]).expect_success();
    assert_eq!(history.stdout.matches("restored from the backup").count(), 1, "{history}");
    gone.update().expect_code(100);
    // A version that hosts had keeps its bytes; the same bytes are taken.
    let again = server.repoctl(&["upload", "--suite", "stable", &other_bytes(server)]);
    again.expect_code(1).expect_says("2.0");
    let status = server.repoctl(&["status"]).expect_success();
    assert!(status.says("3 packages were accepted after the restored state"), "{status}");
    let lost = place.json(&["restored"]);
    assert_eq!(lost["lost"].as_array().unwrap().len(), 3, "{lost}");
    assert_eq!((&lost["complete"], &lost["lost"][0]["suite"]), (&true.into(), &"stable".into()));
    let verified = server.repoctl(&["audit", "verify"]).expect_code(1);
    assert!(verified.says("an earlier state was restored (the state of "), "{verified}");
    server.upload("acme-web", "2.0").expect_success();
    assert_eq!(follow(&host).as_deref(), Some("2.0"));
    assert_eq!(place.json(&["restored"])["lost"].as_array().unwrap().len(), 2);
    server.repoctl(&["restored", "acknowledge", "-m", "uploaded again"]).expect_success();
    server.repoctl(&["audit", "verify"]).expect_success();
    assert!(!server.repoctl(&["status"]).expect_success().says("restored"));
    let log = server.repoctl(&["audit"]).expect_success();
    for verb in [" restore ", "restore-acknowledge", "suite-restore"] {
        assert!(log.says(verb), "{verb}: {log}");
    }
    server.check("web1.example.org", "stable");
}

#[test]
fn where_only_the_backup_is_left_numbers_go_on_behind_a_gap_and_doubts_are_told() {
    let mut place = Place::new();
    let token = ["host", "token", "late.example.org", "--suite", "stable"];
    place.server.repoctl(&token).expect_success();
    let (host, _) = fleet(&place);
    let seen = place.last_generation();
    place.server.stop();
    fs::remove_dir_all(place.server.data()).unwrap();
    place.restore().expect_success().expect_says("revoke again what was revoked");
    place.check().expect_success();
    // It is of another machine, or of days ago.
    assert!(!place.server.data().join("floor/.clock").exists());
    place.server.serve();
    place.led_on();
    let server = &place.server;
    assert!(place.last_generation() > seen, "{} after {seen}", place.last_generation());
    assert_eq!(follow(&host).as_deref(), Some("1.0"));
    // What nobody can know is taken, and told.
    let uploaded = server.repoctl(&["upload", "--suite", "stable", &other_bytes(server)]);
    uploaded.expect_success();
    let status = server.repoctl(&["status"]).expect_success();
    assert!(status.says("1 package was accepted since the restoration: acme-web 2.0"), "{status}");
    let tokens = server.repoctl(&["host", "show", "late.example.org"]);
    assert!(!tokens.says("open"), "a token may have been used since: {tokens}");
    server.check("web1.example.org", "stable");
}

/// Whoever copies files by hand tells nobody.
#[test]
fn a_catalogue_that_was_set_back_by_hand_is_recognised_and_its_packages_are_known() {
    let mut place = Place::new();
    let server = &mut place.server;
    server.upload("acme-web", "1.0").expect_success();
    let host = server.host("web1.example.org");
    host.update().expect_success();
    host.install(&["acme-web"]).expect_success();
    server.stop();
    let (catalogue, kept) = (server.data().join("catalogue.sqlite"), server.at("kept.sqlite"));
    fs::copy(&catalogue, &kept).unwrap();
    server.serve();
    for version in ["1.5", "2.0"] {
        server.upload("acme-web", version).expect_success();
    }
    assert_eq!(follow(&host).as_deref(), Some("2.0"));
    server.stop();
    let seen = fs::read_to_string(server.data().join("floor/stable")).unwrap();
    fs::copy(&kept, &catalogue).unwrap();
    let config = server.at("data/repod.toml");
    let verify = server.repod(&["audit", "verify", "--config", &config]).run();
    verify.expect_code(1).expect_says("the log was set back");
    server.serve();
    place.led_on();
    assert_eq!(follow(&host).as_deref(), Some("1.0"));
    let seen: u64 = seen.trim().split_once(' ').unwrap().1.parse().unwrap();
    assert!(place.last_generation() > seen);
    let server = &place.server;
    let again = server.repoctl(&["upload", "--suite", "stable", &other_bytes(server)]);
    again.expect_code(1).expect_says("2.0");
    let status = server.repoctl(&["status"]).expect_success();
    assert!(status.says("2 packages were accepted after the restored state"), "{status}");
    server.repoctl(&["audit", "verify"]).expect_code(1).expect_says("had been signed up to entry");
    // A restart tells of it once.
    place.server.stop();
    place.server.serve();
    let told = place.server.repoctl(&["audit", "--verb", "restore", "--json"]).expect_success();
    assert_eq!(told.stdout.lines().count(), 1, "{told}");
}
