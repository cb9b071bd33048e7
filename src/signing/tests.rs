//! The room as a whole: real keys, real verifiers, and attempts to get past the floor.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use pgp::composed::{ArmorOptions, CleartextSignedMessage, Deserializable as _, SignedSecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::types::{KeyDetails as _, Password, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::time::{Clock as _, SystemClock};

pub(super) const NOW: Moment = Moment(1_795_404_699);

pub(super) fn suite(name: &str) -> SuiteName {
    SuiteName::parse(name).unwrap()
}

pub(super) fn text(date: Moment) -> String {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    format!(
        "Origin: Acme\nSuite: stable\nCodename: stable\nDate: {}\nDescription: a – b\nSHA256:\n \
         {empty} 0 main/binary-amd64/Packages\n",
        date.release_date()
    )
}

pub(super) fn ed25519(created: Moment) -> SecretKey {
    generate(KeyKind::Ed25519, "Acme archive <apt@acme.example>", created).unwrap()
}

/// A signer over a floor in `dir`.
pub(super) fn signer(dir: &Path, keys: Vec<SecretKey>) -> Signer {
    Signer::new(keys, DateFloor::open(dir).unwrap()).unwrap()
}

pub(super) fn ready(signer: &Signer, at: Moment) -> ReleaseDate {
    match signer.next_date(&suite("stable"), at).unwrap() {
        NextDate::Ready(date) => date,
        NextDate::Wait { seconds } => panic!("must wait {seconds} s"),
    }
}

fn signed(signer: &Signer, at: Moment) -> SignedRelease {
    let date = ready(signer, at);
    let text = text(date.moment());
    signer.sign(date, &text).unwrap()
}

/// Runs a verifier of Debian; its absence is a failure, because a skipped check proves nothing.
fn run(program: &str, package: &str, arguments: &[&Path]) -> Output {
    Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .output()
        .unwrap_or_else(|e| panic!("cannot run {program} ({e}): run `apt-get install {package}`"))
}

/// Both of Debian's verifiers accept both files, and refuse both after one letter has changed.
fn accepted_by_gpgv_and_sqv(keys: Vec<SecretKey>, at: Moment) {
    let dir = tempfile::tempdir().unwrap();
    let floor = dir.path().join("floor");
    DateFloor::create(&floor).unwrap();
    let signer = signer(&floor, keys);
    let signed = signed(&signer, at);
    let path = |name: &str| dir.path().join(name);
    fs::write(path("keyring.gpg"), signer.public_binary().unwrap()).unwrap();
    fs::write(path("keyring.asc"), signer.public_armored().unwrap()).unwrap();
    for spoilt in [false, true] {
        let spoil = |text: &str| match spoilt {
            true => text.replace("Origin: Acme", "Origin: Acne"),
            false => text.to_owned(),
        };
        fs::write(path("Release"), spoil(signed.release())).unwrap();
        fs::write(path("InRelease"), spoil(signed.in_release())).unwrap();
        fs::write(path("Release.gpg"), signed.release_gpg()).unwrap();
        let keyring = path("keyring.gpg");
        let (release, release_gpg) = (path("Release"), path("Release.gpg"));
        let (option, in_release) = (Path::new("--keyring"), path("InRelease"));
        let verdicts = [
            run("gpgv", "gpgv", &[option, &keyring, &in_release]),
            run("gpgv", "gpgv", &[option, &keyring, &release_gpg, &release]),
            run("sqv", "sqv", &[option, &keyring, &release_gpg, &release]),
        ];
        for (which, verdict) in verdicts.iter().enumerate() {
            let output = String::from_utf8_lossy(&verdict.stderr);
            assert_eq!(verdict.status.success(), !spoilt, "verifier {which}: {output}");
        }
    }
    sqv_in_clear(dir.path(), &signer, &signed);
}

/// Older sqv knows detached signatures alone, so the InRelease file is taken apart for it: the text
/// without its last newline, and the armored signature.
fn sqv_in_clear(dir: &Path, signer: &Signer, signed: &SignedRelease) {
    let (_, signature) = signed.in_release().split_once("-----BEGIN PGP SIGNATURE").unwrap();
    let signature = format!("-----BEGIN PGP SIGNATURE{signature}");
    let keyring = dir.join("keyring.gpg");
    fs::write(&keyring, signer.public_binary().unwrap()).unwrap();
    fs::write(dir.join("clear.sig"), signature).unwrap();
    fs::write(dir.join("clear"), signed.release().strip_suffix('\n').unwrap()).unwrap();
    let arguments = [Path::new("--keyring"), &keyring, &dir.join("clear.sig"), &dir.join("clear")];
    let verdict = run("sqv", "sqv", &arguments);
    assert!(verdict.status.success(), "{}", String::from_utf8_lossy(&verdict.stderr));
}

#[test]
fn gpgv_and_sqv_accept_ed25519() {
    let now = SystemClock.now();
    accepted_by_gpgv_and_sqv(vec![ed25519(now.plus(-60))], now);
    accepted_by_gpgv_and_sqv(vec![ed25519(now)], now);
}

/// The key was made by this room and is old, so that it serves at any date: making one takes from 1
/// to 20 seconds without optimisation.
const RSA_KEY: &str = include_str!("../../tests/fixtures/signing-rsa4096.asc");

#[test]
fn rsa_is_accepted_and_weak_digests_are_not_whatever_the_clock_says() {
    let old = Moment(1_000_000_000);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    fs::write(&path, RSA_KEY).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let reloaded = SecretKey::load(&path).unwrap();
    let public = reloaded.public_armored().unwrap();
    assert_eq!(reloaded.created(), old);
    accepted_by_gpgv_and_sqv(vec![reloaded], SystemClock.now());
    for at in [NOW, old] {
        for (hash, strong) in [
            (HashAlgorithm::Sha1, false),
            (HashAlgorithm::Sha224, false),
            (HashAlgorithm::Sha256, true),
            (HashAlgorithm::Sha512, true),
        ] {
            let verdict = verify_in_release(&signed_with(hash, &path, at), &public, at);
            assert_eq!(verdict.is_ok(), strong, "{hash:?} at {at}: {verdict:?}");
            let problem = verdict.map_or_else(|e| e.to_string(), |_| "Policy".into());
            assert!(problem.contains("Policy") || problem.contains("policy"), "{problem}");
        }
    }
}

#[test]
fn gpgv_and_sqv_accept_a_new_rsa_key() {
    let now = SystemClock.now();
    let key = generate(KeyKind::Rsa4096, "Acme archive <apt@acme.example>", now).unwrap();
    accepted_by_gpgv_and_sqv(vec![key], now);
}

#[test]
fn gpgv_and_sqv_accept_two_keys() {
    let now = SystemClock.now();
    accepted_by_gpgv_and_sqv(vec![ed25519(now.plus(-9)), ed25519(now)], now);
}

#[test]
fn either_of_two_keys_is_enough_for_a_host() {
    let dir = tempfile::tempdir().unwrap();
    let keys = vec![ed25519(NOW.plus(-9)), ed25519(NOW)];
    let each: Vec<_> = keys.iter().map(|key| key.public_armored().unwrap()).collect();
    let stranger = ed25519(NOW).public_armored().unwrap();
    let signer = signer(dir.path(), keys);
    let signed = signed(&signer, NOW);
    let both = signer.public_armored().unwrap();
    assert_eq!(both, each.concat());
    assert!(signer.is_signed_by_all(&suite("stable"), signed.in_release()));
    assert!(!signer.is_signed_by_all(&suite("stable"), signed.release()));
    for known in [&each[0], &each[1], &both, &format!("{stranger}{both}")] {
        let content = verify_in_release(signed.in_release(), known, NOW).unwrap();
        assert_eq!(content, signed.release());
        verify_detached(signed.release(), signed.release_gpg(), known, NOW).unwrap();
    }
    for unknown in [stranger.as_str(), "", "\n"] {
        assert!(verify_in_release(signed.in_release(), unknown, NOW).is_err(), "{unknown:?}");
        assert!(verify_detached(signed.release(), signed.release_gpg(), unknown, NOW).is_err());
    }
}

#[test]
fn a_key_file_is_its_owners_and_is_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("signing.key");
    let key = ed25519(NOW);
    key.write_new(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    let before = fs::read(&path).unwrap();
    let refused = ed25519(NOW).write_new(&path).unwrap_err();
    assert!(matches!(refused, SigningError::KeyExists { .. }), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), before);

    let again = SecretKey::load(&path).unwrap();
    assert_eq!(again.fingerprint(), key.fingerprint());
    assert_eq!(again.public_binary().unwrap(), key.public_binary().unwrap());
    assert_eq!(again.created(), NOW);
    for mode in [0o640, 0o604, 0o660, 0o644, 0o601, 0o610] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let refused = SecretKey::load(&path).unwrap_err();
        assert!(matches!(refused, SigningError::KeyExposed { .. }), "{mode:o}: {refused}");
        let cure = format!("chmod 600 {}", path.display());
        assert!(refused.to_string().contains(&cure), "{refused}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    SecretKey::load(&path).unwrap();
}

#[test]
fn files_that_hold_no_key_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("signing.key");
    ed25519(NOW).write_new(&path).unwrap();
    let key = fs::read_to_string(&path).unwrap();
    let public = ed25519(NOW).public_armored().unwrap().into_bytes();
    let binary = vec![0xff, 0xfe, 0x00];
    let cut = key.as_bytes()[..key.len() / 2].to_vec();
    let large = format!("{}{key}", "\n".repeat(300_000)).into_bytes();
    for bad in [vec![], b"hello\n".to_vec(), public, binary, cut, large] {
        fs::write(&path, &bad).unwrap();
        let refused = SecretKey::load(&path).unwrap_err().to_string();
        assert!(refused.contains("signing.key"), "{refused}");
    }
    let missing = SecretKey::load(dir.path().join("none")).unwrap_err();
    assert!(matches!(missing, SigningError::KeyFile { .. }), "{missing}");
    assert!(SecretKey::load(dir.path()).is_err(), "a directory");
}

#[test]
fn a_key_shows_only_its_fingerprint() {
    let key = ed25519(NOW);
    let name = key.fingerprint();
    assert_eq!(name.len(), 40);
    assert!(name.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()), "{name}");
    assert_eq!(format!("{key:?}"), format!("SecretKey({name})"));
    assert_eq!(format!("{key:#?}"), format!("SecretKey({name})"));
    assert!(!key.public_armored().unwrap().contains("PRIVATE"));
    fn shared_between_threads<T: Send + Sync + 'static>() {}
    shared_between_threads::<Signer>();
}

#[test]
fn unusable_arguments_make_no_key() {
    for bad in ["", "a\nb", "a\u{0}", &"x".repeat(201)] {
        let refused = generate(KeyKind::Ed25519, bad, NOW).unwrap_err();
        assert!(matches!(refused, SigningError::UserId(_)), "{refused}");
    }
    for bad in [-1, 1 << 32] {
        let refused = generate(KeyKind::Ed25519, "a", Moment(bad)).unwrap_err();
        assert!(matches!(refused, SigningError::OutOfRange(_)), "{refused}");
    }
}

#[test]
fn a_signer_wants_each_key_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    ed25519(NOW).write_new(&path).unwrap();
    let twice = vec![SecretKey::load(&path).unwrap(), SecretKey::load(&path).unwrap()];
    for keys in [vec![], twice] {
        let refused = Signer::new(keys, DateFloor::open(dir.path()).unwrap()).unwrap_err();
        assert!(matches!(refused, SigningError::KeySet), "{refused}");
    }
}

/// Signs in clear with a digest of choice, without the checks of this room.
fn signed_with(hash: HashAlgorithm, key_file: &Path, at: Moment) -> String {
    let (key, _) = SignedSecretKey::from_string(&fs::read_to_string(key_file).unwrap()).unwrap();
    let key = &key.primary_key;
    let created = Timestamp::from_secs(u32::try_from(at.0).unwrap());
    let mut config = SignatureConfig::v4(SignatureType::Text, key.algorithm(), hash);
    config.hashed_subpackets = vec![
        Subpacket::regular(SubpacketData::SignatureCreationTime(created)).unwrap(),
        Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint())).unwrap(),
        Subpacket::regular(SubpacketData::IssuerKeyId(key.legacy_key_id())).unwrap(),
    ];
    let text = text(at);
    let text = text.strip_suffix('\n').unwrap();
    let message = CleartextSignedMessage::new(text, config, key, &Password::empty()).unwrap();
    message.to_armored_string(ArmorOptions::default()).unwrap()
}

#[test]
fn signatures_from_the_future_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let signer = signer(dir.path(), vec![ed25519(NOW)]);
    let signed = signed(&signer, NOW.plus(100));
    let public = signer.public_armored().unwrap();
    let verdict = |at| verify_in_release(signed.in_release(), &public, at).is_ok();
    assert!(verdict(NOW.plus(100)) && verdict(NOW.plus(100_000)));
    assert!(!verdict(NOW.plus(99)) && !verdict(Moment(-1)) && !verdict(Moment(1 << 32)));
}

#[test]
fn nothing_may_stand_around_the_signed_text() {
    let dir = tempfile::tempdir().unwrap();
    let signer = signer(dir.path(), vec![ed25519(NOW)]);
    let signed = signed(&signer, NOW);
    let public = signer.public_armored().unwrap();
    let whole = signed.in_release();
    assert_eq!(verify_in_release(whole, &public, NOW).unwrap(), signed.release());
    for bad in [
        format!("Origin: Evil\n{whole}"),
        format!("\n{whole}"),
        format!("{whole}Origin: Evil\n"),
        format!("{whole}\n"),
        format!("{whole}{whole}"),
        whole.replacen("Hash: SHA512\n", "Hash: SHA512\nOrigin: Evil\n", 1),
        whole.replacen("Hash: SHA512\n", "Hash: SHA512\nHash: \tOrigin: Evil\n\nX: y\n", 1),
        whole.replacen("-----BEGIN PGP SIGNATURE", "Origin: Evil\n-----BEGIN PGP SIGNATURE", 1),
        whole.replace('\n', "\r\n"),
        whole.replacen("Acme\n", "Acme \n", 1),
        whole.replacen("Origin", "- Origin", 1).replacen("- Origin", "-- Origin", 1),
        whole.trim_end().to_owned(),
        whole.lines().take(5).map(|line| format!("{line}\n")).collect(),
        signed.release().to_owned(),
        signed.release_gpg().to_owned(),
        String::new(),
        "-----BEGIN PGP SIGNED MESSAGE-----\n".into(),
        "a".repeat(10_000_001),
    ] {
        let verdict = verify_in_release(&bad, &public, NOW);
        assert!(verdict.is_err(), "{bad:.300}\n{verdict:?}");
    }
}

#[test]
fn changed_files_never_pass_as_something_else() {
    let dir = tempfile::tempdir().unwrap();
    let signer = signer(dir.path(), vec![ed25519(NOW)]);
    let signed = signed(&signer, NOW);
    let public = signer.public_armored().unwrap();
    let whole = signed.in_release().as_bytes();
    let line = r"(Origin: Evil\n|-----[A-Z ]{3,20}-----\n|\n|- |[ -~\n]{1,9})";
    proptest!(|(at in 0..whole.len(), cut in 0_usize..40, put in line)| {
        let end = (at + cut).min(whole.len());
        let mut bytes = whole[..at].to_vec();
        bytes.extend(put.bytes());
        bytes.extend(&whole[end..]);
        let Ok(changed) = String::from_utf8(bytes) else { return Ok(()) };
        if let Ok(content) = verify_in_release(&changed, &public, NOW) {
            prop_assert_eq!(content, signed.release());
        }
    });
}

#[test]
fn a_key_bound_with_sha1_is_refused_with_the_command_that_binds_it_anew() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().to_str().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let gpg = |arguments: &[&str]| {
        let usual = [
            "--homedir",
            home,
            "--batch",
            "--yes",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            "",
        ];
        let output = Command::new("gpg").args(usual).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        output.stdout
    };
    let weak = [
        "--cert-digest-algo",
        "SHA1",
        "--quick-gen-key",
        "Acme <a@acme.example>",
        "ed25519",
        "sign",
        "0",
    ];
    gpg(&weak);
    let path = dir.path().join("key.asc");
    let export = || {
        fs::write(&path, gpg(&["--armor", "--export-secret-keys"])).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    };
    export();
    let reason = SecretKey::load(&path).unwrap_err().to_string();
    assert!(
        reason.contains("SHA-1") && reason.contains("--quick-set-expire FINGERPRINT 0"),
        "{reason}"
    );
    // And that command does it.
    let listed = String::from_utf8(gpg(&["--with-colons", "--list-keys"])).unwrap();
    let fingerprint = listed.lines().find(|line| line.starts_with("fpr:")).unwrap();
    let fingerprint = fingerprint.split(':').nth(9).unwrap();
    gpg(&["--cert-digest-algo", "SHA512", "--quick-set-expire", fingerprint, "0"]);
    export();
    SecretKey::load(&path).unwrap();
}
