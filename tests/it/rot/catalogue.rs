//! Catalogue: stanzas, and where chunks lie.

use rusqlite::params;

use super::*;

impl House {
    /// Alters the catalogue of a server that is stopped.
    fn alter(&mut self, sql: &str, values: impl rusqlite::Params) {
        self.server.stop();
        let raw = rusqlite::Connection::open(self.server.data().join("catalogue.sqlite")).unwrap();
        assert!(raw.execute(sql, values).unwrap() > 0, "{sql}");
        drop(raw);
        self.server.serve();
    }

    fn rot_stanza(&mut self, name: &str) {
        let sql = "UPDATE stanza SET stanza = replace(stanza, 'Version: 1.0', 'Version: 3.0')
             WHERE package_id = (SELECT id FROM package WHERE name = ?1)";
        self.alter(sql, params![name]);
    }
}

#[test]
fn a_rotten_stanza_is_read_from_its_package_again() {
    let mut house = House::new();
    house.rot_stanza("acme-api");
    // The chunk of all of them is rendered anew.
    house.server.upload("acme-aaa", "1.0").expect_success();
    let packages = house.whole();
    assert_eq!(packages.len(), house.packages.len() + 1);
    assert!(packages.is_superset(&house.packages), "{packages:?}");
    let warnings = house.warnings();
    assert!(
        warnings.contains("the stanza of acme-api 1.0 amd64 was damaged and is repaired"),
        "{warnings}"
    );
}

#[test]
fn a_stanza_whose_package_is_rotten_is_named_and_comes_back_with_it() {
    let mut house = House::new();
    house.server.stop();
    let raw = rusqlite::Connection::open(house.server.data().join("catalogue.sqlite")).unwrap();
    let sql = "SELECT digest FROM package WHERE name = 'acme-api'";
    let digest: String = raw.query_row(sql, [], |row| row.get(0)).unwrap();
    drop(raw);
    house.server.serve();
    house.rot_stanza("acme-api");
    let stored = house.stored("blobs").into_iter().find(|one| one.ends_with(&digest)).unwrap();
    Rot::Flipped.befall(&stored, 700);
    let refused = house.server.upload("acme-aaa", "1.0");
    assert!(!refused.succeeded(), "{refused:?}");
    refused.expect_says("stanza").expect_says(&digest);
    assert!(house.warnings().contains("the stanza of acme-api 1.0 amd64 is damaged or lost"));
    // Nothing of it was published.
    let index = house.server.curl(HOST, "dists/stable/main/binary-amd64/Packages").run();
    assert!(!index.expect_success().stdout.contains("Version: 3.0"));
    house.server.upload("acme-api", "1.0").expect_success();
    house.server.upload("acme-aaa", "1.0").expect_success();
    let packages = house.whole();
    assert!(packages.is_superset(&house.packages), "{packages:?}");
}

/// Where a chunk lies is in the catalogue: a bit there leads to other bytes of a sound pack.
#[test]
fn a_chunk_that_is_looked_for_elsewhere_is_made_anew() {
    for column in ["plain_offset", "run_offset", "xz_bytes"] {
        let mut house = House::new();
        let sql = format!("UPDATE chunk SET {column} = {column} + 1 WHERE {column} IS NOT NULL");
        house.alter(&sql, []);
        assert_eq!(house.whole(), house.packages, "{column}");
        house.server.upload("acme-aaa", "1.0").expect_success();
        assert_eq!(house.whole().len(), house.packages.len() + 1, "{column}");
    }
}

/// Suites with the same packages share chunks: one that forgets them must not leave the other without.
#[test]
fn what_two_suites_share_comes_back_in_both() {
    let mut house = House::new();
    house.server.repoctl(&["suite", "create", "edge", "--architecture", "amd64"]).expect_success();
    for name in ["acme-api", "acme-db", "acme-web"] {
        let path = house.server.deb(&package(name, "1.0"));
        house.server.repoctl(&["upload", "--suite", "edge", &path]).expect_success();
    }
    house
        .server
        .repoctl(&["host", "grant", HOST, "--suite", "stable", "--suite", "edge"])
        .expect_success();
    assert_eq!(house.whole_of("edge"), house.packages);
    for is_place in [true, false] {
        if is_place {
            house.alter("UPDATE chunk SET run_offset = run_offset + 1 WHERE run_offset > 0 OR run_bytes > 0", []);
        } else {
            house.meanwhile(true, |house| {
                house.stored("packs").iter().for_each(|pack| Rot::Cut.befall(pack, 400));
            });
        }
        for suite in ["edge", "stable", "edge"] {
            assert_eq!(house.whole_of(suite), house.packages, "{suite} {is_place}");
        }
    }
}

#[test]
fn a_rotten_stanza_of_a_rotten_pack_comes_back_before_it() {
    let mut house = House::new();
    house.rot_stanza("acme-db");
    house.meanwhile(false, |house| {
        house.stored("packs").iter().for_each(|pack| Rot::Cut.befall(pack, 10));
    });
    assert_eq!(house.whole(), house.packages);
}
