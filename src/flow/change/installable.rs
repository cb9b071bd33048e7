//! Installable: what a change leaves that hosts cannot install, of what moved and of what depends on it.

use std::collections::BTreeSet;

use crate::catalogue::Mention;
use crate::debian::PackageName;
use crate::domain::Lack;
use crate::domain::installable::Moved;
use crate::flow::change::difference::{AT_ONCE, Difference};
use crate::flow::error::FlowError;
use crate::flow::state::upload_memory::Loan;
use crate::flow::threads::on_every_core;

mod known;

use known::{Again, Known, MOST_SHARED, Shared};

/// What is read for one name, with what it looks up.
const NAME_BYTES: u64 = 4 << 10;

impl Difference<'_> {
    /// Everything that hosts cannot install with the change, of what moved and what depends on it.
    ///
    /// The cost grows with what moved and what depends on it. The answer is `None` when `may_go_on` says no.
    ///
    /// # Errors
    /// [`FlowError`] from the catalogue.
    pub(crate) fn lacks(
        &self,
        may_go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<Vec<Lack>>, FlowError> {
        let names = self.after.since(self.before).0.into_iter().map(|(place, _)| place.1);
        let names: BTreeSet<PackageName> = names.collect();
        let shared = Shared::default();
        let moved = self.moved(&names, &shared)?;
        let concerned = self.concerned(names, &moved)?;
        // Most of what depends on a package that moved finds the same as before. The rest is looked at together:
        // most of what one of them needs is needed by others too.
        let (there, new): (Vec<_>, Vec<_>) =
            concerned.into_iter().partition(|name| self.before.lists_name(name));
        let unclear = in_parts(&there, may_go_on, |part| self.unclear(part, &moved, &shared))?;
        let Some(mut unclear) = unclear else { return Ok(None) };
        unclear.extend(new);
        unclear.sort_unstable();
        in_parts(&unclear, may_go_on, |part| self.examine(part, &moved, &shared))
    }

    /// The names that move, and those of packages that name anything that moves.
    fn concerned(
        &self,
        mut names: BTreeSet<PackageName>,
        moved: &Moved,
    ) -> Result<Vec<PackageName>, FlowError> {
        // Where nothing was listed, nothing but what moved depends on it.
        if !self.before.lists_nothing() {
            let touched: Vec<_> = moved.touched.iter().cloned().collect();
            for part in touched.chunks(AT_ONCE) {
                for kind in [Mention::Depends, Mention::Avoids] {
                    let found = self.repository.catalogue.list_mentions(part, kind)?;
                    names.extend(found.into_iter().flatten());
                }
            }
        }
        Ok(names.into_iter().collect())
    }

    /// What moves, as far as others can tell by what its packages say.
    fn moved(&self, names: &BTreeSet<PackageName>, shared: &Shared) -> Result<Moved, FlowError> {
        if self.before.lists_nothing() {
            return Ok(Moved::of_names(names.clone()));
        }
        // All of it is looked at once more. Of very much, the room is for what others need.
        let again = if names.len() < MOST_SHARED / 2 { Again::Yes } else { Again::No };
        let names: Vec<_> = names.iter().cloned().collect();
        let parts: Vec<_> = names.chunks(AT_ONCE.min(names.len().div_ceil(2).max(1))).collect();
        let parts = on_every_core(&parts, |part| {
            let _loan = self.room_for(part);
            let mut known = Known::new(*self, shared);
            known.list(*part);
            known.read(&part.iter().collect::<Vec<_>>(), again)?;
            let mut moved = Moved::default();
            moved.add(part, [&known.before, &known.after], &known.dependencies);
            Ok(moved)
        })?;
        let mut moved = Moved::default();
        parts.into_iter().for_each(|part| moved.extend(part));
        Ok(moved)
    }

    /// Waits for memory: several suites may be changed at once.
    fn room_for(&self, names: &[PackageName]) -> Loan<'_> {
        self.repository.memory.encode(NAME_BYTES.saturating_mul(names.len() as u64))
    }

    /// Those of these names, which were listed, for which hosts may find something else than before.
    fn unclear(
        &self,
        names: &[PackageName],
        moved: &Moved,
        shared: &Shared,
    ) -> Result<Vec<PackageName>, FlowError> {
        let _loan = self.room_for(names);
        let mut known = Known::new(*self, shared);
        let listed = known.listed_of(names)?;
        Ok(known.but_the_same(listed, moved).into_iter().cloned().collect())
    }

    fn examine(
        &self,
        names: &[PackageName],
        moved: &Moved,
        shared: &Shared,
    ) -> Result<Vec<Lack>, FlowError> {
        let (_loan, touched) = (self.room_for(names), &moved.touched);
        let mut known = Known::new(*self, shared);
        let listed = known.listed_of(names)?;
        let needed = known.needed(&listed, touched);
        known.look_up(needed)?;
        let question = known.question(touched);
        let bringing: Vec<_> =
            listed.iter().copied().filter(|name| question.may_bring(name)).cloned().collect();
        if !bringing.is_empty() {
            known.follow(bringing)?;
        }
        let question = known.question(touched);
        Ok(listed.into_iter().flat_map(|name| question.lacks(name)).collect())
    }
}

/// Does the same with parts of some names on every core, and joins what comes of it in their order; `None` when
/// `may_go_on` says no.
fn in_parts<T: Send>(
    names: &[PackageName],
    may_go_on: &(dyn Fn() -> bool + Sync),
    work: impl Fn(&[PackageName]) -> Result<Vec<T>, FlowError> + Sync,
) -> Result<Option<Vec<T>>, FlowError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let parts: Vec<_> = names.chunks(names.len().div_ceil(cores).clamp(1, AT_ONCE)).collect();
    let found = on_every_core(&parts, |part| match may_go_on() {
        true => work(part).map(Some),
        false => Ok(None),
    })?;
    let whole: Option<Vec<_>> = found.into_iter().collect();
    Ok(whole.map(|parts| parts.into_iter().flatten().collect()))
}
