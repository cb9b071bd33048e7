//! Publish: a publish batch of a suite, in one transaction; most of a large change is recorded
//! ahead of it, in slices.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::bindings::{self, Bound, By};
use super::heads::{find_head, lock};
use super::indices::{record_chunk, record_indices, record_ring_indices};
use super::rows::{number, parse, to_json};
use super::{Answer, Tx, Value, aliases, audit, count, one, rings, slices, yanks};
use crate::catalogue::CatalogueError;
use crate::debian::{Component, Namespace, SuiteName};
use crate::digest::Digest;
use crate::domain::{
    Acceptance, GenerationRecord, Head, Hold, HoldEdit, Identity, NewGeneration, PinTarget,
    Publication, Slice, SliceRow,
};

const REPLACE_SPEC: &str = "UPDATE suite SET spec = $1 WHERE id = $2";

const FLOOR: &str = "SELECT dated_at FROM departed_suite WHERE name = $1";

const SUITE: &str = "\
    SELECT namespace, CASE WHEN next_generation > last_generation THEN next_generation \
        ELSE last_generation + 1 END \
    FROM suite WHERE id = $1";

// A package that was taken before keeps its author and time.
const RECORD_ACCEPTANCE: &str = "\
    INSERT INTO acceptance (package_id, suite_id, component, author, accepted_at, \
        from_generation) \
    VALUES ($1, $2, $3, $4, $5, $6) \
    ON CONFLICT (package_id, suite_id, component) DO NOTHING";

const UNPIN: &str = "DELETE FROM pin WHERE suite_id = $1 AND kind = $2 AND name = $3";

const PIN: &str = "\
    INSERT INTO pin (suite_id, kind, name, version, author, message, pinned_at, ends_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
    ON CONFLICT (suite_id, kind, name) DO UPDATE SET version = excluded.version, \
        author = excluded.author, message = excluded.message, \
        pinned_at = excluded.pinned_at, ends_at = excluded.ends_at";

const RESTORE: &str =
    "DELETE FROM withdrawn WHERE suite_id = $1 AND kind = $2 AND name = $3 AND version = $4";

const WITHDRAW: &str = "\
    INSERT INTO withdrawn (suite_id, kind, name, version) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (suite_id, kind, name, version) DO NOTHING";

const END_HOLD: &str = "DELETE FROM hold WHERE suite_id = $1";

const EMPTY_HELD_BACK: &str = "DELETE FROM held_back WHERE suite_id = $1";

const HOLD: &str = "INSERT INTO hold (suite_id, author, message, held_at) VALUES ($1, $2, $3, $4)";

const HOLD_BACK: &str = "\
    INSERT INTO held_back (suite_id, package_id, component) VALUES ($1, $2, $3) \
    ON CONFLICT DO NOTHING";

const NUMBER_SUITE: &str = "UPDATE suite SET last_generation = $1 WHERE id = $2";

const RECORD_GENERATION: &str = "\
    INSERT INTO generation (suite_id, number, published_at, authors, message, same_as, \
        entered_count, left_count) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

const LEAVE: &str = "\
    UPDATE membership SET until_generation = $1 \
    WHERE package_id = $2 AND suite_id = $3 AND component = $4 AND until_generation IS NULL \
        AND from_generation < $1";

// Adds no row when the place is taken.
const ENTER: &str = "\
    INSERT INTO membership (package_id, suite_id, component, name, architecture, from_generation) \
    VALUES ($1, $2, $3, $4, $5, $6) \
    ON CONFLICT DO NOTHING";

const MOVE_HEAD: &str = "\
    INSERT INTO head (suite_id, generation, dated_at, valid_until, release, release_gpg, in_release) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) \
    ON CONFLICT (suite_id) DO UPDATE SET generation = excluded.generation, \
        dated_at = excluded.dated_at, valid_until = excluded.valid_until, \
        release = excluded.release, release_gpg = excluded.release_gpg, \
        in_release = excluded.in_release";

/// Records a publication.
///
/// # Errors
/// [`CatalogueError::Stale`] when it does not follow what is recorded; [`CatalogueError::Missing`]
/// for a suite, package or chunk that is not recorded; [`CatalogueError::Taken`] when other bytes
/// hold a package's name, version and architecture in the suite's namespace.
pub fn publish(tx: &mut dyn Tx, publication: &Publication) -> Answer<()> {
    let (id, last) = lock(tx, &publication.suite)?;
    let number = publication.generation.as_ref().map_or(0, |new| new.record.generation);
    match publication.sliced {
        0 => slices::take_all_back(tx, (id, count(last)?))?,
        rows => slices::expect(tx, &publication.suite, (id, count(number)?), rows)?,
    }
    let mut batch = PublishBatch::new(tx, id, &publication.suite, None)?;
    if let Some(spec) = &publication.spec {
        if spec.name != publication.suite || spec.namespace != batch.namespace {
            let problem = "the new description is of another suite, or in another namespace";
            return Err(CatalogueError::Database(problem.into()));
        }
        batch.tx.exec(REPLACE_SPEC, &[to_json(spec)?.into(), id.into()])?;
    }
    for (_, acceptance) in batch.in_order(&publication.accepted, |one| &one.digest)? {
        batch.accept(acceptance)?;
    }
    batch.record_pins(publication)?;
    batch.record_hold(publication)?;
    let generation = publication.generation.as_ref().map(|new| new.record.generation);
    yanks::record(batch.tx, &batch.namespace, &publication.yanks)?;
    rings::record_rollouts(batch.tx, id, generation, &publication.rollouts)?;
    match &publication.generation {
        Some(new) => batch.record_generation(new)?,
        None if publication.sliced > 0 => return Err(batch.stale()),
        None => {}
    }
    // The alias is set after the head: the head's Date must be later than the last one at the
    // alias.
    if let Some(spec) = &publication.spec {
        aliases::settle(batch.tx, id, spec, publication.alias_from.as_ref())?;
    }
    audit::add(batch.tx, &publication.events)
}

/// Records a slice of the next generation; gives how many rows that took.
///
/// # Errors
/// As for [`publish`].
pub fn record_slice(tx: &mut dyn Tx, slice: &Slice) -> Answer<u64> {
    let (id, _) = lock(tx, &slice.suite)?;
    let number = count(slice.generation)?;
    let mut batch = PublishBatch::new(tx, id, &slice.suite, Some(number))?;
    if batch.next != slice.generation {
        return Err(batch.stale());
    }
    let mut rows = 0_u64;
    for (_, row) in batch.in_order(&slice.rows, SliceRow::digest)? {
        rows = rows.saturating_add(match row {
            SliceRow::Left(component, digest) => batch.leave(number, component, digest).map(|()| 1),
            SliceRow::Accepted(acceptance) => batch.accept(acceptance),
            SliceRow::Entered(component, digest) => {
                batch.enter(number, component, digest).map(|()| 1)
            }
        }?);
    }
    Ok(rows)
}

/// One transaction on one suite.
struct PublishBatch<'t> {
    tx: &'t mut dyn Tx,
    id: i64,
    /// The number of the next generation.
    next: u64,
    name: &'t SuiteName,
    namespace: Namespace,
    packages: HashMap<Digest, Bound>,
    /// The number of the next generation when this is a slice of it; `None` for a publication.
    coming: Option<i64>,
}

impl<'t> PublishBatch<'t> {
    /// A transaction on a suite that is locked, with its id.
    ///
    /// # Errors
    /// [`CatalogueError`] of the database.
    fn new(tx: &'t mut dyn Tx, id: i64, name: &'t SuiteName, coming: Option<i64>) -> Answer<Self> {
        let suite = one(tx, SUITE, &[id.into()], |row| Ok((parse(row, 0)?, number(row, 1)?)))?;
        let (namespace, next) =
            suite.ok_or_else(|| CatalogueError::Missing(format!("suite {name}")))?;
        Ok(Self { tx, id, next, name, namespace, packages: HashMap::new(), coming })
    }

    fn stale(&self) -> CatalogueError {
        CatalogueError::Stale(self.name.clone())
    }

    /// Checks the head's Date against the Date floor, which stays even when the suite is removed.
    fn expect_later(&mut self, head: &Head) -> Answer<()> {
        let last = find_head(self.tx, self.id)?.map(|head| head.date.0);
        let departed = [self.name.as_str().into()];
        let departed = one(self.tx, FLOOR, &departed, |row| row.integer(0))?;
        let above = |floor: Option<i64>| floor.is_none_or(|floor| head.date.0 > floor);
        if above(last) && above(departed) { Ok(()) } else { Err(self.stale()) }
    }

    /// The items in the order in which their packages were uploaded, each with the id of its
    /// package. Packages that came together have neighbouring names, so thousands of them go into
    /// every index of the database side by side.
    fn in_order<'i, T>(
        &mut self,
        items: &'i [T],
        digest: impl Fn(&T) -> &Digest,
    ) -> Answer<Vec<(i64, &'i T)>> {
        let found = items.iter().map(|item| Ok((self.find(digest(item))?.id, item)));
        let mut found = found.collect::<Answer<Vec<_>>>()?;
        found.sort_by_key(|(id, _)| *id);
        Ok(found)
    }

    fn find(&mut self, digest: &Digest) -> Answer<&mut Bound> {
        let new = match self.packages.entry(*digest) {
            Entry::Occupied(known) => return Ok(known.into_mut()),
            Entry::Vacant(new) => new,
        };
        let found = bindings::find(self.tx, &self.namespace, digest)?;
        let missing = || CatalogueError::Missing(format!("package {digest}"));
        Ok(new.insert(found.ok_or_else(missing)?))
    }

    /// Finds a package and marks it as taken: its name, version and architecture belong to it in
    /// the suite's namespace from now on.
    fn take(&mut self, digest: &Digest) -> Answer<Bound> {
        let known = self.find(digest)?;
        let bound = known.bound.replace(known.id);
        let known = known.clone();
        if bound != Some(known.id) {
            let by = if self.coming.is_some() { By::Slice } else { By::Generation };
            bindings::bind(self.tx, &self.namespace, &known, by)?;
        }
        Ok(known)
    }

    /// Records an acceptance and gives how many rows that took: none for a package that the suite
    /// took before.
    fn accept(&mut self, acceptance: &Acceptance) -> Answer<u64> {
        let values = [
            self.take(&acceptance.digest)?.id.into(),
            self.id.into(),
            acceptance.component.as_str().into(),
            acceptance.author.as_str().into(),
            acceptance.at.0.into(),
            self.coming.unwrap_or_default().into(),
        ];
        self.tx.exec(RECORD_ACCEPTANCE, &values)
    }

    /// Removals come before additions, so that one batch can replace a pin.
    fn record_pins(&mut self, publication: &Publication) -> Answer<()> {
        for target in &publication.unpinned {
            self.tx.exec(UNPIN, &target_values(self.id, target))?;
        }
        for pin in &publication.pinned {
            let [suite, kind, name] = target_values(self.id, &pin.target);
            let values = [
                suite,
                kind,
                name,
                pin.version.as_ref().map(|version| version.as_str()).into(),
                pin.author.as_str().into(),
                pin.message.as_str().into(),
                pin.at.0.into(),
                pin.until.map(|until| until.0).into(),
            ];
            self.tx.exec(PIN, &values)?;
        }
        let restored = publication.restored.iter().map(|withdrawn| (RESTORE, withdrawn));
        for (sql, withdrawn) in
            restored.chain(publication.withdrawn.iter().map(|withdrawn| (WITHDRAW, withdrawn)))
        {
            let [suite, kind, name] = target_values(self.id, &withdrawn.target);
            self.tx.exec(sql, &[suite, kind, name, withdrawn.version.as_str().into()])?;
        }
        Ok(())
    }

    /// Records what becomes of the hold, and then what came in the suite that is held.
    fn record_hold(&mut self, publication: &Publication) -> Answer<()> {
        if let Some(edit) = &publication.hold {
            self.tx.exec(END_HOLD, &[self.id.into()])?;
            self.tx.exec(EMPTY_HELD_BACK, &[self.id.into()])?;
            if let HoldEdit::Begin(Hold { author, message, at }) = edit {
                let values =
                    [self.id.into(), author.as_str().into(), message.as_str().into(), at.0.into()];
                self.tx.exec(HOLD, &values)?;
            }
        }
        for (package, (component, _)) in self.in_order(&publication.held_back, |(_, one)| one)? {
            self.tx
                .exec(HOLD_BACK, &[self.id.into(), package.into(), component.as_str().into()])?;
        }
        Ok(())
    }

    /// Records a generation, which must be the next one.
    fn record_generation(&mut self, new: &NewGeneration) -> Answer<()> {
        let NewGeneration { record, entered, left, chunks, indices, rings, head } = new;
        let generation = record.generation;
        if self.next != generation || head.generation != generation {
            return Err(self.stale());
        }
        self.expect_later(head)?;
        let number = count(generation)?;
        self.tx.exec(NUMBER_SUITE, &[number.into(), self.id.into()])?;
        self.record_history(record)?;
        for (component, digest) in left {
            self.leave(number, component, digest)?;
        }
        for (_, (component, digest)) in self.in_order(entered, |(_, digest)| digest)? {
            self.enter(number, component, digest)?;
        }
        chunks.iter().try_for_each(|chunk| record_chunk(self.tx, chunk))?;
        record_indices(self.tx, self.id, number, indices)?;
        record_ring_indices(self.tx, self.id, number, rings)?;
        self.move_head(head)
    }

    fn record_history(&mut self, record: &GenerationRecord) -> Answer<()> {
        let authors: Vec<&str> = record.authors.iter().map(Identity::as_str).collect();
        let values = [
            self.id.into(),
            count(record.generation)?.into(),
            record.at.0.into(),
            to_json(&authors)?.into(),
            record.message.as_str().into(),
            record.same_as.map(count).transpose()?.into(),
            count(record.entered)?.into(),
            count(record.left)?.into(),
        ];
        self.tx.exec(RECORD_GENERATION, &values).map(drop)
    }

    /// Ends a package's time in the suite before a generation.
    fn leave(&mut self, number: i64, component: &Component, digest: &Digest) -> Answer<()> {
        let package = self.find(digest)?.id;
        let values = [number.into(), package.into(), self.id.into(), component.as_str().into()];
        match self.tx.exec(LEAVE, &values)? {
            0 => Err(self.stale()),
            _ => Ok(()),
        }
    }

    /// Begins a package's time in the suite with a generation.
    fn enter(&mut self, number: i64, component: &Component, digest: &Digest) -> Answer<()> {
        let is_slice = self.coming.is_some();
        let known = self.find(digest)?;
        if is_slice && known.bound != Some(known.id) {
            // Without an acceptance beside it, nothing would say which suite a slice took the
            // package for.
            return Err(self.stale());
        }
        let package = self.take(digest)?;
        let values = [
            package.id.into(),
            self.id.into(),
            component.as_str().into(),
            package.name.as_str().into(),
            package.architecture.as_str().into(),
            number.into(),
        ];
        match self.tx.exec(ENTER, &values)? {
            0 => Err(self.stale()),
            _ => Ok(()),
        }
    }

    fn move_head(&mut self, head: &Head) -> Answer<()> {
        let values = [
            self.id.into(),
            count(head.generation)?.into(),
            head.date.0.into(),
            head.valid_until.0.into(),
            head.release.as_str().into(),
            head.release_gpg.as_str().into(),
            head.in_release.as_str().into(),
        ];
        self.tx.exec(MOVE_HEAD, &values)?;
        rings::move_heads(self.tx, self.id, &head.rings)
    }
}

fn target_values(suite: i64, target: &PinTarget) -> [Value<'_>; 3] {
    [suite.into(), target.kind.as_str().into(), target.name.as_str().into()]
}
