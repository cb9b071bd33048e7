//! Restorations: when the catalogue was set back, and what was accepted after the state that it was
//! set back to.

use super::bindings::{self, By};
use super::rows::{moment, moment_optional, parse};
use super::{Answer, Row, Store, Tx, Value, all, audit, count, one};
use crate::catalogue::{AcceptedUpload, CatalogueError, Restoration, Restorations};
use crate::debian::{Namespace, SuiteName};
use crate::digest::Digest;
use crate::domain::Event;
use crate::time::Moment;

const LAST: &str = "\
    SELECT restored_at, taken_at, is_complete, is_told, acknowledged_at FROM restoration \
    ORDER BY id DESC LIMIT 1";

const RECORD: &str = "\
    INSERT INTO restoration (restored_at, taken_at, is_complete, is_told, acknowledged_at) \
    VALUES ($1, $2, $3, $4, $5) RETURNING id";

const LAST_ID: &str = "SELECT id FROM restoration ORDER BY id DESC LIMIT 1";

const RECORD_LOST: &str = "\
    INSERT INTO lost_upload (restoration_id, suite, digest, name, version, architecture, author, \
        accepted_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
    ON CONFLICT (restoration_id, suite, digest) DO NOTHING";

const TELL: &str = "UPDATE restoration SET is_told = 1 WHERE is_told = 0";

const ACKNOWLEDGE: &str =
    "UPDATE restoration SET acknowledged_at = $1 WHERE acknowledged_at IS NULL";

// Whoever sent a package again needs no word any more.
const LOST: &str = "\
    SELECT DISTINCT l.suite, l.digest, l.name, l.version, l.architecture, l.author, l.accepted_at \
    FROM lost_upload AS l JOIN restoration AS r ON r.id = l.restoration_id \
    WHERE r.acknowledged_at IS NULL AND NOT EXISTS ( \
        SELECT 1 FROM package AS p JOIN acceptance AS a ON a.package_id = p.id \
        JOIN suite AS s ON s.id = a.suite_id AND a.from_generation <= s.last_generation \
        WHERE p.digest = l.digest AND (l.suite = '' OR l.suite = s.name)) \
    ORDER BY l.suite, l.name, l.version, l.architecture LIMIT $1";

const ACCEPTED: &str = "\
    SELECT s.name, p.digest, p.name, p.version, p.architecture, a.author, a.accepted_at \
    FROM acceptance AS a JOIN package AS p ON p.id = a.package_id \
    JOIN suite AS s ON s.id = a.suite_id AND a.from_generation <= s.last_generation \
    WHERE a.accepted_at >= $1 ORDER BY a.accepted_at, p.name, p.version LIMIT $2";

const NAMESPACES: &str =
    "SELECT namespace FROM suite UNION SELECT namespace FROM binding ORDER BY namespace";

const SKIP: &str = "UPDATE suite SET next_generation = $1 WHERE name = $2 AND next_generation < $1";

impl<S: Store> Restorations for S {
    fn last_restoration(&self) -> Answer<Option<Restoration>> {
        self.read(|tx| {
            one(tx, LAST, &[], |row| {
                Ok(Restoration {
                    at: moment(row, 0)?,
                    taken_at: moment_optional(row, 1)?,
                    is_complete: row.integer(2)? != 0,
                    is_told: row.integer(3)? != 0,
                    acknowledged_at: moment_optional(row, 4)?,
                })
            })
        })
    }

    fn record_restoration(&self, new: &Restoration, lost: &[AcceptedUpload]) -> Answer<()> {
        let (new, lost) = (new.clone(), lost.to_vec());
        self.write_much(move |tx| {
            let values = [
                new.at.0.into(),
                new.taken_at.map(|at| at.0).into(),
                i64::from(new.is_complete).into(),
                i64::from(new.is_told).into(),
                new.acknowledged_at.map(|at| at.0).into(),
            ];
            let id = one(tx, RECORD, &values, |row| row.integer(0))?;
            let id = id.ok_or_else(|| CatalogueError::Database("nothing was recorded".into()))?;
            record_lost(tx, id, &lost)
        })
    }

    fn record_lost(&self, lost: &[AcceptedUpload]) -> Answer<()> {
        let lost = lost.to_vec();
        self.write_much(move |tx| match one(tx, LAST_ID, &[], |row| row.integer(0))? {
            Some(id) => record_lost(tx, id, &lost),
            None => Err(CatalogueError::Missing("a restoration".into())),
        })
    }

    fn tell_restorations(&self, event: &Event) -> Answer<()> {
        let event = event.clone();
        self.write(move |tx| {
            tx.exec(TELL, &[])?;
            audit::add(tx, &[event])
        })
    }

    fn acknowledge_restorations(&self, event: &Event) -> Answer<u64> {
        let event = event.clone();
        self.write(move |tx| {
            let acknowledged = tx.exec(ACKNOWLEDGE, &[event.at.0.into()])?;
            if acknowledged > 0 {
                audit::add(tx, &[event])?;
            }
            Ok(acknowledged)
        })
    }

    fn list_lost(&self, most: u32) -> Answer<Vec<AcceptedUpload>> {
        self.read(|tx| all(tx, LOST, &[i64::from(most).into()], upload))
    }

    fn list_accepted(&self, since: Moment, most: u32) -> Answer<Vec<AcceptedUpload>> {
        self.read(|tx| all(tx, ACCEPTED, &[since.0.into(), i64::from(most).into()], upload))
    }

    fn skip_generations(&self, suite: &SuiteName, next: u64) -> Answer<()> {
        let (suite, next) = (suite.clone(), count(next)?);
        self.write(move |tx| tx.exec(SKIP, &[next.into(), suite.as_str().into()]).map(drop))
    }

    fn bind_everywhere(&self, packages: &[Digest]) -> Answer<()> {
        let packages = packages.to_vec();
        self.write_much(move |tx| {
            let mut namespaces = all(tx, NAMESPACES, &[], |row| parse::<Namespace>(row, 0))?;
            if namespaces.is_empty() {
                namespaces.push(Namespace::default());
            }
            for (digest, namespace) in
                packages.iter().flat_map(|one| namespaces.iter().map(move |space| (one, space)))
            {
                let Some(found) = bindings::find(tx, namespace, digest)? else { continue };
                if found.bound.is_none() {
                    // Its version may belong to bytes that were removed, and then it goes on to.
                    match bindings::bind(tx, namespace, &found, By::Generation) {
                        Err(CatalogueError::Taken { .. }) => {}
                        bound => bound?,
                    }
                }
            }
            Ok(())
        })
    }
}

fn record_lost(tx: &mut dyn Tx, id: i64, lost: &[AcceptedUpload]) -> Answer<()> {
    for one in lost {
        let values: [Value<'_>; 8] = [
            id.into(),
            one.suite.as_str().into(),
            (&one.digest).into(),
            one.name.as_str().into(),
            one.version.as_str().into(),
            one.architecture.as_str().into(),
            one.author.as_str().into(),
            one.at.0.into(),
        ];
        tx.exec(RECORD_LOST, &values)?;
    }
    Ok(())
}

fn upload(row: &dyn Row) -> Answer<AcceptedUpload> {
    Ok(AcceptedUpload {
        suite: row.text(0)?.to_owned(),
        digest: parse(row, 1)?,
        name: parse(row, 2)?,
        version: parse(row, 3)?,
        architecture: parse(row, 4)?,
        author: row.text(5)?.to_owned(),
        at: moment(row, 6)?,
    })
}
