//! Rights: all grants together, prepared for a lookup at every request; what one identity holds of
//! them; and why it may or may not do something.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::debian::{Component, PackageName, SuiteName};
use crate::domain::grants::{AccessGrant, Group, Subject};
use crate::domain::membership::Membership;
use crate::domain::patterns::{GroupName, Member, SuitePattern};
use crate::domain::{Grant, Identity, Role};

/// How an identity has a grant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// It is the identity's own, given with its certificate.
    Own,
    /// It names the identity.
    Named,
    /// It names a group of which the identity is a member.
    Member {
        /// Which group.
        group: GroupName,
        /// The member of the group that matches the identity.
        member: Member,
    },
}

/// A grant that an identity holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held {
    /// The grant.
    pub grant: Arc<AccessGrant>,
    /// How the identity has it.
    pub origin: Origin,
}

/// Everything that one identity holds. Each grant adds to the others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entitled {
    identity: Identity,
    held: Vec<Held>,
}

impl Entitled {
    /// What `identity` holds by these grants; `None` when there are none.
    pub fn new(identity: Identity, held: Vec<Held>) -> Option<Self> {
        (!held.is_empty()).then_some(Self { identity, held })
    }

    /// What an identity holds when its own grant is the only one.
    pub fn own(grant: &Grant) -> Self {
        let held = Held { grant: Arc::new(AccessGrant::of(grant)), origin: Origin::Own };
        Self { identity: grant.identity.clone(), held: vec![held] }
    }

    /// Who.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Every grant.
    pub fn held(&self) -> &[Held] {
        &self.held
    }

    /// The highest role in any suite.
    pub fn role(&self) -> Role {
        self.held.iter().map(|held| held.grant.role).max().unwrap_or(Role::Host)
    }

    /// Whether it is a host: its own grant is a host's, or it has none of its own and holds a host's
    /// otherwise. What it was granted beside that does not end it.
    pub fn is_host(&self) -> bool {
        let own = self.held.iter().find(|held| held.origin == Origin::Own);
        match own {
            Some(own) => own.grant.role == Role::Host,
            None => self.held.iter().any(|held| held.grant.role == Role::Host),
        }
    }

    /// The highest role in this suite; `None` when no grant is for it.
    pub fn role_in(&self, suite: &SuiteName) -> Option<Role> {
        let covering = self.held.iter().filter(|held| held.grant.covers(suite));
        covering.map(|held| held.grant.role).max()
    }

    /// Whether it may read the suite.
    pub fn reads(&self, suite: &SuiteName) -> bool {
        self.held.iter().any(|held| held.grant.covers(suite))
    }

    /// Whether it may do everything.
    pub fn is_admin(&self) -> bool {
        self.role() == Role::Admin
    }

    /// Whether it operates whole suites: only then may it give others the right to read them.
    pub fn gives(&self) -> bool {
        self.whole_operations().next().is_some()
    }

    /// Whether it operates, as a whole, every suite that these patterns could match.
    pub fn gives_suites<'s>(&self, suites: impl IntoIterator<Item = &'s SuitePattern>) -> bool {
        let given = |wanted: &SuitePattern| {
            self.whole_operations().any(|grant| {
                grant.role == Role::Admin || grant.suites.iter().any(|own| own.encloses(wanted))
            })
        };
        suites.into_iter().all(given)
    }

    fn whole_operations(&self) -> impl Iterator<Item = &AccessGrant> {
        let grants = self.held.iter().map(|held| &*held.grant);
        grants.filter(|grant| grant.role >= Role::Operator && grant.is_whole())
    }

    /// Whether it may upload to this component what every suite takes for its hosts, although the suite does not
    /// own the name.
    pub fn brings_reserved(
        &self,
        suite: &SuiteName,
        component: &Component,
        name: &PackageName,
    ) -> bool {
        let grants = self.held.iter().map(|held| &held.grant);
        let covering = grants.filter(|one| one.covers(suite) && one.reaches_component(component));
        covering.map(|one| &**one).any(|one| one.brings_reserved(name))
    }

    /// What it may alter in a suite, with this role or a higher one.
    pub fn reach(&self, suite: &SuiteName, need: Role) -> Reach {
        let covering = self.held.iter().map(|held| &held.grant);
        let covering: Vec<_> =
            covering.filter(|grant| grant.role >= need && grant.covers(suite)).cloned().collect();
        if covering.iter().any(|grant| grant.is_whole()) {
            return Reach::Whole;
        }
        Reach::Parts(covering.into())
    }
}

/// What somebody may alter in a suite.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Reach {
    /// All of it.
    #[default]
    Whole,
    /// What any one of these grants reaches.
    Parts(Arc<[Arc<AccessGrant>]>),
}

impl Reach {
    /// Whether packages of this name in this component are within reach.
    pub fn covers(&self, component: &Component, package: &PackageName) -> bool {
        match self {
            Self::Whole => true,
            Self::Parts(grants) => grants
                .iter()
                .any(|one| one.reaches_component(component) && one.reaches_name(package)),
        }
    }

    /// Whether anything in this component is within reach.
    pub fn covers_component(&self, component: &Component) -> bool {
        match self {
            Self::Whole => true,
            Self::Parts(grants) => grants.iter().any(|one| one.reaches_component(component)),
        }
    }

    /// Whether it is all of the suite.
    pub fn is_whole(&self) -> bool {
        *self == Self::Whole
    }

    /// What may be altered, for people: `acme-web* in main`.
    pub fn words(&self) -> String {
        let Self::Parts(grants) = self else { return "everything".into() };
        let words: BTreeSet<_> = grants.iter().map(|grant| limits(grant)).collect();
        if words.is_empty() {
            return "nothing".into();
        }
        words.into_iter().collect::<Vec<_>>().join(", or ")
    }
}

/// What a grant is limited to, for people.
pub fn limits(grant: &AccessGrant) -> String {
    let packages: Vec<_> = grant.packages.iter().map(ToString::to_string).collect();
    let components: Vec<_> = grant.components.iter().map(ToString::to_string).collect();
    match (packages.is_empty(), components.is_empty()) {
        (true, true) => "everything".into(),
        (false, true) => packages.join(" "),
        (true, false) => format!("everything in {}", components.join(" ")),
        (false, false) => format!("{} in {}", packages.join(" "), components.join(" ")),
    }
}

/// All grants and groups, prepared for lookups.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rights {
    named: HashMap<Identity, Vec<Held>>,
    patterns: HashMap<(usize, String), Vec<(GroupName, Member)>>,
    of_group: BTreeMap<GroupName, Vec<Arc<AccessGrant>>>,
    /// Who is in each group, whether or not it was given anything.
    members: HashMap<GroupName, Membership>,
    shut_out: BTreeSet<Identity>,
}

impl Rights {
    /// Prepares all of it. An identity that is shut out holds nothing, whatever grant names it.
    pub fn new(
        own: &[Grant],
        groups: &[Group],
        grants: &[AccessGrant],
        shut_out: impl IntoIterator<Item = Identity>,
    ) -> Self {
        let mut rights = Self { shut_out: shut_out.into_iter().collect(), ..Self::default() };
        for grant in own {
            let held = Held { grant: Arc::new(AccessGrant::of(grant)), origin: Origin::Own };
            rights.named.entry(grant.identity.clone()).or_default().push(held);
        }
        for grant in grants {
            let grant = Arc::new(grant.clone());
            match &grant.to {
                Subject::Identity(identity) => {
                    let entry = rights.named.entry(identity.clone()).or_default();
                    entry.push(Held { grant, origin: Origin::Named });
                }
                Subject::Group(name) => {
                    rights.of_group.entry(name.clone()).or_default().push(grant);
                }
            }
        }
        for group in groups {
            rights.add_group(group);
        }
        rights
    }

    fn add_group(&mut self, group: &Group) {
        self.members.insert(group.name.clone(), Membership::new(&group.members));
        let Some(grants) = self.of_group.get(&group.name) else { return };
        for member in &group.members {
            let origin = || Origin::Member { group: group.name.clone(), member: member.clone() };
            match member.exact() {
                Some(identity) => {
                    let held = grants.iter().cloned();
                    let held = held.map(|grant| Held { grant, origin: origin() });
                    self.named.entry(identity).or_default().extend(held);
                }
                None => {
                    let (labels, tail) = member.tail();
                    let entry = self.patterns.entry((labels, tail.to_owned())).or_default();
                    entry.push((group.name.clone(), member.clone()));
                }
            }
        }
    }

    /// What an identity holds; `None` when it holds nothing.
    pub fn of(&self, identity: &Identity) -> Option<Entitled> {
        (!self.is_shut_out(identity)).then(|| self.once_readmitted(identity)).flatten()
    }

    /// What an identity would hold if it were not shut out.
    pub fn once_readmitted(&self, identity: &Identity) -> Option<Entitled> {
        let mut held = self.named.get(identity).cloned().unwrap_or_default();
        let labels = identity.as_str().split('.').count();
        let mut tail = identity.as_str();
        while let Some((_, shorter)) = tail.split_once('.') {
            tail = shorter;
            let found = self.patterns.get(&(labels, tail.to_owned())).into_iter().flatten();
            for (group, member) in found.filter(|(_, member)| member.matches(identity)) {
                for grant in self.of_group.get(group).into_iter().flatten() {
                    // An identity that matches two members of a group has its grants once.
                    if held.iter().any(|one| one.grant == *grant) {
                        continue;
                    }
                    let (group, member) = (group.clone(), member.clone());
                    let origin = Origin::Member { group, member };
                    held.push(Held { grant: Arc::clone(grant), origin });
                }
            }
        }
        Entitled::new(identity.clone(), held)
    }

    /// Who is in a group; `None` where there is no such group.
    pub fn group(&self, name: &GroupName) -> Option<&Membership> {
        self.members.get(name)
    }

    /// Every identity that is named, by a grant or as a member of a group, and is not shut out.
    pub fn named(&self) -> impl Iterator<Item = &Identity> {
        self.named.keys().filter(|identity| !self.is_shut_out(identity))
    }

    /// Whether the identity was shut out: then no grant is valid for it.
    pub fn is_shut_out(&self, identity: &Identity) -> bool {
        self.shut_out.contains(identity)
    }
}

/// Something that a person may want to do in a suite.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deed {
    /// Read the suite and what is in it.
    Read,
    /// Upload to it.
    Upload,
    /// Pin, roll back, unpin and remove in it.
    Operate,
}

impl Deed {
    /// Each of them, the least first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Upload, Self::Operate];

    /// The role that it needs.
    pub fn role(self) -> Role {
        match self {
            Self::Read => Role::Host,
            Self::Upload => Role::Uploader,
            Self::Operate => Role::Operator,
        }
    }

    /// The word for people and programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Upload => "upload",
            Self::Operate => "operate",
        }
    }
}

/// A question about a right.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    /// The suite.
    pub suite: &'q SuiteName,
    /// What is to be done there.
    pub deed: Deed,
    /// In which component; `None` for any.
    pub component: Option<&'q Component>,
    /// With which package; `None` for any.
    pub package: Option<&'q PackageName>,
}

/// Why something is allowed or not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is allowed, by any one of these.
    Allowed(Vec<Held>),
    /// The identity was shut out.
    ShutOut,
    /// The identity holds nothing at all.
    HoldsNothing,
    /// Nothing that the identity holds is for the suite.
    OtherSuites,
    /// The identity has a lower role there.
    LowerRole(Role),
    /// No grant names the package, which the suite takes without owning its name.
    NotNamed,
    /// The identity has the role there, for these parts only.
    OtherParts(Reach),
}

/// Why `identity` may or may not do something, from what it holds.
pub fn explain(rights: &Rights, identity: &Identity, question: &Question<'_>) -> Verdict {
    if rights.is_shut_out(identity) {
        return Verdict::ShutOut;
    }
    let Some(entitled) = rights.of(identity) else { return Verdict::HoldsNothing };
    let Question { suite, deed, component, package } = question;
    let Some(role) = entitled.role_in(suite) else { return Verdict::OtherSuites };
    if role < deed.role() {
        return Verdict::LowerRole(role);
    }
    // The limits of a grant concern what is altered, not what is read.
    let within = |grant: &AccessGrant| {
        *deed == Deed::Read
            || component.is_none_or(|component| grant.reaches_component(component))
                && package.is_none_or(|package| grant.reaches_name(package))
    };
    let reasons = entitled.held().iter().filter(|held| {
        held.grant.covers(suite) && held.grant.role >= deed.role() && within(&held.grant)
    });
    let reasons: Vec<_> = reasons.cloned().collect();
    if reasons.is_empty() {
        return Verdict::OtherParts(entitled.reach(suite, deed.role()));
    }
    Verdict::Allowed(reasons)
}

#[cfg(test)]
mod tests;
