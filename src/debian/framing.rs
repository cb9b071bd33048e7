//! Compression framing of index files: chunks are compressed one by one and joined unchanged.
//!
//! A gzip file is one member, because many readers stop silently after the first of several. Its
//! deflate stream is joined from runs of blocks that were made one by one and end on a byte
//! boundary. An xz file is one stream of many blocks: apt stops silently after the first of several
//! streams.
//!
//! Source: RFC 1952 (gzip), RFC 1951 (deflate), the .xz file format 1.1.0.

use std::io::Read as _;

use flate2::{Compress, Compression, FlushCompress, Status};
use liblzma::stream::{Action, Check, Filters, LzmaOptions, Stream};

/// The gzip level of all index chunks: higher ones are slower and not smaller on such text.
const GZIP_LEVEL: u32 = 6;

/// The first bytes of every gzip file here: deflate, no flags, no time, no named operating system.
pub const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// The gzip file of no chunks: one member without content.
pub const EMPTY_GZIP: [u8; 20] =
    [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// The deflate block that ends a stream: the last one, without content. RFC 1951, 3.2.3.
const LAST_BLOCK: [u8; 2] = [3, 0];

/// The end of a run of deflate blocks: a stored block without content, flushed to the byte. RFC
/// 1951, 3.2.4.
const FLUSHED: [u8; 4] = [0, 0, 0xff, 0xff];

/// The size of the result of [`gzip_tail`]. Unit: bytes.
const GZIP_TAIL_BYTES: usize = 10;

/// How much a run grows by when it becomes a member of its own. Unit: bytes.
pub const GZIP_FRAME_BYTES: u32 = 20;

/// The first bytes of every xz file here: the magic, and CRC32 as the check of each block.
///
/// Readers must know CRC32, and apt compares SHA-256 sums besides.
pub const XZ_HEADER: [u8; 12] = [0xfd, b'7', b'z', b'X', b'Z', 0, 0, 1, 0x69, 0x22, 0xde, 0x36];

/// The xz preset for index chunks: the default of `xz` itself.
///
/// Units: 0 (fast) to 9. Lower presets are several times faster and some 20 % larger.
pub const XZ_DEFAULT_PRESET: u32 = 6;

const XZ_FOOTER_BYTES: usize = 12;
const XZ_FOOTER_MAGIC: [u8; 2] = *b"YZ";

/// A chunk could not be framed or unpacked. Always ours: chunks are never a sender's bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// An xz block cannot be empty, and a file of no chunks needs none.
    #[error("a chunk without content cannot be an xz block; leave it out of the file")]
    EmptyChunk,

    /// There is no such xz preset.
    #[error("{0} is no xz preset; use 0 to 9")]
    Preset(u32),

    /// The xz encoder failed, or wrote a stream of another shape than one block.
    #[error("the xz encoder did not write one block: {0}; try again with more free memory")]
    Xz(&'static str),

    /// Stored bytes are no longer the gzip run or member that was written.
    #[error("a stored gzip chunk is damaged: {0}; restore it from a backup or publish again")]
    Gzip(&'static str),
}

/// One block of an xz stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XzBlock {
    /// The block as it is in the file, padded to a multiple of four.
    pub bytes: Vec<u8>,
    /// Its size without padding, which is in the index of the file. Unit: bytes.
    pub unpadded_bytes: u64,
    /// The size of what it unpacks to. Unit: bytes.
    pub plain_bytes: u64,
}

/// A run of deflate blocks that refers to nothing before it, is not the end of its stream, and ends
/// on a byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GzipRun {
    /// The blocks.
    pub bytes: Vec<u8>,
    /// The CRC-32 of what they unpack to.
    pub crc32: u32,
}

/// One run that unpacks to `plain`.
///
/// Shape: the same bytes for the same input. `GZIP_HEADER`, any number of runs, and [`gzip_tail`]
/// of them in order are one gzip file of one member. Level 6, no time, no name.
///
/// Source: RFC 1951, RFC 1952.
pub fn gzip_run(plain: &[u8]) -> GzipRun {
    let bytes = deflate(plain, FlushCompress::Full)
        .filter(|run| run.ends_with(&FLUSHED))
        .unwrap_or_else(|| deflate_stored(plain));
    GzipRun { bytes, crc32: crc32fast::hash(plain) }
}

/// The end of a gzip file of these runs: the last block, the CRC-32 and the size of all.
///
/// Shape: each run is (CRC-32, plain size), in the order of the file; none is allowed. Unit: bytes.
///
/// Source: RFC 1952, 2.3.1.
pub fn gzip_tail(runs: impl IntoIterator<Item = (u32, u64)>) -> [u8; GZIP_TAIL_BYTES] {
    let mut whole = crc32fast::Hasher::new();
    let mut plain_bytes = 0_u64;
    for (crc32, bytes) in runs {
        whole.combine(&crc32fast::Hasher::new_with_initial_len(crc32, bytes));
        plain_bytes = plain_bytes.wrapping_add(bytes);
    }
    let [last, end] = LAST_BLOCK;
    let [a, b, c, d] = whole.finalize().to_le_bytes();
    // RFC 1952 wants the size modulo 2^32.
    let [e, f, g, h, ..] = plain_bytes.to_le_bytes();
    [last, end, a, b, c, d, e, f, g, h]
}

/// A run as a gzip member of its own, which holds `plain_bytes`.
pub fn member_of_run(run: &[u8], crc32: u32, plain_bytes: u64) -> Vec<u8> {
    [&GZIP_HEADER[..], run, &gzip_tail([(crc32, plain_bytes)])].concat()
}

/// One gzip member that unpacks to `plain`.
///
/// Shape: the same bytes for the same input. Level 6, no time, no name.
///
/// Source: RFC 1952.
pub fn gzip_member(plain: &[u8]) -> Vec<u8> {
    let body = deflate(plain, FlushCompress::Finish)
        .unwrap_or_else(|| [deflate_stored(plain), LAST_BLOCK.to_vec()].concat());
    let [size @ .., _, _, _, _] = (plain.len() as u64).to_le_bytes();
    [&GZIP_HEADER[..], &body, &crc32fast::hash(plain).to_le_bytes(), &size].concat()
}

/// Compresses `plain` to the end of the stream or to a flush. `None` should the library fail, which
/// gives no reason.
fn deflate(plain: &[u8], flush: FlushCompress) -> Option<Vec<u8>> {
    const ROOM_BYTES: usize = 64 * 1024;
    let mut compress = Compress::new(Compression::new(GZIP_LEVEL), false);
    let mut body = Vec::new();
    loop {
        let taken = usize::try_from(compress.total_in()).ok()?;
        let before = (taken, body.len());
        body.reserve(ROOM_BYTES);
        let rest = plain.get(taken..)?;
        let status = compress.compress_vec(rest, &mut body, flush).ok()?;
        let taken = usize::try_from(compress.total_in()).ok()?;
        // A flush is complete once the output buffer has room left.
        let is_flushed =
            flush == FlushCompress::Full && taken == plain.len() && body.len() < body.capacity();
        if status == Status::StreamEnd || is_flushed {
            return Some(body);
        }
        if before == (taken, body.len()) {
            return None;
        }
    }
}

/// A run stored without compression, which cannot fail: RFC 1951, 3.2.4.
fn deflate_stored(plain: &[u8]) -> Vec<u8> {
    let mut run = Vec::new();
    for piece in plain.chunks(usize::from(u16::MAX)).chain([&[][..]]) {
        let length = u16::try_from(piece.len()).unwrap_or(u16::MAX);
        run.push(0);
        run.extend(length.to_le_bytes());
        run.extend((!length).to_le_bytes());
        run.extend(piece);
    }
    run
}

/// Unpacks what [`gzip_run`] made.
///
/// Limits: `plain_bytes` is the size before packing; more is never unpacked, less is refused.
///
/// # Errors
/// [`FramingError::Gzip`] when `bytes` are not exactly one whole run of that size and CRC-32
/// (ours).
pub fn gunzip_run(bytes: &[u8], plain_bytes: u64, crc32: u32) -> Result<Vec<u8>, FramingError> {
    let mut decoder = flate2::bufread::DeflateDecoder::new(bytes.chain(&LAST_BLOCK[..]));
    let plain = unpacked(&mut decoder, plain_bytes)?;
    if crc32fast::hash(&plain) != crc32 {
        return Err(FramingError::Gzip("its content is not the one recorded"));
    }
    let (run, end) = decoder.into_inner().into_inner();
    if !run.is_empty() || !end.is_empty() {
        return Err(FramingError::Gzip("bytes follow it"));
    }
    Ok(plain)
}

/// Unpacks what [`gzip_member`] made.
///
/// Limits: `plain_bytes` is the size before packing; more is never unpacked, less is refused.
///
/// # Errors
/// [`FramingError::Gzip`] when `bytes` are not exactly one whole member of that size (ours).
pub fn gunzip_member(bytes: &[u8], plain_bytes: u64) -> Result<Vec<u8>, FramingError> {
    let mut decoder = flate2::bufread::GzDecoder::new(bytes);
    let plain = unpacked(&mut decoder, plain_bytes)?;
    if !decoder.into_inner().is_empty() {
        return Err(FramingError::Gzip("bytes follow it"));
    }
    Ok(plain)
}

/// The output of a decoder, which must be exactly `plain_bytes`.
fn unpacked(decoder: impl std::io::Read, plain_bytes: u64) -> Result<Vec<u8>, FramingError> {
    let mut plain = Vec::new();
    // One byte more than expected, so that the decoder reaches and checks the end.
    let read = decoder.take(plain_bytes.saturating_add(1)).read_to_end(&mut plain);
    read.map_err(|_| FramingError::Gzip("it does not unpack"))?;
    match plain.len() as u64 == plain_bytes {
        true => Ok(plain),
        false => Err(FramingError::Gzip("its size is not the one recorded")),
    }
}

/// One xz block that unpacks to `plain`.
///
/// Shape: `XZ_HEADER`, any number of blocks, and [`xz_tail`] of them in order are one xz file.
/// Limits: takes about 11 times the size of `plain` in memory, up to 100 MiB; a reader needs a
/// dictionary no larger than `plain`.
///
/// # Errors
/// [`FramingError::EmptyChunk`], [`FramingError::Preset`]: the caller's fault.
/// [`FramingError::Xz`]: the encoder's.
///
/// Source: the .xz file format, sections 2 to 4.
pub fn xz_block(plain: &[u8], preset: u32) -> Result<XzBlock, FramingError> {
    if plain.is_empty() {
        return Err(FramingError::EmptyChunk);
    }
    let plain_bytes = plain.len() as u64;
    let stream = xz_stream(plain, preset)?;
    let unpadded_bytes =
        only_record(&stream).ok_or(FramingError::Xz("its index has another shape"))?;
    // Everything around the block must be what this module would write itself, checksums included.
    let tail = xz_tail([(unpadded_bytes, plain_bytes)]);
    let block = stream
        .strip_prefix(&XZ_HEADER)
        .and_then(|rest| rest.strip_suffix(tail.as_slice()))
        .ok_or(FramingError::Xz("its header or index is not the expected one"))?;
    if Some(block.len() as u64) != unpadded_bytes.checked_next_multiple_of(4) {
        return Err(FramingError::Xz("its block has another size than its index says"));
    }
    Ok(XzBlock { bytes: block.to_vec(), unpadded_bytes, plain_bytes })
}

/// A whole xz stream of `plain`, made by the library.
fn xz_stream(plain: &[u8], preset: u32) -> Result<Vec<u8>, FramingError> {
    const ROOM_BYTES: usize = 64 * 1024;
    const MOST_DICTIONARY_BYTES: usize = 8 * 1024 * 1024;
    let mut options = LzmaOptions::new_preset(preset).map_err(|_| FramingError::Preset(preset))?;
    // A dictionary larger than the chunk would only cost memory, here and in every reader.
    let dictionary = plain.len().clamp(4096, MOST_DICTIONARY_BYTES).next_power_of_two();
    options.dict_size(u32::try_from(dictionary).unwrap_or(u32::MAX));
    let mut filters = Filters::new();
    filters.lzma2(&options);
    let mut encoder = Stream::new_stream_encoder(&filters, Check::Crc32)
        .map_err(|_| FramingError::Xz("it could not be set up"))?;
    let mut stream = Vec::new();
    loop {
        let taken = usize::try_from(encoder.total_in()).unwrap_or(usize::MAX);
        let rest = plain.get(taken..).unwrap_or_default();
        stream.reserve(ROOM_BYTES);
        match encoder.process_vec(rest, &mut stream, Action::Finish) {
            Ok(liblzma::stream::Status::StreamEnd) => return Ok(stream),
            Ok(liblzma::stream::Status::Ok) => {}
            _ => return Err(FramingError::Xz("it stopped")),
        }
    }
}

/// The unpadded size in the index of a stream that has one block.
fn only_record(stream: &[u8]) -> Option<u64> {
    let (rest, footer) = stream.split_at_checked(stream.len().checked_sub(XZ_FOOTER_BYTES)?)?;
    let backward_size = u32::from_le_bytes(footer.get(4..8)?.try_into().ok()?);
    let index_bytes = usize::try_from(backward_size).ok()?.checked_add(1)?.checked_mul(4)?;
    let index = rest.get(rest.len().checked_sub(index_bytes)?..)?;
    // The index indicator is 0, then come the number of records and the first record.
    read_number(index.strip_prefix(&[0, 1])?)
}

/// The end of an xz stream of these blocks: its index and its footer.
///
/// Shape: each block is (unpadded size, plain size), in the order of the file; none is allowed.
/// Units: bytes.
///
/// Source: the .xz file format, sections 2.1.2 and 4.
pub fn xz_tail(blocks: impl IntoIterator<Item = (u64, u64)>) -> Vec<u8> {
    let mut records = Vec::new();
    let mut count = 0_u64;
    for (unpadded_bytes, plain_bytes) in blocks {
        count = count.saturating_add(1);
        write_number(&mut records, unpadded_bytes);
        write_number(&mut records, plain_bytes);
    }
    let mut tail = vec![0];
    write_number(&mut tail, count);
    tail.extend(records);
    tail.resize(tail.len().next_multiple_of(4), 0);
    tail.extend(crc32fast::hash(&tail).to_le_bytes());

    // The footer counts the index in units of four, less one; an index of 16 GiB never occurs.
    let units = u32::try_from(tail.len() / 4).unwrap_or(u32::MAX).saturating_sub(1);
    let flags = [0, 1];
    let counted = [&units.to_le_bytes()[..], &flags].concat();
    tail.extend(crc32fast::hash(&counted).to_le_bytes());
    tail.extend(counted);
    tail.extend(XZ_FOOTER_MAGIC);
    tail
}

/// Appends a multibyte integer: seven bits a byte, the lowest first. Section 1.2.
fn write_number(to: &mut Vec<u8>, number: u64) {
    let mut left = number;
    while left >= 0x80 {
        to.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    to.push(left as u8);
}

/// Reads the multibyte integer at the front of `bytes`.
fn read_number(bytes: &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for (at, byte) in bytes.iter().take(9).enumerate() {
        let shift = u32::try_from(at).ok()?.checked_mul(7)?;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests;
