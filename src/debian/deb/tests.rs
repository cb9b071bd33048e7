//! Valid packages are read whole; hostile ones are refused, each for its own reason.

mod accepted;
mod build;
mod dpkg;
mod hostile;
mod hostile_tar;
mod limits;
mod random;

use super::*;

/// The variant of an error, for tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    NotADeb,
    Truncated,
    Malformed,
    TooLarge,
    Unsupported,
    Read,
}

fn kind(error: &DebError) -> Kind {
    match error {
        DebError::NotADeb => Kind::NotADeb,
        DebError::Truncated { .. } => Kind::Truncated,
        DebError::Malformed { .. } => Kind::Malformed,
        DebError::TooLarge { .. } | DebError::Memory { .. } => Kind::TooLarge,
        DebError::Unsupported { .. } => Kind::Unsupported,
        DebError::Read(_) => Kind::Read,
    }
}

fn read(bytes: &[u8]) -> Result<DebParts, DebError> {
    read_deb(bytes, &DebLimits::default())
}

#[test]
fn messages_say_what_to_do() {
    let messages = [
        DebError::NotADeb,
        DebError::cut("data.tar.xz"),
        DebError::cut_before("data.tar"),
        DebError::malformed("control.tar.gz", "it has no control file"),
        DebError::TooLarge { what: "the control file, in bytes,", limit: 1024 },
        read(&build::with_data_member("data.tar.bz2", b"BZh")).unwrap_err(),
    ]
    .map(|error| error.to_string());
    assert_eq!(
        messages,
        [
            "this is not a .deb file: it is no ar archive; send what `dpkg-deb --build` wrote",
            "data.tar.xz ends early: the file was truncated on its way or while it was built; \
             build or send it again",
            "the archive, before its data.tar, ends early: the file was truncated on its way or \
             while it was built; build or send it again",
            "control.tar.gz is malformed: it has no control file; build the package again with \
             `dpkg-deb --build`",
            "the control file, in bytes, is more than the limit of 1024; make it smaller and \
             build the package again",
            "the compression of data.tar.bz2 is not supported: repack with `dpkg-deb -Zxz`",
        ]
    );
}
