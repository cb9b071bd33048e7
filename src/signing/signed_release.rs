//! The result of signing: the three texts of a Release.

/// A Release text with both forms of signature, each verified; only [`Signer`](super::Signer) makes
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRelease {
    pub(super) release: String,
    pub(super) in_release: String,
    pub(super) release_gpg: String,
}

impl SignedRelease {
    /// `Release`: the plain text.
    pub fn release(&self) -> &str {
        &self.release
    }

    /// `InRelease`: the text, signed in clear.
    pub fn in_release(&self) -> &str {
        &self.in_release
    }

    /// `Release.gpg`: the armored detached signature over `Release`.
    pub fn release_gpg(&self) -> &str {
        &self.release_gpg
    }

    /// The three texts: `Release`, `InRelease` and `Release.gpg`.
    pub fn into_texts(self) -> (String, String, String) {
        (self.release, self.in_release, self.release_gpg)
    }
}
