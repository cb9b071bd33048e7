//! Tests of which statements an answer takes: the same for a package that is there as for one that
//! is not.

use std::sync::{Arc, Mutex};

use super::*;
use crate::catalogue::sql::{Row, Tx, Value};
use crate::catalogue::{Generations, Mention, NewPackage, Packages, Suites};
use crate::debian::{
    Architecture, Component, Namespace, PackageKind, PackageName, SuiteName, Version,
};
use crate::digest::Digest;
use crate::domain::{
    Acceptance, Actor, Event, GenerationRecord, Head, Identity, NewGeneration, Package,
    Publication, Slice, SliceRow,
};
use crate::time::Moment;

type Asked = Arc<Mutex<Vec<&'static str>>>;

struct Counting {
    inner: SqliteCatalogue,
    asked: Asked,
}

impl Counting {
    /// Does `work`, and gives its result and the statements that it ran.
    fn during<T>(&self, work: impl FnOnce() -> T) -> (T, Vec<&'static str>) {
        self.asked.lock().unwrap().clear();
        (work(), self.asked.lock().unwrap().clone())
    }
}

/// Recorded where a transaction that writes begins.
const BEGIN: &str = "BEGIN";
/// Recorded for each row that is read.
const ROW: &str = "a row";

impl Counting {
    fn begin(&self) -> Asked {
        self.asked.lock().unwrap().push(BEGIN);
        Arc::clone(&self.asked)
    }
}

impl Store for Counting {
    fn read<T>(&self, body: impl FnOnce(&mut dyn Tx) -> Answer<T>) -> Answer<T> {
        self.inner.read(|tx| body(&mut Counted { tx, asked: &self.asked }))
    }

    fn write<T: Send + 'static>(
        &self,
        body: impl FnOnce(&mut dyn Tx) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let asked = self.begin();
        self.inner.write(move |tx| body(&mut Counted { tx, asked: &asked }))
    }

    fn write_much<T: Send + 'static>(
        &self,
        body: impl FnOnce(&mut dyn Tx) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let asked = self.begin();
        self.inner.write_much(move |tx| body(&mut Counted { tx, asked: &asked }))
    }

    fn write_slice<T: Send + 'static>(
        &self,
        body: impl FnOnce(&mut dyn Tx) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let asked = self.begin();
        self.inner.write_slice(move |tx| body(&mut Counted { tx, asked: &asked }))
    }

    fn write_needed<T: Send + 'static>(
        &self,
        body: impl FnOnce(&mut dyn Tx) -> Answer<T> + Clone + Send + 'static,
    ) -> Answer<T> {
        self.write(body)
    }

    fn stopped(&self) -> Option<CatalogueError> {
        Store::stopped(&self.inner)
    }

    fn chunk_cache(&self) -> &ChunkCache {
        self.inner.chunk_cache()
    }
}

struct Counted<'t> {
    tx: &'t mut dyn Tx,
    asked: &'t Asked,
}

impl Tx for Counted<'_> {
    fn exec(&mut self, sql: &'static str, values: &[Value<'_>]) -> Answer<u64> {
        self.asked.lock().unwrap().push(sql);
        self.tx.exec(sql, values)
    }

    fn each(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        take: &mut dyn FnMut(&dyn Row) -> Answer<()>,
    ) -> Answer<()> {
        self.asked.lock().unwrap().push(sql);
        self.tx.each(sql, values, &mut |row| {
            self.asked.lock().unwrap().push(ROW);
            take(row)
        })
    }
}

fn package() -> Package {
    named("acme-vault")
}

fn named(name: &str) -> Package {
    let (digest, name) = (Digest::of(name.as_bytes()), PackageName::parse(name).unwrap());
    let version = Version::parse("1.0").unwrap();
    Package {
        digest,
        name: name.clone(),
        architecture: Architecture::parse("amd64").unwrap(),
        source: name,
        source_version: version.clone(),
        version,
        size_bytes: 1,
        stanza_bytes: 1,
        stanza_digest: digest,
        kind: PackageKind::Deb,
        text: None,
    }
}

#[test]
fn what_is_there_and_what_is_not_take_the_same_statements() {
    let room = tempfile::TempDir::new().unwrap();
    let inner = SqliteCatalogue::open(&room.path().join("catalogue.db")).unwrap();
    let counting = Counting { inner, asked: Asked::default() };
    let package = package();
    let (by, main) = (Identity::parse("ci.example").unwrap(), Component::parse("main").unwrap());
    let spec = r#"{"name": "stable", "origin": "O", "label": "L", "components": ["main"],
        "architectures": ["amd64"], "valid_seconds": 604800}"#;
    let event = Event::done(Actor::server(), "test", Moment(1));
    counting.create_suite(&serde_json::from_str(spec).unwrap(), &event).unwrap();
    let others = (0..40).map(|number| named(&format!("many-{number}")));
    let packages: Vec<_> = others.chain([package.clone()]).collect();
    for one in &packages {
        counting.record_package(one, "S", &by, Moment(1)).unwrap();
    }
    let digests: Vec<_> = packages.iter().map(|one| one.digest).collect();
    let entered: Vec<_> = digests.iter().map(|digest| (main.clone(), *digest)).collect();
    let at = Moment(1);
    let accept = |digest: &Digest| {
        let (component, author) = (main.clone(), by.clone());
        Acceptance { component, digest: *digest, author, at }
    };
    let accepted = digests.iter().map(accept).collect();
    let all = Publication { accepted, ..generation(1, entered, 0) };
    counting.publish(&all).unwrap();
    let absent = Digest::of(b"nothing of the kind");

    let by_path = |prefix: &str| {
        let (found, asked) = counting.during(|| counting.find_by_path(&package.name, prefix));
        (found.unwrap().is_some(), asked)
    };
    let prefix = |digest: &Digest| digest.to_string()[..16].to_owned();
    let there = by_path(&prefix(&package.digest));
    assert!(there.0);
    let statements = there.1.iter().filter(|sql| **sql != ROW).count();
    assert_eq!((statements, there.1.len()), (2, 7), "four packages, and the one suite of one");
    // One that is not there, wherever it would be, and one that has another name.
    let mut sorted: Vec<_> = digests.iter().map(prefix).collect();
    sorted.sort();
    let last = sorted.len() - 4;
    let mut absent_ones = vec!["0".repeat(16), prefix(&packages[0].digest)];
    absent_ones.extend(sorted[..last].iter().map(|one| format!("{}0", &one[..15])));
    for prefix in absent_ones {
        let not = by_path(&prefix);
        assert_eq!((not.0, &not.1), (false, &there.1), "{prefix}");
    }
    let suites = |digest| {
        let (all, mut asked) =
            counting.during(|| counting.list_suites_of(&[digest]).unwrap().len());
        asked.retain(|sql| *sql != ROW);
        (all, asked)
    };
    assert_eq!(suites(package.digest), suites(absent));
}

/// The publication of a generation, and of nothing else.
fn generation(number: u64, entered: Vec<(Component, Digest)>, sliced: u64) -> Publication {
    let at = Moment(1_000).plus(i64::try_from(number).unwrap());
    let head = Head {
        rings: Vec::new(),
        generation: number,
        date: at,
        valid_until: at,
        release: String::new(),
        release_gpg: String::new(),
        in_release: String::new(),
    };
    let record = GenerationRecord {
        generation: number,
        at,
        authors: Vec::new(),
        message: String::new(),
        same_as: None,
        entered: entered.len() as u64,
        left: 0,
        dropped: None,
    };
    let (left, chunks, indices) = (Vec::new(), Vec::new(), Vec::new());
    let new = NewGeneration { record, entered, left, chunks, indices, rings: Vec::new(), head };
    Publication {
        rollouts: Vec::new(),
        yanks: Vec::new(),
        suite: SuiteName::parse("stable").unwrap(),
        accepted: Vec::new(),
        pinned: Vec::new(),
        unpinned: Vec::new(),
        withdrawn: Vec::new(),
        restored: Vec::new(),
        hold: None,
        held_back: Vec::new(),
        alias_from: None,
        spec: None,
        generation: Some(new),
        events: Vec::new(),
        sliced,
    }
}

#[test]
fn what_comes_is_recorded_three_hundred_at_a_time() {
    let room = tempfile::TempDir::new().unwrap();
    let inner = SqliteCatalogue::open(&room.path().join("catalogue.db")).unwrap();
    let counting = Counting { inner, asked: Asked::default() };
    let new =
        |number| NewPackage::of(named(&format!("many-{number}")), "S".into(), Vec::new(), None);
    let by = Identity::parse("ci.example").unwrap();
    let record = || counting.record_packages((0..700).map(new).collect(), &by, Moment(1));
    let (recorded, asked) = counting.during(record);
    recorded.unwrap();
    let transactions = asked.split(|sql| *sql == BEGIN).skip(1);
    let packages = transactions
        .map(|all| all.iter().filter(|sql| sql.starts_with("INSERT INTO package ")).count());
    assert_eq!(packages.collect::<Vec<_>>(), [300, 300, 100]);
}

/// The transaction that publishes a large change is as short as one that publishes one package.
#[test]
fn the_transaction_that_shows_slices_grows_with_none_of_them() {
    let room = tempfile::TempDir::new().unwrap();
    let inner = SqliteCatalogue::open(&room.path().join("catalogue.db")).unwrap();
    let counting = Counting { inner, asked: Asked::default() };
    let (by, main) = (Identity::parse("ci.example").unwrap(), Component::parse("main").unwrap());
    let spec = r#"{"name": "stable", "origin": "O", "label": "L", "components": ["main"],
        "architectures": ["amd64"], "valid_seconds": 604800}"#;
    let event = Event::done(Actor::server(), "test", Moment(1));
    counting.create_suite(&serde_json::from_str(spec).unwrap(), &event).unwrap();
    let packages: Vec<_> = (0..200).map(|number| named(&format!("many-{number}"))).collect();
    let stanza = |package: &Package| counting.record_package(package, "S", &by, Moment(1)).unwrap();
    packages.iter().for_each(stanza);
    let (one, rest) = packages.split_first().unwrap();
    let alone = generation(1, vec![(main.clone(), one.digest)], 0);
    let (published, of_one) = counting.during(|| counting.publish(&alone));
    published.unwrap();
    let rows = rest.iter().flat_map(|package| {
        let (component, digest) = (main.clone(), package.digest);
        let accepted = Acceptance { component, digest, author: by.clone(), at: Moment(1) };
        [SliceRow::Accepted(accepted), SliceRow::Entered(main.clone(), digest)]
    });
    let (suite, rows) = (SuiteName::parse("stable").unwrap(), rows.collect());
    let rows = counting.record_slice(Slice { suite, generation: 2, rows }).unwrap();
    assert_eq!(rows, 398);
    let (published, of_many) =
        counting.during(|| counting.publish(&generation(2, Vec::new(), rows)));
    published.unwrap();
    assert!(of_many.len() <= of_one.len(), "{of_many:?}");
}

/// A query for a few packages takes as long in a large suite as in a small one.
#[test]
fn who_asks_for_some_packages_walks_through_no_table_and_no_suite() {
    let room = tempfile::TempDir::new().unwrap();
    let path = room.path().join("catalogue.db");
    let inner = SqliteCatalogue::open(&path).unwrap();
    let counting = Counting { inner, asked: Asked::default() };
    let one = package();
    let (digests, names) = ([one.digest], [one.name.clone()]);
    let suite = SuiteName::parse("stable").unwrap();
    let by = Identity::parse("ci.example").unwrap();
    let prefix = one.digest.to_string()[..16].to_owned();
    let ((), asked) = counting.during(|| {
        counting.find_packages(&digests).unwrap();
        counting.list_sent(&digests, &by).unwrap();
        counting.list_versions(None, &names).unwrap();
        counting.list_versions(Some(&Namespace::default()), &names).unwrap();
        counting.list_mentions(&names, Mention::Depends).unwrap();
        counting.list_suites_of(&digests).unwrap();
        counting.find_by_path(&one.name, &prefix).unwrap();
        counting.list_taken(&suite, &digests).unwrap();
        counting.list_placements(&suite, Some(&one.source)).unwrap();
        counting.search_placements("acme-vault", 9).unwrap();
        counting.search_suite(&suite, "acme-vault", 9).unwrap();
        counting.list_tenures(&suite, &one.source).unwrap();
        counting.find_index(&suite, 1, "main/binary-amd64/Packages").unwrap();
        counting.find_by_hash(&suite, "main/binary-amd64", &one.digest).unwrap();
        counting.find_chunks(&digests).unwrap();
        counting.record_package(&one, "S", &by, Moment(1)).unwrap();
    });
    let connection = Connection::open(&path).unwrap();
    let mut walks = Vec::new();
    for sql in asked.into_iter().filter(|sql| ![BEGIN, ROW].contains(sql)) {
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let mut rows = plan.raw_query();
        while let Some(row) = rows.next().unwrap() {
            let step: String = row.get(3).unwrap();
            let all_of_a_suite =
                step.ends_with("(suite_id=?)") || step.contains("(suite_id=? AND from_generation");
            // A scan of the few suites that a package is in, or of the result of a subquery, is not
            // a scan of a table.
            let few = step.starts_with("SCAN CONSTANT")
                || step.starts_with("SCAN s")
                || step.starts_with("SCAN (");
            if step.starts_with("SCAN") && !few || all_of_a_suite {
                walks.push(format!("{step}: {sql}"));
            }
        }
    }
    assert!(walks.is_empty(), "{walks:#?}");
}
