//! Places: which bundle holds which blob, in memory. The tables of the bundles have it too, so it
//! is read from them when the pool is opened.

use std::collections::HashMap;

use super::bundle::Entry;
use crate::digest::Digest;

/// Where all bundled blobs are, in 16 bytes for each.
#[derive(Default)]
pub(super) struct Places {
    /// Sorted.
    all: Vec<Place>,
    bundles: HashMap<u32, Bundle>,
    next: u32,
}

/// One blob. This has only the start of the digest, so readers compare the whole digest in the
/// table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Place {
    start: u64,
    /// The number of its bundle.
    pub(super) bundle: u32,
    /// The number of its entry in the table.
    pub(super) entry: u32,
}

/// One bundle.
#[derive(Clone, Copy)]
pub(super) struct Bundle {
    /// Its name.
    pub(super) name: Digest,
    /// When less than half of this is still needed, the rest moves. Unit: bytes.
    whole_bytes: u64,
    living: usize,
    living_bytes: u64,
}

/// What to do with a bundle after a blob was removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Upkeep {
    /// Most of it is still needed.
    Leave,
    /// What is still needed should move to another one.
    Renew,
    /// Nothing of it is needed.
    Drop,
}

impl Places {
    /// Adds the blobs of many bundles, each of another name.
    pub(super) fn of_tables(tables: impl Iterator<Item = (Digest, Vec<Entry>)>) -> Self {
        let mut places = Self::default();
        for (name, entries) in tables {
            let number = places.next;
            places.next = places.next.wrapping_add(1);
            places.all.extend(
                entries.iter().zip(0..).map(|(entry, at)| place(&entry.digest, number, at)),
            );
            let whole_bytes = entries.iter().map(|entry| entry.size_bytes).sum();
            let living = entries.len();
            places
                .bundles
                .insert(number, Bundle { name, whole_bytes, living, living_bytes: whole_bytes });
        }
        places.all.sort_unstable();
        places.all.shrink_to_fit();
        places
    }

    /// Adds the blobs of a bundle. If it is there already, only the blobs are added that it had
    /// lost.
    pub(super) fn add(&mut self, name: Digest, entries: &[Entry]) {
        let known = self.bundles.iter().find(|(_, bundle)| bundle.name == name);
        let number = known.map_or(self.next, |(number, _)| *number);
        if number == self.next {
            self.next = self.next.wrapping_add(1);
        }
        let places =
            entries.iter().zip(0..).map(|(entry, at)| (place(&entry.digest, number, at), entry));
        let new: Vec<_> =
            places.filter(|(place, _)| self.all.binary_search(place).is_err()).collect();
        let whole_bytes = entries.iter().map(|entry| entry.size_bytes).sum();
        let bundle = Bundle { name, whole_bytes, living: 0, living_bytes: 0 };
        let bundle = self.bundles.entry(number).or_insert(bundle);
        bundle.whole_bytes = whole_bytes;
        bundle.living = bundle.living.saturating_add(new.len());
        let came_bytes: u64 = new.iter().map(|(_, entry)| entry.size_bytes).sum();
        bundle.living_bytes = bundle.living_bytes.saturating_add(came_bytes);
        // Reserved exactly, not doubled: it stays in memory for as long as the server runs.
        self.all.reserve_exact(new.len());
        self.all.extend(new.iter().map(|(place, _)| *place));
        // These are two sorted runs, which a stable sort only merges.
        self.all.sort();
    }

    /// Where this blob may be, by the start of its digest.
    pub(super) fn of(&self, digest: &Digest) -> Vec<(Place, Digest)> {
        let start = start(digest);
        let from = self.all.partition_point(|place| place.start < start);
        let found = self.all.iter().skip(from).take_while(|place| place.start == start);
        found.filter_map(|place| Some((*place, self.bundles.get(&place.bundle)?.name))).collect()
    }

    /// The bundles, each with the numbers of those of its entries that are needed.
    pub(super) fn by_bundle(&self) -> Vec<(Digest, Vec<u32>)> {
        let mut entries: HashMap<u32, Vec<u32>> = HashMap::new();
        for place in &self.all {
            entries.entry(place.bundle).or_default().push(place.entry);
        }
        let named = entries
            .into_iter()
            .filter_map(|(number, entries)| Some((self.bundles.get(&number)?.name, entries)));
        named.collect()
    }

    /// The numbers of the entries of a bundle that are needed.
    pub(super) fn living(&self, bundle: u32) -> Vec<u32> {
        let own = self.all.iter().filter(|place| place.bundle == bundle);
        own.map(|place| place.entry).collect()
    }

    /// Forgets one blob of a bundle.
    pub(super) fn forget(&mut self, place: Place, size_bytes: u64) -> Upkeep {
        let Ok(at) = self.all.binary_search(&place) else { return Upkeep::Leave };
        self.all.remove(at);
        let Some(bundle) = self.bundles.get_mut(&place.bundle) else { return Upkeep::Leave };
        bundle.living = bundle.living.saturating_sub(1);
        bundle.living_bytes = bundle.living_bytes.saturating_sub(size_bytes);
        match bundle.living {
            0 => Upkeep::Drop,
            _ if bundle.living_bytes.saturating_mul(2) < bundle.whole_bytes => Upkeep::Renew,
            _ => Upkeep::Leave,
        }
    }

    /// Records that the rest of a bundle could not move. The move is tried again when half of that
    /// rest is left.
    pub(super) fn put_off(&mut self, bundle: u32) {
        if let Some(bundle) = self.bundles.get_mut(&bundle) {
            bundle.whole_bytes = bundle.living_bytes;
        }
    }

    /// Forgets a bundle.
    pub(super) fn drop_bundle(&mut self, bundle: u32) {
        self.all.retain(|place| place.bundle != bundle);
        self.bundles.remove(&bundle);
    }
}

fn place(digest: &Digest, bundle: u32, entry: u32) -> Place {
    Place { start: start(digest), bundle, entry }
}

fn start(digest: &Digest) -> u64 {
    digest.as_bytes().first_chunk().copied().map_or(0, u64::from_be_bytes)
}
