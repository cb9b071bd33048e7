//! Revocation lists.

use std::path::Path;
use std::sync::LazyLock;

use repod::time::Moment;
use repod::trust::{Serial, Trust, TrustFiles};
use tempfile::TempDir;
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

use super::certificates::NOW;
use super::seeds;

/// A directory with the CA of the seeds; in memory, where the machine has such a place.
static PLACE: LazyLock<TempDir> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let directory = match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    };
    let directory = directory.expect("a directory");
    std::fs::write(directory.path().join("ca.crt"), seeds::ca_certificate()).expect("written");
    directory
});

/// A file of lists: as it is when the first byte is even, else the body of one, which the CA of the seeds signs.
///
/// A list in force revokes what another reader finds in it, neither more nor less.
pub fn crl(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let file = if which % 2 == 0 { bytes.to_vec() } else { seeds::signed(bytes) };
    std::fs::write(PLACE.path().join("crl.pem"), &file).expect("written");
    let files = TrustFiles::of_directory(PLACE.path());
    let _ = std::fs::remove_file(&files.floor);
    let trust = Trust::load(files, NOW).expect("the CA is read");
    let state = trust.current();
    let Some(list) = state.crls().next() else {
        return assert!(state.crl_fault().is_some(), "no list, and nothing is wrong");
    };
    if which % 2 == 0 {
        // Of several lists in PEM, another one may be in force; that each is signed is shown below.
        return;
    }
    let (rest, read) =
        CertificateRevocationList::from_der(&file).expect("what is in force is read");
    assert!(rest.is_empty());
    let mut serials = std::collections::BTreeMap::new();
    for entry in read.iter_revoked_certificates() {
        let serial = Serial::parse(&hex(entry.raw_serial())).expect("a serial");
        let at = Moment(entry.revocation_date.timestamp());
        serials.insert(serial.to_string(), at);
        assert!(list.find_revocation(&serial).is_some(), "{serial} is not revoked");
    }
    assert_eq!(list.len(), serials.len());
    assert_eq!(list.this_update().0, read.last_update().timestamp());
    assert_eq!(Some(list.next_update().0), read.next_update().map(|at| at.timestamp()));
}

fn hex(bytes: &[u8]) -> String {
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    // A serial that is longer than the RFC allows is in no list that is read.
    let plain = text.trim_start_matches('0');
    if plain.is_empty() { "0".into() } else { plain.into() }
}
