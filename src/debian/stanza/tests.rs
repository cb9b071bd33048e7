//! Which stanzas are read, which are refused, and that writing returns what was read.

use proptest::prelude::*;

use super::*;

const LIMITS: StanzaLimits = StanzaLimits { size_bytes: 1 << 16, fields: 40, name_bytes: 64 };

fn parse(text: &str) -> Result<Stanza, Vec<Fault>> {
    Stanza::parse(text.as_bytes(), LIMITS)
}

fn refusal(bytes: &[u8]) -> String {
    let faults = Stanza::parse(bytes, LIMITS).expect_err("was taken");
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}

#[test]
fn a_stanza_is_read_and_written_back() {
    let text = "Package: hello\nDescription: greets\n A line.\n .\n\ttabbed:  x\nX-Empty:\n\
                Multi:\n only below\n";
    let stanza = parse(text).unwrap();
    assert_eq!(stanza.find("PACKAGE"), Some("hello"));
    assert_eq!(stanza.find("description"), Some("greets\n A line.\n .\n\ttabbed:  x"));
    assert_eq!(stanza.find("X-Empty"), Some(""));
    assert_eq!(stanza.find("Version"), None);
    let mut out = String::new();
    stanza.write(&mut out);
    assert_eq!(out, text);
}

#[test]
fn blanks_at_line_ends_and_empty_lines_after_the_end_do_not_count() {
    let loose = parse("Package:\t hello \t\nDescription:x  \n y\t \n\n\n").unwrap();
    assert_eq!(loose, parse("Package: hello\nDescription: x\n y\n").unwrap());
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    let cases: [(&[u8], &str); 22] = [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"\nA: b\n", "begins with an empty line"),
        (b"A: b", "does not end with a newline"),
        (b"A: b\n\nC: d\n", "cut in two by the empty line 2"),
        (b"A: b\n \nC: d\n", "A: line 2 holds only blanks"),
        (b"A: b\n c\n\t \n", "A: line 3 holds only blanks"),
        (b"A: b\r\nC: d\r\n", "carriage returns"),
        (b"A: b\0\n", "A: line 1 holds the character U+0000"),
        (b"A: b\n c\x1b[0m\n", "A: line 2 holds the character U+001B"),
        (b"A: b\x7f\n", "U+007F"),
        ("A: b\u{85}C: d\n".as_bytes(), "U+0085"),
        ("A: b\u{2028}C: d\n".as_bytes(), "U+2028"),
        ("A: b\u{202e}d\n".as_bytes(), "U+202E"),
        ("A: b\u{2069}d\n".as_bytes(), "U+2069"),
        (b"A: \xff\n", "not UTF-8 at byte 3"),
        (b" A: b\n", "continues a field"),
        (b"# A\nA: b\n", "comment"),
        (b"A: b\nrubbish\n", "line 2 has no colon"),
        (b"A: b\na: c\n", "a: comes a second time in line 2"),
        (b"A : b\n", "is no field name"),
        (b"-A: b\n", "is no field name"),
    ];
    for (bytes, part) in cases {
        let refusal = refusal(bytes);
        assert!(refusal.contains(part), "{:?}: {refusal}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn every_fault_is_listed_escaped_and_cut() {
    let long = "\u{1b}".repeat(200);
    let faults = parse(&format!("A: b\n{long}\nA: c\nB: \u{7}\n\nC: d\n")).unwrap_err();
    assert_eq!(faults.len(), 5);
    assert!(faults.iter().all(|fault| fault.to_string().chars().all(|c| !c.is_control())));
    let quoted = faults.iter().find(|fault| fault.problem.contains("no colon")).unwrap();
    assert_eq!(quoted.problem.matches("\\u{1b}").count(), 80);
    assert_eq!(refusal("x\n".repeat(1000).as_bytes()).lines().count(), MOST_FAULTS);
}

#[test]
fn limits_hold_one_below_and_one_above() {
    let fields = |n: usize| (0..n).map(|i| format!("F{i}: x\n")).collect::<String>();
    assert!(parse(&fields(LIMITS.fields)).is_ok());
    assert!(refusal(fields(LIMITS.fields + 1).as_bytes()).contains("more than 40 fields"));
    let sized = |n: usize| format!("A: {}\n", "x".repeat(n - 4));
    assert!(parse(&sized(LIMITS.size_bytes)).is_ok());
    assert!(refusal(sized(LIMITS.size_bytes + 1).as_bytes()).contains("larger than 65536"));
    let named = |n: usize| format!("{}: b\n", "x".repeat(n));
    assert!(parse(&named(64)).is_ok());
    assert!(refusal(named(65).as_bytes()).contains("longer than 64 bytes"));
}

fn line() -> impl Strategy<Value = String> {
    "([!-~éß中]([ -~\té中]{0,20}[!-~中])?)?"
}

fn value() -> impl Strategy<Value = String> {
    let continuation = ("[ \t]{1,3}", line().prop_filter("text", |text| !text.is_empty()));
    (line(), prop::collection::vec(continuation, 0..4)).prop_map(|(first, rest)| {
        rest.into_iter().fold(first, |value, (blanks, text)| format!("{value}\n{blanks}{text}"))
    })
}

fn stanza() -> impl Strategy<Value = Stanza> {
    let fields = prop::collection::vec(("[A-Za-z0-9!$_][!-9;-~]{0,12}", value()), 1..12);
    fields.prop_map(|mut fields| {
        let mut seen = std::collections::BTreeSet::new();
        fields.retain(|(name, _)| seen.insert(name.to_ascii_lowercase()));
        Stanza { fields: fields.into_iter().map(|(name, value)| Field::new(name, value)).collect() }
    })
}

proptest! {
    #[test]
    fn reading_what_was_written_gives_the_same_stanza(stanza in stanza()) {
        let mut text = String::new();
        stanza.write(&mut text);
        prop_assert_eq!(parse(&text), Ok(stanza));
        prop_assert!(text.lines().all(|line| !line.ends_with([' ', '\t']) && !line.is_empty()));
    }

    #[test]
    fn writing_what_was_read_is_stable_and_mutated_bytes_never_panic(
        stanza in stanza(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut text = String::new();
        stanza.write(&mut text);
        let mut bytes = text.into_bytes();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(read) = Stanza::parse(&bytes, LIMITS) {
            let mut out = String::new();
            read.write(&mut out);
            prop_assert_eq!(parse(&out), Ok(read));
        }
    }

    #[test]
    fn any_bytes_give_a_stanza_or_faults(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        match Stanza::parse(&bytes, LIMITS) {
            Ok(stanza) => prop_assert!(stanza.fields().count() > 0),
            Err(faults) => prop_assert!(!faults.is_empty() && faults.len() <= MOST_FAULTS),
        }
    }
}
