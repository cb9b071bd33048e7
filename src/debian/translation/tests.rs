//! Debian's own Description-md5 are computed again; stanzas are split and proven.

use proptest::prelude::*;

use super::*;
use crate::debian::Control;
use crate::debian::packages::{Form, prove as prove_packages, prove_as};
use crate::digest::Digest;

/// As Debian 12 has them: the description of the package, and its Description-md5 in the archive.
const REAL: [(&str, &str); 2] = [
    (
        "Correct you if you type `sl' by mistake\n Sl is a program that can display animations aimed \
         to correct you\n if you type 'sl' by mistake.\n SL stands for Steam Locomotive.",
        "64964faf22f36fbd8983fb5015010c0b",
    ),
    (
        "Documentation and examples for the GNU Bourne Again SHell\n Bash is an sh-compatible \
         command language interpreter that executes\n commands read from the standard input or from \
         a file.  Bash also\n incorporates useful features from the Korn and C shells (ksh and \
         csh).\n .\n This package contains the distributable documentation, all the\n examples and \
         the main changelog.",
        "232b3e580e9136f4e0c8f65a0c7a5b36",
    ),
];

#[test]
fn debians_own_sums_are_found_again() {
    for (description, md5) in REAL {
        assert_eq!(description_md5(description).to_string(), md5);
    }
}

fn published(description: &str) -> String {
    let text = format!(
        "Package: hello\nVersion: 1\nArchitecture: amd64\nMaintainer: A <a@example.org>\n\
         Tag:\n a::b\nDescription: {description}\n"
    );
    let control = Control::parse(text.as_bytes()).unwrap();
    control.published("pool/h/hello.deb", 42, &Digest::of(b""))
}

#[test]
fn a_stanza_is_parted_in_two_that_belong_together() {
    let (description, md5) = REAL[0];
    let whole = published(description);
    let parted = split(&whole).unwrap();
    let short = whole.split_once("\n Sl is").unwrap().0;
    assert_eq!(parted.packages, format!("{short}\nDescription-md5: {md5}\n\n"));
    assert_eq!(
        parted.translation,
        format!("Package: hello\nDescription-md5: {md5}\nDescription-en: {description}\n\n")
    );
    prove_packages(whole.as_bytes()).unwrap();
    prove_as(parted.packages.as_bytes(), Form::Short).unwrap();
    prove_packages(parted.packages.as_bytes()).expect_err("a short stanza in a whole index");
    let proven = prove(parted.translation.as_bytes()).unwrap();
    assert_eq!(proven.len(), 1);
    assert_eq!((proven[0].package.as_str(), proven[0].md5), ("hello", parted.md5));
}

#[test]
fn a_stanza_of_another_form_is_not_parted() {
    let whole = published("greets\n Text.");
    for (from, to) in [
        ("Description: greets\n", "Description:\n"),
        ("Description: ", "Descriptions: "),
        (" Text.\n\n", " Text.\n"),
        (" Text.\n", " Text.\nSize: 3\n"),
        ("Package: hello", "Package: Hello"),
        ("Package: hello\n", ""),
    ] {
        let other = whole.replacen(from, to, 1);
        assert_ne!(other, whole);
        assert_eq!(split(&other), None, "{to:?}");
    }
    // Without a first line, `Packages` could list nothing.
    assert_eq!(split(&published("\n Text.")), None);
    prove_as(published("\n Text.").as_bytes(), Form::Short).unwrap();
}

#[test]
fn every_departure_from_our_form_is_seen() {
    let one = split(&published(REAL[0].0)).unwrap().translation;
    let other = split(&published(REAL[1].0)).unwrap().translation;
    assert_eq!(prove(format!("{other}{one}").as_bytes()).unwrap().len(), 2);
    assert_eq!(prove(b""), Ok(Vec::new()));
    let cases = [
        (format!("{one}{other}"), "sorted"),
        (format!("{one}{one}"), "each once"),
        (one.replacen("hello", "Hello", 1), "package name"),
        (one.replacen("Package: ", "", 1), "a stanza is Package"),
        (one.replacen("-en: ", "-de: ", 1), "a stanza is Package"),
        (one.replacen("Steam", "steam", 1), "that of the description"),
        (one.replacen("64964f", "64964e", 1), "that of the description"),
        (one.replacen("Correct", " Correct", 1), "begins with a line"),
        (one.replacen("\n if", "\nif", 1), "begins with a line"),
        (one.replacen("mistake\n", "mistake \n", 1), "ends with a blank"),
        (one.replacen("mistake\n", "mistake\r\n", 1), "control"),
        (one.strip_suffix('\n').unwrap().into(), "an empty line"),
        (format!("\n{one}"), "a stanza is Package"),
        (format!("{one}\n"), "an empty line"),
    ];
    for (text, part) in cases {
        let error = prove(text.as_bytes()).expect_err(part).to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

proptest! {
    #[test]
    fn whatever_is_published_is_parted_and_proven(
        short in "[!-~é][ -~é]{0,20}", long in prop::collection::vec(" {1,2}[!-~é]{1,9}", 0..4),
    ) {
        let lines: String = long.iter().map(|line| format!("\n{line}")).collect();
        let whole = published(&format!("{}{lines}", short.trim_end()));
        let parted = split(&whole).unwrap();
        let listed = prove_as(parted.packages.as_bytes(), Form::Short).unwrap();
        prop_assert_eq!(&listed, &prove_packages(whole.as_bytes()).unwrap());
        prop_assert_eq!(prove(parted.translation.as_bytes()).unwrap()[0].md5, parted.md5);
    }
}
