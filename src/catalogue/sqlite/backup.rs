//! Backup: a copy of the whole file as it is at one moment, and what a catalogue that was set back
//! takes over from the one in whose place it is put.

use std::path::Path;

use rusqlite::OpenFlags;
use rusqlite::backup::{Backup, StepResult};

use super::{MIGRATIONS, SqliteCatalogue, check, connect, failed, make, tx};
use crate::catalogue::sql::Answer;
use crate::time::Moment;

/// Packages that some suite had accepted. Their names and versions stay theirs, and their files are
/// kept.
const PACKAGES: &str = "
    INSERT INTO main.package (digest, name, version, architecture, source, source_version, size_bytes,
            stanza_bytes, stanza_digest, kind, text_mark, text_bytes, sent_by, sent_at, privileges, accepted)
        SELECT digest, name, version, architecture, source, source_version, size_bytes, stanza_bytes,
            stanza_digest, kind, text_mark, text_bytes, sent_by, sent_at, privileges, 1
        FROM former.package WHERE accepted > 0 ORDER BY id
        ON CONFLICT (digest) DO UPDATE SET accepted = 1 WHERE package.accepted = 0;
    INSERT INTO main.stanza (package_id, stanza)
        SELECT p.id, s.stanza FROM former.stanza AS s
        JOIN former.package AS f ON f.id = s.package_id AND f.accepted > 0
        JOIN main.package AS p ON p.digest = f.digest
        WHERE true ON CONFLICT DO NOTHING;
    INSERT INTO main.file_list (package_id, paths)
        SELECT p.id, l.paths FROM former.file_list AS l
        JOIN former.package AS f ON f.id = l.package_id AND f.accepted > 0
        JOIN main.package AS p ON p.digest = f.digest
        WHERE true ON CONFLICT DO NOTHING;
    INSERT INTO main.sender (package_id, identity)
        SELECT p.id, s.identity FROM former.sender AS s
        JOIN former.package AS f ON f.id = s.package_id AND f.accepted > 0
        JOIN main.package AS p ON p.digest = f.digest
        WHERE true ON CONFLICT DO NOTHING;
    INSERT INTO main.mention (name, kind, by_name)
        SELECT name, kind, by_name FROM former.mention WHERE true ON CONFLICT DO NOTHING;
    INSERT INTO main.binding (name, version, architecture, namespace, digest, package_id, by_slice)
        SELECT b.name, b.version, b.architecture, b.namespace, b.digest, p.id, 0 FROM former.binding AS b
        LEFT JOIN main.package AS p ON p.digest = b.digest
        WHERE true ON CONFLICT DO NOTHING;";

/// What closes something: certificates that were revoked, and tokens that were used.
const CLOSED: &str = "
    INSERT INTO main.certificate (serial, identity, issued_at, issued_by, not_after, revoked_at, reason)
        SELECT serial, identity, issued_at, issued_by, not_after, revoked_at, reason
        FROM former.certificate
        WHERE true ON CONFLICT (serial) DO UPDATE
            SET revoked_at = excluded.revoked_at, reason = excluded.reason
            WHERE certificate.revoked_at IS NULL;
    INSERT INTO main.shut_out (identity, shut_at)
        SELECT identity, shut_at FROM former.shut_out WHERE true ON CONFLICT DO NOTHING;
    DELETE FROM main.access_grant WHERE identity IN (
        SELECT identity FROM former.shut_out)
        AND identity NOT IN (SELECT identity FROM former.access_grant);
    DELETE FROM main.enrolment_token;
    INSERT INTO main.enrolment_token (secret, identity, host_grant, days, made_by, made_at, ends_at, message,
            revoked_at, used_at, used_by_key, serial, certificate, not_after)
        SELECT secret, identity, host_grant, days, made_by, made_at, ends_at, message, revoked_at, used_at,
            used_by_key, serial, certificate, not_after FROM former.enrolment_token;
    INSERT INTO main.client_package (suite_id, version, digest, made_of, key_names, built_at)
        SELECT m.id, c.version, c.digest, c.made_of, c.key_names, c.built_at
        FROM former.client_package AS c JOIN former.suite AS f ON f.id = c.suite_id
        JOIN main.suite AS m ON m.name = f.name
        WHERE true ON CONFLICT DO NOTHING;
    INSERT INTO main.departed_suite (name, dated_at, has_taken)
        SELECT name, dated_at, has_taken FROM former.departed_suite WHERE true
        ON CONFLICT DO NOTHING;";

/// What suites had accepted and do not list as accepted now.
const LOST: &str = "
    INSERT INTO main.lost_upload (restoration_id, suite, digest, name, version, architecture, author,
            accepted_at)
        SELECT (SELECT max(id) FROM main.restoration), s.name, f.digest, f.name, f.version,
            f.architecture, max(a.author), max(a.accepted_at)
        FROM former.acceptance AS a JOIN former.suite AS s ON s.id = a.suite_id
            AND a.from_generation <= s.last_generation
        JOIN former.package AS f ON f.id = a.package_id
        WHERE NOT EXISTS (
            SELECT 1 FROM main.acceptance AS b JOIN main.suite AS t ON t.id = b.suite_id
            JOIN main.package AS p ON p.id = b.package_id
            WHERE t.name = s.name AND p.digest = f.digest)
        GROUP BY s.name, f.digest, f.name, f.version, f.architecture;";

impl SqliteCatalogue {
    /// Copies the catalogue at `from` to a new file, as it is at this moment, also while a server
    /// writes to it. The copy is durable when this returns.
    ///
    /// # Errors
    /// [`crate::catalogue::CatalogueError`] when one of them cannot be read or written, or what was
    /// copied is not whole.
    pub fn copy(from: &Path, to: &Path) -> Answer<()> {
        let source =
            connect(from, OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        check(&source, from)?;
        make(to)?;
        let mut copy = connect(to, WRITABLE)?;
        // All pages in one step: a writer beside it is not stopped, and does not make it begin anew.
        let copied = Backup::new(&source, &mut copy).and_then(|backup| backup.step(-1));
        match copied.map_err(failed("copy the catalogue to", to))? {
            StepResult::Done => {}
            other => {
                return Err(crate::catalogue::CatalogueError::Database(
                    format!("{} could not be read whole ({other:?}); try again", from.display())
                        .into(),
                ));
            }
        }
        // One file is easier to keep than one with a log beside it.
        let mode = copy
            .pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get::<_, String>(0));
        mode.map_err(failed("close", to))?;
        let fault: String = copy
            .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
            .map_err(failed("read back", to))?;
        match fault.as_str() {
            "ok" => copy.close().map_err(|(_, error)| failed("close", to)(error)),
            fault => Err(crate::catalogue::CatalogueError::Damaged(
                format!("{} is damaged: {fault}; `repod check` tells more", from.display()).into(),
            )),
        }
    }

    /// Takes over into the catalogue at `path`, which was set back and is in use by nobody, what
    /// must outlive that: which bytes a name and version belong to, what was revoked, and what was
    /// accepted. `former` is the catalogue before, which [is whole](Self::is_whole).
    ///
    /// # Errors
    /// [`crate::catalogue::CatalogueError`] when one cannot be read or the other not be written.
    pub fn take_over(path: &Path, former: &Path) -> Answer<()> {
        let mut catalogue = connect(path, WRITABLE)?;
        let attached = former.to_string_lossy();
        catalogue.execute("ATTACH $1 AS former", [&attached]).map_err(tx::error)?;
        let work = catalogue.transaction().map_err(tx::error)?;
        work.execute_batch(PACKAGES).map_err(failed("take packages over into", path))?;
        work.execute_batch(CLOSED).map_err(failed("take revocations over into", path))?;
        work.execute_batch(LOST).map_err(failed("take uploads over into", path))?;
        work.commit().map_err(failed("write to", path))
    }

    /// Whether a file is a catalogue of this very build's schema, and nothing in it is damaged.
    pub fn is_whole(path: &Path) -> bool {
        look(path).unwrap_or(false)
    }

    /// Ends every enrolment token that was not used in the catalogue at `path`: nobody knows which
    /// were used since.
    ///
    /// # Errors
    /// [`crate::catalogue::CatalogueError`] when it cannot be written.
    pub fn end_tokens(path: &Path, at: Moment) -> Answer<()> {
        let catalogue = connect(path, WRITABLE)?;
        let end = "UPDATE enrolment_token SET revoked_at = $1 \
                   WHERE used_at IS NULL AND revoked_at IS NULL";
        catalogue.execute(end, [at.0]).map(drop).map_err(failed("write to", path))
    }
}

const WRITABLE: OpenFlags =
    OpenFlags::SQLITE_OPEN_NO_MUTEX.union(OpenFlags::SQLITE_OPEN_READ_WRITE);

fn look(path: &Path) -> Answer<bool> {
    // With its log, which a stopped server may have left, it has to be opened for writing.
    let catalogue = connect(path, WRITABLE)?;
    check(&catalogue, path)?;
    let version: i64 =
        catalogue.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(tx::error)?;
    let fault: String = catalogue
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(tx::error)?;
    Ok(usize::try_from(version) == Ok(MIGRATIONS.len()) && fault == "ok")
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn what_is_no_catalogue_is_not_taken_over() {
        let room = tempfile::tempdir().unwrap();
        let (catalogue, other) = (room.path().join("a"), room.path().join("b"));
        drop(SqliteCatalogue::open(&catalogue).unwrap());
        assert!(!SqliteCatalogue::is_whole(&other));
        assert!(!other.exists(), "looking makes no file");
        std::fs::write(&other, "not a database, but long enough to be taken for one".repeat(99))
            .unwrap();
        assert!(!SqliteCatalogue::is_whole(&other));
        let old = Connection::open(room.path().join("c")).unwrap();
        old.execute_batch("CREATE TABLE package (id INTEGER)").unwrap();
        assert!(!SqliteCatalogue::is_whole(&room.path().join("c")));
        // Of this build, it is.
        SqliteCatalogue::copy(&catalogue, &room.path().join("d")).unwrap();
        assert!(SqliteCatalogue::is_whole(&room.path().join("d")));
        SqliteCatalogue::open(&room.path().join("d")).unwrap();
        SqliteCatalogue::take_over(&catalogue, &room.path().join("d")).unwrap();
    }
}
