//! The embedded CA: its files, what it issues, and what it refuses to issue.

use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::*;

#[test]
fn a_new_ca_keeps_its_key_to_itself() {
    let directory = tempfile::tempdir().unwrap();
    let inside = directory.path().join("ca");
    let ca = CertificateAuthority::create(&inside, "repo.example.org", NOW).unwrap();
    assert_eq!(mode(&inside), 0o700);
    assert_eq!(mode(&inside.join("ca.key")), 0o600);
    assert_eq!(mode(&inside.join("ca.crt")), 0o644);
    assert_eq!(mode(&inside.join("crl.pem")), 0o644);
    let key = std::fs::read_to_string(inside.join("ca.key")).unwrap();
    assert!(key.starts_with("-----BEGIN PRIVATE KEY-----"));
    assert_eq!(ca.not_after(), NOW.plus(3650 * DAY));

    let root = der(ca.certificate_pem());
    let (_, root) = X509Certificate::from_der(&root).unwrap();
    let constraints = root.basic_constraints().unwrap().unwrap();
    assert!(constraints.critical && constraints.value.ca);
    assert_eq!(constraints.value.path_len_constraint, Some(0));
    let usage = root.key_usage().unwrap().unwrap().value;
    assert!(usage.key_cert_sign() && usage.crl_sign() && !usage.digital_signature());
    let names: Vec<_> =
        std::fs::read_dir(&inside).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 4, "no temporary file is left: {names:?}");
}

#[test]
fn a_ca_is_never_made_over_another() {
    let bench = Bench::new();
    let before = std::fs::read(bench.path("ca.key")).unwrap();
    let again = CertificateAuthority::create(bench.directory.path(), "repo.example.org", NOW);
    assert!(matches!(again.err(), Some(TrustError::Exists(_))));
    assert_eq!(std::fs::read(bench.path("ca.key")).unwrap(), before);
}

#[test]
fn a_key_that_others_read_is_not_loaded() {
    let bench = Bench::new();
    for exposed in [0o640, 0o604, 0o644, 0o660] {
        set_mode(&bench.path("ca.key"), exposed);
        let error = CertificateAuthority::load(bench.directory.path()).err().unwrap();
        assert!(matches!(error, TrustError::KeyExposed { .. }), "{error}");
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
    set_mode(&bench.path("ca.key"), 0o400);
    assert!(CertificateAuthority::load(bench.directory.path()).is_ok());
}

#[test]
fn key_and_certificate_must_belong_together() {
    let (one, two) = (Bench::new(), Bench::new());
    std::fs::copy(two.path("ca.crt"), one.path("ca.crt")).unwrap();
    let error = CertificateAuthority::load(one.directory.path()).err().unwrap();
    assert!(error.to_string().contains("not the certificate of ca.key"), "{error}");
    std::fs::write(one.path("ca.key"), "garbage").unwrap();
    assert!(matches!(
        CertificateAuthority::load(one.directory.path()).err(),
        Some(TrustError::File { .. })
    ));
}

#[test]
fn a_client_certificate_says_what_was_decided_here() {
    let bench = Bench::new();
    let (issued, _) = bench.client("web-01.example.org", 90, NOW);
    let leaf = der(&issued.certificate_pem);
    let (_, leaf) = X509Certificate::from_der(&leaf).unwrap();
    let names = leaf.subject_alternative_name().unwrap().unwrap();
    assert_eq!(names.value.general_names, [GeneralName::DNSName("web-01.example.org")]);
    assert!(!leaf.is_ca());
    let usage = leaf.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth && !usage.any);
    assert_eq!(leaf.validity().not_before.timestamp(), NOW.plus(-300).0);
    assert_eq!(leaf.validity().not_after.timestamp(), issued.not_after.0);
    assert_eq!(issued.not_after, NOW.plus(90 * DAY));
    assert_eq!(leaf.raw_serial().len(), 16, "128 bits");
    assert!(leaf.raw_serial()[0] < 0x80, "positive");
    assert_eq!(hex::encode(leaf.raw_serial()), issued.serial_hex);
    let has = |oid| leaf.extensions().iter().any(|e| e.oid == oid);
    assert!(has(x509_parser::oid_registry::OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER));
    let (again, _) = bench.client("web-01.example.org", 90, NOW);
    assert_ne!(again.serial_hex, issued.serial_hex);
}

#[test]
fn lives_are_counted_in_days_and_end_with_the_ca() {
    let bench = Bench::new();
    let csr = NewRequest::make().unwrap().csr_pem;
    let host = Identity::parse("web-01.example.org").unwrap();
    let issue = |days, now| bench.ca.issue_client(&host, &csr, days, now);
    for days in [0, 3651] {
        assert!(matches!(issue(days, NOW).err(), Some(TrustError::Parameter(_))), "{days}");
    }
    let late = NOW.plus(3600 * DAY);
    assert_eq!(issue(90, late).unwrap().not_after, bench.ca.not_after());
    let after = NOW.plus(3650 * DAY);
    assert!(matches!(issue(90, after).err(), Some(TrustError::CaEnded(_))));
}

#[test]
fn a_long_identity_is_issued_without_common_name() {
    let bench = Bench::new();
    let long = format!("{}.example.org", ["a"; 60].join("."));
    let (issued, _) = bench.client(&long, 90, NOW);
    let chain = [der(&issued.certificate_pem)];
    assert_eq!(X509Certificate::from_der(&chain[0]).unwrap().1.subject().iter().count(), 0);
    let standing = bench.load(NOW).current().judge(&chain, NOW).unwrap();
    assert_eq!(standing.identity().as_str(), long);
}

#[test]
fn a_request_must_be_signed_by_its_own_key() {
    let bench = Bench::new();
    let host = Identity::parse("web-01.example.org").unwrap();
    let issue = |csr: &str| bench.ca.issue_client(&host, csr, 90, NOW);
    let good = NewRequest::make().unwrap().csr_pem;
    assert!(issue(&good).is_ok());
    for bad in ["", "garbage", &good[..good.len() / 2], bench.ca.certificate_pem()] {
        assert!(matches!(issue(bad).err(), Some(TrustError::Request(_))));
    }
    assert!(matches!(issue(&"x".repeat(20_000)).err(), Some(TrustError::Request(_))));

    let decoded = rustls::pki_types::CertificateSigningRequestDer::from_pem_slice(good.as_bytes());
    let decoded = decoded.unwrap();
    for byte in 0..decoded.len() {
        let mut bytes = decoded.to_vec();
        bytes[byte] ^= 1;
        let body = base64_of(&bytes);
        let pem = format!(
            "-----BEGIN CERTIFICATE REQUEST-----\n{body}\n-----END CERTIFICATE REQUEST-----\n"
        );
        assert!(matches!(issue(&pem).err(), Some(TrustError::Request(_))), "byte {byte}");
    }
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn requests_with_other_good_keys_are_honoured() {
    let bench = Bench::new();
    let state = bench.load(NOW).current();
    for algorithm in [
        &rcgen::PKCS_ED25519,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ECDSA_P521_SHA512,
        &rcgen::PKCS_RSA_SHA256,
    ] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let csr = CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
        let host = Identity::parse("web-01.example.org").unwrap();
        let issued = bench.ca.issue_client(&host, &csr, 90, NOW).unwrap();
        let judged = state.judge(&[der(&issued.certificate_pem)], NOW);
        assert!(judged.is_ok(), "{algorithm:?}: {judged:?}");
    }
}

#[test]
fn a_server_certificate_names_hosts_and_addresses() {
    let bench = Bench::new();
    let names = ["repo.example.org", "10.0.0.7", "2001:db8::7"].map(str::to_owned);
    let issued = bench.ca.issue_server(&names, &ServerKey::New, 90, NOW).unwrap();
    issued.write(bench.directory.path()).unwrap();
    assert_eq!(mode(&bench.path("server.key")), 0o600);
    assert_eq!(mode(&bench.path("server.crt")), 0o644);
    let loaded = load_server(bench.directory.path()).unwrap();
    assert_eq!(loaded.not_after, NOW.plus(90 * DAY));
    let (_, leaf) = X509Certificate::from_der(&loaded.chain[0]).unwrap();
    let names = &leaf.subject_alternative_name().unwrap().unwrap().value.general_names;
    assert_eq!(names[0], GeneralName::DNSName("repo.example.org"));
    assert_eq!(names[1], GeneralName::IPAddress(&[10, 0, 0, 7]));
    assert!(matches!(names[2], GeneralName::IPAddress(bytes) if bytes.len() == 16));
    assert!(leaf.extended_key_usage().unwrap().unwrap().value.server_auth);
    let state = bench.load(NOW).current();
    assert_eq!(refused(state.judge(&loaded.chain, NOW)), Refusal::NotForClients);

    let key = issued.key_pem.as_ref().unwrap().to_string();
    let names = ["repo.example.org".to_owned()];
    let kept = bench.ca.issue_server(&names, &ServerKey::Existing(&key), 90, NOW).unwrap();
    assert!(kept.key_pem.is_none());
    kept.write(bench.directory.path()).unwrap();
    assert!(load_server(bench.directory.path()).is_ok(), "the old key fits the new certificate");
}

#[test]
fn a_server_certificate_needs_good_names() {
    let bench = Bench::new();
    for bad in [vec![], vec!["*.example.org"], vec!["Repo.example.org"], vec!["a b"]] {
        let names: Vec<_> = bad.iter().map(|name| (*name).to_owned()).collect();
        let issued = bench.ca.issue_server(&names, &ServerKey::New, 90, NOW);
        assert!(matches!(issued.err(), Some(TrustError::Parameter(_))), "{bad:?}");
    }
}

#[test]
fn a_server_key_must_fit_and_be_private() {
    let bench = Bench::new();
    let names = ["repo.example.org".to_owned()];
    let issue = || bench.ca.issue_server(&names, &ServerKey::New, 90, NOW).unwrap();
    issue().write(bench.directory.path()).unwrap();
    std::fs::write(bench.path("server.crt"), issue().certificate_pem).unwrap();
    let error = load_server(bench.directory.path()).err().unwrap();
    assert!(error.to_string().contains("not the key of the certificate"), "{error}");
    issue().write(bench.directory.path()).unwrap();
    set_mode(&bench.path("server.key"), 0o640);
    assert!(load_server(bench.directory.path()).is_ok(), "a group may read it");
    set_mode(&bench.path("server.key"), 0o644);
    let exposed = load_server(bench.directory.path()).err();
    assert!(matches!(exposed, Some(TrustError::KeyExposed { .. })));
}

#[test]
fn a_renewed_ca_still_vouches_for_what_it_issued() {
    let mut bench = Bench::new();
    let (chain, serial) = bench.chain("web-01.example.org");
    let trust = bench.load(NOW);
    let before = trust.current();
    let old_end = bench.ca.not_after();
    let later = NOW.plus(30 * DAY);
    bench.ca.renew(later).unwrap();
    assert!(bench.ca.not_after() > old_end);
    assert_eq!(mode(&bench.path("ca.key")), 0o600);
    bench.revoke(&[], later, DAY);
    assert!(trust.reload(later).unwrap());
    let after = trust.current();
    assert!(after.epoch() > before.epoch());
    let standing = after.judge(&chain, later).unwrap();
    assert!(standing.is_of(&after) && !standing.is_of(&before));
    bench.revoke(&[&serial], later, DAY);
    assert!(trust.reload(later).unwrap());
    assert_eq!(standing.check(&trust.current(), later), Err(Refusal::Revoked { at: NOW }));
}
