//! Tar, block by block: headers with verified checksums, bodies, and a verified end.
//!
//! Source: deb(5): old-style (v7), ustar and the old GNU format, as dpkg's `lib/dpkg/tarfn.c` reads
//! them.

use super::DebError;
use super::source::Source;

/// Unit: bytes.
pub(super) const BLOCK_BYTES: usize = 512;

/// For an archive whose stream is whole but whose writer never finished it; sending it again does
/// not help.
const NO_END_MARK: &str = "it lacks the end mark, two blocks of zeros, which a tar writer adds when it is closed; \
                           let the program that packs it finish the archive";

/// A tar archive that is read front to back.
pub(super) struct TarReader<S> {
    source: S,
    member: String,
    buffer: Vec<u8>,
    /// The part of `buffer` that was not returned yet.
    unread: std::ops::Range<usize>,
    source_ended: bool,
    handed_out_bytes: u64,
}

/// What tar calls the type of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
    File,
    HardLink,
    SymbolicLink,
    CharacterDevice,
    BlockDevice,
    Directory,
    Fifo,
    /// The body is the name of the next entry.
    GnuLongName,
    /// The body is the link target of the next entry.
    GnuLongLink,
    /// POSIX records for the next entry.
    PaxRecords,
    /// POSIX records for all further entries.
    PaxGlobalRecords,
    /// Anything else, by its type byte.
    Other(u8),
}

/// One header.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The name, with the prefix of a ustar header in front of it.
    pub name: Vec<u8>,
    /// The target of a link.
    pub link: Vec<u8>,
    pub kind: EntryKind,
    /// Length of the body. Unit: bytes. The sender's claim: nothing may be allocated by it.
    pub size_bytes: u64,
    /// Whether any field was used that some readers do not know: a prefix, a base-256 number, bytes
    /// after the end of the name or of the header, device numbers that are no numbers.
    pub extended: bool,
}

impl<S: Source> TarReader<S> {
    /// A reader of `source`, the unpacked bytes of `member`, that reads `buffer_bytes` at once.
    pub fn new(source: S, member: String, buffer_bytes: usize) -> Self {
        let buffer = vec![0; buffer_bytes.max(BLOCK_BYTES)];
        Self { source, member, buffer, unread: 0..0, source_ended: false, handed_out_bytes: 0 }
    }

    /// How much was read so far, all headers and padding included. Unit: bytes.
    pub fn unpacked_bytes(&self) -> u64 {
        self.handed_out_bytes
    }

    /// A refusal of this archive.
    pub fn malformed(&self, problem: impl Into<std::borrow::Cow<'static, str>>) -> DebError {
        DebError::malformed(&self.member, problem)
    }

    /// The next header; `None` once the end mark was read and nothing follows it.
    pub fn next_header(&mut self, limit: TarLimit) -> Result<Option<Header>, DebError> {
        if self.fill(BLOCK_BYTES)? == 0 {
            return Err(self.malformed(NO_END_MARK));
        }
        let block = self.next_block(limit)?;
        if block.iter().any(|byte| *byte != 0) {
            let header = parse_header(&block).map_err(|problem| self.malformed(problem))?;
            return Ok(Some(header));
        }
        if self.fill(BLOCK_BYTES)? == 0 {
            return Err(self.malformed(NO_END_MARK));
        }
        let second = self.next_block(limit)?;
        let mut clean = second.iter().all(|byte| *byte == 0);
        while clean && self.fill(1)? > 0 {
            clean = self.next_block(limit)?.iter().all(|byte| *byte == 0);
        }
        if clean { Ok(None) } else { Err(self.malformed("bytes follow its end mark")) }
    }

    /// Skips a body of `size_bytes` and its padding; `on_bytes` gets each piece.
    pub fn read_body(
        &mut self,
        size_bytes: u64,
        limit: TarLimit,
        mut on_bytes: impl FnMut(&[u8]),
    ) -> Result<(), DebError> {
        let mut left = size_bytes;
        // Refused before any work, because the body alone would exceed the limit.
        if self.handed_out_bytes.saturating_add(left) > limit.bytes {
            return Err(limit.exceeded());
        }
        while left > 0 {
            let have = self.fill(BLOCK_BYTES)?;
            let whole_blocks = have.saturating_sub(have % BLOCK_BYTES);
            if whole_blocks == 0 {
                return Err(DebError::cut(&self.member));
            }
            let wanted = left.checked_next_multiple_of(BLOCK_BYTES as u64).unwrap_or(u64::MAX);
            let length = usize::try_from(wanted).unwrap_or(usize::MAX).min(whole_blocks);
            let end = self.unread.start.saturating_add(length);
            let piece = self.buffer.get(self.unread.start..end).unwrap_or_default();
            let content = usize::try_from(left).unwrap_or(usize::MAX).min(length);
            on_bytes(piece.get(..content).unwrap_or_default());
            left = left.saturating_sub(length as u64);
            self.hand_out(length, limit)?;
        }
        Ok(())
    }

    /// What is read: `data.tar.xz`.
    pub fn member(&self) -> &str {
        &self.member
    }

    /// A body that is held in memory; `None` when it is longer than `most_bytes`.
    pub fn read_small_body(
        &mut self,
        size_bytes: u64,
        most_bytes: u64,
        limit: TarLimit,
    ) -> Result<Option<Vec<u8>>, DebError> {
        if size_bytes > most_bytes {
            return Ok(None);
        }
        let mut body = Vec::new();
        self.read_body(size_bytes, limit, |piece| body.extend_from_slice(piece))?;
        Ok(Some(body))
    }

    fn next_block(&mut self, limit: TarLimit) -> Result<[u8; BLOCK_BYTES], DebError> {
        self.fill(BLOCK_BYTES)?;
        let unread = self.buffer.get(self.unread.clone()).unwrap_or_default();
        let Some(block) = unread.first_chunk::<BLOCK_BYTES>().copied() else {
            // The compressed stream is whole, so the program that wrote the archive stopped too
            // early.
            return Err(DebError::cut(&self.member));
        };
        self.hand_out(BLOCK_BYTES, limit)?;
        Ok(block)
    }

    fn hand_out(&mut self, length: usize, limit: TarLimit) -> Result<(), DebError> {
        self.unread.start = self.unread.start.saturating_add(length);
        self.handed_out_bytes = self.handed_out_bytes.saturating_add(length as u64);
        if self.handed_out_bytes > limit.bytes { Err(limit.exceeded()) } else { Ok(()) }
    }

    /// Reads until at least `wanted` bytes are there or the source ends; returns how many are
    /// there.
    fn fill(&mut self, wanted: usize) -> Result<usize, DebError> {
        if self.unread.len() >= wanted {
            return Ok(self.unread.len());
        }
        self.buffer.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        while self.unread.len() < wanted && !self.source_ended {
            let free = self.buffer.get_mut(self.unread.end..).unwrap_or_default();
            let got = self.source.read(free)?;
            self.unread.end = self.unread.end.saturating_add(got);
            self.source_ended = got == 0;
        }
        Ok(self.unread.len())
    }
}

/// How far one archive may be unpacked.
#[derive(Debug, Clone, Copy)]
pub(super) struct TarLimit {
    /// Unit: bytes.
    pub bytes: u64,
    /// What is too large above that, for the message.
    pub what: &'static str,
}

impl TarLimit {
    fn exceeded(self) -> DebError {
        DebError::TooLarge { what: self.what, limit: self.bytes }
    }
}

impl EntryKind {
    fn of(byte: u8) -> Self {
        match byte {
            b'0' | 0 => Self::File,
            b'1' => Self::HardLink,
            b'2' => Self::SymbolicLink,
            b'3' => Self::CharacterDevice,
            b'4' => Self::BlockDevice,
            b'5' => Self::Directory,
            b'6' => Self::Fifo,
            b'L' => Self::GnuLongName,
            b'K' => Self::GnuLongLink,
            b'x' => Self::PaxRecords,
            b'g' => Self::PaxGlobalRecords,
            other => Self::Other(other),
        }
    }
}

/// Reads one header block.
fn parse_header(block: &[u8; BLOCK_BYTES]) -> Result<Header, &'static str> {
    let field = |at: usize, length: usize| block.get(at..).and_then(|rest| rest.get(..length));
    let field = |at, length| field(at, length).unwrap_or_default();
    if parse_octal(field(148, 8)) != Some(checksum(block)) {
        return Err("the checksum of a tar header is wrong");
    }
    // dpkg compares six bytes, and takes anything else for old-style. The version after them is
    // read by nobody.
    let is_ustar = match field(257, 6) {
        b"ustar\x00" => true,
        b"ustar " | [0, 0, 0, 0, 0, 0] => false,
        _ => return Err("a tar header is neither ustar, GNU nor old-style; dpkg-deb writes GNU"),
    };
    let size = field(124, 12);
    let has_digit = size.iter().any(u8::is_ascii_digit);
    let base_256 = parse_base_256(size);
    let size_bytes = match base_256 {
        Some(size_bytes) => size_bytes,
        None => parse_octal(size).filter(|_| has_digit).ok_or("a tar header has no valid size")?,
    };
    // Mode, owner, group and time do not matter here, but dpkg fails on them when installing.
    for (at, length) in [(100, 8), (108, 8), (116, 8), (136, 12)] {
        let number = field(at, length);
        if !matches!(number, [0x80 | 0xff, ..]) && parse_octal(number).is_none() {
            return Err("a tar header holds something else than a number");
        }
    }
    let (name_field, prefix_field) = (field(0, 100), field(345, 155));
    let mut name = until_nul(name_field).to_vec();
    let prefix = until_nul(prefix_field);
    if is_ustar && !prefix.is_empty() {
        name = [prefix, b"/", &name].concat();
    }
    // apt reads the numbers of a device in every header, dpkg only in those of devices.
    let is_octal = |number: &[u8]| number.trim_ascii().is_empty() || parse_octal(number).is_some();
    let device_is_odd = !is_octal(field(329, 8)) || !is_octal(field(337, 8));
    let tail_is_used = field(345, 167).iter().any(|byte| *byte != 0);
    let name_tail_is_used = name_field.iter().skip_while(|byte| **byte != 0).any(|byte| *byte != 0);
    Ok(Header {
        name,
        link: until_nul(field(157, 100)).to_vec(),
        kind: EntryKind::of(field(156, 1).first().copied().unwrap_or(0)),
        size_bytes,
        extended: base_256.is_some() || tail_is_used || name_tail_is_used || device_is_odd,
    })
}

/// The sum of all bytes, with the checksum field itself read as blanks.
fn checksum(block: &[u8; BLOCK_BYTES]) -> u64 {
    let sum = |bytes: &[u8]| -> u64 { bytes.iter().map(|byte| u64::from(*byte)).sum() };
    let own = sum(block.get(148..156).unwrap_or_default());
    sum(block).saturating_sub(own).saturating_add(8 * 32)
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// An octal number: blanks, digits, then only blanks and NULs, as dpkg reads it.
///
/// A field of NULs is 0, a field of blanks is no number.
fn parse_octal(field: &[u8]) -> Option<u64> {
    let start = field.iter().position(|byte| *byte != b' ')?;
    let rest = field.get(start..)?;
    let end = rest.iter().position(|byte| matches!(byte, 0 | b' ')).unwrap_or(rest.len());
    let (digits, padding) = rest.split_at_checked(end)?;
    if !padding.iter().all(|byte| matches!(byte, 0 | b' ')) {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| match digit {
        b'0'..=b'7' => number.checked_mul(8)?.checked_add(u64::from(digit & 7)),
        _ => None,
    })
}

/// A positive base-256 number, which begins with the byte 0x80.
fn parse_base_256(field: &[u8]) -> Option<u64> {
    let digits = field.strip_prefix(&[0x80])?;
    digits
        .iter()
        .try_fold(0_u64, |number, digit| number.checked_mul(256)?.checked_add(u64::from(*digit)))
}
