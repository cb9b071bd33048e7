//! Ropes: how an index is cut into chunks, so that a change of one package touches few of them.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::debian::packages::Form;
use crate::debian::{Component, PackageKind, PackageName};
use crate::digest::{Digest, Hasher};
pub use crate::domain::index_place::IndexPlace;
use crate::domain::listing::{listing_from, ranked, texts_from};
use crate::domain::package_set::Rank;
use crate::domain::{Move, Package, PackageSet};

/// Which index of a suite that is made of stanzas.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Index {
    /// The `Packages` of a place.
    Packages {
        /// Of which.
        place: IndexPlace,
        /// Whether long descriptions stand in a `Translation-en` and not in it.
        is_short: bool,
    },
    /// The `Translation-en` of a component: each description of each package once, whatever versions and
    /// architectures have it.
    Translation {
        /// Of which.
        component: Component,
    },
}

/// What the stanzas of an index are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Those of a `Packages`, in this form.
    Packages(Form),
    /// Those of a `Translation-en`.
    Translation,
}

impl Shape {
    /// Where a package stands in such an index.
    fn rank(self, since: u64, package: &Package) -> Rank {
        let rank = Rank::of(since, package);
        let version = rank.version.filter(|_| self != Self::Translation);
        Rank { version, ..rank }
    }
}

impl Index {
    /// What its stanzas are.
    pub fn shape(&self) -> Shape {
        match self {
            Self::Packages { place: IndexPlace { kind: PackageKind::Udeb, .. }, .. } => {
                Shape::Packages(Form::Installer)
            }
            Self::Packages { is_short: true, .. } => Shape::Packages(Form::Short),
            Self::Packages { is_short: false, .. } => Shape::Packages(Form::Whole),
            Self::Translation { .. } => Shape::Translation,
        }
    }

    /// Whether it may read otherwise once a package has moved.
    pub fn shows(&self, moved: &Move) -> bool {
        let (component, _, built) = &moved.place;
        match self {
            Self::Packages { place, .. } => {
                *component == place.component && (*built == place.architecture || built.is_all())
            }
            // A new version with the description of the last one leaves it as it is.
            Self::Translation { component: of } => {
                let text = |package: &Option<Arc<Package>>| package.as_ref()?.text;
                component == of && text(&moved.from) != text(&moved.to)
            }
        }
    }
}

/// One chunk of an index as its writer keeps it in memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    /// The place of its first package. What a `Translation-en` has of a name stands in one chunk.
    pub first: Rank,
    /// The chunk's name.
    pub key: Digest,
}

/// A stretch of an index that was cut again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stretch {
    /// These pieces of before stay as they are.
    Kept(Range<usize>),
    /// The packages of one chunk that was cut anew, and where the first of them stands.
    Cut(Rank, Vec<Arc<Package>>),
}

/// No chunk is smaller, but for the last of an index. Unit: bytes of stanzas.
const SMALLEST_BYTES: u64 = 64 * 1024;
/// From here on a cut is more likely, so that few chunks are as large as they may be. Most are cut before:
/// where any stanza may end a chunk only rarely, cuts that were moved soon meet those of before again.
/// Unit: bytes of stanzas.
const USUAL_BYTES: u64 = 192 * 1024;
/// No chunk is larger, but for one that holds a single stanza. Unit: bytes of stanzas.
const LARGEST_BYTES: u64 = 256 * 1024;
/// Mean distance to the next cut below the usual size, and from there on. Unit: bytes of stanzas.
const SPARSE_BYTES: u64 = 96 * 1024;
const DENSE_BYTES: u64 = 16 * 1024;

/// A chunk that is being filled.
///
/// Where a cut falls depends on the stanza before it, on the size since the last cut and, when a chunk
/// is full, on the stanza behind it; so a change of one package moves the cuts next to it and no others.
struct Filling {
    shape: Shape,
    size: u64,
    /// When the first of them was listed.
    since: u64,
    packages: Vec<Arc<Package>>,
}

/// The packages of one chunk, and where the first of them stands.
type Chunk = (Rank, Vec<Arc<Package>>);

impl Filling {
    /// Closes the chunk where the last stanza asks for it, or where the next one does not fit in.
    fn settle(&mut self, next: &Package) -> Option<Chunk> {
        let last = self.packages.last()?;
        let asked = self.size >= SMALLEST_BYTES && self.cuts_after(last);
        let full = self.size.saturating_add(self.weight(next).0) > LARGEST_BYTES;
        let together = self.shape == Shape::Translation && last.name == next.name;
        ((asked || full) && !together).then(|| self.close()).flatten()
    }

    fn take(&mut self, since: u64, package: &Arc<Package>) {
        if self.packages.is_empty() {
            self.since = since;
        }
        self.size = self.size.saturating_add(self.weight(package).0);
        self.packages.push(Arc::clone(package));
    }

    /// Size and first bytes of the digest of what is listed of a package. A short stanza counts as the
    /// whole one: both forms are cut at the same places.
    fn weight(&self, package: &Package) -> (u64, u32) {
        let (bytes, digest) = match (self.shape, &package.text) {
            (Shape::Translation, Some(text)) => (text.bytes, &text.mark.as_bytes()[..]),
            _ => (package.stanza_bytes, &package.stanza_digest.as_bytes()[..]),
        };
        let head = digest.first_chunk::<4>().copied().unwrap_or_default();
        (u64::from(bytes), u32::from_be_bytes(head))
    }

    /// Whether the stanza's own digest, read as a fraction, falls below its share of the mean distance.
    fn cuts_after(&self, package: &Package) -> bool {
        let distance = if self.size < USUAL_BYTES { SPARSE_BYTES } else { DENSE_BYTES };
        let (bytes, head) = self.weight(package);
        let share = bytes.saturating_mul(1 << 32) / distance;
        u64::from(head) < share
    }

    fn close(&mut self) -> Option<Chunk> {
        self.size = 0;
        let packages = std::mem::take(&mut self.packages);
        let first = self.shape.rank(self.since, packages.first()?);
        Some((first, packages))
    }
}

/// The name of the chunk that holds these packages: known before the chunk is made.
///
/// Shape: a hash over what tells its stanzas apart, behind a word that tells forms apart. Whole stanzas have
/// no word: 32 bytes for each of them add up to what no word and digests do.
pub fn chunk_key(shape: Shape, packages: &[Arc<Package>]) -> Digest {
    let mut hasher = Hasher::new();
    hasher.update(match shape {
        Shape::Packages(Form::Whole | Form::Installer) => b"",
        Shape::Packages(Form::Short) => b"short\n",
        Shape::Translation => b"translation\n",
    });
    for package in packages {
        match (shape, &package.text) {
            (Shape::Translation, Some(text)) => hasher.update(text.mark.as_bytes()),
            _ => hasher.update(package.stanza_digest.as_bytes()),
        }
    }
    hasher.finish()
}

/// The name of a chunk of something else than stanzas: of these bytes, told apart by what they are.
pub fn side_key(what: &str, bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new();
    hasher.update(what.as_bytes());
    hasher.update(b"\n");
    hasher.update(bytes);
    hasher.finish()
}

/// Cuts an index into chunks.
///
/// Shape: consecutive runs that hold all that is listed, in its order. Of a `Translation-en`, one package
/// for each of its stanzas.
pub fn cut(contents: &PackageSet, index: &Index) -> Vec<Vec<Arc<Package>>> {
    let stretches = recut(contents, index, &[], &BTreeSet::new());
    let cut = |stretch| match stretch {
        Stretch::Cut(_, packages) => Some(packages),
        Stretch::Kept(_) => None,
    };
    stretches.into_iter().filter_map(cut).collect()
}

/// Where an index reads otherwise than before: what left it, and what came, each where it stood or stands.
///
/// Shape: `moves` lead from `old` to `new`.
pub fn changed(
    old: &PackageSet,
    new: &PackageSet,
    index: &Index,
    moves: &[Move],
) -> BTreeSet<Rank> {
    let shown = moves.iter().filter(|one| index.shows(one)).map(|one| &one.place.1);
    let mut names: BTreeSet<&PackageName> = shown.collect();
    match index {
        Index::Packages { place, .. } => {
            // Another number of versions lists others of a name that is there for all architectures and for single ones.
            if old.versions() != new.versions() {
                names.extend(new.from(&place.component, None).map(|package| &package.name));
            }
            let differing = |name: &PackageName| {
                let (old, new) = (ranked(old, place, name), ranked(new, place, name));
                let ranks: BTreeSet<Rank> = old.keys().chain(new.keys()).cloned().collect();
                ranks.into_iter().filter(move |rank| old.get(rank) != new.get(rank))
            };
            names.into_iter().flat_map(differing).collect()
        }
        Index::Translation { .. } => {
            let rank = |name: &PackageName| Rank { since: 0, name: name.clone(), version: None };
            names.into_iter().map(rank).collect()
        }
    }
}

/// Cuts an index again that was cut into `old` before it changed at `changed`.
///
/// Shape: as [`cut`] of the whole would give it, where `Kept` stands for pieces that it would give
/// again. Costs what changed, not what is listed. With no `old`, everything is cut.
pub fn recut(
    contents: &PackageSet,
    index: &Index,
    old: &[Piece],
    changed: &BTreeSet<Rank>,
) -> Vec<Stretch> {
    let anew = |(first, packages)| Stretch::Cut(first, packages);
    if old.is_empty() {
        let (cut, _) = walk(contents, index, None, |_| None);
        return cut.into_iter().map(anew).collect();
    }
    let holder = |rank: &Rank| old.partition_point(|piece| piece.first <= *rank).saturating_sub(1);
    // The piece before may have ended only because what follows it did not fit in.
    let reaches = |rank: &Rank| holder(rank).saturating_sub(1);
    let mut stretches = Vec::new();
    let mut done = 0_usize;
    let mut ranks = changed.iter().peekable();
    while let Some(rank) = ranks.peek() {
        let from = reaches(rank).max(done);
        if from >= old.len() {
            break;
        }
        if from > done {
            stretches.push(Stretch::Kept(done..from));
        }
        let first = old.get(from).filter(|_| from > 0).map(|piece| &piece.first);
        let meets = |next: &Rank| {
            let at = old.binary_search_by(|piece| piece.first.cmp(next)).ok()?;
            (at > from).then_some(at)
        };
        // A cut that was there before is met, and nothing that changed reaches behind it.
        let mut ends = |next: &Rank| {
            let at = meets(next)?;
            while ranks.next_if(|rank| *rank < next).is_some() {}
            let free = ranks.peek().is_none_or(|rank| reaches(rank) >= at);
            free.then_some(at)
        };
        let (cut, met) = walk(contents, index, first, &mut ends);
        stretches.extend(cut.into_iter().map(anew));
        done = met.unwrap_or(old.len());
    }
    if done < old.len() {
        stretches.push(Stretch::Kept(done..old.len()));
    }
    stretches
}

/// Cuts from `first` on until `ends` gives the old piece that begins behind a cut, or to the end.
fn walk(
    contents: &PackageSet,
    index: &Index,
    first: Option<&Rank>,
    mut ends: impl FnMut(&Rank) -> Option<usize>,
) -> (Vec<Chunk>, Option<usize>) {
    let mut chunks = Vec::new();
    let mut filling = Filling { shape: index.shape(), size: 0, since: 0, packages: Vec::new() };
    let listed: Box<dyn Iterator<Item = (u64, &Arc<Package>)>> = match index {
        Index::Packages { place, .. } => Box::new(listing_from(contents, place, first)),
        Index::Translation { component } => {
            let first = first.map(|rank| &rank.name);
            Box::new(texts_from(contents, component, first).map(|package| (0, package)))
        }
    };
    for (since, package) in listed {
        chunks.extend(filling.settle(package));
        if filling.packages.is_empty()
            && let Some(met) = ends(&index.shape().rank(since, package))
        {
            return (chunks, Some(met));
        }
        filling.take(since, package);
    }
    chunks.extend(filling.close());
    (chunks, None)
}

#[cfg(test)]
mod tests;
