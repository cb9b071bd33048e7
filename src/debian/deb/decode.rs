//! The decompressors of the container: one stream each, to its proven end.
//!
//! A stream that stops before its end mark is refused, and so is anything behind the end mark:
//! readers differ on concatenated streams, padding and trailing bytes.

use std::fmt;

use flate2::{Decompress, FlushDecompress, Status};
use liblzma::stream::{Action, Stream, TELL_UNSUPPORTED_CHECK};
use zstd::stream::raw::{DParameter, Decoder as Zstd, Operation as _};

use super::DebError;
use super::source::{BUFFER_BYTES, Source};

/// How a tar member is compressed, as its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    /// Not at all: `control.tar`.
    Plain,
    /// One gzip member: `control.tar.gz`.
    Gz,
    /// One xz stream: `control.tar.xz`.
    Xz,
    /// One zstd frame: `control.tar.zst`.
    Zst,
}

impl Compression {
    /// The compression of `member`, whose name ends with `suffix` behind `.tar`.
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

/// What `source` unpacks to.
pub(super) struct Decoder<S> {
    source: S,
    engine: Engine,
    member: String,
    decoder_bytes: u64,
    input: Vec<u8>,
    /// The part of `input` that the engine has not taken yet.
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

/// What one call of an engine did. Unit: bytes.
struct Step {
    taken: usize,
    made: usize,
    ended: bool,
}

/// Why an engine stopped.
enum Fault {
    Memory,
    Damaged(String),
}

impl<S: Source> Decoder<S> {
    /// A decoder for `source`, the bytes of `member`.
    ///
    /// Limits: `decoder_bytes` bounds the xz dictionary and, rounded down to a power of two, the
    /// zstd window.
    pub fn new(
        source: S,
        member: &str,
        compression: Compression,
        decoder_bytes: u64,
    ) -> Result<Self, DebError> {
        let engine = match compression {
            Compression::Plain => Ok(Engine::Plain),
            Compression::Gz => Ok(Engine::Gz(Decompress::new_gzip(15))),
            Compression::Xz => Stream::new_stream_decoder(decoder_bytes, TELL_UNSUPPORTED_CHECK)
                .map(Engine::Xz)
                .map_err(std::io::Error::from),
            Compression::Zst => zstd_decoder(decoder_bytes).map(Engine::Zst),
        };
        Ok(Self {
            source,
            // An engine that cannot be made is out of memory: our fault, not the sender's.
            engine: engine.map_err(DebError::Read)?,
            member: member.to_owned(),
            decoder_bytes,
            input: vec![0; BUFFER_BYTES],
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

    /// The stream is over: so must the member be.
    fn refuse_trailing(&mut self) -> Result<(), DebError> {
        if self.unread.is_empty() && !self.source_ended {
            self.refill()?;
        }
        if self.unread.is_empty() {
            return Ok(());
        }
        Err(DebError::malformed(&self.member, "bytes follow the end of its compressed stream"))
    }

    fn refuse(&self, fault: Fault) -> DebError {
        match fault {
            Fault::Memory => DebError::TooLarge {
                what: "the memory that unpacking takes, in bytes (`dpkg-deb -Zxz` needs little),",
                limit: self.decoder_bytes,
            },
            Fault::Damaged(problem) => DebError::malformed(&self.member, problem),
        }
    }
}

impl<S: Source> Source for Decoder<S> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, DebError> {
        while !self.ended {
            if self.unread.is_empty() && !self.source_ended {
                self.refill()?;
            }
            let input = self.input.get(self.unread.clone()).unwrap_or_default();
            let stuck_is_error = !input.is_empty();
            let step = self.engine.step(input, into).map_err(|fault| self.refuse(fault))?;
            self.unread.start = self.unread.start.saturating_add(step.taken);
            if step.ended {
                self.ended = true;
                self.refuse_trailing()?;
                return Ok(step.made);
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
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        match self {
            Self::Plain => {
                let length = input.len().min(output.len());
                let (to, _) = output.split_at_mut(length);
                to.copy_from_slice(input.split_at(length).0);
                Ok(Step { taken: length, made: length, ended: false })
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
                let status =
                    xz.process(input, output, Action::Run).map_err(|error| match error {
                        liblzma::stream::Error::MemLimit => Fault::Memory,
                        other => damaged("xz", other),
                    })?;
                let after = (xz.total_in(), xz.total_out());
                let ended = status == liblzma::stream::Status::StreamEnd;
                Ok(Step::between(before, after, ended))
            }
            Self::Zst(zst) => {
                let status = zst.run_on_buffers(input, output).map_err(zstd_fault)?;
                // With no input yet, or all of it taken, 0 would not mean a frame's end.
                let progressed = status.bytes_read > 0 || status.bytes_written > 0;
                Ok(Step {
                    taken: status.bytes_read,
                    made: status.bytes_written,
                    ended: status.remaining == 0 && progressed,
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
        Self { taken, made, ended }
    }
}

fn damaged(format: &str, error: impl fmt::Display) -> Fault {
    Fault::Damaged(format!("its {format} stream is damaged ({error})"))
}

fn zstd_decoder(decoder_bytes: u64) -> std::io::Result<Zstd<'static>> {
    let mut decoder = Zstd::new()?;
    // zstd takes 10 to 31 here; the limit beyond that would be no limit.
    let window_log = decoder_bytes.checked_ilog2().unwrap_or(10).clamp(10, 31);
    decoder.set_parameter(DParameter::WindowLogMax(window_log))?;
    Ok(decoder)
}

fn zstd_fault(error: std::io::Error) -> Fault {
    // The binding hands out the text only. A test holds the two together.
    if error.to_string().contains("too much memory") {
        Fault::Memory
    } else {
        damaged("zstd", error)
    }
}
