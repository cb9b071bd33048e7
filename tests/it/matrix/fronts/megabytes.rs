//! Megabytes: apt and large uploads go through both proxies.

use std::path::Path;

use super::{Fronts, GOOD, OWN, essence, noise};
use crate::harness::apt::{AptRoot, HostFile};
use crate::harness::deb::{Compression, DebBuilder};
use crate::harness::server::package;
use crate::matrix::pki::HOST;

#[test]
fn apt_and_uploads_of_megabytes_go_through_both() {
    let fronts = Fronts::start(&OWN, "");
    let outside = &fronts.outside;
    let out = outside.server.at("host");
    outside.boss(&["host", "setup", HOST, "--out", &out]).expect_success();
    for (way, port) in fronts.fronts() {
        let name = format!("acme-{way}");
        let large = DebBuilder::new(&name, "1.0", "amd64")
            .data_compression(Compression::None)
            .file(&format!("usr/share/{name}/noise"), &noise(9 << 20));
        let small: Vec<_> = (0..5)
            .map(|at| outside.server.deb(&package(&format!("{name}-small-{at}"), "1.0")))
            .collect();
        let large = outside.server.deb(&large);
        let mut upload = vec!["upload", "--suite", "stable", &large];
        upload.extend(small.iter().map(String::as_str));
        fronts.repoctl(port, "boss", &upload).expect_success().expect_says("published");
        // The same with curl, which waits to be asked for the body.
        let deb = outside.server.deb(
            &DebBuilder::new(&format!("{name}-curl"), "1.0", "amd64")
                .data_compression(Compression::None)
                .file(&format!("usr/share/{name}-curl/noise"), &noise(3 << 20)),
        );
        let to = format!("api/v1/suites/stable/main/{name}-curl_1.0_amd64.deb");
        let put = fronts.curl(port, Some("boss"), &to).args(["-T", &deb]).run().expect_success();
        assert_eq!(essence(&put).0, "HTTP/1.1 200 OK", "{put}");
        let denied = fronts.curl(port, Some(GOOD), &to).args(["-T", &deb]).run();
        assert!(essence(&denied).0.contains("403 "), "{denied}");

        let root = AptRoot::new();
        let script = std::fs::read_to_string(format!("{out}/install.sh")).unwrap();
        let here = format!("repo.example.org:{}", outside.server.port());
        let files = script.lines().filter(|line| line.starts_with("put ")).map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let content = std::fs::read_to_string(Path::new(&out).join(words[3])).unwrap();
            let content = content.replace(&here, &format!("repo.example.org:{port}"));
            HostFile::new(words[4], u32::from_str_radix(words[2], 8).unwrap(), content)
        });
        root.place(&files.collect::<Vec<_>>());
        for (file, from) in ["client.crt", "client.key"].iter().zip(outside.pair(GOOD)) {
            let path = format!("/etc/apt/repod/repo.example.org/{file}");
            root.place(&[HostFile::new(&path, 0o600, std::fs::read(from).unwrap())]);
        }
        let updated = root.update().expect_success();
        assert!(updated.says(&format!("repo.example.org:{port}")), "{updated}");
        root.install(&[&name, &format!("{name}-small-3")]).expect_success();
        assert_eq!(root.installed(&name).as_deref(), Some("1.0"));
        assert!(root.path(&format!("usr/share/{name}/noise")).exists());
    }
}
