//! Strict: follows the bytes of a connection from head to body to head, and says how far they may go on to hyper.
//! What hyper reads has been looked at whole before, so both take the same bytes for a head.

use super::head::{self, BARE, BodyForm, Fault};

/// The longest line of a chunk's size with what is behind it. Unit: bytes.
const SIZE_LINE_BYTES: usize = 1024;
/// The most that all trailers of a body may take. Unit: bytes.
const TRAILER_BYTES: usize = 8 * 1024;

/// Where in the bytes of a connection we are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    Head,
    /// So many bytes of a body are left.
    Sized(u64),
    /// The line before a chunk.
    Size,
    /// So many bytes of a chunk are left.
    Chunk(u64),
    /// The line end behind a chunk.
    ChunkEnd,
    /// Behind the last chunk; so many bytes of trailers may come.
    Trailers(usize),
    /// A head that is too long: hyper says so.
    TooLong,
}

/// How far the bytes may go on.
#[derive(PartialEq, Eq, Debug)]
pub enum Passed {
    /// So many from the first on. Of the others, more has to come first.
    Up(usize),
    /// So many, and then comes a head that is refused.
    Head(usize, Fault),
    /// So many, and then the body under way breaks.
    Body(usize, Fault),
}

/// Follows one connection.
pub struct Strict {
    at: At,
    /// How much of a head that is not whole was searched for its end. Unit: bytes.
    searched: usize,
    header_bytes: usize,
}

impl Strict {
    /// At the beginning of a connection, with the most that a head may have.
    pub fn new(header_bytes: usize) -> Self {
        Self { at: At::Head, searched: 0, header_bytes }
    }

    /// How far `bytes` may go on. They begin with those that did not the last time.
    pub fn pass(&mut self, bytes: &[u8]) -> Passed {
        let mut passed = 0_usize;
        loop {
            let rest = bytes.get(passed..).unwrap_or_default();
            if rest.is_empty() {
                return Passed::Up(passed);
            }
            let in_head = self.at == At::Head;
            match self.step(rest) {
                Ok(0) => return Passed::Up(passed),
                Ok(more) => passed = passed.saturating_add(more),
                Err(fault) if in_head => return Passed::Head(passed, fault),
                Err(fault) => return Passed::Body(passed, fault),
            }
        }
    }

    /// Takes one part of what is there; 0 when it is not whole.
    fn step(&mut self, rest: &[u8]) -> Result<usize, Fault> {
        match self.at {
            At::TooLong => Ok(rest.len()),
            At::Head => self.head(rest),
            At::Sized(left) => {
                let (taken, left) = part(rest, left);
                self.at = if left == 0 { At::Head } else { At::Sized(left) };
                Ok(taken)
            }
            At::Chunk(left) => {
                let (taken, left) = part(rest, left);
                self.at = if left == 0 { At::ChunkEnd } else { At::Chunk(left) };
                Ok(taken)
            }
            At::Size => {
                let Some(line) = line(rest, SIZE_LINE_BYTES)? else { return Ok(0) };
                let bytes = chunk_size(line)?;
                self.at = if bytes == 0 { At::Trailers(TRAILER_BYTES) } else { At::Chunk(bytes) };
                Ok(line.len().saturating_add(2))
            }
            At::ChunkEnd => {
                // It has nothing but its end.
                if line(rest, 0)?.is_none() {
                    return Ok(0);
                }
                self.at = At::Size;
                Ok(2)
            }
            At::Trailers(left) => {
                let Some(line) = line(rest, left)? else { return Ok(0) };
                let bytes = line.len().saturating_add(2);
                self.at = At::Trailers(left.saturating_sub(bytes));
                if line.is_empty() {
                    self.at = At::Head;
                } else {
                    head::field(line)?;
                }
                Ok(bytes)
            }
        }
    }

    fn head(&mut self, rest: &[u8]) -> Result<usize, Fault> {
        let Some(bytes) = end_of_head(rest, self.searched)? else {
            self.searched = rest.len();
            if rest.len() > self.header_bytes {
                self.at = At::TooLong;
                return Ok(rest.len());
            }
            return Ok(0);
        };
        self.searched = 0;
        if bytes > self.header_bytes {
            self.at = At::TooLong;
            return Ok(rest.len());
        }
        self.at = match head::read(rest.get(..bytes).unwrap_or_default())? {
            BodyForm::Sized(0) => At::Head,
            BodyForm::Sized(bytes) => At::Sized(bytes),
            BodyForm::Chunked => At::Size,
        };
        Ok(bytes)
    }
}

/// How many of `rest` belong to a part of which so many bytes are left, and what is left of it then.
fn part(rest: &[u8], left: u64) -> (usize, u64) {
    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
    (taken, left.saturating_sub(taken as u64))
}

/// The length of a head, when it is whole; an empty line at the beginning does not end it.
fn end_of_head(bytes: &[u8], searched: usize) -> Result<Option<usize>, Fault> {
    let feeds = bytes.iter().enumerate().skip(searched).filter(|(_, byte)| **byte == b'\n');
    for (at, _) in feeds {
        let before = bytes.get(..at).unwrap_or_default();
        let Some(line) = before.strip_suffix(b"\r") else { return Err(BARE) };
        if line.ends_with(b"\r\n") {
            return Ok(at.checked_add(1));
        }
    }
    Ok(None)
}

/// The line at the beginning, without its end; `None` when it is not whole.
fn line(bytes: &[u8], most_bytes: usize) -> Result<Option<&[u8]>, Fault> {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
        let too_long = bytes.len() > most_bytes.saturating_add(1);
        return if too_long {
            Err("a chunk, or the line before it, is longer than it says or may be")
        } else {
            Ok(None)
        };
    };
    let line = bytes.get(..end).and_then(|line| line.strip_suffix(b"\r")).ok_or(BARE)?;
    if line.len() > most_bytes {
        return Err("a chunk, or the line before it, is longer than it says or may be");
    }
    Ok(Some(line))
}

/// The size of a chunk, from its line.
fn chunk_size(line: &[u8]) -> Result<u64, Fault> {
    let malformed = "the size of a chunk is not a hexadecimal number";
    if line.iter().any(u8::is_ascii_control) {
        return Err(malformed);
    }
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let is_number = (1..=15).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(digits).ok().filter(|_| is_number).ok_or(malformed)?;
    u64::from_str_radix(text, 16).map_err(|_| malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "GET / HTTP/1.1\r\nHost: a\r\n";

    /// Several requests with every kind of body, one after the other.
    fn requests() -> Vec<u8> {
        let chunks = "5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n";
        format!(
            "{HEAD}\r\n\r\n{HEAD}Content-Length: 4\r\n\r\n\n\r\n\n{HEAD}Transfer-Encoding: chunked\r\n\r\n{chunks}{HEAD}\r\n"
        )
        .into_bytes()
    }

    /// What goes on of bytes that come in pieces, and the fault that ended it.
    fn sent(pieces: &[&[u8]]) -> (Vec<u8>, Option<Fault>) {
        let (mut strict, mut held, mut through) = (Strict::new(1000), Vec::new(), Vec::new());
        for piece in pieces {
            held.extend_from_slice(piece);
            let (up, fault) = match strict.pass(&held) {
                Passed::Up(up) => (up, None),
                Passed::Head(up, fault) | Passed::Body(up, fault) => (up, Some(fault)),
            };
            through.extend(held.drain(..up));
            if fault.is_some() {
                return (through, fault);
            }
        }
        (through, None)
    }

    #[test]
    fn sound_requests_go_on_byte_by_byte_and_all_at_once() {
        let all = requests();
        assert_eq!(sent(&[&all]), (all.clone(), None));
        let single: Vec<&[u8]> = all.chunks(1).collect();
        assert_eq!(sent(&single), (all.clone(), None));
    }

    #[test]
    fn nothing_of_a_head_goes_on_before_it_is_whole() {
        assert_eq!(sent(&[HEAD.as_bytes()]), (Vec::new(), None));
        let (through, fault) = sent(&[HEAD.as_bytes(), b"Host: b\r\n\r\n"]);
        assert_eq!((through.len(), fault), (0, Some("Host is there more than once")));
    }

    #[test]
    fn bad_framing_of_a_body_ends_it() {
        for (body, why) in [
            ("5\nhello\r\n0\r\n\r\n", BARE),
            ("5\r\nhello\n0\r\n\r\n", BARE),
            ("5\r\nhello!\r\n", "longer than it says"),
            ("5 \r\nhello\r\n", "hexadecimal"),
            ("0x5\r\nhello\r\n", "hexadecimal"),
            ("+5\r\nhello\r\n", "hexadecimal"),
            ("-1\r\n", "hexadecimal"),
            ("\r\n", "hexadecimal"),
            ("ffffffffffffffff\r\n", "hexadecimal"),
            ("0\r\nX-Sum : 1\r\n\r\n", "name of a header field"),
            ("0\r\nX-Sum: 1\n\r\n", BARE),
            ("0\r\n folded\r\n\r\n", "several lines"),
        ] {
            let all = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n{body}");
            let (_, fault) = sent(&[all.as_bytes()]);
            let fault = fault.unwrap_or_else(|| panic!("taken: {body:?}"));
            assert!(fault.contains(why), "{body:?}: {fault}");
        }
        let long = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n5;{}", "x".repeat(2_000));
        assert!(sent(&[long.as_bytes()]).1.is_some());
    }

    #[test]
    fn a_head_that_is_too_long_is_left_to_hyper() {
        let long = format!("{HEAD}X: {}", "x".repeat(2_000));
        assert_eq!(sent(&[long.as_bytes()]), (long.clone().into_bytes(), None));
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(cuts in prop::collection::vec(0..250_usize, 0..6)) {
            let all = requests();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(all.len())).collect();
            cuts.extend([0, all.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &all[pair[0]..pair[1]]).collect();
            prop_assert_eq!(sent(&pieces), (all.clone(), None));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = sent(&[HEAD.as_bytes(), b"Transfer-Encoding: chunked\r\n\r\n", &bytes]);
            let _ = sent(&[&bytes]);
        }
    }
}
