//! Pem: where a certificate or a private key comes from: a file, or a variable that holds the text.
//!
//! What a variable holds is never printed: a secret of a CI job is masked in its log only when it
//! is printed as it was given.

use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::failure::{Failure, unread};

/// The largest file that is read here. Unit: bytes.
const LARGEST_BYTES: u64 = 1 << 20;

/// How every PEM text begins.
const BEGIN: &str = "-----BEGIN ";

/// A certificate or a private key.
#[derive(Clone, PartialEq, Eq)]
pub enum Pem {
    /// In a file that a flag or the configuration names.
    File(PathBuf),
    /// In a file that a variable names.
    Named(&'static str, PathBuf),
    /// The text itself, from a variable.
    Text(Zeroizing<String>),
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.fmt(f),
            Self::Named(variable, _) => write!(f, "${variable}"),
            Self::Text(_) => f.write_str("PEM"),
        }
    }
}

impl Pem {
    /// What a flag gives.
    ///
    /// # Errors
    /// A usage [`Failure`] for the text itself: other users see the arguments of a command.
    pub fn of_flag(flag: &str, variable: &str, path: &Path) -> Result<Self, Failure> {
        if path.to_string_lossy().contains(BEGIN) {
            let text = format!("--{flag} takes the path of a file, and was given its text");
            return Err(Failure::usage(text).with_hint(format!(
                "other users see the arguments of a command; {variable} takes the text"
            )));
        }
        Ok(Self::File(path.to_owned()))
    }

    /// What a variable gives: a path, or the text.
    pub fn of_variable(variable: &'static str, value: &str) -> Self {
        match value.trim_start().starts_with(BEGIN) {
            true => Self::Text(Zeroizing::new(value.to_owned())),
            false => Self::Named(variable, PathBuf::from(value)),
        }
    }

    /// The file, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) | Self::Named(_, path) => Some(path),
            Self::Text(_) => None,
        }
    }

    /// The text.
    ///
    /// # Errors
    /// A usage [`Failure`] that names the file; one that a variable names is called by the variable.
    pub fn read(&self, what: &str) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Text(text) => Ok(text.as_bytes().to_vec()),
            Self::File(path) => {
                let cure = "check the paths in the profile (--config); --cert, --key and --ca name other files";
                read_limited(&format!("{what} {}", path.display()), path, cure)
            }
            Self::Named(variable, path) => {
                let cure = format!("{variable} takes the path of a file, or the PEM text itself");
                read_limited(&format!("the {what} that {variable} names"), path, &cure)
            }
        }
    }
}

/// Reads a file that is not too large.
///
/// # Errors
/// A usage [`Failure`] that begins with `what`.
pub fn read_limited(what: &str, path: &Path, cure: &str) -> Result<Vec<u8>, Failure> {
    use std::io::Read;
    let wrong = |why: String| Failure::usage(format!("{what}: {why}"));
    let file = std::fs::File::open(path).map_err(|error| wrong(unread(&error)).with_hint(cure))?;
    let mut bytes = Vec::new();
    let read = file.take(LARGEST_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| wrong(unread(&error)))?;
    if bytes.len() as u64 > LARGEST_BYTES {
        return Err(wrong("is larger than 1 MiB, so it is another file than meant".into()));
    }
    Ok(bytes)
}
