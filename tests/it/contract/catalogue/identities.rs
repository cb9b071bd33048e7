//! Identities: what every back end promises of their grants and certificates, and of when they were seen.

use std::path::Path;

use repod::catalogue::{CatalogueError, Sighting};
use repod::domain::Role;
use repod::time::Moment;

use super::samples::*;
use super::{Make, with_suite};

pub fn grants_replace_and_end(room: &Path, make: &Make) {
    let catalogue = make(room);
    let grants = [
        grant("ci.example", Role::Uploader, &["stable", "edge"]),
        grant("ops.example", Role::Operator, &[]),
    ];
    for one in grants.iter().rev() {
        catalogue.record_grant(one, &event("admin.example", 5)).unwrap();
    }
    assert_eq!(catalogue.list_grants().unwrap(), grants);
    let less = grant("ci.example", Role::Host, &["edge"]);
    catalogue.record_grant(&less, &event("admin.example", 6)).unwrap();
    assert_eq!(catalogue.list_grants().unwrap(), [less.clone(), grants[1].clone()]);
    catalogue.remove_grant(&identity("ops.example"), &event("admin.example", 7)).unwrap();
    catalogue.remove_grant(&identity("nobody.example"), &event("admin.example", 7)).unwrap();
    assert_eq!(catalogue.list_grants().unwrap(), [less]);
}

pub fn certificates_are_recorded_once(room: &Path, make: &Make) {
    let catalogue = make(room);
    let host = grant("web.example", Role::Host, &["stable"]);
    let [first, second, other] = [
        certificate("1a", "web.example", 10),
        certificate("2b", "web.example", 20),
        certificate("3c", "db.example", 15),
    ];
    catalogue.record_certificate(&first, Some(&host), &event("admin.example", 1)).unwrap();
    catalogue.record_certificate(&second, None, &event("admin.example", 1)).unwrap();
    catalogue.record_certificate(&other, None, &event("admin.example", 1)).unwrap();
    let stolen = certificate("1a", "db.example", 30);
    let more = grant("db.example", Role::Admin, &[]);
    let error =
        catalogue.record_certificate(&stolen, Some(&more), &event("admin.example", 1)).unwrap_err();
    assert!(matches!(error, CatalogueError::Exists(_)), "{error}");
    assert_eq!(catalogue.list_grants().unwrap(), [host], "the grant went with the certificate");
    let all = catalogue.list_certificates(None).unwrap();
    assert_eq!(all, [second.clone(), other, first.clone()]);
    let of_web = catalogue.list_certificates(Some(&identity("web.example"))).unwrap();
    assert_eq!(of_web, [second, first]);
    assert!(catalogue.list_certificates(Some(&identity("x.example"))).unwrap().is_empty());
}

pub fn a_revocation_is_whole_and_final(room: &Path, make: &Make) {
    let catalogue = make(room);
    let host = grant("web.example", Role::Host, &[]);
    catalogue
        .record_certificate(
            &certificate("1a", "web.example", 10),
            Some(&host),
            &event("admin.example", 1),
        )
        .unwrap();
    catalogue
        .record_certificate(&certificate("2b", "web.example", 20), None, &event("admin.example", 1))
        .unwrap();
    let web = identity("web.example");
    let revoke = |serials: &[&str], reason: &str, at, and_grant| {
        let serials: Vec<_> = serials.iter().map(|serial| (*serial).to_owned()).collect();
        catalogue.record_revocation(&serials, reason, and_grant, &event("admin.example", at))
    };
    let state = || {
        let all = catalogue.list_certificates(None).unwrap();
        let told = |serial: &str| {
            let one = all.iter().find(|one| one.serial == serial).unwrap();
            (one.revoked_at.map(|at| at.0), one.reason.clone())
        };
        (told("1a"), told("2b"), catalogue.list_grants().unwrap().len())
    };
    let error = revoke(&["1a", "ff"], "lost", 30, Some(&web)).unwrap_err();
    assert!(matches!(&error, CatalogueError::Missing(what) if what.contains("ff")), "{error}");
    assert_eq!(state(), ((None, String::new()), (None, String::new()), 1), "all or nothing");
    revoke(&["1a"], "lost", 30, None).unwrap();
    assert_eq!(state(), ((Some(30), "lost".into()), (None, String::new()), 1));
    revoke(&["1a", "2b"], "gone", 40, Some(&web)).unwrap();
    assert_eq!(state(), ((Some(30), "lost".into()), (Some(40), "gone".into()), 0));
}

pub fn sightings_keep_the_newest(room: &Path, make: &Make) {
    let catalogue = with_suite(room, make);
    let seen = |at, generation| Sighting {
        identity: identity("web.example"),
        suite: suite("stable"),
        at: Moment(at),
        generation,
    };
    let other = Sighting { identity: identity("db.example"), ..seen(3, 1) };
    let nowhere = Sighting { suite: suite("gone"), ..seen(9, 9) };
    catalogue.record_sightings(&[seen(10, 1), other.clone(), nowhere]).unwrap();
    assert_eq!(catalogue.list_sightings().unwrap(), [other.clone(), seen(10, 1)]);
    catalogue.record_sightings(&[seen(9, 8), seen(12, 2), seen(11, 7)]).unwrap();
    assert_eq!(catalogue.list_sightings().unwrap(), [other, seen(12, 2)]);
    catalogue.record_sightings(&[]).unwrap();
}
