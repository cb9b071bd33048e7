//! Pages: the timer of one fetches lists, and another has every number of the gate.

use std::path::Path;

use crate::harness::programs::program;
use crate::matrix::pki::pki;

#[test]
fn the_timer_on_the_page_fetches_a_list() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/certificates.md");
    let page = std::fs::read_to_string(page).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (served, put) = (dir.path().join("served"), dir.path().join("put"));
    std::fs::create_dir(&served).unwrap();
    std::fs::create_dir(&put).unwrap();
    let port = crate::harness_selftest::serve_files(served.clone());
    let fetch = || {
        let steps = page.lines().filter_map(|line| line.strip_prefix("ExecStart="));
        let steps = steps.map(|step| {
            step.replace("http://pki.example.org", &format!("http://127.0.0.1:{port}"))
                .replace("/var/lib/repod/company/crls", &put.display().to_string())
        });
        let steps: Vec<_> = steps.collect();
        assert_eq!(steps.len(), 2);
        // As a oneshot unit does: the second only after the first went well.
        program("sh").args(["-c", &steps.join(" && ")]).run()
    };
    assert!(!fetch().succeeded(), "there is none yet");
    assert!(!put.join("company.crl").exists());
    let list = pki().read("root.crl");
    std::fs::write(served.join("company.crl"), &list).unwrap();
    fetch().expect_success();
    assert_eq!(std::fs::read(put.join("company.crl")).unwrap(), list);
    std::fs::remove_file(served.join("company.crl")).unwrap();
    assert!(!fetch().succeeded());
    assert_eq!(std::fs::read(put.join("company.crl")).unwrap(), list, "the last one stays");
    assert_eq!(std::fs::read_dir(&put).unwrap().count(), 1);
}
