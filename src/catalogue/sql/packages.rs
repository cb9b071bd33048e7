//! Packages: what is known of each `.deb`, and its stanza.

use super::rows::{PACKAGE_COLUMNS, Reader, damaged, number, package_columns, parse};
use super::{Answer, MANY, Row, Store, Tx, Value, all, count, one};
use crate::catalogue::{CatalogueError, Mention, NewPackage, PackageRecord, Packages};
use crate::cause::Cause;
use crate::debian::{Namespace, PackageName, Privilege, PrivilegeError, SuiteName, read_file_list};
use crate::digest::Digest;
use crate::domain::{Identity, Package};
use crate::time::Moment;

const INSERT_PACKAGE: &str = "\
    INSERT INTO package (digest, name, version, architecture, source, source_version, \
        size_bytes, stanza_bytes, stanza_digest, kind, text_mark, text_bytes, sent_by, sent_at, \
        privileges, accepted) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0) \
    ON CONFLICT (digest) DO NOTHING \
    RETURNING id";

// A staged package that is sent again gets a new time: no sweep deletes it before its change is
// made.
const FRESHEN_PACKAGE: &str = "\
    UPDATE package SET sent_at = $1 WHERE digest = $2 AND accepted = 0 AND sent_at < $1";

// What a suite is about to remove and is sent again stays for the grace from now on.
const FRESHEN_GOING: &str = "UPDATE going SET since = $1 WHERE package_id = $2 AND since < $1";

const PACKAGE_ID: &str = "SELECT id FROM package WHERE digest = $1";

// The first sender is recorded in the row of the package.
const INSERT_SENDER: &str = "\
    INSERT INTO sender (package_id, identity) \
    SELECT id, $1 FROM package WHERE id = $2 AND sent_by <> $1 \
    ON CONFLICT (package_id, identity) DO NOTHING";

// A package that is sent again may bring the list that was dropped before.
const INSERT_FILE_LIST: &str = "\
    INSERT INTO file_list (package_id, paths) VALUES ($1, $2) \
    ON CONFLICT (package_id) DO NOTHING";

const FILE_LIST: &str = "\
    SELECT f.paths FROM package AS p JOIN file_list AS f ON f.package_id = p.id \
    WHERE p.digest = $1";

const SENT_BY: &str = "\
    SELECT p.digest FROM package AS p WHERE p.digest = $1 AND (p.sent_by = $2 OR EXISTS ( \
        SELECT 1 FROM sender AS s WHERE s.package_id = p.id AND s.identity = $2))";

const INSERT_STANZA: &str = "INSERT INTO stanza (package_id, stanza) VALUES ($1, $2)";

// Most uploads mention what earlier versions of the package mentioned.
const INSERT_MENTION: &str = "\
    INSERT INTO mention (name, kind, by_name) VALUES ($1, $2, $3) \
    ON CONFLICT (name, kind, by_name) DO NOTHING";

const MENTIONS: &str = "SELECT by_name FROM mention WHERE name = $1 AND kind = $2 ORDER BY by_name";

/// Whether the package `p` is taken. One taken by a slice (2) counts as taken once a suite has
/// published a generation that took it.
macro_rules! is_taken {
    () => {
        "(p.accepted = 1 OR p.accepted = 2 AND EXISTS ( \
             SELECT 1 FROM acceptance AS a \
             JOIN suite AS s ON s.id = a.suite_id AND a.from_generation <= s.last_generation \
             WHERE a.package_id = p.id))"
    };
}

/// Whether the binding `b` counts. One made by a slice counts once a suite of its namespace has
/// published a generation that took the package.
macro_rules! is_bound {
    () => {
        "(b.by_slice = 0 OR EXISTS ( \
             SELECT 1 FROM acceptance AS a \
             JOIN suite AS s ON s.id = a.suite_id AND s.namespace = b.namespace \
                 AND a.from_generation <= s.last_generation \
             WHERE a.package_id = b.package_id))"
    };
}

const BY_DIGEST: &str = concat!(
    "SELECT ",
    package_columns!(),
    ", p.sent_by, p.sent_at, p.privileges, CASE WHEN ",
    is_taken!(),
    " THEN 1 ELSE 0 END, EXISTS (SELECT 1 FROM going AS g WHERE g.package_id = p.id) \
     FROM package AS p WHERE p.digest = $1"
);

const BOUND_BY_NAME: &str = concat!(
    "SELECT ",
    package_columns!(),
    ", p.sent_by, p.sent_at, p.privileges, 1, 0 FROM binding AS b JOIN package AS p ON p.id = b.package_id \
     WHERE b.name = $1 AND b.namespace = $2 AND ",
    is_bound!(),
    " ORDER BY p.id"
);

const BOUND_ANYWHERE: &str = concat!(
    "SELECT ",
    package_columns!(),
    ", p.sent_by, p.sent_at, p.privileges, 1, 0 FROM package AS p \
     WHERE p.id IN (SELECT b.package_id FROM binding AS b WHERE b.name = $1 AND ",
    is_bound!(),
    ") ORDER BY p.id"
);

const STANZA: &str = "\
    SELECT s.stanza, p.stanza_digest FROM package AS p JOIN stanza AS s ON s.package_id = p.id WHERE p.digest = $1";

const SUITES_OF: &str = "\
    SELECT s.name AS name FROM package AS p \
        JOIN acceptance AS a ON a.package_id = p.id \
        JOIN suite AS s ON s.id = a.suite_id AND a.from_generation <= s.last_generation \
        WHERE p.digest = $1 \
    UNION \
    SELECT s.name AS name FROM package AS p \
        JOIN membership AS m ON m.package_id = p.id \
        JOIN suite AS s ON s.id = m.suite_id AND m.from_generation <= s.last_generation \
        WHERE p.digest = $1 \
    ORDER BY name";

// The packages from a prefix on, whether one has the prefix or not: as many rows are read for a
// package that is not there as for one that is.
const BY_PATH: &str = concat!(
    "SELECT ",
    package_columns!(),
    ", p.accepted FROM package AS p WHERE p.digest >= $1 ORDER BY p.digest LIMIT 4"
);

// A package that a suite takes or lists is marked in the same transaction, in a slice as well.
const FORGET_STAGED: &str =
    "DELETE FROM package WHERE accepted = 0 AND sent_at < $1 RETURNING digest";

/// How many packages one transaction records at most: each takes up to 100 µs, and other jobs
/// should not wait long.
const AT_ONCE: usize = 300;
/// How many rows of mentions one transaction records at most: each takes some 10 µs.
const MENTIONS_AT_ONCE: usize = 4_000;

impl<S: Store> Packages for S {
    fn record_packages(&self, mut new: Vec<NewPackage>, by: &Identity, at: Moment) -> Answer<()> {
        let mut mentions = mentions(&mut new);
        if new.len() > AT_ONCE {
            // Mentions are recorded before all packages, so that no recorded package lacks them if
            // recording stops halfway.
            for some in mentions.chunks(MENTIONS_AT_ONCE) {
                let some = some.to_vec();
                self.write_slice(move |tx| record_mentions(tx, &some))?;
            }
            mentions.clear();
        }
        let record = |some: Vec<NewPackage>| {
            let by = by.clone();
            move |tx: &mut dyn Tx| some.iter().try_for_each(|new| record_package(tx, new, &by, at))
        };
        let mut rest = new.into_iter();
        while rest.len() > AT_ONCE {
            self.write_slice(record(rest.by_ref().take(AT_ONCE).collect()))?;
        }
        let many = rest.len() >= MANY;
        let last = record(rest.collect());
        let last = move |tx: &mut dyn Tx| {
            record_mentions(tx, &mentions)?;
            last(tx)
        };
        if many { self.write_much(last) } else { self.write(last) }
    }

    fn find_packages(&self, digests: &[Digest]) -> Answer<Vec<PackageRecord>> {
        self.read(|tx| {
            let mut reader = Reader::default();
            let mut found = Vec::new();
            for digest in digests {
                found.extend(one(tx, BY_DIGEST, &[digest.into()], |row| record(&mut reader, row))?);
            }
            Ok(found)
        })
    }

    fn list_sent(&self, digests: &[Digest], by: &Identity) -> Answer<Vec<Digest>> {
        self.read(|tx| {
            let mut found = Vec::new();
            for digest in digests {
                let values = [digest.into(), by.as_str().into()];
                found.extend(one(tx, SENT_BY, &values, |row| parse::<Digest>(row, 0))?);
            }
            Ok(found)
        })
    }

    fn list_versions(
        &self,
        namespace: Option<&Namespace>,
        names: &[PackageName],
    ) -> Answer<Vec<PackageRecord>> {
        self.read(|tx| {
            let mut reader = Reader::default();
            let mut found = Vec::new();
            for name in names {
                let name = name.as_str().into();
                let read = |row: &dyn Row| record(&mut reader, row);
                found.extend(match namespace {
                    Some(one) => all(tx, BOUND_BY_NAME, &[name, one.as_str().into()], read)?,
                    None => all(tx, BOUND_ANYWHERE, &[name], read)?,
                });
            }
            Ok(found)
        })
    }

    fn read_stanzas(&self, digests: &[Digest]) -> Answer<Vec<String>> {
        let read = |row: &dyn Row| Ok((row.text(0)?.to_owned(), parse::<Digest>(row, 1)?));
        self.read(|tx| {
            let stanza = |digest: &Digest| {
                let found = one(tx, STANZA, &[digest.into()], read)?;
                let missing = || CatalogueError::Missing(format!("package {digest}"));
                let (stanza, recorded) = found.ok_or_else(missing)?;
                match Digest::of(stanza.as_bytes()) == recorded {
                    true => Ok(stanza),
                    false => Err(CatalogueError::Stanza(*digest)),
                }
            };
            digests.iter().map(stanza).collect()
        })
    }

    fn list_mentions(&self, names: &[PackageName], kind: Mention) -> Answer<Vec<Vec<PackageName>>> {
        self.read(|tx| {
            let of = |name: &PackageName| {
                let values = [name.as_str().into(), mention_word(kind).into()];
                all(tx, MENTIONS, &values, |row| parse(row, 0))
            };
            names.iter().map(of).collect()
        })
    }

    fn read_file_lists(&self, digests: &[Digest]) -> Answer<Vec<Option<Vec<u8>>>> {
        let damaged = || CatalogueError::Damaged("a file list does not unpack".into());
        let read = |row: &dyn Row| read_file_list(row.bytes(0)?).ok_or_else(damaged);
        self.read(|tx| {
            let list = |digest: &Digest| one(tx, FILE_LIST, &[digest.into()], read);
            digests.iter().map(list).collect()
        })
    }

    fn list_suites_of(&self, digests: &[Digest]) -> Answer<Vec<Vec<SuiteName>>> {
        self.read(|tx| digests.iter().map(|digest| suites_of(tx, digest)).collect())
    }

    fn find_by_path(
        &self,
        name: &PackageName,
        digest_prefix: &str,
    ) -> Answer<Option<(Package, Vec<SuiteName>)>> {
        let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if digest_prefix.len() != 16 || !digest_prefix.bytes().all(digit) {
            return Ok(None);
        }
        self.read(|tx| {
            let near = all(tx, BY_PATH, &[digest_prefix.into()], |row| {
                let accepted = row.integer(PACKAGE_COLUMNS)? > 0;
                Ok((Reader::default().package(row, 0)?, accepted))
            })?;
            let is_it = |(package, _): &&(Package, bool)| {
                package.name == *name && package.digest.to_string().starts_with(digest_prefix)
            };
            // A name and a prefix mean one package; should there be two, hosts know the one that
            // was taken.
            let found = near.iter().filter(is_it);
            let found = found.clone().find(|(_, accepted)| *accepted).or(found.clone().next());
            // In place of a missing package, the suites of one beside it are asked for: the amount
            // of work does not show whether it is there.
            let beside = near.iter().find(|(_, accepted)| *accepted).or(near.first());
            let asked = found.or(beside);
            let digest = asked.map_or_else(|| Digest::of(b""), |(package, _)| package.digest);
            let suites = suites_of(tx, &digest)?;
            Ok(found.map(|(package, _)| (package.clone(), suites)))
        })
    }

    fn forget_staged(&self, before: Moment) -> Answer<Vec<Digest>> {
        self.write(move |tx| all(tx, FORGET_STAGED, &[before.0.into()], |row| parse(row, 0)))
    }
}

fn suites_of(tx: &mut dyn Tx, digest: &Digest) -> Answer<Vec<SuiteName>> {
    all(tx, SUITES_OF, &[digest.into()], |row| parse(row, 0))
}

fn record_package(tx: &mut dyn Tx, new: &NewPackage, by: &Identity, at: Moment) -> Answer<()> {
    let package = &new.package;
    let values = [
        (&package.digest).into(),
        package.name.as_str().into(),
        package.version.as_str().into(),
        package.architecture.as_str().into(),
        package.source.as_str().into(),
        package.source_version.as_str().into(),
        count(package.size_bytes)?.into(),
        i64::from(package.stanza_bytes).into(),
        (&package.stanza_digest).into(),
        package.kind.as_str().into(),
        package.text.map_or(Value::Null, |text| text.mark.to_string().into()),
        package.text.map_or(Value::Null, |text| i64::from(text.bytes).into()),
        by.as_str().into(),
        at.0.into(),
        privileges_text(&new.privileges),
    ];
    let id = match one(tx, INSERT_PACKAGE, &values, |row| row.integer(0))? {
        Some(id) => {
            tx.exec(INSERT_STANZA, &[id.into(), new.stanza.as_str().into()])?;
            id
        }
        None => {
            let digest = Value::from(&package.digest);
            tx.exec(FRESHEN_PACKAGE, &[at.0.into(), digest.clone()])?;
            let lost = || CatalogueError::Database("a package was lost while it was noted".into());
            let id = one(tx, PACKAGE_ID, &[digest], |row| row.integer(0))?.ok_or_else(lost)?;
            tx.exec(FRESHEN_GOING, &[at.0.into(), id.into()])?;
            tx.exec(INSERT_SENDER, &[by.as_str().into(), id.into()])?;
            id
        }
    };
    if let Some(list) = &new.file_list {
        tx.exec(INSERT_FILE_LIST, &[id.into(), Value::Bytes(list.into())])?;
    }
    Ok(())
}

/// A name, how it is mentioned, and the name of the packages that mention it.
type Mentioned = (PackageName, &'static str, PackageName);

/// The names that packages mention, which a change of packages of these names looks up. Each comes
/// once and in the order of the table, so that neighbouring rows are written together.
fn mentions(new: &mut [NewPackage]) -> Vec<Mentioned> {
    let mut mentions = Vec::new();
    for new in new {
        let by = &new.package.name;
        let all = std::mem::take(&mut new.mentions).into_iter();
        mentions.extend(all.map(|(kind, name)| (name, mention_word(kind), by.clone())));
    }
    mentions.sort_unstable();
    mentions.dedup();
    mentions
}

fn record_mentions(tx: &mut dyn Tx, mentions: &[Mentioned]) -> Answer<()> {
    for (name, kind, by) in mentions {
        tx.exec(INSERT_MENTION, &[name.as_str().into(), (*kind).into(), by.as_str().into()])?;
    }
    Ok(())
}

fn mention_word(kind: Mention) -> &'static str {
    match kind {
        Mention::Depends => "depends",
        Mention::Provides => "provides",
        Mention::Avoids => "avoids",
    }
}

fn privileges_text(all: &[Privilege]) -> Value<'static> {
    let words: Vec<_> = all.iter().map(|one| one.as_str()).collect();
    if words.is_empty() { Value::Null } else { words.join(" ").into() }
}

fn privileges(row: &dyn Row, column: usize) -> Answer<Vec<Privilege>> {
    let text = if row.is_null(column)? { "" } else { row.text(column)? };
    let unknown = |error: PrivilegeError| damaged(Cause::of(error));
    let read = |word: &str| word.parse().map_err(unknown);
    text.split_whitespace().map(read).collect()
}

fn record(reader: &mut Reader, row: &dyn Row) -> Answer<PackageRecord> {
    let at = |offset: usize| PACKAGE_COLUMNS.saturating_add(offset);
    Ok(PackageRecord {
        package: reader.package(row, 0)?,
        sent_by: parse(row, at(0))?,
        sent_at: Moment(row.integer(at(1))?),
        privileges: privileges(row, at(2))?,
        accepted: number::<u8>(row, at(3))? == 1,
        going: number::<u8>(row, at(4))? == 1,
    })
}
