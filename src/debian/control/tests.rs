//! Which control files are accepted, which faults the others have, and how an index lists them.

use super::*;

const BASE: &str = "Package: hello\nVersion: 2.10-3+b1\nArchitecture: amd64\n\
                    Maintainer: A B <a@example.org>\nDescription: greets\n Text.\n";

fn with(more: &str) -> Result<Control, Vec<Fault>> {
    Control::parse(format!("{BASE}{more}").as_bytes())
}

fn said(result: Result<Control, Vec<Fault>>) -> String {
    let faults = result.expect_err("was taken");
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}

#[test]
fn names_versions_and_sources_are_values() {
    let plain = with("").unwrap();
    assert_eq!(plain.package().as_str(), "hello");
    assert_eq!(plain.version().as_str(), "2.10-3+b1");
    assert_eq!(plain.architecture().as_str(), "amd64");
    assert_eq!((plain.source(), plain.source_version()), (plain.package(), plain.version()));
    let source = |text: &str| {
        let control = with(text).unwrap();
        format!(
            "{} {} {}",
            control.source(),
            control.source_version(),
            control.stanza().find("Source").unwrap()
        )
    };
    assert_eq!(source("Source: gnu\n"), "gnu 2.10-3+b1 gnu");
    assert_eq!(source("Source: gnu(2.10-3)\n"), "gnu 2.10-3 gnu (2.10-3)");
    assert_eq!(source("source:  gnu ( 2.10-3 ) \n"), "gnu 2.10-3 gnu (2.10-3)");
}

#[test]
fn an_index_lists_the_package_first_and_the_description_last() {
    let text = "Maintainer: A B <a@example.org>\nDescription: greets\n Text.\nversion: 1\n\
                Package: hello\n\
                depends: ab(>=1),\n cd\nSuggests:\nArchitecture: all\nX-Extra: y\n";
    let control = Control::parse(text.as_bytes()).unwrap();
    let digest = Digest::of(b"");
    assert_eq!(
        control.published("pool/hello.deb", 42, &digest),
        format!(
            "Package: hello\nMaintainer: A B <a@example.org>\nVersion: 1\nDepends: ab (>= 1), cd\n\
             Architecture: all\nX-Extra: y\nFilename: pool/hello.deb\nSize: 42\nSHA256: {digest}\n\
             Description: greets\n Text.\n\n"
        )
    );
}

#[test]
fn all_missing_fields_are_named_at_once() {
    let said = said(Control::parse(b"Maintainer:\nXy: z\n"));
    for name in ["Package", "Version", "Architecture", "Maintainer", "Description"] {
        assert!(said.contains(&format!("{name}: is missing or empty; ")), "{said}");
    }
    assert_eq!(said.lines().count(), 5);
}

#[test]
fn fields_hold_what_dpkg_and_apt_agree_on() {
    let good = [
        "Multi-Arch: foreign\nEssential: no\nProtected: yes\nImportant: yes\nInstalled-Size: 277\n",
        "Section: non-free/libs\nPriority: optional\n",
        "Package-Type: deb\nTag: a::b,\n c::d\nLicense: MIT\nVendor: none\n",
        "Section:\nHomepage:\nDepends:\nInstalled-Size:\n",
    ];
    for text in good {
        assert!(with(text).is_ok(), "{text}: {:?}", with(text));
    }
    let bad = [
        ("Multi-Arch: alien\n", "Multi-Arch: is 'no', 'same'"),
        ("essential: true\n", "Essential: is 'yes' or 'no'"),
        ("Phased-Update-Percentage: 101\n", "Phased-Update-Percentage: is a whole number"),
        ("Description-en: x\n", "Description-en: hides the Description"),
        ("description-DE: x\n y\n", "description-DE: hides the Description"),
        ("Installed-Size: 12k\n", "Installed-Size: is a number"),
        ("Installed-Size: 1234567890123456\n", "Installed-Size: is a number"),
        ("Section: a;b\n", "Section: is one to three"),
        ("Section: &\n", "Section: is one to three"),
        ("Installed-Size: .5\n", "Installed-Size: is a number"),
        ("Installed-Size: 1.5.2\n", "Installed-Size: is a number"),
        ("Installed-Size: 12,5\n", "Installed-Size: is a number"),
        ("Section: ../etc\n", "Section: is one to three"),
        ("Section: a//b\n", "Section: is one to three"),
        ("Section: libs\n main\n", "Section: is one line"),
        ("Priority: very high\n", "Priority: is one word"),
        ("Homepage: x\n y\n", "Homepage: is one line"),
        ("Source: gnu (1\n", "Source: is 'name' or 'name (version)'"),
        ("Source: ../x\n", "Source: source"),
        ("Depends: ab (< 1)\n", "Depends: \"ab (< 1)\" uses"),
        ("Package-Type: rpm\n", "Package-Type: is 'deb', 'udeb' for the installer, 'ddeb'"),
        ("Package-Type: UDEB\n", "Package-Type: is 'deb', 'udeb' for the installer, 'ddeb'"),
        ("Filename: pool/x.deb\n", "Filename: is set by the repository"),
        ("size: 3\n", "Size: is set by the repository"),
        ("sha256: x\n", "SHA256: is set by the repository"),
        ("MD5Sum: x\n", "MD5sum: is set by the repository"),
        ("Description-md5: x\n", "Description-md5: is set by"),
        ("Status:\n", "Status: is set by the repository"),
        ("Conffiles:\n /etc/x 0\n", "Conffiles: is set by"),
        ("X: y\n", "X: is a name of one character"),
        ("Rollback: never\n", "Rollback: is 'yes' or 'no'"),
        ("Optional: ab\n", "Optional: is a former name; use Suggests"),
        ("Revision: 3\n", "Revision: is a former name; use Version"),
    ];
    for (text, part) in bad {
        let said = said(with(text)).replace("Source: package name", "Source: source");
        assert!(said.contains(part), "{text:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{text:?}: {said}");
    }
}

#[test]
fn what_vendors_write_is_written_as_every_reader_understands_it() {
    for (given, field, written) in [
        ("Priority: Optional\n", "Priority", "optional"),
        ("priority: EXTRA\n", "Priority", "extra"),
        ("Essential: No\n", "Essential", "no"),
        ("Protected: YES\n", "Protected", "yes"),
        ("rollback: No\n", "Rollback", "no"),
        ("Multi-Arch: Foreign\n", "Multi-Arch", "foreign"),
        ("Section: Amateur Radio\n", "Section", "Amateur-Radio"),
        ("Section: non-free / Sound & Video\n", "Section", "non-free/Sound-Video"),
        // apt hashes these: they are as dpkg stores them.
        ("Installed-Size: 12.5\n", "Installed-Size", "12.5"),
        ("Installed-Size: 0012\n", "Installed-Size", "0012"),
        ("Depends: ab (>= 0:1-1), cd(=  02:1)|ef\n", "Depends", "ab (>= 1-1), cd (= 2:1) | ef"),
        ("Breaks: ab (<< 0:1)\n", "Breaks", "ab (<< 1)"),
        // Neither dpkg nor apt reads these; Debian's libnewlib-sh-elf-dev has a version where a
        // name should be.
        ("built-using: gcc-12 (=0:12), ab | =[\n", "Built-Using", "gcc-12 (=0:12), ab | =["),
        ("Static-Built-Using: 4.6.0-2\n", "Static-Built-Using", "4.6.0-2"),
    ] {
        let control = with(given).unwrap();
        assert_eq!(control.stanza().find(field), Some(written), "{given}");
        let published = control.published("pool/x.deb", 1, &Digest::of(b"x"));
        assert!(published.contains(&format!("\n{field}: {written}\n")), "{published}");
        crate::debian::packages::prove(published.as_bytes()).unwrap();
    }
    let all = BASE.replace("amd64\n", "all\nMulti-Arch: Same\n");
    assert!(said(Control::parse(all.as_bytes())).contains("Multi-Arch: is 'same'"));
}

#[test]
fn the_installers_packages_are_told_apart() {
    let cases = [
        ("", PackageKind::Deb),
        ("Section: utils\n", PackageKind::Deb),
        ("Package-Type: deb\n", PackageKind::Deb),
        ("Package-Type: udeb\n", PackageKind::Udeb),
        ("package-type: udeb\nSection: utils\n", PackageKind::Udeb),
        // As dpkg-gencontrol writes them.
        ("Section: debian-installer\nInstaller-Menu-Item: 400\n", PackageKind::Udeb),
        ("Section: contrib/debian-installer\n", PackageKind::Udeb),
        ("Section: debian-installer\nPackage-Type: deb\n", PackageKind::Deb),
        ("Package-Type: ddeb\nSection: debug\n", PackageKind::Deb),
    ];
    for (text, kind) in cases {
        assert_eq!(with(text).unwrap().kind(), kind, "{text}");
        assert_eq!(kind.as_str().parse(), Ok(kind));
    }
    assert!("rpm".parse::<PackageKind>().is_err());
}

#[test]
fn identifying_fields_are_one_line_and_well_formed() {
    let cases = [
        ("Package: hello", "Package: hello\n x", "Package: is one line"),
        ("Package: hello", "Package:\n hello", "Package: is one line"),
        ("Package: hello", "Package: ../..", "Package: package name"),
        ("Version: 2", "Version: v2", "Version: version"),
        ("amd64", "any", "Architecture: architecture"),
        ("amd64\n", "all\nMulti-Arch: same\n", "Multi-Arch: is 'same'"),
    ];
    for (from, to, part) in cases {
        let said = said(Control::parse(BASE.replacen(from, to, 1).as_bytes()));
        assert!(said.contains(part), "{to:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{to:?}: {said}");
    }
}

#[test]
fn faults_of_several_fields_come_together() {
    let said = said(with("Source: X\nDepends: a, b c\nEssential: maybe\nSize: 1\n"));
    assert_eq!(said.lines().count(), 5, "{said}");
}

/// A control file with one field of this value.
fn with_long(field: &str, value: &str) -> Result<Control, Vec<Fault>> {
    let mut text = String::from(
        "Package: acme\nVersion: 1.0\nArchitecture: amd64\nMaintainer: A <a@example.org>\n",
    );
    if field != "Description" {
        text.push_str("Description: x\n");
    }
    text.push_str(&format!("{field}: {value}\n"));
    Control::parse(text.as_bytes())
}

#[test]
fn whatever_field_makes_a_stanza_too_long_is_named() {
    let line = format!("x\n{}", " y\n".repeat(200_000).trim_end());
    let relations = (0..60_000).map(|n| format!("p{n}")).collect::<Vec<_>>().join(", ");
    for (field, value) in [
        ("Description", line.as_str()),
        ("Depends", relations.as_str()),
        ("Acme-Notes", &"z".repeat(600_000)),
    ] {
        let faults = with_long(field, value).unwrap_err();
        assert!(faults.iter().any(|fault| fault.field.as_deref() == Some(field)), "{faults:?}");
    }
    let control = with_long("Acme-Notes", &"z".repeat(LONGEST_STANZA_BYTES - 2048 - 200)).unwrap();
    let path = format!("pool/{}.deb", "p".repeat(1000));
    let published = control.published(&path, u64::MAX, &Digest::of(b"x"));
    assert!(published.len() <= LONGEST_STANZA_BYTES, "{}", published.len());
}

#[test]
fn a_version_that_no_host_can_store_is_refused() {
    let with = |version: &str| {
        let text = format!(
            "Package: acme\nVersion: {version}\nArchitecture: amd64\nMaintainer: A <a@example.org>\n\
             Description: x\n"
        );
        Control::parse(text.as_bytes())
    };
    // acme_VERSION_amd64.udeb, and `.FAILED` after it.
    let longest = 255 - 7 - "acme__amd64.udeb".len();
    assert!(with(&"1".repeat(longest)).is_ok());
    assert!(with(&"1".repeat(longest + 1)).is_err());
    // A colon takes three bytes in a file name.
    assert!(with(&format!("1:{}", "1".repeat(longest - 4))).is_ok());
    let faults = with(&format!("1:{}", "1".repeat(longest - 3))).unwrap_err();
    assert_eq!(faults[0].field.as_deref(), Some("Version"), "{faults:?}");
}

#[test]
fn what_other_programs_add_is_named() {
    let sound = "Package: hello\nVersion: 1\nArchitecture: amd64\nMaintainer: a\nDescription: b\n";
    let refused = |text: String| -> Vec<String> {
        let faults = Control::parse(text.as_bytes()).unwrap_err();
        faults.iter().map(ToString::to_string).collect()
    };
    let marked = refused(format!("\u{feff}{sound}"));
    assert_eq!(marked, ["begins with a byte order mark (U+FEFF); save it as UTF-8 without one"]);
    let signed = format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{sound}");
    let signed = refused(signed);
    assert_eq!(signed.len(), 1);
    assert!(signed[0].starts_with("is signed; send the text alone"), "{signed:?}");
    let any = refused(sound.replace("amd64", "any"));
    assert!(any[0].contains("'any' is for source packages; write"), "{any:?}");
}
