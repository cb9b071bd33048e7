//! Membership: who is in a group, for a lookup at every request of a host.

use std::collections::{BTreeSet, HashSet};

use crate::domain::Identity;
use crate::domain::patterns::Member;

/// The members of a group: those that are named, and the patterns, of which there are few.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Membership {
    named: HashSet<Identity>,
    patterns: Vec<Member>,
}

impl Membership {
    /// Prepares the members of a group.
    pub fn new(members: &BTreeSet<Member>) -> Self {
        let named = members.iter().filter_map(Member::exact).collect();
        let patterns = members.iter().filter(|member| member.exact().is_none()).cloned().collect();
        Self { named, patterns }
    }

    /// Whether an identity is one of them.
    pub fn has(&self, identity: &Identity) -> bool {
        self.named.contains(identity) || self.patterns.iter().any(|one| one.matches(identity))
    }
}
