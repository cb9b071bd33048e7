//! What there is of a suite, read from the catalogue's own file, past everything that guards it.

use std::collections::BTreeSet;

use repod::time::Moment;
use rusqlite::{Connection, OpenFlags};

use crate::harness::server::TestServer;

#[derive(Debug)]
pub struct Index {
    pub path: String,
    pub digest: String,
}

pub struct Package {
    pub path: String,
    pub digest: String,
}

pub struct Store {
    /// Every index of every generation, listed or not.
    pub indices: Vec<Index>,
    /// Every package that the suite has taken, listed or not.
    pub packages: Vec<Package>,
    pub generations: Vec<u64>,
    /// A moment at which each generation was live, as snapshots are named.
    pub times: Vec<String>,
    /// Of chunks, packs and ropes, whosever they are.
    inner: BTreeSet<String>,
}

impl Store {
    pub fn read(server: &TestServer, suite: &str) -> Self {
        let file = server.data().join("catalogue.sqlite");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let db = Connection::open_with_flags(file, flags).unwrap();
        let pair = |sql: &str| {
            let mut found = db.prepare(sql).unwrap();
            let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
            let rows = found.query_map([suite], row).unwrap();
            rows.map(Result::unwrap).collect::<Vec<(String, String)>>()
        };
        let of_suite = "(SELECT id FROM suite WHERE name = ?1)";
        let indices = pair(&format!(
            "SELECT path, digest FROM index_file WHERE suite_id = {of_suite} ORDER BY id"
        ));
        let packages = pair(&format!(
            "SELECT s.stanza, p.digest FROM package p JOIN stanza s ON s.package_id = p.id \
             WHERE p.id IN (SELECT package_id FROM acceptance WHERE suite_id = {of_suite})"
        ));
        let generations = pair(&format!(
            "SELECT CAST(number AS TEXT), CAST(published_at AS TEXT) FROM generation \
             WHERE suite_id = {of_suite} ORDER BY number"
        ));
        let mut inner = BTreeSet::new();
        for sql in [
            "SELECT chunk_key, pack FROM chunk WHERE ?1 <> ''",
            "SELECT rope_key, coalesce((SELECT xz_pack FROM chunk WHERE xz_pack IS NOT NULL), '') \
             FROM rope WHERE ?1 <> ''",
        ] {
            inner.extend(pair(sql).into_iter().flat_map(|(one, other)| [one, other]));
        }
        inner.retain(|text| text.len() == 64);
        let filename = |stanza: &str| {
            let field = stanza.lines().find_map(|line| line.strip_prefix("Filename: "));
            field.unwrap().to_owned()
        };
        let stamp = |at: &String| Moment(at.parse().unwrap()).stamp().to_string();
        Self {
            indices: indices.into_iter().map(|(path, digest)| Index { path, digest }).collect(),
            packages: packages
                .into_iter()
                .map(|(stanza, digest)| Package { path: filename(&stanza), digest })
                .collect(),
            times: generations.iter().map(|(_, at)| stamp(at)).collect(),
            generations: generations.iter().map(|(number, _)| number.parse().unwrap()).collect(),
            inner,
        }
    }

    /// Every digest that could be guessed: of indices, packages, and what they are made of.
    pub fn digests(&self) -> BTreeSet<String> {
        let indices = self.indices.iter().map(|one| one.digest.clone());
        let packages = self.packages.iter().map(|one| one.digest.clone());
        indices.chain(packages).chain(self.inner.iter().cloned()).collect()
    }
}
