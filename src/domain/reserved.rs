//! Reserved names: packages by which hosts keep up with the server. Every suite takes them, whatever names it
//! owns, and hosts go up with them and never down.

/// How the names of client packages begin; only the server makes packages of such names.
pub const CLIENT_PREFIX: &str = "repod-client-";

/// The package of the program by which hosts renew their certificate and get what they lack.
pub const REPOCTL: &str = "repoctl";

/// Whether every suite takes packages of this name, whatever names it owns.
pub fn is_reserved(name: &str) -> bool {
    name == REPOCTL || name.starts_with(CLIENT_PREFIX)
}

/// Whether packages of this name are moved by no pin of their source and no rollback of a suite: an older one
/// might not know the server any more.
pub fn is_apart(name: &str) -> bool {
    name == REPOCTL
}
