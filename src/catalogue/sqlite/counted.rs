//! The statements that an answer takes, counted: as many for what is there as for what is not.

use std::sync::Mutex;

use super::*;
use crate::catalogue::Packages;
use crate::catalogue::sql::{Row, Tx, Value};
use crate::debian::{Architecture, PackageKind, PackageName, Version};
use crate::digest::Digest;
use crate::domain::{Identity, Package};
use crate::time::Moment;

type Asked = Mutex<Vec<&'static str>>;

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

impl Store for Counting {
    fn read<T>(&self, body: impl FnOnce(&mut dyn Tx) -> Answer<T>) -> Answer<T> {
        self.inner.read(|tx| body(&mut Counted { tx, asked: &self.asked }))
    }

    fn write<T: Send + 'static>(
        &self,
        body: impl FnOnce(&mut dyn Tx) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        self.inner.write(body)
    }

    fn write_much<T: Send + 'static>(
        &self,
        body: impl FnOnce(&mut dyn Tx) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        self.inner.write_much(body)
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
    let (digest, name) = (Digest::of(b"theirs"), PackageName::parse("acme-vault").unwrap());
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
