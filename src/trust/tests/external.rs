//! CAs of others: anchors, CAs below them, lists in directories, and lists that are delivered.

use std::sync::Arc;

use super::*;
use crate::reserve::Reserve;

/// A root, a CA below it, and where their files lie.
struct Others {
    directory: TempDir,
    root: Issuer<'static, KeyPair>,
    middle: Issuer<'static, KeyPair>,
}

impl Others {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (root, root_pem) = other_ca("root", None);
        let (middle, middle_pem) = other_ca("middle", Some(&root));
        let others = Self { directory, root, middle };
        std::fs::create_dir(others.path("anchors")).unwrap();
        std::fs::create_dir(others.path("crls")).unwrap();
        others.write("anchors/root.pem", &root_pem);
        others.write("middle.pem", &middle_pem);
        others.write("crls/root.crl", &list_of(&others.root, 5, &[], NOW));
        others.write("crls/middle.crl", &list_of(&others.middle, 5, &[], NOW));
        others
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn files(&self) -> TrustFiles {
        TrustFiles {
            anchors: vec![self.path("anchors")],
            intermediates: vec![self.path("middle.pem")],
            crls: vec![self.path("crls")],
            delivered: Some(self.path("delivered")),
            floor: self.path("crl.floor"),
            grace_seconds: 0,
            reserve: Arc::new(Reserve::none()),
        }
    }

    fn load(&self, now: Moment) -> Trust {
        Trust::load(self.files(), now).unwrap()
    }

    fn leaf(&self) -> Vec<CertificateDer<'static>> {
        vec![sign_client(&self.middle, &KeyPair::generate().unwrap(), |_| {})]
    }
}

#[test]
fn a_ca_below_counts_by_a_path_to_the_top_and_need_not_be_sent() {
    let others = Others::new();
    let state = others.load(NOW).current();
    let standing = state.judge(&others.leaf(), NOW).unwrap();
    assert_eq!(standing.links().len(), 2);
    others.write("crls/root.crl", &list_of(&others.root, 6, &[0xca], NOW));
    let refusal = refused(others.load(NOW).current().judge(&others.leaf(), NOW));
    assert_eq!(refusal, Refusal::IssuerRevoked { at: NOW });

    let (_, stranger_pem) = other_ca("stranger", None);
    others.write("middle.pem", &stranger_pem);
    let error = Trust::load(others.files(), NOW).err().unwrap().to_string();
    assert!(error.contains("issued by no configured CA"), "{error}");
    let none = TrustFiles { anchors: vec![others.path("crls")], ..others.files() };
    assert!(Trust::load(none, NOW).is_err(), "a list is no CA");
}

#[test]
fn of_a_directory_only_what_is_named_like_a_certificate_or_list_is_read() {
    let others = Others::new();
    for name in ["crls/.new.crl", "crls/README", "crls/root.crl~", "anchors/note.txt"] {
        others.write(name, "garbage");
    }
    let state = others.load(NOW).current();
    assert!(state.troubles().is_empty(), "{:?}", state.troubles());
    others.write("crls/more.crl", "garbage");
    let state = others.load(NOW).current();
    assert_eq!(state.troubles().len(), 1);
    assert!(state.gate(NOW).is_ok(), "reported, and no harm: every CA has its list");
}

#[test]
fn files_are_read_again_when_they_look_different_and_only_then() {
    let others = Others::new();
    let trust = others.load(NOW);
    assert!(trust.look(NOW).is_none());
    others.write("crls/root.crl", &list_of(&others.root, 6, &[], NOW));
    assert!(matches!(trust.look(NOW), Some(Ok(true))));
    assert!(trust.look(NOW).is_none());
    // From the future: accepted when its time has come, without another change of the file.
    others.write("crls/root.crl", &list_of(&others.root, 7, &[1, 2], NOW.plus(600)));
    assert!(matches!(trust.look(NOW), Some(Err(TrustError::Crl(CrlFault::FromFuture(_))))));
    assert!(trust.look(NOW.plus(500)).is_none());
    assert!(matches!(trust.look(NOW.plus(550)), Some(Ok(true))));
    assert_eq!(trust.current().issuers()[0].list.as_ref().unwrap().revoked, 2);
}

#[test]
fn a_delivered_list_counts_until_a_higher_number_lies_in_the_files() {
    let others = Others::new();
    let late = NOW.plus(DAY);
    let trust = others.load(late);
    assert_eq!(trust.current().gate(late), Err(Refusal::CrlStale { since: late }));
    let deliver = |issuer, number, serials: &[u64], at| {
        let list = list_of(issuer, number, serials, at);
        let mut announced = Vec::new();
        let announce = |lists: &[Proven]| announced.extend_from_slice(lists);
        trust.deliver(list.as_bytes(), late, announce).map(|()| announced)
    };
    let lower = deliver(&others.root, 4, &[], late);
    assert!(matches!(lower, Err(TrustError::Crl(CrlFault::Older { .. }))));
    assert!(matches!(deliver(&others.root, 9, &[], NOW), Err(TrustError::Crl(CrlFault::Stale(_)))));
    let ahead = deliver(&others.root, 9, &[], late.plus(61));
    assert!(matches!(ahead, Err(TrustError::Crl(CrlFault::FromFuture(_)))));
    assert!(trust.deliver(b"", late, |_| panic!("there is none")).is_err());
    assert_eq!(std::fs::read_dir(others.path("delivered")).unwrap().count(), 0);

    let [proven] =
        <[Proven; 1]>::try_from(deliver(&others.root, 6, &[0xca], late).unwrap()).unwrap();
    let name = proven.in_force(&trust.current());
    assert_eq!(name.as_deref(), Some(trust.current().issuers()[0].name.as_str()));
    let written = proven.to_string();
    assert_eq!(Proven::parse(&written).as_ref(), Some(&proven));
    let next = Proven::parse(&format!("{}7", &written[..written.len() - 1])).unwrap();
    assert_eq!(next.in_force(&trust.current()), None, "number 7 is not there yet");
    assert_eq!(Proven::parse("of no CA"), None);
    assert!(trust.current().gate(late).is_err(), "the other one is still out");
    deliver(&others.middle, 6, &[], late).unwrap();
    assert!(trust.current().gate(late).is_ok());
    let revoked = Refusal::IssuerRevoked { at: NOW };
    assert_eq!(refused(trust.current().judge(&others.leaf(), late)), revoked);
    // After a restart they count before the files do; then higher numbers do.
    let again = others.load(late).current();
    assert!(again.gate(late).is_ok() && again.troubles().is_empty());
    others.write("crls/root.crl", &list_of(&others.root, 7, &[], late));
    assert!(matches!(trust.look(late), Some(Ok(true))));
    assert!(trust.current().judge(&others.leaf(), late).is_ok());
}

#[test]
fn who_mends_is_proven_but_for_the_age_of_the_lists() {
    let others = Others::new();
    let trust = others.load(NOW);
    let late = NOW.plus(DAY);
    let (peer, revoked) = (Peer::new(others.leaf()), Peer::new(others.leaf()));
    let nobody = Peer::new(vec![]);
    assert!(peer.standing(&trust, late).is_err());
    assert!(peer.standing_for_repair(&trust, late).is_ok());
    assert!(peer.standing(&trust, late).is_err(), "it is not remembered for anything else");
    assert_eq!(nobody.standing_for_repair(&trust, late).unwrap_err(), Refusal::NoCertificate);
    let ended = NOW.plus(91 * DAY);
    let refusal = peer.standing_for_repair(&trust, ended).unwrap_err();
    assert!(matches!(refusal, Refusal::Expired { .. }), "{refusal}");
    // The last list still says who is revoked, also after a restart with nothing newer.
    others.write("crls/middle.crl", &list_of(&others.middle, 6, &[0x5eed], NOW));
    let restarted = others.load(late);
    let refusal = revoked.standing_for_repair(&restarted, late).unwrap_err();
    assert_eq!(refusal, Refusal::Revoked { at: NOW });
    std::fs::remove_file(others.path("crls/middle.crl")).unwrap();
    std::fs::remove_file(others.path("crls/root.crl")).unwrap();
    let bare = others.load(late);
    assert_eq!(peer.standing(&bare, late).unwrap_err(), Refusal::CrlMissing);
    assert!(peer.standing_for_repair(&bare, late).is_ok());
}

#[test]
fn the_embedded_ca_takes_no_list_of_its_own_from_others() {
    let bench = Bench::new();
    let list = list_of(&bench.ca.issuer, u64::MAX, &[], NOW);
    let error = bench.load(NOW).deliver(list.as_bytes(), NOW, |_| ()).unwrap_err();
    assert!(matches!(error, TrustError::Parameter(_)), "{error}");
}

#[test]
fn grace_is_given_to_lists_that_run_out_and_to_none_that_are_delivered() {
    let others = Others::new();
    let files = TrustFiles { grace_seconds: 60, ..others.files() };
    let trust = Trust::load(files, NOW).unwrap();
    let ends = NOW.plus(DAY);
    assert_eq!(trust.current().gate(ends.plus(59)), Ok(ends.plus(60)));
    assert_eq!(trust.current().gate(ends.plus(60)), Err(Refusal::CrlStale { since: ends }));
    let stale = list_of(&others.root, 6, &[], NOW);
    assert!(trust.deliver(stale.as_bytes(), ends.plus(1), |_| ()).is_err());
}

#[test]
fn who_is_refused_for_good_is_judged_again_when_the_cas_change() {
    let others = Others::new();
    let middle = std::fs::read_to_string(others.path("middle.pem")).unwrap();
    let files = TrustFiles { intermediates: vec![others.path("below")], ..others.files() };
    std::fs::create_dir(others.path("below")).unwrap();
    let trust = Trust::load(files, NOW).unwrap();
    let peer = Peer::new(others.leaf());
    for _ in 0..2 {
        assert_eq!(peer.standing(&trust, NOW).unwrap_err(), Refusal::UnknownIssuer);
    }
    others.write("below/middle.pem", &middle);
    assert!(matches!(trust.look(NOW), Some(Ok(true))));
    assert!(peer.standing(&trust, NOW).is_ok());
}
