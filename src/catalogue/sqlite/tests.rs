//! What only the SQLite back end can show: the file, its schema, and how the writer fails.

use super::*;
use crate::catalogue::sql::{Row, Value};
use crate::catalogue::{Access, CertificateRecord, Generations, Mention, Packages};
use crate::debian::{Architecture, PackageKind, PackageName, SuiteName, Version};
use crate::digest::Digest;
use crate::domain::{
    Actor, Encoding, Event, Grant, Identity, Package, Role, StoredMember, SuiteScope,
};
use crate::time::Moment;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

mod apart;
mod batches;
mod privileges;

fn open(room: &TempDir) -> Answer<SqliteCatalogue> {
    SqliteCatalogue::open(&room.path().join("catalogue.db"))
}

fn refusal(room: &TempDir) -> String {
    open(room).map(drop).unwrap_err().to_string()
}

fn raw(room: &TempDir) -> Connection {
    Connection::open(room.path().join("catalogue.db")).unwrap()
}

fn grant(number: i64) -> Grant {
    let identity = Identity::parse(&format!("host-{number}.example")).unwrap();
    Grant::whole(identity, Role::Host, SuiteScope::All)
}

fn event() -> Event {
    Event::done(Actor::server(), "test", Moment(1))
}

fn record(catalogue: &SqliteCatalogue, number: i64) -> Answer<()> {
    catalogue.record_grant(&grant(number), &event())
}

fn certificate(serial: String) -> CertificateRecord {
    let identity = grant(1).identity;
    CertificateRecord {
        serial,
        identity: identity.clone(),
        issued_at: Moment(1),
        issued_by: identity,
        not_after: Moment(2),
        revoked_at: None,
        reason: String::new(),
    }
}

#[test]
fn the_migrations_are_sound() {
    Migrations::from_slice(&MIGRATIONS).validate().unwrap();
}

#[test]
fn the_file_is_ours_and_kept_from_others() {
    let room = TempDir::new().unwrap();
    let catalogue = open(&room).unwrap();
    record(&catalogue, 1).unwrap();
    for name in ["catalogue.db", "catalogue.db-wal"] {
        let mode = std::fs::metadata(room.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o640, "{name}");
    }
    // packaging/debian/repod.preinst.in reads it there, also beside a server that runs.
    let file = std::fs::read(room.path().join("catalogue.db")).unwrap();
    assert_eq!(file[60..64], (MIGRATIONS.len() as u32).to_be_bytes());
    drop(catalogue);
    assert!(!room.path().join("catalogue.db-wal").exists(), "closing folds the log in");
    let raw = raw(&room);
    let pragma = |name| raw.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(pragma("application_id"), APPLICATION_ID);
    assert_eq!(pragma("user_version"), MIGRATIONS.len() as i64);
    let mode: String = raw.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

#[test]
fn the_writer_syncs_and_checks_keys() {
    let room = TempDir::new().unwrap();
    let catalogue = open(&room).unwrap();
    let settings = catalogue.write(|tx| {
        let mut found = Vec::new();
        for sql in ["PRAGMA synchronous", "PRAGMA foreign_keys"] {
            tx.each(sql, &[], &mut |row| {
                found.push(row.integer(0)?);
                Ok(())
            })?;
        }
        Ok(found)
    });
    assert_eq!(settings.unwrap(), [2, 1]);
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let room = TempDir::new().unwrap();
    drop(open(&room).unwrap());
    let known = MIGRATIONS.len() as i64;
    raw(&room).pragma_update(None, "user_version", known + 1).unwrap();
    let text = refusal(&room);
    let newer = format!("newer repod (schema {}, this one knows {known})", known + 1);
    assert!(text.contains(&newer), "{text}");
    raw(&room).pragma_update(None, "user_version", known).unwrap();
    open(&room).unwrap();
}

/// The catalogue of the build before has chunks with their stanzas, Contents that are stored only
/// compressed, a list of patches and a patch.
#[test]
fn chunks_and_files_of_the_build_before_are_what_they_were() {
    let room = TempDir::new().unwrap();
    let before = raw(&room);
    before.execute_batch(include_str!("../../../migrations/sqlite/0001-first/up.sql")).unwrap();
    before.pragma_update(None, "user_version", 1).unwrap();
    let digest = |number: u8| Digest::of(&[number]);
    let chunk = |number: u8, places: &str| {
        let (key, pack) = (digest(number), digest(100));
        let sql = format!(
            "INSERT INTO chunk VALUES ({number}0, '{key}', '{pack}', {places}, NULL, NULL, NULL, NULL)"
        );
        before.execute_batch(&sql).unwrap();
    };
    // The columns: plain_offset, plain_bytes, plain_lines, gz_offset, gz_bytes.
    chunk(1, "70, 9, 2, 0, 70");
    chunk(2, "0, 9, 2, 0, 70");
    chunk(3, "0, 9, 2, 0, 0");
    chunk(4, "33, 0, 0, 0, 33");
    before.execute_batch("INSERT INTO suite VALUES (1, 's', '{}', 1, 'x', 1)").unwrap();
    before.execute_batch("INSERT INTO rope VALUES (1, 'r', x'000000000000000a')").unwrap();
    before.execute_batch("INSERT INTO generation VALUES (1, 1, 1, '[]', '', NULL, 0, 0)").unwrap();
    for (path, encoding) in [("P", "plain"), ("P.gz", "gz"), ("P.xz", "xz")] {
        let digest = digest(50);
        let sql = format!(
            "INSERT INTO index_file VALUES (NULL, 1, '{path}', '{encoding}', 9, '{digest}', 1, 1, NULL, 1, NULL)"
        );
        before.execute_batch(&sql).unwrap();
    }
    drop(before);
    let catalogue = open(&room).unwrap();
    let found = |number: u8| {
        let one = catalogue.find_chunks(&[digest(number)]).unwrap().remove(0);
        assert_eq!((one.key, one.pack, one.run, one.xz), (digest(number), digest(100), None, None));
        (one.plain_offset, one.plain_bytes, one.member)
    };
    let member = |offset, bytes| Some(StoredMember { offset, bytes });
    assert_eq!(found(1), (Some(70), 9, member(0, 70)));
    assert_eq!(found(2), (None, 9, member(0, 70)));
    assert_eq!(found(3), (Some(0), 9, None));
    assert_eq!(found(4), (Some(33), 0, member(0, 33)));
    let suite = SuiteName::parse("s").unwrap();
    let mut listed = catalogue.list_indices(&suite, 1).unwrap();
    listed.sort_by(|a, b| a.path.cmp(&b.path));
    let forms: Vec<_> = listed.iter().map(|file| file.encoding).collect();
    assert_eq!(forms, [Encoding::Plain, Encoding::Members, Encoding::Xz]);
    let gz = catalogue.find_index(&suite, 1, "P.gz").unwrap().unwrap();
    assert_eq!(gz.chunks[0].key, digest(1), "ropes name the same chunks");
}

/// Packages that were recorded before there were mentions get the same ones as packages that come
/// now.
#[test]
fn mentions_of_earlier_schemas_are_those_of_now() {
    let relations = "acme-lib (>= 2) | acme-old:any, libc6:i386 (<< 1:3~), acme-lib | x+1, zz-9.0";
    let stanza = |name: &str, fields: &str| {
        format!("Package: {name}\nVersion: 1\n{fields}Description: x\n Depends: acme-no\n\n")
    };
    let samples = [
        ("acme-app", stanza("acme-app", &format!("Depends: {relations}\n"))),
        (
            "acme-web",
            stanza(
                "acme-web",
                "Pre-Depends: acme-pre\nConflicts: acme-y\nProvides: acme-api (= 3), acme-v\n",
            ),
        ),
        (
            "acme-web",
            stanza(
                "acme-web",
                "Provides: acme-v\nDepends: acme-lib\nBreaks: acme-old (<< 2), acme-x:any\n",
            ),
        ),
        ("acme-odd", "S".to_owned()),
        ("acme-bad", "Package: acme-bad\nDepends: \"quoted\n\n".to_owned()),
    ];
    let (before, now) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut old = raw(&before);
    Migrations::from_slice(&MIGRATIONS[..1]).to_latest(&mut old).unwrap();
    let catalogue = open(&now).unwrap();
    for (number, (name, stanza)) in (1i64..).zip(&samples) {
        let digest = Digest::of(format!("{name} {number}").as_bytes());
        let sql = "INSERT INTO package VALUES \
            (?1, ?2, ?3, ?1, 'amd64', 'acme', '1', 1, 1, 'x', 'deb', NULL, NULL, 'ci', 1, 0)";
        old.execute(sql, (number, digest.to_string(), name)).unwrap();
        old.execute("INSERT INTO stanza VALUES (?1, ?2)", (number, stanza)).unwrap();
        let package = package(name, digest);
        let by = Identity::parse("ci.example").unwrap();
        catalogue.record_package(&package, stanza, &by, Moment(1)).unwrap();
    }
    drop(old);
    let migrated = open(&before).unwrap();
    let rows = |catalogue: &SqliteCatalogue| {
        let sql = "SELECT name || ' ' || kind || ' ' || by_name FROM mention ORDER BY 1";
        let read = |row: &dyn Row| row.text(0).map(str::to_owned);
        catalogue
            .read(|tx| {
                let mut found = Vec::new();
                tx.each(sql, &[], &mut |row| {
                    found.push(read(row)?);
                    Ok(())
                })?;
                Ok(found)
            })
            .unwrap()
    };
    assert_eq!(rows(&migrated), rows(&catalogue));
    let wanted = [
        "acme-api provides acme-web",
        "acme-lib depends acme-app",
        "acme-lib depends acme-web",
        "acme-old avoids acme-web",
        "acme-old depends acme-app",
        "acme-pre depends acme-web",
        "acme-v provides acme-web",
        "acme-x avoids acme-web",
        "acme-y avoids acme-web",
        "libc6 depends acme-app",
        "x+1 depends acme-app",
        "zz-9.0 depends acme-app",
    ];
    assert_eq!(rows(&migrated), wanted);
    let names = ["acme-lib", "acme-none"].map(|name| PackageName::parse(name).unwrap());
    let found = migrated.list_mentions(&names, Mention::Depends).unwrap();
    assert_eq!(format!("{found:?}"), r#"[["acme-app", "acme-web"], []]"#);
}

fn package(name: &str, digest: Digest) -> Package {
    let (name, version) = (PackageName::parse(name).unwrap(), Version::parse("1").unwrap());
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
fn foreign_files_are_refused_and_left_alone() {
    let room = TempDir::new().unwrap();
    raw(&room).execute_batch("CREATE TABLE mine (x)").unwrap();
    let before = std::fs::read(room.path().join("catalogue.db")).unwrap();
    assert!(refusal(&room).contains("not a catalogue of repod"));
    assert_eq!(std::fs::read(room.path().join("catalogue.db")).unwrap(), before);
    std::fs::write(room.path().join("catalogue.db"), "just text, long enough".repeat(50)).unwrap();
    assert!(matches!(open(&room), Err(CatalogueError::Damaged(_))));
    let nowhere = SqliteCatalogue::open(&room.path().join("absent/catalogue.db"));
    assert!(matches!(nowhere, Err(CatalogueError::Database(_))));
}

#[test]
fn misnumbered_parameters_are_refused() {
    let room = TempDir::new().unwrap();
    let catalogue = open(&room).unwrap();
    let values = [Value::Integer(1), Value::Integer(2)];
    for sql in ["SELECT $2, $1", "SELECT $1", "SELECT ?1, ?2", "SELECT $1, $3"] {
        let read = catalogue.read(|tx| tx.each(sql, &values, &mut |_| Ok(())));
        assert!(
            matches!(&read, Err(CatalogueError::Database(cause)) if cause.to_string().contains(sql)),
            "{sql}"
        );
    }
    catalogue.read(|tx| tx.each("SELECT $1, $2, $1", &values, &mut |_| Ok(()))).unwrap();
}

#[test]
fn readers_cannot_write() {
    let room = TempDir::new().unwrap();
    let catalogue = open(&room).unwrap();
    let written = catalogue.read(|tx| tx.exec("DELETE FROM suite", &[]));
    assert!(written.is_err());
}

#[test]
fn opened_for_reading_beside_a_writer_it_changes_nothing() {
    let room = TempDir::new().unwrap();
    let path = room.path().join("catalogue.db");
    assert!(matches!(SqliteCatalogue::open_reading(&path), Err(CatalogueError::Database(_))));
    assert!(!path.exists(), "it makes no file");
    let catalogue = open(&room).unwrap();
    record(&catalogue, 1).unwrap();
    let beside = SqliteCatalogue::open_reading(&path).unwrap();
    assert_eq!(beside.list_grants().unwrap(), [grant(1)]);
    assert!(record(&beside, 2).is_err(), "it records nothing");
    record(&catalogue, 3).unwrap();
    assert_eq!(beside.list_grants().unwrap().len(), 2);
    drop(catalogue);
    drop(beside);
    // It also works where no server runs and there is no log to read.
    let alone = SqliteCatalogue::open_reading(&path).unwrap();
    assert_eq!(alone.list_grants().unwrap().len(), 2);
    drop(alone);
    raw(&room).pragma_update(None, "user_version", 0).unwrap();
    let older = SqliteCatalogue::open_reading(&path).map(drop).unwrap_err().to_string();
    assert!(older.contains("older repod"), "{older}");
}

#[test]
fn a_reader_sees_one_state_throughout() {
    let room = TempDir::new().unwrap();
    let catalogue = open(&room).unwrap();
    let count = |tx: &mut dyn Tx| {
        let mut found = 0;
        tx.each("SELECT COUNT(*) FROM access_grant", &[], &mut |row| {
            found = row.integer(0)?;
            Ok(())
        })?;
        Ok(found)
    };
    let counts = catalogue.read(|tx| {
        let before = count(tx)?;
        record(&catalogue, 1)?;
        Ok((before, count(tx)?))
    });
    assert_eq!(counts.unwrap(), (0, 0));
    assert_eq!(catalogue.read(count).unwrap(), 1);
}

/// Packages that were taken before there were namespaces are in the default namespace, and no other
/// packages are.
#[test]
fn what_earlier_builds_took_is_in_the_default_namespace() {
    let room = TempDir::new().unwrap();
    let steps = MIGRATIONS;
    let before = &steps[..6];
    let mut connection = raw(&room);
    connection.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    Migrations::from_slice(before).to_latest(&mut connection).unwrap();
    let insert = "INSERT INTO package (digest, name, version, architecture, source, source_version, size_bytes, \
         stanza_bytes, stanza_digest, kind, sent_by, sent_at, accepted) \
         VALUES (?1, ?2, '1', ?3, ?2, '1', 1, 1, ?1, 'deb', 'ci', 1, ?4)";
    let packages = [
        ("aa", "amd64", 1),
        ("aa", "arm64", 1),
        ("aa", "amd64", 0),
        ("bb", "all", 1),
        ("cc", "all", 0),
    ];
    let digest = |number: usize| Digest::of(number.to_string().as_bytes());
    for (number, (name, architecture, accepted)) in packages.iter().enumerate() {
        let digest = digest(number).to_string();
        connection
            .execute(insert, rusqlite::params![digest, name, architecture, accepted])
            .unwrap();
    }
    drop(connection);
    let catalogue = open(&room).unwrap();
    let names = ["aa", "bb", "cc"].map(|name| PackageName::parse(name).unwrap());
    let bound = |namespace: Option<&str>| -> Vec<Digest> {
        let namespace = namespace.map(|text| text.parse().unwrap());
        let found = catalogue.list_versions(namespace.as_ref(), &names).unwrap();
        found.into_iter().map(|one| one.package.digest).collect()
    };
    let taken = [0, 1, 3].map(digest);
    assert_eq!(bound(Some("default")), taken);
    assert_eq!(bound(None), taken);
    assert_eq!(bound(Some("trixie")), []);
}
