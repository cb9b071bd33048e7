//! Packages as other builders than dpkg-deb write them: taken, downloaded, installed and exported.

use crate::harness::deb::{Compression, DebBuilder};
use crate::harness::programs::program;
use crate::harness::server::{TestServer, package};

/// A tar archive of old-style (v7) headers, as the Rust crate `tar` gives to cargo-deb.
fn old_style_tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in entries {
        let mut header = tar::Header::new_old();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        let is_folder = path.ends_with('/');
        header.set_entry_type(if is_folder {
            tar::EntryType::Directory
        } else {
            tar::EntryType::Regular
        });
        header.set_mode(if is_folder { 0o755 } else { 0o644 });
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_700_000_000);
        header.set_size(content.len() as u64);
        header.set_cksum();
        archive.append(&header, *content).unwrap();
    }
    archive.into_inner().unwrap()
}

fn control(name: &str) -> String {
    format!(
        "Package: {name}\nVersion: 1.0\nArchitecture: amd64\nMaintainer: A <a@example.org>\n\
         Section: utils\nPriority: optional\nDescription: made by another builder\n"
    )
}

/// cargo-deb: old-style headers, xz.
fn cargo_deb(name: &str) -> Vec<u8> {
    let path = format!("./usr/share/{name}/version");
    let folder = format!("./usr/share/{name}/");
    let data = [("./usr/", &b""[..]), ("./usr/share/", b""), (&folder, b""), (&path, b"1.0\n")];
    DebBuilder::new(name, "1.0", "amd64")
        .control_compression(Compression::Xz)
        .data_compression(Compression::Xz)
        .raw_control_tar(&old_style_tar(&[("./control", control(name).as_bytes())]))
        .raw_data_tar(&old_style_tar(&data))
        .build()
}

/// nfpm with a key, debsigs and dpkg-sig: the signature is the last member.
fn signed(name: &str) -> Vec<u8> {
    let signature = b"-----BEGIN PGP SIGNATURE-----\n\nodd\n-----END PGP SIGNATURE-----\n";
    package(name, "1.0").extra_member(3, "_gpgorigin", signature).build()
}

/// fpm, CPack and jdeb put the members together with ar: names end with a slash.
fn joined_by_ar(server: &TestServer, name: &str) -> Vec<u8> {
    let folder = server.at(name);
    let script = format!(
        "mkdir -p c d/usr/share/{name}; printf '%s' \"$CONTROL\" >c/control\n\
         echo 1.0 >d/usr/share/{name}/version; echo 2.0 >debian-binary\n\
         tar --owner=0 --group=0 -C c -czf control.tar.gz .\n\
         tar --owner=0 --group=0 -C d -czf data.tar.gz .\n\
         ar -qcS out.deb debian-binary control.tar.gz data.tar.gz"
    );
    std::fs::create_dir_all(&folder).unwrap();
    let make = program("sh").args(["-euc", &script]).dir(&folder).env("CONTROL", control(name));
    make.run().expect_success();
    std::fs::read(format!("{folder}/out.deb")).unwrap()
}

#[test]
fn packages_of_other_builders_are_taken_installed_and_exported() {
    let server = TestServer::start();
    let packages = [
        ("by-cargo-deb", cargo_deb("by-cargo-deb")),
        ("by-nfpm-signed", signed("by-nfpm-signed")),
        ("by-fpm", joined_by_ar(&server, "by-fpm")),
    ];
    let folder = server.at("others");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, bytes) in &packages {
        std::fs::write(format!("{folder}/{name}_1.0_amd64.deb"), bytes).unwrap();
    }
    server.repoctl(&["upload", "--suite", "stable", &folder]).expect_success();
    let host = server.host("web1.example.org");
    host.update().expect_success();
    host.install(&packages.each_ref().map(|(name, _)| *name)).expect_success();
    for (name, _) in &packages {
        assert_eq!(host.installed(name).as_deref(), Some("1.0"), "{name}");
        assert_eq!(host.read(&format!("/usr/share/{name}/version")).unwrap(), b"1.0\n", "{name}");
    }
    host.upgrade().expect_success().expect_says("0 upgraded, 0 newly installed");
    let out = server.at("export");
    let config = server.at("data/repod.toml");
    server.repod(&["export", "--config", &config, &out]).run().expect_success();
    for (name, bytes) in &packages {
        let found = program("find").args([&out, "-name", &format!("{name}_1.0_amd64.deb")]).run();
        let found = found.expect_success().stdout;
        assert_eq!(&std::fs::read(found.trim()).unwrap(), bytes, "{name}");
    }
}

#[test]
fn what_dpkg_deb_packs_hardest_is_taken_by_default_and_a_refusal_says_what_would_do() {
    let server = TestServer::start();
    let folder = server.at("hard");
    let script = "mkdir -p d/DEBIAN d/usr/share/hard; printf '%s' \"$CONTROL\" >d/DEBIAN/control\n\
                  head -c 400000 /dev/urandom >d/usr/share/hard/x; dpkg-deb -Zzstd -z22 --root-owner-group --build d hard.deb";
    std::fs::create_dir_all(&folder).unwrap();
    let make = program("sh").args(["-euc", script]).dir(&folder).env("CONTROL", control("hard"));
    make.run().expect_success();
    let path = format!("{folder}/hard.deb");
    server.repoctl(&["upload", "--suite", "stable", &path]).expect_success();

    let mut small = TestServer::init();
    let config = small.at("data/repod.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace("[limits]\n", "[limits]\nmemory_bytes = 167772160\n");
    std::fs::write(&config, text).unwrap();
    small.serve();
    small.repoctl(&["suite", "create", "stable", "--architectures", "amd64"]).expect_success();
    let refused = small.repoctl(&["upload", "--suite", "stable", &path]).expect_code(1);
    refused
        .expect_says("134217728 bytes of memory")
        .expect_says("limits.memory_bytes in repod.toml to 224395264");
}
