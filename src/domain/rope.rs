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

/// An index of a suite that is made of stanzas.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Index {
    /// The `Packages` of a place.
    Packages {
        /// Its place.
        place: IndexPlace,
        /// Whether long descriptions are in a `Translation-en` and not in it.
        is_short: bool,
    },
    /// The `Translation-en` of a component: each description of each package once, whatever versions and
    /// architectures have it.
    Translation {
        /// Its component.
        component: Component,
    },
}

/// The kind of stanzas in an index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Those of a `Packages`, in this form.
    Packages(Form),
    /// Those of a `Translation-en`.
    Translation,
}

impl Shape {
    /// The rank of a package in such an index.
    fn rank(self, since: u64, package: &Package) -> Rank {
        let rank = Rank::of(since, package);
        let version = rank.version.filter(|_| self != Self::Translation);
        Rank { version, ..rank }
    }
}

impl Index {
    /// The kind of its stanzas.
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

    /// Whether a move may change it.
    pub fn shows(&self, moved: &Move) -> bool {
        let (component, _, built) = &moved.place;
        match self {
            Self::Packages { place, .. } => {
                *component == place.component && (*built == place.architecture || built.is_all())
            }
            // A new version with the description of the last one does not change it.
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
    /// The rank of its first package. All that a `Translation-en` has of a name is in one chunk.
    pub first: Rank,
    /// The chunk's key.
    pub key: Digest,
}

/// A part of an index that was cut again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stretch {
    /// These old pieces stay as they are.
    Kept(Range<usize>),
    /// The packages of one new chunk, and the rank of the first of them.
    Cut(Rank, Vec<Arc<Package>>),
}

/// No chunk is smaller, except the last of an index and one before a stanza that does not fit in.
/// Unit: bytes of stanzas.
const SMALLEST_BYTES: u64 = 64 * 1024;
/// From this size on a cut is more likely, so that few chunks reach the largest size. Most are cut
/// before: where cuts are rare, cuts that were moved soon meet the old ones again. Unit: bytes of
/// stanzas.
const USUAL_BYTES: u64 = 192 * 1024;
/// No chunk is larger, except one of a single stanza, or of a `Translation-en` that keeps the texts
/// of a name together. Unit: bytes of stanzas.
const LARGEST_BYTES: u64 = 256 * 1024;
/// The mean distance to the next cut below the usual size, and from there on. Unit: bytes of
/// stanzas.
const SPARSE_BYTES: u64 = 96 * 1024;
const DENSE_BYTES: u64 = 16 * 1024;

/// A chunk that is being filled.
///
/// Where a cut falls depends on the stanza before it, on the size since the last cut and, when a
/// chunk is full, on the stanza after it. So a change of one package moves only the cuts next to
/// it.
struct Filling {
    shape: Shape,
    size: u64,
    /// The generation that listed the first of the packages.
    since: u64,
    packages: Vec<Arc<Package>>,
}

/// The packages of one chunk, and the rank of the first of them.
type Chunk = (Rank, Vec<Arc<Package>>);

impl Filling {
    /// Closes the chunk where the last stanza asks for it, or where the next one does not fit.
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

    /// Size of what the index lists of a package, and the first bytes of its digest. A short stanza
    /// counts like the whole one: both forms are cut at the same places.
    fn weight(&self, package: &Package) -> (u64, u32) {
        let (bytes, digest) = match (self.shape, &package.text) {
            (Shape::Translation, Some(text)) => (text.bytes, &text.mark.as_bytes()[..]),
            _ => (package.stanza_bytes, &package.stanza_digest.as_bytes()[..]),
        };
        let head = digest.first_chunk::<4>().copied().unwrap_or_default();
        (u64::from(bytes), u32::from_be_bytes(head))
    }

    /// Whether the stanza's own digest, read as a fraction, is below its share of the mean
    /// distance.
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

/// The key of the chunk that holds these packages. It is known before the chunk is made.
///
/// Shape: a hash over what distinguishes its stanzas, after a word that distinguishes forms. Whole
/// stanzas have no word: they are 32 bytes each, and a word with digests never has such a length.
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

/// The key of a chunk of something other than stanzas: of these bytes, distinguished by their kind.
pub fn side_key(what: &str, bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new();
    hasher.update(what.as_bytes());
    hasher.update(b"\n");
    hasher.update(bytes);
    hasher.finish()
}

/// Cuts an index into chunks.
///
/// Shape: consecutive runs that hold everything that is listed, in its order. For a
/// `Translation-en`, one package for each of its stanzas.
pub fn cut(contents: &PackageSet, index: &Index) -> Vec<Vec<Arc<Package>>> {
    let stretches = recut(contents, index, &[], &BTreeSet::new());
    let cut = |stretch| match stretch {
        Stretch::Cut(_, packages) => Some(packages),
        Stretch::Kept(_) => None,
    };
    stretches.into_iter().filter_map(cut).collect()
}

/// The ranks at which an index differs from before: those of what left it, and of what came.
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
            // With another number of versions, other packages are listed of a name that is there
            // for all architectures and for single ones.
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

/// Cuts an index again that was cut into `old`, and has changed at the ranks `changed`.
///
/// Shape: what [`cut`] of the whole would give, with `Kept` for old pieces that it would give
/// again. The cost grows with the change, not with the index. Without `old`, everything is cut.
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
    // The piece before may have ended only because the package after it did not fit.
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
        // An old cut is met again, and nothing that changed reaches past it.
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

/// Cuts from `first` on until `ends` gives the old piece that begins at a cut, or to the end.
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
