//! What the proof of an index accepts, and that it finds every fault that an index could have.

use proptest::prelude::*;

use super::*;
use crate::debian::Control;

const DIGEST: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

const MD5: &str = "Description-md5: 64964faf22f36fbd8983fb5015010c0b";

fn stanza(name: &str) -> String {
    format!(
        "Package: {name}\nVersion: 1:2.0-1\nArchitecture: amd64\nMulti-Arch: same\n\
         Depends: libc6 (>= 2.34), ab:any | cd (= 1)\nTag:\n a::b\n\
         Filename: pool/main/h/{name}_2.0-1.deb\n\
         Size: 53080\nSHA256: {DIGEST}\nDescription: greets\n Text.\n .\n More.\n\n"
    )
}

fn refusal(text: &str) -> String {
    prove(text.as_bytes()).expect_err(text).to_string()
}

#[test]
fn what_we_write_is_proven_and_comes_back_as_values() {
    let proven = prove(format!("{}{}", stanza("hello"), stanza("lib")).as_bytes()).unwrap();
    assert_eq!(proven.len(), 2);
    let last = proven.last().unwrap();
    assert_eq!((last.name.as_str(), last.version.as_str()), ("lib", "1:2.0-1"));
    assert_eq!((last.architecture.as_str(), last.size_bytes), ("amd64", 53080));
    assert_eq!(
        (&*last.filename, last.digest.to_string()),
        ("pool/main/h/lib_2.0-1.deb", DIGEST.into())
    );
    assert_eq!(prove(b""), Ok(vec![]));
}

#[test]
fn each_form_of_index_has_its_own_rules() {
    let whole = stanza("hello");
    let short = whole.replace("greets\n Text.\n .\n More.\n", &format!("greets\n{MD5}\n"));
    let udeb = whole.replace(".deb", ".udeb").replace("Multi-Arch: same", "Package-Type: udeb");
    let deb = whole.replace("Multi-Arch: same", "Package-Type: deb");
    let text = |form| match form {
        Form::Whole => &whole,
        Form::Short => &short,
        Form::Installer => &udeb,
    };
    for form in [Form::Whole, Form::Short, Form::Installer] {
        assert_eq!(prove_as(text(form).as_bytes(), form).unwrap().len(), 1);
    }
    assert!(prove(deb.as_bytes()).is_ok());
    let cases = [
        (short.clone(), Form::Whole, "no place in an index"),
        (short.replace(MD5, "Description-md5: 64964"), Form::Short, "32 lower-case"),
        (short.replace(MD5, &format!(" Text.\n{MD5}")), Form::Short, "a Description of one line"),
        (short.replace(MD5, &format!("X-Tag: x\n{MD5}")), Form::Short, "a Description of one line"),
        (short.replace("-md5", "-MD5"), Form::Short, "no place in an index"),
        (udeb.clone(), Form::Whole, "pool/….deb"),
        (udeb.replace(".udeb", ".deb"), Form::Whole, "only there"),
        (udeb.replace(".udeb", ".deb"), Form::Installer, "pool/….udeb"),
        (deb.replace(".deb", ".udeb"), Form::Installer, "only there"),
        (udeb.replace(": udeb", ": UDEB"), Form::Installer, "only there"),
    ];
    for (text, form, part) in cases {
        let said = prove_as(text.as_bytes(), form).expect_err(&text).to_string();
        assert!(said.contains(part), "{text}: {said}");
    }
    // Most of the installer's packages are recognised only by their section.
    for section in ["debian-installer", "contrib/debian-installer"] {
        let bare = udeb.replace("Package-Type: udeb", &format!("Section: {section}"));
        prove_as(bare.as_bytes(), Form::Installer).unwrap();
        let listed = bare.replace(".udeb", ".deb");
        let said = prove(listed.as_bytes()).expect_err(&listed).to_string();
        assert!(said.contains("only there"), "{said}");
    }
    // After a short stanza, the rules start again.
    let two = format!("{short}{whole}");
    assert_eq!(prove_as(two.as_bytes(), Form::Short).unwrap().len(), 2);
}

#[test]
fn every_departure_from_our_form_is_seen() {
    let good = stanza("hello");
    let cases = [
        ("Package: hello\n", "", "begins with Package"),
        ("Package: hello\n", "package: hello\n", "begins with Package"),
        ("Package: hello\n", "\nPackage: hello\n", "exactly one empty line"),
        ("Package: hello\n", "Package: hello\n x\n", "no line continues"),
        ("Package: hello\n", "Package: Hello\n", "package name"),
        ("Version: 1:2.0-1\n", "", "has Version"),
        ("Version: 1:2.0-1\n", "Version: 1:2.0-1\r\n", "control"),
        ("Version: 1:2.0-1\n", "Version:\n 1\n", "on its own line"),
        ("Version: 1:2.0-1\n", "VERSION: 1\n", "usual spelling"),
        ("Version: 1:2.0-1\n", "Version: x\n", "is a version"),
        ("Version: 1:2.0-1\n", "Version: 1:2.0-1\nversion: 3\n", "once in a stanza"),
        ("Architecture: amd64\n", "", "has Architecture"),
        ("Architecture: amd64\n", "Architecture: any\n", "concrete"),
        ("same\n", "Same\n", "Multi-Arch"),
        ("Multi", "#Multi", "field name"),
        ("Multi-Arch:", "Multi-Arch", "has a colon"),
        ("Multi-Arch: ", "Multi-Arch:", "one space"),
        ("Multi-Arch: ", "Multi-Arch:  ", "one space"),
        ("Multi-Arch: ", "Multi Arch: ", "visible ASCII"),
        ("(>= 2.34)", "(>=2.34)", "a relation"),
        ("(>= 2.34)", "(> 2.34)", "a relation"),
        ("(>= 2.34)", "(>= 2.34", "a relation"),
        ("(>= 2.34),", "(>= 2.34),,", "a relation"),
        (", ab", ", ab cd", "a relation"),
        (" (= 1)", " (= 1)\n , ef", "no line continues"),
        ("Tag:\n a::b\n", "Tag:\n", "has a value"),
        ("Filename: pool", "Filename: /pool", "pool/….deb"),
        ("pool/main", "pool/../main", "begins with '.'"),
        ("pool/main", "pool//main", "is empty"),
        ("pool/main", "pool/ma in", "letters, digits"),
        (".deb\n", ".udeb\n", "pool/….deb"),
        ("Size: 53080\n", "", "has Size"),
        ("53080", "053080", "leading zeros"),
        ("53080", "0", "above 0"),
        ("53080", "99999999999999999999", "a number"),
        ("SHA256: ba", "SHA256: BA", "SHA256"),
        ("SHA256", "SHA512", "no place in an index"),
        ("SHA256", "Sha256", "usual spelling"),
        ("Tag:", "MD5Sum:", "no place in an index"),
        ("greets\n", "greets \n", "ends with a blank"),
        (" .\n", " \n", "ends with a blank"),
        (" .\n", "\n", "no line continues"),
        ("Text", "T\u{85}xt", "control"),
        ("Text", "T\u{2028}xt", "separator"),
        ("Text", "T\u{202e}xt", "direction"),
        ("Text", "T\0xt", "control"),
        ("More.\n\n", "More.\n", "closed by an empty line"),
        ("More.\n\n", "More.", "ends with a newline"),
        ("More.\n\n", "More.\n\n\n", "exactly one empty line"),
    ];
    for (from, to, part) in cases {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from:?}");
        let error = refusal(&bad);
        assert!(error.contains(part), "{from:?} to {to:?}: {error}");
    }
}

#[test]
fn the_error_names_the_place() {
    let first = stanza("hello");
    let bad = format!("{first}{}", stanza("world").replace("Size: 53080", "Size: x"));
    let error = prove(bad.as_bytes()).unwrap_err();
    assert_eq!(error.stanza, 2);
    assert_eq!(error.package.as_ref().map(PackageName::as_str), Some("world"));
    assert_eq!(error.offset_bytes, bad.find("Size: x").unwrap());
    let torn = prove(b"Package: ab\nX: \xff\n\n").unwrap_err();
    assert_eq!((torn.offset_bytes, torn.rule), (15, "the text is UTF-8"));
}

#[test]
fn whatever_control_publishes_is_proven() {
    let odd = "version: 0:1.00~\nARCHITECTURE: all\nsource: src( 1 )\nPackage: lib\n\
               Maintainer: é <x>\n\
               depends:ab(>=2),cd:any|ef\n ,gh\nX-Odd:\n only\n\tbelow\nX-None:\n\
               Description:\n text\n .\n";
    let control = Control::parse(odd.as_bytes()).unwrap();
    let text = control.published("pool/x/lib_1.00~_all.deb", 7, &Digest::of(b"x"));
    let proven = prove(text.as_bytes()).unwrap();
    let one = proven.first().unwrap();
    assert_eq!(&one.name, control.package());
    assert_eq!(&one.version, control.version());
    assert_eq!((one.size_bytes, one.digest), (7, Digest::of(b"x")));
}

proptest! {
    #[test]
    fn mutated_bytes_never_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let mut bytes = format!("{}{}", stanza("hello"), stanza("lib")).into_bytes();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(proven) = prove(&bytes) {
            prop_assert_eq!(proven.len(), 2);
        }
    }

    #[test]
    fn mutated_control_is_refused_or_published_provably(
        edits in prop::collection::vec((any::<prop::sample::Index>(), "[ -~\n\t\r,|:()é]"), 1..6),
    ) {
        let mut chars: Vec<char> =
            "Package: hello\nVersion: 1\nArchitecture: all\nMaintainer: x\nSource: src (2)\n\
             Depends: ab (>= 1) | cd, ef\nX-Y: z\nDescription: d\n text\n .\n".chars().collect();
        for (at, edit) in edits {
            let at = at.index(chars.len());
            chars[at] = edit.chars().next().unwrap();
        }
        let text: String = chars.into_iter().collect();
        if let Ok(control) = Control::parse(text.as_bytes()) {
            let index = control.published("pool/x.deb", 7, &Digest::of(b"x"));
            prop_assert_eq!(prove(index.as_bytes()).map(|proven| proven.len()), Ok(1), "{}", index);
        }
    }
}
