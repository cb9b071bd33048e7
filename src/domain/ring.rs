//! Rings: groups of a suite's hosts, in the order in which changes reach them. Whoever is in none of them is reached
//! last.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::debian::SuiteName;
use crate::digest::Digest;
use crate::domain::Identity;
use crate::domain::patterns::{GroupName, Member, PatternError, RingName};

/// Most rings of a suite.
const MOST_RINGS: usize = 15;
/// Most members of a ring, each of them a host, a pattern, a group or a share.
const MOST_MEMBERS: usize = 256;
/// The name for the hosts that are in no ring. No ring has it.
pub const EVERYONE: &str = "everyone";
/// In so many parts the hosts of a suite are divided by their hash.
const PARTS: u64 = 10_000;
/// How many of these parts make one percent.
const PARTS_OF_A_PERCENT: u64 = 100;

/// A ring of a suite, for ever: no two rings of a suite have one number, even if one is removed before the other is
/// made.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct RingId(pub u32);

/// Who is in a ring.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RingMember {
    /// A host, or hosts by a pattern of their names.
    Hosts(Member),
    /// The members of a group.
    Group(GroupName),
    /// So many percent of all hosts, or of the members of a group, by a hash of suite and host.
    Share(u8, Option<GroupName>),
}

impl RingMember {
    /// Whether a host is one of them.
    fn has(&self, suite: &SuiteName, host: &Identity, is_in: &dyn Fn(&GroupName) -> bool) -> bool {
        match self {
            Self::Hosts(member) => member.matches(host),
            Self::Group(group) => is_in(group),
            Self::Share(percent, group) => {
                let below = u64::from(*percent).saturating_mul(PARTS_OF_A_PERCENT);
                part_of(suite, host) < below && group.as_ref().is_none_or(is_in)
            }
        }
    }

    /// The group that it names.
    pub fn group(&self) -> Option<&GroupName> {
        match self {
            Self::Hosts(_) => None,
            Self::Group(group) => Some(group),
            Self::Share(_, group) => group.as_ref(),
        }
    }
}

/// The part of all hosts in which a host is. It depends on nothing but the names of suite and host, so that a host
/// stays where it is while a share grows.
fn part_of(suite: &SuiteName, host: &Identity) -> u64 {
    let digest = Digest::of_fields(&["ring", suite.as_str(), host.as_str()]);
    let first = digest.as_bytes().first_chunk().copied().unwrap_or_default();
    u64::from_be_bytes(first).checked_rem(PARTS).unwrap_or_default()
}

impl fmt::Display for RingMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hosts(member) => write!(f, "{member}"),
            Self::Group(group) => write!(f, "@{group}"),
            Self::Share(percent, None) => write!(f, "{percent}%"),
            Self::Share(percent, Some(group)) => write!(f, "{percent}%@{group}"),
        }
    }
}

impl FromStr for RingMember {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let wrong = || PatternError {
            field: "rings",
            what: "member of a ring",
            given: text.chars().take(80).collect(),
            rule: "a host name, a pattern of host names, @GROUP, a share of all hosts such as 10%, or of a group: \
                   10%@GROUP",
        };
        if let Some((share, of)) = text.split_once('%') {
            let percent = share.parse().ok().filter(|percent| (1..=100).contains(percent));
            let group = match of.strip_prefix('@') {
                Some(group) => Some(group.parse().map_err(|_| wrong())?),
                None if of.is_empty() => None,
                None => return Err(wrong()),
            };
            return Ok(Self::Share(percent.ok_or_else(wrong)?, group));
        }
        match text.strip_prefix('@') {
            Some(group) => group.parse().map(Self::Group).map_err(|_| wrong()),
            None => text.parse().map(Self::Hosts).map_err(|_| wrong()),
        }
    }
}

impl serde::Serialize for RingMember {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for RingMember {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A ring, as people write it.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RingText {
    /// Its name.
    pub name: RingName,
    /// Who is in it.
    pub hosts: Vec<RingMember>,
}

/// A ring of a suite.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ring {
    /// Its number, for ever.
    pub id: RingId,
    /// Its name.
    pub name: RingName,
    /// Who is in it.
    pub hosts: Vec<RingMember>,
}

/// The rings of a suite, in the order in which changes reach them.
#[derive(Clone, PartialEq, Eq, Default, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rings {
    rings: Vec<Ring>,
    /// The highest number that any ring ever had.
    last_id: u32,
}

impl Rings {
    /// Whether changes reach all hosts at once, and always did.
    pub fn is_unused(&self) -> bool {
        self.last_id == 0
    }

    /// Whether changes reach all hosts at once.
    pub fn is_empty(&self) -> bool {
        self.rings.is_empty()
    }

    /// Every ring, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Ring> {
        self.rings.iter()
    }

    /// The ring of this number.
    pub fn find(&self, id: RingId) -> Option<&Ring> {
        self.rings.iter().find(|ring| ring.id == id)
    }

    /// The ring of this name.
    pub fn named(&self, name: &str) -> Option<&Ring> {
        self.rings.iter().find(|ring| ring.name.as_str() == name)
    }

    /// The first ring that has a host; `None` when none does.
    pub fn of(
        &self,
        suite: &SuiteName,
        host: &Identity,
        is_in: &dyn Fn(&GroupName) -> bool,
    ) -> Option<&Ring> {
        let has = |ring: &&Ring| ring.hosts.iter().any(|member| member.has(suite, host, is_in));
        self.rings.iter().find(has)
    }

    /// The groups that rings name.
    pub fn groups(&self) -> BTreeSet<&GroupName> {
        self.rings.iter().flat_map(|ring| &ring.hosts).filter_map(RingMember::group).collect()
    }

    /// These rings in place of those before. A ring keeps its number with its name.
    pub fn replaced(&self, by: &[RingText]) -> Self {
        let mut last_id = self.last_id;
        let rings = by.iter().map(|new| {
            let id = self.named(new.name.as_str()).map(|ring| ring.id).unwrap_or_else(|| {
                last_id = last_id.saturating_add(1);
                RingId(last_id)
            });
            Ring { id, name: new.name.clone(), hosts: new.hosts.clone() }
        });
        let rings = rings.collect();
        Self { rings, last_id }
    }

    /// The rings, as people write them.
    pub fn texts(&self) -> Vec<RingText> {
        let text = |ring: &Ring| RingText { name: ring.name.clone(), hosts: ring.hosts.clone() };
        self.rings.iter().map(text).collect()
    }

    /// Whether both have the same rings in the same order, whoever is in them.
    pub fn is_same_order(&self, other: &Self) -> bool {
        self.rings.iter().map(|ring| ring.id).eq(other.rings.iter().map(|ring| ring.id))
    }

    /// Checks what types cannot.
    ///
    /// # Errors
    /// What is wrong, naming the first ring of which it is.
    pub fn verify(&self) -> Result<(), String> {
        let wrong = Err::<(), String>;
        if self.rings.len() > MOST_RINGS {
            return wrong(format!("a suite has at most {MOST_RINGS}; the last is everyone else"));
        }
        let mut names = BTreeSet::new();
        for Ring { name, hosts, .. } in &self.rings {
            if name.as_str() == EVERYONE {
                return wrong(format!(
                    "{EVERYONE} is the name for all who are in no ring; use another"
                ));
            }
            if !names.insert(name) {
                return wrong(format!("{name} is there twice"));
            }
            if hosts.is_empty() {
                return wrong(format!("{name} has no hosts; name hosts, groups or a share"));
            }
            if hosts.len() > MOST_MEMBERS {
                return wrong(format!(
                    "{name} names more than {MOST_MEMBERS} members; use a group"
                ));
            }
        }
        Ok(())
    }
}
