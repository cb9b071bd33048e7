//! Stanzas and fields (Debian Policy 5.1), read strictly and on this checker's own account: what
//! it refuses, some reader of the real world might read differently.

use std::collections::BTreeMap;

/// One stanza: each field once, with its value as it stands, continuation lines and all.
pub type Stanza = BTreeMap<String, String>;

/// The stanzas of `text`.
///
/// # Errors
/// The first line that is no field, no continuation and no separator, or repeats a field.
pub fn parse_stanzas(text: &str) -> Result<Vec<Stanza>, String> {
    let mut stanzas = Vec::new();
    let mut stanza = Stanza::new();
    let mut last: Option<String> = None;
    for (n, line) in text.lines().enumerate() {
        let fault = |what: &str| Err(format!("line {}: {what}: {line:?}", n + 1));
        if line.is_empty() {
            if !stanza.is_empty() {
                stanzas.push(std::mem::take(&mut stanza));
            }
            last = None;
        } else if line.starts_with([' ', '\t']) {
            if line.trim().is_empty() {
                return fault("a line of blanks, which some readers take for a separator");
            }
            let Some(value) = last.as_ref().and_then(|name| stanza.get_mut(name)) else {
                return fault("a continuation of nothing");
            };
            value.push('\n');
            value.push_str(line);
        } else {
            let Some((name, value)) = line.split_once(':') else { return fault("not a field") };
            let printable = name.bytes().all(|b| (33..=126).contains(&b));
            if name.is_empty() || !printable || name.starts_with(['#', '-']) {
                return fault("not a field name");
            }
            if line.contains(['\r', '\0']) {
                return fault("a control character");
            }
            if stanza.keys().any(|known| known.eq_ignore_ascii_case(name)) {
                return fault("the field is there twice");
            }
            stanza.insert(name.to_owned(), value.trim().to_owned());
            last = Some(name.to_owned());
        }
    }
    if !stanza.is_empty() {
        stanzas.push(stanza);
    }
    Ok(stanzas)
}

#[test]
fn strict_reading_refuses_what_readers_disagree_on() {
    let good = "A: 1\nB: x\n y\n .\n z\n\n\nA: 2\n";
    let stanzas = parse_stanzas(good).unwrap();
    assert_eq!(stanzas.len(), 2);
    assert_eq!(stanzas[0]["B"], "x\n y\n .\n z");
    for bad in ["A: 1\na: 2\n", " x\n", "A: 1\n \nB: 2\n", "nothing\n", ": x\n", "A: 1\n\n y\n"] {
        assert!(parse_stanzas(bad).is_err(), "{bad:?}");
    }
}
