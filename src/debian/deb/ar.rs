//! The ar archive around the members of a `.deb`.
//!
//! Source: deb(5); the common format of ar(5), without the long names of GNU and BSD.

use std::io::{ErrorKind, Read};

use super::DebError;
use super::source::{BUFFER_BYTES, Source};

const MAGIC: &[u8; 8] = b"!<arch>\n";
const HEADER_BYTES: usize = 60;
/// What is being read before the first member, for messages.
const WHOLE: &str = "the archive";
/// The prefixes of member names that dpkg and apt look for.
const SOUGHT: [&str; 3] = ["debian-binary", "control.tar", "data.tar"];
const LONG_NAME_CURE: &str = "a .deb has short member names only; build it with `dpkg-deb --build`";

/// An ar archive that is read front to back.
pub(super) struct Archive<R> {
    input: R,
    /// The member being read, for messages.
    current: String,
    /// The rest of that member. Unit: bytes.
    left_bytes: u64,
    /// Whether one byte of padding follows it.
    padded: bool,
}

/// One member's header.
#[derive(Debug)]
pub(super) struct Member {
    /// Its name, printable ASCII, without padding and the one slash that GNU ar appends.
    pub name: String,
    /// Unit: bytes. The sender's claim: nothing may be allocated by it.
    pub size_bytes: u64,
}

/// The bytes of one member; reading ends where the header said.
pub(super) struct Body<'a, R>(&'a mut Archive<R>);

impl<R: Read> Archive<R> {
    /// Checks the magic at the front.
    pub fn begin(input: R) -> Result<Self, DebError> {
        let current = WHOLE.to_owned();
        let mut archive = Self { input, current, left_bytes: 0, padded: false };
        let mut magic = [0; MAGIC.len()];
        let got = archive.fill(&mut magic)?;
        let seen = magic.get(..got).unwrap_or_default();
        if seen == MAGIC {
            Ok(archive)
        } else if MAGIC.starts_with(seen) {
            Err(DebError::cut("the file"))
        } else {
            Err(DebError::NotADeb)
        }
    }

    /// Skips the rest of the current member and reads the next header; `None` at the end.
    pub fn next_member(&mut self) -> Result<Option<Member>, DebError> {
        self.leave_member()?;
        let mut header = [0; HEADER_BYTES];
        match self.fill(&mut header)? {
            0 => return Ok(None),
            HEADER_BYTES => {}
            _ => {
                let place = match &*self.current {
                    WHOLE => "the header of its first member".to_owned(),
                    before => format!("the member header after {before}"),
                };
                return Err(DebError::Truncated { place });
            }
        }
        let member = parse_header(&header)?;
        self.current.clone_from(&member.name);
        self.left_bytes = member.size_bytes;
        self.padded = member.size_bytes % 2 == 1;
        Ok(Some(member))
    }

    /// The bytes of `member`, which must be the current one.
    pub fn body(&mut self, member: Member) -> Body<'_, R> {
        debug_assert_eq!(member.name, self.current);
        Body(self)
    }

    /// All bytes of the current member, whose size the caller has bounded.
    pub fn read_small_member(&mut self, member: &Member) -> Result<Vec<u8>, DebError> {
        debug_assert!(member.size_bytes <= BUFFER_BYTES as u64);
        let mut bytes = Vec::new();
        let mut piece = [0; 256];
        loop {
            let got = self.read_current(&mut piece)?;
            if got == 0 {
                return Ok(bytes);
            }
            bytes.extend_from_slice(piece.get(..got).unwrap_or_default());
        }
    }

    /// Skips all members after the current one, which readers ignore; the archive has to end with
    /// the last.
    ///
    /// deb(5) says to ignore them: debsigs, dpkg-sig and nfpm write their signatures there. dpkg
    /// takes the first member of a name and apt the last, so none may have a name that either looks
    /// for.
    pub fn pass_the_rest(&mut self) -> Result<(), DebError> {
        loop {
            self.leave_member()?;
            let last = self.current.clone();
            let member = match self.next_member() {
                Ok(None) => return Ok(()),
                Ok(Some(member)) => member,
                Err(DebError::Read(error)) => return Err(DebError::Read(error)),
                Err(_) => {
                    let problem = "bytes follow it that belong to no member";
                    return Err(DebError::malformed(&last, problem));
                }
            };
            if SOUGHT.iter().any(|sought| member.name.starts_with(sought)) {
                let problem = "it comes after data.tar, where dpkg and apt read it differently";
                return Err(DebError::malformed(&member.name, problem));
            }
        }
    }

    fn leave_member(&mut self) -> Result<(), DebError> {
        if self.left_bytes > 0 {
            let mut unread = vec![0; BUFFER_BYTES];
            while self.read_current(&mut unread)? > 0 {}
        }
        if self.padded {
            let mut padding = [0; 1];
            if self.fill(&mut padding)? == 0 {
                return Err(DebError::cut(&self.current));
            }
            // deb(5) says a line feed. dpkg and apt skip the byte, whatever it is.
            self.padded = false;
        }
        Ok(())
    }

    fn read_current(&mut self, into: &mut [u8]) -> Result<usize, DebError> {
        let most = usize::try_from(self.left_bytes).unwrap_or(usize::MAX).min(into.len());
        let (window, _) = into.split_at_mut(most);
        if window.is_empty() {
            return Ok(0);
        }
        let got = self.read_some(window)?;
        if got == 0 {
            return Err(DebError::cut(&self.current));
        }
        self.left_bytes = self.left_bytes.saturating_sub(got as u64);
        Ok(got)
    }

    /// Reads until `into` is full or the input ends; returns how many bytes there were.
    fn fill(&mut self, into: &mut [u8]) -> Result<usize, DebError> {
        let mut have = 0_usize;
        loop {
            let rest = into.get_mut(have..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(have);
            }
            let got = self.read_some(rest)?;
            if got == 0 {
                return Ok(have);
            }
            have = have.saturating_add(got);
        }
    }

    fn read_some(&mut self, into: &mut [u8]) -> Result<usize, DebError> {
        loop {
            match self.input.read(into) {
                Ok(got) => return Ok(got.min(into.len())),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(DebError::Read(error)),
            }
        }
    }
}

impl<R: Read> Source for Body<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, DebError> {
        self.0.read_current(into)
    }
}

/// Reads the 60 bytes of a header: name 16, mtime 12, owner 6, group 6, mode 8, size 10, end 2.
fn parse_header(header: &[u8; HEADER_BYTES]) -> Result<Member, DebError> {
    let (name, rest) = header.split_at(16);
    let (numbers, rest) = rest.split_at(32);
    let (size, end) = rest.split_at(10);
    let name = parse_name(name)?;
    if end != b"`\n" {
        return Err(DebError::malformed(&name, "its ar header does not end as one must"));
    }
    // dpkg does not read these four; apt refuses the archive when they are not numbers, the last of
    // them octal.
    let (_, mode) = numbers.split_at(24);
    let octal = !matches!(mode.trim_ascii_start(), [b'8' | b'9', ..]);
    if !octal || !numbers.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | 0)) {
        return Err(DebError::malformed(&name, "its ar header holds something else than numbers"));
    }
    let Some(size_bytes) = parse_size(size) else {
        return Err(DebError::malformed(&name, "its ar header has no plain decimal size"));
    };
    Ok(Member { name, size_bytes })
}

fn parse_name(field: &[u8]) -> Result<String, DebError> {
    let name = field.trim_ascii_end();
    if name.starts_with(b"#1/") || name.starts_with(b"/") {
        let what = "an ar archive with GNU or BSD long member names".to_owned();
        return Err(DebError::Unsupported { what, cure: LONG_NAME_CURE });
    }
    // dpkg and apt both accept the form `control.tar.gz/` that GNU ar writes.
    let name = name.strip_suffix(b"/").unwrap_or(name);
    let plain = |byte: &u8| byte.is_ascii_graphic() && *byte != b'/';
    if name.is_empty() || !name.iter().all(plain) {
        let shown = format!("the ar member \"{}\"", name.escape_ascii());
        return Err(DebError::malformed(&shown, "that is not the name of a member"));
    }
    Ok(name.iter().copied().map(char::from).collect())
}

/// A size in decimal digits, with blanks around it.
///
/// apt reads a number with a leading zero as octal, dpkg as decimal: it is accepted when both are
/// the same.
fn parse_size(field: &[u8]) -> Option<u64> {
    let digits = field.trim_ascii();
    if digits.is_empty() || !field.iter().all(|byte| byte.is_ascii_digit() || *byte == b' ') {
        return None;
    }
    let text = std::str::from_utf8(digits).ok()?;
    let decimal: u64 = text.parse().ok()?;
    let is_one_number = !text.starts_with('0') || u64::from_str_radix(text, 8) == Ok(decimal);
    is_one_number.then_some(decimal)
}
