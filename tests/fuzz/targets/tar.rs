//! The archives within: their headers have checksums, which the fuzzer cannot guess, so they are made right here.

use super::deb::read_both_ways;

const BLOCK: usize = 512;
/// Where a header has its checksum, and where its magic is.
const SUM: std::ops::Range<usize> = 148..156;
const MAGIC: std::ops::Range<usize> = 257..262;
/// The version behind it, which dpkg and GNU tar do not look at, and the `tar` crate does.
const VERSION: std::ops::Range<usize> = 263..265;

/// How many blocks the control archive has, in a byte; then its blocks, and behind them those of the data archive.
///
/// What is accepted lists the same paths to the `tar` crate, which takes more than we do.
pub fn deb_tar(bytes: &[u8]) {
    let Some((count, rest)) = bytes.split_first() else { return };
    let (control, data) = rest.split_at((usize::from(*count) * BLOCK).min(rest.len()));
    let (control, data) = (summed(control), summed(data));
    if control.is_empty() || data.is_empty() {
        return;
    }
    let deb = ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control), ("data.tar", &data)]);
    let Ok((parts, paths)) = read_both_ways(&deb) else { return };
    assert_eq!(parts.data_bytes, data.len() as u64);
    if let Some(others) = as_tar_reads(&data) {
        assert_eq!(paths, others);
    }
}

/// Whole blocks, each header with a right checksum, and an end.
fn summed(bytes: &[u8]) -> Vec<u8> {
    let mut tar = bytes.to_vec();
    tar.resize(tar.len().next_multiple_of(BLOCK), 0);
    for block in tar.chunks_exact_mut(BLOCK).filter(|block| block[MAGIC] == *b"ustar") {
        match block[MAGIC.end] {
            0 => block[VERSION].copy_from_slice(b"00"),
            b' ' => block[VERSION].copy_from_slice(b" \0"),
            _ => {}
        }
        block[SUM].copy_from_slice(b"        ");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[SUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    if !tar.is_empty() {
        tar.resize(tar.len() + 2 * BLOCK, 0);
    }
    tar
}

/// An archive of these members.
pub fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = b"!<arch>\n".to_vec();
    for (name, body) in members {
        let size = body.len();
        out.extend_from_slice(
            format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 100644).as_bytes(),
        );
        out.extend_from_slice(body);
        out.resize(out.len().next_multiple_of(2), b'\n');
    }
    out
}

/// The entries that are no directories, as another reader has them; `None` when it has a long name for an entry of
/// its own, as it does where the header is of the old kind. dpkg and GNU tar do not.
fn as_tar_reads(data: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut archive = tar::Archive::new(data);
    let entries = archive.entries().expect("a slice is read");
    let mut paths = Vec::new();
    for entry in entries.map(|entry| entry.expect("what was accepted is an archive")) {
        let kind = entry.header().entry_type();
        if kind.is_gnu_longname() || kind.is_gnu_longlink() {
            return None;
        }
        if !kind.is_dir() {
            let path = entry.path_bytes().into_owned();
            paths.push(path.strip_prefix(b"./").map(<[u8]>::to_vec).unwrap_or(path));
        }
    }
    Some(paths)
}
