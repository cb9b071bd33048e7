//! Passphrases of private keys, from the files that hold them.

use std::path::Path;

use zeroize::Zeroizing;

use super::{ServerError, part};
use crate::reading;

/// The longest passphrase that is read. Unit: bytes.
const PASSPHRASE_BYTES: u64 = 4096;

/// The passphrase in a file: its text without the end of the line.
///
/// # Errors
/// [`ServerError::Part`], naming the file (operator's fault).
pub fn read(path: &Path) -> Result<Zeroizing<String>, ServerError> {
    let shown = path.display();
    let wrong = |problem: String| part("passphrase")(format!("{shown}: {problem}"));
    let read = reading::read_secret(path, PASSPHRASE_BYTES);
    let bytes = read.map_err(|error| wrong(error.to_string()))?.bytes;
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong("is not UTF-8".into()))?;
    match text.trim_end_matches(['\n', '\r']) {
        "" => Err(wrong("is empty; write the passphrase there, in one line".into())),
        // Other programs, such as openssl, read only the first line.
        text if text.contains('\n') => {
            Err(wrong("has several lines; write the passphrase there, in one".into()))
        }
        text => Ok(Zeroizing::new(text.to_owned())),
    }
}
