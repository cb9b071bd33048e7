//! What a signer signs, with which Date, and what it refuses.

use super::super::tests::{NOW, ed25519, ready, signer, suite, text};
use super::super::{FloorError, KeyAccess, KeyKind, verify_in_release};
use super::*;

#[test]
fn the_date_waits_for_a_slow_clock_and_refuses_a_wrong_one() {
    let dir = tempfile::tempdir().unwrap();
    let signer = signer(dir.path(), vec![ed25519(NOW)]);
    let next = |now| signer.next_date(&suite("stable"), now);
    assert_eq!(ready(&signer, NOW).moment(), NOW);
    signer.floor.raise(&suite("stable"), NOW, 0).unwrap();
    assert_eq!(ready(&signer, NOW.plus(1)).moment(), NOW.plus(1));
    assert_eq!(ready(&signer, NOW.plus(900)).moment(), NOW.plus(900));
    for behind in 0..=5 {
        match next(NOW.plus(-behind)).unwrap() {
            NextDate::Wait { seconds } => assert_eq!(i64::from(seconds), behind + 1),
            NextDate::Ready(date) => panic!("{date:?}"),
        }
    }
    for behind in [6, 86_400, NOW.0] {
        let refused = next(NOW.plus(-behind)).unwrap_err();
        assert!(matches!(refused, SigningError::ClockBehind { .. }), "{refused}");
        assert!(refused.to_string().contains("repoctl suite redate stable"));
    }
    for absurd in [-1, 1 << 32, i64::MIN, i64::MAX] {
        assert!(matches!(next(Moment(absurd)), Err(SigningError::OutOfRange(_))), "{absurd}");
    }
    let other = signer.next_date(&suite("edge"), NOW.plus(-900)).unwrap();
    assert!(matches!(other, NextDate::Ready(date) if date.suite() == &suite("edge")));
}

#[test]
fn a_date_is_signed_once_even_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let first = signer(dir.path(), vec![ed25519(NOW)]);
    let (used, late, older) = (ready(&first, NOW), ready(&first, NOW), ready(&first, NOW.plus(-1)));
    let kept = ready(&first, NOW);
    first.sign(used, &text(NOW)).unwrap();
    assert_eq!(first.floor.read(&suite("stable")).unwrap(), Some(NOW));
    for (date, text) in [(late, text(NOW)), (older, text(NOW.plus(-1)))] {
        let refused = SigningError::to_string(&first.sign(date, &text).unwrap_err());
        assert!(refused.contains("not above") || refused.contains("made at"), "{refused}");
    }
    drop(first);
    let second = signer(dir.path(), vec![ed25519(NOW.plus(-9))]);
    assert!(matches!(second.next_date(&suite("stable"), NOW), Ok(NextDate::Wait { seconds: 1 })));
    let refused = second.sign(kept, &text(NOW)).unwrap_err();
    assert!(matches!(refused, SigningError::Floor(FloorError::NotAbove { .. })), "{refused}");
    let next = ready(&second, NOW.plus(1));
    second.sign(next, &text(NOW.plus(1))).unwrap();
}

#[test]
fn a_damaged_floor_signs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let signer = signer(dir.path(), vec![ed25519(NOW)]);
    let date = ready(&signer, NOW);
    std::fs::write(dir.path().join("stable"), "?").unwrap();
    assert!(matches!(signer.next_date(&suite("stable"), NOW), Err(SigningError::Floor(_))));
    assert!(matches!(signer.sign(date, &text(NOW)), Err(SigningError::Floor(_))));
}

#[test]
fn ambiguous_texts_are_refused_before_the_floor_rises() {
    let dir = tempfile::tempdir().unwrap();
    let signer = signer(dir.path(), vec![ed25519(NOW)]);
    let good = text(NOW);
    let line = format!("Date: {}\n", NOW.release_date());
    for bad in [
        String::new(),
        "\n".into(),
        good.trim_end().into(),
        good.replacen("Acme\n", "Acme \n", 1),
        good.replacen("Acme\n", "Acme\t\n", 1),
        good.replacen("Acme\n", "Acme\u{a0}\n", 1),
        good.replacen("Acme\n", "Acme\n \n", 1),
        good.replacen("Acme\n", "Acme\n\n", 1),
        good.replace('\n', "\r\n"),
        good.replacen("Acme", "Ac\rme", 1),
        good.replacen("Acme", "Ac\u{0}me", 1),
        format!("{good}\n"),
        format!("\n{good}"),
        good.replacen(&line, "", 1),
        good.replacen(&line, &format!("{line}{line}"), 1),
        good.replacen(&line, &format!("{line}date: yesterday\n"), 1),
        good.replacen("Date:", "DATE:", 1),
        good.replacen("Date: ", "Date:", 1),
        good.replacen("UTC", "GMT", 1),
        text(NOW.plus(1)),
        text(NOW.plus(-1)),
    ] {
        let refused = signer.sign(ready(&signer, NOW), &bad).unwrap_err();
        assert!(matches!(refused, SigningError::Text(_)), "{bad:?}: {refused}");
    }
    assert_eq!(signer.floor.read(&suite("stable")).unwrap(), None);
    signer.sign(ready(&signer, NOW), &good).unwrap();
}

#[test]
fn lines_that_look_like_framing_are_signed_as_text() {
    let dir = tempfile::tempdir().unwrap();
    let signer = signer(dir.path(), vec![ed25519(NOW)]);
    let odd = "-----BEGIN PGP SIGNATURE-----\n- a\n-\nFrom x\n \t- tab\n";
    let text = text(NOW) + odd;
    let signed = signer.sign(ready(&signer, NOW), &text).unwrap();
    let public = signer.public_armored().unwrap();
    assert_eq!(verify_in_release(signed.in_release(), &public, NOW).unwrap(), text);
}

#[test]
fn clocks_far_from_the_machines_work() {
    for at in [Moment(1), Moment(1_000_000_000), Moment(4_000_000_000), Moment((1 << 32) - 1)] {
        let dir = tempfile::tempdir().unwrap();
        let signer = signer(dir.path(), vec![ed25519(at)]);
        let signed = signer.sign(ready(&signer, at), &text(at)).unwrap();
        assert_eq!(signed.release(), text(at));
    }
}

#[test]
fn the_past_is_signed_below_the_floor_and_does_not_move_it() {
    let dir = tempfile::tempdir().unwrap();
    let pair = signer(dir.path(), vec![ed25519(NOW.plus(-9)), ed25519(NOW.plus(-5))]);
    let past = |at: Moment| pair.sign_past(&suite("stable"), at, &text(at));
    let refused = past(NOW).unwrap_err();
    assert!(matches!(refused, SigningError::NotPast { floor: None, .. }), "{refused}");
    pair.sign(ready(&pair, NOW), &text(NOW)).unwrap();
    for at in [NOW, NOW.plus(-1), NOW.plus(-5)] {
        let (signed, signed_at) = past(at).unwrap();
        assert_eq!((signed.release(), signed_at), (text(at).as_str(), at));
        pair.all().prove(&signed, at).unwrap();
    }
    // Older than a key: the signature is as old as the key, and the Date is unchanged.
    let (signed, signed_at) = past(NOW.plus(-7)).unwrap();
    assert_eq!((signed.release(), signed_at), (text(NOW.plus(-7)).as_str(), NOW.plus(-5)));
    pair.all().prove(&signed, NOW.plus(-5)).unwrap();
    assert!(pair.all().prove(&signed, NOW.plus(-6)).is_err());
    for at in [NOW.plus(1), NOW.plus(1_000_000)] {
        let refused = past(at).unwrap_err();
        assert!(matches!(refused, SigningError::NotPast { .. }), "{refused}");
    }
    let other = pair.sign_past(&suite("other"), NOW, &text(NOW)).unwrap_err();
    assert!(matches!(other, SigningError::NotPast { floor: None, .. }), "{other}");
    let bad = pair.sign_past(&suite("stable"), NOW.plus(-1), &text(NOW)).unwrap_err();
    assert!(matches!(bad, SigningError::Text(_)), "{bad}");
    assert_eq!(pair.floor.read(&suite("stable")).unwrap(), Some(NOW));
    assert_eq!(pair.floor.read(&suite("other")).unwrap(), None);
}

#[test]
fn a_key_newer_than_the_date_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let signer = signer(dir.path(), vec![ed25519(NOW), ed25519(NOW.plus(1))]);
    let refused = signer.sign(ready(&signer, NOW), &text(NOW)).unwrap_err();
    assert!(matches!(refused, SigningError::KeyYounger { .. }), "{refused}");
    assert!(refused.to_string().contains(&signer.fingerprints()[1]));
    assert_eq!(signer.floor.read(&suite("stable")).unwrap(), None, "no Date is used up");
}

#[test]
fn the_gate_refuses_files_that_do_not_belong_together() {
    let dir = tempfile::tempdir().unwrap();
    let pair = signer(dir.path(), vec![ed25519(NOW), ed25519(NOW)]);
    let good = pair.sign(ready(&pair, NOW), &text(NOW)).unwrap();
    let later = NOW.plus(1);
    let next = pair.sign(ready(&pair, later), &text(later)).unwrap();
    pair.all().prove(&good, later).unwrap();
    let alone = tempfile::tempdir().unwrap();
    let stranger = signer(alone.path(), vec![ed25519(NOW)]);
    let foreign = stranger.sign(ready(&stranger, NOW), &text(NOW)).unwrap();
    let lone = signer(alone.path(), vec![ed25519(NOW)]);
    lone.keys.store(Arc::default());
    for bad in [
        SignedRelease { release: next.release.clone(), ..good.clone() },
        SignedRelease { in_release: next.in_release.clone(), ..good.clone() },
        SignedRelease { release_gpg: next.release_gpg.clone(), ..good.clone() },
        SignedRelease { in_release: foreign.in_release.clone(), ..good.clone() },
        SignedRelease { release_gpg: foreign.release_gpg.clone(), ..good.clone() },
        SignedRelease { release_gpg: String::new(), ..good.clone() },
    ] {
        assert!(pair.all().prove(&bad, later).is_err(), "{bad:?}");
    }
    let blanks = text(NOW).replacen("Acme\n", "Acme \n", 1);
    let created = timestamp(NOW).unwrap();
    let uneven = SignedRelease {
        in_release: pair.all().sign_in_clear(&blanks, created, &[]).unwrap(),
        release_gpg: pair.all().sign_detached(&blanks, created, &[]).unwrap(),
        release: blanks,
    };
    assert!(pair.all().prove(&uneven, NOW).is_err(), "blanks that clear-signing drops");
    assert!(pair.all().prove(&next, NOW).is_err(), "signed after the moment of judging");
    assert!(lone.all().prove(&foreign, NOW).is_err(), "other keys than the signer's");
}

#[test]
fn a_change_of_the_keyring_that_is_not_known_to_be_durable_is_what_the_disk_says() {
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("keys");
    std::fs::create_dir(&keys).unwrap();
    std::fs::create_dir(dir.path().join("floor")).unwrap();
    ed25519(NOW).write_new(keys.join("signing.asc")).unwrap();
    let open = || {
        let floor = crate::signing::DateFloor::open(dir.path().join("floor")).unwrap();
        Signer::of_keyring(Keyring::at(&keys, KeyAccess::default()), floor)
    };
    let signer = open().unwrap();
    // The file of the public keys cannot be replaced, and that comes after the keyring.
    let public = keys.join("archive-key.asc");
    std::fs::remove_file(&public).unwrap();
    std::fs::create_dir(&public).unwrap();
    let add = || signer.add(NewKey::Make(KeyKind::Ed25519, "another".into()), None, NOW);
    let unknown = add().unwrap_err();
    assert!(matches!(unknown, SigningError::Unsynced { .. }), "{unknown}");
    let names =
        |keys: Vec<KeyringKey>| keys.into_iter().map(|key| key.fingerprint).collect::<Vec<_>>();
    assert_eq!(signer.keys().len(), 2, "what is shown is what the next start has");
    assert_eq!(names(signer.keys()), names(signer.kept_keys().unwrap()));
    std::fs::remove_dir(&public).unwrap();
    add().unwrap();
    assert_eq!(names(signer.keys()), names(signer.kept_keys().unwrap()));
    assert_eq!(names(open().unwrap().keys()).len(), 3);
}
