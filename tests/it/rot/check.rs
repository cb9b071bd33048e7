//! Check: `repod check` finds each kind of rot by name, and repairs what can be.

use super::*;
use crate::harness::programs::{Outcome, program};

/// Which file of a data directory is of which kind, by the beginning of its path: what becomes of
/// one that rots. A new kind of file belongs here, and to the cases below.
pub(super) const KINDS: [(&str, Kept); 19] = [
    ("pool/blobs/", Kept::Checked),
    ("pool/bundles/", Kept::Checked),
    ("pool/packs/", Kept::Checked),
    ("catalogue.sqlite", Kept::Checked),
    ("floor/", Kept::Checked),
    ("keys/archive-key.asc", Kept::Checked),
    ("keys/signing.asc", Kept::Read),
    ("ca/", Kept::Read),
    ("tls/", Kept::Read),
    ("repod.toml", Kept::Read),
    ("operator/", Kept::Client),
    ("lock", Kept::Empty),
    ("pool/staging/", Kept::Passing),
    ("keys/ring.json", Kept::Read),
    ("keys/retired/", Kept::Read),
    ("trust/", Kept::Read),
    ("keys/EXAMPLE", Kept::Empty),
    ("scrub", Kept::Read),
    ("reserve/", Kept::Empty),
];

/// Who notices when a kind of file rots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kept {
    /// `repod check`, and the scrub of a server that runs.
    Checked,
    /// The server, which parses it when it starts and says what is wrong with it.
    Read,
    /// The client that it was made for.
    Client,
    /// Nothing is in it that is ever read.
    Empty,
    /// It is removed at every start.
    Passing,
}

impl House {
    fn check(&self, more: &[&str]) -> Outcome {
        let config = self.server.at("data/repod.toml");
        let words = [&["check", "--config", &config], more].concat();
        self.server.repod(&words).run()
    }

    fn copy(&self, from: &str, to: &str) {
        let to = self.server.at(to);
        let _ = fs::remove_dir_all(&to);
        program("cp").args(["-a", &self.server.at(from), &to]).run().expect_success();
    }

    fn sql(&self, sql: &str) {
        let raw = rusqlite::Connection::open(self.server.data().join("catalogue.sqlite")).unwrap();
        assert!(raw.execute(sql, []).unwrap() > 0, "{sql}");
    }

    pub(super) fn first(&self, kind: &str) -> PathBuf {
        self.stored(kind).remove(0)
    }
}

/// What rots, what is said of it, and whether it can be repaired.
type Case = (&'static str, fn(&House), &'static str, bool);

const CASES: [Case; 12] = [
    ("a pack", |house| Rot::Flipped.befall(&house.first("packs"), 300), "pack ", true),
    ("a lost pack", |house| Rot::Gone.befall(&house.first("packs"), 0), "is lost", true),
    (
        "every pack",
        |house| house.stored("packs").iter().for_each(|one| Rot::Cut.befall(one, 500)),
        "pack ",
        true,
    ),
    (
        "a stanza",
        |house| {
            house.sql("UPDATE stanza SET stanza = replace(stanza, 'acme-db', 'acme-dc') WHERE stanza LIKE '%acme-db%'")
        },
        "the stanza of acme-db 1.0 amd64",
        true,
    ),
    (
        "a run's place",
        |house| {
            house.sql("UPDATE chunk SET run_offset = run_offset + 1 WHERE run_offset IS NOT NULL")
        },
        "another digest",
        true,
    ),
    (
        "a block's place",
        |house| house.sql("UPDATE chunk SET xz_offset = 1 << 40 WHERE xz_offset IS NOT NULL"),
        "is not where",
        true,
    ),
    (
        "the digest of an index",
        |house| {
            house.sql("UPDATE index_file SET digest = replace(digest, 'a', 'b') WHERE path LIKE '%Packages.gz' AND until_generation IS NULL")
        },
        "Packages.gz of stable",
        true,
    ),
    (
        "a package",
        |house| Rot::Flipped.befall(&house.first("blobs"), 700),
        "the .deb of acme-",
        false,
    ),
    (
        "a lost package",
        |house| Rot::Gone.befall(&house.first("blobs"), 0),
        "is lost; upload the same file again",
        false,
    ),
    (
        "a bundle",
        |house| Rot::Flipped.befall(&house.first("bundles"), 999),
        "the .deb of acme-many",
        false,
    ),
    (
        "a date",
        |house| fs::remove_file(house.server.data().join("floor/stable")).unwrap(),
        "date floor",
        true,
    ),
    (
        "the public keys",
        |house| Rot::Cut.befall(&house.server.data().join("keys/archive-key.asc"), 300),
        "the audit log",
        true,
    ),
];

#[test]
fn a_check_names_what_rots_and_repairs_what_can_be() {
    let mut house = House::new();
    let debs =
        (10..40).map(|number| house.server.deb(&package(&format!("acme-many{number}"), "1.0")));
    let words: Vec<_> =
        ["upload", "--suite", "stable"].map(String::from).into_iter().chain(debs).collect();
    house.server.repoctl(&words.iter().map(String::as_str).collect::<Vec<_>>()).expect_success();
    let packages = house.whole();
    // Beside a server that runs, too.
    house.check(&[]).expect_success().expect_says("All of it is what was stored");
    house.check(&["--repair"]).expect_success();
    Rot::Flipped.befall(&house.first("blobs"), 500);
    house.check(&["--repair"]).expect_code(1).expect_says("another repod uses");
    house.server.repoctl(&words.iter().map(String::as_str).collect::<Vec<_>>());
    for name in ["acme-api", "acme-db", "acme-web"] {
        house.server.upload(name, "1.0").expect_success();
    }
    house.check(&[]).expect_success();
    house.server.stop();
    house.copy("data", "saved");
    for (what, rot, says, can_be) in CASES {
        rot(&house);
        let found = house.check(&[]).expect_code(1);
        assert!(found.says(says), "{what}: {found:?}");
        let repaired = house.check(&["--repair"]);
        assert_eq!(repaired.succeeded(), can_be, "{what}: {repaired:?}");
        let again = house.check(&[]);
        assert_eq!(again.succeeded(), can_be, "{what}: {again:?}");
        if can_be {
            house.server.serve();
            assert_eq!(house.whole(), packages, "{what}");
            house.server.stop();
        }
        house.copy("saved", "data");
    }
    house.server.serve();
    assert_eq!(house.whole(), packages);
}

#[test]
fn every_kind_of_stored_file_has_somebody_who_notices_its_rot() {
    let house = House::new();
    let out =
        program("find").args([&house.server.at("data"), "-type", "f", "-printf", "%P\\n"]).run();
    let paths = out.expect_success().stdout;
    for path in paths.lines() {
        assert!(KINDS.iter().any(|(kind, _)| path.starts_with(kind)), "{path} is of no known kind");
    }
    let checked = KINDS.iter().filter(|(_, kept)| *kept == Kept::Checked);
    for (kind, _) in checked.filter(|(kind, _)| *kind != "pool/bundles/") {
        assert!(paths.lines().any(|path| path.starts_with(kind)), "nothing is below {kind}");
    }
    for (kind, _) in KINDS.iter().filter(|(_, kept)| *kept == Kept::Checked) {
        assert!(scrub::finds(kind), "no test has the scrub find what is below {kind}");
    }
}
