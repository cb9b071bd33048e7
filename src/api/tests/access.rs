//! Who may do what, and the state of the server.

use super::*;

#[test]
fn access_and_setup() {
    wire(&SuiteChoice::All, json!("all"));
    wire(&SuiteChoice::Named(vec![suite()]), json!(["stable"]));
    for wrong in [json!("some"), json!(["../x"]), json!(1), json!(null)] {
        assert!(serde_json::from_value::<SuiteChoice>(wrong).is_err());
    }
    for role in Role::ALL {
        wire(&role, json!(role.as_str()));
        assert_eq!(Role::parse(role.as_str()), Some(role));
    }
    wire(
        &WhoAmI {
            identity: "ann".into(),
            role: Role::Operator,
            suites: SuiteChoice::All,
            limits: Vec::new(),
            certificate_not_after: 5,
            server_version: "0.1.0".into(),
        },
        json!({ "identity": "ann", "role": "operator", "suites": "all", "certificate_not_after": 5,
            "server_version": "0.1.0" }),
    );
    wire(
        &HostRequest { name: "h".into(), suites: vec![suite()], csr_pem: "c".into(), days: None },
        json!({ "name": "h", "suites": ["stable"], "csr_pem": "c" }),
    );
    let (name, csr_pem) = ("i".to_owned(), "c".to_owned());
    wire(
        &IdentityRequest {
            name,
            role: Role::Host,
            suites: SuiteChoice::All,
            components: Vec::new(),
            packages: vec!["acme-*".into()],
            csr_pem,
            days: Some(9),
        },
        json!({ "name": "i", "role": "host", "suites": "all", "packages": ["acme-*"], "csr_pem": "c",
            "days": 9 }),
    );
    wire(
        &IssuedCertificate {
            identity: "h".into(),
            serial: "1f".into(),
            not_after: 5,
            certificate_pem: "p".into(),
            ca_pem: "a".into(),
        },
        json!({ "identity": "h", "serial": "1f", "not_after": 5, "certificate_pem": "p", "ca_pem": "a" }),
    );
    wire(
        &RevocationOutcome {
            identity: "h".into(),
            serials: vec!["1f".into()],
            crl_next_update: Some(5),
            other_ca: true,
        },
        json!({ "identity": "h", "serials": ["1f"], "crl_next_update": 5, "other_ca": true }),
    );
    let file = SetupFile {
        path: "/etc/apt/x".into(),
        mode: "0644".into(),
        owner: "root".into(),
        content: "t".into(),
    };
    wire(
        &HostSetup {
            certificate_path: "/c".into(),
            key_path: "/k".into(),
            files: vec![file],
            obsolete: vec![],
            notes: vec![],
            facts: None,
        },
        json!({ "certificate_path": "/c", "key_path": "/k", "notes": [],
            "files": [{ "path": "/etc/apt/x", "mode": "0644", "owner": "root", "content": "t" }] }),
    );
    let query = |installs| SetupQuery { suites: Some("a,b".into()), installs };
    wire(&query(false), json!({ "suites": "a,b" }));
    wire(&query(true), json!({ "suites": "a,b", "installs": true }));
    wire(&RevocationRequest { reason: "r".into() }, json!({ "reason": "r" }));
}

#[test]
fn identities_and_status() {
    let certificate = CertificateView {
        serial: "1f".into(),
        not_after: 5,
        revoked_at: None,
        reason: String::new(),
    };
    let sighting = SightingView {
        suite: suite(),
        ring: Some("canary".into()),
        at: 3,
        generation: 41,
        live: Some(42),
    };
    wire(
        &IdentityView {
            identity: "h".into(),
            role: None,
            host: true,
            limits: Vec::new(),
            suites: SuiteChoice::Named(vec![]),
            components: Vec::new(),
            packages: Vec::new(),
            certificates: vec![certificate],
            sightings: vec![sighting],
            behind: vec![suite()],
            token_ends: None,
        },
        json!({ "identity": "h", "role": null, "host": true, "suites": [],
            "certificates": [{ "serial": "1f", "not_after": 5, "revoked_at": null, "reason": "" }],
            "sightings": [{ "suite": "stable", "ring": "canary", "at": 3, "generation": 41, "live": 42 }],
            "behind": ["stable"] }),
    );
    let standing = SuiteStatus {
        suite: suite(),
        generation: 0,
        date: None,
        valid_until: None,
        packages: 0,
        waiting: 0,
        pins: 0,
        hold: None,
        rollouts: Vec::new(),
    };
    wire(
        &Status {
            version: "0.1.0".into(),
            name: "repo".into(),
            now: 9,
            suites: vec![standing],
            trust: TrustStatus {
                crl_next_update: Some(1),
                ca_not_after: None,
                server_certificate_not_after: None,
                certificates_expiring_soon: 2,
                first_to_expire: vec![CertificateEnd { identity: "h".into(), not_after: 5 }],
            },
            room_bytes: Some(3),
            scrub: None,
            warnings: vec![Warning { code: "c".into(), text: "t".into() }],
        },
        json!({ "version": "0.1.0", "name": "repo", "now": 9,
            "suites": [{ "suite": "stable", "generation": 0, "date": null, "valid_until": null,
                "packages": 0, "waiting": 0, "pins": 0 }],
            "trust": { "crl_next_update": 1, "ca_not_after": null,
                "server_certificate_not_after": null, "certificates_expiring_soon": 2,
                "first_to_expire": [{ "identity": "h", "not_after": 5 }] },
            "room_bytes": 3, "scrub": null, "warnings": [{ "code": "c", "text": "t" }] }),
    );
}
