//! A second opinion: the `openssl` command reads what is made here, and what it makes is judged
//! here.

use std::process::Command;

use super::*;
use crate::time::{Clock, SystemClock};

/// Runs `openssl` in the directory of `bench`; whether it succeeded, and its output.
fn openssl(bench: &Bench, arguments: &str) -> (bool, String) {
    let ran = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(bench.directory.path())
        .output()
        .expect("the openssl command is needed for this test");
    let said = [ran.stdout, ran.stderr].concat();
    (ran.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn must(bench: &Bench, arguments: &str) -> String {
    let (content, said) = openssl(bench, arguments);
    assert!(content, "openssl {arguments}: {said}");
    said
}

const VERIFY: &str = "verify -x509_strict -CAfile ca.crt -CRLfile crl.pem -crl_check -purpose";

#[test]
fn openssl_accepts_what_is_made_here() {
    let now = SystemClock.now();
    let mut bench = Bench::at(now);
    let (client, request) = bench.client("web-01.example.org", 90, now);
    std::fs::write(bench.path("client.crt"), &client.certificate_pem).unwrap();
    std::fs::write(bench.path("client.key"), request.key_pem.as_bytes()).unwrap();
    std::fs::write(bench.path("client.csr"), &request.csr_pem).unwrap();
    let names = ["repo.example.org".to_owned(), "127.0.0.1".to_owned()];
    let server = bench.ca.issue_server(&names, &ServerKey::New, 90, now).unwrap();
    server.write(bench.directory.path()).unwrap();

    must(&bench, "req -verify -noout -in client.csr");
    must(&bench, "pkey -check -noout -in client.key");
    must(&bench, "pkey -check -noout -in ca.key");
    must(&bench, &format!("{VERIFY} sslclient client.crt"));
    must(&bench, &format!("{VERIFY} sslserver -verify_ip 127.0.0.1 server.crt"));
    must(&bench, &format!("{VERIFY} sslserver -verify_hostname repo.example.org server.crt"));
    assert!(!openssl(&bench, &format!("{VERIFY} sslserver client.crt")).0);
    must(&bench, "crl -in crl.pem -CAfile ca.crt -noout -verify");

    bench.ca.renew(now.plus(60)).unwrap();
    must(&bench, &format!("{VERIFY} sslclient -attime {} client.crt", now.plus(120).0));

    bench.revoke(&[&client.serial_hex], now, DAY);
    let (content, said) = openssl(&bench, &format!("{VERIFY} sslclient client.crt"));
    assert!(!content && said.contains("certificate revoked"), "{said}");
    let text = must(&bench, "crl -in crl.pem -noout -text");
    assert!(text.contains("Key Compromise") && text.contains("X509v3 CRL Number"), "{text}");
    assert!(text.contains(&client.serial_hex.to_uppercase()), "{text}");
    must(&bench, &format!("{VERIFY} sslserver server.crt"));
}

#[test]
fn rights_asked_for_in_a_request_are_not_given() {
    let now = SystemClock.now();
    let bench = Bench::at(now);
    must(
        &bench,
        "req -new -newkey rsa:2048 -nodes -keyout bad.key -out bad.csr -subj /CN=root.example.org \
         -addext basicConstraints=critical,CA:TRUE -addext keyUsage=keyCertSign,cRLSign \
         -addext extendedKeyUsage=anyExtendedKeyUsage,serverAuth \
         -addext subjectAltName=DNS:root.example.org,DNS:*.example.org,IP:10.0.0.1 \
         -addext subjectKeyIdentifier=hash -addext 1.2.3.4=critical,ASN1:NULL",
    );
    let csr = std::fs::read_to_string(bench.path("bad.csr")).unwrap();
    let host = Identity::parse("web-01.example.org").unwrap();
    let issued = bench.ca.issue_client(&host, &csr, 90, now).unwrap();
    std::fs::write(bench.path("client.crt"), &issued.certificate_pem).unwrap();
    let text = must(&bench, "x509 -in client.crt -noout -text");
    assert!(text.contains("CA:FALSE") && !text.contains("CA:TRUE"), "{text}");
    assert!(!text.contains("root.example.org") && !text.contains("Certificate Sign"), "{text}");
    assert!(!text.contains("Any Extended") && !text.contains("TLS Web Server"), "{text}");
    must(&bench, &format!("{VERIFY} sslclient client.crt"));
    let standing = bench.load(now).current().judge(&[der(&issued.certificate_pem)], now).unwrap();
    assert_eq!(standing.identity(), &host);
}

#[test]
fn weak_and_unknown_keys_are_refused() {
    let now = SystemClock.now();
    let bench = Bench::at(now);
    let host = Identity::parse("web-01.example.org").unwrap();
    std::fs::write(
        bench.path("leaf.ext"),
        "basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth\nsubjectAltName=DNS:web-01.example.org\n",
    )
    .unwrap();
    let rows = [
        ("genrsa -out k.pem 1024", "-sha256", "fewer than 2048", KeyFault::ShortRsa),
        ("genrsa -out k.pem 2040", "-sha256", "fewer than 2048", KeyFault::ShortRsa),
        (
            "ecparam -name secp256k1 -genkey -noout -out k.pem",
            "-sha256",
            "neither",
            KeyFault::UnknownKind,
        ),
        ("genpkey -algorithm RSA-PSS -out k.pem", "-sha256", "neither", KeyFault::UnknownKind),
        ("genpkey -algorithm ED448 -out k.pem", "", "neither", KeyFault::UnknownKind),
    ];
    for (make, digest, said, fault) in rows {
        must(&bench, make);
        must(&bench, &format!("req -new -key k.pem {digest} -subj /CN=x -out k.csr"));
        let csr = std::fs::read_to_string(bench.path("k.csr")).unwrap();
        let error = bench.ca.issue_client(&host, &csr, 90, now).unwrap_err();
        assert!(matches!(error, TrustError::Request(why) if why.contains(said)), "{make}: {error}");
        must(
            &bench,
            "x509 -req -in k.csr -CA ca.crt -CAkey ca.key -sha256 -days 9 -extfile leaf.ext \
             -set_serial 4242 -out k.crt",
        );
        let chain = [der(&std::fs::read_to_string(bench.path("k.crt")).unwrap())];
        let later = SystemClock.now().plus(1);
        let refusal = refused(bench.load(later).current().judge(&chain, later));
        assert_eq!(refusal, Refusal::WeakKey(fault), "{make}");
    }
}

#[test]
fn certificates_made_by_openssl_are_judged_alike() {
    let now = SystemClock.now();
    let bench = Bench::at(now);
    must(&bench, "req -new -newkey ed25519 -nodes -keyout k.pem -subj /CN=x -out k.csr");
    let sign = |extensions: &str, digest: &str| {
        std::fs::write(bench.path("leaf.ext"), extensions).unwrap();
        must(
            &bench,
            &format!(
                "x509 -req -in k.csr -CA ca.crt -CAkey ca.key {digest} -days 9 -extfile leaf.ext \
                 -set_serial 200 -out k.crt"
            ),
        );
        let chain = [der(&std::fs::read_to_string(bench.path("k.crt")).unwrap())];
        let later = SystemClock.now().plus(1);
        bench.load(later).current().judge(&chain, later)
    };
    let usage = "basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth\n";
    let good = format!("{usage}subjectAltName=DNS:web-01.example.org\n");
    let standing = sign(&good, "-sha256").unwrap();
    assert_eq!(standing.serial().unwrap().to_string(), "c8", "no sign octet in a serial");
    let refusal = refused(sign(&good, "-sha1"));
    assert_eq!(refusal, Refusal::WeakKey(KeyFault::Signature));
    let other = format!("{usage}subjectAltName=otherName:1.2.3.4;UTF8:web-01.example.org\n");
    assert_eq!(refused(sign(&other, "-sha256")), Refusal::NoIdentity(NameFault::OtherKind));
    let directory = format!("{usage}subjectAltName=DNS:web-01.example.org,RID:1.2.3\n");
    assert_eq!(refused(sign(&directory, "-sha256")), Refusal::NoIdentity(NameFault::OtherKind));

    bench.revoke(&["00:C8"], now, DAY);
    assert_eq!(refused(sign(&good, "-sha256")), Refusal::Revoked { at: NOW });
}

#[test]
fn a_list_made_by_openssl_is_accepted() {
    let now = SystemClock.now();
    let bench = Bench::at(now);
    std::fs::write(bench.path("index.txt"), "").unwrap();
    std::fs::write(bench.path("number"), "7FFFFFFFFFFFFFFF00\n").unwrap();
    std::fs::write(
        bench.path("ca.cnf"),
        "[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\ncrlnumber=number\ndefault_md=sha256\n\
         crl_extensions=ext\n[ext]\nauthorityKeyIdentifier=keyid\n",
    )
    .unwrap();
    must(&bench, "ca -config ca.cnf -gencrl -crldays 1 -cert ca.crt -keyfile ca.key -out crl.pem");
    let later = SystemClock.now().plus(1);
    let state = bench.load(later).current();
    assert!(state.crl_fault().is_none(), "{:?}", state.crl_fault().map(ToString::to_string));
    let number = state.crls().next().unwrap().number();
    assert_eq!(number.to_string(), "7fffffffffffffff00");
    assert_eq!(number.to_u64(), None);
}
