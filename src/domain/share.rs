//! Share: how much of what is known of an identity lies within the suites of an asker. What lies
//! beyond them is answered as if it were not there.

use std::collections::BTreeSet;

use crate::debian::SuiteName;
use crate::domain::Identity;
use crate::domain::grants::AccessGrant;
use crate::domain::own_grant::Grant;
use crate::domain::rights::Entitled;
use crate::domain::role::Role;

/// How much of an identity lies within the suites of an asker.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Share {
    /// Nothing: for the asker there is no such identity.
    None,
    /// Some of it, and more beyond, of which the asker is told nothing.
    Part,
    /// Everything that is known of it, and it is more than a host: the asker sees it, and an admin
    /// gives and takes its rights.
    Seen,
    /// Everything that is known of it, and it is no more than a host.
    Whole,
}

/// What is known of an identity.
#[derive(Clone, Copy, Debug, Default)]
pub struct Past<'p> {
    /// What it holds; when it is shut out, what it would hold otherwise.
    pub held: Option<&'p Entitled>,
    /// Whether it is shut out.
    pub shut_out: bool,
    /// The suites in which it was seen.
    pub seen_in: &'p [SuiteName],
    /// The rights of its enrolment tokens that are remembered.
    pub tokens: &'p [Grant],
    /// Who issued its certificates.
    pub issuers: &'p [Identity],
}

impl Past<'_> {
    /// Whether the name is nobody's, and never was. A token binds no name before it is used.
    pub fn is_free(&self) -> bool {
        let was = !self.seen_in.is_empty() || !self.issuers.is_empty();
        self.held.is_none() && !self.shut_out && !was
    }
}

/// The suites that an asker operates as a whole. An admin operates every one.
#[derive(Clone, Debug)]
pub struct Operated<'a> {
    asker: &'a Entitled,
    suites: BTreeSet<SuiteName>,
}

impl<'a> Operated<'a> {
    /// Those of `existing` that `asker` operates.
    pub fn by<'s>(asker: &'a Entitled, existing: impl IntoIterator<Item = &'s SuiteName>) -> Self {
        let operates = |suite: &&SuiteName| asker.reach(suite, Role::Operator).is_whole();
        Self { asker, suites: existing.into_iter().filter(operates).cloned().collect() }
    }

    /// Whether the asker is an admin, beyond whom nothing lies.
    pub fn is_everything(&self) -> bool {
        self.asker.is_admin()
    }

    /// Whether this suite is one of them.
    pub fn has(&self, suite: &SuiteName) -> bool {
        self.suites.contains(suite)
    }

    /// How much of an identity lies within them.
    ///
    /// Tokens count while the identity holds nothing: then they tell where it was or will be.
    pub fn share(&self, past: &Past<'_>) -> Share {
        if self.is_everything() {
            return Share::Whole;
        }
        let (mut within, mut beyond) = (false, false);
        let mut count = |is_own: bool| {
            within |= is_own;
            beyond |= !is_own;
        };
        let held = past.held.map(Entitled::held).unwrap_or_default();
        let mut is_more = false;
        for grant in held.iter().map(|held| &held.grant) {
            let is_within = grant.role < Role::Admin && self.asker.gives_suites(&grant.suites);
            is_more |= is_within && grant.role > Role::Host;
            count(is_within);
        }
        past.seen_in.iter().for_each(|suite| count(self.has(suite)));
        let tokens = if past.held.is_none() { past.tokens } else { &[] };
        // A token that names no suite tells nothing of where the name was or will be.
        let tokens = tokens.iter().filter(|grant| !grant.names_no_suite());
        tokens.for_each(|grant| count(self.gives(&AccessGrant::of(grant))));
        within |= past.issuers.contains(self.asker.identity());
        let reads = |held: &Entitled| self.suites.iter().any(|suite| held.reads(suite));
        let here = past.held.is_some_and(reads) || past.seen_in.iter().any(|one| self.has(one));
        match (within, beyond) {
            (_, true) if here => Share::Part,
            (true, false) if !is_more => Share::Whole,
            (true, false) if here => Share::Seen,
            _ => Share::None,
        }
    }

    /// Whether the asker could give this right itself: that of a host, in suites of its own.
    fn gives(&self, grant: &AccessGrant) -> bool {
        grant.role == Role::Host && self.asker.gives_suites(&grant.suites)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SuiteScope;

    fn names(all: &[&str]) -> Vec<SuiteName> {
        all.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn right(role: Role, suites: &[&str]) -> Grant {
        let suites = SuiteScope::Named(names(suites).into_iter().collect());
        Grant::whole("one.example".parse().unwrap(), role, suites)
    }

    fn entitled(role: Role, suites: &[&str]) -> Entitled {
        Entitled::own(&right(role, suites))
    }

    #[track_caller]
    fn expect(share: Share, past: Past<'_>) {
        let (asker, all) = (entitled(Role::Operator, &["a", "b"]), names(&["a", "b", "c"]));
        assert_eq!(Operated::by(&asker, &all).share(&past), share, "{past:?}");
        let admin = Grant { suites: SuiteScope::All, ..right(Role::Admin, &[]) };
        assert_eq!(Operated::by(&Entitled::own(&admin), &all).share(&past), Share::Whole);
    }

    #[test]
    fn an_identity_is_own_as_far_as_all_that_is_known_of_it_is() {
        let (one, both, other) = (&["a"], &["a", "c"], &["c"]);
        let [mine, shared, theirs] = [&one[..], &both[..], &other[..]]
            .map(|suites| (entitled(Role::Host, suites), right(Role::Host, suites), names(suites)));
        let uploader = entitled(Role::Uploader, one);
        let everywhere = Grant { suites: SuiteScope::All, ..right(Role::Host, &[]) };
        let everywhere = Entitled::own(&everywhere);
        let of = |held| Past { held: Some(held), ..Past::default() };
        expect(Share::Whole, of(&mine.0));
        expect(Share::Part, of(&shared.0));
        expect(Share::Part, of(&everywhere));
        expect(Share::Seen, of(&uploader));
        expect(Share::None, of(&theirs.0));
        expect(Share::Part, Past { seen_in: &theirs.2, ..of(&mine.0) });
        expect(Share::Whole, Past { seen_in: &mine.2, ..of(&mine.0) });
        // Who holds nothing any more belongs where it was.
        expect(Share::Whole, Past { seen_in: &mine.2, shut_out: true, ..Past::default() });
        expect(Share::Part, Past { seen_in: &shared.2, ..Past::default() });
        expect(Share::None, Past { seen_in: &theirs.2, ..Past::default() });
        expect(Share::None, Past { shut_out: true, ..Past::default() });
        let [by_asker, by_another] =
            ["one.example", "two.example"].map(|name| [name.parse().unwrap()]);
        expect(Share::Whole, Past { issuers: &by_asker, ..Past::default() });
        expect(Share::None, Past { issuers: &by_another, ..Past::default() });
        expect(Share::None, Past { issuers: &by_asker, ..of(&theirs.0) });
        // So do tokens, which tell nothing of who holds something, and bind no name.
        let with = |tokens| Past { tokens, ..Past::default() };
        let [mine_1, shared_1, theirs_1] = [mine.1, shared.1, theirs.1].map(|grant| [grant]);
        expect(Share::Whole, with(&mine_1));
        expect(Share::None, with(&theirs_1));
        expect(Share::None, with(&shared_1));
        let both = [mine_1[0].clone(), theirs_1[0].clone()];
        expect(Share::None, with(&both));
        expect(Share::Whole, Past { tokens: &theirs_1, ..of(&mine.0) });
        let nowhere = [right(Role::Host, &[])];
        expect(Share::None, with(&nowhere));
        let mine_and_nowhere = [mine_1[0].clone(), nowhere[0].clone()];
        expect(Share::Whole, with(&mine_and_nowhere));
        assert!(with(&theirs_1).is_free() && !of(&mine.0).is_free());
        assert!(!Past { shut_out: true, ..Past::default() }.is_free());
    }

    #[test]
    fn an_operator_of_some_packages_has_no_hosts() {
        let mut grant = AccessGrant::of(&right(Role::Operator, &["a"]));
        grant.packages = ["acme-*".parse().unwrap()].into();
        let held =
            crate::domain::Held { grant: grant.into(), origin: crate::domain::Origin::Named };
        let asker = Entitled::new("two.example".parse().unwrap(), vec![held]).unwrap();
        let (all, mine) = (names(&["a"]), entitled(Role::Host, &["a"]));
        let operated = Operated::by(&asker, &all);
        assert!(!operated.has(&all[0]));
        assert_eq!(operated.share(&Past { held: Some(&mine), ..Past::default() }), Share::None);
    }
}
