//! What every back end promises of tokens.

use std::path::Path;

use repod::catalogue::{Catalogue, CatalogueError, CertificateRecord};
use repod::digest::Digest;
use repod::domain::{EnrolmentToken, Role, TokenUse};
use repod::time::Moment;

use super::Make;
use super::samples::{certificate, event, grant, identity};

fn token(secret: &str, of: &str, made_at: i64) -> EnrolmentToken {
    EnrolmentToken {
        secret: Digest::of(secret.as_bytes()),
        grant: grant(of, Role::Host, &["stable"]),
        days: Some(30),
        made_by: identity("ops.example"),
        made_at: Moment(made_at),
        ends_at: Moment(made_at + 100),
        message: "it's new".into(),
        revoked_at: None,
        used: None,
    }
}

fn use_of(record: &CertificateRecord, key: &str) -> TokenUse {
    TokenUse {
        at: record.issued_at,
        key: Digest::of(key.as_bytes()),
        serial: record.serial.clone(),
        certificate_pem: "PEM\n".into(),
        not_after: record.not_after,
    }
}

/// Uses a token for a certificate of this serial at a moment.
fn spend(catalogue: &dyn Catalogue, token: &EnrolmentToken, serial: &str, at: i64) -> bool {
    let record = certificate(serial, token.grant.identity.as_str(), at);
    catalogue
        .record_enrolment(token, &use_of(&record, serial), &record, &event("op.example", 20))
        .unwrap()
}

pub fn a_token_is_used_up_once_and_whole(room: &Path, make: &Make) {
    let catalogue = make(room);
    let web = token("web", "web.example", 10);
    catalogue.record_token(&web, Moment(0), &event("op.example", 1)).unwrap();
    assert_eq!(catalogue.find_token(&web.secret).unwrap(), Some(web.clone()));
    assert_eq!(catalogue.find_token(&Digest::of(b"x")).unwrap(), None);
    let error = catalogue.record_token(&web, Moment(0), &event("op.example", 1)).unwrap_err();
    assert!(matches!(error, CatalogueError::Exists(_)), "{error}");

    // Not from its end on; and a serial that is taken leaves the token as it was.
    assert!(!spend(&*catalogue, &web, "1a", 110));
    catalogue
        .record_certificate(&certificate("ff", "db.example", 1), None, &event("op.example", 1))
        .unwrap();
    let taken = certificate("ff", "web.example", 20);
    assert!(
        catalogue
            .record_enrolment(&web, &use_of(&taken, "k"), &taken, &event("op.example", 20))
            .is_err()
    );
    assert!(catalogue.list_grants().unwrap().is_empty());
    assert_eq!(catalogue.find_token(&web.secret).unwrap(), Some(web.clone()));

    let won: Vec<bool> = std::thread::scope(|scope| {
        let (catalogue, web) = (&*catalogue, &web);
        let runs: Vec<_> = (0..8)
            .map(|n| scope.spawn(move || spend(catalogue, web, &format!("a{n}"), 109)))
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert_eq!(won.iter().filter(|won| **won).count(), 1, "{won:?}");
    let winner = format!("a{}", won.iter().position(|won| *won).unwrap());
    let issued = catalogue.list_certificates(Some(&identity("web.example"))).unwrap();
    assert_eq!(issued, [certificate(&winner, "web.example", 109)]);
    assert_eq!(catalogue.list_grants().unwrap(), std::slice::from_ref(&web.grant));
    let used = Some(use_of(&issued[0], &winner));
    assert_eq!(catalogue.find_token(&web.secret).unwrap(), Some(EnrolmentToken { used, ..web }));
}

pub fn tokens_are_replaced_revoked_and_forgotten(room: &Path, make: &Make) {
    let catalogue = make(room);
    let [old, new] = [token("old", "web.example", 10), token("new", "web.example", 20)];
    let other = token("other", "db.example", 15);
    for token in [&old, &other, &new] {
        catalogue.record_token(token, Moment(0), &event("op.example", 1)).unwrap();
    }
    let revoked_at = |token: &EnrolmentToken| {
        let found = catalogue.find_token(&token.secret).unwrap();
        found.and_then(|token| token.revoked_at).map(|at| at.0)
    };
    assert_eq!([&old, &new, &other].map(revoked_at), [Some(20), None, None]);
    assert!(!spend(&*catalogue, &old, "1a", 30));
    let secrets: Vec<_> = catalogue.list_tokens().unwrap().iter().map(|one| one.secret).collect();
    assert_eq!(secrets, [new.secret, other.secret, old.secret]);

    assert_eq!(
        catalogue.revoke_tokens(&identity("web.example"), &event("op.example", 31)).unwrap(),
        1
    );
    assert_eq!(
        catalogue.revoke_tokens(&identity("web.example"), &event("op.example", 32)).unwrap(),
        0
    );
    assert_eq!(revoked_at(&new), Some(31));
    assert!(!spend(&*catalogue, &new, "1b", 33));

    // With the right of a host goes what would give it again.
    catalogue
        .record_revocation(&[], "gone", Some(&identity("db.example")), &event("op.example", 40))
        .unwrap();
    assert_eq!(revoked_at(&other), Some(40));

    let late = token("late", "web.example", 500);
    catalogue.record_token(&late, Moment(112), &event("op.example", 1)).unwrap();
    let secrets: Vec<_> = catalogue.list_tokens().unwrap().iter().map(|one| one.secret).collect();
    assert_eq!(secrets, [late.secret, new.secret, other.secret]);
}
