//! An alias is never also a suite's name, whoever asks first.

use super::{bare, create, edit, field, release};

/// Refused with the reason, in both directions; nothing is left behind.
#[test]
fn a_name_is_never_a_suites_and_an_alias() {
    let server = bare();
    create(&server, "bookworm", &["--alias", "stable"]).expect_success();
    create(&server, "trixie", &[]).expect_success();
    let told = create(&server, "stable", &[]).expect_code(1);
    assert!(told.says("stable: is the alias of suite bookworm"), "{told}");
    for suite in ["bookworm", "trixie"] {
        let told = edit(&server, suite, &["--alias", "trixie", "--yes"])
            .expect_code(if suite == "trixie" { 2 } else { 1 });
        let why = if suite == "trixie" { "the suite's own name" } else { "is the name of a suite" };
        assert!(told.says(why), "{told}");
    }
    let told = create(&server, "sid", &["--alias", "stable"]).expect_code(1);
    assert!(
        told.says("is the alias of suite bookworm") && told.says("repoctl suite edit"),
        "{told}"
    );
    let told = create(&server, "sid", &["--alias", "trixie"]).expect_code(1);
    assert!(told.says("trixie: is the name of a suite"), "{told}");
    create(&server, "sid", &["--alias", "sid"]).expect_code(2);
    for wrong in ["Stable", "../x", "a b", ""] {
        create(&server, "sid", &["--alias", wrong]).expect_code(2);
        edit(&server, "trixie", &["--alias", wrong]).expect_code(2);
    }
    let list = server.repoctl(&["suite", "list", "--json"]).expect_success();
    let list: serde_json::Value = serde_json::from_str(&list.stdout).unwrap();
    let named: Vec<_> = list.as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(named, ["bookworm", "trixie"]);
    assert_eq!(list[0]["alias"], "stable");
    assert!(list[1].get("alias").is_none());
    // Where a suite has to be named by its name, the answer says it.
    for args in [
        &["suite", "edit", "stable", "--description", "x"][..],
        &["suite", "remove", "stable", "--yes"],
        &["host", "issue", "web1.example.org", "--suite", "stable"],
        &["host", "token", "web1.example.org", "--suite", "stable"],
    ] {
        let told = server.repoctl(args).expect_code(1);
        assert!(told.says("that is the alias of suite bookworm"), "{told}");
    }
    // What it had before is free at once.
    edit(&server, "bookworm", &["--alias", "oldstable", "--yes"]).expect_success();
    edit(&server, "trixie", &["--alias", "stable"]).expect_success();
    edit(&server, "trixie", &["--alias", "stable"]).expect_success();
    server.repoctl(&["suite", "show", "stable"]).expect_success().expect_says("trixie");
}

/// Many at one moment: one of them has it, and the others are told.
#[test]
fn of_many_who_want_a_name_at_once_one_gets_it() {
    let server = bare();
    let suites = ["alpha", "beta", "gamma"];
    suites.iter().for_each(|suite| drop(create(&server, suite, &[]).expect_success()));
    for round in ["one", "two", "three"] {
        let codes: Vec<i32> = std::thread::scope(|scope| {
            let (server, suites) = (&server, &suites);
            let by_edit = suites
                .map(|suite| scope.spawn(move || edit(server, suite, &["--alias", round]).code));
            let by_name = scope.spawn(move || create(server, round, &[]).code);
            let all = by_edit.into_iter().chain([by_name]);
            all.map(|one| one.join().unwrap()).collect()
        });
        assert!(codes.contains(&0), "{round}: {codes:?}");
        let list = server.repoctl(&["suite", "list", "--json"]).expect_success();
        let list: serde_json::Value = serde_json::from_str(&list.stdout).unwrap();
        let has = |one: &&serde_json::Value| one["name"] == round || one["alias"] == round;
        assert_eq!(list.as_array().unwrap().iter().filter(has).count(), 1, "{codes:?} {list}");
    }
}

/// What was recorded is there after a restart, and a kill in the middle leaves each name one suite's.
#[test]
fn aliases_outlast_restarts_and_a_kill_while_one_moves() {
    let mut server = bare();
    create(&server, "bookworm", &["--alias", "stable"]).expect_success();
    create(&server, "trixie", &[]).expect_success();
    let codename = |server: &crate::harness::server::TestServer| {
        field(&release(server, "dists/stable"), "Codename")
    };
    assert_eq!(server.stop(), 0);
    server.serve();
    assert_eq!(codename(&server), "bookworm");
    for (number, suite) in (0..).zip(["trixie", "bookworm", "trixie", "bookworm"]) {
        let before = codename(&server);
        let take = ["suite", "edit", suite, "--alias", "stable", "--yes"];
        let asking = server.repoctl_program(&take);
        let asking = std::thread::spawn(move || asking.run());
        std::thread::sleep(std::time::Duration::from_millis(150 + 350 * number));
        server.kill();
        server.serve();
        // However it ended: the answer may have been lost.
        let _ended = asking.join().unwrap();
        let after = codename(&server);
        assert!(after == suite || after == before, "{after}");
        server.repoctl(&take).expect_success();
        assert_eq!(codename(&server), suite);
    }
    // Each says its own Suite in the end.
    let begun = std::time::Instant::now();
    while field(&release(&server, "dists/trixie"), "Suite") != "trixie" {
        assert!(begun.elapsed() < std::time::Duration::from_secs(90), "it is never signed anew");
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    assert_eq!(field(&release(&server, "dists/bookworm"), "Suite"), "stable");
}
