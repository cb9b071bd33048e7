//! Files that are no packages, or not sound ones.

use crate::harness::deb::{Compression, DebBuilder, Entry};
use crate::harness::server::package;

use super::{blobs, file, told, unchanged, watched};

/// A bad file and what is said of it: the cause and the cure.
struct Bad {
    name: &'static str,
    bytes: Vec<u8>,
    says: &'static [&'static str],
}

fn bad(name: &'static str, bytes: Vec<u8>, says: &'static [&'static str]) -> Bad {
    Bad { name, bytes, says }
}

fn sound() -> DebBuilder {
    package("acme-bad", "1.0")
}

/// A control file of which one line is another.
fn control(line: &str) -> Vec<u8> {
    let name = line.split(':').next().unwrap();
    let lines = [
        "Package: acme-bad",
        "Version: 1.0",
        "Architecture: amd64",
        "Maintainer: Test Builder <builder@example.org>",
        "Description: made for a test",
    ];
    let same = |known: &str| known.split(':').next() == Some(name);
    let mut text: String =
        lines.iter().filter(|known| !same(known)).map(|known| format!("{known}\n")).collect();
    text.push_str(line);
    text.push('\n');
    sound().raw_control(text.as_bytes()).build()
}

fn containers() -> Vec<Bad> {
    let mut garbage = sound().build();
    garbage.extend(b"and something more");
    vec![
        bad(
            "text",
            b"#!/bin/sh\necho I am no package\n".to_vec(),
            &["not a .deb", "dpkg-deb --build"],
        ),
        bad("empty", Vec::new(), &["truncated", "send it again"]),
        bad("magic-only", b"!<arch>\n".to_vec(), &["truncated", "send it again"]),
        bad("zip", b"PK\x03\x04\0\0\0\0".repeat(40), &["not a .deb", "dpkg-deb --build"]),
        bad("garbage-behind", garbage, &["bytes follow it", "build the package again"]),
        bad(
            "two-controls",
            sound().extra_member(2, "control.tar.gz", b"x").build(),
            &["control.tar.gz", "stands where data.tar must stand"],
        ),
        bad(
            "control-first",
            sound().extra_member(0, "control.tar.gz", b"x").build(),
            &["control.tar.gz", "only debian-binary may stand"],
        ),
        bad(
            "control-is-a-link",
            sound().control_entry(Entry::Symlink { target: "/etc/shadow".into() }).build(),
            &["control", "not a regular file"],
        ),
        bad(
            "control-twice",
            sound().raw_control_tar(&two_controls()).build(),
            &["control is in it twice"],
        ),
        bad(
            "no-control",
            sound().raw_control_tar(&[0; 1024]).build(),
            &["no control file", "build the package again"],
        ),
        bad(
            "climbs-out",
            sound().file("usr/../../../etc/passwd", b"x").build(),
            &["data.tar", "\"..\""],
        ),
        bad(
            "size-lies",
            sound().claimed_size(2, "99999999").build(),
            &["data.tar.gz", "build the package again"],
        ),
        bad(
            "data-is-noise",
            sound().data_compression(Compression::None).raw_data_tar(&[0x5a; 2048]).build(),
            &["data.tar", "malformed"],
        ),
        bad(
            "bzip2",
            {
                let bytes = sound().data_compression(Compression::None).build();
                let at = bytes.windows(9).position(|part| part == b"data.tar ").unwrap();
                let mut bytes = bytes;
                bytes[at..at + 12].copy_from_slice(b"data.tar.bz2");
                bytes
            },
            &["data.tar.bz2", "not supported", "dpkg-deb -Zxz"],
        ),
    ]
}

/// A control.tar with two files named `control`, of which readers take different ones.
fn two_controls() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for text in [b"Package: a\n", b"Package: b\n"] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append_data(&mut header, "control", &text[..]).unwrap();
    }
    tar.into_inner().unwrap()
}

fn fields() -> Vec<Bad> {
    vec![
        bad("name-upper", control("Package: Acme-Bad"), &["Package", "a-z"]),
        bad("name-climbs", control("Package: ../../etc/cron.d/x"), &["Package", "a-z"]),
        bad("name-short", control("Package: a"), &["Package"]),
        bad("version-blank", control("Version: 1.0 beta"), &["Version", "1.0 beta"]),
        bad("version-epoch", control("Version: one:1.0"), &["Version", "epoch"]),
        bad("version-letter", control("Version: v1.0"), &["Version", "digit"]),
        bad("version-none", control("Version:"), &["Version", "missing or empty"]),
        bad("architecture-odd", control("Architecture: x86/64"), &["Architecture", "x86/64"]),
        bad("architecture-any", control("Architecture: any"), &["Architecture", "any"]),
        bad("no-maintainer", control("Maintainer:"), &["Maintainer", "Name <address>"]),
        bad("relation", control("Depends: libc6 (>> 2), , ("), &["Depends"]),
        bad("filename", control("Version: 1.0\nFilename: pool/x.deb"), &["Filename", "remove it"]),
        bad("twice", control("Version: 1.0\nversion: 2.0"), &["second time", "keep one"]),
        bad(
            "second-stanza",
            control("Section: misc\n\nPackage: evil\nVersion: 9\nArchitecture: amd64"),
            &["control file", "cut in two", "remove it"],
        ),
        bad(
            "blank-line",
            control("Description: x\n \n\nPackage: evil"),
            &["Description", "only blanks"],
        ),
        bad(
            "carriage-return",
            control("Section: misc\rPackage: evil"),
            &["control file", "carriage returns", "Unix line ends"],
        ),
        bad("nul", control("Section: mi\0sc"), &["Section", "U+0000", "remove it"]),
        bad(
            "no-colon",
            control("Section: misc\nthis is no field"),
            &["control file", "has no colon"],
        ),
    ]
}

#[test]
fn each_bad_file_is_named_with_its_cause_and_its_cure() {
    let server = watched();
    let stored = blobs(&server);
    let (mut everything, mut paths) = (containers(), Vec::new());
    everything.extend(fields());
    for Bad { name, bytes, says } in &everything {
        let path = file(&server, &format!("bad/{name}.deb"), bytes);
        let told = unchanged(&server, || {
            let upload = server.repoctl(&["upload", "--suite", "stable", &path]);
            told(upload, 1, &[&path, "1 of 1 package refused; nothing was published"])
        });
        for text in *says {
            assert!(told.stderr.contains(text), "wanted {text:?} from: {told}");
        }
        // A reason is a line, and a line fits on a screen or two.
        for line in told.stderr.lines() {
            assert!(line.len() < path.len() + 300, "too long: {told}");
        }
        paths.push(path);
    }
    // All of them at once, with a good one among them: all are named, none is taken.
    file(&server, "bad/sound.deb", &sound().build());
    let all = unchanged(&server, || {
        let folder = server.at("files/bad");
        told(server.repoctl(&["upload", "--suite", "stable", &folder]), 1, &[])
    });
    let head = format!("{} of {} packages refused", paths.len(), paths.len() + 1);
    assert!(all.says(&head), "{all}");
    assert!(paths.iter().all(|path| all.says(path)), "{all}");
    assert!(!all.says("sound.deb"), "{all}");
    let listed = server.repoctl(&["list", "--suite", "stable", "--all"]).expect_success();
    assert!(!listed.says("acme-bad"), "{listed}");
    // The good one's bytes may have been kept, and nothing else was.
    assert!(blobs(&server) <= stored + 1);
    server
        .repoctl(&["upload", "--suite", "stable", &server.at("files/bad/sound.deb")])
        .expect_success();
}

/// Each cut is refused, wherever it is: a few at every tenth, in the middle of headers, and the very
/// last bytes of data.tar.
#[test]
fn a_package_cut_anywhere_is_refused() {
    let server = watched();
    let mut seen = std::collections::BTreeSet::new();
    // So that no compression makes it small: every tenth lies somewhere else in the archive.
    let noise: Vec<u8> =
        (0..20_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for compression in Compression::ALL {
        let whole = package("acme-cut", "1.0")
            .file("usr/share/acme-cut/noise", &noise)
            .control_compression(compression)
            .data_compression(compression)
            .build();
        let tenths = (0..10).map(|tenth| whole.len() * tenth / 10);
        let at_end = [1, 2, 3, 8, 9, 20, 100].map(|bytes| whole.len() - bytes);
        let in_headers = [4, 8, 30, 68, 71, 72, 100, 131, 132, 133];
        let mut at: Vec<_> = tenths.chain(at_end).chain(in_headers).collect();
        at.sort_unstable();
        at.dedup();
        for cut in at {
            let name = format!("cut/at-{cut:05}{}.deb", compression.suffix());
            // The same bytes are sent once and named once.
            if seen.insert(whole[..cut].to_vec()) {
                file(&server, &name, &whole[..cut]);
            }
        }
    }
    let cuts = seen.len();
    assert!(cuts > 80);
    let told = unchanged(&server, || {
        let folder = server.at("files/cut");
        let text = format!("{cuts} of {cuts} packages refused; nothing was published");
        told(server.repoctl(&["upload", "--suite", "stable", &folder]), 1, &[&text])
    });
    let reasons: Vec<_> = told.stderr.lines().filter(|line| line.starts_with("  ")).collect();
    assert_eq!(reasons.len(), cuts, "{told}");
    for reason in reasons {
        assert!(reason.contains("truncated") && reason.contains("send it again"), "{reason}");
    }
}
