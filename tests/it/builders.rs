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

/// As old versions of cargo-deb: old-style headers, xz.
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

/// Its signature is the last member, or there are several.
fn signed(name: &str) -> Vec<u8> {
    let signature = b"-----BEGIN PGP SIGNATURE-----\n\nodd\n-----END PGP SIGNATURE-----\n";
    let deb = package(name, "1.0").extra_member(3, "_gpgorigin", signature);
    deb.extra_member(4, "_gpgbuilder", b"x").build()
}

/// fpm, and electron-builder that calls it: put together by ar, so names end with a slash; its own fields, of which
/// some are empty; paths with blanks.
fn fpm(server: &TestServer, name: &str, compression: (&str, &str)) -> Vec<u8> {
    let folder = server.at(name);
    let (flag, extension) = compression;
    let control = format!(
        "Package: {name}\nVersion: 1.0\nLicense: unknown\nVendor: none\nArchitecture: amd64\n\
         Maintainer: <builder@4f2a>\nInstalled-Size: 0\nRecommends: libappindicator3-1\n\
         Standards-Version: 3.9.1\nSection: default\nPriority: extra\n\
         Homepage: http://example.com/no-uri-given\nDescription: no description given\n"
    );
    let script = format!(
        "mkdir -p c d/usr/share/{name} 'd/opt/My {name}' d/usr/share/doc/{name} d/etc\n\
         printf '%s' \"$CONTROL\" >c/control; echo 'interest /usr/share/nothing' >c/triggers\n\
         printf '#!/bin/sh\\ntrue\\n' >c/postinst; chmod 755 c/postinst\n\
         echo 1.0 >d/usr/share/{name}/version; echo x >'d/opt/My {name}/app.asar'\n\
         echo x >d/etc/{name}.conf; echo /etc/{name}.conf >c/conffiles\n\
         echo log | gzip -n9 >d/usr/share/doc/{name}/changelog.gz\n\
         (cd d; find . -type f -printf '%P\\0' | xargs -0 md5sum) >c/md5sums\n\
         echo 2.0 >debian-binary\n\
         tar -C c {flag} -cf control.tar{extension} --owner=0 --group=0 --numeric-owner .\n\
         tar -C d {flag} -cf data.tar{extension} --numeric-owner --owner 0 --group 0 .\n\
         ar -qcS out.deb debian-binary control.tar{extension} data.tar{extension}"
    );
    std::fs::create_dir_all(&folder).unwrap();
    let make = program("sh").args(["-euc", &script]).dir(&folder).env("CONTROL", control);
    make.run().expect_success();
    std::fs::read(format!("{folder}/out.deb")).unwrap()
}

/// Bazel's pkg_deb: Python's tarfile, names that end with a slash, modes without the type, no time.
fn bazel(server: &TestServer, name: &str) -> Vec<u8> {
    let script = r#"
import gzip, io, sys, tarfile
name = sys.argv[1]
def tar(entries, named):
    out = io.BytesIO()
    with gzip.GzipFile(named, mode='w', fileobj=out, mtime=0) as gz:
        with tarfile.open(named, mode='w', fileobj=gz, format=tarfile.GNU_FORMAT) as f:
            for path, data in entries:
                info = tarfile.TarInfo(path)
                if data is None:
                    info.type, info.mode = tarfile.DIRTYPE, 0o755
                    f.addfile(info)
                else:
                    info.size = len(data)
                    f.addfile(info, io.BytesIO(data))
    return out.getvalue()
control = ('Package: %s\nVersion: 1.0\nSection: contrib/devel\nPriority: optional\nArchitecture: amd64\n'
           'Maintainer: A <a@example.org>\nDescription: made by Bazel\nDistribution: unstable\nUrgency: medium\n' % name)
long = './usr/share/%s/%s/' % (name, 'long' * 30)
data = [('./', None), ('./usr', None), ('./usr/share', None), ('./usr/share/' + name, None),
        ('./usr/share/%s/version' % name, b'1.0\n'), (long, None), (long + 'file', b'x')]
out = b'!<arch>\n'
for member, content in (('debian-binary', b'2.0\n'),
                        ('control.tar.gz', tar([('./control', control.encode())], 'control.tar.gz')),
                        ('data.tar.gz', tar(data, 'data.tar.gz'))):
    head = (member + '/').ljust(16) + '0'.ljust(12) + '0'.ljust(6) + '0'.ljust(6) + '0644'.ljust(8)
    out += (head + str(len(content)).ljust(10) + '\x60\n').encode() + content + b'\n' * (len(content) % 2)
sys.stdout.buffer.write(out)
"#;
    std::fs::create_dir_all(server.at(name)).unwrap();
    program("python3").args(["-c", script, name]).run().expect_success().stdout_bytes
}

/// A header as the library writes it that jdeb and sbt-native-packager use: numbers end with a blank, modes have the
/// type of the file, and names of any length are given as GNU tar gives them, in an archive that says `ustar` and
/// version 00.
fn java_header(path: &str, mode: u32, kind: u8, link: &str, size: usize) -> Vec<u8> {
    let mut header = vec![0; 512];
    let mut put =
        |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, &path[..path.len().min(100)]);
    put(100, &format!("{mode:07o} 0000000 0000000 {size:011o} 14534567123         "));
    put(157, link);
    put(257, "ustar\x0000root");
    put(297, "root");
    put(329, "0000000 0000000 ");
    header[156] = kind;
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

fn java_tar(entries: &[(&str, u32, u8, &str)]) -> Vec<u8> {
    let mut archive = Vec::new();
    let padded = |content: &[u8]| {
        [content, &vec![0; content.len().next_multiple_of(512) - content.len()]].concat()
    };
    for (path, mode, kind, content) in entries {
        if path.len() > 100 {
            archive.extend(java_header("././@LongLink", 0, b'L', "", path.len() + 1));
            archive.extend(padded(format!("{path}\0").as_bytes()));
        }
        let (link, content) = if *kind == b'2' { (*content, "") } else { ("", *content) };
        archive.extend(java_header(path, *mode, *kind, link, content.len()));
        archive.extend(padded(content.as_bytes()));
    }
    // Records of twenty blocks.
    let whole = (archive.len() + 1024).next_multiple_of(10_240);
    archive.resize(whole, 0);
    archive
}

fn jdeb(name: &str) -> Vec<u8> {
    let control =
        format!("{}Distribution: unknown\nUrgency: low\nInstalled-Size: 0\n", control(name));
    let (folder, path) = (format!("./usr/share/{name}/"), format!("./usr/share/{name}/version"));
    let link = format!("./usr/share/{name}/link");
    let long = format!("./usr/share/{name}/{}", "long".repeat(30));
    let sums = format!("e4c2e8edac362acab7123654b9e73432 {path}\n");
    let control = [
        ("./postinst", 0o100_755, b'0', "#!/bin/sh\ntrue\n"),
        ("./control", 0o100_644, b'0', &control),
        ("./md5sums", 0o100_644, b'0', &sums),
    ];
    let data = [
        ("./usr/", 0o40_755, b'5', ""),
        ("./usr/share/", 0o40_755, b'5', ""),
        (&folder, 0o40_755, b'5', ""),
        (&path, 0o100_644, b'0', "1.0\n"),
        (&long, 0o100_644, b'0', "x\n"),
        (&link, 0o120_777, b'2', "version"),
    ];
    let deb = DebBuilder::new(name, "1.0", "amd64").raw_control_tar(&java_tar(&control));
    deb.raw_data_tar(&java_tar(&data)).build()
}

/// What the programs themselves have made: `tests/fixtures/builders`.
fn real() -> Vec<(String, Vec<u8>)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/builders");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let debs = paths.filter(|path| path.extension().is_some_and(|it| it == "deb"));
    let read = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read(path).unwrap())
    };
    let real: Vec<_> = debs.map(read).collect();
    assert!(real.len() >= 9, "{}", real.len());
    real
}

#[test]
fn packages_of_other_builders_are_taken_installed_and_exported() {
    let server = TestServer::start();
    let made = [
        ("old-style", cargo_deb("old-style")),
        ("signed", signed("signed")),
        ("by-fpm", fpm(&server, "by-fpm", ("-z", ".gz"))),
        ("by-fpm-xz", fpm(&server, "by-fpm-xz", ("-J", ".xz"))),
        ("by-fpm-zst", fpm(&server, "by-fpm-zst", ("--zstd", ".zst"))),
        ("by-fpm-none", fpm(&server, "by-fpm-none", ("", ""))),
        ("by-bazel", bazel(&server, "by-bazel")),
        ("by-jdeb", jdeb("by-jdeb")),
    ];
    let made = made.map(|(name, bytes)| (name.to_owned(), bytes)).into_iter();
    let packages: Vec<_> = made.chain(real()).collect();
    let folder = server.at("others");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, bytes) in &packages {
        let path = format!("{folder}/{name}.deb");
        std::fs::write(&path, bytes).unwrap();
        // The shape is one that dpkg reads.
        program("dpkg-deb").args(["--contents", &path]).run().expect_success();
    }
    server.repoctl(&["upload", "--suite", "stable", &folder]).expect_success();
    let host = server.host("web1.example.org");
    host.update().expect_success();
    let names: Vec<_> = packages.iter().map(|(name, _)| name.as_str()).collect();
    let several = host.path("/several");
    std::fs::create_dir(&several).unwrap();
    host.program("apt-get").args(["download"]).args(&names).dir(&several).run().expect_success();
    host.install(&names).expect_success();
    for (name, _) in &packages {
        assert!(host.installed(name).is_some_and(|version| version.starts_with("1.0")), "{name}");
        assert_eq!(host.read(&format!("/usr/share/{name}/version")).unwrap(), b"1.0\n", "{name}");
    }
    host.upgrade().expect_success().expect_says("0 upgraded, 0 newly installed");
    let out = server.at("export");
    let config = server.at("data/repod.toml");
    server.repod(&["export", "--config", &config, &out]).run().expect_success();
    for (name, bytes) in &packages {
        for place in [&out, &several.display().to_string()] {
            let found =
                program("find").args([place, "-name", &format!("{name}_1.0*_amd64.deb")]).run();
            let found = found.expect_success().stdout;
            assert_eq!(&std::fs::read(found.trim()).unwrap(), bytes, "{name} in {place}");
        }
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
