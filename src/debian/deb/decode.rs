//! The decompressors of the container: one stream each, to its proven end.
//!
//! A stream that stops before its end mark is refused, and so is anything after the end mark except
//! another gzip member: readers differ on concatenated streams of xz and zstd, on padding and on
//! trailing bytes.

use std::fmt;

use flate2::{Decompress, FlushDecompress, Status};
use liblzma::stream::{Action, Stream, TELL_UNSUPPORTED_CHECK};
use zstd::stream::raw::{DParameter, Decoder as Zstd, Operation as _};

use super::DebError;
use super::account::Account;
use super::source::{Source, buffer_bytes};

/// How a tar member is compressed, as its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    /// Not at all: `control.tar`.
    Plain,
    /// gzip members: `control.tar.gz`.
    Gz,
    /// One xz stream: `control.tar.xz`.
    Xz,
    /// One zstd frame: `control.tar.zst`.
    Zst,
}

impl Compression {
    /// The compression of `member`, whose name ends with `suffix` after `.tar`.
    pub fn from_suffix(member: &str, suffix: &str) -> Result<Self, DebError> {
        match suffix {
            "" => Ok(Self::Plain),
            ".gz" => Ok(Self::Gz),
            ".xz" => Ok(Self::Xz),
            ".zst" => Ok(Self::Zst),
            _ => Err(DebError::Unsupported {
                what: format!("the compression of {member}"),
                cure: "repack with `dpkg-deb -Zxz`",
            }),
        }
    }
}

/// The unpacked bytes of `source`.
pub(super) struct Decoder<'l, S> {
    source: S,
    engine: Engine,
    member: String,
    account: &'l Account<'l>,
    input: Vec<u8>,
    /// The part of `input` that the engine has not read yet.
    unread: std::ops::Range<usize>,
    source_ended: bool,
    ended: bool,
}

enum Engine {
    Plain,
    Gz(Decompress),
    Xz(Stream),
    Zst(Zstd<'static>),
}

/// The most that an xz decoder allocates beside its dictionary. Unit: bytes.
const XZ_EXTRA_BYTES: u64 = 256 * 1024;

/// The first byte of a gzip member. Source: RFC 1952, section 2.3.1.
const GZIP_FIRST_BYTE: u8 = 0x1f;

/// The progress of one call of an engine. Unit: bytes.
struct Step {
    taken: usize,
    made: usize,
    ended: bool,
    /// It needs more memory to continue.
    starved: bool,
}

impl<'l, S: Source> Decoder<'l, S> {
    /// A decoder for `source`, the `packed_bytes` of `member`.
    ///
    /// Limits: `account` bounds the xz dictionary and, rounded down to a power of two, the zstd
    /// window.
    pub fn new(
        source: S,
        member: &str,
        compression: Compression,
        packed_bytes: u64,
        account: &'l Account<'l>,
    ) -> Result<Self, DebError> {
        let engine = match compression {
            Compression::Plain => Ok(Engine::Plain),
            Compression::Gz => Ok(Engine::Gz(Decompress::new_gzip(15))),
            // The decoder reports when it knows how much it needs.
            Compression::Xz => Stream::new_stream_decoder(1, TELL_UNSUPPORTED_CHECK)
                .map(Engine::Xz)
                .map_err(std::io::Error::from),
            Compression::Zst => zstd_decoder(account.decoder_most_bytes()).map(Engine::Zst),
        };
        Ok(Self {
            source,
            // An engine that cannot be made is out of memory: our fault, not the sender's.
            engine: engine.map_err(DebError::Read)?,
            member: member.to_owned(),
            account,
            input: vec![0; buffer_bytes(packed_bytes)],
            unread: 0..0,
            source_ended: false,
            ended: false,
        })
    }

    fn refill(&mut self) -> Result<(), DebError> {
        let got = self.source.read(&mut self.input)?;
        self.unread = 0..got;
        self.source_ended = got == 0;
        Ok(())
    }

    /// Reads the front of the stream, from which the zstd window is known, and asks for the memory.
    fn begin(&mut self) -> Result<(), DebError> {
        while self.unread.end < ZSTD_HEADER_MAX_BYTES && !self.source_ended {
            let free = self.input.get_mut(self.unread.end..).unwrap_or_default();
            let got = self.source.read(free)?;
            self.unread.end = self.unread.end.saturating_add(got);
            self.source_ended = got == 0;
        }
        let front = self.input.get(..self.unread.end).unwrap_or_default();
        let window_bytes = zstd_window_bytes(front).unwrap_or(0);
        let limit_bytes = 1 << zstd_window_log(self.account.decoder_most_bytes());
        // The decoder would refuse this too, but without the numbers.
        if window_bytes > limit_bytes {
            return Err(self.too_little(window_bytes.checked_next_power_of_two(), limit_bytes));
        }
        self.account.lend_decoder(window_bytes, &self.member)
    }

    /// Finds out how much memory the xz decoder needs, by steps of its limit, and asks for it.
    fn enlarge(&mut self) -> Result<(), DebError> {
        let Engine::Xz(xz) = &mut self.engine else {
            return Err(DebError::malformed(&self.member, "its stream cannot be unpacked"));
        };
        let most_bytes = self.account.decoder_most_bytes();
        let steps = || (16..40).map(|power| XZ_EXTRA_BYTES.saturating_add(1_u64 << power));
        let within = steps().take_while(|bytes| *bytes < most_bytes).chain([most_bytes]);
        // Sizes beyond the limit are only tried for the message: asking allocates nothing.
        let mut all = within.chain(steps().skip_while(|bytes| *bytes <= most_bytes));
        let fits = all.find(|bytes| xz.set_memlimit(*bytes).is_ok());
        let bytes = match fits {
            Some(bytes) if bytes <= most_bytes => bytes,
            needs => return Err(self.too_little(needs, most_bytes)),
        };
        // The decoder has not allocated this yet; its next step does.
        self.account.lend_decoder(bytes, &self.member)
    }

    /// Continues with the next gzip member after one that ended, if there is one: bgzip and pigz
    /// write many. dpkg and apt read all of them, but only one stream of xz and zstd.
    fn begin_next_member(&mut self) -> Result<bool, DebError> {
        let Engine::Gz(gz) = &mut self.engine else { return Ok(false) };
        if self.unread.is_empty() && !self.source_ended {
            self.unread = 0..self.source.read(&mut self.input)?;
            self.source_ended = self.unread.is_empty();
        }
        let begins = self.input.get(self.unread.clone()).and_then(|rest| rest.first());
        let is_member = begins == Some(&GZIP_FIRST_BYTE);
        if is_member {
            *gz = Decompress::new_gzip(15);
        }
        Ok(is_member)
    }

    /// Refuses bytes after the stream: the member must end with it.
    fn refuse_trailing(&mut self) -> Result<(), DebError> {
        if self.unread.is_empty() && !self.source_ended {
            self.refill()?;
        }
        if self.unread.is_empty() {
            return Ok(());
        }
        Err(DebError::malformed(&self.member, "bytes follow the end of its compressed stream"))
    }

    fn too_little(&self, needs_bytes: Option<u64>, limit_bytes: u64) -> DebError {
        // A need that cannot be expressed is reported as the largest number.
        let needs_bytes = needs_bytes.filter(|bytes| *bytes > limit_bytes).unwrap_or(u64::MAX);
        DebError::Memory { member: self.member.clone(), needs_bytes, limit_bytes }
    }
}

impl<S> Drop for Decoder<'_, S> {
    fn drop(&mut self) {
        // The engine itself is freed a moment later, by the same thread.
        self.account.return_decoder();
    }
}

impl<S: Source> Source for Decoder<'_, S> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, DebError> {
        if matches!(self.engine, Engine::Zst(_)) && self.unread == (0..0) && !self.source_ended {
            self.begin()?;
        }
        while !self.ended {
            if self.unread.is_empty() && !self.source_ended {
                self.refill()?;
            }
            let input = self.input.get(self.unread.clone()).unwrap_or_default();
            let stuck_is_error = !input.is_empty();
            let step = self.engine.step(input, into);
            let step = step.map_err(|problem| DebError::malformed(&self.member, problem))?;
            self.unread.start = self.unread.start.saturating_add(step.taken);
            if step.starved {
                self.enlarge()?;
                continue;
            }
            if step.ended {
                if !self.begin_next_member()? {
                    self.ended = true;
                    self.refuse_trailing()?;
                    return Ok(step.made);
                }
                if step.made == 0 {
                    continue;
                }
            }
            if step.made > 0 {
                return Ok(step.made);
            }
            if step.taken == 0 && stuck_is_error {
                return Err(DebError::malformed(&self.member, "its stream cannot be unpacked"));
            }
            if self.source_ended && self.unread.is_empty() {
                return match self.engine {
                    Engine::Plain => Ok(0),
                    _ => Err(DebError::cut(&self.member)),
                };
            }
        }
        Ok(0)
    }
}

impl Engine {
    /// Unpacks a part of `input`; an error says how the stream is damaged.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, String> {
        match self {
            Self::Plain => {
                let length = input.len().min(output.len());
                let (to, _) = output.split_at_mut(length);
                to.copy_from_slice(input.split_at(length).0);
                Ok(Step { taken: length, made: length, ended: false, starved: false })
            }
            Self::Gz(gz) => {
                let before = (gz.total_in(), gz.total_out());
                let status = gz
                    .decompress(input, output, FlushDecompress::None)
                    .map_err(|error| damaged("gzip", error))?;
                let after = (gz.total_in(), gz.total_out());
                Ok(Step::between(before, after, status == Status::StreamEnd))
            }
            Self::Xz(xz) => {
                let before = (xz.total_in(), xz.total_out());
                use liblzma::stream::{Error, Status};
                let done = xz.process(input, output, Action::Run);
                let after = (xz.total_in(), xz.total_out());
                match done {
                    Ok(status) => Ok(Step::between(before, after, status == Status::StreamEnd)),
                    Err(Error::MemLimit) => {
                        Ok(Step { starved: true, ..Step::between(before, after, false) })
                    }
                    Err(other) => Err(damaged("xz", other)),
                }
            }
            Self::Zst(zst) => {
                let status =
                    zst.run_on_buffers(input, output).map_err(|error| damaged("zstd", error))?;
                // Without progress, 0 does not mean the end of a frame.
                let progressed = status.bytes_read > 0 || status.bytes_written > 0;
                Ok(Step {
                    taken: status.bytes_read,
                    made: status.bytes_written,
                    ended: status.remaining == 0 && progressed,
                    starved: false,
                })
            }
        }
    }
}

impl Step {
    /// The step between two pairs of totals, (in, out).
    fn between(before: (u64, u64), after: (u64, u64), ended: bool) -> Self {
        let difference =
            |from: u64, to: u64| usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
        let (taken, made) = (difference(before.0, after.0), difference(before.1, after.1));
        Self { taken, made, ended, starved: false }
    }
}

fn damaged(format: &str, error: impl fmt::Display) -> String {
    format!("its {format} stream is damaged ({error})")
}

fn zstd_decoder(decoder_bytes: u64) -> std::io::Result<Zstd<'static>> {
    let mut decoder = Zstd::new()?;
    decoder.set_parameter(DParameter::WindowLogMax(zstd_window_log(decoder_bytes)))?;
    Ok(decoder)
}

/// zstd accepts 10 to 31 here, and would ignore a limit outside of that.
fn zstd_window_log(decoder_bytes: u64) -> u32 {
    decoder_bytes.checked_ilog2().unwrap_or(10).clamp(10, 31)
}

/// The longest header of a zstd frame. Source: RFC 8878, section 3.1.1.1.
const ZSTD_HEADER_MAX_BYTES: usize = 18;

/// The window that a zstd frame asks for; `None` when this is not the front of one.
///
/// Source: RFC 8878, section 3.1.1.1.
fn zstd_window_bytes(front: &[u8]) -> Option<u64> {
    let (descriptor, rest) = front.strip_prefix(&[0x28, 0xb5, 0x2f, 0xfd])?.split_first()?;
    let single_segment = descriptor & 0b10_0000 != 0;
    if !single_segment {
        let window = rest.first()?;
        let base = 1_u64 << u32::from(window >> 3).saturating_add(10);
        let eighths = u64::from(window & 0b111);
        return Some(base.saturating_add((base / 8).saturating_mul(eighths)));
    }
    // The whole content is the window, and its size comes after the dictionary's id.
    let id_bytes = [0, 1, 2, 4].get(usize::from(descriptor & 0b11)).copied()?;
    let (size_bytes, more) = match descriptor >> 6 {
        0 => (1, 0),
        1 => (2, 256),
        2 => (4, 0),
        _ => (8, 0),
    };
    let field = rest.get(id_bytes..)?.get(..size_bytes)?;
    let size = field.iter().rev().fold(0_u64, |size, byte| size << 8 | u64::from(*byte));
    Some(size.saturating_add(more))
}
