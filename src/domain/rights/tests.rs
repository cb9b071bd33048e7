//! Random rights against a plain reading of the rules: every grant that names an identity counts,
//! nothing else does, and grants add up.

use proptest::prelude::*;

use super::*;
use crate::domain::access::{self, Right};
use crate::domain::patterns::PackagePattern;
use crate::domain::{AccessEdit, AccessSet, SuiteScope};

const IDENTITIES: [&str; 6] =
    ["ci", "web-1.example", "web-2.example", "db.example", "web-1.x.example", "web.example"];
const MEMBERS: [&str; 7] = [
    "ci",
    "web-1.example",
    "web-*.example",
    "*.example",
    "*-1.*.example",
    "*.x.example",
    "w*b*.example",
];
const SUITES: [&str; 4] = ["stable", "stable-web", "edge", "testing"];
const SUITE_PATTERNS: [&str; 6] = ["stable", "stable*", "*", "edge", "*e*", "te*g"];
const COMPONENTS: [&str; 2] = ["main", "extra"];
const PACKAGES: [&str; 3] = ["acme-web", "acme-api", "libacme"];
const PACKAGE_PATTERNS: [&str; 4] = ["acme-*", "acme-web", "*acme*", "lib*"];

/// Groups, grants and own grants, as they come.
type Given = (Vec<Group>, Vec<AccessGrant>, Vec<Grant>);

fn some<T>(from: &[&'static str]) -> BoxedStrategy<BTreeSet<T>>
where
    T: std::str::FromStr + Ord + std::fmt::Debug + 'static,
    T::Err: std::fmt::Debug,
{
    let all = from.to_vec();
    let sets = proptest::sample::subsequence(all, 0..=from.len().min(3));
    sets.prop_map(|texts| texts.into_iter().map(|text| text.parse().unwrap()).collect()).boxed()
}

fn one<T>(from: &'static [&'static str]) -> BoxedStrategy<T>
where
    T: std::str::FromStr + std::fmt::Debug + 'static,
    T::Err: std::fmt::Debug,
{
    proptest::sample::select(from).prop_map(|text| text.parse().unwrap()).boxed()
}

fn role() -> BoxedStrategy<Role> {
    let roles =
        [Role::Host, Role::Uploader, Role::Operator, Role::Host, Role::Uploader, Role::Admin];
    proptest::sample::select(roles.to_vec()).boxed()
}

fn subject() -> BoxedStrategy<Subject> {
    prop_oneof![
        one::<Identity>(&IDENTITIES).prop_map(Subject::Identity),
        one::<GroupName>(&["a", "b"]).prop_map(Subject::Group),
    ]
    .boxed()
}

fn grant() -> BoxedStrategy<AccessGrant> {
    let limits = (some(&COMPONENTS), some(&PACKAGE_PATTERNS));
    (subject(), role(), some(&SUITE_PATTERNS), limits)
        .prop_map(|(to, role, suites, (components, packages))| AccessGrant {
            to,
            role,
            suites,
            components,
            packages,
        })
        .prop_map(|mut grant| {
            if matches!(grant.role, Role::Host | Role::Admin) {
                grant.components.clear();
                grant.packages.clear();
            }
            if grant.role == Role::Admin || grant.suites.is_empty() {
                grant.suites = [SuitePattern::any()].into();
            }
            grant
        })
        .boxed()
}

fn given() -> BoxedStrategy<Given> {
    let group = |name: &'static str| {
        some(&MEMBERS).prop_map(move |members| Group { name: name.parse().unwrap(), members })
    };
    let own = (one::<Identity>(&IDENTITIES), role(), some(&SUITES)).prop_map(
        |(identity, role, suites)| Grant::whole(identity, role, SuiteScope::Named(suites)),
    );
    let grants = proptest::collection::vec(grant(), 0..5);
    (group("a"), group("b"), grants, proptest::collection::vec(own, 0..2))
        .prop_map(|(a, b, grants, own)| (vec![a, b], grants, own))
        .boxed()
}

fn rights((groups, grants, own): &Given) -> Rights {
    Rights::new(own, groups, grants, [])
}

fn label_matches(pattern: &str, label: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == label,
        Some((before, after)) => label.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).any(|at| label_matches(after, rest.get(at..).unwrap()))
        }),
    }
}

/// The rules, read plainly: does one of the grants that name the identity allow it?
fn plainly((groups, grants, own): &Given, identity: &Identity, question: &Question<'_>) -> bool {
    let own = own.iter().filter(|grant| grant.identity == *identity).map(AccessGrant::of);
    let is_member = |member: &Member| {
        let (pattern, name) = (member.as_str(), identity.as_str());
        pattern.matches('.').count() == name.matches('.').count()
            && pattern.split('.').zip(name.split('.')).all(|(p, l)| label_matches(p, l))
    };
    let names = |grant: &&AccessGrant| match &grant.to {
        Subject::Identity(named) => named == identity,
        Subject::Group(name) => {
            groups.iter().any(|group| group.name == *name && group.members.iter().any(is_member))
        }
    };
    let allows = |grant: AccessGrant| {
        let suite = grant.suites.iter().any(|p| label_matches(p.as_str(), question.suite.as_str()));
        let component = question
            .component
            .is_none_or(|c| grant.components.is_empty() || grant.components.contains(c));
        let of_name = |p: &PackagePattern, n: &PackageName| label_matches(p.as_str(), n.as_str());
        let package = question.package.is_none_or(|name| {
            grant.packages.is_empty() || grant.packages.iter().any(|p| of_name(p, name))
        });
        let within = question.deed == Deed::Read || component && package;
        (suite || grant.role == Role::Admin) && grant.role >= question.deed.role() && within
    };
    own.chain(grants.iter().filter(names).cloned()).any(allows)
}

fn right_of<'s>(deed: Deed, suite: &'s SuiteName) -> Right<'s> {
    match deed {
        Deed::Read => Right::Read(suite),
        Deed::Upload => Right::Upload(suite),
        Deed::Operate => Right::Operate(suite),
    }
}

/// As the server does it: first the right, then, for what is altered, the reach.
fn admits(rights: &Rights, identity: &Identity, question: &Question<'_>) -> bool {
    let entitled = rights.of(identity).map(Arc::new);
    let right = right_of(question.deed, question.suite);
    let Ok(admitted) = access::decide(identity, entitled, right) else { return false };
    let reach = admitted.reach(question.suite, question.deed.role());
    match (question.deed, question.component, question.package) {
        (Deed::Upload | Deed::Operate, Some(component), Some(package)) => {
            reach.covers(component, package)
        }
        _ => true,
    }
}

fn every_question(mut ask: impl FnMut(&Identity, &Question<'_>)) {
    for identity in IDENTITIES {
        for suite in SUITES {
            for deed in Deed::ALL {
                for component in COMPONENTS {
                    for package in PACKAGES {
                        let (suite, component, package) = (
                            suite.parse().unwrap(),
                            component.parse().unwrap(),
                            package.parse().unwrap(),
                        );
                        let question = Question {
                            suite: &suite,
                            deed,
                            component: Some(&component),
                            package: Some(&package),
                        };
                        ask(&identity.parse().unwrap(), &question);
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn admission_and_explanation_are_the_rules_read_plainly(given in given()) {
        let rights = rights(&given);
        every_question(|identity, question| {
            let allowed = plainly(&given, identity, question);
            assert_eq!(admits(&rights, identity, question), allowed, "{identity} {question:?}");
            let verdict = explain(&rights, identity, question);
            assert_eq!(matches!(verdict, Verdict::Allowed(_)), allowed, "{verdict:?}");
            if let Verdict::Allowed(held) = verdict {
                // Each grant that is named is enough alone.
                for one in held {
                    let alone = Entitled::new(identity.clone(), vec![one]).map(Arc::new);
                    let right = right_of(question.deed, question.suite);
                    assert!(access::decide(identity, alone, right).is_ok());
                }
            }
        });
    }

    #[test]
    fn grants_add_up_and_none_takes_away(one in given(), two in given()) {
        let both: Given = (
            one.0.clone(),
            one.1.iter().chain(&two.1).cloned().collect(),
            one.2.clone(),
        );
        let second: Given = (one.0.clone(), two.1.clone(), Vec::new());
        let [first, second, both] = [&one, &second, &both].map(rights);
        every_question(|identity, question| {
            let allowed = admits(&first, identity, question) || admits(&second, identity, question);
            assert_eq!(admits(&both, identity, question), allowed, "{identity} {question:?}");
        });
    }

    #[test]
    fn a_member_more_takes_nothing_and_one_less_gives_nothing(
        given in given(), member in one::<Member>(&MEMBERS)
    ) {
        let mut more = given.clone();
        more.0[0].members.insert(member.clone());
        let mut less = given.clone();
        less.0[0].members.remove(&member);
        let [less, more] = [&less, &more].map(rights);
        every_question(|identity, question| {
            assert!(!admits(&less, identity, question) || admits(&more, identity, question));
        });
    }

    #[test]
    fn who_is_shut_out_holds_nothing(given in given(), who in one::<Identity>(&IDENTITIES)) {
        let rights = Rights::new(&given.2, &given.0, &given.1, [who.clone()]);
        every_question(|identity, question| {
            let verdict = explain(&rights, identity, question);
            assert_eq!(verdict == Verdict::ShutOut, *identity == who);
            assert!(*identity != who || !admits(&rights, identity, question));
        });
    }

    #[test]
    fn what_is_given_on_is_ones_own(giver in grant(), wanted in some::<SuitePattern>(&SUITE_PATTERNS)) {
        let identity: Identity = "giver.example".parse().unwrap();
        let held = Held { grant: Arc::new(giver), origin: Origin::Named };
        let entitled = Entitled::new(identity, vec![held]).unwrap();
        for suite in SUITES {
            let suite: SuiteName = suite.parse().unwrap();
            if entitled.gives_suites(&wanted) && wanted.iter().any(|one| one.matches(&suite)) {
                assert!(entitled.role_in(&suite) >= Some(Role::Operator), "{suite}");
                assert!(entitled.reach(&suite, Role::Operator).is_whole(), "{suite}");
            }
        }
    }

    #[test]
    fn a_pattern_encloses_only_what_it_matches(
        outer in "[ab*]{1,5}", inner in "[ab*]{1,5}", filling in "[ab]{0,3}"
    ) {
        let [outer, pattern] = [&outer, &inner].map(|text| text.parse::<SuitePattern>().unwrap());
        if let Ok(suite) = inner.replace('*', &filling).parse::<SuiteName>() {
            prop_assert!(pattern.matches(&suite));
            prop_assert!(!outer.encloses(&pattern) || outer.matches(&suite), "{outer} {pattern}");
        }
    }

    #[test]
    fn the_edit_between_two_states_leads_from_one_to_the_other(one in given(), two in given()) {
        let [before, after] = [&one, &two].map(|(groups, grants, _)| AccessSet::new(groups, grants.clone()));
        let edit = AccessEdit::between(&before, &after);
        prop_assert_eq!(before.after(&edit).unwrap(), after.clone());
        prop_assert!(AccessEdit::between(&after, &after.after(&edit).unwrap()).is_empty());
    }
}

#[test]
fn a_member_is_matched_label_by_label() {
    let matches = |pattern: &str, name: &str| {
        pattern.parse::<Member>().unwrap().matches(&name.parse().unwrap())
    };
    assert!(matches("web-*.example.org", "web-01.example.org"));
    assert!(matches("web-*.example.org", "web-01-b.example.org"));
    assert!(matches("*.build.example.org", "x.build.example.org"));
    for name in ["web-01.x.example.org", "web-01.example.org.evil", "aweb-01.example.org", "web"] {
        assert!(Identity::parse(name).is_err() || !matches("web-*.example.org", name), "{name}");
    }
    for wrong in
        ["*", "web.*", "**.example", "Web-*.example", "a_*.example", "", "*.", ".*", "-*.x"]
    {
        assert!(wrong.parse::<Member>().is_err(), "{wrong}");
    }
}

#[test]
fn invalid_grants_are_refused() {
    let read = |json: &str| serde_json::from_str::<AccessGrant>(json).unwrap().verify();
    let field = |json: &str| read(json).expect_err(json).field;
    let limited = |role: &str| {
        format!(r#"{{"to": "@a", "role": "{role}", "suites": ["stable"], "packages": ["acme-*"]}}"#)
    };
    assert_eq!(read(&limited("uploader")), Ok(()));
    assert_eq!(read(&limited("operator")), Ok(()));
    assert_eq!(field(&limited("host")), "packages");
    assert_eq!(field(&limited("admin")), "role");
    assert_eq!(field(r#"{"to": "a", "role": "host", "suites": []}"#), "suites");
    assert_eq!(field(r#"{"to": "a", "role": "admin", "suites": ["stable"]}"#), "role");
    assert_eq!(read(r#"{"to": "a", "role": "admin", "suites": ["*"]}"#), Ok(()));
    for wrong in [r#""Web""#, r#""@""#, r#""@Web""#, r#""*.example""#, r#""""#] {
        assert!(serde_json::from_str::<Subject>(wrong).is_err(), "{wrong}");
    }
    for wrong in ["*", "", "Acme-*", "a?"] {
        assert!(wrong.parse::<PackagePattern>().is_err(), "{wrong}");
    }
}

#[test]
fn an_edit_that_leaves_grants_to_nobody_is_refused_whole() {
    let give: AccessGrant =
        serde_json::from_str(r#"{"to": "@web", "role": "host", "suites": ["stable"]}"#).unwrap();
    let web: GroupName = "web".parse().unwrap();
    let edit = AccessEdit { give: [give.clone()].into(), ..AccessEdit::default() };
    let said = AccessSet::default().after(&edit).unwrap_err().to_string();
    assert!(said.contains("group web: is not there; `repoctl access group add web"), "{said}");
    let made = AccessEdit { make_groups: [web.clone()].into(), ..edit };
    let set = AccessSet::default().after(&made).unwrap();
    let end = AccessEdit { end_groups: [web.clone()].into(), ..AccessEdit::default() };
    let said = set.after(&end).unwrap_err().to_string();
    assert!(said.contains("`repoctl access revoke host @web`"), "{said}");
    let both = AccessEdit { revoke: [give].into(), ..end };
    assert_eq!(set.after(&both).unwrap(), AccessSet::default());
    let join = ("db".parse().unwrap(), "db.example".parse().unwrap());
    let edit = AccessEdit { join: [join].into(), ..AccessEdit::default() };
    assert!(set.after(&edit).unwrap_err().to_string().contains("group db: is not there"));
}
