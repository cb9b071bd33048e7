//! The head of a request, looked at before hyper reads it. What two readers could read differently is refused:
//! hyper takes bare line feeds, several lengths and several hosts, and drops one of two lengths in silence.
//!
//! Source: RFC 9112, sections 2.2, 3.2, 5, 6.1 and 6.3; RFC 9110, sections 5.6.2 and 7.2.

/// How the body behind a head ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyForm {
    /// After so many bytes; none where no length is told.
    Sized(u64),
    /// With a chunk of no bytes.
    Chunked,
}

/// Why a request is refused; the text says which part, and how it is to be.
pub type Fault = &'static str;

/// A line in the head, or in the framing of a body, ends with a line feed alone.
pub(super) const BARE: Fault = "a line ends without CR: lines end with CR and LF";

/// What counts of the fields.
#[derive(Default)]
struct Fields<'h> {
    host: Option<&'h [u8]>,
    length: Option<u64>,
    is_chunked: bool,
}

/// Reads a head up to and with the empty line that ends it, and tells how its body ends. One empty line before it
/// is passed over.
///
/// # Errors
/// [`Fault`], the sender's.
pub fn read(head: &[u8]) -> Result<BodyForm, Fault> {
    let head = head.strip_prefix(b"\r\n").unwrap_or(head);
    let mut lines = lines(head);
    let (target, is_1_1) = request_line(lines.next().unwrap_or_default())?;
    let mut fields = Fields::default();
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = field(line)?;
        note(&mut fields, name, value)?;
    }
    let host = fields.host.ok_or("Host is missing: every request names the server once")?;
    fits(target, host)?;
    match (fields.is_chunked, fields.length) {
        (true, Some(_)) => Err("Content-Length beside Transfer-Encoding: send one of them"),
        (true, None) if !is_1_1 => Err("Transfer-Encoding: there is none in HTTP/1.0"),
        (true, None) => Ok(BodyForm::Chunked),
        (false, length) => Ok(BodyForm::Sized(length.unwrap_or(0))),
    }
}

/// The lines of a head, which end with CR and LF; the last one is empty.
fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// The target, and whether the version is 1.1.
fn request_line(line: &[u8]) -> Result<(&[u8], bool), Fault> {
    let mut parts = line.split(|byte| *byte == b' ');
    let malformed = "the request line is malformed: METHOD TARGET HTTP/1.1, one blank between them";
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(malformed);
    };
    if !is_token(method) || target.is_empty() || target.iter().any(u8::is_ascii_control) {
        return Err(malformed);
    }
    match version {
        b"HTTP/1.1" => Ok((target, true)),
        b"HTTP/1.0" => Ok((target, false)),
        _ => Err("this server speaks HTTP/1.1"),
    }
}

/// A line of the header, or of the trailers, as name and value.
pub(super) fn field(line: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    if line.first().is_some_and(|first| matches!(first, b' ' | b'\t')) {
        return Err("a header field goes on over several lines: write it in one");
    }
    let colon = line.iter().position(|byte| *byte == b':');
    let colon = colon.ok_or("a header field has no colon")?;
    let (name, value) = line.split_at_checked(colon).unwrap_or_default();
    if !is_token(name) {
        return Err(
            "the name of a header field has a blank or another character that none may have",
        );
    }
    let value = value.get(1..).unwrap_or_default();
    if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Err("the value of a header field holds a control character");
    }
    Ok((name, value.trim_ascii()))
}

fn note<'h>(fields: &mut Fields<'h>, name: &[u8], value: &'h [u8]) -> Result<(), Fault> {
    if name.eq_ignore_ascii_case(b"host") {
        if fields.host.replace(value).is_some() {
            return Err("Host is there more than once");
        }
        if !is_host(value) {
            return Err("Host is not a name or an address with an optional port");
        }
    } else if name.eq_ignore_ascii_case(b"content-length") {
        let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(value).ok().filter(|_| is_number);
        let number = number.and_then(|text| text.parse().ok());
        let number = number.ok_or("Content-Length is not one whole number")?;
        if fields.length.replace(number).is_some() {
            return Err("Content-Length is there more than once");
        }
    } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
        if std::mem::replace(&mut fields.is_chunked, true) {
            return Err("Transfer-Encoding is there more than once");
        }
        if !value.eq_ignore_ascii_case(b"chunked") {
            return Err("Transfer-Encoding: only chunked is taken, and nothing before it");
        }
    }
    Ok(())
}

/// Whether the target is a path, or names the server as Host does.
fn fits(target: &[u8], host: &[u8]) -> Result<(), Fault> {
    if target.starts_with(b"/") || target == b"*" {
        return Ok(());
    }
    let lower = target.to_ascii_lowercase();
    let behind = lower.strip_prefix(b"https://").or_else(|| lower.strip_prefix(b"http://"));
    let authority = behind.and_then(|rest| rest.split(|byte| b"/?#".contains(byte)).next());
    match authority {
        Some(authority) if authority.eq_ignore_ascii_case(host) => Ok(()),
        Some(_) => Err("the request line names another server than Host"),
        None => Err("the target of the request is no path: this server is no proxy"),
    }
}

/// `name`, `name:port`, `[v6]` or `[v6]:port`.
fn is_host(text: &[u8]) -> bool {
    let (name, port) = match text.strip_prefix(b"[") {
        Some(rest) => {
            let Some(end) = rest.iter().position(|byte| *byte == b']') else { return false };
            let (address, port) = rest.split_at_checked(end).unwrap_or_default();
            let plain = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
            if !address.iter().all(plain) {
                return false;
            }
            (address, port.get(1..).unwrap_or_default())
        }
        None => {
            let end = text.iter().position(|byte| *byte == b':').unwrap_or(text.len());
            let (name, port) = text.split_at_checked(end).unwrap_or_default();
            let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(byte);
            if !name.iter().all(plain) {
                return false;
            }
            (name, port)
        }
    };
    let digits = |port: &[u8]| port.len() <= 5 && port.iter().all(u8::is_ascii_digit);
    !name.is_empty() && (port.is_empty() || port.strip_prefix(b":").is_some_and(digits))
}

/// Source: RFC 9110, section 5.6.2.
fn is_token(text: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(allowed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(line: &str, fields: &[&str]) -> Vec<u8> {
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        format!("{line}\r\n{fields}\r\n").into_bytes()
    }

    #[test]
    fn what_apt_curl_and_repoctl_send_is_read() {
        let host = "Host: repo.example.org:8443";
        let get = "GET /dists/stable/InRelease HTTP/1.1";
        for (line, fields, form) in [
            (get, vec![host, "User-Agent: Debian APT-HTTP/1.3 (2.6.1)"], BodyForm::Sized(0)),
            (get, vec!["host:[::1]:8443", "accept:*/*", "X-Empty:"], BodyForm::Sized(0)),
            ("GET / HTTP/1.0", vec!["Host: 127.0.0.1"], BodyForm::Sized(0)),
            ("PUT /x HTTP/1.1", vec![host, "Content-Length: 17"], BodyForm::Sized(17)),
            ("PUT /x HTTP/1.1", vec![host, "transfer-encoding:  Chunked "], BodyForm::Chunked),
            ("OPTIONS * HTTP/1.1", vec![host], BodyForm::Sized(0)),
            ("GET https://Repo.example.org:8443/x HTTP/1.1", vec![host], BodyForm::Sized(0)),
        ] {
            assert_eq!(read(&head(line, &fields)), Ok(form), "{line} {fields:?}");
        }
        let after_an_empty_line = [b"\r\n".to_vec(), head(get, &[host])].concat();
        assert_eq!(read(&after_an_empty_line), Ok(BodyForm::Sized(0)));
    }

    #[test]
    fn hosts_are_names_or_addresses_with_a_port() {
        for good in ["a", "a.b-c_d", "192.0.2.1:80", "[2001:db8::1]", "[::1]:8443", "a:"] {
            assert!(is_host(good.as_bytes()), "{good}");
        }
        for bad in [
            "", ":80", "a b", "a,b", "a/b", "u@a", "a:x", "a:123456", "[::1", "[::1]x", "[x]",
            "a:1:2",
        ] {
            assert!(!is_host(bad.as_bytes()), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
            let _ = field(&bytes);
        }
    }
}
