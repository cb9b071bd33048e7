//! One row for each kind of certificate, and how its holder is answered.

use proptest::prelude::*;

use super::*;

#[test]
fn a_good_certificate_names_its_identity() {
    let bench = Bench::new();
    let (chain, serial) = bench.chain("web-01.example.org");
    let state = bench.load(NOW).current();
    let standing = state.judge(&chain, NOW).unwrap();
    assert_eq!(standing.identity().as_str(), "web-01.example.org");
    assert_eq!(standing.serial().unwrap().to_string(), serial);
    assert_eq!(standing.links().len(), 1);
    assert_eq!(standing.not_after(), NOW.plus(90 * DAY));
    assert_eq!(state.gate(NOW), Ok(NOW.plus(7 * DAY)));
}

/// A moment as rcgen wants it; its type belongs to a crate that is not a dependency of this one.
macro_rules! at {
    ($seconds:expr) => {
        written(NOW.plus($seconds)).unwrap().to_datetime()
    };
}

type Alter = fn(&mut CertificateParams);

fn expired(params: &mut CertificateParams) {
    (params.not_before, params.not_after) = (at!(-9 * DAY), at!(-DAY));
}

/// What is changed in a valid certificate, and the code of the refusal (or "ok").
const ROWS: &[(&str, Alter, &str)] = &[
    ("good", |_| {}, "ok"),
    ("expired", expired, "certificate_expired"),
    ("not yet valid", |p| p.not_before = at!(DAY), "certificate_not_yet_valid"),
    ("server usage", |p| p.extended_key_usages = vec![ServerAuth], "not_for_clients"),
    ("both usages", |p| p.extended_key_usages = vec![ServerAuth, ClientAuth], "ok"),
    ("any usage", |p| p.extended_key_usages = vec![Any], "not_for_clients"),
    ("no usage", |p| p.extended_key_usages.clear(), "not_for_clients"),
    ("a CA", |p| p.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained), "not_for_clients"),
    ("CN only", |p| p.subject_alt_names.clear(), "no_identity"),
    ("no CN", |p| p.distinguished_name = DistinguishedName::new(), "ok"),
    ("another CN", |p| p.distinguished_name = named("root.example.org"), "ok"),
    ("wildcard", |p| p.subject_alt_names = vec![dns("*.example.org")], "no_identity"),
    ("two names", |p| p.subject_alt_names.push(dns("web-02.example.org")), "no_identity"),
    ("one name twice", |p| p.subject_alt_names.push(dns("web-01.example.org")), "no_identity"),
    ("upper case", |p| p.subject_alt_names = vec![dns("Web-01.example.org")], "no_identity"),
    ("NUL", |p| p.subject_alt_names = vec![dns("web-01.example.org\0.evil")], "no_identity"),
    ("trailing dot", |p| p.subject_alt_names = vec![dns("web-01.example.org.")], "no_identity"),
    ("comma", |p| p.subject_alt_names = vec![dns("a,DNS:b")], "no_identity"),
    ("empty name", |p| p.subject_alt_names = vec![dns("")], "no_identity"),
    ("address as name", |p| p.subject_alt_names = vec![dns("10.0.0.1")], "no_identity"),
    ("address", |p| p.subject_alt_names = vec![address()], "no_identity"),
    ("name and address", |p| p.subject_alt_names.push(address()), "no_identity"),
    ("URI", |p| p.subject_alt_names = vec![SanType::URI(ia5("spiffe://a/b"))], "no_identity"),
    ("e-mail", |p| p.subject_alt_names.push(SanType::Rfc822Name(ia5("a@b"))), "no_identity"),
    ("critical extension", |p| p.custom_extensions.push(critical()), "malformed_certificate"),
];

use ExtendedKeyUsagePurpose::{Any, ClientAuth, ServerAuth};

fn address() -> SanType {
    SanType::IpAddress("10.0.0.1".parse().unwrap())
}

fn ia5(text: &str) -> rcgen::string::Ia5String {
    text.try_into().unwrap()
}

fn critical() -> rcgen::CustomExtension {
    let mut extension =
        rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 1], vec![5, 0]);
    extension.set_criticality(true);
    extension
}

#[test]
fn each_kind_of_certificate_gets_its_answer() {
    let bench = Bench::new();
    let state = bench.load(NOW).current();
    for (what, alter, expected) in ROWS {
        let outcome = state.judge(&bench.odd(alter), NOW);
        let code = outcome.as_ref().map_or_else(Refusal::code, |_| "ok");
        assert_eq!(code, *expected, "{what}: {outcome:?}");
    }
}

#[test]
fn the_answer_about_names_tells_which_fault_it_is() {
    let bench = Bench::new();
    let state = bench.load(NOW).current();
    let fault = |alter: Alter| refused(state.judge(&bench.odd(alter), NOW));
    let expected: &[(Alter, NameFault)] = &[
        (|p| p.subject_alt_names.clear(), NameFault::CommonNameOnly),
        (|p| p.subject_alt_names = vec![dns("*.a")], NameFault::Wildcard),
        (|p| p.subject_alt_names = vec![dns("A")], NameFault::NotCanonical),
        (|p| p.subject_alt_names.push(dns("b")), NameFault::Several),
        (|p| p.subject_alt_names = vec![address()], NameFault::OtherKind),
    ];
    for (alter, name_fault) in expected {
        assert_eq!(fault(*alter), Refusal::NoIdentity(*name_fault));
    }
}

#[test]
fn strangers_and_the_self_signed_are_turned_away() {
    let bench = Bench::new();
    let state = bench.load(NOW).current();
    assert_eq!(refused(state.judge(&[], NOW)), Refusal::NoCertificate);
    let other = Bench::new();
    let (chain, _) = other.chain("web-01.example.org");
    assert_eq!(refused(state.judge(&chain, NOW)), Refusal::UnknownIssuer);

    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![dns("web-01.example.org")];
    params.extended_key_usages = vec![ClientAuth];
    let own = params.self_signed(&key).unwrap().der().clone();
    assert_eq!(refused(state.judge(&[own], NOW)), Refusal::UnknownIssuer);

    let anchor = vec![der(bench.ca.certificate_pem())];
    assert_eq!(refused(state.judge(&anchor, NOW)), Refusal::NotForClients);
}

#[test]
fn another_key_under_the_name_of_our_ca_is_another_ca() {
    let bench = Bench::new();
    let state = bench.load(NOW).current();
    let (_, parsed) = {
        let pem = der(bench.ca.certificate_pem());
        let leaked: &'static [u8] = Box::leak(pem.to_vec().into_boxed_slice());
        x509_parser::parse_x509_certificate(leaked).unwrap()
    };
    let name = parsed.subject().iter_common_name().next().unwrap().as_str().unwrap();
    let (imposter, _) = other_ca(name, None);
    let forged = sign_client(&imposter, &KeyPair::generate().unwrap(), |_| {});
    assert_eq!(refused(state.judge(&[forged], NOW)), Refusal::UnknownIssuer);
}

#[test]
fn chains_have_limits() {
    let bench = Bench::new();
    let state = bench.load(NOW).current();
    let (mut chain, _) = bench.chain("web-01.example.org");
    let filler = der(bench.ca.certificate_pem());
    chain.extend([filler.clone(), filler.clone(), filler.clone()]);
    assert!(state.judge(&chain, NOW).is_ok(), "four certificates are few enough");
    chain.push(filler);
    assert_eq!(refused(state.judge(&chain, NOW)).code(), "malformed_certificate");
    let (leaf, _) = bench.chain("web-01.example.org");
    let room = 16 * 1024 - leaf[0].len();
    let with = |bytes: usize| vec![leaf[0].clone(), CertificateDer::from(vec![0x30; bytes])];
    let tight = state.judge(&with(room), NOW);
    assert!(tight.is_ok(), "{tight:?}");
    assert_eq!(refused(state.judge(&with(room + 1), NOW)).code(), "malformed_certificate");
}

#[test]
fn the_second_look_sees_time_pass() {
    let bench = Bench::new();
    let (issued, _) = bench.client("web-01.example.org", 1, NOW);
    let chain = vec![der(&issued.certificate_pem)];
    let state = bench.load(NOW).current();
    let standing = state.judge(&chain, NOW).unwrap();
    assert_eq!(standing.check(&state, NOW.plus(DAY)), Ok(()), "notAfter itself is still valid");
    let at = NOW.plus(DAY);
    assert_eq!(standing.check(&state, at.plus(1)), Err(Refusal::Expired { at }));
    assert_eq!(refused(state.judge(&chain, at.plus(1))), Refusal::Expired { at });
    let since = NOW.plus(7 * DAY);
    assert_eq!(standing.check(&state, since), Err(Refusal::CrlStale { since }));
    assert_eq!(standing.check(&state, NOW.plus(-61)), Err(Refusal::ClockBehind));
    assert_eq!(standing.check(&state, NOW.plus(-60)), Ok(()));
}

#[test]
fn a_ca_that_has_ended_vouches_for_nobody() {
    let bench = Bench::new();
    let later = NOW.plus(3651 * DAY);
    let outliving = bench.odd(|p| p.not_after = written(later.plus(DAY)).unwrap().to_datetime());
    bench.revoke(&[], later, DAY);
    let state = bench.load(later).current();
    let at = bench.ca.not_after();
    assert_eq!(refused(state.judge(&outliving, later)), Refusal::CaExpired { at });
}

#[test]
fn an_intermediate_needs_a_list_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        std::fs::write(directory.path().join(name), text).unwrap();
    };
    let (root, root_pem) = other_ca("root", None);
    let (middle, middle_pem) = other_ca("middle", Some(&root));
    let leaf = sign_client(&middle, &KeyPair::generate().unwrap(), |_| {});
    let chain = [leaf.clone(), der(&middle_pem)];
    let load = || Trust::load(TrustFiles::of_directory(directory.path()), NOW).unwrap().current();

    write("ca.crt", &root_pem);
    write("crl.pem", &list_of(&root, 1, &[], NOW));
    assert_eq!(refused(load().judge(&chain, NOW)), Refusal::IssuerUncovered);
    assert_eq!(refused(load().judge(&[leaf], NOW)), Refusal::UnknownIssuer);

    write("ca.crt", &format!("{root_pem}{middle_pem}"));
    let state = load();
    assert_eq!(refused(state.judge(&chain, NOW)), Refusal::CrlMissing, "one list of two");

    let middle_list = list_of(&middle, 1, &[], NOW);
    write("crl.pem", &format!("{}{middle_list}", list_of(&root, 2, &[], NOW)));
    let standing = load().judge(&chain, NOW).unwrap();
    assert_eq!(standing.links().len(), 2);

    let trust = Trust::load(TrustFiles::of_directory(directory.path()), NOW).unwrap();
    write("crl.pem", &list_of(&root, 3, &[], NOW));
    let error = trust.reload(NOW).unwrap_err();
    assert!(matches!(error, TrustError::Crl(CrlFault::Missing(_))), "{error}");
    assert!(trust.current().judge(&chain, NOW).is_ok(), "the two old lists are still in force");

    write("crl.pem", &format!("{}{middle_list}", list_of(&root, 3, &[0xca], NOW)));
    assert_eq!(refused(load().judge(&chain, NOW)), Refusal::IssuerRevoked { at: NOW });
}

#[test]
fn every_reason_fits_a_status_line() {
    let at = NOW;
    let all = [
        Refusal::NoCertificate,
        Refusal::Malformed("it has a critical extension that is not understood"),
        Refusal::UnknownIssuer,
        Refusal::IssuerUncovered,
        Refusal::Expired { at },
        Refusal::NotYetValid { from: at },
        Refusal::Revoked { at },
        Refusal::IssuerRevoked { at },
        Refusal::NotForClients,
        Refusal::NoIdentity(NameFault::CommonNameOnly),
        Refusal::NoIdentity(NameFault::Wildcard),
        Refusal::NoIdentity(NameFault::NotCanonical),
        Refusal::NoIdentity(NameFault::Several),
        Refusal::NoIdentity(NameFault::OtherKind),
        Refusal::WeakKey(KeyFault::ShortRsa),
        Refusal::WeakKey(KeyFault::UnknownKind),
        Refusal::WeakKey(KeyFault::Signature),
        Refusal::CaExpired { at },
        Refusal::CrlStale { since: at },
        Refusal::CrlMissing,
        Refusal::CrlRefused("damaged, or of a kind that is not understood"),
        Refusal::ClockBehind,
    ];
    let codes: std::collections::BTreeSet<_> = all.iter().map(Refusal::code).collect();
    assert_eq!(codes, Refusal::CODES.into_iter().collect());
    for refusal in all {
        let text = refusal.to_string();
        assert!(text.len() <= 120, "{} is too long: {text}", text.len());
        assert!(text.chars().all(|c| (' '..='~').contains(&c)), "{text}");
        assert!(text.chars().next().unwrap().is_ascii_lowercase() || text.starts_with("RSA"));
    }
}

#[test]
fn no_altered_bit_of_a_certificate_goes_unnoticed() {
    let bench = Bench::new();
    let (chain, _) = bench.chain("web-01.example.org");
    let state = bench.load(NOW).current();
    for bit in 0..chain[0].len() * 8 {
        let mut bytes = chain[0].to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(state.judge(&[bytes.into()], NOW).is_err(), "bit {bit}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_a_judge_panic(garbage in prop::collection::vec(any::<u8>(), 0..400)) {
        static BENCH: std::sync::OnceLock<(Bench, std::sync::Arc<TrustState>)> =
            std::sync::OnceLock::new();
        let (_, state) = BENCH.get_or_init(|| {
            let bench = Bench::new();
            let state = bench.load(NOW).current();
            (bench, state)
        });
        prop_assert!(state.judge(&[garbage.into()], NOW).is_err());
    }
}

/// For the log of refusals: who was refused, as far as a trusted CA says so.
#[test]
fn who_is_refused_is_named_when_a_trusted_ca_once_vouched_for_the_name() {
    let bench = Bench::new();
    let (chain, serial) = bench.chain("web.example.org");
    bench.revoke(&[&serial], NOW, 400 * DAY);
    let trust = bench.load(NOW);
    let named = |chain: &[CertificateDer<'static>], now| {
        let peer = Peer::new(chain.to_vec());
        assert!(peer.standing(&trust, now).is_err());
        peer.proven(&trust, now).map(|(name, serial)| (name.to_string(), serial.to_string()))
    };
    let web = Some(("web.example.org".to_owned(), serial.clone()));
    assert_eq!(named(&chain, NOW.plus(60)), web, "revoked");
    assert_eq!(named(&chain, NOW.plus(100 * DAY)), web, "revoked and expired");
    let (late, late_serial) = bench.chain("db.example.org");
    let later = NOW.plus(91 * DAY);
    assert_eq!(named(&late, later), Some(("db.example.org".to_owned(), late_serial)), "expired");
    assert_eq!(named(&[], NOW), None);
    let (stranger, _) = Bench::new().chain("web.example.org");
    assert_eq!(named(&stranger, NOW.plus(60)), None, "another CA's word is no proof");
}
