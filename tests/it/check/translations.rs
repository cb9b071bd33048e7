//! Long descriptions that stand apart from the `Packages` that refer to them.

use std::collections::BTreeSet;

use super::deb822::{Stanza, parse_stanzas};
use super::release::ListedFile;

/// What is wrong with the descriptions of a suite, given its plain files: every Description-md5 of a
/// `Packages` has just one stanza in the `Translation-en` of its component, with a text of that MD5.
pub fn faults(plain: &[(&ListedFile, Vec<u8>)]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut texts = BTreeSet::new();
    for (file, bytes) in plain {
        let Some(component) = file.name.strip_suffix("/i18n/Translation-en") else { continue };
        for stanza in stanzas(bytes) {
            let (name, md5) = named(&stanza);
            let text = stanza.get("Description-en").cloned().unwrap_or_default();
            let found = repod::digest::Md5::of(format!("{text}\n").as_bytes()).to_string();
            if found != md5 {
                faults.push(format!("{}: {name}: MD5 is {found}, said to be {md5}", file.name));
            }
            if !texts.insert((component, name.clone(), md5)) {
                faults.push(format!("{}: {name}: a text is there twice", file.name));
            }
        }
    }
    for (file, bytes) in plain.iter().filter(|(file, _)| file.name.ends_with("/Packages")) {
        let component = file.name.split('/').next().unwrap_or_default();
        for stanza in stanzas(bytes).iter().filter(|one| one.contains_key("Description-md5")) {
            let (name, md5) = named(stanza);
            if !texts.contains(&(component, name.clone(), md5.clone())) {
                faults.push(format!("{}: {name}: there is no text {md5}", file.name));
            }
        }
    }
    faults
}

fn named(stanza: &Stanza) -> (String, String) {
    let field = |name: &str| stanza.get(name).cloned().unwrap_or_default();
    (field("Package"), field("Description-md5"))
}

/// What cannot be read has been reported, or makes a text missing.
fn stanzas(bytes: &[u8]) -> Vec<Stanza> {
    std::str::from_utf8(bytes).ok().and_then(|text| parse_stanzas(text).ok()).unwrap_or_default()
}
