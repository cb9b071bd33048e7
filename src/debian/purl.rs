//! Package URLs of the type `deb`: `pkg:deb/debian/openssl@3.0.11-1~deb12u1?arch=source&distro=bookworm`.
//!
//! Source: the purl specification, <https://github.com/package-url/purl-spec>.

use percent_encoding::percent_decode_str;
use smol_str::SmolStr;

use super::advisory::{FieldError, fault, release_key};
use crate::debian::{PackageName, Version};

/// The longest package URL. Unit: bytes.
pub const LONGEST_PURL_BYTES: usize = 1024;

/// A package of Debian, as a package URL names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DebPurl {
    /// Its name.
    pub name: PackageName,
    /// The version; `None` is every one.
    pub version: Option<Version>,
    /// Whether it is a binary package: its `arch` is another one than `source`.
    pub binary: bool,
    /// The release, as [`release_key`] gives it; `None` is every one.
    pub release: Option<SmolStr>,
}

/// Reads a package URL. `None` for packages of other types, and of other vendors than `debian`; one without a vendor
/// counts as Debian's.
///
/// # Errors
/// [`FieldError`], of the field that is named, when a part of it is wrong.
pub fn parse(field: &'static str, text: &str) -> Result<Option<DebPurl>, FieldError> {
    if text.len() > LONGEST_PURL_BYTES {
        let problem = format_args!("is longer than {LONGEST_PURL_BYTES} bytes");
        return Err(fault(field, &problem));
    }
    let Some(rest) = text.strip_prefix("pkg:deb/") else { return Ok(None) };
    let rest = rest.split('#').next().unwrap_or_default();
    let (path, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
    let (vendor, last) = path.rsplit_once('/').unwrap_or(("debian", path));
    if vendor != "debian" {
        return Ok(None);
    }
    let (name, version) = match last.split_once('@') {
        Some((name, version)) => (name, Some(version)),
        None => (last, None),
    };
    let named = |text: &str| -> Result<String, FieldError> {
        let decoded = percent_decode_str(text).decode_utf8();
        Ok(decoded.map_err(|error| fault(field, &error))?.into_owned())
    };
    let name = named(name)?.parse::<PackageName>().map_err(|error| fault(field, &error))?;
    let version =
        version.map(|text| Version::parse(&named(text)?).map_err(|error| fault(field, &error)));
    let version = version.transpose()?;
    let (mut binary, mut release) = (false, None);
    for pair in qualifiers.split('&') {
        match pair.split_once('=') {
            Some(("arch", arch)) => binary = arch != "source",
            Some(("distro", distro)) => {
                let distro = named(distro)?;
                let of = distro.strip_prefix("debian-").unwrap_or(&distro);
                // `12.5` is a state of 12.
                release = Some(release_key(of.split('.').next().unwrap_or(of)));
            }
            _ => {}
        }
    }
    Ok(Some(DebPurl { name, version, binary, release }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_and_other_packages_are_none() {
        let read = |text: &str| parse("purl", text).unwrap();
        let full = "pkg:deb/debian/openssl@1%3A3.0.11-1~deb12u1?arch=source&distro=bookworm#x";
        let full = read(full).unwrap();
        assert_eq!(full.name.as_str(), "openssl");
        assert_eq!(full.version.unwrap().as_str(), "1:3.0.11-1~deb12u1");
        assert_eq!((full.binary, full.release.as_deref()), (false, Some("12")));
        let short = read("pkg:deb/acme-web").unwrap();
        assert_eq!((short.version, short.binary, short.release), (None, false, None));
        assert!(read("pkg:deb/debian/libssl3?arch=amd64").unwrap().binary);
        let state = read("pkg:deb/debian/a1?distro=debian-12.5").unwrap();
        assert_eq!(state.release.as_deref(), Some("12"));
        for other in ["pkg:deb/ubuntu/openssl", "pkg:rpm/redhat/openssl", "https://example.org"] {
            assert_eq!(read(other), None, "{other}");
        }
        for wrong in ["pkg:deb/debian/Open%20SSL", "pkg:deb/debian/openssl@a b", "pkg:deb/"] {
            assert!(parse("products.@id", wrong).unwrap_err().to_string().starts_with("products"));
        }
    }
}
