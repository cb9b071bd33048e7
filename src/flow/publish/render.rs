//! Render: the text of a chunk, from the stanzas that were recorded, proven by a second reader.

use std::sync::Arc;

use crate::debian::packages::{self, Form};
use crate::debian::translation::{self, Split, Translated};
use crate::domain::{Package, Shape, Text, layout};
use crate::flow::error::FlowError;

/// The text of a chunk that lists these packages, which have these stanzas.
///
/// # Errors
/// [`FlowError::Internal`] when the text does not read back as expected.
pub(crate) fn proven(
    shape: Shape,
    packages: &[Arc<Package>],
    stanzas: Vec<String>,
) -> Result<String, FlowError> {
    match shape {
        Shape::Packages(Form::Short) => {
            let mut plain = String::new();
            for (package, stanza) in packages.iter().zip(&stanzas) {
                match package.text {
                    Some(text) => plain.push_str(&parted(stanza, &text)?.packages),
                    None => plain.push_str(stanza),
                }
            }
            prove_packages(&plain, packages, Form::Short)?;
            Ok(plain)
        }
        Shape::Packages(form) => {
            let plain = stanzas.concat();
            prove_packages(&plain, packages, form)?;
            Ok(plain)
        }
        Shape::Translation => translations(packages, &stanzas),
    }
}

/// Splits a stanza in two. The second part must be the text that was recorded with the package,
/// because chunks are named by it.
fn parted(stanza: &str, text: &Text) -> Result<Split, FlowError> {
    let same = |split: &Split| Text::of_stanza(&split.translation).as_ref() == Some(text);
    let other = || FlowError::Internal("a description is not the one that was recorded".into());
    translation::split(stanza).filter(same).ok_or_else(other)
}

/// Each text once, sorted by package and MD5, because the packages are in another order. Of two
/// texts with the same MD5, which only happens on purpose, hosts see one.
fn translations(packages: &[Arc<Package>], stanzas: &[String]) -> Result<String, FlowError> {
    let mut parts = Vec::new();
    for (package, stanza) in packages.iter().zip(stanzas) {
        let Some(text) = package.text else { continue };
        let Split { translation, md5, .. } = parted(stanza, &text)?;
        parts.push((Translated { package: package.name.clone(), md5 }, translation));
    }
    parts.sort_by(|(a, a_text), (b, b_text)| {
        (&a.package, a.md5, a_text).cmp(&(&b.package, b.md5, b_text))
    });
    parts.dedup_by(|(a, _), (b, _)| a == b);
    let plain: String = parts.iter().map(|(_, text)| text.as_str()).collect();
    let proven = translation::prove(plain.as_bytes())
        .map_err(FlowError::internal("an index did not read back"))?;
    match proven.iter().eq(parts.iter().map(|(expected, _)| expected)) {
        true => Ok(plain),
        false => Err(differently()),
    }
}

/// Reads the rendered stanzas back with a parser that shares nothing with the renderer: one
/// malformed stanza would make apt drop every package of every repository on every host.
fn prove_packages(plain: &str, expected: &[Arc<Package>], form: Form) -> Result<(), FlowError> {
    let proven = packages::prove_as(plain.as_bytes(), form)
        .map_err(FlowError::internal("an index did not read back"))?;
    let same = |proven: &packages::Proven, package: &Package| {
        let path = layout::pool_path(
            package.kind,
            &package.name,
            package.version.without_epoch(),
            &package.architecture,
            &package.digest,
        );
        proven.name == package.name
            && proven.version == package.version
            && proven.architecture == package.architecture
            && proven.filename == path
            && proven.size_bytes == package.size_bytes
            && proven.digest == package.digest
    };
    let whole = proven.len() == expected.len()
        && proven.iter().zip(expected).all(|(proven, package)| same(proven, package));
    if whole { Ok(()) } else { Err(differently()) }
}

fn differently() -> FlowError {
    FlowError::Internal("an index read back differently".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debian::Control;
    use crate::digest::Digest;

    /// A package and its published stanza.
    fn built(name: &str, version: &str, description: &str) -> (Arc<Package>, String) {
        let text = format!(
            "Package: {name}\nVersion: {version}\nArchitecture: amd64\n\
             Maintainer: A <a@example.org>\nDescription: {description}\n"
        );
        let control = Control::parse(text.as_bytes()).unwrap();
        let digest = Digest::of(text.as_bytes());
        let kind = control.kind();
        let path =
            layout::pool_path(kind, control.package(), version, control.architecture(), &digest);
        let stanza = control.published(&path, 1, &digest);
        let package = Package {
            digest,
            name: control.package().clone(),
            version: control.version().clone(),
            architecture: control.architecture().clone(),
            source: control.source().clone(),
            source_version: control.source_version().clone(),
            size_bytes: 1,
            stanza_bytes: stanza.len() as u32,
            stanza_digest: Digest::of(stanza.as_bytes()),
            kind,
            text: Text::of(kind, &stanza),
        };
        (Arc::new(package), stanza)
    }

    fn all(of: &[(&str, &str, &str)]) -> (Vec<Arc<Package>>, Vec<String>) {
        of.iter().map(|(name, version, description)| built(name, version, description)).unzip()
    }

    #[test]
    fn texts_of_a_package_are_sorted_by_md5_and_each_comes_once() {
        let texts = [("acme", "1", "one\n and more"), ("acme", "2", "two"), ("acme", "3", "two")];
        let (mut packages, mut stanzas) = all(&texts);
        let plain = proven(Shape::Translation, &packages, stanzas.clone()).unwrap();
        assert_eq!(plain.matches("Package: acme\n").count(), 2, "{plain}");
        assert_eq!(translation::prove(plain.as_bytes()).unwrap().len(), 2);
        packages.reverse();
        stanzas.reverse();
        assert_eq!(proven(Shape::Translation, &packages, stanzas).unwrap(), plain);
    }

    #[test]
    fn short_stanzas_refer_to_the_texts() {
        let (packages, stanzas) = all(&[("acme", "1", "one\n and more"), ("acme-b", "1", "two")]);
        let texts = proven(Shape::Translation, &packages, stanzas.clone()).unwrap();
        let short = proven(Shape::Packages(Form::Short), &packages, stanzas.clone()).unwrap();
        let whole = proven(Shape::Packages(Form::Whole), &packages, stanzas).unwrap();
        assert!(whole.contains("\n and more\n") && !whole.contains("Description-md5"), "{whole}");
        assert!(!short.contains("and more"), "{short}");
        let md5s: Vec<_> =
            short.lines().filter(|line| line.starts_with("Description-md5: ")).collect();
        assert_eq!(md5s.len(), 2);
        assert!(md5s.iter().all(|md5| texts.contains(md5)), "{short}{texts}");
    }

    #[test]
    fn what_was_recorded_otherwise_is_not_signed() {
        let (mut packages, stanzas) = all(&[("acme", "1", "one"), ("acme-b", "1", "two")]);
        let mut other = (*packages[0]).clone();
        other.text = packages[1].text;
        packages[0] = Arc::new(other);
        for shape in [Shape::Translation, Shape::Packages(Form::Short)] {
            let said = proven(shape, &packages, stanzas.clone()).expect_err("refused").to_string();
            assert!(said.contains("is not the one that was recorded"), "{said}");
        }
    }
}
