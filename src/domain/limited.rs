//! Limited: what the uploads of an identity are limited to, by everything that it holds.

use crate::domain::grants::AccessGrant;
use crate::domain::rights::Entitled;
use crate::domain::role::Role;

/// The grants that limit its uploads: those with limits, where none without reaches as far.
pub fn uploads(entitled: &Entitled) -> Vec<&AccessGrant> {
    let grants = || entitled.held().iter().map(|held| &*held.grant);
    let alters = || grants().filter(|grant| grant.role > Role::Host);
    let is_free = |limited: &AccessGrant| {
        let encloses = |whole: &AccessGrant| {
            let one = |wanted| whole.suites.iter().any(|own| own.encloses(wanted));
            whole.role == Role::Admin || limited.suites.iter().all(one)
        };
        alters().any(|grant| grant.is_whole() && encloses(grant))
    };
    alters().filter(|grant| !grant.is_whole() && !is_free(grant)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Held, Origin};

    fn grant(role: Role, suite: &str, package: &str) -> AccessGrant {
        let packages = (!package.is_empty()).then(|| package.parse().unwrap());
        AccessGrant {
            to: "one.example".parse().unwrap(),
            role,
            suites: [suite.parse().unwrap()].into(),
            components: [].into(),
            packages: packages.into_iter().collect(),
        }
    }

    #[track_caller]
    fn expect(limited: usize, grants: &[AccessGrant]) {
        let held =
            |grant: &AccessGrant| Held { grant: grant.clone().into(), origin: Origin::Named };
        let held = grants.iter().map(held).collect();
        let entitled = Entitled::new("one.example".parse().unwrap(), held).unwrap();
        assert_eq!(uploads(&entitled).len(), limited, "{grants:?}");
    }

    #[test]
    fn uploads_are_limited_unless_a_grant_without_limits_reaches_as_far() {
        let reads = grant(Role::Host, "*", "");
        let web = grant(Role::Uploader, "stable", "acme-web*");
        let db = grant(Role::Operator, "edge", "acme-db*");
        expect(0, std::slice::from_ref(&reads));
        expect(1, &[reads.clone(), web.clone()]);
        expect(2, &[reads, web.clone(), db.clone()]);
        expect(1, &[web.clone(), db, grant(Role::Uploader, "edge", "")]);
        expect(0, &[web.clone(), grant(Role::Uploader, "st*", "")]);
        expect(0, &[web, grant(Role::Admin, "*", "")]);
    }
}
