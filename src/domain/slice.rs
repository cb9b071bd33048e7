//! Slices: what a large change records ahead of its publication, in parts that each take little
//! time.

use std::collections::HashMap;

use crate::debian::{Component, SuiteName};
use crate::digest::Digest;
use crate::domain::Acceptance;

/// A part of what a large change records ahead of the publication, which makes all of it visible at
/// once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slice {
    /// Of which suite.
    pub suite: SuiteName,
    /// The next generation: the last one plus one.
    pub generation: u64,
    /// The rows that it records.
    pub rows: Vec<SliceRow>,
}

/// One fact of the next generation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SliceRow {
    /// A package goes out.
    Left(Component, Digest),
    /// A package is taken.
    Accepted(Acceptance),
    /// A package comes in; it was taken before.
    Entered(Component, Digest),
}

impl SliceRow {
    /// The package.
    pub fn digest(&self) -> &Digest {
        match self {
            Self::Left(_, digest) | Self::Entered(_, digest) => digest,
            Self::Accepted(acceptance) => &acceptance.digest,
        }
    }

    /// All rows, in an order in which they can be recorded: first what goes out, then each package
    /// that is taken or comes in, in the order of `entered`. Packages next to each other there came
    /// together, so their rows are found together.
    pub fn in_order(
        left: Vec<(Component, Digest)>,
        accepted: Vec<Acceptance>,
        entered: Vec<(Component, Digest)>,
    ) -> Vec<Self> {
        let places = entered.iter().enumerate().map(|(at, (_, digest))| (*digest, at));
        let places: HashMap<_, _> = places.collect();
        let place = |row: &Self| places.get(row.digest()).copied().unwrap_or(usize::MAX);
        let accepted = accepted.into_iter().map(Self::Accepted);
        let entered =
            entered.into_iter().map(|(component, digest)| Self::Entered(component, digest));
        let mut taken: Vec<_> = accepted.chain(entered).collect();
        // The sort is stable: a package is taken before it comes in.
        taken.sort_by_key(place);
        let left = left.into_iter().map(|(component, digest)| Self::Left(component, digest));
        left.chain(taken).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Identity;
    use crate::time::Moment;

    #[test]
    fn each_package_is_taken_just_before_it_comes_in_and_what_waits_comes_last() {
        let main = Component::parse("main").unwrap();
        let of = |names: &[&str]| -> Vec<_> {
            names.iter().map(|name| (main.clone(), Digest::of(name.as_bytes()))).collect()
        };
        let take = |(component, digest): (Component, Digest)| Acceptance {
            component,
            digest,
            author: Identity::parse("ci.example").unwrap(),
            at: Moment(1),
        };
        let accepted = of(&["waits", "c", "a"]).into_iter().map(take).collect();
        let rows = SliceRow::in_order(of(&["old", "a"]), accepted, of(&["a", "b", "c"]));
        let all = of(&["old", "waits", "a", "b", "c"]);
        let name = |digest: &Digest| {
            let at = all.iter().position(|(_, other)| other == digest).unwrap();
            ["old", "waits", "a", "b", "c"][at]
        };
        let written: Vec<_> = rows
            .iter()
            .map(|row| match row {
                SliceRow::Left(..) => format!("-{}", name(row.digest())),
                SliceRow::Accepted(..) => format!("={}", name(row.digest())),
                SliceRow::Entered(..) => format!("+{}", name(row.digest())),
            })
            .collect();
        assert_eq!(written, ["-old", "-a", "=a", "+a", "+b", "=c", "+c", "=waits"]);
    }
}
