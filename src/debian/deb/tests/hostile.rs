//! Packages that must be refused, and how.

use super::Kind::{Malformed, NotADeb, TooLarge, Truncated, Unsupported};
use super::build::*;
use super::*;

pub(super) type Case = (&'static str, Vec<u8>, Kind);

pub(super) fn check(cases: Vec<Case>) {
    let mut wrong = Vec::new();
    for (name, bytes, expected) in &cases {
        match read(bytes) {
            Err(error) if kind(&error) == *expected => {}
            Err(error) => wrong.push(format!("{name}: {expected:?} expected, got: {error}")),
            Ok(parts) => wrong.push(format!("{name}: accepted: {parts:?}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// The archive of `deb`, with the header of its second member given in full.
fn with_control_header(header: Vec<u8>) -> Vec<u8> {
    let control = gz(&control_tar());
    let padding = vec![b'\n'; control.len() % 2];
    let rest = member("data.tar.gz", &gz(&data_tar()));
    [ar(&[("debian-binary", b"2.0\n")]), header, control, padding, rest].concat()
}

#[test]
fn archives() {
    let version = ("debian-binary", b"2.0\n".as_slice());
    let (c, d) = (gz(&control_tar()), gz(&data_tar()));
    let (control, data) = (("control.tar.gz", c.as_slice()), ("data.tar.gz", d.as_slice()));
    let whole = ar(&[version, control, data]);
    check(vec![
        ("nothing", vec![], Truncated),
        ("half the magic", b"!<ar".to_vec(), Truncated),
        ("magic only", b"!<arch>\n".to_vec(), Truncated),
        ("text", b"Package: x\n".to_vec(), NotADeb),
        ("a zip file", b"PK\x03\x04aaaaaaaaaaaa".to_vec(), NotADeb),
        ("magic with CRLF", b"!<arch>\r\n".to_vec(), NotADeb),
        ("the format of 1995", b"0.939000\n120\n".to_vec(), NotADeb),
        ("thin archive", b"!<thin>\n".to_vec(), NotADeb),
        ("no debian-binary", ar(&[control, data]), Malformed),
        ("other name first", ar(&[("debian-split", b"2.0\n"), control, data]), Malformed),
        ("_ member first", ar(&[("_x", b""), version, control, data]), Malformed),
        ("debian-binary twice", ar(&[version, version, control, data]), Malformed),
        ("no control.tar", ar(&[version, data]), Malformed),
        ("no data.tar", ar(&[version, control]), Truncated),
        ("no data.tar, _ last", ar(&[version, control, ("_x", b"")]), Truncated),
        ("wrong order", ar(&[version, data, control]), Malformed),
        ("control.tar twice", ar(&[version, control, control, data]), Malformed),
        ("two forms of control", ar(&[version, control, ("control.tar", b"x"), data]), Malformed),
        ("data.tar twice", ar(&[version, control, data, data]), Malformed),
        ("control after data", ar(&[version, control, data, control]), Malformed),
        ("unknown member between", ar(&[version, control, ("extra", b"x"), data]), Malformed),
        (
            "data.tar of another form after",
            ar(&[version, control, data, ("data.tar", b"x")]),
            Malformed,
        ),
        ("other control.tar last", ar(&[version, control, data, ("control.tar", &c)]), Malformed),
        ("second version", ar(&[version, control, data, version]), Malformed),
        ("no name last", ar(&[version, control, data, ("", b"x")]), Malformed),
        (
            "unpadded after",
            [whole.clone(), ar_header("_x", "1"), b"x".to_vec()].concat(),
            Truncated,
        ),
        ("bytes after", [whole.clone(), b"x".to_vec()].concat(), Malformed),
        ("zeros after", [whole.clone(), vec![0; 512]].concat(), Malformed),
        ("a second archive after", [whole.clone(), whole.clone()].concat(), Malformed),
        ("BSD long name", ar(&[version, ("#1/14", b"control.tar.gz"), data]), Unsupported),
        ("GNU name table", ar(&[version, ("//", b"control.tar.gz/\n"), data]), Unsupported),
        ("GNU long name", ar(&[version, ("/0", c.as_slice()), data]), Unsupported),
        ("GNU symbol table", ar(&[version, ("/", b"\0\0\0\0"), control, data]), Unsupported),
        ("two slashes", ar(&[version, ("control.tar.gz//", c.as_slice()), data]), Malformed),
        ("name of blanks", ar(&[version, ("", c.as_slice()), data]), Malformed),
        ("name with NUL", ar(&[version, ("control.tar.gz\0", c.as_slice()), data]), Malformed),
        ("name with ESC", ar(&[version, ("\u{1b}[2J", c.as_slice()), data]), Malformed),
        ("upper case", ar(&[version, ("Control.tar.gz", c.as_slice()), data]), Malformed),
        ("empty control.tar", ar(&[version, ("control.tar.gz", b""), data]), Malformed),
        ("empty data.tar", ar(&[version, control, ("data.tar", b"")]), Malformed),
    ]);
}

#[test]
fn format_versions() {
    let cases: [(&str, &[u8], Kind); 10] = [
        ("3.0", b"3.0\n", Malformed),
        ("1.0", b"1.0\n", Malformed),
        ("20", b"20\n", Malformed),
        ("none", b"", Malformed),
        ("no line feed", b"2.0", Malformed),
        ("CRLF", b"2.0\r\n", Malformed),
        ("blank in front", b" 2.0\n", Malformed),
        ("letters", b"2.x\n", Malformed),
        ("NUL behind", b"2.0\n\0\n", Malformed),
        ("huge", &[b'2'; 2000], TooLarge),
    ];
    let tars = (gz(&control_tar()), gz(&data_tar()));
    let archive = |version: &[u8]| {
        ar(&[("debian-binary", version), ("control.tar.gz", &tars.0), ("data.tar.gz", &tars.1)])
    };
    check(cases.into_iter().map(|(name, text, kind)| (name, archive(text), kind)).collect());
}

#[test]
fn ar_numbers() {
    let size = gz(&control_tar()).len();
    let sized = |size: &str| with_control_header(ar_header("control.tar.gz", size));
    let mut bad_end = ar_header("control.tar.gz", &size.to_string());
    bad_end[58] = b'\'';
    let mut bad_time = ar_header("control.tar.gz", &size.to_string());
    bad_time[16..19].copy_from_slice(b"abc");
    let mut bad_mode = ar_header("control.tar.gz", &size.to_string());
    bad_mode[40..46].copy_from_slice(b"800644");
    let mut no_padding = with_data_member("data.tar", &tar(&[]));
    no_padding.extend(ar_header("_odd", "1"));
    check(vec![
        ("negative", sized("-1"), Malformed),
        ("plus sign", sized(&format!("+{size}")), Malformed),
        ("blank", sized(""), Malformed),
        ("blank within", sized("1 2"), Malformed),
        ("hexadecimal", sized(&format!("0x{size:x}")), Malformed),
        ("octal for apt", sized(&format!("0{size}")), Malformed),
        ("NUL behind", sized(&format!("{size}\0")), Malformed),
        ("letters", sized("12ab"), Malformed),
        ("10 GB", sized("9999999999"), Malformed),
        ("one less", sized(&(size - 1).to_string()), Truncated),
        ("bad end", with_control_header(bad_end), Malformed),
        ("time in letters", with_control_header(bad_time), Malformed),
        ("mode not octal", with_control_header(bad_mode), Malformed),
        ("member after with cut body", no_padding, Truncated),
    ]);
}

#[test]
fn compression() {
    let plain = data_tar();
    let data =
        |suffix: &str, content: Vec<u8>| with_data_member(&format!("data.tar{suffix}"), &content);
    let joined = |first: Vec<u8>, second: &[u8]| [first, second.to_vec()].concat();
    let mut bad_gz = gz(&plain);
    let end = bad_gz.len();
    bad_gz[end - 8] ^= 1;
    let mut bad_gz_size = gz(&plain);
    bad_gz_size[end - 1] ^= 1;
    let mut bad_xz = xz(&plain);
    let middle = bad_xz.len() / 2;
    bad_xz[middle] ^= 1;
    let mut bad_zst = zst(&plain);
    let last = bad_zst.len() - 1;
    bad_zst[last] ^= 1;
    let mut foreign_check = xz(&plain);
    foreign_check[7] = 2;
    let sum = crc32fast::hash(&foreign_check[6..8]).to_le_bytes();
    foreign_check[8..12].copy_from_slice(&sum);
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
    check(vec![
        ("bz2", data(".bz2", b"BZh9".to_vec()), Unsupported),
        ("lzma", data(".lzma", vec![0x5d; 20]), Unsupported),
        ("lz4", data(".lz4", vec![4; 20]), Unsupported),
        ("zstd misspelt", data(".zstd", zst(&plain)), Unsupported),
        ("no dot", data("x", plain.clone()), Unsupported),
        ("suffix twice", data(".gz.gz", gz(&plain)), Unsupported),
        ("gz is plain", data(".gz", plain.clone()), Malformed),
        ("gz is xz", data(".gz", xz(&plain)), Malformed),
        ("xz is gz", data(".xz", gz(&plain)), Malformed),
        ("zst is xz", data(".zst", xz(&plain)), Malformed),
        ("plain is gz", data("", joined(gz(&plain), &[0; 1024])), Malformed),
        ("gz sum", data(".gz", bad_gz), Malformed),
        ("gz size", data(".gz", bad_gz_size), Malformed),
        ("xz damaged", data(".xz", bad_xz), Malformed),
        ("xz unknown check", data(".xz", foreign_check), Malformed),
        ("zst sum", data(".zst", bad_zst), Malformed),
        ("gz and half a member", data(".gz", joined(gz(&plain), b"\x1f\x8b")), Truncated),
        ("gz twice", data(".gz", joined(gz(&plain), &gz(&plain))), Malformed),
        ("gz and bytes", data(".gz", joined(gz(&plain), b"junk")), Malformed),
        ("gz and zeros", data(".gz", joined(gz(&plain), &[0; 8])), Malformed),
        ("xz and a stream", data(".xz", joined(xz(&plain), &xz(b""))), Malformed),
        ("xz and padding", data(".xz", joined(xz(&plain), &[0; 4])), Malformed),
        ("zst and a frame", data(".zst", joined(zst(&plain), &zst(b""))), Malformed),
        ("zst and a byte", data(".zst", joined(zst(&plain), b"x")), Malformed),
        ("zst and skippable", data(".zst", joined(zst(&plain), &skippable)), Malformed),
        ("skippable and zst", data(".zst", joined(skippable.to_vec(), &zst(&plain))), Malformed),
        ("xz of nothing", data(".xz", xz(b"")), Malformed),
        ("zst of nothing", data(".zst", zst(b"")), Malformed),
    ]);
}

#[test]
fn refusals_name_what_mends_them() {
    let said = |bytes: Vec<u8>| read(&bytes).unwrap_err().to_string();
    let control = || Entry::file("control", CONTROL);
    let mac = tar(&[Entry::file("./._control", b"x"), control()]);
    assert!(said(with_control(&mac)).contains("COPYFILE_DISABLE=1"));
    let key = Entry::new("h", b'x', &pax("LIBARCHIVE.xattr.com.apple.provenance", "x"));
    assert!(said(with_control(&tar(&[key, control()]))).contains("COPYFILE_DISABLE=1"));
    for blocks in [0, 512] {
        let whole = tar(&[control()]);
        let open = &whole[..whole.len() - 1024 + blocks];
        let problem = said(with_control(open));
        assert!(
            problem.contains("lacks the end mark") && !problem.contains("send it again"),
            "{problem}"
        );
        let whole = data_tar();
        let problem = said(with_data(&whole[..whole.len() - 1024 + blocks]));
        assert!(problem.contains("lacks the end mark"), "{problem}");
    }
}
