//! FORMATS: the formats of Debian's files. Names, versions, stanzas, control files, the `.deb`
//! container, compression framing, `Packages`, `Contents`, `Translation`, PDiffs, Release text, and
//! records of flaws.
//! Pure and synchronous: `Read` or bytes in, values out. This room knows nothing of the product.
//!
//! May name: digest, nearest

pub mod advisory;
mod architecture;
pub mod build;
pub mod contents;
pub mod control;
pub mod deb;
pub mod dependencies;
pub mod dpkg_status;
pub mod file_list;
pub mod framing;
pub mod gzip;
pub mod name;
pub mod osv;
pub mod packages;
pub mod pdiff;
pub mod privilege;
pub mod purl;
pub mod relation;
pub mod release;
pub mod stanza;
pub mod tracker;
pub mod translation;
pub mod version;
pub mod versions;
pub mod vex;

pub use build::{DebFile, write_deb};
pub use control::{Control, LONGEST_STANZA_BYTES, PackageKind};
pub use deb::{DebError, DebLimits};
pub use dependencies::{Dependencies, MentionedNames, MultiArch};
pub use file_list::{FileList, read_file_list};
pub use name::{Architecture, Component, NameError, Namespace, PackageName, SuiteName};
pub use privilege::{Privilege, PrivilegeError};
pub use release::{ReleaseEntry, ReleaseFields, ReleaseText};
pub use stanza::Fault;
pub use version::{Version, VersionError};
pub use versions::Versions;
