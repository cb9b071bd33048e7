//! One spelling per path: the path of a request line is normalised once, or refused.

use super::escapes::unescape;

/// Longest raw path that is accepted. Unit: bytes.
const PATH_BYTES: usize = 4096;

/// Why a request path is refused; always the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// It does not begin with a slash (`*`, or an authority).
    #[error("the path must begin with a slash")]
    NotAbsolute,
    /// It is longer than any path that is served.
    #[error("the path is longer than {PATH_BYTES} bytes")]
    TooLong,
    /// A percent sign without two hexadecimal digits after it.
    #[error("a percent sign must be followed by two hexadecimal digits")]
    Escape,
    /// The decoded bytes are not UTF-8.
    #[error("the path is not UTF-8 once decoded")]
    NotUtf8,
    /// A NUL or another control character, raw or escaped.
    #[error("the path holds a control character")]
    Control,
    /// A backslash, which some systems read as a separator.
    #[error("the path holds a backslash")]
    Backslash,
    /// `%2f`: decoded, it would cut the path where the sender did not.
    #[error("the path holds an escaped slash")]
    EscapedSlash,
    /// A segment `.` or `..`, raw or escaped.
    #[error("the path holds a segment of dots")]
    Dots,
    /// Two slashes in a row.
    #[error("the path holds an empty segment")]
    EmptySegment,
}

/// Returns the one plain spelling of a request path: percent-decoded once, without anything that
/// two readers could read differently.
///
/// Shape: `raw` is the path of a request line, without its query; the result begins with a slash,
/// and may end with one. `+` means itself. A decoded percent sign stays, and is not decoded again.
///
/// # Errors
/// [`PathFault`], the sender's fault.
///
/// Source: apt escapes `+`, `~`, blanks and percent signs, sends `:` raw, and passes `..` and `//`
/// through; RFC 3986, sections 2.4 and 5.2.4.
pub fn clean_path(raw: &str) -> Result<String, PathFault> {
    if !raw.starts_with('/') {
        return Err(PathFault::NotAbsolute);
    }
    if raw.len() > PATH_BYTES {
        return Err(PathFault::TooLong);
    }
    let bytes = unescape(raw.as_bytes()).ok_or(PathFault::Escape)?;
    if raw.contains("%2f") || raw.contains("%2F") {
        return Err(PathFault::EscapedSlash);
    }
    let path = String::from_utf8(bytes.into_owned()).map_err(|_| PathFault::NotUtf8)?;
    if path.chars().any(char::is_control) {
        return Err(PathFault::Control);
    }
    if path.contains('\\') {
        return Err(PathFault::Backslash);
    }
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." | ".." => return Err(PathFault::Dots),
            // The last one may be empty: `/dists/` and `/`.
            "" if segments.peek().is_some() => return Err(PathFault::EmptySegment),
            _ => {}
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
    use proptest::prelude::*;

    use super::*;

    /// Characters that must be escaped in a path. Source: RFC 3986, section 3.3.
    const ESCAPED: &AsciiSet = &CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'#')
        .add(b'%')
        .add(b'<')
        .add(b'>')
        .add(b'?')
        .add(b'[')
        .add(b'\\')
        .add(b']')
        .add(b'^')
        .add(b'`')
        .add(b'{')
        .add(b'|')
        .add(b'}');

    fn encode_path(path: &str) -> String {
        utf8_percent_encode(path, ESCAPED).to_string()
    }

    #[test]
    fn what_apt_sends_is_read_as_it_was_meant() {
        for (raw, plain) in [
            ("/", "/"),
            ("/dists/stable/InRelease", "/dists/stable/InRelease"),
            ("/pool/g/g%2b%2b_12%7erc1.deb", "/pool/g/g++_12~rc1.deb"),
            ("/pool/g/g++_12~rc1.deb", "/pool/g/g++_12~rc1.deb"),
            ("/pool/v/vim_2:9.0%2dx.deb", "/pool/v/vim_2:9.0-x.deb"),
            ("/a%20b/%c3%a9/%C3%A9", "/a b/é/é"),
            ("/100%25", "/100%"),
            ("/%252e%252e/x", "/%2e%2e/x"),
            ("/a/", "/a/"),
            ("/...", "/..."),
            ("/.a/b.", "/.a/b."),
        ] {
            assert_eq!(clean_path(raw).as_deref(), Ok(plain), "{raw}");
        }
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        use PathFault::*;
        for (raw, fault) in [
            ("", NotAbsolute),
            ("*", NotAbsolute),
            ("dists", NotAbsolute),
            ("/%", Escape),
            ("/%4", Escape),
            ("/%g0", Escape),
            ("/%+1", Escape),
            ("/%é", Escape),
            ("/%ff", NotUtf8),
            ("/%c0%ae%c0%ae/", NotUtf8),
            ("/a%00", Control),
            ("/a%0d%0a", Control),
            ("/a%7f", Control),
            ("/a%c2%85", Control),
            ("/a\\b", Backslash),
            ("/..%5cb", Backslash),
            ("/a%2fb", EscapedSlash),
            ("/a%2Fb", EscapedSlash),
            ("/..", Dots),
            ("/a/../b", Dots),
            ("/a/%2e%2E/b", Dots),
            ("/./a", Dots),
            ("/a/.", Dots),
            ("//", EmptySegment),
            ("//a", EmptySegment),
            ("/a//b", EmptySegment),
            ("/a//", EmptySegment),
        ] {
            assert_eq!(clean_path(raw), Err(fault), "{raw}");
        }
        let long = format!("/{}", "a".repeat(PATH_BYTES));
        assert_eq!(clean_path(&long), Err(TooLong));
        assert!(clean_path(&long[..PATH_BYTES]).is_ok());
    }

    proptest! {
        #[test]
        fn any_plain_path_survives_being_written_and_read(
            segments in prop::collection::vec("[^\\x00-\\x1f\\x7f-\\x9f/\\\\]{1,12}", 0..6)
        ) {
            let path = format!("/{}", segments.join("/"));
            prop_assume!(!segments.iter().any(|one| one == "." || one == ".."));
            prop_assert_eq!(clean_path(&encode_path(&path)), Ok(path));
        }

        #[test]
        fn whatever_is_let_through_is_plain_and_stays_the_same(
            raw in "(/|%2e|%2E|\\.|%2f|%00|%25|%c3%a9|%5c|[a-z+~:]|é){0,12}"
        ) {
            let raw = format!("/{raw}");
            if let Ok(path) = clean_path(&raw) {
                prop_assert!(!path.contains("//") && !path.contains('\\'));
                prop_assert!(!path.split('/').any(|one| one == ".." || one == "."));
                prop_assert!(!path.chars().any(char::is_control));
                prop_assert_eq!(clean_path(&encode_path(&path)), Ok(path));
            }
        }

        #[test]
        fn no_text_at_all_makes_it_panic(raw in ".{0,60}") {
            let _ = clean_path(&raw);
        }
    }
}
