//! The form of a Release text, and that reading returns what was written.

use proptest::prelude::*;

use super::*;

fn suite_name(text: &str) -> SuiteName {
    SuiteName::parse(text).unwrap()
}

fn entry_of(path: &str, size_bytes: u64) -> ReleaseEntry {
    ReleaseEntry { path: path.into(), size_bytes, digest: Digest::of(path.as_bytes()) }
}

fn example() -> ReleaseText {
    let entries = vec![
        entry_of("main/binary-amd64/Packages.gz", 20),
        entry_of("main/binary-amd64/Packages", 12345),
    ];
    let fields = ReleaseFields {
        origin: "Acme".into(),
        label: "Acme Private".into(),
        suite: suite_name("stable"),
        codename: suite_name("stable"),
        date: "Mon, 23 Nov 2026 03:31:39 UTC".into(),
        valid_until: Some("Mon, 30 Nov 2026 03:31:39 UTC".into()),
        not_automatic: false,
        but_automatic_upgrades: false,
        changelogs: None,
        snapshots: None,
        acquire_by_hash: true,
        architectures: vec!["amd64".parse().unwrap(), "arm64".parse().unwrap()],
        components: vec!["main".parse().unwrap(), "extra".parse().unwrap()],
        description: String::new(),
    };
    ReleaseText { fields, entries }
}

#[test]
fn the_text_is_what_apt_expects() {
    let expected = "\
Origin: Acme
Label: Acme Private
Suite: stable
Codename: stable
Date: Mon, 23 Nov 2026 03:31:39 UTC
Valid-Until: Mon, 30 Nov 2026 03:31:39 UTC
Acquire-By-Hash: yes
Architectures: amd64 arm64
Components: main extra
SHA256:
 DIGEST            12345 main/binary-amd64/Packages
 DIGEST               20 main/binary-amd64/Packages.gz
";
    let mut text = example().write();
    for path in ["main/binary-amd64/Packages", "main/binary-amd64/Packages.gz"] {
        text = text.replace(&Digest::of(path.as_bytes()).to_string(), "DIGEST");
    }
    assert_eq!(text, expected);
}

#[test]
fn every_kind_of_suite_is_written_and_read_back() {
    let mut release = example();
    release.fields.valid_until = None;
    release.fields.not_automatic = true;
    release.fields.but_automatic_upgrades = true;
    release.fields.changelogs = Some("https://h/c/@CHANGEPATH@_changelog".into());
    release.fields.snapshots = Some("https://h/snapshot/@SNAPSHOTID@/".into());
    let text = release.write();
    let lines = [
        "Date: Mon, 23 Nov 2026 03:31:39 UTC\nNotAutomatic: yes\nButAutomaticUpgrades: yes\n",
        "Changelogs: https://h/c/@CHANGEPATH@_changelog\n",
        "Snapshots: https://h/snapshot/@SNAPSHOTID@/\nSHA256:\n",
    ];
    for part in lines {
        assert!(text.contains(part), "{text}");
    }
    let read = ReleaseText::parse(text.as_bytes()).unwrap();
    assert_eq!(read.write(), text);
    assert_eq!(read.fields, release.fields);
    let cases = [
        ("NotAutomatic: yes\n", "", "needs NotAutomatic"),
        ("NotAutomatic: yes", "NotAutomatic: no", "'yes' or are left out"),
        ("Upgrades: yes", "Upgrades: true", "'yes' or are left out"),
        ("@CHANGEPATH@", "", "the word that apt fills in"),
        ("@SNAPSHOTID@", "@SNAPSHOTID@@SNAPSHOTID@", "the word that apt fills in"),
        ("https://h/snap", "http://h/snap", "begins with https://"),
        ("https://h/snap", "https:///snap", "names a host"),
        ("https://h/snap", "https://me@h/snap", "no user"),
        ("https://h/snap", "https://h/sn ap", "without blanks"),
        ("https://h/snapshot/@SNAPSHOTID@/", "https://@SNAPSHOTID@", "has a path"),
    ];
    for (from, to, part) in cases {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        let error = ReleaseText::parse(changed.as_bytes()).expect_err(to).to_string();
        assert!(error.contains(part), "{from:?} to {to:?}: {error}");
    }
}

#[test]
fn no_line_ends_with_a_blank() {
    let mut release = example();
    release.fields.description = "for the fleet \t ".into();
    let text = release.write();
    assert!(text.contains("Description: for the fleet\nSHA256:\n"));
    assert!(text.lines().all(|line| !line.ends_with([' ', '\t'])));
}

#[test]
fn a_text_that_says_more_or_less_is_refused() {
    let good = example().write();
    assert!(ReleaseText::parse(good.as_bytes()).is_ok());
    let cases = [
        ("Origin: Acme\n", "", "Origin is there"),
        ("Label: ", "Origin: Other\nLabel: ", "comes once"),
        ("Label: ", "Signed-By: x\nLabel: ", "one of those"),
        ("Label: Acme", "Label:  Acme", "one space"),
        ("Label: ", "Label:", "'Name: value'"),
        ("Private\n", "Private \n", "ends with a blank"),
        ("Private\n", "Private\r\n", "control"),
        ("Private\n", "Private\n\n", "no line is empty"),
        ("Mon, 23", "Man, 23", "a date"),
        ("03:31:39 UTC", "03:31:39 +0000", "a date"),
        ("03:31:39 UTC", "3:31:39 UTC", "a date"),
        ("03:31:39 UTC", "03:31:39  UTC", "a date"),
        ("03:31:39 UTC", "24:31:39 UTC", "a date"),
        ("Mon, 23", "Tue, 23", "a date"),
        ("Mon, 23", "mon, 23", "a date"),
        ("23 Nov", "31 Nov", "a date"),
        ("23 Nov 2026", "23 Nov 26", "a date"),
        ("Hash: yes", "Hash: true", "'yes' or 'no'"),
        ("amd64 arm64", "amd64 all", "concrete"),
        ("amd64 arm64", "amd64 amd64", "each once"),
        ("main extra", "main  extra", "one space"),
        ("12345 main", "+12345 main", "number of bytes"),
        ("12345 main", "12345 ../main", "climbs nowhere"),
        ("12345 main", "12345 /main", "climbs nowhere"),
        ("12345 main", "12345 zoo", "sorted by path"),
        ("Packages.gz", "Packages", "once each"),
        ("SHA256:\n", "SHA256:\n x\n", "' digest size path'"),
        ("Packages.gz\n", "Packages.gz", "ends with a newline"),
    ];
    for (from, to, part) in cases {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good);
        let error = ReleaseText::parse(text.as_bytes()).expect_err(to).to_string();
        assert!(error.contains(part), "{from:?} to {to:?}: {error}");
    }
}

#[test]
fn an_origin_that_holds_a_line_end_does_not_come_back() {
    let mut release = example();
    release.fields.origin = "Acme\nDescription: smuggled".into();
    let read = ReleaseText::parse(release.write().as_bytes());
    assert_ne!(read.map(|read| read.fields), Ok(release.fields));
}

fn text() -> impl Strategy<Value = String> {
    "[!-~é]([ -~é]{0,20}[!-~é])?"
}

fn release() -> impl Strategy<Value = ReleaseText> {
    let texts = (text(), text(), prop_oneof![Just(String::new()), text()]);
    let paths =
        prop::collection::btree_map("[a-z][a-z0-9/]{0,9}[a-z0-9](\\.gz)?", any::<u64>(), 0..6);
    let kind = (any::<bool>(), any::<bool>(), any::<bool>(), "[!-?A-~]{0,9}");
    let all = (texts, paths, any::<bool>(), kind);
    all.prop_map(|((origin, label, description), paths, by_hash, kind)| {
        let mut release = example();
        let (lasting, not_automatic, upgrades, path) = kind;
        release.fields = ReleaseFields {
            origin,
            label,
            description,
            acquire_by_hash: by_hash,
            valid_until: release.fields.valid_until.filter(|_| !lasting),
            not_automatic,
            but_automatic_upgrades: not_automatic && upgrades,
            changelogs: upgrades.then(|| format!("https://h/{path}{CHANGELOGS_WORD}")),
            snapshots: lasting.then(|| format!("https://h/{SNAPSHOTS_WORD}{path}")),
            ..release.fields
        };
        let paths = paths.into_iter().filter(|(path, _)| !path.contains("//"));
        release.entries = paths.map(|(path, size)| entry_of(&path, size)).collect();
        release
    })
}

proptest! {
    #[test]
    fn reading_what_was_written_gives_the_same_release(release in release()) {
        let text = release.write();
        let read = ReleaseText::parse(text.as_bytes());
        prop_assert_eq!(read.as_ref(), Ok(&release));
        prop_assert_eq!(read.unwrap().write(), text);
    }

    #[test]
    fn mutated_bytes_never_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let mut bytes = example().write().into_bytes();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(read) = ReleaseText::parse(&bytes) {
            prop_assert_eq!(ReleaseText::parse(read.write().as_bytes()), Ok(read));
        }
    }
}
