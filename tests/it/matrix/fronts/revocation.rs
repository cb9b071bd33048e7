//! Revocation: it reaches connections that are open through both proxies, and the proxies too.

use std::sync::LazyLock;

use super::{Fronts, GOOD, noise, with_proxy};
use crate::harness::deb::{Compression, DebBuilder};
use crate::harness::server::package;
use crate::matrix::PATH;
use crate::matrix::gate::{replace, until};
use crate::matrix::pki::{Pki, file};

#[test]
fn revocation_reaches_an_open_connection_through_both() {
    static REVOKING: LazyLock<Pki> = LazyLock::new(with_proxy);
    let fronts = Fronts::start(&REVOKING, "");
    let outside = &fronts.outside;
    outside.boss(&["host", "grant", "web-02.example.org", "--suite", "stable"]).expect_success();
    let big = DebBuilder::new("acme-big", "1.0", "amd64")
        .data_compression(Compression::None)
        .file("usr/share/acme-big/noise", &noise(32 << 20));
    let big = outside.server.deb(&big);
    for (way, port) in fronts.fronts() {
        let name = format!("acme-by-{way}");
        let deb = outside.server.deb(&package(&name, "1.0"));
        fronts.repoctl(port, "boss", &["upload", "--suite", "stable", &deb]).expect_success();
    }
    outside.boss(&["upload", "--suite", "stable", &big]).expect_success();
    let pool = pool_path(&fronts, "acme-big");
    let mut lines = fronts.fronts().map(|(_, port)| fronts.line(port, Some(GOOD), &[]));
    let mut others = fronts.fronts().map(|(_, port)| fronts.line(port, Some("other-host"), &[]));
    for line in lines.iter_mut().chain(&mut others) {
        assert!(line.ask(PATH).starts_with("200"));
        assert!(line.ask(PATH).starts_with("200"), "a connection that is kept");
    }
    // Bodies that are under way, slowly.
    let bodies = fronts.fronts().map(|(way, port)| {
        let to = outside.server.at(&format!("{way}.deb"));
        let curl = fronts.curl(port, Some(GOOD), &pool).args(["--limit-rate", "2M", "-o", &to]);
        let running = std::thread::spawn(move || curl.run());
        until("the body", || std::fs::metadata(&to).is_ok_and(|file| file.len() > 1 << 20));
        running
    });
    REVOKING.revoke("root", &file(GOOD));
    REVOKING.list("root", "root-2", "");
    replace(outside, "root.crl", REVOKING.read("root-2.crl"));
    outside.server.signal("HUP");
    for (line, (way, _)) in lines.iter_mut().zip(fronts.fronts()) {
        until("the refusal", || line.ask(PATH).starts_with("403"));
        let told = line.ask(PATH);
        assert!(told.starts_with("403 certificate was revoked TIME"), "{way}: {told}");
    }
    for line in &mut others {
        assert!(line.ask(PATH).starts_with("200"), "others go on, on their own connections");
    }
    for body in bodies {
        let outcome = body.join().unwrap();
        assert!(!outcome.succeeded(), "the body came whole: {outcome}");
    }

    // The gate closes through both, and is mended through both.
    for (at, (way, port)) in fronts.fronts().into_iter().enumerate() {
        REVOKING.list("root", &format!("short-{way}"), "-crlsec 2");
        replace(outside, "root.crl", REVOKING.read(&format!("short-{way}.crl")));
        outside.server.signal("HUP");
        until("the gate to close", || {
            others
                .iter_mut()
                .all(|line| line.ask(PATH).starts_with("403 revocation list is out of"))
        });
        let fresh = format!("fresh-{at}");
        REVOKING.list("root", &fresh, "");
        let path = REVOKING.path(&format!("{fresh}.crl")).display().to_string();
        fronts.repoctl(port, GOOD, &["crl", "put", &path]).expect_code(3);
        fronts.repoctl(port, "boss", &["crl", "put", &path]).expect_success();
        for line in &mut others {
            assert!(line.ask(PATH).starts_with("200"), "{way}");
        }
    }

    // A proxy that is revoked hands over nothing any more, on connections that it has open.
    REVOKING.revoke("root", "proxy");
    REVOKING.list("root", "root-3", "");
    replace(outside, "root.crl", REVOKING.read("root-3.crl"));
    outside.server.signal("HUP");
    let [through_haproxy, through_nginx] = &mut others;
    until("the refusal", || {
        through_nginx.ask(PATH).starts_with("400 X-Client-Cert is taken from proxies alone")
    });
    assert!(through_haproxy.ask(PATH).starts_with("200"));
    assert!(outside.server.log().contains("certificate was revoked"));
}

/// Where the pool has a package.
fn pool_path(fronts: &Fronts, name: &str) -> String {
    let path = "dists/stable/main/binary-amd64/Packages";
    let packages = fronts.outside.curl(Some(GOOD), path).run().expect_success().stdout;
    let field = packages.lines().filter_map(|line| line.strip_prefix("Filename: "));
    let found = field.into_iter().find(|path| path.contains(name));
    found.unwrap_or_else(|| panic!("{packages}")).trim().to_owned()
}
