//! Revocation lists: each state of them is answered as the page says.

use std::collections::BTreeMap;
use std::path::Path;

use super::pki::{self, Pki};
use super::{Host, Outside, assert_apt_says, table};

/// The lists that lie in the directory for a line of the second table, and who asks.
fn lists(pki: &Pki, row: &str) -> (Vec<(String, Vec<u8>)>, &'static str) {
    let list = |ca: &str, name: &str, flags: &str| {
        pki.list(ca, name, flags);
        (format!("{name}.crl"), pki.read(&format!("{name}.crl")))
    };
    let kept = |name: &str| (format!("{name}.crl"), pki.read(&format!("{name}.crl")));
    let (root, issuing, lost) = (kept("root"), kept("issuing"), kept("lost"));
    let below = || vec![issuing.clone(), lost.clone()];
    let with = |mine: Vec<(String, Vec<u8>)>| [mine, below()].concat();
    let past = "-crl_lastupdate 20200101000000Z -crl_nextupdate 20200201000000Z";
    let ahead = "-crl_lastupdate 20400101000000Z -crl_nextupdate 20410101000000Z";
    let as_root = |content: Vec<u8>| ("root.crl".to_owned(), content);
    let top = "by the CA at the top";
    let sent = "by a CA below, sent along";
    let files = match row {
        "good lists of every CA" => with(vec![root]),
        "all lists in one file" => {
            vec![as_root([root.1, issuing.1.clone(), lost.1.clone()].concat())]
        }
        "DER instead of PEM" => {
            pki.openssl("crl -in root.crl -outform DER -out root-der.crl");
            with(vec![as_root(pki.read("root-der.crl"))])
        }
        "a list of another CA beside the good ones" => with(vec![root, kept("other")]),
        "no file at all" => vec![],
        "an empty file" => with(vec![as_root(vec![])]),
        "text that is no list" => with(vec![as_root(b"<html>502 Bad Gateway</html>\n".to_vec())]),
        "a list that is cut" => with(vec![as_root(root.1[..root.1.len() / 2].to_vec())]),
        "out of date" => with(vec![list("root", "root-past", past)]),
        "out of date, of the CA below" => {
            vec![root, list("issuing", "issuing-past", past), lost.clone()]
        }
        "none of the CA below" => vec![root, lost.clone()],
        "from the future" => with(vec![list("root", "root-ahead", ahead)]),
        "signed by another CA of that name" => with(vec![as_root(kept("twin").1)]),
        "of another CA" => with(vec![as_root(kept("other").1)]),
        "without a number" => with(vec![list("root-unnumbered", "root-unnumbered", "-crldays 9")]),
        "a delta list" => with(vec![list("root", "root-delta", "-crldays 9 -crlexts delta")]),
        "an indirect list" => with(vec![list("root", "root-ind", "-crldays 9 -crlexts indirect")]),
        "a list of user certificates only" => {
            with(vec![list("root", "root-users", "-crldays 9 -crlexts users")])
        }
        "a critical extension that nobody knows" => {
            with(vec![list("root", "root-critical", "-crldays 9 -crlexts critical")])
        }
        "two lists, the older out of date" => {
            let old = list("root", "root-old", past);
            with(vec![old, list("root", "root-new", "-crldays 9")])
        }
        "two lists, the newer out of date" => {
            let old = list("root", "root-older", "-crldays 9");
            with(vec![old, list("root", "root-newer", past)])
        }
        "a delta list beside a good one" => {
            with(vec![root, list("root", "root-delta", "-crldays 9 -crlexts delta")])
        }
        "a lower number than one seen before" => {
            pki.number("root", "05");
            let lower = list("root", "root-lower", "-crldays 9");
            pki.number("root", "80");
            with(vec![lower])
        }
        "one that revokes the certificate" => {
            pki.revoke("root", &pki::file(top));
            with(vec![list("root", "root-revoking", "-crldays 9")])
        }
        "one that revokes the CA below" => {
            pki.revoke("root", "issuing");
            return (with(vec![list("root", "root-revoking", "-crldays 9")]), sent);
        }
        other => panic!("no such line: {other}"),
    };
    let who = if row.ends_with("of the CA below") { sent } else { top };
    (files, who)
}

#[test]
fn each_state_of_the_lists_is_answered_as_the_page_says() {
    // Books of its own: what is revoked here stays revoked.
    static OWN: std::sync::LazyLock<Pki> = std::sync::LazyLock::new(Pki::whole);
    let mut outside = Outside::start_with("", &OWN);
    let host = Host::of(&outside);
    assert_eq!(outside.server.stop(), 0);
    let rows = table("lists");
    assert!(rows.len() >= 20, "{}", rows.len());
    let (mut wrong, mut tried) = (BTreeMap::new(), 0);
    for row in &rows {
        // Each begins without a memory, but the one that is about it.
        let _ = std::fs::remove_file(outside.server.data().join("trust/crl.floor"));
        let folder = outside.server.at("crls");
        let lay = |files: Vec<(String, Vec<u8>)>| {
            std::fs::remove_dir_all(&folder).unwrap();
            std::fs::create_dir_all(&folder).unwrap();
            for (name, content) in files {
                std::fs::write(Path::new(&folder).join(name), content).unwrap();
            }
        };
        if row.name == "a lower number than one seen before" {
            lay(lists(&OWN, "good lists of every CA").0);
            outside.server.serve();
            assert_eq!(outside.server.stop(), 0);
        }
        let (files, who) = lists(&OWN, &row.name);
        lay(files);
        outside.server.serve();
        let answer = outside.answer(Some(who));
        let open = outside.metric("repod_gate_open") > 0.5;
        // A revoked certificate is refused by an open gate.
        let is_open = row.answer == "200" || row.answer.contains("revoked");
        if answer != row.answer || open != is_open {
            wrong.insert(&row.name, format!("{answer} (open: {open}), not {}", row.answer));
        }
        if row.apt.is_some() {
            let outcome = host.update(&outside, Some(who));
            assert_eq!(Some(outcome.code), row.apt, "{row:?}: {outcome}");
            assert_apt_says(&outcome, row);
            tried += 1;
        }
        assert_eq!(outside.server.stop(), 0);
    }
    assert_eq!(wrong, BTreeMap::new());
    assert!(tried * 3 >= rows.len(), "apt was tried with {tried} of {}", rows.len());
}
