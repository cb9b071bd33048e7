//! Lists of other CAs on a disk that is full: delivered or in a file, they are taken, in force, and in force
//! after a start.

use std::sync::LazyLock;

use super::Outside;
use super::gate::{replace, until};
use super::pki::{Pki, file};
use crate::harness::small_disk::{Full, SmallDisk};

const GOOD: &str = "by the CA at the top";
const REVOKED: &str = "403 certificate was revoked";

fn lists_are_taken_on_a_full_disk(full: Full, pki: &'static Pki) {
    let mut outside = Outside::stopped("", pki);
    let config = outside.server.data().join("repod.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(config, text.replace("[limits]\n", "[limits]\nreserve_bytes = 0\n")).unwrap();
    let Some(disk) = SmallDisk::under(&outside.server.data(), 64) else { return };
    outside.begin();
    let path = |name: &str| pki.path(name).display().to_string();
    assert_eq!(outside.answer(Some(GOOD)), "200");
    disk.fill(full);
    // Delivered while it runs.
    pki.revoke("root", &file(GOOD));
    pki.list("root", "full", "");
    outside.boss(&["crl", "put", &path("full.crl")]).expect_success();
    assert!(outside.answer(Some(GOOD)).starts_with(REVOKED));
    outside.server.kill();
    disk.fill(full);
    outside.server.serve();
    assert!(outside.answer(Some(GOOD)).starts_with(REVOKED), "after a start");

    // From a file, while it runs and before a start.
    let number = |name: &str| {
        let shown = outside.boss(&["crl", "show", "--json"]).expect_success().stdout;
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        let of = |one: &&serde_json::Value| one["name"].as_str() == Some(name);
        let issuer = shown.as_array().unwrap().iter().find(of).unwrap();
        u64::from_str_radix(issuer["list"]["number"].as_str().unwrap(), 16).unwrap()
    };
    let before = number("CN=Root");
    pki.list("root", "full-file", "");
    replace(&outside, "root.crl", pki.read("full-file.crl"));
    until("the list in the file", || number("CN=Root") > before);
    let running = number("CN=Root");
    outside.server.stop();
    disk.fill(full);
    pki.list("root", "full-start", "");
    replace(&outside, "root.crl", pki.read("full-start.crl"));
    outside.server.serve();
    let number = outside.boss(&["crl", "show", "--json"]).expect_success().stdout;
    assert!(number.contains("CN=Root"), "{number}");
    assert!(outside.answer(Some(GOOD)).starts_with(REVOKED));

    // What was in force is not forgotten: the older list is refused after one more start.
    outside.server.kill();
    disk.fill(full);
    replace(&outside, "root.crl", pki.read("full-file.crl"));
    outside.server.serve();
    until("the refusal", || outside.server.log().contains("which was accepted before"));
    assert!(running > before);
    replace(&outside, "root.crl", pki.read("full-start.crl"));
    until("the gate", || outside.local("metrics").contains("repod_gate_open 1"));
    disk.empty();
    until("the reserve", || outside.local("metrics").contains("repod_reserve_whole 1\n"));
    assert!(outside.local("metrics").contains("repod_crl_unstored 0\n"));
    assert_eq!(outside.server.stop(), 0);
}

#[test]
fn lists_of_other_cas_are_taken_without_a_free_byte() {
    static OWN: LazyLock<Pki> = LazyLock::new(Pki::whole);
    lists_are_taken_on_a_full_disk(Full::Bytes, &OWN);
}

#[test]
fn lists_of_other_cas_are_taken_without_a_free_inode() {
    static OWN: LazyLock<Pki> = LazyLock::new(Pki::whole);
    lists_are_taken_on_a_full_disk(Full::Inodes, &OWN);
}
