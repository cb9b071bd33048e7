//! Host facts: the values that a server sends a host, read strictly. The host makes its files of them
//! by its own templates, since apt runs commands that stand in its configuration, as root.

use serde_json::json;

use super::failure::Failure;
use crate::api::{self, SetupFacts, UpdateErrorMode};
use crate::domain::SuiteSpec;
use crate::domain::host::{Address, ErrorMode, SuiteFacts};
use crate::signing::read_public_keys;

/// Any validity that a suite may have: no file of a host depends on it. Unit: seconds.
const VALID_SECONDS: i64 = 864_000;
/// The longest text of keys that is read. Unit: bytes.
const LONGEST_KEYS_BYTES: usize = 1 << 20;

/// What the server said, as values of the templates.
pub struct HostFacts {
    /// How the server is reached.
    pub address: Address,
    /// The suites that the host may read.
    pub suites: Vec<SuiteFacts>,
}

/// Reads what the server of this name said.
///
/// # Errors
/// A [`Failure`] that names the value which is not of its kind.
pub fn read(facts: &SetupFacts, server: &str) -> Result<HostFacts, Failure> {
    let error_mode = match facts.update_error_mode {
        UpdateErrorMode::Any => ErrorMode::Any,
        UpdateErrorMode::PersistentFailure => ErrorMode::PersistentFailure,
    };
    if !is_address_of(&facts.public_url, server) {
        return Err(odd(server, "public_url", &facts.public_url, "is no address of it"));
    }
    let suites = facts.suites.iter().map(|suite| read_suite(suite, server));
    let suites = suites.collect::<Result<Vec<_>, _>>()?;
    let (public_url, server) = (facts.public_url.clone(), server.to_owned());
    Ok(HostFacts { address: Address { public_url, server, error_mode }, suites })
}

/// Whether a text is `https://SERVER/` or `https://SERVER:PORT/`, and nothing else.
pub fn is_address_of(url: &str, server: &str) -> bool {
    let rest = url.strip_prefix("https://").and_then(|rest| rest.strip_prefix(server));
    let rest = rest.and_then(|rest| rest.strip_suffix('/'));
    rest.is_some_and(|rest| match rest.strip_prefix(':') {
        Some(port) => !port.starts_with('+') && port.parse::<u16>().is_ok(),
        None => rest.is_empty(),
    })
}

fn read_suite(facts: &api::SuiteFacts, server: &str) -> Result<SuiteFacts, Failure> {
    let wrong = |problem: &str| odd(server, "suite", facts.name.as_str(), problem);
    // Every field has a type of its own, which takes no other text than such a name.
    let spec = serde_json::from_value::<SuiteSpec>(json!({
        "name": facts.name, "origin": facts.origin, "label": facts.label,
        "components": facts.components, "architectures": facts.architectures,
        "owns": facts.owns, "not_automatic": facts.not_automatic, "valid_seconds": VALID_SECONDS,
    }));
    let spec = spec.map_err(|error| wrong(&error.to_string()))?;
    spec.verify().map_err(|error| wrong(&error.to_string()))?;
    if facts.keys.len() > LONGEST_KEYS_BYTES {
        return Err(wrong("has more keys than any suite"));
    }
    let keys = read_public_keys(&facts.keys).map_err(|error| wrong(&error.to_string()))?;
    Ok(SuiteFacts { spec, keys: keys.armored, names: facts.names.clone() })
}

fn odd(server: &str, field: &str, value: &str, problem: &str) -> Failure {
    Failure::refused(format!("{server} sent {field} {value:?}, which {problem}"))
        .with_hint("nothing was written; is it the right server?")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> SetupFacts {
        let key = crate::signing::generate(
            crate::signing::KeyKind::Ed25519,
            "repo",
            crate::time::Moment(1_790_000_000),
        );
        let keys = key.unwrap().public_armored().unwrap();
        serde_json::from_value(json!({
            "public_url": "https://repo.example.org:8443/",
            "suites": [{ "name": "stable", "origin": "Acme", "label": "Acme", "components": ["main"],
                "architectures": ["amd64"], "owns": ["acme-*"], "keys": keys }],
        }))
        .unwrap()
    }

    fn problem(alter: impl Fn(&mut SetupFacts)) -> String {
        let mut facts = facts();
        alter(&mut facts);
        read(&facts, "repo.example.org").err().map(|one| one.message).unwrap_or_default()
    }

    #[test]
    fn an_address_is_that_of_the_server_and_nothing_else() {
        for url in ["https://a.b/", "https://a.b:8443/"] {
            assert!(is_address_of(url, "a.b"), "{url}");
        }
        for url in [
            "http://a.b/",
            "https://a.b",
            "https://a.bc/",
            "https://a.b.c/",
            "https://a.b:/",
            "https://a.b:+1/",
            "https://a.b:70000/",
            "https://a.b:1/x/",
            "https://a.b@c/",
            "https://x@a.b/",
            "https://a.b:1 https://c/",
            "https://a.b/\nTrusted: yes\nURIs: /",
        ] {
            assert!(!is_address_of(url, "a.b"), "{url}");
        }
    }

    #[test]
    fn a_value_that_is_not_of_its_kind_is_refused_by_name() {
        assert_eq!(problem(|_| ()), "");
        let breaking = "x\";\nDPkg::Pre-Invoke { \"id\"; };";
        assert!(problem(|facts| facts.public_url = breaking.into()).contains("public_url"));
        assert!(problem(|facts| facts.suites[0].origin = breaking.into()).contains("origin"));
        assert!(problem(|facts| facts.suites[0].label = "a\nb".into()).contains("label"));
        assert!(problem(|facts| facts.suites[0].owns = vec!["*".into()]).contains("owns"));
        assert!(problem(|facts| facts.suites[0].owns = vec!["a b".into()]).contains("owns"));
        assert!(problem(|facts| facts.suites[0].architectures.clear()).contains("architectures"));
        assert!(problem(|facts| facts.suites[0].keys = "none".into()).contains("certificate"));
        for (field, value) in [
            ("name", json!("../x")),
            ("components", json!(["main\nTrusted: yes"])),
            ("architectures", json!(["amd64 trusted"])),
            ("names", json!(["*"])),
        ] {
            let mut text = serde_json::to_value(facts()).unwrap();
            text["suites"][0][field] = value;
            assert!(serde_json::from_value::<SetupFacts>(text).is_err(), "{field}");
        }
    }

    /// What a file of apt's could end or begin with is no part of what is written.
    #[test]
    fn what_apt_reads_otherwise_is_written_as_a_pattern() {
        let mut facts = facts();
        facts.suites[0].origin = "a\";}; DPkg::Pre-Invoke {\"id\"".into();
        let read = read(&facts, "repo.example.org").map_err(|one| one.message).unwrap();
        for file in crate::domain::host::suite_files(&read.address, &read.suites[0]) {
            assert!(!file.content.contains("\";}; DPkg"), "{}", file.content);
        }
    }

    #[test]
    fn keys_are_written_again_and_nothing_else_of_their_text() {
        let mut facts = facts();
        facts.suites[0].keys = format!("# anything\n{}# at all\n", facts.suites[0].keys);
        let text = match read(&facts, "repo.example.org") {
            Ok(read) => read.suites[0].keys.clone(),
            Err(_) => return,
        };
        assert!(text.starts_with("-----BEGIN PGP") && !text.contains('#'), "{text}");
    }
}
