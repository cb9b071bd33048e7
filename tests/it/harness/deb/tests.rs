//! Built packages: dpkg reads and installs the right ones, and the broken ones are broken as asked for.

use std::path::Path;
use std::process::Command;

use super::*;

fn output(program: &str, arguments: &[&std::ffi::OsStr]) -> std::process::Output {
    Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{program} must be installed for this test: {error}"))
}

fn write(folder: &Path, builder: &DebBuilder) -> std::path::PathBuf {
    let path = folder.join(builder.file_name());
    std::fs::write(&path, builder.build()).unwrap();
    path
}

fn hello() -> DebBuilder {
    DebBuilder::new("hello", "1:1.0-1", "all")
        .field("Suggests", "sl")
        .file("usr/share/hello/text", b"hello\n")
        .file(&format!("usr/share/hello/{}", "l".repeat(150)), b"long\n")
        .entry("usr/share/hello/link", Entry::Symlink { target: "text".into() })
        .entry("usr/share/hello/hard", Entry::HardLink { target: "./usr/share/hello/text".into() })
        .script("postinst", "#!/bin/sh\nset -e\ntouch \"$DPKG_ROOT/configured\"\n")
}

#[test]
fn dpkg_deb_shows_every_form() {
    let folder = tempfile::tempdir().unwrap();
    for control in Compression::ALL {
        for data in Compression::ALL {
            let builder = hello().control_compression(control).data_compression(data);
            let path = write(folder.path(), &builder);
            let info = output("dpkg-deb", &["--info".as_ref(), path.as_ref()]);
            assert!(info.status.success(), "{}", String::from_utf8_lossy(&info.stderr));
            assert!(String::from_utf8_lossy(&info.stdout).contains("Version: 1:1.0-1"));
            let contents = output("dpkg-deb", &["--contents".as_ref(), path.as_ref()]);
            assert!(contents.status.success());
            let text = String::from_utf8_lossy(&contents.stdout).into_owned();
            assert_eq!(text.lines().count(), 8, "{text}");
        }
    }
}

#[test]
fn dpkg_installs_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    for name in ["updates", "info", "triggers"] {
        std::fs::create_dir_all(root.join("var/lib/dpkg").join(name)).unwrap();
    }
    std::fs::write(root.join("var/lib/dpkg/status"), "").unwrap();
    let path = write(folder.path(), &hello());
    let done = Command::new("dpkg")
        .arg(format!("--root={}", root.display()))
        .args(["--force-not-root", "--force-script-chrootless", "--log=/dev/null", "--install"])
        .arg(&path)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(std::fs::read(root.join("usr/share/hello/link")).unwrap(), b"hello\n");
    assert_eq!(std::fs::read(root.join("usr/share/hello/hard")).unwrap(), b"hello\n");
    assert!(root.join("configured").exists());
}

#[test]
fn broken_forms_are_as_broken_as_asked_for() {
    let right = hello().build();
    assert_eq!(hello().build(), right);
    assert_eq!(hello().file_name(), "hello_1.0-1_all.deb");

    let extra = hello().extra_member(1, "_x", b"odd").claimed_size(2, "77").build();
    assert_eq!(&extra[72..76], b"_x  ");
    let claim = right.iter().zip(&extra[64..]).filter(|(a, b)| a != b).count();
    assert!(claim > 0, "the size of data.tar is another one");

    let kinds = [Entry::CharacterDevice, Entry::Fifo, Entry::Folder];
    for entry in kinds.into_iter().chain([Entry::Symlink { target: "/etc/passwd".into() }]) {
        let bytes = hello().control_entry(entry.clone()).build();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.deb");
        std::fs::write(&path, bytes).unwrap();
        let listed = output("dpkg-deb", &["--ctrl-tarfile".as_ref(), path.as_ref()]).stdout;
        let mut tar = tar::Archive::new(&*listed);
        let kind = tar
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().header().entry_type())
            .nth(1)
            .unwrap();
        assert_ne!(kind, tar::EntryType::Regular, "{entry:?}");
    }
}

#[test]
fn raw_parts_are_taken_as_they_are() {
    let plain = hello().control_compression(Compression::None);
    let contains = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|w| w == part);
    assert!(contains(&plain.clone().raw_control(b"Nonsense").build(), b"Nonsense"));
    assert!(!contains(&plain.clone().without_field("Section").build(), b"Section:"));
    assert!(contains(&plain.clone().raw_control_tar(b"no tar").build(), b"no tar"));
    let data = plain.data_compression(Compression::None).raw_data_tar(b"nothing either");
    assert!(data.build().ends_with(b"nothing either"));
}
