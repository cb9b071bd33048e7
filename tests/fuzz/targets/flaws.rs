//! Records of flaws: OSV, the JSON of Debian's tracker, and VEX.

use repod::debian::advisory::{Advisory, LONGEST_ID_BYTES, concerns};
use repod::debian::{Version, osv, tracker, vex};

/// The same bytes as each kind of record. What is read is bounded and printable, and says of every version something.
pub fn flaws(bytes: &[u8]) {
    if let Ok(advisory) = osv::parse(bytes) {
        held(&advisory);
    }
    let mut take = |read| match read {
        Ok(advisory) => held(&advisory),
        Err((_, error)) => {
            let error: repod::debian::advisory::FieldError = error;
            assert!(!error.field.is_empty());
        }
    };
    let _ = tracker::parse(bytes, &mut take);
    for read in [vex::parse_openvex(bytes), vex::parse_csaf(bytes)].into_iter().flatten() {
        assert!(read.statements.iter().all(|said| !said.flaws.is_empty()));
    }
}

fn held(advisory: &Advisory) {
    assert!(advisory.affected.len() <= osv::MOST_AFFECTED);
    let flaws = advisory.flaws();
    assert!(!flaws.is_empty());
    for name in flaws.iter().map(|flaw| flaw.as_str()).chain([advisory.id.as_str()]) {
        assert!(name.len() <= LONGEST_ID_BYTES && name.bytes().all(|byte| byte.is_ascii_graphic()));
    }
    for version in ["0", "1.0-1", "1:2~rc1"].map(|text| Version::parse(text).expect("it is one")) {
        for one in &advisory.affected {
            let of = std::slice::from_ref(one);
            let releases: Vec<_> = one.release.clone().into_iter().collect();
            let said = concerns(of, &releases, &version).map(|(_, fix)| fix);
            assert_eq!(said, one.fix(&version));
        }
    }
}
