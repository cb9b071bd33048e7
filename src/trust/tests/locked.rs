//! A CA whose private key is locked: only the passphrase opens it, here and in OpenSSL, whichever
//! of them locked it.

use std::process::Command;

use rcgen::PublicKeyData;

use super::*;

const PASSPHRASE: &str = "öffne dich, sesame";

fn openssl(bench: &Bench, arguments: &[&str]) -> (bool, String) {
    let ran = Command::new("openssl")
        .args(arguments)
        .current_dir(bench.directory.path())
        .output()
        .expect("the openssl command is needed for this test");
    (ran.status.success(), String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned())
}

#[track_caller]
fn must(bench: &Bench, arguments: &str) -> String {
    let (content, said) = openssl(bench, &arguments.split_whitespace().collect::<Vec<_>>());
    assert!(content, "openssl {arguments}: {said}");
    said
}

fn lock(bench: &Bench, old: Option<&str>, new: Option<&str>) -> Result<(), TrustError> {
    CertificateAuthority::relock(bench.directory.path(), old, new)
}

fn load(bench: &Bench, passphrase: Option<&str>) -> Result<CertificateAuthority, TrustError> {
    CertificateAuthority::load_locked(bench.directory.path(), passphrase)
}

#[track_caller]
fn refused(bench: &Bench, passphrase: Option<&str>) -> String {
    let error = load(bench, passphrase).err().expect("it stays shut").to_string();
    assert!(error.contains("ca.key"), "{error}");
    for secret in [PASSPHRASE, "BEGIN"].into_iter().chain(passphrase) {
        assert!(!error.contains(secret), "{error}");
    }
    error
}

#[test]
fn a_locked_key_is_opened_by_its_passphrase_alone() {
    let directory = tempfile::tempdir().unwrap();
    let inside = directory.path().join("ca");
    let name = "repo.example.org";
    let mut ca = CertificateAuthority::create_locked(&inside, name, Some(PASSPHRASE), NOW).unwrap();
    let path = inside.join("ca.key");
    assert_eq!(mode(&path), 0o600);
    let pem = std::fs::read_to_string(&path).unwrap();
    assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"), "{pem}");

    // Neither issuing nor lists nor a renewal asks for the passphrase again.
    let request = NewRequest::make().unwrap();
    let host = Identity::parse("web-01.example.org").unwrap();
    ca.issue_client(&host, &request.csr_pem, 90, NOW).unwrap();
    ca.renew(NOW.plus(DAY)).unwrap();
    ca.publish_crl(&[], NOW.plus(DAY), DAY).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), pem, "the key's file is left alone");

    let load = |passphrase| CertificateAuthority::load_locked(&inside, passphrase);
    load(Some(PASSPHRASE)).unwrap();
    let missing = load(None).err().unwrap().to_string();
    assert!(missing.contains("ca.passphrase_file") && missing.contains("repod-ca-passphrase"));
    for wrong in ["", "öffne dich, sesame ", "sesame"] {
        let error = load(Some(wrong)).err().unwrap().to_string();
        assert!(error.contains("does not open it"), "{error}");
    }
}

#[test]
fn openssl_opens_what_is_locked_here() {
    let bench = Bench::new();
    let public = must(&bench, "pkey -in ca.key -pubout");
    std::fs::write(bench.path("right"), format!("{PASSPHRASE}\n")).unwrap();
    std::fs::write(bench.path("wrong"), "sesame\n").unwrap();
    lock(&bench, None, Some(PASSPHRASE)).unwrap();
    assert_eq!(must(&bench, "pkey -in ca.key -passin file:right -pubout"), public);
    let (content, _) = openssl(&bench, &["pkey", "-in", "ca.key", "-passin", "file:wrong"]);
    assert!(!content);
    let text = must(&bench, "asn1parse -in ca.key");
    for used in ["PBES2", ":scrypt", "aes-256-cbc"] {
        assert!(text.contains(used), "{used}: {text}");
    }
    lock(&bench, Some(PASSPHRASE), Some("sesame")).unwrap();
    assert_eq!(must(&bench, "pkey -in ca.key -passin file:wrong -pubout"), public);
    lock(&bench, Some("sesame"), None).unwrap();
    assert_eq!(must(&bench, "pkey -in ca.key -pubout"), public);
    assert_eq!(mode(&bench.path("ca.key")), 0o600);
}

#[test]
fn what_openssl_locked_is_opened_here() {
    let bench = Bench::new();
    let before = std::fs::read(bench.path("ca.key")).unwrap();
    let public = load(&bench, None).unwrap().issuer.key().subject_public_key_info();
    std::fs::write(bench.path("plain.key"), &before).unwrap();
    std::fs::write(bench.path("pass"), PASSPHRASE).unwrap();
    for how in [
        "pkcs8 -topk8 -in plain.key",
        "pkcs8 -topk8 -in plain.key -v2 aes-256-cbc -v2prf hmacWithSHA256 -iter 100000",
        "pkcs8 -topk8 -in plain.key -v2 aes-128-cbc -v2prf hmacWithSHA512",
        "pkcs8 -topk8 -in plain.key -v2 aes-256-cbc -scrypt",
        "pkey -in plain.key -aes256",
    ] {
        must(&bench, &format!("{how} -passout file:pass -out ca.key"));
        set_mode(&bench.path("ca.key"), 0o600);
        let opened = load(&bench, Some(PASSPHRASE)).unwrap_or_else(|e| panic!("{how}: {e}"));
        assert_eq!(opened.issuer.key().subject_public_key_info(), public, "{how}");
        assert!(refused(&bench, Some("sesame")).contains("does not open it"), "{how}");
        assert!(refused(&bench, None).contains("ca.passphrase_file"), "{how}");
    }
}

#[test]
fn locks_of_other_kinds_are_refused_with_the_cure() {
    let bench = Bench::new();
    std::fs::copy(bench.path("ca.key"), bench.path("plain.key")).unwrap();
    std::fs::write(bench.path("pass"), PASSPHRASE).unwrap();
    for how in [
        "pkcs8 -topk8 -in plain.key -v1 PBE-SHA1-3DES",
        "pkcs8 -topk8 -in plain.key -v2 des3",
        "pkcs8 -topk8 -in plain.key -v2 aes-256-cbc -v2prf hmacWithSHA1",
        "pkcs8 -topk8 -in plain.key -v2 camellia-256-cbc",
        "ec -in plain.key -aes256",
    ] {
        must(&bench, &format!("{how} -passout file:pass -out ca.key"));
        set_mode(&bench.path("ca.key"), 0o600);
        let error = refused(&bench, Some(PASSPHRASE));
        assert!(error.contains("openssl pkcs8 -topk8"), "{how}: {error}");
    }
    // The proposed remedy works.
    std::fs::copy(bench.path("pass"), bench.path("same")).unwrap();
    must(
        &bench,
        "pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -passin file:pass -passout file:same \
         -in ca.key -out cured.key",
    );
    std::fs::rename(bench.path("cured.key"), bench.path("ca.key")).unwrap();
    set_mode(&bench.path("ca.key"), 0o600);
    load(&bench, Some(PASSPHRASE)).unwrap();
}

#[test]
fn a_file_does_not_say_how_much_memory_is_taken() {
    let bench = Bench::new();
    std::fs::copy(bench.path("ca.key"), bench.path("plain.key")).unwrap();
    std::fs::write(bench.path("pass"), PASSPHRASE).unwrap();
    must(&bench, "pkcs8 -topk8 -in plain.key -scrypt -passout file:pass -outform DER -out ca.der");
    let der = std::fs::read(bench.path("ca.der")).unwrap();
    // N = 16384, r = 8, p = 1: the last two are raised, which changes no length.
    let at = der.windows(10).position(|w| w == [2, 2, 0x40, 0, 2, 1, 8, 2, 1, 1]).unwrap();
    let mut dear = der;
    for (offset, byte) in [(6, 0x7f), (9, 0x7f)] {
        dear[at + offset] = byte;
    }
    std::fs::write(bench.path("dear.der"), dear).unwrap();
    let pem = must(&bench, "base64 -in dear.der");
    let pem = format!(
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n{pem}-----END ENCRYPTED PRIVATE KEY-----\n"
    );
    std::fs::write(bench.path("ca.key"), pem).unwrap();
    let error = refused(&bench, Some(PASSPHRASE));
    assert!(error.contains("too much work"), "{error}");
}

#[test]
fn a_lock_that_fails_leaves_the_key_as_it_was() {
    let bench = Bench::new();
    lock(&bench, None, Some(PASSPHRASE)).unwrap();
    let before = std::fs::read(bench.path("ca.key")).unwrap();
    for old in [None, Some("sesame")] {
        lock(&bench, old, Some("another")).unwrap_err();
        lock(&bench, old, None).unwrap_err();
    }
    let other = Bench::new();
    std::fs::copy(other.path("ca.crt"), bench.path("ca.crt")).unwrap();
    lock(&bench, Some(PASSPHRASE), None).unwrap_err();
    assert_eq!(std::fs::read(bench.path("ca.key")).unwrap(), before);
    let names = std::fs::read_dir(bench.directory.path()).unwrap().count();
    assert_eq!(names, 4, "no temporary file is left");
    // The same passphrase makes another file: neither salt nor initialisation vector is used twice.
    let bench = Bench::new();
    lock(&bench, None, Some(PASSPHRASE)).unwrap();
    let once = std::fs::read(bench.path("ca.key")).unwrap();
    lock(&bench, Some(PASSPHRASE), Some(PASSPHRASE)).unwrap();
    assert_ne!(std::fs::read(bench.path("ca.key")).unwrap(), once);
}
