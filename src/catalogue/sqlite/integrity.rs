//! Integrity: SQLite's own check of the file, and the file itself, read from the disk again.

use rusqlite::OpenFlags;

use super::{SqliteCatalogue, connect, tx};
use crate::afresh;
use crate::catalogue::sql::{Answer, Store as _, Tx, all};
use crate::catalogue::{CatalogueError, Integrity, Measured};

const PACKAGE_BYTES: &str = "SELECT COALESCE(SUM(size_bytes), 0) FROM package";

const INDEX_BYTES: &str = "SELECT COALESCE(SUM(size_bytes), 0) FROM index_file";

const TABLES: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";

impl SqliteCatalogue {
    /// What SQLite itself finds wrong with the file; the first faults tell enough.
    ///
    /// # Errors
    /// [`CatalogueError::Database`] when it cannot be read at all.
    pub fn integrity(&self) -> Result<Vec<String>, CatalogueError> {
        let found = self.readers.read(|tx| {
            all(tx, "PRAGMA integrity_check(20)", &[], |row| Ok(row.text(0)?.to_owned()))
        })?;
        Ok(found.into_iter().filter(|line| line != "ok").collect())
    }

    /// The same of one table and its indices, by a connection of its own: it holds up none that
    /// serves, and has nothing in memory yet.
    fn integrity_of(&self, table: &str) -> Answer<Vec<String>> {
        let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = connect(self.own.path(), flags)?;
        let sql = format!("PRAGMA integrity_check(\"{}\")", table.replace('"', "\"\""));
        let mut statement = connection.prepare(&sql).map_err(tx::error)?;
        let lines = statement.query_map([], |row| row.get::<_, String>(0)).map_err(tx::error)?;
        let lines = lines.collect::<Result<Vec<_>, _>>().map_err(tx::error)?;
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }
}

fn sum(tx: &mut dyn Tx, sql: &'static str) -> Answer<u64> {
    let sums = all(tx, sql, &[], |row| row.integer(0))?;
    Ok(sums.iter().filter_map(|sum| u64::try_from(*sum).ok()).sum())
}

impl Integrity for SqliteCatalogue {
    fn measure(&self) -> Answer<Measured> {
        let own_bytes = self.own.path().metadata().map_or(0, |found| found.len());
        self.read(|tx| {
            let (package_bytes, index_bytes) = (sum(tx, PACKAGE_BYTES)?, sum(tx, INDEX_BYTES)?);
            Ok(Measured { package_bytes, index_bytes, own_bytes })
        })
    }

    fn reread(&self, read: &dyn Fn(u64) -> bool) -> Answer<Vec<String>> {
        if let Some(problem) = self.own.misplaced() {
            return Ok(vec![problem]);
        }
        let Some(held) = self.own.handle() else { return Ok(Vec::new()) };
        let done = afresh::read(held, 0, u64::MAX, &mut |part| read(part.len() as u64));
        let path = self.own.path().display();
        Ok(done
            .err()
            .map(|problem| format!("{path} cannot be read: {problem}"))
            .into_iter()
            .collect())
    }

    fn list_parts(&self) -> Answer<Vec<String>> {
        self.read(|tx| all(tx, TABLES, &[], |row| Ok(row.text(0)?.to_owned())))
    }

    fn look_at_part(&self, part: &str) -> Answer<Vec<String>> {
        // That is told once, by whoever reads the file.
        if self.own.misplaced().is_some() {
            return Ok(Vec::new());
        }
        // A table that cannot be read at all is as bad as one that is wrong.
        let found = self.integrity_of(part).unwrap_or_else(|problem| vec![problem.to_string()]);
        Ok(found.into_iter().map(|fault| format!("table {part}: {fault}")).collect())
    }
}
