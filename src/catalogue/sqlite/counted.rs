//! The statements that an answer takes, counted: as many for what is there as for what is not.

use std::sync::{Arc, Mutex};

use super::*;
use crate::catalogue::sql::{Row, Tx, Value};
use crate::catalogue::{NewPackage, Packages, Suites};
use crate::debian::{Architecture, Component, PackageKind, PackageName, SuiteName, Version};
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
    /// What is asked while `work` is done.
    fn during<T>(&self, work: impl FnOnce() -> T) -> (T, Vec<&'static str>) {
        self.asked.lock().unwrap().clear();
        (work(), self.asked.lock().unwrap().clone())
    }
}

/// Stands where a transaction that writes begins.
const BEGIN: &str = "BEGIN";

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
        self.tx.each(sql, values, take)
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
    let by = Identity::parse("ci.example").unwrap();
    counting.record_package(&package, "S", &by, Moment(1)).unwrap();
    let absent = Digest::of(b"nothing of the kind");

    let by_path = |digest: &Digest| {
        let prefix = digest.to_string()[..16].to_owned();
        let (found, asked) = counting.during(|| counting.find_by_path(&package.name, &prefix));
        (found.unwrap().is_some(), asked)
    };
    let (there, not) = (by_path(&package.digest), by_path(&absent));
    assert_eq!((there.0, not.0), (true, false));
    assert_eq!(there.1, not.1);
    assert_eq!(there.1.len(), 2);
    let suites = |digest| counting.during(|| counting.list_suites_of(&[digest]).unwrap().len());
    assert_eq!(suites(package.digest), suites(absent));
}

/// The next generation of a suite; nothing else.
fn generation(number: u64, entered: Vec<(Component, Digest)>, sliced: u64) -> Publication {
    let at = Moment(1_000).plus(i64::try_from(number).unwrap());
    let head = Head {
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
    };
    let (left, chunks, indices) = (Vec::new(), Vec::new(), Vec::new());
    let new = NewGeneration { record, entered, left, chunks, indices, head };
    Publication {
        suite: SuiteName::parse("stable").unwrap(),
        accepted: Vec::new(),
        pinned: Vec::new(),
        unpinned: Vec::new(),
        withdrawn: Vec::new(),
        restored: Vec::new(),
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
    let new = |number| NewPackage {
        package: named(&format!("many-{number}")),
        stanza: "S".into(),
        file_list: None,
    };
    let by = Identity::parse("ci.example").unwrap();
    let record = || counting.record_packages((0..700).map(new).collect(), &by, Moment(1));
    let (recorded, asked) = counting.during(record);
    recorded.unwrap();
    let transactions = asked.split(|sql| *sql == BEGIN).skip(1);
    let packages = transactions
        .map(|all| all.iter().filter(|sql| sql.starts_with("INSERT INTO package ")).count());
    assert_eq!(packages.collect::<Vec<_>>(), [300, 300, 100]);
}

/// What shows a large change is as short as what records one package.
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
