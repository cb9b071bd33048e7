//! Names of files that another program finds by their name.
//!
//! apt looks at a file in one of its folders only when the name has nothing but letters, digits,
//! `_`, `-`, `:` and dots, and when the text after the last dot is the extension of that folder. It
//! ignores all other files with a notice at most, and ends with exit code 0. Source: apt,
//! `GetListOfFilesInDir` (fileutl.cc); shown by the test
//! `apt_reads_every_file_that_a_host_is_given`.

/// The extension in `apt.conf.d`.
pub const CONF: &str = "conf";
/// The extension in `preferences.d`.
pub const PREF: &str = "pref";
/// The extension in `sources.list.d`.
pub const SOURCES: &str = "sources";

/// Whether a byte stays as it is in the name of a file. All others are written as `_` and two
/// hexadecimal digits, and so is `_` itself, so that two names never become one.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.'
}

/// The name of a file: `begin`, then each of `names` after a `-`, then the extension after a dot.
pub fn file_name(begin: &str, names: &[&str], extension: &str) -> String {
    let mut out = begin.to_owned();
    for name in names {
        out.push('-');
        for byte in name.bytes() {
            match is_plain(byte) {
                true => out.push(char::from(byte)),
                false => out.push_str(&format!("_{byte:02x}")),
            }
        }
    }
    out.push('.');
    out.push_str(extension);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_by_apt_and_stay_distinct() {
        let name = file_name("60repod", &["repo.example.org", "a+b"], CONF);
        assert_eq!(name, "60repod-repo.example.org-a_2bb.conf");
        assert_eq!(file_name("repod", &["[::1]", "s"], SOURCES), "repod-_5b_3a_3a1_5d-s.sources");
        assert_ne!(file_name("x", &["a_2b"], CONF), file_name("x", &["a+"], CONF));
    }
}
