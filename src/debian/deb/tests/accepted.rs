//! Packages that must be accepted.

use std::process::Command;

use super::build::*;
use super::*;

#[test]
fn all_sixteen_pairs_of_compression_are_read() {
    let data_bytes = data_tar().len() as u64;
    for control in FORMS {
        for data in FORMS {
            let mut paths = Vec::new();
            let bytes = deb(control, data);
            let parts = read_deb_with(&*bytes, &DebLimits::default(), &(), &mut |path| {
                paths.push(String::from_utf8(path.to_vec()).unwrap());
            });
            let expected = DebParts {
                control: CONTROL.to_vec(),
                control_members: vec!["control".into(), "postinst".into()],
                data_entries: 6,
                data_bytes,
            };
            assert_eq!(parts.unwrap(), expected, "{control:?} {data:?}");
            assert_eq!(paths, ["usr/bin/hello", "usr/bin/hi", "usr/bin/ho"]);
        }
    }
}

fn accept(name: &str, bytes: &[u8]) -> DebParts {
    let parts = read(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(parts.control, CONTROL, "{name}");
    parts
}

#[test]
fn what_deb_5_allows_is_read() {
    let (control, data) = (gz(&control_tar()), gz(&data_tar()));
    for version in ["2.0\n", "2.1\n", "2.10\n", "2.0\nmore\n"] {
        let bytes = ar(&[
            ("debian-binary", version.as_bytes()),
            ("control.tar.gz", &control),
            ("data.tar.gz", &data),
        ]);
        accept(version, &bytes);
    }
    let extra = ar(&[
        ("debian-binary", b"2.0\n"),
        ("_gpgbuilder", b"odd"),
        ("_x", b""),
        ("control.tar.gz", &control),
        ("_data.tar.gz", b"not a tar"),
        ("data.tar.gz", &data),
    ]);
    accept("_ members", &extra);
    let slashes =
        ar(&[("debian-binary/", b"2.0\n"), ("control.tar.gz/", &control), ("data.tar.gz/", &data)]);
    accept("GNU ar slashes", &slashes);
    let signed = ar(&[
        ("debian-binary", b"2.0\n"),
        ("control.tar.gz", &control),
        ("data.tar.gz", &data),
        ("_gpgorigin", b"odd"),
        ("extra.txt", b""),
    ]);
    accept("members behind", &signed);
}

#[test]
fn ar_numbers_are_read_as_dpkg_and_apt_both_read_them() {
    let (control, data) = (gz(&control_tar()), gz(&data_tar()));
    let header = |name: &str, size: &str, change: fn(&mut Vec<u8>)| {
        let mut header = ar_header(name, size);
        change(&mut header);
        header
    };
    let archive = |version_size: &str, size: &str, change: fn(&mut Vec<u8>), padding: u8| {
        let mut bytes = b"!<arch>\n".to_vec();
        bytes.extend(header("debian-binary", version_size, |_| {}));
        bytes.extend(b"2.0\n");
        bytes.extend(header("_odd", "1", |_| {}));
        bytes.extend([b'x', padding]);
        bytes.extend(header("control.tar.gz", size, change));
        bytes.extend(&control);
        bytes.extend(vec![padding; control.len() % 2]);
        bytes.extend(member("data.tar.gz", &data));
        bytes
    };
    let size = control.len().to_string();
    accept("NUL padding", &archive("4", &size, |_| {}, 0));
    accept("any padding", &archive("4", &size, |_| {}, b'x'));
    accept("blanks in front", &archive("4", &format!("{size:>10}"), |_| {}, b'\n'));
    accept("zeros in front", &archive("0000000004", &size, |_| {}, b'\n'));
    accept("blank numbers", &archive("4", &size, |header| header[16..48].fill(b' '), b'\n'));
    accept("NUL behind numbers", &archive("4", &size, |header| header[26..28].fill(0), b'\n'));
}

#[test]
fn gzip_of_many_members_is_read_whole() {
    let plain = data_tar();
    let members = |sizes: usize| -> Vec<u8> { plain.chunks(sizes).flat_map(gz).collect() };
    // Members of whole blocks and of parts, and the empty member that bgzip puts at the end.
    for sizes in [512, 700, 8000] {
        let bytes = [members(sizes), gz(b"")].concat();
        let parts = accept("members", &with_data_member("data.tar.gz", &bytes));
        assert_eq!((parts.data_entries, parts.data_bytes), (6, plain.len() as u64));
    }
    let control: Vec<u8> = control_tar().chunks(600).flat_map(gz).collect();
    let parts =
        ar(&[("debian-binary", b"2.0\n"), ("control.tar.gz", &control), ("data.tar", &plain)]);
    accept("control.tar of members", &parts);
}

#[test]
fn usual_forms_of_control_tar_are_read() {
    let control = || Entry::file("control", CONTROL);
    let forms = [
        ("no dot", tar(&[control()])),
        ("after others", tar(&[Entry::file("md5sums", b"x"), Entry::file("./control", CONTROL)])),
        ("folder without slash", tar(&[Entry::folder("."), control()])),
        ("ustar", tar(&[control().ustar()])),
        ("old style", tar(&[control().old()])),
        ("old style, old types", tar(&[Entry::new("./", 0, b"").old(), control().old()])),
        ("ustar of another version", tar(&[control().with(257, b"ustar\x0001")])),
        ("GNU of another version", tar(&[control().with(257, b"ustar   ")])),
        ("blank device numbers", tar(&[control().with(329, &[b' '; 16])])),
        ("old type byte", tar(&[Entry::new("./control", 0, CONTROL)])),
        ("padded to 10 KiB", [tar(&[control()]), vec![0; 10_240 - 2048]].concat()),
        ("pax times", tar(&[Entry::new("h", b'x', &pax("mtime", "1.5")), control()])),
        ("pax comment", tar(&[Entry::new("h", b'g', &pax("comment", "made")), control()])),
    ];
    for (name, tar) in forms {
        accept(name, &with_control(&tar));
    }
}

#[test]
fn usual_forms_of_data_tar_are_read() {
    let long = format!("./{}/{}", "d".repeat(200), "f".repeat(200));
    let with_nul = format!("{long}\0");
    let forms = [
        ("empty", tar(&[]), 0),
        ("root only", tar(&[Entry::folder("./")]), 1),
        ("plain relative", tar(&[Entry::file("usr/x", b"x")]), 1),
        ("empty file", tar(&[Entry::file("./x", b"")]), 1),
        ("device and fifo", tar(&[Entry::new("./d", b'3', b""), Entry::new("./f", b'6', b"")]), 2),
        ("dots in names", tar(&[Entry::file("./..a/b../...", b"x")]), 1),
        ("not UTF-8", tar(&[Entry::raw(b"./\xff\x1b", b'0', 0, b"")]), 1),
        ("prefix", tar(&[Entry::file("b", b"").ustar().with(345, b"./a")]), 1),
        ("old style", tar(&[Entry::folder("./a/").old(), Entry::file("./a/b", b"x").old()]), 2),
        ("ustar of another version", tar(&[Entry::file("./x", b"x").with(257, b"ustar\x0001")]), 1),
        ("base-256 size", tar(&[Entry::file("b", b"abc").with(124, BASE_256_THREE)]), 1),
        ("base-256 owner", tar(&[Entry::file("b", b"").with(108, b"\x80\0\0\0\0\x20\0\0")]), 1),
        ("time before 1970", tar(&[Entry::file("b", b"").with(136, &[0xff; 12])]), 1),
        (
            "long name and target",
            tar(&[
                Entry::new("././@LongLink", b'L', with_nul.as_bytes()),
                Entry::file("./cut", b"x"),
                Entry::new("././@LongLink", b'K', with_nul.as_bytes()),
                Entry::link("./x", b'1', "./cut"),
            ]),
            2,
        ),
    ];
    for (name, tar, entries) in forms {
        assert_eq!(accept(name, &with_data(&tar)).data_entries, entries, "{name}");
    }
}

const BASE_256_THREE: &[u8; 12] = b"\x80\0\0\0\0\0\0\0\0\0\0\x03";

#[test]
fn long_names_reach_the_caller() {
    let long = format!("./{}/{}", "d".repeat(200), "f".repeat(200));
    let tar = tar(&[
        Entry::new("././@LongLink", b'L', format!("{long}\0").as_bytes()),
        Entry::file("./usr/ff", b"x"),
        Entry::file("b", b"x").ustar().with(345, b"./a"),
        // The magic alone decides whether there is a prefix, not its version.
        Entry::file("c", b"x").with(257, b"ustar\x0001").with(345, b"./a"),
        Entry::file("d", b"x").with(257, b"ustar 00").with(345, b"./a"),
        Entry::file("e", b"x").old().with(345, b"./a"),
    ]);
    let mut paths = Vec::new();
    read_deb_with(&*with_data(&tar), &DebLimits::default(), &(), &mut |path| {
        paths.push(path.to_vec())
    })
    .unwrap();
    assert_eq!(paths, [&long.as_bytes()[2..], b"a/b", b"a/c", b"d", b"e"]);
}

#[test]
fn every_xz_check_is_read() {
    use liblzma::stream::Check;
    for check in [Check::None, Check::Crc32, Check::Crc64, Check::Sha256] {
        accept("xz", &with_data_member("data.tar.xz", &xz_with(&data_tar(), check)));
    }
}

#[test]
fn xz_of_many_blocks_and_the_largest_presets_are_read() {
    use crate::debian::framing::{XZ_HEADER, xz_block, xz_tail};
    use liblzma::stream::Stream;
    use std::io::Write as _;
    let plain = data_tar();
    let blocks: Vec<_> = plain.chunks(4000).map(|piece| xz_block(piece, 1).unwrap()).collect();
    let mut file = XZ_HEADER.to_vec();
    file.extend(blocks.iter().flat_map(|block| block.bytes.clone()));
    file.extend(xz_tail(blocks.iter().map(|block| (block.unpadded_bytes, block.plain_bytes))));
    accept("blocks", &with_data_member("data.tar.xz", &file));

    let stream = Stream::new_easy_encoder(9, liblzma::stream::Check::Crc64).unwrap();
    let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(&data_tar()).unwrap();
    accept("xz -9", &with_data_member("data.tar.xz", &encoder.finish().unwrap()));

    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(27).unwrap();
    encoder.write_all(&data_tar()).unwrap();
    accept("zstd window", &with_data_member("data.tar.zst", &encoder.finish().unwrap()));
}

#[test]
fn what_dpkg_deb_builds_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    std::fs::create_dir_all(root.join("DEBIAN")).unwrap();
    std::fs::create_dir_all(root.join("usr").join("d".repeat(120))).unwrap();
    std::fs::write(root.join("DEBIAN/control"), CONTROL).unwrap();
    std::fs::write(root.join("usr").join("d".repeat(120)).join("f"), vec![7; 100_000]).unwrap();
    std::os::unix::fs::symlink("f".repeat(150), root.join("usr/link")).unwrap();
    for compression in ["gzip", "xz", "zstd", "none"] {
        for uniform in ["--uniform-compression", "--no-uniform-compression"] {
            let path = folder.path().join("out.deb");
            let status = Command::new("dpkg-deb")
                .args([&format!("-Z{compression}"), uniform, "--build"])
                .args([&root, &path])
                .stdout(std::process::Stdio::null())
                .status()
                .expect("dpkg-deb must be installed for this test");
            assert!(status.success());
            let parts = accept(compression, &std::fs::read(&path).unwrap());
            assert_eq!(parts.data_entries, 5);
        }
    }
}

/// Forms that package builders other than dpkg-deb write, each with the builder's name.
fn forms_of_others() -> Vec<(&'static str, Vec<u8>)> {
    let version = ("debian-binary", b"2.0\n".as_slice());
    let (c, d) = (gz(&control_tar()), gz(&data_tar()));
    let (control, data) = (("control.tar.gz", c.as_slice()), ("data.tar.gz", d.as_slice()));
    let headers = |magic: &[u8]| {
        let file = |name, body: &[u8]| Entry::file(name, body).with(257, magic);
        let folder = |name| Entry::folder(name).with(257, magic);
        let c = gz(&tar(&[file("./control", CONTROL)]));
        let body = b"#!/bin/sh\n";
        let d = tar(&[
            folder("./"),
            folder("./usr/"),
            folder("./usr/bin/"),
            file("./usr/bin/hello", body),
        ]);
        ar(&[version, ("control.tar.gz", &c), ("data.tar.gz", &gz(&d))])
    };
    let members = |plain: &[u8]| plain.chunks(700).map(gz).collect::<Vec<_>>().concat();
    let several = [members(&control_tar()), members(&data_tar())];
    let bgzip = [gz(&data_tar()), gz(b"")].concat();
    let mut padded = ar(&[version, ("_odd", b"123")]);
    *padded.last_mut().unwrap() = 0;
    padded.extend(ar(&[control, data]).split_off(8));
    let sized = |size: String| {
        let mut bytes = ar(&[version]);
        bytes.extend(ar_header("control.tar.gz", &size));
        bytes.extend(&c);
        bytes.extend(vec![b'\n'; c.len() % 2]);
        bytes.extend(member("data.tar.gz", &d));
        bytes
    };
    let mut small = b"!<arch>\n".to_vec();
    small.extend(ar_header("debian-binary", "0000000004"));
    small.extend(b"2.0\n");
    small.extend(ar(&[control, data]).split_off(8));
    vec![
        ("old-style headers, as cargo-deb writes", headers(&[0; 8])),
        ("ustar of another version", headers(b"ustar\0  ")),
        ("GNU of another version", headers(b"ustar 00")),
        (
            "several gzip members",
            ar(&[version, ("control.tar.gz", &several[0]), ("data.tar.gz", &several[1])]),
        ),
        (
            "an empty last gzip member, as bgzip writes",
            ar(&[version, control, ("data.tar.gz", &bgzip)]),
        ),
        ("padding with NUL", padded),
        ("blanks before a size", sized(format!("  {}", c.len()))),
        ("zeros before a size of one digit", small),
        ("a signature of debsigs", ar(&[version, control, data, ("_gpgorigin", b"odd")])),
        (
            "signatures of dpkg-sig",
            ar(&[version, control, data, ("_gpgbuilder", b"x"), ("_gpg0", b"yy")]),
        ),
        ("a member of nobody behind", ar(&[version, control, data, ("extra", b"x")])),
    ]
}

/// deb(5) allows them, and dpkg and apt both read them.
#[test]
fn what_dpkg_and_apt_read_alike_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let output =
            Command::new(program).args(arguments).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for (name, bytes) in forms_of_others() {
        accept(name, &bytes);
        std::fs::write(folder.path().join("a.deb"), &bytes).unwrap();
        let field = run("dpkg-deb", &["-f", "a.deb", "Package"]);
        assert_eq!(field, "hello\n", "{name}");
        assert!(run("dpkg-deb", &["-c", "a.deb"]).contains("./usr/bin/hello"), "{name}");
        let listed = run("apt-ftparchive", &["packages", "."]);
        assert!(listed.contains("Package: hello\n"), "{name}: {listed}");
    }
}
