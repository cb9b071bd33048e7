//! Tar members that must be refused, and how.

use super::Kind::{Malformed, TooLarge, Truncated};
use super::build::*;
use super::hostile::check;
use super::*;

#[test]
fn control_entries() {
    let control = || Entry::file("./control", CONTROL);
    let pair = |entry: Entry| with_control(&tar(&[entry, control()]));
    let alone = |entry: Entry| with_control(&tar(&[entry]));
    let long = format!("./{}\0", "x".repeat(120));
    let target = || Entry::file("x", b"Package: evil\n");
    check(vec![
        ("no control", alone(Entry::file("./postinst", b"#!")), Malformed),
        ("no entries", with_control(&tar(&[])), Malformed),
        ("control twice", pair(control()), Malformed),
        ("control in two spellings", pair(Entry::file("control", b"Package: evil\n")), Malformed),
        (
            "postinst twice",
            with_control(&tar(&[Entry::file("a", b"1"), Entry::file("./a", b"2"), control()])),
            Malformed,
        ),
        ("symbolic link", alone(Entry::link("./control", b'2', "/etc/passwd")), Malformed),
        (
            "hard link",
            with_control(&tar(&[target(), Entry::link("./control", b'1', "x")])),
            Malformed,
        ),
        ("character device", alone(Entry::new("./control", b'3', b"")), Malformed),
        ("block device", alone(Entry::new("./control", b'4', b"")), Malformed),
        ("folder", alone(Entry::folder("./control")), Malformed),
        ("FIFO", alone(Entry::new("./control", b'6', b"")), Malformed),
        ("contiguous file", alone(Entry::new("./control", b'7', CONTROL)), Malformed),
        ("sparse file", alone(Entry::new("./control", b'S', CONTROL)), Malformed),
        ("unknown type", alone(Entry::new("./control", b'Z', CONTROL)), Malformed),
        ("multi-volume", pair(Entry::new("./control", b'M', CONTROL)), Malformed),
        ("volume label", pair(Entry::new("label", b'V', b"")), Malformed),
        ("link beside control", pair(Entry::link("./postinst", b'2', "/bin/sh")), Malformed),
        (
            "hard link of control",
            with_control(&tar(&[control(), Entry::link("./a", b'1', "control")])),
            Malformed,
        ),
        ("absolute", alone(Entry::file("/control", CONTROL)), Malformed),
        ("two dots", alone(Entry::file("./../control", CONTROL)), Malformed),
        ("dot twice", alone(Entry::file("././control", CONTROL)), Malformed),
        ("double slash", alone(Entry::file(".//control", CONTROL)), Malformed),
        ("within a folder", pair(Entry::file("./a/control", CONTROL)), Malformed),
        ("a folder within", pair(Entry::folder("./a/")), Malformed),
        ("trailing slash", alone(Entry::file("./control/", CONTROL)), Malformed),
        ("name with line feed", pair(Entry::file("./a\nb", b"x")), Malformed),
        ("name not ASCII", pair(Entry::file("./\u{e4}", b"x")), Malformed),
        ("empty name", pair(Entry::file("", b"x")), Malformed),
        ("NUL in the name", alone(Entry::file("./control\0x", CONTROL)), Malformed),
        ("prefix", alone(control().ustar().with(345, b"a")), Malformed),
        ("bytes in the GNU tail", alone(control().with(482, b"\x01")), Malformed),
        ("bytes behind the header", alone(control().with(505, b"x")), Malformed),
        ("base-256 size", alone(control().with(124, &base_256(CONTROL.len() as u64))), Malformed),
        (
            "long name",
            with_control(&tar(&[Entry::new("x", b'L', b"./control\0"), target()])),
            Malformed,
        ),
        ("long name in full", pair(Entry::new("x", b'L', long.as_bytes())), Malformed),
        ("long link", pair(Entry::new("x", b'K', long.as_bytes())), Malformed),
    ]);
}

#[test]
fn control_headers() {
    let control = || Entry::file("./control", CONTROL);
    let alone = |entry: Entry| with_control(&tar(&[entry]));
    let extended =
        |kind: u8, records: &[u8]| with_control(&tar(&[Entry::new("h", kind, records), control()]));
    let both = [pax("mtime", "1"), pax("path", "control")].concat();
    let lie = Entry::raw(b"./control", b'0', 7 << 30, CONTROL);
    let open = tar_open(&[control()]);
    check(vec![
        ("PAX path", extended(b'x', &pax("path", "./control")), Malformed),
        ("PAX size", extended(b'x', &pax("size", "0")), Malformed),
        ("PAX linkpath", extended(b'x', &pax("linkpath", "x")), Malformed),
        ("PAX sparse", extended(b'x', &pax("GNU.sparse.size", "9")), Malformed),
        ("PAX path behind mtime", extended(b'x', &both), Malformed),
        ("PAX path for all", extended(b'g', &pax("path", "./control")), Malformed),
        ("PAX wrong length", extended(b'x', b"99 mtime=1\n"), Malformed),
        ("PAX short length", extended(b'x', b"5 mtime=1\n"), Malformed),
        ("PAX length 0", extended(b'x', b"0 mtime=1\n"), Malformed),
        ("PAX record in a record", extended(b'x', b"26 comment=a\n13 path=abcd\n"), Malformed),
        ("PAX without length", extended(b'x', b"mtime=1\n"), Malformed),
        ("PAX huge", extended(b'x', &pax("comment", &"x".repeat(70_000))), Malformed),
        ("checksum", alone(control().with_unsummed(0, b"x")), Malformed),
        ("checksum blank", alone(control().with_unsummed(148, b"        ")), Malformed),
        ("device in letters", alone(control().with(329, b"junk")), Malformed),
        ("magic of nobody", alone(control().with(257, b"ostar  \0")), Malformed),
        ("V7 header with a prefix", alone(control().with(257, &[0; 8]).with(345, b"x")), Malformed),
        ("size negative", alone(control().with(124, b"-0000000001\0")), Malformed),
        ("size in letters", alone(control().with(124, b"0000000012x\0")), Malformed),
        ("size blank", alone(control().with(124, &[b' '; 12])), Malformed),
        ("size of NULs", alone(control().with(124, &[0; 12])), Malformed),
        ("size after NUL", alone(control().with(124, b"0000000\x000012")), Malformed),
        ("size of 8s", alone(control().with(124, b"00000000088\0")), Malformed),
        ("owner in letters", alone(control().with(108, b"abcdefg\0")), Malformed),
        ("size of 7 GiB", alone(lie), TooLarge),
        ("no end mark", with_control(&open), Malformed),
        ("half an end mark", with_control(&[open.clone(), vec![0; 512]].concat()), Malformed),
        (
            "bytes after the end mark",
            with_control(&[tar(&[control()]), tar(&[control()])].concat()),
            Malformed,
        ),
        (
            "entry after a zero block",
            with_control(&[open.clone(), vec![0; 512], tar(&[control()])].concat()),
            Malformed,
        ),
        ("odd size", with_control(&[tar(&[control()]), vec![0; 100]].concat()), Truncated),
        ("body cut", with_control(&control().bytes()[..600]), Truncated),
    ]);
}

#[test]
fn data_entries() {
    let file = || Entry::file("./usr/x", b"hello");
    let one = |entry: Entry| with_data(&tar(&[entry]));
    let two = |first: Entry, second: Entry| with_data(&tar(&[first, second]));
    let long = |kind: u8, text: &[u8]| two(Entry::new("././@LongLink", kind, text), file());
    let twice = || Entry::new("././@LongLink", b'L', b"./a\0");
    let path = |name: &str| one(Entry::file(name, b"x"));
    let path_of = |bytes: usize| format!("./{}\0", &"d/".repeat(bytes)[..bytes]).into_bytes();
    read_deb(&*long(b'L', &path_of(4085)), &DebLimits::default()).unwrap();
    check(vec![
        ("checksum", one(file().with_unsummed(0, b"x")), Malformed),
        ("absolute", path("/usr/x"), Malformed),
        ("absolute behind a dot", path(".//usr/x"), Malformed),
        ("a path too long", long(b'L', &path_of(4086)), Malformed),
        ("up", path("../x"), Malformed),
        ("up within", path("./usr/../../x"), Malformed),
        ("up at the end", path("./usr/.."), Malformed),
        ("dot within", path("./usr/./x"), Malformed),
        ("double slash", path("./usr//x"), Malformed),
        ("line feed", path("./usr/a\nb"), Malformed),
        ("empty name", path(""), Malformed),
        ("file with slash", path("./usr/x/"), Malformed),
        ("folder up", one(Entry::folder("./../")), Malformed),
        ("root as a file", path("./"), Malformed),
        ("PAX path", two(Entry::new("h", b'x', &pax("path", "./y")), file()), Malformed),
        ("PAX size", two(Entry::new("h", b'x', &pax("size", "1024")), file()), Malformed),
        ("PAX for all", two(Entry::new("h", b'g', &pax("comment", "y")), file()), Malformed),
        ("sparse", one(Entry::new("./x", b'S', b"")), Malformed),
        ("contiguous", one(Entry::new("./x", b'7', b"x")), Malformed),
        ("unknown type", one(Entry::new("./x", b'Z', b"")), Malformed),
        ("folder with body", one(Entry::new("./x", b'5', b"x")), Malformed),
        ("symbolic link with body", one(Entry::new("./x", b'2', b"x").with(157, b"y")), Malformed),
        ("hard link with body", one(Entry::new("./x", b'1', b"x").with(157, b"./y")), Malformed),
        ("hard link up", one(Entry::link("./x", b'1', "../../etc/shadow")), Malformed),
        ("hard link absolute", one(Entry::link("./x", b'1', "/etc/shadow")), Malformed),
        ("symbolic link to nothing", one(Entry::link("./x", b'2', "")), Malformed),
        ("long name up", long(b'L', b"../x\0"), Malformed),
        ("long name without NUL", long(b'L', b"./x"), Malformed),
        ("long name with NUL within", long(b'L', b"./x\0y\0"), Malformed),
        ("long name empty", long(b'L', b"\0"), Malformed),
        ("long name of no bytes", long(b'L', b""), Malformed),
        ("long name huge", long(b'L', &[b'a'; 5000]), TooLarge),
        ("long link huge", long(b'K', &[b'a'; 5000]), TooLarge),
        ("long name twice", with_data(&tar(&[twice(), twice(), file()])), Malformed),
        ("long name last", one(twice()), Malformed),
        ("size of 100 GiB", one(file().with(124, &base_256(100 << 30))), TooLarge),
        (
            "size beyond 2^64",
            one(file().with(124, &[0x80, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1])),
            Malformed,
        ),
        ("size negative", one(file().with(124, &[0xff; 12])), Malformed),
        ("size beyond the end", one(Entry::raw(b"./x", b'0', 1 << 20, b"x")), Truncated),
        ("no end mark", with_data(&tar_open(&[file()])), Malformed),
        ("half an end mark", with_data(&[tar_open(&[file()]), vec![0; 512]].concat()), Malformed),
        (
            "bytes after the end mark",
            with_data(&[tar(&[file()]), vec![1; 512]].concat()),
            Malformed,
        ),
        (
            "late byte after the end mark",
            with_data(&[tar(&[file()]), vec![0; 200_192], vec![1; 512]].concat()),
            Malformed,
        ),
        ("text", with_data(&b"hello".repeat(400)), Malformed),
    ]);
}

fn base_256(number: u64) -> [u8; 12] {
    let mut field = [0; 12];
    field[0] = 0x80;
    field[4..].copy_from_slice(&number.to_be_bytes());
    field
}
