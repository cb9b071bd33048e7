//! What suites do not keep goes, and nothing that anybody needs: servers in this process, over a clock that is
//! moved, and with the real apt.

mod apt;
mod stopped;

use std::path::Path;

use repod::domain::{Change, KeepEdit, PinKind, PinTarget, SuiteEdit};
use repod::flow::change::submit::{Terms, submit};
use repod::flow::upkeep::{refresh, retention};
use repod::pool::Kind;

use crate::harness::deb::DebBuilder;
use crate::harness::server::{TestServer, package};
use crate::renewal::{DAY, Moved, stable};

/// A change that has a suite keep so many versions, for so many days.
pub(super) fn keeping(versions: u16, days: u32) -> Change {
    let keep = KeepEdit { versions: Some(versions), days: Some(days), installed_days: None };
    Change::Edit(Box::new(SuiteEdit { keep: Some(Box::new(keep)), ..SuiteEdit::default() }))
}

fn source(name: &str) -> PinTarget {
    PinTarget { kind: PinKind::Source, name: name.parse().unwrap() }
}

/// Files that differ by their size, so that what is freed is theirs.
fn built(version: &str, bytes: &[u8]) -> DebBuilder {
    package("acme-web", version).file("usr/share/acme-web/data", bytes)
}

fn stored(moved: &Moved, kind: Kind) -> usize {
    moved.repository.pool.list(kind).unwrap().len()
}

async fn refused(moved: &Moved, change: Change) -> String {
    moved.later(2);
    let done = submit(&moved.repository, &moved.admin, &stable(), change, Terms::default()).await;
    done.map(drop).unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_suite_does_not_keep_goes_after_the_grace_with_its_bytes() {
    let moved = Moved::start().await;
    for version in ["1.0", "2.0", "3.0", "4.0"] {
        moved.upload("acme-web", version).await;
    }
    moved.upload("acme-tool", "1.0").await;
    moved.later(40 * DAY);
    refresh::tidy(&moved.repository).await;
    assert_eq!(stored(&moved, Kind::Blob), 5, "without a rule everything is kept");
    moved.change(keeping(2, 0)).await;
    let plan = retention::plan(&moved.repository).await.unwrap();
    let would: Vec<_> = plan.freed().map(|one| one.package.digest).collect();
    assert_eq!(would.len(), 2);
    // Marked, and served as before.
    moved.later(DAY + 10);
    refresh::tidy(&moved.repository).await;
    assert_eq!(stored(&moved, Kind::Blob), 5);
    let packs = stored(&moved, Kind::Pack);
    moved.later(DAY - 100);
    refresh::tidy(&moved.repository).await;
    assert_eq!(stored(&moved, Kind::Blob), 5, "not before the grace is over");
    moved.later(200);
    refresh::tidy(&moved.repository).await;
    let left: Vec<_> =
        moved.repository.pool.list(Kind::Blob).unwrap().into_iter().map(|one| one.digest).collect();
    assert_eq!(left.len(), 3);
    assert!(would.iter().all(|gone| !left.contains(gone)), "what the plan said is what went");
    assert_eq!(moved.listed(), ["acme-tool 1.0", "acme-web 4.0"]);
    moved.later(10);
    refresh::tidy(&moved.repository).await;
    assert!(stored(&moved, Kind::Pack) < packs, "packs of no index go as well");
    // The version that is kept can be gone back to, by name; a dropped generation cannot.
    let told = refused(&moved, Change::RollBack(Vec::new(), Some(2))).await;
    assert!(told.contains("generation 2") && told.contains("kept are"), "{told}");
    let told = refused(&moved, Change::RollBack(vec![source("acme-web")], Some(3))).await;
    assert!(told.contains("dropped"), "{told}");
    moved.change(Change::RollBack(vec![source("acme-web")], None)).await;
    assert_eq!(moved.listed(), ["acme-tool 1.0", "acme-web 3.0"]);
    let moved = moved.reopened().await;
    moved.upload("acme-tool", "2.0").await;
    assert_eq!(moved.listed(), ["acme-tool 2.0", "acme-web 3.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_gone_is_refused_with_other_bytes_and_may_come_with_the_same() {
    let moved = Moved::start().await;
    for version in ["1.0", "2.0"] {
        moved.upload("acme-web", version).await;
    }
    moved.change(keeping(1, 0)).await;
    for _ in 0..3 {
        moved.later(DAY + 10);
        refresh::tidy(&moved.repository).await;
    }
    assert_eq!(stored(&moved, Kind::Blob), 1);
    let other = moved.stage_built(&built("1.0", b"other bytes")).await;
    let told = refused(&moved, Change::Add(vec![("main".parse().unwrap(), other)])).await;
    assert!(told.contains("1.0") && told.contains("other bytes"), "{told}");
    assert_eq!(moved.listed(), ["acme-web 2.0"]);
    moved.upload("acme-web", "1.0").await;
    moved.change(Change::Pin(source("acme-web"), "1.0".parse().unwrap(), None)).await;
    assert_eq!(moved.listed(), ["acme-web 1.0"]);
    for _ in 0..3 {
        moved.later(DAY + 10);
        refresh::tidy(&moved.repository).await;
    }
    moved.change(Change::Pin(source("acme-web"), "2.0".parse().unwrap(), None)).await;
    assert_eq!(moved.listed(), ["acme-web 2.0"], "what a pin kept out is kept all the while");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_and_uploads_go_on_while_it_collects() {
    let moved = Moved::start().await;
    moved.change(keeping(1, 0)).await;
    for round in 1..12_u32 {
        moved.upload("acme-web", &format!("{round}.0")).await;
        moved.upload("acme-lib", &format!("{round}.0")).await;
        moved.later(DAY / 2);
        let half = format!("{round}.5");
        let (collects, adds) = tokio::join!(
            retention::run(&moved.repository, &moved.admin),
            moved.stage("acme-web", &half)
        );
        collects.unwrap();
        moved.change(Change::Add(vec![("main".parse().unwrap(), adds)])).await;
        crate::sweep::is_whole(&moved);
    }
    // Of each name what was listed within two days, and no more.
    assert!(stored(&moved, Kind::Blob) < 20, "{}", stored(&moved, Kind::Blob));
    assert_eq!(moved.listed(), ["acme-lib 11.0", "acme-web 11.5"]);
}

/// Every command of the page, and what it prints.
#[test]
fn the_commands_show_what_goes_ask_and_are_told_in_the_log() {
    let server = TestServer::start();
    for version in ["1.0", "2.0", "3.0"] {
        server.upload("acme-web", version).expect_success();
    }
    server.repoctl(&["gc", "-n"]).expect_success().expect_says("Every suite keeps everything");
    let edit = ["suite", "edit", "stable", "--keep-versions", "1", "--keep-days", "0"];
    server.repoctl(&[&edit[..], &["-m", "the disk fills"]].concat()).expect_success();
    server
        .repoctl(&["suite", "show", "stable"])
        .expect_success()
        .expect_says("1 version of each package, what hosts have that were seen within 30 days");
    let wrong = server.repoctl(&["suite", "edit", "stable", "--keep-days", "40000"]);
    wrong.expect_code(2).expect_says("keep_days");
    // All of it was offered within the grace.
    server.repoctl(&["gc", "--dry-run"]).expect_success().expect_says("nothing goes");
    server.repoctl(&["gc"]).expect_code(2).expect_says("say --yes");
    server.repoctl(&["gc", "--yes", "-m", "now"]).expect_success().expect_says("0 B freed");
    let log = server.repoctl(&["audit", "--verb", "gc"]).expect_success();
    assert!(log.says("nothing to remove") && log.says("now"), "{log}");
    let json = server.repoctl(&["gc", "-n", "--json"]).expect_success().stdout;
    let plan: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(plan["suites"][0]["keep"]["versions"], 1);
    assert_eq!(plan["grace_seconds"], 86_400);
    let path = Path::new(&server.at("repo.toml")).to_owned();
    let exported = server.repoctl(&["access", "export"]).expect_success().stdout;
    assert!(
        exported.contains("keep = { versions = 1, days = 0, installed_days = 30 }"),
        "{exported}"
    );
    std::fs::write(&path, exported.replace("versions = 1, days = 0", "versions = 2, days = 90"))
        .unwrap();
    let apply = ["apply", "-f", path.to_str().unwrap(), "--yes"];
    server.repoctl(&apply).expect_success().expect_says("90 days of what was listed");
    assert!(server.metrics().contains("repod_gc_reclaimable_bytes 0"));
}

/// Who operates one suite alone may not, and a host neither.
#[test]
fn only_who_runs_the_repository_collects() {
    let server = TestServer::start();
    let out = server.at("ops");
    let issue = ["identity", "issue", "ops.example.org", "--role", "operator", "--suite", "stable"];
    server.repoctl(&[&issue[..], &["--out", &out]].concat()).expect_success();
    let (certificate, key) = (format!("{out}/client.crt"), format!("{out}/client.key"));
    for words in [&["gc", "-n"][..], &["gc", "--yes"]] {
        let own = server.repoctl_program(words);
        let own = own.env("REPOCTL_CERT", &certificate).env("REPOCTL_KEY", &key);
        own.run().expect_code(3);
    }
}
