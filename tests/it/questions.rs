//! Questions: what asks on a terminal, and what is refused where nobody can be asked, with the real programs.

use std::path::{Path, PathBuf};

use crate::harness::deb::DebBuilder;
use crate::harness::programs::{Outcome, PATH, Program, program};
use crate::harness::server::{TestServer, package};
use crate::harness::terminal::{Answer, on_terminal, questions};

/// What stands for rows that alter the machine they run on: it would be the one of the tests.
const OF_A_HOST: [&str; 2] = ["repoctl host enroll TOKEN", "repoctl host renew"];

/// Rows of the table that this server refuses once they were not asked about.
const REFUSED_HERE: [&str; 2] = ["repoctl key add archive.asc", "repoctl crl put issuing.crl"];

/// A server with two sources, of which one has two binaries, in three versions, and two that need each other's
/// version, in two; generation 1 is empty.
struct Desk {
    server: TestServer,
    room: PathBuf,
    key: String,
}

impl Desk {
    fn new() -> Self {
        let server = TestServer::start();
        server.note_restoration();
        for version in ["1.0", "2.0", "3.0"] {
            server.upload("acme-web", version).expect_success();
            let both = ["libacme1", "acme-tools"]
                .map(|name| server.deb(&package(name, version).field("Source", "acme")));
            let [lib, tools] = &both;
            server.repoctl(&["upload", "--suite", "stable", lib, tools]).expect_success();
        }
        for version in ["1.0", "2.0"] {
            let both = [package("acme-db", version), shop("acme-shop", version)];
            let [db, shop] = both.map(|deb| server.deb(&deb));
            server.repoctl(&["upload", "--suite", "stable", &db, &shop]).expect_success();
        }
        server.repoctl(&["suite", "create", "edge"]).expect_success();
        for name in ["acme-new", "acme-late", "acme-last", "libmore1", "acme-more"] {
            let more = name.contains("more");
            let source = if more { "more" } else { name };
            let deb = server.deb(&package(name, "1.0").field("Source", source));
            server.repoctl(&["upload", "--suite", "edge", &deb]).expect_success();
        }
        let ring = ["suite", "create", "wide", "--ring", "canary=canary.example.org"];
        server.repoctl(&ring).expect_success();
        for name in ["acme-new", "acme-late"] {
            let deb = server.deb(&package(name, "1.0").field("Source", name));
            server.repoctl(&["upload", "--suite", "wide", &deb]).expect_success();
        }
        server.repoctl(&["suite", "edit", "wide", "--rollout", "start=manual"]).expect_success();
        let first = server.deb(&package("acme-first", "1.0"));
        server.repoctl(&["upload", "--suite", "wide", &first]).expect_success();
        let room = PathBuf::from(server.at("room"));
        std::fs::create_dir_all(&room).unwrap();
        let cron = package("acme-cron", "1.0");
        std::fs::write(room.join(cron.file_name()), cron.build()).unwrap();
        for name in ["archive.asc", "issuing.crl"] {
            std::fs::write(room.join(name), "this is none").unwrap();
        }
        let file = "[group.web]\nmembers = [\"web-*.example.org\"]\n";
        std::fs::write(room.join("repo.toml"), file).unwrap();
        let keys = server.repoctl(&["key", "list", "--json"]).expect_success();
        let keys: serde_json::Value = serde_json::from_str(&keys.stdout).unwrap();
        let key = keys.to_string();
        let key = key.split("\"fingerprint\":\"").nth(1).unwrap()[..40].to_owned();
        Self { server, room, key }
    }

    fn line(&self, row: &str) -> String {
        format!("exec {}", row.replace("FINGERPRINT", &self.key))
    }

    fn ready(&self, program: Program) -> Program {
        let built =
            Path::new(env!("CARGO_BIN_EXE_repoctl")).parent().unwrap().display().to_string();
        program
            .dir(&self.room)
            .env("PATH", format!("{built}:{PATH}"))
            .env("REPOCTL_CONFIG", self.server.at("data/operator/config.toml"))
            .env("REPOCTL_SUITE", "stable")
    }

    /// As a script runs it.
    fn piped(&self, row: &str) -> Outcome {
        self.ready(program("sh").args(["-c", &self.line(row)])).run()
    }

    /// As a person runs it, who answers what is asked.
    fn seen(&self, row: &str, answers: &[Answer]) -> Outcome {
        self.ready(on_terminal(&["sh", "-c", &self.line(row)], &self.room, answers)).run()
    }

    /// What the log tells that people did, for comparison.
    fn done(&self) -> usize {
        let log = self.server.repoctl(&["audit", "--all", "--json"]).expect_success();
        log.stdout.lines().filter(|line| !line.contains("\"identity\":\"repod\"")).count()
    }

    fn offers(&self, package: &str) -> Option<String> {
        let list = self.server.repoctl(&["list", "--suite", "stable", "--json"]).expect_success();
        let list: serde_json::Value = serde_json::from_str(&list.stdout).unwrap();
        let one = list
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["package"] == package && one["state"] == "live");
        one.map(|one| one["version"].as_str().unwrap().to_owned())
    }
}

/// A package that needs the database of its own version.
fn shop(name: &str, version: &str) -> DebBuilder {
    package(name, version).field("Depends", &format!("acme-db (>= {version})"))
}

/// The rows of the table: the command, and whether it asks.
fn rows() -> Vec<(String, String)> {
    let page = crate::docs::read("docs/questions.md");
    let rows = page.lines().filter(|line| line.starts_with("| `repoctl "));
    let cells = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    cells.map(|cells| (cells[1].trim_matches('`').to_owned(), cells[2].to_owned())).collect()
}

#[test]
fn every_row_of_the_table_is_what_the_commands_do() {
    let desk = Desk::new();
    let no = [Answer::of("n")];
    let rows = rows();
    assert!(rows.len() > 40, "{rows:?}");
    for (row, asks) in rows.iter().filter(|(row, _)| !OF_A_HOST.contains(&row.as_str())) {
        let before = desk.done();
        match asks.as_str() {
            "no" => {
                let seen = desk.seen(row, &no);
                assert_eq!(questions(&seen), 0, "{seen}");
                let fails = REFUSED_HERE.contains(&row.as_str());
                assert_eq!(seen.code, i32::from(fails), "{seen}");
            }
            "yes" => {
                let piped = desk.piped(row).expect_code(2);
                assert!(piped.stderr.contains("this has to be confirmed"), "{piped}");
                assert!(piped.stderr.contains("say --yes"), "{piped}");
                let seen = desk.seen(row, &no).expect_code(1);
                assert_eq!(questions(&seen), 1, "{seen}");
                assert!(seen.says("\n! ") && seen.says("not done; nothing was changed"), "{seen}");
                assert_eq!(desk.done(), before, "{row}: something was done without a yes");
                if row.contains("redate trial") {
                    desk.server.date_ahead("trial");
                }
                let said = desk.piped(&format!("{row} --yes")).expect_success();
                assert_eq!(questions(&said), 0, "{said}");
                assert!(desk.done() > before, "{row} --yes did nothing");
            }
            "refused" => {
                desk.piped(row).expect_code(2).expect_says("--all");
                desk.seen(row, &no).expect_code(2).expect_says("--all");
                desk.piped(&format!("{row} --yes")).expect_code(2).expect_says("--all");
                assert_eq!(desk.done(), before, "{row}");
            }
            other => panic!("{row}: what is {other:?}?"),
        }
    }
}

#[test]
fn yes_stands_for_neither_all_nor_force() {
    let desk = Desk::new();
    let before = desk.done();
    for row in ["repoctl pin --rollback --yes", "repoctl pin --rollback --to 1 --yes"] {
        desk.piped(row).expect_code(2).expect_says("say --all to go back with the whole suite");
    }
    desk.piped("repoctl unpin --yes").expect_code(2).expect_says("--all");
    // A variable that is not set is no name, and no list of names.
    for row in [
        "repoctl pin --rollback \"$PKG\" --yes",
        "repoctl pin --rollback $PKG --yes",
        "repoctl promote --from edge \"$PKG\" --yes",
        "repoctl promote --from edge $PKG --yes",
        "repoctl unpin \"$PKG\" --yes",
        "repoctl remove \"$PKG\" --yes",
        "repoctl host revoke \"$PKG\" --yes",
        "repoctl access revoke uploader \"$PKG\" --yes",
        "repoctl suite edit stable --owns \"$PKG\"",
        "repoctl pin --rollback acme-web --suite \"$PKG\" --yes",
        "env REPOCTL_SUITE=\"$PKG\" repoctl pin --rollback acme-web --yes",
    ] {
        desk.piped(row).expect_code(2);
    }
    assert_eq!(desk.done(), before);
    assert_eq!(desk.offers("acme-web").as_deref(), Some("3.0"));
    // A dependant that could not follow: neither taken along nor left behind.
    for row in ["repoctl pin --rollback acme-db --yes", "repoctl remove acme-db --yes"] {
        desk.piped(row).expect_code(1).expect_says("--cascade").expect_says("--force");
    }
    assert_eq!(desk.offers("acme-db").as_deref(), Some("2.0"));
    // The only key, with a yes and without the force.
    desk.piped("repoctl key retire FINGERPRINT --yes").expect_code(1).expect_says("only key");
}

#[test]
fn a_person_says_yes_to_what_was_shown_and_is_asked_again_when_it_moved() {
    let desk = Desk::new();
    let plain = desk.seen("repoctl pin --rollback acme-web", &[]).expect_success();
    assert_eq!(questions(&plain), 0, "{plain}");
    plain.expect_says("live as generation 10 of stable");
    let shown = desk.seen("repoctl pin --rollback libacme1", &[Answer::of("y")]).expect_success();
    assert_eq!(questions(&shown), 1, "{shown}");
    let shown = shown.expect_says("acme-tools").expect_says("live as generation 11 of stable");
    let (question, end) = shown.stdout.split_once("Go ahead?").unwrap();
    assert!(question.contains("This is what would happen:") && question.contains("3.0"), "{shown}");
    assert!(end.contains("hosts follow"), "{shown}");
    // Somebody publishes while this one thinks: the same plan is shown anew, from where the suite stands.
    let deb = desk.server.deb(&package("acme-api", "1.0"));
    let config = desk.server.at("data/operator/config.toml");
    let repoctl = env!("CARGO_BIN_EXE_repoctl");
    let meanwhile = [repoctl, "--config", &config, "upload", "--suite", "stable", &deb];
    let twice = [Answer::of("y").after(&meanwhile), Answer::of("n")];
    let told = desk.seen("repoctl pin --rollback --all --to 3", &twice).expect_code(1);
    assert_eq!(questions(&told), 2, "{told}");
    let (first, second) = told.stdout.split_once("has moved on meanwhile").unwrap();
    assert!(!first.contains("acme-api") && second.contains("acme-api"), "{told}");
    assert_eq!(desk.offers("acme-api").as_deref(), Some("1.0"), "nothing was done");
    let told = desk.seen("repoctl pin --rollback --all --to 3", &[Answer::of("yes")]);
    told.expect_success().expect_says("live as generation 13 of stable");
    assert_eq!(desk.offers("acme-api"), None);
    assert_eq!(desk.offers("libacme1").as_deref(), Some("1.0"));
}

/// A rollback of named packages lets uploads of others pass; not so one that somebody has seen.
#[test]
fn what_moves_along_is_asked_again_when_it_is_another() {
    let desk = Desk::new();
    let first = desk.server.deb(&shop("acme-kiosk", "1.0"));
    desk.server.repoctl(&["upload", "--suite", "stable", &first]).expect_success();
    let second = desk.server.deb(&shop("acme-kiosk", "2.0"));
    let config = desk.server.at("data/operator/config.toml");
    let repoctl = env!("CARGO_BIN_EXE_repoctl");
    let meanwhile = [repoctl, "--config", &config, "upload", "--suite", "stable", &second];
    let twice = [Answer::of("y").after(&meanwhile), Answer::of("n")];
    let told = desk.seen("repoctl pin --rollback acme-db --cascade", &twice).expect_code(1);
    assert_eq!(questions(&told), 2, "{told}");
    let (first, second) = told.stdout.split_once("has moved on meanwhile").unwrap();
    assert!(first.contains("acme-shop") && !first.contains("acme-kiosk"), "{told}");
    assert!(second.contains("acme-shop") && second.contains("acme-kiosk"), "{told}");
    assert_eq!(desk.offers("acme-db").as_deref(), Some("2.0"), "nothing was done");
    let told = desk.seen("repoctl pin --rollback acme-db --cascade", &[Answer::of("y")]);
    told.expect_success().expect_says("live as generation");
    for name in ["acme-db", "acme-shop", "acme-kiosk"] {
        assert_eq!(desk.offers(name).as_deref(), Some("1.0"), "{name}");
    }
}

#[test]
fn a_rollback_whose_answer_is_lost_exits_with_4() {
    let mut desk = Desk::new();
    desk.server.kill();
    let told = desk.piped("repoctl pin --rollback acme-web --yes").expect_code(4);
    assert!(!told.says("live as generation"), "{told}");
}
