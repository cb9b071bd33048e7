//! What comes over the network before anybody is known: the PROXY header, paths, bodies.

use std::path::{Component, Path};

use bytes::Bytes;
use repod::api::{self, push_blob, split_blobs};
use repod::digest::Digest;
use repod::domain::layout::{DistsFile, RepoPath, SnapshotId};
use repod::http::listen::proxy_header::{self, ProxySource};
use repod::http::listen::{clean_path, unescape};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A PROXY header, with what comes behind it.
///
/// The reader of the socket takes the same as the parser, and not a byte more.
pub fn proxy_header(bytes: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut left = bytes;
    let read = runtime.block_on(proxy_header::read(&mut left));
    let taken = &bytes[..bytes.len() - left.len()];
    let parsed = proxy_header::parse(taken);
    assert_eq!(read.as_ref().ok(), parsed.as_ref().ok(), "{parsed:?}");
    assert!(taken.len() <= 16 + 2048, "it takes {} bytes", taken.len());
    let Ok(source) = parsed else { return };
    for end in 0..taken.len() {
        assert!(proxy_header::parse(&taken[..end]).is_err(), "cut at {end}");
    }
    if let ProxySource::Client(address) = source {
        assert_eq!(address.ip(), address.ip().to_canonical(), "one address, one spelling");
    }
}

/// The path of a request line.
///
/// One that is accepted is a way down from the root, and stays what it is when it is escaped again.
pub fn http_path(bytes: &[u8]) {
    let Some(raw) = super::text(bytes) else { return };
    if let Some(plain) = unescape(bytes) {
        assert!(plain.len() <= bytes.len());
    }
    let Ok(path) = clean_path(raw) else { return };
    assert!(path.len() <= raw.len() && path.len() <= 4096);
    let below = path.strip_prefix('/').expect("it begins with a slash");
    assert!(
        Path::new(below).components().all(|part| matches!(part, Component::Normal(_))),
        "{path:?}"
    );
    let escaped: String = path
        .bytes()
        .map(|byte| match byte {
            b'/' => "/".to_owned(),
            other => format!("%{other:02X}"),
        })
        .collect();
    if escaped.len() <= 4096 {
        assert_eq!(clean_path(&escaped).as_ref(), Ok(&path));
    }
    match RepoPath::parse(below) {
        Some(RepoPath::Dists(suite, file)) => expect_dists(&format!("dists/{suite}"), &file, below),
        Some(RepoPath::Snapshot(id, suite, file)) => {
            let id = match id {
                SnapshotId::Generation(number) => number.to_string(),
                SnapshotId::Time(at) => at.stamp(),
            };
            expect_dists(&format!("snapshot/{id}/dists/{suite}"), &file, below);
        }
        Some(RepoPath::Pool { name, digest_prefix, file, .. }) => {
            assert!(below.ends_with(&format!("/{name}/{digest_prefix}/{file}")), "{below:?}");
            assert!(!file.contains('/'));
        }
        None => {}
    }
}

/// A path has one spelling: what it was read as is written as it was.
fn expect_dists(folder: &str, file: &DistsFile, below: &str) {
    let file = match file {
        DistsFile::InRelease => "InRelease".to_owned(),
        DistsFile::Release => "Release".to_owned(),
        DistsFile::ReleaseGpg => "Release.gpg".to_owned(),
        DistsFile::Index(name) => name.clone(),
        DistsFile::ByHash { directory, digest } => format!("{directory}/by-hash/SHA256/{digest}"),
    };
    assert_eq!(format!("{folder}/{file}"), below);
}

/// The body of a batch: what is taken apart is put together to the same bytes.
pub fn batch(bytes: &[u8]) {
    let Ok(blobs) = split_blobs(Bytes::copy_from_slice(bytes)) else { return };
    let mut body = Vec::new();
    blobs.iter().for_each(|(digest, bytes)| push_blob(&mut body, digest, bytes));
    assert_eq!(body, bytes);
}

/// The body of a request: the first byte says of which kind. What is read is written so that it is read the same.
pub fn api(bytes: &[u8]) {
    let Some((which, json)) = bytes.split_first() else { return };
    match which % 16 {
        0 => json_of::<api::ChangeRequest>(json),
        1 => json_of::<api::SuiteDefinition>(json),
        2 => json_of::<api::SuiteEdit>(json),
        3 => json_of::<api::AccessChange>(json),
        4 => json_of::<api::Digests>(json),
        5 => json_of::<api::HostRequest>(json),
        6 => json_of::<api::IdentityRequest>(json),
        7 => json_of::<api::RevocationRequest>(json),
        8 => json_of::<api::TokenRequest>(json),
        9 => json_of::<api::EnrolmentRequest>(json),
        10 => json_of::<api::RenewalRequest>(json),
        11 => json_of::<api::KeyRequest>(json),
        12 => json_of::<api::KeyRetirement>(json),
        13 => json_of::<api::SuiteRedate>(json),
        // What clients read of a server: they trust it, and still nothing in it may stop them.
        14 => json_of::<api::Problem>(json),
        _ => json_of::<api::ChangeOutcome>(json),
    }
    if let Some(digest) = super::text(json).and_then(|text| text.parse::<Digest>().ok()) {
        assert_eq!(digest.to_string().as_bytes(), json);
    }
}

fn json_of<T: DeserializeOwned + Serialize>(json: &[u8]) {
    let Ok(read) = serde_json::from_slice::<T>(json) else { return };
    let written = serde_json::to_string(&read).expect("what was read is written");
    let again = serde_json::from_str::<T>(&written);
    let again = again.unwrap_or_else(|error| panic!("{error}: {written}"));
    assert_eq!(serde_json::to_string(&again).ok(), Some(written));
}
