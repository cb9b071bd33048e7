//! Client packages, and which host has fetched which.

use super::heads::lock;
use super::rows::{moment, number, parse};
use super::{Answer, Row, Store, all, count};
use crate::catalogue::{ClientPackage, ClientSighting, Clients, KeyringSighting};
use crate::digest::Digest;
use crate::domain::Identity;
use crate::time::Moment;

const RECORD: &str = "\
    INSERT INTO client_package (suite_id, version, digest, made_of, key_names, built_at) \
    VALUES ($1, $2, $3, $4, $5, $6) \
    ON CONFLICT (suite_id, version) DO NOTHING";

const PACKAGES: &str = "\
    SELECT s.name, c.version, c.digest, c.made_of, c.key_names, c.built_at \
    FROM client_package AS c JOIN suite AS s ON s.id = c.suite_id ORDER BY s.name, c.version";

const SEEN: &str = "\
    INSERT INTO client_sighting (identity, suite_id, version, seen_at) \
    SELECT CAST($1 AS TEXT), c.suite_id, c.version, CAST($2 AS BIGINT) \
        FROM client_package AS c WHERE c.digest = $3 \
    ON CONFLICT (identity, suite_id) DO UPDATE SET \
        version = excluded.version, seen_at = excluded.seen_at \
        WHERE excluded.version >= client_sighting.version";

const SIGHTINGS: &str = "\
    SELECT g.identity, s.name, g.version, g.seen_at \
    FROM client_sighting AS g JOIN suite AS s ON s.id = g.suite_id ORDER BY g.identity, s.name";

const RING: &str = "\
    INSERT INTO keyring_sighting (identity, suite_id, key_names, seen_at) \
    SELECT CAST($1 AS TEXT), id, CAST($2 AS TEXT), CAST($3 AS BIGINT) FROM suite WHERE name = $4 \
    ON CONFLICT (identity, suite_id) DO UPDATE SET \
        key_names = excluded.key_names, seen_at = excluded.seen_at";

const RINGS: &str = "\
    SELECT r.identity, s.name, r.key_names, r.seen_at \
    FROM keyring_sighting AS r JOIN suite AS s ON s.id = r.suite_id ORDER BY r.identity, s.name";

impl<S: Store> Clients for S {
    fn record_client_package(&self, package: &ClientPackage) -> Answer<()> {
        let package = package.clone();
        self.write(move |tx| {
            let (id, _) = lock(tx, &package.suite)?;
            let values = [
                id.into(),
                count(package.version)?.into(),
                package.digest.to_string().into(),
                package.made_of.to_string().into(),
                package.keys.join(" ").into(),
                package.built_at.0.into(),
            ];
            tx.exec(RECORD, &values).map(drop)
        })
    }

    fn list_client_packages(&self) -> Answer<Vec<ClientPackage>> {
        self.read(|tx| all(tx, PACKAGES, &[], package))
    }

    fn record_client_sightings(&self, fetched: &[(Identity, Digest, Moment)]) -> Answer<()> {
        let fetched = fetched.to_vec();
        self.write(move |tx| {
            for (identity, digest, at) in &fetched {
                let values = [identity.as_str().into(), at.0.into(), digest.to_string().into()];
                tx.exec(SEEN, &values)?;
            }
            Ok(())
        })
    }

    fn list_client_sightings(&self) -> Answer<Vec<ClientSighting>> {
        self.read(|tx| {
            all(tx, SIGHTINGS, &[], |row| {
                Ok(ClientSighting {
                    identity: parse(row, 0)?,
                    suite: parse(row, 1)?,
                    version: number(row, 2)?,
                    at: moment(row, 3)?,
                })
            })
        })
    }

    fn record_keyring_sightings(&self, read: &[KeyringSighting]) -> Answer<()> {
        let read = read.to_vec();
        self.write(move |tx| {
            for one in &read {
                let values = [
                    one.identity.as_str().into(),
                    one.keys.join(" ").into(),
                    one.at.0.into(),
                    one.suite.as_str().into(),
                ];
                tx.exec(RING, &values)?;
            }
            Ok(())
        })
    }

    fn list_keyring_sightings(&self) -> Answer<Vec<KeyringSighting>> {
        self.read(|tx| {
            all(tx, RINGS, &[], |row| {
                Ok(KeyringSighting {
                    identity: parse(row, 0)?,
                    suite: parse(row, 1)?,
                    keys: words(row, 2)?,
                    at: moment(row, 3)?,
                })
            })
        })
    }
}

/// Reads a column of words with blanks between them.
fn words(row: &dyn Row, column: usize) -> Answer<Vec<String>> {
    Ok(row.text(column)?.split_whitespace().map(str::to_owned).collect())
}

fn package(row: &dyn Row) -> Answer<ClientPackage> {
    Ok(ClientPackage {
        suite: parse(row, 0)?,
        version: number(row, 1)?,
        digest: parse(row, 2)?,
        made_of: parse(row, 3)?,
        keys: words(row, 4)?,
        built_at: moment(row, 5)?,
    })
}
