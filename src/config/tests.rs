//! What a configuration file may have, and what is refused.

use std::collections::BTreeSet;

use super::*;

#[test]
fn an_option_is_set_in_its_section_alone() {
    let Listen { addresses, local, .. } = Listen::default();
    let text = template("https://repo.example.org:8443/", &addresses, &local);
    let path = "/etc/re\"pod";
    let set = with_option(&text, "ca", "passphrase_file", &path.into());
    let config = Config::parse(&set).unwrap();
    assert_eq!(config.ca.passphrase_file, Path::new(path));
    assert_eq!(config.signing, SigningOptions::default());
    assert_eq!(text.lines().count(), set.lines().count());
    assert_eq!(with_option(&text, "ca", "passphrase", &path.into()), text);
}

#[test]
fn the_template_is_the_default_with_every_option_named() {
    let Listen { addresses, local, .. } = Listen::default();
    let text = template("https://repo.example.org:8443/", &addresses, &local);
    let config = Config::parse(&text).unwrap();
    assert_eq!(config.listen, Listen::default());
    assert_eq!(config.host().unwrap(), "repo.example.org");
    // Uncommenting every option changes nothing: the comments have the real defaults.
    let uncommented: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(option) if option.contains(" = ") && !option.contains(". ") => {
                format!("{option}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    assert_ne!(uncommented, text);
    assert_eq!(Config::parse(&uncommented).unwrap(), config);
}

#[test]
fn unknown_keys_are_refused_with_the_nearest() {
    let text = "public_url = \"https://r.example/\"\n[limits]\npackage_byte = 1\n";
    let problem = Config::parse(text).unwrap_err();
    assert!(problem.to_string().contains("did you mean `package_bytes`?"), "{problem}");
    let below: &toml::de::Error = crate::cause::find(&problem).unwrap();
    assert_eq!(below.span().map(|span| &text[span]), Some("package_byte"));
}

#[test]
fn bad_values_name_the_field() {
    for (text, field) in [
        ("public_url = \"http://x/\"", "public_url"),
        ("public_url = \"https://x\"", "public_url"),
        ("public_url = \"https://x/\"\n[listen]\nlocal = [\"0.0.0.0:1\"]", "listen.local"),
        ("public_url = \"https://x/\"\n[listen]\naddresses = []", "listen.addresses"),
        (
            "public_url = \"https://x/\"\n[listen]\nproxy_protocol = [\"0.0.0.0:1\"]",
            "listen.proxies",
        ),
        ("public_url = \"https://x/\"\n[listen]\nproxies = [\"10.0.0.0/33\"]", "10.0.0.0/33"),
        ("public_url = \"https://x/\"\n[certificates]\ncrl_days = 0", "certificates.crl_days"),
        ("public_url = \"https://x/\"\n[limits]\nmemory_bytes = 1", "limits.memory_bytes"),
        ("public_url = \"https://x/\"\n[trust]\nanchors = [\"a\"]", "trust.crls"),
        ("public_url = \"https://x/\"\n[trust]\ncrls = [\"a\"]", "trust.anchors"),
        ("public_url = \"https://x/\"\n[trust]\ngrace_seconds = 604801", "trust.grace_seconds"),
        ("public_url = \"https://x/\"\n[tls]\nkey = \"a\"", "tls.certificate"),
        ("public_url = \"https://x/\"\n[limits]\nconnections = 0", "limits.connections is 0"),
        ("public_url = \"https://x/\"\n[limits]\nconnections_per_address = 0", "per_address is 0"),
        ("public_url = \"https://x/\"\n[limits]\nuploads = 0", "limits.uploads is 0"),
        ("public_url = \"https://x/\"\n[limits]\npackage_bytes = 0", "limits.package_bytes is 0"),
        ("public_url = \"https://x/\"\n[log]\nlevel = \"inof\"", "did you mean \"info\"?"),
        (
            "public_url = \"https://x/\"\n[log]\nlevel = \"warning\"",
            "\"warning\", which is no level",
        ),
        ("public_url = \"https://x/\"\n[log]\nlevel = \"\"", "log.level has \"\""),
        ("public_url = \"https://x/\"\n[log]\nlevel = \"repod=debg,info\"", "\"debg\""),
    ] {
        let problem = Config::parse(text).unwrap_err();
        assert!(problem.to_string().contains(field), "{text}: {problem}");
        let shown = problem.to_string();
        assert!(shown.contains(" | ") && shown.ends_with('^'), "{text}: {problem}");
    }
    let text = "public_url = \"https://x/\"\n[certificates]\ncrl_days = 0\n";
    let expected = "repod.toml:3:12: certificates.crl_days is 0; it lies between 1 and 3650\n  \
                    3 | crl_days = 0\n    |            ^";
    assert_eq!(Config::parse(text).unwrap_err().to_string(), expected);
}

/// What the file may have in a section, from what its reader says of a field that is not known.
fn fields(section: &str) -> Vec<String> {
    let heading = if section.is_empty() { String::new() } else { format!("[{section}]\n") };
    let text = match section.is_empty() {
        true => "zzzz = 1\n".to_owned(),
        false => format!("public_url = \"https://r.example/\"\n{heading}zzzz = 1\n"),
    };
    let error = toml::from_str::<Config>(&text).unwrap_err();
    let known = error.message().split('`').skip(3).step_by(2).map(str::to_owned);
    assert!(error.message().contains("unknown field `zzzz`"), "{error}");
    known.collect()
}

#[test]
fn the_manual_page_has_every_key_with_its_default() {
    let mut keys = Vec::new();
    let sections: BTreeSet<_> = reference::KEYS
        .iter()
        .filter_map(|key| key.path.split_once('.'))
        .map(|(of, _)| of)
        .collect();
    for name in fields("") {
        match sections.contains(name.as_str()) {
            true => keys.extend(fields(&name).into_iter().map(|field| format!("{name}.{field}"))),
            false => keys.push(name),
        }
    }
    keys.sort();
    let mut told: Vec<_> = reference::KEYS.iter().map(|key| key.path.to_owned()).collect();
    told.sort();
    assert_eq!(told, keys);
    // A file with every default says what one without says.
    let mut text = String::from("public_url = \"https://r.example/\"\n");
    let bare = Config::parse(&text).unwrap();
    for key in reference::KEYS.iter().filter(|key| !key.default.is_empty()) {
        text.push_str(&format!("{} = {}\n", key.path, key.default));
    }
    assert_eq!(Config::parse(&text).unwrap(), bare);
    // A number has a unit, and where the name ends with one it is that.
    for key in reference::KEYS.iter().filter(|key| key.kind == "whole number") {
        assert!(!key.unit.is_empty(), "{}", key.path);
        let end = key.path.rsplit('_').next().unwrap_or_default();
        let is_unit = ["bytes", "days", "seconds"].contains(&end);
        assert!(!is_unit || end == key.unit, "{}", key.path);
    }
}

#[test]
fn filters_of_the_log_that_have_a_level_everywhere_are_taken() {
    for level in ["info", "WARN", "off", "repod=debug,info", "repod::http[request]=trace,warn"] {
        let text = format!("public_url = \"https://x/\"\n[log]\nlevel = \"{level}\"");
        assert_eq!(Config::parse(&text).unwrap().log.level, level);
    }
}

#[test]
fn a_key_that_is_quoted_in_a_complaint_sends_nothing_to_the_terminal() {
    let text = "public_url = \"https://x/\"\n\"a\\u001b[31mb\" = 1";
    let problem = Config::parse(text).unwrap_err().to_string();
    assert!(problem.contains("\\u{1b}") && !problem.contains('\u{1b}'), "{problem}");
}
