//! Groups, and grants beside an identity's own.

use std::collections::BTreeSet;
use std::path::Path;

use repod::catalogue::{AccessRecord, CatalogueError};
use repod::domain::{AccessEdit, AccessGrant, GroupName, Member, Role};

use super::Make;
use super::samples::{event, grant, identity};

fn group(name: &str) -> GroupName {
    name.parse().unwrap()
}

fn pair(name: &str, member: &str) -> (GroupName, Member) {
    (group(name), member.parse().unwrap())
}

fn given(text: &str) -> AccessGrant {
    serde_json::from_str(text).unwrap()
}

fn told(record: &AccessRecord) -> (Vec<String>, Vec<String>, Vec<String>) {
    let members = |members: &BTreeSet<Member>| {
        members.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    let groups = record.groups.iter().map(|one| format!("{}: {}", one.name, members(&one.members)));
    let grants = record.grants.iter().map(|one| format!("{} {}", one.grant.to, one.at.0));
    let shut_out = record.shut_out.iter().map(ToString::to_string);
    (groups.collect(), grants.collect(), shut_out.collect())
}

pub fn groups_and_grants_are_edited_whole(room: &Path, make: &Make) {
    let catalogue = make(room);
    let by = identity("admin.example");
    let web = given(r#"{"to": "@web", "role": "host", "suites": ["stable*"]}"#);
    let ci = given(
        r#"{"to": "ci.example", "role": "uploader", "suites": ["stable"], "packages": ["acme-*"]}"#,
    );
    let edit = AccessEdit {
        make_groups: [group("web"), group("empty")].into(),
        join: [pair("web", "web-*.example"), pair("web", "db.example")].into(),
        give: [web.clone(), ci.clone()].into(),
        ..AccessEdit::default()
    };
    catalogue.record_access(&edit, &event(by.as_str(), 5)).unwrap();
    // The same again is no news: who gave it first, and when, stays.
    catalogue.record_access(&edit, &event("other.example", 6)).unwrap();
    let first = catalogue.load_access().unwrap();
    let groups = vec!["empty: ".to_string(), "web: db.example web-*.example".into()];
    let grants = vec!["ci.example 5".to_string(), "@web 5".into()];
    assert_eq!(told(&first), (groups, grants, vec![]));
    assert_eq!((&first.grants[0].grant, &first.grants[0].by), (&ci, &by));

    // Who joins what is not there spoils all of it.
    let wrong = AccessEdit {
        revoke: [ci.clone()].into(),
        join: [pair("absent", "a.example")].into(),
        ..AccessEdit::default()
    };
    let error = catalogue.record_access(&wrong, &event(by.as_str(), 7)).unwrap_err();
    assert!(matches!(&error, CatalogueError::Missing(what) if what.contains("absent")), "{error}");
    assert_eq!(catalogue.load_access().unwrap(), first);

    let less = AccessEdit {
        end_groups: [group("empty")].into(),
        leave: [pair("web", "db.example"), pair("web", "nobody.example")].into(),
        revoke: [ci].into(),
        ..AccessEdit::default()
    };
    catalogue.record_access(&less, &event(by.as_str(), 8)).unwrap();
    let left = (vec!["web: web-*.example".to_string()], vec!["@web 5".to_string()], vec![]);
    assert_eq!(told(&catalogue.load_access().unwrap()), left);
    // With a group, its members go.
    let end = AccessEdit {
        end_groups: [group("web")].into(),
        revoke: [web].into(),
        ..AccessEdit::default()
    };
    catalogue.record_access(&end, &event(by.as_str(), 9)).unwrap();
    let make_groups = [group("web")].into();
    let again = AccessEdit { make_groups, ..AccessEdit::default() };
    catalogue.record_access(&again, &event(by.as_str(), 10)).unwrap();
    assert_eq!(told(&catalogue.load_access().unwrap()).0, ["web: "]);
}

pub fn who_is_revoked_is_shut_out_until_given_a_right(room: &Path, make: &Make) {
    let catalogue = make(room);
    let (by, web) = (identity("admin.example"), identity("web.example"));
    let own = grant("web.example", Role::Host, &["stable"]);
    catalogue.record_grant(&own, &event(by.as_str(), 1)).unwrap();
    assert_eq!(catalogue.load_access().unwrap().own, std::slice::from_ref(&own));
    let shut_out = || told(&catalogue.load_access().unwrap()).2;
    let revoke =
        |at| catalogue.record_revocation(&[], "lost", Some(&web), &event(by.as_str(), at)).unwrap();
    revoke(2);
    revoke(3);
    assert_eq!(shut_out(), ["web.example"]);
    assert!(catalogue.load_access().unwrap().own.is_empty());
    catalogue.record_grant(&own, &event(by.as_str(), 4)).unwrap();
    assert!(shut_out().is_empty());
    revoke(5);
    // So is one that names it; one for a group that it is in is not.
    let join = AccessEdit {
        make_groups: [group("web")].into(),
        join: [pair("web", "web.example")].into(),
        give: [given(r#"{"to": "@web", "role": "host", "suites": ["stable"]}"#)].into(),
        ..AccessEdit::default()
    };
    catalogue.record_access(&join, &event(by.as_str(), 6)).unwrap();
    assert_eq!(shut_out(), ["web.example"]);
    let give = [given(r#"{"to": "web.example", "role": "host", "suites": ["edge"]}"#)].into();
    let named = AccessEdit { give, ..AccessEdit::default() };
    catalogue.record_access(&named, &event(by.as_str(), 7)).unwrap();
    assert!(shut_out().is_empty());
}
