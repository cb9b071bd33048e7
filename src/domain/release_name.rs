//! Origin and Label: texts by which apt's preferences and unattended-upgrades recognise a
//! repository.
//!
//! apt splits a pin at commas, takes what begins with `/` for a regular expression and everything
//! else for a glob, and reads at most 299 bytes of it. unattended-upgrades splits at commas and
//! `=`, replaces `${…}` and `%2C`, and takes the rest for a glob. A character that one of them does
//! not take literally is refused for a new suite, and matched by `?` for an existing one. Source:
//! apt, `pkgVersionMatch` (versionmatch.cc), `ReadConfigFile` and `ParseQuoteWord`;
//! unattended-upgrades, `match_whitelist_string`; shown by the test
//! `what_origin_and_label_may_be_is_read_by_hosts`.

use crate::domain::suite::{SpecError, SuiteSpec};

/// The longest pin that apt reads, after `release`. Unit: bytes. Source: versionmatch.cc,
/// `char Spec[300]`.
const LONGEST_PIN_BYTES: usize = 299;

/// Only the beginning of a longer text is matched, so that a pin is short enough for any existing
/// suite. Unit: bytes.
const LONGEST_MATCHED_BYTES: usize = 100;

/// The characters that one of the readers does not take literally, and what they mean to it.
const READ_OTHERWISE: [(char, &str); 13] = [
    (',', "parts apt's pins and unattended-upgrades' patterns"),
    ('=', "stops unattended-upgrades, and with it the distribution's security updates"),
    ('*', "matches any text in apt's pins"),
    ('?', "matches any character in apt's pins"),
    ('[', "begins a list of characters in apt's pins"),
    (']', "ends a list of characters in apt's pins"),
    ('\\', "takes the meaning of the next character in apt's pins"),
    ('"', "ends a text in apt's configuration"),
    ('%', "begins a code in apt's configuration"),
    ('$', "begins a variable of unattended-upgrades"),
    ('{', "begins a block in apt's configuration"),
    ('}', "ends a block in apt's configuration"),
    (';', "ends an entry in apt's configuration"),
];

/// The first place in a text that one of the readers does not take literally, and what it means to
/// it.
fn odd(text: &str) -> Option<(usize, &'static str)> {
    let mut before = None;
    for (at, found) in text.char_indices() {
        if at == 0 && found == '/' {
            return Some((at, "begins a regular expression in apt's pins"));
        }
        if found == ' ' && before == Some(' ') {
            return Some((at, "behind another blank is not read by every program"));
        }
        if let Some((_, meaning)) = READ_OTHERWISE.iter().find(|(odd, _)| *odd == found) {
            return Some((at, meaning));
        }
        before = Some(found);
    }
    None
}

/// Checks that hosts take Origin and Label of a new suite literally.
///
/// # Errors
/// [`SpecError`] naming the field, the character and what it would do.
pub fn verify(spec: &SuiteSpec) -> Result<(), SpecError> {
    for (field, text) in [("origin", &spec.origin), ("label", &spec.label)] {
        if let Some((at, meaning)) = odd(text) {
            let found: String = text.get(at..).into_iter().flat_map(str::chars).take(1).collect();
            let problem = format!(
                "{text:?} cannot be told by hosts: '{found}' {meaning}; write it without, it can never be changed"
            );
            return Err(SpecError { field, problem });
        }
    }
    let bytes = pin(&spec.origin, &spec.label, spec.name.as_str()).len();
    if bytes > LONGEST_PIN_BYTES {
        let problem = format!(
            "makes apt's pin {bytes} bytes long, with label and name; apt reads {LONGEST_PIN_BYTES} of it: shorten it"
        );
        return Err(SpecError { field: "origin", problem });
    }
    Ok(())
}

/// The warning for an existing suite that could not be created today; `None` when all is well.
pub fn warning(spec: &SuiteSpec) -> Option<String> {
    let error = verify(spec).err()?;
    let SuiteSpec { name, origin, label, .. } = spec;
    Some(format!(
        "suite {name} has Origin {origin:?} and Label {label:?}, which its hosts' apt or unattended-upgrades read \
         otherwise ({} of today's rules): hosts follow it once they have the files of this version, by the client package, \
         `repoctl host renew` or `repoctl host setup`; pins written by hand need '?' for such a character, or make \
         another suite",
        error.field
    ))
}

/// The text after `Pin: release` in apt's preferences.
pub(crate) fn pin(origin: &str, label: &str, codename: &str) -> String {
    format!("o={origin},l={label},n={codename}")
}

/// The text as a pattern for apt's pins and unattended-upgrades: as it is, with `?` for what they
/// would not take literally. A long text is cut and ends with `*`.
pub(crate) fn pattern(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((at, _)) = odd(rest) {
        let (plain, odd) = rest.split_at(at);
        out.push_str(plain);
        out.push('?');
        let mut chars = odd.chars();
        chars.next();
        rest = chars.as_str();
        // A '/' has a meaning only at the beginning of the whole text, and a blank only after
        // another one.
        if rest.starts_with('/') {
            out.push('/');
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    if out.len() > LONGEST_MATCHED_BYTES {
        let end = (0..=LONGEST_MATCHED_BYTES).rev().find(|at| out.is_char_boundary(*at));
        out.truncate(end.unwrap_or_default());
        out.push('*');
    }
    out
}

/// The Origin of a suite when none is given: the server's name. An address loses its brackets,
/// which apt would take for a list of characters.
pub fn usual_origin(server: &str) -> String {
    let bare = server.trim_start_matches('[').trim_end_matches(']');
    bare.chars().take(LONGEST_MATCHED_BYTES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(origin: &str, label: &str) -> SuiteSpec {
        let text = serde_json::json!({
            "name": "stable", "origin": origin, "label": label, "components": ["main"],
            "architectures": ["amd64"], "valid_seconds": 1_209_600,
        });
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn text_that_a_reader_does_not_take_literally_is_refused() {
        for (text, part) in [
            ("Acme, Inc.", "',' parts"),
            ("a=b", "'=' stops unattended-upgrades"),
            ("Acme*", "'*' matches"),
            ("Acme?", "'?' matches"),
            ("[::1]", "'[' begins"),
            ("a\\b", "'\\' takes"),
            ("a \"b\"", "'\"' ends"),
            ("50%41", "'%' begins"),
            ("${distro_id}", "'$' begins"),
            ("a{b", "'{' begins"),
            ("a;b", "';' ends"),
            ("/acme/", "'/' begins"),
            ("Acme  Inc", "' ' behind another"),
        ] {
            let said = verify(&spec(text, "Acme")).expect_err(text).to_string();
            assert!(said.starts_with("origin: ") && said.contains(part), "{said}");
            let said = verify(&spec("Acme", text)).expect_err(text).to_string();
            assert!(said.starts_with("label: ") && said.contains(part), "{said}");
            assert!(warning(&spec(text, "Acme")).is_some_and(|said| said.contains("host setup")));
        }
        for text in
            ["Acme", "Acme Inc.", "repo.example.org", "::1", "Société", "a/b+c-d_e~f:g@h&i'j"]
        {
            assert_eq!(verify(&spec(text, text)), Ok(()), "{text}");
            assert_eq!((pattern(text), warning(&spec(text, text))), (text.to_owned(), None));
        }
        let long = "a".repeat(128);
        assert!(verify(&spec(&long, "Acme")).is_ok());
        assert!(verify(&spec(&long, &long)).is_ok());
        let suite = SuiteSpec { name: "s".repeat(64).parse().unwrap(), ..spec(&long, &long) };
        let said = verify(&suite).expect_err("too long").to_string();
        assert!(said.contains("328 bytes long"), "{said}");
    }

    #[test]
    fn texts_of_existing_suites_are_matched_by_patterns() {
        for (text, matched) in [
            ("Acme, Inc.", "Acme? Inc."),
            ("a=b,c", "a?b?c"),
            ("[::1]", "?::1?"),
            ("/acme/", "?acme/"),
            ("//acme", "?/acme"),
            ("Acme   Inc", "Acme ? Inc"),
            ("a,/b", "a?/b"),
            ("50%41 \"x\"", "50?41 ?x?"),
        ] {
            assert_eq!(pattern(text), matched, "{text}");
        }
        let long = format!("{}é", "é".repeat(63));
        assert_eq!(pattern(&long), format!("{}*", "é".repeat(50)));
        assert!(pin(&pattern(&long), &pattern(&long), &"s".repeat(64)).len() <= LONGEST_PIN_BYTES);
    }

    #[test]
    fn an_address_is_an_origin_without_its_brackets() {
        for (server, origin) in
            [("repo.example.org", "repo.example.org"), ("[::1]", "::1"), ("10.0.0.1", "10.0.0.1")]
        {
            assert_eq!(usual_origin(server), origin);
            assert_eq!(verify(&spec(origin, origin)), Ok(()));
        }
        let long = "a.".repeat(120);
        assert_eq!(verify(&spec(&usual_origin(&long), &usual_origin(&long))), Ok(()));
    }
}
