//! Why a `.deb` was refused.

use std::borrow::Cow;
use std::io;

/// A `.deb` was refused, or could not be read. All but [`DebError::Read`] are the sender's fault.
#[derive(Debug, thiserror::Error)]
pub enum DebError {
    /// The file does not begin as an ar archive does.
    #[error("this is not a .deb file: it is no ar archive; send what `dpkg-deb --build` wrote")]
    NotADeb,

    /// The file, or a compressed stream within it, stops before its end.
    #[error(
        "{place} ends early: the file was truncated on its way or while it was built; build or \
         send it again"
    )]
    Truncated {
        /// What ends early: `data.tar.xz`.
        place: String,
    },

    /// A part does not keep to its format, or could be read in two ways.
    #[error("{member} is malformed: {problem}; build the package again with `dpkg-deb --build`")]
    Malformed {
        /// The part: `control.tar.xz`.
        member: String,
        /// What is wrong with it.
        problem: Cow<'static, str>,
    },

    /// A part is larger than this server accepts.
    #[error(
        "{what} is more than the limit of {limit}; make it smaller and build the package again"
    )]
    TooLarge {
        /// What is too large, with its unit: `data.tar, unpacked, in bytes`.
        what: &'static str,
        /// The limit, in the unit that `what` names.
        limit: u64,
    },

    /// Unpacking takes more memory than the limit.
    #[error(
        "unpacking {member} takes {needs_bytes} bytes of memory, more than the {limit_bytes} that \
         there are for it; build the package with `dpkg-deb -Zxz`, which takes little"
    )]
    Memory {
        /// The part: `data.tar.zst`.
        member: String,
        /// The memory that would be enough. Unit: bytes.
        needs_bytes: u64,
        /// Unit: bytes.
        limit_bytes: u64,
    },

    /// A format that dpkg or apt cannot read today, or that this server does not read.
    #[error("{what} is not supported: {cure}")]
    Unsupported {
        /// The format: `data.tar.bz2 (bzip2 compression)`.
        what: String,
        /// What to do: ``repack with `dpkg-deb -Zxz` ``.
        cure: &'static str,
    },

    /// Reading the input failed; this says nothing about the package.
    #[error("the package could not be read: {0}; try again")]
    Read(#[source] io::Error),
}

impl DebError {
    /// `place` stops before its end.
    pub(super) fn cut(place: &str) -> Self {
        Self::Truncated { place: place.to_owned() }
    }

    /// The archive ends before `stem` begins.
    pub(super) fn cut_before(stem: &str) -> Self {
        Self::Truncated { place: format!("the archive, before its {stem},") }
    }

    /// `member` breaks its format.
    pub(super) fn malformed(member: &str, problem: impl Into<Cow<'static, str>>) -> Self {
        Self::Malformed { member: member.to_owned(), problem: problem.into() }
    }
}
