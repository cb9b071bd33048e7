//! Edits of groups and grants: several things at once, which are done together or not at all.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::grants::{AccessGrant, Group, Subject};
use crate::domain::patterns::{GroupName, Member};
use crate::domain::{Conflict, ConflictKind, ConflictReason};

/// Alterations of groups and grants, all made or none. It has no effect to add what is there
/// already, or to remove what is not there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AccessEdit {
    /// Groups that end, with their members.
    pub end_groups: BTreeSet<GroupName>,
    /// Groups that are made, also without members.
    pub make_groups: BTreeSet<GroupName>,
    /// Who leaves which group.
    pub leave: BTreeSet<(GroupName, Member)>,
    /// Who joins which group.
    pub join: BTreeSet<(GroupName, Member)>,
    /// Grants that end.
    pub revoke: BTreeSet<AccessGrant>,
    /// Grants that are given.
    pub give: BTreeSet<AccessGrant>,
}

impl AccessEdit {
    /// The edit that leads from one state to another.
    pub fn between(before: &AccessSet, after: &AccessSet) -> Self {
        let names = |set: &AccessSet| -> BTreeSet<_> { set.groups.keys().cloned().collect() };
        let (old, new) = (names(before), names(after));
        let members = |set: &AccessSet| -> BTreeSet<_> {
            let of = |(name, members): (&GroupName, &BTreeSet<Member>)| -> Vec<_> {
                members.iter().map(|member| (name.clone(), member.clone())).collect()
            };
            set.groups.iter().flat_map(of).collect()
        };
        let (were, are) = (members(before), members(after));
        let ended = |name: &GroupName| !new.contains(name);
        Self {
            leave: were.difference(&are).filter(|(name, _)| !ended(name)).cloned().collect(),
            join: are.difference(&were).cloned().collect(),
            end_groups: old.difference(&new).cloned().collect(),
            make_groups: new.difference(&old).cloned().collect(),
            revoke: before.grants.difference(&after.grants).cloned().collect(),
            give: after.grants.difference(&before.grants).cloned().collect(),
        }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A state of groups and grants.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AccessSet {
    /// Groups, with their members.
    pub groups: BTreeMap<GroupName, BTreeSet<Member>>,
    /// Grants.
    pub grants: BTreeSet<AccessGrant>,
}

impl AccessSet {
    /// The state of these groups and grants.
    pub fn new(groups: &[Group], grants: impl IntoIterator<Item = AccessGrant>) -> Self {
        let groups = groups.iter().map(|group| (group.name.clone(), group.members.clone()));
        Self { groups: groups.collect(), grants: grants.into_iter().collect() }
    }

    /// The groups as values.
    pub fn groups(&self) -> Vec<Group> {
        let group = |(name, members): (&GroupName, &BTreeSet<Member>)| Group {
            name: name.clone(),
            members: members.clone(),
        };
        self.groups.iter().map(group).collect()
    }

    /// The state after an edit: first what ends is removed, then what begins is added.
    ///
    /// # Errors
    /// [`Conflict`] with every reason: groups that do not exist or that grants still name, and
    /// grants that are not valid.
    pub fn after(&self, edit: &AccessEdit) -> Result<Self, Conflict> {
        let mut set = self.clone();
        let mut reasons = Vec::new();
        for grant in &edit.revoke {
            set.grants.remove(grant);
        }
        for (group, member) in &edit.leave {
            if let Some(members) = set.groups.get_mut(group) {
                members.remove(member);
            }
        }
        for group in &edit.end_groups {
            set.groups.remove(group);
        }
        for group in &edit.make_groups {
            set.groups.entry(group.clone()).or_default();
        }
        for (group, member) in &edit.join {
            match set.groups.get_mut(group) {
                Some(members) => drop(members.insert(member.clone())),
                None => reasons.push(no_group(group)),
            }
        }
        for grant in &edit.give {
            if let Err(error) = grant.verify() {
                let subject = format!("{} for {}: {}", grant.role.as_str(), grant.to, error.field);
                reasons.push(ConflictReason::new(subject, error.problem));
            }
            set.grants.insert(grant.clone());
        }
        reasons.extend(set.dangling(edit));
        if reasons.is_empty() {
            Ok(set)
        } else {
            Err(Conflict { kind: ConflictKind::Other, reasons })
        }
    }

    /// The reasons against grants to groups that do not exist, or that the edit ends.
    fn dangling(&self, edit: &AccessEdit) -> Vec<ConflictReason> {
        let mut reasons = Vec::new();
        for grant in &self.grants {
            match &grant.to {
                Subject::Group(name)
                    if edit.end_groups.contains(name) && !self.groups.contains_key(name) =>
                {
                    let problem = format!(
                        "is still {}; take that away first: `repoctl access revoke {} @{name}`",
                        grant.role.as_str(),
                        grant.role.as_str()
                    );
                    reasons.push(ConflictReason::new(format!("group {name}"), problem));
                }
                Subject::Group(name) if !self.groups.contains_key(name) => {
                    reasons.push(no_group(name));
                }
                _ => {}
            }
        }
        reasons.dedup();
        reasons
    }
}

fn no_group(name: &GroupName) -> ConflictReason {
    let problem = format!("is not there; `repoctl access group add {name} MEMBER` makes it");
    ConflictReason::new(format!("group {name}"), problem)
}
