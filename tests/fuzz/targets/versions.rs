//! Versions and names: their order is dpkg's, and a name never leaves its folder.

use std::cmp::Ordering;

use repod::debian::{
    Architecture, Component, Namespace, PackageKind, PackageName, SuiteName, Version,
};
use repod::digest::Digest;
use repod::domain::Identity;
use repod::domain::file_name::{CONF, file_name};
use repod::domain::layout::{RepoPath, pool_path};

/// Up to three versions, a line each.
pub fn version(bytes: &[u8]) {
    let Some(text) = super::text(bytes) else { return };
    let versions: Vec<_> =
        text.split('\n').take(3).filter_map(|line| Version::parse(line).ok()).collect();
    for version in &versions {
        assert_eq!(Version::parse(version.as_str()).as_ref(), Ok(version));
        let stored = version.stored().expect("a valid version is stored as a valid one");
        assert_eq!(stored.compare(version), Ordering::Equal, "{version} is stored as {stored}");
        assert_eq!(stored.stored().as_ref(), Ok(&stored), "storing twice is another text");
    }
    for one in &versions {
        for other in &versions {
            let order = one.compare(other);
            assert_eq!(order, other.compare(one).reverse(), "{one} and {other}");
            assert_eq!(order, as_dpkg(one.as_str(), other.as_str()), "{one} and {other}");
            assert_eq!(one == other, one.cmp(other) == Ordering::Equal, "{one} and {other}");
            for third in &versions {
                if order.is_le() && other.compare(third).is_le() {
                    assert!(one.compare(third).is_le(), "{one} {other} {third}");
                }
                if one <= other && other <= third {
                    assert!(one <= third, "{one} {other} {third}");
                }
            }
        }
    }
}

/// dpkg's `dpkg_version_compare`, written anew after lib/dpkg/version.c.
fn as_dpkg(one: &str, other: &str) -> Ordering {
    let parts = |text: &str| {
        let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        (epoch.parse::<u64>().expect("digits"), upstream.to_owned(), revision.to_owned())
    };
    let ((a, b, c), (x, y, z)) = (parts(one), parts(other));
    a.cmp(&x).then_with(|| verrevcmp(&b, &y)).then_with(|| verrevcmp(&c, &z))
}

fn verrevcmp(one: &str, other: &str) -> Ordering {
    let order = |byte: Option<&u8>| match byte {
        None => 0,
        Some(byte) if byte.is_ascii_digit() => 0,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(b'~') => -1,
        Some(byte) => i32::from(*byte) + 256,
    };
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let (a, b) = (one.as_bytes(), other.as_bytes());
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        while (i < a.len() && !digit(a.get(i))) || (j < b.len() && !digit(b.get(j))) {
            match order(a.get(i)).cmp(&order(b.get(j))) {
                Ordering::Equal => (i, j) = (i + 1, j + 1),
                unequal => return unequal,
            }
        }
        while a.get(i) == Some(&b'0') {
            i += 1;
        }
        while b.get(j) == Some(&b'0') {
            j += 1;
        }
        let mut first = Ordering::Equal;
        while digit(a.get(i)) && digit(b.get(j)) {
            first = first.then(a[i].cmp(&b[j]));
            (i, j) = (i + 1, j + 1);
        }
        match (digit(a.get(i)), digit(b.get(j))) {
            (true, _) => return Ordering::Greater,
            (_, true) => return Ordering::Less,
            _ if first != Ordering::Equal => return first,
            _ => {}
        }
    }
    Ordering::Equal
}

/// A line for each kind of name; what is accepted is one safe segment of a path, and is written as it was read.
pub fn names(bytes: &[u8]) {
    let Some(text) = super::text(bytes) else { return };
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (name, architecture, version) = (line(), line(), line());
    let (component, suite, identity) = (line(), line(), line());
    for (given, read) in [
        (name, PackageName::parse(name).ok().map(|one| one.to_string())),
        (architecture, Architecture::parse(architecture).ok().map(|one| one.to_string())),
        (component, Component::parse(component).ok().map(|one| one.to_string())),
        (suite, SuiteName::parse(suite).ok().map(|one| one.to_string())),
        (suite, Namespace::parse(suite).ok().map(|one| one.to_string())),
        (identity, Identity::parse(identity).ok().map(|one| one.to_string())),
    ] {
        let Some(read) = read else { continue };
        assert_eq!(read, given);
        assert!(read != "." && read != ".." && !read.is_empty() && read.len() <= 253);
        assert!(read.bytes().all(|b| b.is_ascii_graphic() && b != b'/' && b != b'\\'), "{read:?}");
        assert!(!read.starts_with(['.', '-']), "{read:?} is hidden, or an option");
        let file = file_name("x", &[&read], CONF);
        let apt = |b: u8| b.is_ascii_alphanumeric() || b"_-.:".contains(&b);
        assert!(file.bytes().all(apt), "apt passes over {file:?}");
    }
    let (Ok(name), Ok(architecture), Ok(version)) =
        (PackageName::parse(name), Architecture::parse(architecture), Version::parse(version))
    else {
        return;
    };
    let digest = Digest::of(bytes);
    let path = pool_path(PackageKind::Deb, &name, version.without_epoch(), &architecture, &digest);
    let Some(RepoPath::Pool { name: found, digest_prefix, file, .. }) = RepoPath::parse(&path)
    else {
        panic!("{path} is not found again");
    };
    assert_eq!((&found, digest_prefix), (&name, digest.short()));
    assert_eq!(file, format!("{name}_{}_{architecture}.deb", version.without_epoch()));
}
