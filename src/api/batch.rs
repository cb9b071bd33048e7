//! Batches: many small packages in one request, `POST /blobs`.
//!
//! Shape of the body: for each package one line of ASCII, then its bytes, then the next line:
//!
//! ```text
//! <SHA-256, 64 lower-case hexadecimal digits> <size in bytes, decimal, without leading zeros>\n
//! <that many bytes>
//! ```
//!
//! There is nothing between packages, before the first or after the last one.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Problem;
use crate::digest::Digest;

/// The most packages that one batch may have.
pub const MOST_BATCH_BLOBS: usize = 4_000;

/// The largest body of a batch; a package that does not fit is sent with `PUT /blobs/{digest}`.
/// Unit: bytes.
pub const MOST_BATCH_BYTES: u64 = 8 << 20;

/// The media type of a batch.
pub const BATCH_TYPE: &str = "application/vnd.repod.blobs";

/// The longest line: a digest, a blank, the digits of [`MOST_BATCH_BYTES`], a line feed.
const LONGEST_LINE_BYTES: usize = 64 + 1 + 7 + 1;

/// The answer of `POST /blobs`: one outcome for each package, in the order of the body.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct BlobOutcomes {
    /// The outcome for each package.
    pub blobs: Vec<BlobOutcome>,
}

/// The outcome for one package of a batch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct BlobOutcome {
    /// SHA-256 of the `.deb`, as it was named.
    pub digest: Digest,
    /// Why it was refused, with every reason; absent when its bytes are durable and a sound
    /// package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// The body is not a batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// A line is malformed.
    #[error(
        "package {0} of the batch does not begin with a line of its SHA-256, one blank and its size"
    )]
    Line(usize),
    /// A package is shorter than its line says.
    #[error("package {0} of the batch ends early; nothing was kept, send the batch again")]
    Cut(usize),
    /// There are too many packages.
    #[error("a batch holds at most {MOST_BATCH_BLOBS} packages; send them in several")]
    TooMany,
    /// There are no packages.
    #[error("the batch holds no package")]
    Empty,
}

/// Adds one package to the body of a batch.
pub fn push_blob(body: &mut Vec<u8>, digest: &Digest, bytes: &[u8]) {
    body.extend_from_slice(format!("{digest} {}\n", bytes.len()).as_bytes());
    body.extend_from_slice(bytes);
}

/// Splits the body of a batch into its packages, which share its memory.
///
/// # Errors
/// [`BatchError`] (sender's fault). Packages are counted from 1.
pub fn split_blobs(mut body: Bytes) -> Result<Vec<(Digest, Bytes)>, BatchError> {
    let mut blobs = Vec::new();
    while !body.is_empty() {
        let number = blobs.len().saturating_add(1);
        if number > MOST_BATCH_BLOBS {
            return Err(BatchError::TooMany);
        }
        let (digest, size, line_bytes) = read_line(&body).ok_or(BatchError::Line(number))?;
        let _line = body.split_to(line_bytes);
        if body.len() < size {
            return Err(BatchError::Cut(number));
        }
        blobs.push((digest, body.split_to(size)));
    }
    if blobs.is_empty() { Err(BatchError::Empty) } else { Ok(blobs) }
}

/// Reads a line; gives the digest, the size and the length of the line.
fn read_line(body: &[u8]) -> Option<(Digest, usize, usize)> {
    let front = body.get(..body.len().min(LONGEST_LINE_BYTES))?;
    let end = front.iter().position(|byte| *byte == b'\n')?;
    let line = std::str::from_utf8(front.get(..end)?).ok()?;
    let (digest, size) = line.split_once(' ')?;
    let plain = size.bytes().all(|byte| byte.is_ascii_digit()) && !size.starts_with('0');
    let size = size.parse().ok().filter(|_| plain || size == "0")?;
    Some((digest.parse().ok()?, size, end.checked_add(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushed_packages_are_split_again() {
        let blobs: [&[u8]; 4] = [b"one", b"", b"with\nlines\n", &[7; 100_000]];
        let mut body = Vec::new();
        for bytes in blobs {
            push_blob(&mut body, &Digest::of(bytes), bytes);
        }
        let apart = split_blobs(body.into()).unwrap();
        let expected: Vec<_> =
            blobs.iter().map(|bytes| (Digest::of(bytes), Bytes::from_static(bytes))).collect();
        assert_eq!(apart, expected);
    }

    #[test]
    fn what_is_no_batch_is_refused() {
        let digest = Digest::of(b"one");
        let split = |text: String| split_blobs(Bytes::from(text));
        for line in [
            format!("{digest} 3"),
            format!("{digest}  3\none"),
            format!("{digest} 03\none"),
            format!("{digest} +3\none"),
            format!("{digest} -3\none"),
            format!("{digest} 3 \none"),
            format!("{digest} \none"),
            format!("{digest} 99999999999999999999\none"),
            format!("{} 3\none", digest.to_string().to_uppercase()),
            "abc 3\none".into(),
            "\n".into(),
        ] {
            assert_eq!(split(line.clone()), Err(BatchError::Line(1)), "{line:?}");
        }
        assert_eq!(split(String::new()), Err(BatchError::Empty));
        assert_eq!(split(format!("{digest} 3\non")), Err(BatchError::Cut(1)));
        assert_eq!(split(format!("{digest} 3\none{digest} 4\none")), Err(BatchError::Cut(2)));
        assert_eq!(split(format!("{digest} 3\noneX")), Err(BatchError::Line(2)));
        let many = format!("{digest} 3\none").repeat(MOST_BATCH_BLOBS);
        assert_eq!(split(many.clone()).unwrap().len(), MOST_BATCH_BLOBS);
        assert_eq!(split(format!("{many}{digest} 3\none")), Err(BatchError::TooMany));
    }
}
