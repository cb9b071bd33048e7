//! Revocation lists: what is accepted, what is refused, and what a refusal leaves in place.

use rcgen::SigningKey;

use super::*;

/// Puts one element into DER.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    match length {
        0..0x80 => out.push(length as u8),
        0x80..0x100 => out.extend([0x81, length as u8]),
        _ => out.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    out.extend(content);
    out
}

/// A list put together by hand, for what rcgen does not make.
struct Raw {
    next_update: bool,
    extensions: Vec<Vec<u8>>,
    entries: Vec<u8>,
}

fn extension(id: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { tlv(1, &[0xff]) } else { vec![] };
    tlv(0x30, &[tlv(6, id), critical, tlv(4, value)].concat())
}

fn number() -> Vec<u8> {
    extension(&[0x55, 0x1d, 20], false, &[2, 1, 9])
}

impl Raw {
    fn sign(&self, issuer: &Issuer<'_, KeyPair>, subject: &[u8]) -> Vec<u8> {
        let algorithm = tlv(0x30, &tlv(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]));
        let this_update = tlv(0x17, b"261123000000Z");
        let next = if self.next_update { tlv(0x17, b"261130000000Z") } else { vec![] };
        let extensions = tlv(0xa0, &tlv(0x30, &self.extensions.concat()));
        let parts = [tlv(2, &[1]), algorithm.clone(), tlv(0x30, subject), this_update, next];
        let body = tlv(0x30, &[parts.concat(), self.entries.clone(), extensions].concat());
        let signature = issuer.key().sign(&body).unwrap();
        tlv(0x30, &[body, algorithm, tlv(3, &[vec![0], signature].concat())].concat())
    }
}

/// Loads trust with these bytes in place of the list, and returns why it is refused.
fn fault_of(bench: &Bench, list: impl AsRef<[u8]>, now: Moment) -> Option<CrlFault> {
    std::fs::write(bench.path("crl.pem"), list).unwrap();
    let state = bench.load(now).current();
    match state.crl_fault() {
        None => None,
        Some(TrustError::Crl(fault)) => {
            assert!(state.gate(now).is_err(), "closed while the list is refused");
            Some(fault.clone())
        }
        Some(other) => panic!("{other}"),
    }
}

#[test]
fn a_list_in_der_is_as_good_as_in_pem() {
    let bench = Bench::new();
    let params = list_params(NOW.0 as u64, &[0x5eed], NOW);
    let list = params.signed_by(&bench.ca.issuer).unwrap();
    assert_eq!(fault_of(&bench, list.der(), NOW), None);
    let state = bench.load(NOW).current();
    let crl = state.crls().next().unwrap();
    assert_eq!((crl.len(), crl.is_empty()), (1, false));
    assert_eq!(refused(state.judge(&bench.odd(|_| {}), NOW)), Refusal::Revoked { at: NOW });
}

#[test]
fn nothing_is_served_without_a_whole_list() {
    let bench = Bench::new();
    let good = std::fs::read_to_string(bench.path("crl.pem")).unwrap();
    let (chain, _) = bench.chain("web-01.example.org");
    assert_eq!(fault_of(&bench, "", NOW), Some(CrlFault::Empty));
    assert_eq!(refused(bench.load(NOW).current().judge(&chain, NOW)), Refusal::CrlMissing);
    assert_eq!(fault_of(&bench, "garbage\n", NOW), Some(CrlFault::Empty));
    assert_eq!(fault_of(&bench, bench.ca.certificate_pem(), NOW), Some(CrlFault::Empty));
    for cut in (1..good.len() - 1).step_by(7) {
        assert!(fault_of(&bench, &good[..cut], NOW).is_some(), "cut after {cut} bytes");
    }
    assert!(matches!(fault_of(&bench, [0x30, 0x03, 1], NOW), Some(CrlFault::Malformed(_))));
    std::fs::remove_file(bench.path("crl.pem")).unwrap();
    let state = bench.load(NOW).current();
    assert!(matches!(state.crl_fault(), Some(TrustError::Io { .. })));
    let error = bench.load(NOW).reload(NOW).unwrap_err();
    assert_eq!(error.to_string(), state.crl_fault().unwrap().to_string());
    // It is reported and kept, with the same error number of the system in both.
    let TrustError::Io { source, .. } = error else { panic!("{error}") };
    assert_eq!(source.raw_os_error(), Some(rustix::io::Errno::NOENT.raw_os_error()));
    assert_eq!(refused(state.judge(&chain, NOW)), Refusal::CrlMissing);
    assert_eq!(fault_of(&bench, &good, NOW), None, "and the whole one opens it again");
}

#[test]
fn lists_of_others_and_forged_ones_are_refused() {
    let bench = Bench::new();
    let (stranger, _) = other_ca("stranger", None);
    let foreign = list_of(&stranger, 1, &[], NOW);
    assert_eq!(fault_of(&bench, &foreign, NOW), Some(CrlFault::OtherIssuer));

    let good = std::fs::read_to_string(bench.path("ca.crt")).unwrap();
    let certificate = der(&good);
    let (_, parsed) = x509_parser::parse_x509_certificate(&certificate).unwrap();
    let name = parsed.subject().iter_common_name().next().unwrap().as_str().unwrap();
    let (imposter, _) = other_ca(name, None);
    let forged = list_of(&imposter, u64::MAX, &[], NOW);
    assert!(matches!(fault_of(&bench, &forged, NOW), Some(CrlFault::Forged(_))));

    let own = list_of(&bench.ca.issuer, NOW.0 as u64, &[], NOW);
    assert_eq!(fault_of(&bench, format!("{own}{own}"), NOW), None);
    std::fs::write(bench.path("crl.pem"), format!("{own}{foreign}")).unwrap();
    let state = bench.load(NOW).current();
    // Beside a good one it is told, and is no trouble.
    assert!(state.troubles().is_empty(), "{:?}", state.troubles());
    assert_eq!(state.other_lists(), 1);
    assert!(state.gate(NOW).is_ok());
    // In place of a good one it is what is wrong.
    std::fs::write(bench.path("crl.pem"), &foreign).unwrap();
    let state = bench.load(NOW).current();
    let fault = state.crl_fault().map(ToString::to_string).unwrap();
    assert!(fault.contains("none of the configured CAs"), "{fault}");
    assert_eq!((state.troubles().len(), state.other_lists()), (2, 0));
}

#[test]
fn lists_out_of_time_are_refused() {
    let bench = Bench::new();
    let (chain, _) = bench.chain("web-01.example.org");
    let list = |at| list_of(&bench.ca.issuer, NOW.0 as u64, &[], at);
    let future = NOW.plus(61);
    assert_eq!(fault_of(&bench, list(future), NOW), Some(CrlFault::FromFuture(future)));
    assert_eq!(refused(bench.load(NOW).current().judge(&chain, NOW)), Refusal::ClockBehind);
    assert_eq!(fault_of(&bench, list(NOW.plus(60)), NOW), None, "a minute of skew is allowed");
    let since = NOW;
    assert_eq!(fault_of(&bench, list(NOW.plus(-DAY)), NOW), Some(CrlFault::Stale(since)));
    let refusal = refused(bench.load(NOW).current().judge(&chain, NOW));
    assert_eq!(refusal, Refusal::CrlStale { since });
    assert!(refusal.is_server_fault());
    assert_eq!(fault_of(&bench, list(NOW.plus(1 - DAY)), NOW), None, "one second left");
}

#[test]
fn lists_with_odd_features_are_refused() {
    let bench = Bench::new();
    std::fs::remove_file(bench.path("crl.floor")).ok();
    let certificate = der(bench.ca.certificate_pem());
    let anchor = webpki::anchor_from_trusted_cert(&certificate).unwrap();
    let raw = |next_update, extensions: &[Vec<u8>], entries: Vec<u8>| {
        let raw = Raw { next_update, extensions: extensions.to_vec(), entries };
        fault_of(&bench, raw.sign(&bench.ca.issuer, &anchor.subject), NOW)
    };
    let entry = |extensions: Vec<u8>| {
        let date = tlv(0x17, b"261120000000Z");
        tlv(0x30, &tlv(0x30, &[tlv(2, &[0x5e]), date, extensions].concat()))
    };
    assert_eq!(raw(true, &[number()], vec![]), None, "the hand-made list is sound");
    assert_eq!(raw(true, &[number()], entry(vec![])), None);
    let malformed = |fault| matches!(fault, Some(CrlFault::Malformed(_)));
    assert!(malformed(raw(false, &[number()], vec![])), "no nextUpdate");
    let key_id = extension(&[0x55, 0x1d, 35], false, &[0x30, 0]);
    assert_eq!(raw(true, &[key_id], vec![]), Some(CrlFault::Unnumbered));
    assert!(malformed(raw(true, &[number(), number()], vec![])), "two numbers");
    let unknown = extension(&[0x2a, 3, 4], true, &[5, 0]);
    assert!(malformed(raw(true, &[number(), unknown.clone()], vec![])), "unknown and critical");
    let harmless = extension(&[0x2a, 3, 4], false, &[5, 0]);
    assert_eq!(raw(true, &[number(), harmless], vec![]), None);
    let delta = extension(&[0x55, 0x1d, 27], true, &[2, 1, 1]);
    assert_eq!(raw(true, &[number(), delta], vec![]), Some(CrlFault::Partial));
    let indirect = extension(&[0x55, 0x1d, 28], true, &[0x30, 3, 0x84, 1, 0xff]);
    assert_eq!(raw(true, &[number(), indirect], vec![]), Some(CrlFault::Partial));
    let odd = entry(tlv(0x30, &unknown));
    assert!(malformed(raw(true, &[number()], odd)), "unknown and critical in an entry");
    assert!(malformed(raw(true, &[number()], tlv(0x30, &[0x30, 9, 1]))), "a damaged entry");

    let mut scoped = list_params(NOW.0 as u64, &[], NOW);
    scoped.issuing_distribution_point = Some(rcgen::CrlIssuingDistributionPoint {
        distribution_point: rcgen::CrlDistributionPoint { uris: vec!["http://a/".into()] },
        scope: Some(rcgen::CrlScope::UserCertsOnly),
    });
    let scoped = scoped.signed_by(&bench.ca.issuer).unwrap();
    assert_eq!(fault_of(&bench, scoped.der(), NOW), Some(CrlFault::Partial));
}

#[test]
fn no_altered_bit_of_a_list_goes_unnoticed() {
    let bench = Bench::new();
    let list = list_params(NOW.0 as u64, &[7], NOW).signed_by(&bench.ca.issuer).unwrap();
    let pem = std::fs::read(bench.path("ca.crt")).unwrap();
    let path = bench.path("ca.crt");
    let accept = |bytes: Vec<u8>| {
        let own = super::super::ca::own_authority(&path, &pem).unwrap();
        crl::read_own(&bytes, own, NOW).is_ok()
    };
    assert!(accept(list.der().to_vec()));
    for bit in 0..list.der().len() * 8 {
        let mut bytes = list.der().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(!accept(bytes), "bit {bit}");
    }
}

#[test]
fn revocation_reaches_an_open_connection() {
    let bench = Bench::new();
    let (chain, serial) = bench.chain("web-01.example.org");
    let (others, _) = bench.chain("web-02.example.org");
    let trust = bench.load(NOW);
    let (peer, other) = (Peer::new(chain), Peer::new(others));
    let first = peer.standing(&trust, NOW).unwrap();
    let again = peer.standing(&trust, NOW).unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &again), "judged once per epoch");
    bench.revoke(&[&serial.to_uppercase()], NOW, DAY);
    assert!(peer.standing(&trust, NOW).is_ok(), "not before the reload");
    assert!(trust.reload(NOW).unwrap());
    assert_eq!(peer.standing(&trust, NOW).unwrap_err(), Refusal::Revoked { at: NOW });
    assert!(other.standing(&trust, NOW).is_ok());
    let none = Peer::new(vec![]);
    assert_eq!(none.standing(&trust, NOW).unwrap_err(), Refusal::NoCertificate);
}

#[test]
fn a_bad_reload_leaves_the_old_state_until_it_runs_out() {
    let bench = Bench::new();
    let (chain, _) = bench.chain("web-01.example.org");
    let trust = bench.load(NOW);
    let peer = Peer::new(chain);
    let good = std::fs::read(bench.path("crl.pem")).unwrap();
    assert!(!trust.reload(NOW).unwrap(), "nothing changed, no new epoch");
    assert_eq!(trust.current().epoch(), 1);
    for bad in [&b""[..], b"garbage", &good[..good.len() / 2]] {
        std::fs::write(bench.path("crl.pem"), bad).unwrap();
        assert!(trust.reload(NOW).is_err());
        assert!(peer.standing(&trust, NOW).is_ok());
    }
    std::fs::write(bench.path("ca.crt"), "").unwrap();
    assert!(trust.reload(NOW).is_err());
    assert_eq!(trust.current().epoch(), 1);
    let since = NOW.plus(7 * DAY);
    assert!(peer.standing(&trust, since.plus(-1)).is_ok());
    assert_eq!(peer.standing(&trust, since).unwrap_err(), Refusal::CrlStale { since });
}

#[test]
fn an_older_list_is_refused_even_after_a_restart() {
    let bench = Bench::new();
    let (chain, serial) = bench.chain("web-01.example.org");
    let old = std::fs::read(bench.path("crl.pem")).unwrap();
    let trust = bench.load(NOW);
    bench.revoke(&[&serial], NOW, DAY);
    assert!(trust.reload(NOW).unwrap());
    std::fs::write(bench.path("crl.pem"), &old).unwrap();
    let error = trust.reload(NOW).unwrap_err();
    assert!(matches!(error, TrustError::Crl(CrlFault::Older { .. })), "{error}");
    let restarted = bench.load(NOW).current();
    assert!(matches!(restarted.crl_fault(), Some(TrustError::Crl(CrlFault::Older { .. }))));
    let refusal = Refusal::CrlRefused("older than one seen before");
    assert_eq!(refused(restarted.judge(&chain, NOW)), refusal);
    std::fs::write(bench.path("crl.floor"), "garbage").unwrap();
    assert!(matches!(Trust::load(bench.files(), NOW).err(), Some(TrustError::File { .. })));
}

#[test]
fn a_server_that_started_closed_opens_on_a_good_list() {
    let bench = Bench::new();
    let (chain, _) = bench.chain("web-01.example.org");
    let good = std::fs::read(bench.path("crl.pem")).unwrap();
    std::fs::write(bench.path("crl.pem"), "").unwrap();
    let trust = bench.load(NOW);
    let peer = Peer::new(chain);
    assert_eq!(peer.standing(&trust, NOW).unwrap_err(), Refusal::CrlMissing);
    std::fs::write(bench.path("crl.pem"), good).unwrap();
    assert!(trust.reload(NOW).unwrap());
    assert!(peer.standing(&trust, NOW).is_ok());
}

#[test]
fn numbers_rise_whatever_was_lost() {
    let bench = Bench::new();
    let published = || {
        let state = bench.load(NOW).current();
        assert!(state.crl_fault().is_none(), "{:?}", state.crl_fault().map(ToString::to_string));
        state.crls().next().unwrap().number().to_u64().unwrap()
    };
    let mut last = published();
    for lost in ["", "crl.number", "crl.pem", "both"] {
        if lost == "both" {
            std::fs::remove_file(bench.path("crl.number")).unwrap();
            std::fs::remove_file(bench.path("crl.pem")).unwrap();
        } else if !lost.is_empty() {
            std::fs::remove_file(bench.path(lost)).unwrap();
        }
        let now = if lost == "both" { NOW.plus(60) } else { NOW };
        bench.revoke(&[], now, DAY);
        let number = published();
        assert!(number > last, "{lost}: {number} after {last}");
        last = number;
    }
    std::fs::write(bench.path("crl.number"), "garbage").unwrap();
    assert!(bench.ca.publish_crl(&[], NOW, DAY).is_err());
}

#[test]
fn a_bad_revocation_publishes_nothing() {
    let bench = Bench::new();
    let before = std::fs::read(bench.path("crl.pem")).unwrap();
    for bad in ["", "0", "00", "no", &"1".repeat(41)] {
        let error = bench.ca.publish_crl(&revoked(&[bad]), NOW, DAY).unwrap_err();
        assert!(matches!(error, TrustError::Parameter(_)), "{bad}: {error}");
    }
    for seconds in [0, -1, i64::MAX] {
        assert!(bench.ca.publish_crl(&[], NOW, seconds).is_err(), "{seconds}");
    }
    assert_eq!(std::fs::read(bench.path("crl.pem")).unwrap(), before);
}

#[test]
fn a_serial_revoked_twice_counts_from_the_first_time() {
    let bench = Bench::new();
    let (chain, serial) = bench.chain("web-01.example.org");
    let entry = |at| Revoked { serial_hex: serial.clone(), at, reason: Reason::default() };
    let entries = [entry(NOW), entry(NOW.plus(-DAY)), entry(NOW.plus(-5))];
    bench.ca.publish_crl(&entries, NOW, DAY).unwrap();
    let state = bench.load(NOW).current();
    assert_eq!(state.crls().next().unwrap().len(), 1);
    let at = NOW.plus(-DAY);
    assert_eq!(refused(state.judge(&chain, NOW)), Refusal::Revoked { at });
}

#[test]
fn only_a_ca_can_be_an_anchor() {
    let bench = Bench::new();
    let (issued, _) = bench.client("web-01.example.org", 90, NOW);
    for bad in [issued.certificate_pem.as_str(), "", "garbage"] {
        std::fs::write(bench.path("ca.crt"), bad).unwrap();
        assert!(matches!(Trust::load(bench.files(), NOW).err(), Some(TrustError::File { .. })));
    }
    let none = TrustFiles { anchors: vec![], ..bench.files() };
    assert!(matches!(Trust::load(none, NOW).err(), Some(TrustError::Parameter(_))));
}

#[test]
fn what_only_the_published_list_revokes_is_not_forgotten_when_the_disk_does_not_give_it() {
    let bench = Bench::new();
    bench.ca.publish_crl(&revoked(&["c8"]), NOW, DAY).unwrap();
    let serials = |ca: &CertificateAuthority| -> Vec<String> {
        ca.standing().unwrap().into_iter().map(|one| one.serial_hex).collect()
    };
    assert_eq!(serials(&bench.ca), ["c8"]);
    // A file whose first byte cannot be read: EIO.
    std::fs::remove_file(bench.path("crl.pem")).unwrap();
    std::os::unix::fs::symlink("/proc/self/mem", bench.path("crl.pem")).unwrap();
    let error = bench.ca.standing().unwrap_err();
    assert!(matches!(error, TrustError::Io { .. }), "{error}");
    std::fs::remove_file(bench.path("crl.pem")).unwrap();
    assert_eq!(serials(&bench.ca), Vec::<String>::new());
    std::fs::write(bench.path("crl.pem"), "damaged").unwrap();
    assert_eq!(serials(&bench.ca), Vec::<String>::new());
}
