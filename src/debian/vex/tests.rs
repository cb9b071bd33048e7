//! VEX documents: what is said, what is about others, and what is wrong.

use serde_json::json;

use super::*;

fn told(document: &Document) -> Vec<String> {
    let one = |said: &Statement| {
        let version = said.version.as_ref().map_or("*", Version::as_str);
        let release = said.release.as_deref().unwrap_or("*");
        format!(
            "{} {} {version} {release} {} {}",
            said.flaws.join("+"),
            said.source,
            said.at,
            said.clear
        )
    };
    document.statements.iter().map(one).collect()
}

fn left_out(document: &Document) -> Vec<String> {
    document.left_out.iter().map(|(name, error)| format!("{name}: {error}")).collect()
}

#[test]
fn openvex_of_both_shapes_is_read_and_odd_statements_are_named() {
    let text = json!({
        "@context": "https://openvex.dev/ns/v0.2.0", "timestamp": "2026-11-01T00:00:00Z",
        "statements": [
            { "vulnerability": { "name": "CVE-2024-0001", "aliases": ["GHSA-x"] }, "status": "not_affected",
              "products": [{ "@id": "pkg:deb/debian/openssl@3.0.11-1?distro=bookworm" }, { "@id": "pkg:oci/web" }] },
            { "vulnerability": "CVE-2024-0002", "products": ["pkg:deb/debian/zlib"], "status": "under_investigation",
              "timestamp": "2026-11-01T00:00:09+00:00" },
            { "vulnerability": "CVE-2024-0003", "products": ["pkg:deb/debian/zlib1g?arch=amd64"], "status": "fixed" },
            { "vulnerability": "CVE-2024-0004", "products": [], "status": "fine" },
            { "vulnerability": "CVE 5", "products": [], "status": "fixed" },
            { "vulnerability": "CVE-2024-0006", "status": "fixed", "timestamp": "yesterday" },
            { "vulnerability": "CVE-2024-0007", "status": "fixed",
              "products": [{ "@id": "pkg:oci/web", "subcomponents": ["pkg:deb/debian/zlib"] }] },
            7,
        ],
    });
    let document = parse_openvex(text.to_string().as_bytes()).unwrap();
    let at = 1_793_491_200_i64;
    assert_eq!(
        told(&document),
        [
            format!("CVE-2024-0001+GHSA-x openssl 3.0.11-1 12 {at} true"),
            format!("CVE-2024-0002 zlib * * {} false", at + 9),
        ]
    );
    assert_eq!(document.foreign, 1);
    let left = left_out(&document);
    let begins = [
        "CVE-2024-0003: products.@id: names a binary package",
        "statement 4: status: is none of",
        "statement 5: vulnerability: is not 1 to 128",
        "statement 6: timestamp: ",
        "statement 7: products.subcomponents: ",
        "statement 8: statements: ",
    ];
    assert_eq!(left.len(), begins.len(), "{left:#?}");
    for (line, begin) in left.iter().zip(begins) {
        assert!(line.starts_with(begin), "{line}");
    }
    assert!(parse_openvex(b"{}").is_err());
}

#[test]
fn csaf_products_are_found_in_branches_and_relationships() {
    let product = |id: &str, purl: &str| json!({ "name": id, "product_id": id, "product_identification_helper": { "purl": purl } });
    let mut text = json!({
        "document": { "category": "csaf_vex", "tracking": { "current_release_date": "2026-11-01T00:00:00Z" } },
        "product_tree": {
            "branches": [{ "branches": [{ "product": product("P1", "pkg:deb/debian/openssl?arch=source") }] }],
            "full_product_names": [product("P2", "pkg:rpm/x"), { "name": "P3", "product_id": "P3" }],
            "relationships": [{ "product_reference": "P1", "relates_to_product_reference": "P3",
                "full_product_name": { "name": "P4", "product_id": "P4" } }],
        },
        "vulnerabilities": [
            { "cve": "CVE-2024-0001", "product_status": { "known_not_affected": ["P1", "P2", "P3", "P9"], "known_affected": ["P4"] } },
            { "product_status": {} },
        ],
    });
    let document = super::parse_csaf(text.to_string().as_bytes()).unwrap();
    let at = 1_793_491_200_i64;
    assert_eq!(
        told(&document),
        [
            format!("CVE-2024-0001 openssl * * {at} true"),
            format!("CVE-2024-0001 openssl * * {at} false"),
        ]
    );
    assert_eq!(document.foreign, 2);
    assert_eq!(
        left_out(&document),
        [
            "CVE-2024-0001: product_status: names a product that is not in product_tree",
            "vulnerability 2: vulnerabilities.cve: is missing",
        ]
    );
    text["document"]["category"] = json!("csaf_security_advisory");
    let error = super::parse_csaf(text.to_string().as_bytes()).unwrap_err();
    assert!(error.to_string().starts_with("document.category: is not csaf_vex"));
}
