//! Handover: a certificate in a header counts from a named proxy alone.

use super::{Fronts, GOOD, OWN, essence};
use crate::matrix::pki::{HOST, Pki};

/// A certificate as nginx writes it into a header.
fn escaped(pki: &Pki, who: &str) -> String {
    let pem = std::fs::read_to_string(pki.pair(who).0).unwrap();
    let first = format!("{}-----END CERTIFICATE-----\n", pem.split("-----END").next().unwrap());
    let first = &first[first.find("-----BEGIN").unwrap()..];
    first.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn nobody_hands_over_a_certificate_but_a_named_proxy() {
    let fronts = Fronts::start(&OWN, "");
    let [(_, direct), _, (_, nginx)] = fronts.ways();
    let boss = format!("X-Client-Cert: {}", escaped(&OWN, "boss"));
    let host = format!("X-Client-Cert: {}", escaped(&OWN, GOOD));
    let whoami = |port: u16, who: Option<&str>, headers: &[&str]| {
        let headers = headers.iter().flat_map(|header| ["-H", header]);
        essence(&fronts.curl(port, who, "api/v1/whoami").args(headers).run())
    };
    // Whoever it is, and whatever is in it.
    for who in [None, Some(GOOD), Some("boss"), Some("revoked"), Some("by another CA")] {
        for header in [boss.as_str(), "X-Client-Cert: x", "X-Client-Cert;", "x-client-cert: %41"] {
            let (status, body) = whoami(direct, who, &[header]);
            assert!(status.starts_with("HTTP/1.1 400 X-Client-Cert is taken from"), "{status}");
            assert!(body.contains("invalid-request"), "{body}");
        }
        // Other headers are nothing that is read.
        let plain = whoami(direct, who, &[]);
        let others =
            ["X-Forwarded-For: 10.9.9.9", "X-SSL-Client-Cert: x", "Forwarded: for=10.9.9.9"];
        assert_eq!(whoami(direct, who, &others), plain);
    }
    // Through nginx a client's own header is replaced by what it has proved.
    for who in [None, Some(GOOD), Some("revoked")] {
        let plain = whoami(nginx, who, &[]);
        for headers in [&[boss.as_str()][..], &[&boss, &host], &["X-Client-Cert: x"]] {
            assert_eq!(whoami(nginx, who, headers), plain, "{who:?}");
        }
    }
    let named = |status: &(String, String), name: &str| {
        status.0 == "HTTP/1.1 200 OK" && status.1.contains(name)
    };
    assert!(named(&whoami(nginx, Some(GOOD), &[]), HOST));

    // The proxy itself: it is whom it names, and nobody without a name, whatever it was granted.
    fronts
        .outside
        .boss(&["identity", "grant", "proxy.example.org", "--role", "admin", "--all-suites"])
        .expect_success();
    let nobody = whoami(direct, None, &[]);
    assert!(nobody.0.starts_with("HTTP/1.1 403 no client certificate"));
    for headers in [&[][..], &["X-Client-Cert;"], &["X-Forwarded-For: 10.9.9.9"]] {
        assert_eq!(whoami(direct, Some("proxy"), headers), nobody, "{headers:?}");
    }
    assert!(named(&whoami(direct, Some("proxy"), &[&host]), HOST));
    for (headers, told) in [
        (&[host.as_str(), &boss][..], "400 X-Client-Cert is there more than once"),
        (&[host.as_str(), "X-Client-Cert;"], "400 X-Client-Cert is there more than once"),
        (&["X-Client-Cert: x"], "400 X-Client-Cert is not one certificate"),
        (&[host.as_str(), "X-Forwarded-For: unknown"], "400 X-Forwarded-For does not end"),
    ] {
        let (status, _) = whoami(direct, Some("proxy"), headers);
        assert!(status.contains(told), "{headers:?}: {status}");
    }
    // Of a chain, its first certificate would do; a chain is not one certificate.
    let two = format!("{}{}", boss, escaped(&OWN, GOOD));
    let (status, _) = whoami(direct, Some("proxy"), &[&two]);
    assert!(status.contains("400 X-Client-Cert is not one certificate"), "{status}");
    assert!(fronts.outside.server.log().contains("was handed over by no named proxy"));
    told_of_handovers(&fronts);
}

/// Everybody who tried has a line, by the name that a CA vouches for, and none has more than one a minute.
fn told_of_handovers(fronts: &Fronts) {
    let lines = fronts.outside.boss(&["audit", "--verb", "handover", "--all", "--json"]);
    let lines: Vec<serde_json::Value> =
        lines.expect_success().stdout.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let of = |who: &str| lines.iter().filter(|line| line["identity"] == who).collect::<Vec<_>>();
    // Without a certificate, and with another CA's, it is nobody.
    for who in ["", "boss.example.org", "proxy.example.org"] {
        assert!((1..=2).contains(&of(who).len()), "{who}: {lines:?}");
    }
    // The host has a certificate that is good and one that is revoked.
    let serials: std::collections::BTreeSet<_> =
        of(HOST).iter().map(|line| line["serial"].to_string()).collect();
    assert_eq!(serials.len(), 2, "{lines:?}");
    for line in &lines {
        assert_eq!(line["outcome"], "invalid-request");
        let detail = line["detail"].as_str().unwrap();
        let told = match line["identity"].as_str() {
            Some("proxy.example.org") => "X-Client-Cert is there more than once",
            _ => "X-Client-Cert is taken from proxies alone",
        };
        assert!(detail.starts_with("GET /api/v1/whoami: ") && detail.contains(told), "{line}");
    }
}
