//! The real dpkg and apt: what both accept is accepted here, and what fails in one of them is
//! refused.

use std::path::Path;
use std::process::{Command, Output};

use super::build::*;
use super::*;

/// Runs `program`, which must be installed.
fn run(command: &mut Command) -> Output {
    command
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .stdin(std::process::Stdio::null())
        .output()
        .expect("dpkg and apt-utils must be installed for this test")
}

/// The error of dpkg when it fails to install this package in an empty root.
fn dpkg_complaint(folder: &Path, package: &Path) -> Option<String> {
    let root = folder.join("root");
    let _ = std::fs::remove_dir_all(&root);
    for name in ["updates", "info", "triggers"] {
        std::fs::create_dir_all(root.join("var/lib/dpkg").join(name)).unwrap();
    }
    std::fs::write(root.join("var/lib/dpkg/status"), "").unwrap();
    let done = run(Command::new("dpkg")
        .arg(format!("--root={}", root.display()))
        .args(["--force-not-root", "--force-script-chrootless", "--log=/dev/null"])
        .args(["--force-architecture", "--install"])
        .arg(package));
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    (!done.status.success()).then_some(said)
}

/// The error of apt when it does not find in this package what the other readers find.
fn apt_complaint(folder: &Path) -> Option<String> {
    let done = run(Command::new("apt-ftparchive").arg("packages").arg(folder.join("packages")));
    let listed = String::from_utf8_lossy(&done.stdout);
    let sound = done.status.success() && listed.contains("Package: hello\nArchitecture: amd64\n");
    (!sound).then(|| String::from_utf8_lossy(&done.stderr).into_owned())
}

struct Verdict {
    ours: Option<String>,
    dpkg: Option<String>,
    apt: Option<String>,
}

fn verdict(bytes: &[u8]) -> Verdict {
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join("packages/x.deb");
    std::fs::create_dir(folder.path().join("packages")).unwrap();
    std::fs::write(&package, bytes).unwrap();
    Verdict {
        ours: read(bytes).err().map(|error| error.to_string()),
        dpkg: dpkg_complaint(folder.path(), &package),
        apt: apt_complaint(folder.path()),
    }
}

type Case = (&'static str, Vec<u8>);

fn all_take(cases: Vec<Case>) {
    for (name, bytes) in cases {
        let Verdict { ours, dpkg, apt } = verdict(&bytes);
        assert_eq!((ours, dpkg, apt), (None, None, None), "{name}");
    }
}

fn ours_refuses_as_dpkg_or_apt_does(cases: Vec<Case>) {
    for (name, bytes) in cases {
        let Verdict { ours, dpkg, apt } = verdict(&bytes);
        assert!(dpkg.is_some() || apt.is_some(), "{name}: dpkg and apt both take it");
        assert!(ours.is_some(), "{name}: taken, but {dpkg:?} {apt:?}");
    }
}

/// An archive that has this file in control.tar, and `/etc/x` in data.tar.
fn beside_control(name: &str, content: &[u8]) -> Vec<u8> {
    let control = tar(&[Entry::file("control", CONTROL), Entry::file(name, content)]);
    ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control), ("data.tar", &with_etc(vec![]))])
}

/// A folder that anybody can go into.
fn open_folder(name: &str) -> Entry {
    Entry::folder(name).with(100, b"0000755\0")
}

/// A data.tar with a file whose name has this length.
fn long(length: usize) -> Vec<Entry> {
    let name = format!("./{}\0", "a".repeat(length));
    vec![Entry::new("././@LongLink", b'L', name.as_bytes()), Entry::file("./cut", b"x")]
}

/// A data.tar with `/etc/x` and these entries.
fn with_etc(more: Vec<Entry>) -> Vec<u8> {
    let mut entries = vec![open_folder("./"), open_folder("./etc/"), Entry::file("./etc/x", b"x")];
    entries.extend(more);
    tar(&entries)
}

fn with_pax(key: &str, value: &str) -> Vec<u8> {
    with_control(&tar(&[Entry::new("h", b'x', &pax(key, value)), Entry::file("control", CONTROL)]))
}

/// An archive whose control.tar has this ar header.
fn with_control_header(header: Vec<u8>, padding: u8) -> Vec<u8> {
    let control = odd_control();
    let rest = member("data.tar.gz", &gz(&data_tar()));
    [ar(&[("debian-binary", b"2.0\n")]), header, control, vec![padding], rest].concat()
}

/// A control.tar.gz of an odd number of bytes.
fn odd_control() -> Vec<u8> {
    let mut tar = control_tar();
    loop {
        let packed = gz(&tar);
        if packed.len() % 2 == 1 {
            return packed;
        }
        tar.extend([0; 512]);
    }
}

fn signed(name: &str, content: &[u8]) -> Vec<u8> {
    [deb(FORMS[1], FORMS[1]), member(name, content)].concat()
}

fn old_style() -> Vec<u8> {
    let control = tar(&[Entry::new("./", 0, b"").old(), Entry::file("control", CONTROL).old()]);
    let data = tar(&[
        Entry::folder("./").old(),
        Entry::folder("./usr/").old(),
        Entry::file("./usr/x", b"x").old(),
    ]);
    ar(&[("debian-binary", b"2.0\n"), ("control.tar.gz", &gz(&control)), ("data.tar", &data)])
}

fn of_magic(magic: &[u8; 8]) -> Vec<u8> {
    let control = tar(&[Entry::file("./control", CONTROL).with(257, magic)]);
    let data = tar(&[Entry::file("./x", b"x").with(257, magic)]);
    ar(&[("debian-binary", b"2.0\n"), ("control.tar.gz", &gz(&control)), ("data.tar", &data)])
}

fn members_of(plain: &[u8]) -> Vec<u8> {
    [plain.chunks(700).flat_map(gz).collect(), gz(b"")].concat()
}

#[test]
fn forms_that_dpkg_and_apt_both_read_are_taken() {
    let size = odd_control().len();
    let sized = |size: &str| with_control_header(ar_header("control.tar.gz", size), b'\n');
    let control = tar(&[Entry::file("./control", CONTROL).with(329, &[b' '; 16])]);
    all_take(vec![
        ("as dpkg-deb writes it", deb(FORMS[2], FORMS[2])),
        ("old-style headers", old_style()),
        ("ustar of version 1", of_magic(b"ustar\x0001")),
        ("ustar of no version", of_magic(b"ustar\0\0\0")),
        ("GNU of another version", of_magic(b"ustar   ")),
        ("blank device", with_control(&control)),
        ("gzip members", with_data_member("data.tar.gz", &members_of(&data_tar()))),
        ("blanks before the size", sized(&format!("{size:>10}"))),
        ("padding", with_control_header(ar_header("control.tar.gz", &size.to_string()), 0)),
        ("_gpgorigin behind", signed("_gpgorigin", b"odd")),
        ("another member behind", signed("extra.txt", b"more")),
    ]);
}

#[test]
fn forms_that_dpkg_or_apt_cannot_read_are_refused() {
    let size = odd_control().len();
    let sized = |size: &str| with_control_header(ar_header("control.tar.gz", size), b'\n');
    let bare = [deb(FORMS[1], FORMS[1]), ar_header("_x", "1"), b"x".to_vec()].concat();
    let data = data_tar();
    let (half, rest) = data.split_at(2048);
    let other = String::from_utf8_lossy(CONTROL).replace("Package: hello", "Package: other");
    let evil = tar(&[Entry::file("control", other.as_bytes())]);
    ours_refuses_as_dpkg_or_apt_does(vec![
        ("octal size for apt", sized(&format!("0{size}"))),
        ("tab before the size", sized(&format!("\t{size}"))),
        ("last padding missing", bare),
        ("NUL behind", [deb(FORMS[1], FORMS[1]), vec![0; 512]].concat()),
        ("other control.tar behind", signed("control.tar", &evil)),
        ("xz streams", with_data_member("data.tar.xz", &[xz(half), xz(rest)].concat())),
        ("zstd frames", with_data_member("data.tar.zst", &[zst(half), zst(rest)].concat())),
        (
            "device in letters",
            with_control(&tar(&[Entry::file("control", CONTROL).with(329, b"junk")])),
        ),
    ]);
}

#[test]
fn pax_values_are_those_that_the_tar_of_dpkg_reads() {
    let twenty = "1".repeat(20);
    let times = ["abc", "", &twenty, "9223372036854775808", "+1", ".5", " 1", "-", "-.5"];
    let owners = ["-5", "", "abc", "4294967296", "1.5", "+1", " 1"];
    let keyed = |key: &'static str| move |value: &&str| (key, with_pax(key, value));
    let refused = times.iter().map(keyed("mtime")).chain(times.iter().take(3).map(keyed("atime")));
    let refused = refused.chain(owners.iter().map(keyed("uid")));
    ours_refuses_as_dpkg_or_apt_does(refused.chain(owners.iter().map(keyed("gid"))).collect());
    let times = ["1", "1.5", "-1.5", "1.", "01", "9223372036854775807", "1.5x"];
    let taken = times.iter().map(keyed("mtime"));
    let taken = taken.chain(["0", "007", "4294967295"].iter().map(keyed("uid")));
    all_take(taken.chain(["", "nobody"].iter().map(keyed("uname"))).collect());
}

#[test]
fn conffiles_are_those_that_dpkg_reads() {
    let fits = format!("/{}\n", "a/".repeat(497) + "a");
    let too_long = format!("/{}\n", "a/".repeat(497) + "ab");
    let refused: [(&str, &[u8]); 10] = [
        ("relative", b"etc/x\n"),
        ("no line feed", b"/etc/x"),
        ("blank in front", b" /etc/x\n"),
        ("shipped, and removed", b"remove-on-upgrade /etc/x\n"),
        ("unknown flag", b"keep /etc/x\n"),
        ("flag and two blanks", b"remove-on-upgrade  /etc/y\n"),
        ("flag alone", b"remove-on-upgrade\n"),
        ("comment", b"# x\n"),
        ("NUL", b"/etc/x\0\n"),
        ("too long", too_long.as_bytes()),
    ];
    let of = |(name, text): (&'static str, &[u8])| (name, beside_control("conffiles", text));
    ours_refuses_as_dpkg_or_apt_does(refused.map(of).into());
    let taken: [(&str, &[u8]); 8] = [
        ("usual", b"/etc/x\n"),
        ("empty", b""),
        ("blank lines", b"\n/etc/x\n\n"),
        ("blanks and CR behind", b"/etc/x \r\n"),
        ("not there", b"/etc/y\n"),
        ("twice", b"/etc/x\n/etc/x\n"),
        ("removed", b"remove-on-upgrade /etc/y\n"),
        ("longest", fits.as_bytes()),
    ];
    all_take(taken.map(of).into());
    let names = |entry: Entry| {
        let control =
            tar(&[Entry::file("control", CONTROL), Entry::file("conffiles", b"/etc/y\n")]);
        let data = with_etc(vec![entry]);
        ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control), ("data.tar", &data)])
    };
    ours_refuses_as_dpkg_or_apt_does(vec![("folder", names(Entry::folder("./etc/y/")))]);
    let links = [Entry::link("./etc/y", b'2', "x"), Entry::link("./etc/y", b'1', "./etc/x")];
    all_take(links.map(|link| ("link", names(link))).into());
}

#[test]
fn triggers_are_those_that_dpkg_reads() {
    let longest = format!("interest /{}\n", "a".repeat(244));
    let too_long = format!("interest /{}\n", "a".repeat(245));
    let of = |line: &str| ("trigger", beside_control("triggers", line.as_bytes()));
    let refused = [
        "watch /x\n",
        "Interest /x\n",
        "interest /x",
        "interest\n",
        "interest x/y\n",
        "interest a_b\n",
        "interest /x//y\n",
        "interest /x/\n",
        "interest /\n",
        "interest /x /y\n",
        "interest .x\n",
        "interest /x\r\n",
        "activate \u{e9}\n",
        "interest\u{b}/x\n",
        "#\0\n",
        &too_long,
    ];
    ours_refuses_as_dpkg_or_apt_does(refused.map(of).into());
    let taken = [
        "interest /usr/x\n",
        "interest-noawait\t/usr/x \n",
        "  activate-await foo\n",
        "# any thing\n\n",
        "activate x/y\n",
        "interest A\n",
        "",
        &longest,
    ];
    all_take(taken.map(of).into());
}

#[test]
fn hard_links_folders_and_names_are_those_that_dpkg_installs() {
    let of = |(name, more)| {
        let data = with_etc(more);
        (name, with_data(&data))
    };
    let (hard, soft) =
        (|name, to| Entry::link(name, b'1', to), |name, to| Entry::link(name, b'2', to));
    let file = |name: &str| Entry::file(name, b"x");
    let refused = [
        ("before its target", vec![hard("./b", "./c"), file("./c")]),
        ("to itself", vec![hard("./b", "./b")]),
        ("to itself behind a file", vec![file("./b"), hard("./b", "./b")]),
        ("to nothing", vec![hard("./b", "./zz")]),
        ("to a symbolic link", vec![soft("./s", "etc/x"), hard("./c", "./s")]),
        ("through a symbolic link", vec![soft("./s", "etc"), hard("./c", "./s/x")]),
        ("to a folder", vec![hard("./c", "./etc")]),
        ("below a file", vec![file("./etc/x/y")]),
        ("folder in place of a file", vec![Entry::folder("./etc/x/")]),
        ("file in place of a full folder", vec![file("./etc")]),
        ("too long", long(247)),
    ];
    ours_refuses_as_dpkg_or_apt_does(refused.map(of).into());
    let taken = [
        ("usual", vec![hard("./b", "./etc/x"), hard("./c", "./b")]),
        ("absolute target", vec![hard("./b", "/etc/x")]),
        ("file twice", vec![file("./etc/x")]),
        ("file in place of a link", vec![soft("./s", "etc/x"), file("./s"), hard("./t", "./s")]),
        ("file in place of an empty folder", vec![Entry::folder("./s/"), file("./s")]),
        ("longest", long(246)),
    ];
    all_take(taken.map(of).into());
}

#[test]
fn scripts_are_those_that_the_kernel_runs() {
    let of = |(name, text): (&'static str, &[u8])| (name, beside_control(name, text));
    let refused: [(&str, &[u8]); 2] =
        [("preinst", b"#!/bin/sh\r\ntrue\r\n"), ("postinst", b"#!/bin/sh -e\r\ntrue\r\n")];
    ours_refuses_as_dpkg_or_apt_does(refused.map(of).into());
    let taken: [(&str, &[u8]); 4] = [
        ("preinst", b"#!/bin/sh\ntrue\n"),
        ("postinst", b"true\n"),
        ("config", b"#!/bin/sh\r\n"),
        ("prerm", b""),
    ];
    all_take(taken.map(of).into());
}
