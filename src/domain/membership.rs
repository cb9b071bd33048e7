//! Membership: who is in which group.

use crate::domain::patterns::GroupName;
use crate::domain::{Identity, Rights};

impl Rights {
    /// Whether there is a group of this name.
    pub fn has_group(&self, group: &GroupName) -> bool {
        self.members.contains_key(group)
    }

    /// Whether an identity is in a group.
    pub fn is_in(&self, group: &GroupName, identity: &Identity) -> bool {
        self.members.get(group).into_iter().flatten().any(|one| one.matches(identity))
    }
}
