//! Ctrl-C: at a question and in the middle of an upload. Nothing is half done, and the terminal is as before.

use super::{Desk, NAMES};
use crate::harness::programs::program;
use crate::harness::pty::{Seen, Size, Step, columns};

/// Killed by SIGINT, which a shell tells as 130.
const INTERRUPTED: i64 = -2;
const CTRL_C: &str = "\u{3}";

#[test]
fn a_question_that_is_broken_off_changes_nothing_at_any_width() {
    let desk = Desk::new();
    let generation =
        |desk: &Desk| desk.server.repoctl(&["history", "--suite", "stable", "--json"]).stdout;
    let before = generation(&desk);
    for columns in [60, 80, 200] {
        let size = Size { columns, rows: 24 };
        let line = "repoctl pin --rollback --all --to 1 --color never";
        let steps = [Step::at("Go ahead? [y/N] ", CTRL_C)];
        let seen = Seen::of(desk.at(size, line, &steps).run()).expect_ended(INTERRUPTED);
        assert!(seen.says("This is what would happen:"), "{seen:?}");
        let table = seen.shown.lines().filter(|line| line.starts_with("  "));
        assert!(table.clone().count() > 2, "{seen:?}");
        for line in table {
            assert!(self::columns(line) <= columns, "{line}");
        }
    }
    assert_eq!(generation(&desk), before);
}

/// A package of 200 MiB, which takes a while to be sent.
fn large(desk: &Desk) -> String {
    let tree = desk.room.join("large");
    std::fs::create_dir_all(tree.join("DEBIAN")).unwrap();
    let control = "Package: acme-large\nVersion: 1.0\nArchitecture: amd64\nMaintainer: a <a@example.org>\n\
                   Description: large\n";
    std::fs::write(tree.join("DEBIAN/control"), control).unwrap();
    let content = std::fs::File::create(tree.join("content")).unwrap();
    content.set_len(200 << 20).unwrap();
    let deb = desk.room.join("acme-large_1.0_amd64.deb").display().to_string();
    let tree = tree.display().to_string();
    program("dpkg-deb")
        .args(["--root-owner-group", "-Znone", "--build", &tree, &deb])
        .run()
        .expect_success();
    deb
}

#[test]
fn an_upload_that_is_broken_off_leaves_nothing_and_succeeds_afterwards() {
    let desk = Desk::new();
    let deb = large(&desk);
    let listed = |desk: &Desk| {
        let list = desk.server.repoctl(&["list", "--suite", "stable"]).expect_success();
        list.says("acme-large")
    };
    for width in [60, 80, 200] {
        let size = Size { columns: width, rows: 24 };
        for work in ["reading", "sending"] {
            let steps = [Step::at(work, CTRL_C)];
            let line = format!("repoctl upload {deb}");
            let seen = Seen::of(desk.at(size, &line, &steps).run()).expect_ended(INTERRUPTED);
            // The bar is drawn in one line, again and again.
            for drawn in plain(&seen.shown).replace("^C", "").split(['\n', '\r']) {
                assert!(columns(drawn) <= width, "{width}: {drawn:?}");
            }
            assert!(seen.says("MiB") || work == "reading", "{seen:?}");
            assert!(!listed(&desk), "{seen:?}");
        }
    }
    desk.server.repoctl(&["upload", "--suite", "stable", &deb]).expect_success();
    assert!(listed(&desk));
    let list = desk.server.repoctl(&["list", "--suite", "stable"]).expect_success();
    assert!(NAMES.iter().all(|name| list.says(name)), "{list}");
    let staging = std::fs::read_dir(desk.server.data().join("pool/staging")).unwrap();
    assert_eq!(staging.count(), 0, "what was broken off is gone");
}

/// What is shown without the escapes of a terminal.
fn plain(shown: &str) -> String {
    let mut out = String::new();
    let mut rest = shown;
    while let Some((before, escaped)) = rest.split_once("\u{1b}[") {
        out.push_str(before);
        rest = escaped.split_once(|c: char| c.is_ascii_alphabetic()).map_or("", |(_, rest)| rest);
    }
    out + rest
}
