//! Texts of every kind are known by what is in them, and one odd record does not stop the others.

use serde_json::json;

use super::*;

fn osv(id: &str, source: &str) -> serde_json::Value {
    json!({ "id": id, "affected": [{
        "package": { "ecosystem": "Debian:12", "name": source },
        "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }] }] }] })
}

fn read(place: &str, text: &str) -> Reader {
    let mut reader = Reader::new(None);
    reader.text(place, text.as_bytes()).unwrap();
    reader
}

#[test]
fn each_kind_of_text_is_known_by_what_is_in_it() {
    let (one, two) = (osv("CVE-2026-1", "zlib"), osv("CVE-2026-2", "curl"));
    let lines = format!("{one}\n\n{two}\n");
    for (place, text) in [
        ("a.json", format!("\u{feff}{lines}")),
        ("a.jsonl", lines),
        ("a.json", json!([one, two]).to_string()),
    ] {
        let reader = read(place, &text);
        assert_eq!((reader.read(), &reader.faults), (2, &Faults::default()), "{text}");
        assert_eq!(reader.known.sources().len(), 2);
    }
    let pretty = serde_json::to_string_pretty(&one).unwrap();
    assert_eq!(read("a.json", &pretty).read(), 1);
    let tracker =
        json!({ "zlib": { "CVE-2026-1": { "releases": { "bookworm": { "status": "open" } } } } });
    assert_eq!(read("a.json", &tracker.to_string()).known.sources().len(), 1);
    let vex = json!({ "timestamp": "2026-11-01T00:00:00Z", "statements": [
        { "vulnerability": "CVE-2026-1", "products": ["pkg:deb/debian/zlib"], "status": "fixed" }] });
    assert_eq!(read("a.json", &vex.to_string()).known.counts().statements, 1);
}

#[test]
fn odd_records_are_named_with_their_place_and_the_others_are_read() {
    let mut bad = osv("CVE-2026-3", "zlib");
    bad["affected"][0]["package"]["name"] = json!("Z lib");
    let text = format!("{}\n{bad}\nnot json\n[]\n{{}}\n", osv("CVE-2026-1", "zlib"));
    let reader = read("own.jsonl", &text);
    assert_eq!((reader.read(), reader.faults.count), (1, 4));
    let told: Vec<_> = reader.faults.told.iter().map(LeftOut::told).collect();
    for (line, begin) in told.iter().zip([
        "own.jsonl: line 2: CVE-2026-3: affected.package.name: ",
        "own.jsonl: line 3: it is no object in JSON: ",
        "own.jsonl: line 4: it is no object in JSON: ",
        "own.jsonl: line 5: it is no record; records are those of OSV",
    ]) {
        assert!(line.starts_with(begin), "{line}");
    }
    let tracker = json!({ "zlib": { "CVE-2026-1": {
        "releases": { "bookworm": { "status": "resolved" } } }, "CVE-2026-2": { "releases": {} } } });
    let reader = read("t.json", &tracker.to_string());
    assert_eq!((reader.read(), reader.faults.count), (1, 1));
    assert!(
        reader.faults.told[0]
            .told()
            .starts_with("t.json: zlib CVE-2026-1: releases.fixed_version: ")
    );
    // What is left out is counted to its end, and told up to a limit.
    let many = "7\n".repeat(MOST_TOLD + 5);
    let reader = read("many.jsonl", &many);
    assert_eq!(reader.faults.count, 1_005);
    assert_eq!(reader.faults.told.len(), MOST_TOLD);
}
