//! Ropes: how an index is cut into chunks, so that a change of one package touches few of them.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::debian::packages::Form;
use crate::debian::{Architecture, Component, PackageKind, PackageName};
use crate::digest::{Digest, Hasher};
use crate::domain::{Contents, Move, Package, Place};

/// Which `Packages` index of a suite.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct IndexPlace {
    /// Of which component.
    pub component: Component,
    /// For hosts of which architecture; never `all`.
    pub architecture: Architecture,
    /// Whether for hosts or for the installer: apt would install what is meant for the installer.
    pub kind: PackageKind,
}

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

/// One chunk of an index as its writer keeps it in mind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    /// The name of its first package; what an index has of a name stands in one chunk.
    pub first: PackageName,
    /// The chunk's name.
    pub key: Digest,
}

/// A stretch of an index that was cut again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stretch {
    /// These pieces of before stay as they are.
    Kept(Range<usize>),
    /// The packages of one chunk that was cut anew.
    Cut(Vec<Arc<Package>>),
}

/// What an index lists of a name, if anything.
pub type Listed = Option<Arc<Package>>;

/// No chunk is smaller, but for the last of an index. Unit: bytes of stanzas.
const SMALLEST_BYTES: u64 = 64 * 1024;
/// From here on a cut is more likely, so that sizes gather around it. Unit: bytes of stanzas.
const USUAL_BYTES: u64 = 128 * 1024;
/// No chunk is larger, but for one that holds a single stanza. Unit: bytes of stanzas.
const LARGEST_BYTES: u64 = 256 * 1024;
/// Mean distance to the next cut below the usual size, and from there on. Unit: bytes of stanzas.
const SPARSE_BYTES: u64 = 512 * 1024;
const DENSE_BYTES: u64 = 16 * 1024;

/// A chunk that is being filled.
///
/// Where a cut falls depends on the stanza before it, on the size since the last cut and, when a chunk
/// is full, on the stanza behind it; so a change of one package moves the cuts next to it and no others.
struct Filling {
    shape: Shape,
    size: u64,
    packages: Vec<Arc<Package>>,
}

impl Filling {
    /// Closes the chunk where the last stanza asks for it, or where the next one does not fit in.
    fn settle(&mut self, next: &Package) -> Option<Vec<Arc<Package>>> {
        let last = self.packages.last()?;
        let asked = self.size >= SMALLEST_BYTES && self.cuts_after(last);
        let full = self.size.saturating_add(self.weight(next).0) > LARGEST_BYTES;
        ((asked || full) && last.name != next.name).then(|| self.close())
    }

    fn take(&mut self, package: &Arc<Package>) {
        self.size = self.size.saturating_add(self.weight(package).0);
        self.packages.push(Arc::clone(package));
    }

    /// Size and first bytes of the digest of what is listed of a package. A short stanza counts as the
    /// whole one: both forms are cut at the same places.
    fn weight(&self, package: &Package) -> (u64, u32) {
        let (bytes, digest) = match (self.shape, &package.text) {
            (Shape::Translation, Some(text)) => (text.about_bytes(), &text.mark.as_bytes()[..]),
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

    fn close(&mut self) -> Vec<Arc<Package>> {
        self.size = 0;
        std::mem::take(&mut self.packages)
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
pub fn cut(contents: &Contents, index: &Index) -> Vec<Vec<Arc<Package>>> {
    let stretches = recut(contents, index, &[], &BTreeSet::new());
    let cut = |stretch| match stretch {
        Stretch::Cut(packages) => Some(packages),
        Stretch::Kept(_) => None,
    };
    stretches.into_iter().filter_map(cut).collect()
}

/// Cuts an index again that was cut into `old` before the packages of the names `changed` changed.
///
/// Shape: as [`cut`] of the whole would give it, where `Kept` stands for pieces that it would give
/// again. Costs what changed, not what is listed. With no `old`, everything is cut.
pub fn recut(
    contents: &Contents,
    index: &Index,
    old: &[Piece],
    changed: &BTreeSet<PackageName>,
) -> Vec<Stretch> {
    if old.is_empty() {
        let (cut, _) = walk(contents, index, None, |_| None);
        return cut.into_iter().map(Stretch::Cut).collect();
    }
    let holder =
        |name: &PackageName| old.partition_point(|piece| piece.first <= *name).saturating_sub(1);
    // The piece before may have ended only because what follows it did not fit in.
    let reaches = |name: &PackageName| holder(name).saturating_sub(1);
    let mut stretches = Vec::new();
    let mut done = 0_usize;
    let mut names = changed.iter().peekable();
    while let Some(name) = names.peek() {
        let from = reaches(name).max(done);
        if from >= old.len() {
            break;
        }
        if from > done {
            stretches.push(Stretch::Kept(done..from));
        }
        let first = old.get(from).filter(|_| from > 0).map(|piece| &piece.first);
        let meets = |next: &PackageName| {
            let at = old.binary_search_by(|piece| piece.first.cmp(next)).ok()?;
            (at > from).then_some(at)
        };
        // A cut that was there before is met, and nothing that changed reaches behind it.
        let mut ends = |next: &PackageName| {
            let at = meets(next)?;
            while names.next_if(|name| *name < next).is_some() {}
            let free = names.peek().is_none_or(|name| reaches(name) >= at);
            free.then_some(at)
        };
        let (cut, met) = walk(contents, index, first, &mut ends);
        stretches.extend(cut.into_iter().map(Stretch::Cut));
        done = met.unwrap_or(old.len());
    }
    if done < old.len() {
        stretches.push(Stretch::Kept(done..old.len()));
    }
    stretches
}

/// Cuts from `first` on until `ends` gives the old piece that begins behind a cut, or to the end.
fn walk(
    contents: &Contents,
    index: &Index,
    first: Option<&PackageName>,
    mut ends: impl FnMut(&PackageName) -> Option<usize>,
) -> (Vec<Vec<Arc<Package>>>, Option<usize>) {
    let mut chunks = Vec::new();
    let mut filling = Filling { shape: index.shape(), size: 0, packages: Vec::new() };
    let listed: Box<dyn Iterator<Item = &Arc<Package>>> = match index {
        Index::Packages { place, .. } => Box::new(listing_from(contents, place, first)),
        Index::Translation { component } => Box::new(texts_from(contents, component, first)),
    };
    for package in listed {
        chunks.extend(filling.settle(package));
        if filling.packages.is_empty()
            && let Some(met) = ends(&package.name)
        {
            return (chunks, Some(met));
        }
        filling.take(package);
    }
    if !filling.packages.is_empty() {
        chunks.push(filling.close());
    }
    (chunks, None)
}

/// The packages that an index lists, in its order.
///
/// The index of an architecture lists its own packages and those of `all`. Where both have one of a
/// name, the higher version is listed and the other is not: with two listed, apt takes the higher, and
/// a rollback would not be obeyed.
pub fn listing<'c>(
    contents: &'c Contents,
    place: &IndexPlace,
) -> impl Iterator<Item = &'c Arc<Package>> + use<'c> {
    listing_from(contents, place, None)
}

/// What an index lists of each name that differs between two generations: before, and now.
///
/// Costs what changed when one of them came from a copy of the other.
pub fn changes(old: &Contents, new: &Contents, place: &IndexPlace) -> Vec<(Listed, Listed)> {
    let fits = |(of, name, built): Place| {
        let here = of == place.component && (built == place.architecture || built.is_all());
        here.then_some(name)
    };
    let names: BTreeSet<PackageName> = old.differing(new).into_iter().filter_map(fits).collect();
    let listed = |contents, name: &PackageName| -> Listed {
        let mut from = listing_from(contents, place, Some(name));
        from.next().filter(|package| package.name == *name).cloned()
    };
    let both = names.iter().map(|name| (listed(old, name), listed(new, name)));
    both.filter(|(before, now)| before != now).collect()
}

/// The same from a name on.
fn listing_from<'c>(
    contents: &'c Contents,
    place: &IndexPlace,
    first: Option<&PackageName>,
) -> impl Iterator<Item = &'c Arc<Package>> + use<'c> {
    let IndexPlace { component, architecture, kind } = place.clone();
    let fits = move |package: &&Arc<Package>| {
        let built = &package.architecture;
        package.kind == kind && (*built == architecture || built.is_all())
    };
    let mut fitting = contents.from(&component, first).filter(fits).peekable();
    std::iter::from_fn(move || {
        let mut listed = fitting.next()?;
        while let Some(rival) = fitting.next_if(|rival| rival.name == listed.name) {
            if rival.version.compare(&listed.version).is_gt() {
                listed = rival;
            }
        }
        Some(listed)
    })
}

/// A package for each text of a component, from a name on: what is not listed because another version is
/// has one, too.
fn texts_from<'c>(
    contents: &'c Contents,
    component: &Component,
    first: Option<&PackageName>,
) -> impl Iterator<Item = &'c Arc<Package>> + use<'c> {
    let mut packages =
        contents.from(component, first).filter(|package| package.text.is_some()).peekable();
    let mut named: Vec<&Arc<Package>> = Vec::new();
    std::iter::from_fn(move || {
        if named.is_empty() {
            named.push(packages.next()?);
            while let Some(next) =
                packages.next_if(|next| named.first().is_some_and(|first| first.name == next.name))
            {
                named.push(next);
            }
            named.sort_by_key(|package| Reverse(package.text));
            named.dedup_by(|a, b| a.text == b.text);
        }
        named.pop()
    })
}

#[cfg(test)]
mod tests;
