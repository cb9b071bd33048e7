//! What a pin of its source held of `repoctl` in earlier builds is held by a pin of its own.

use super::*;

type Row = (i64, String, Option<String>);

#[test]
fn repoctl_stays_where_a_pin_of_its_source_held_it() {
    let room = TempDir::new().unwrap();
    let mut old = raw(&room);
    old.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    Migrations::from_slice(&MIGRATIONS[..13]).to_latest(&mut old).unwrap();
    // Pinned; held out of the suite; free.
    for suite in 1..=3 {
        let sql = "INSERT INTO suite (id, name, spec, created_by, created_at) VALUES (?1, 's' || ?1, '{}', 'ci', 1)";
        old.execute(sql, (suite,)).unwrap();
    }
    let versions = [("1.0", "1.0+b1"), ("2.0", "2.0"), ("3.0", "3.0")];
    for (at, (of_source, version)) in (0..).zip(versions) {
        for (number, name) in [(2 * at + 1, "repoctl"), (2 * at + 2, "repod")] {
            let sql = "INSERT INTO package (id, digest, name, version, architecture, source, source_version, \
                size_bytes, stanza_bytes, stanza_digest, kind, sent_by, sent_at, accepted) \
                VALUES (?1, ?1, ?2, ?3, 'amd64', 'repod', ?4, 1, 1, ?1, 'deb', 'ci', 1, 1)";
            old.execute(sql, (number, name, version, of_source)).unwrap();
            for suite in 1..=3 {
                let sql = "INSERT INTO acceptance (package_id, suite_id, component, author, accepted_at) \
                    VALUES (?1, ?2, 'main', 'ci', 1)";
                old.execute(sql, (number, suite)).unwrap();
            }
        }
    }
    for (package, suite, until) in [(1, 1, None), (3, 1, Some(3)), (1, 2, Some(3)), (5, 3, None)] {
        let sql = "INSERT INTO membership (package_id, suite_id, component, name, architecture, \
            from_generation, until_generation) VALUES (?1, ?2, 'main', 'repoctl', 'amd64', 1, ?3)";
        old.execute(sql, (package, suite, until)).unwrap();
    }
    old.execute_batch(
        "INSERT INTO pin VALUES (1, 'source', 'repod', '1.0', 'ci', 'bad', 5, 9); \
         INSERT INTO pin VALUES (1, 'source', 'acme', '7', 'ci', '', 5, NULL); \
         INSERT INTO pin VALUES (2, 'source', 'repod', NULL, 'ci', '', 5, NULL); \
         INSERT INTO withdrawn VALUES (1, 'source', 'repod', '2.0'); \
         INSERT INTO withdrawn VALUES (2, 'source', 'repod', '1.0'); \
         INSERT INTO withdrawn VALUES (2, 'source', 'acme', '3.0');",
    )
    .unwrap();
    drop(old);
    drop(open(&room).unwrap());

    let new = raw(&room);
    let rows = |of: &str| -> Vec<Row> {
        let sql = format!("SELECT suite_id, name, version FROM {of} ORDER BY 1, 2, 3");
        let mut found = new.prepare(&sql).unwrap();
        let rows = found.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let row =
        |suite, version: Option<&str>| (suite, "repoctl".to_owned(), version.map(str::to_owned));
    let held = [row(1, Some("1.0+b1")), row(2, None)];
    assert_eq!(rows("pin WHERE kind = 'binary'"), held);
    let out = [row(1, Some("2.0")), row(2, Some("1.0+b1"))];
    assert_eq!(rows("withdrawn WHERE kind = 'binary'"), out);
    assert_eq!(rows("pin WHERE kind = 'source'").len(), 3);
    let ends = "pin WHERE kind = 'binary' AND ends_at = 9 AND message = 'bad' AND suite_id = 1";
    assert_eq!(rows(ends).len(), 1);
}
