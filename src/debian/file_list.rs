//! File lists: the paths that a package installs, gathered while it is read and stored packed.
//!
//! Shape of a packed list: one byte, 0 for plain and 1 for a raw deflate stream, then every path
//! with a line feed after it, in the order of the package.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

const PLAIN: u8 = 0;
const DEFLATED: u8 = 1;
/// Up to this size the list is stored plain, so that a small package needs no compressor. Unit:
/// bytes.
const GATHERED_BYTES: usize = 64 * 1024;
/// Lists below this size hardly get smaller. Unit: bytes.
const WORTH_BYTES: usize = 256;
/// The size of the output buffer for a step of compressing or unpacking. Unit: bytes.
const ROOM_BYTES: usize = 16 * 1024;
/// File lists repeat themselves so much that the quickest level is enough.
const LEVEL: u32 = 1;

/// Gathers the paths of one package.
///
/// Limits: memory for 64 KiB of paths, a compressor once there are more, and its output.
#[derive(Default)]
pub struct FileList {
    gathered: Vec<u8>,
    deflated: Option<Deflated>,
    plain_bytes: u64,
    most_bytes: u64,
    overlong: bool,
}

struct Deflated {
    compress: Compress,
    out: Vec<u8>,
}

impl FileList {
    /// A list that gives up beyond `most_bytes` of paths.
    pub fn new(most_bytes: u64) -> Self {
        Self { most_bytes, ..Self::default() }
    }

    /// Adds one path, which holds no line feed.
    pub fn push(&mut self, path: &[u8]) {
        let more = (path.len() as u64).saturating_add(1);
        self.plain_bytes = self.plain_bytes.saturating_add(more);
        self.overlong |= self.plain_bytes > self.most_bytes;
        if self.overlong {
            self.gathered = Vec::new();
            self.deflated = None;
            return;
        }
        self.gathered.extend_from_slice(path);
        self.gathered.push(b'\n');
        if self.gathered.len() >= GATHERED_BYTES {
            self.deflate(FlushCompress::None);
        }
    }

    /// The packed list; `None` when it is longer than the limit.
    pub fn finish(mut self) -> Option<Vec<u8>> {
        if self.overlong {
            return None;
        }
        if self.deflated.is_none() && self.gathered.len() < WORTH_BYTES {
            return Some([&[PLAIN], self.gathered.as_slice()].concat());
        }
        self.deflate(FlushCompress::Finish);
        self.deflated.map(|deflated| deflated.out).filter(|_| !self.overlong)
    }

    fn deflate(&mut self, flush: FlushCompress) {
        let Deflated { compress, out } = self.deflated.get_or_insert_with(|| Deflated {
            compress: Compress::new(Compression::new(LEVEL), false),
            out: vec![DEFLATED],
        });
        let begun = compress.total_in();
        loop {
            let taken = usize::try_from(compress.total_in().saturating_sub(begun));
            let rest = self.gathered.get(taken.unwrap_or(usize::MAX)..).unwrap_or_default();
            let whole = rest.is_empty() && matches!(flush, FlushCompress::None);
            out.reserve(ROOM_BYTES);
            match compress.compress_vec(rest, out, flush) {
                _ if whole => break,
                Ok(Status::StreamEnd) => break,
                Ok(_) => {}
                Err(_) => {
                    self.overlong = true;
                    break;
                }
            }
        }
        self.gathered.clear();
    }
}

/// The paths of a packed list, sorted by their bytes, each with a line feed after it; `None` when
/// it is damaged.
pub fn read_file_list(packed: &[u8]) -> Option<Vec<u8>> {
    let plain = match packed.split_first()? {
        (&PLAIN, plain) => plain.to_vec(),
        (&DEFLATED, deflated) => inflate(deflated)?,
        _ => return None,
    };
    if !plain.is_empty() && !plain.ends_with(b"\n") {
        return None;
    }
    let mut paths: Vec<&[u8]> = plain.split_inclusive(|byte| *byte == b'\n').collect();
    if paths.is_sorted() {
        return Some(plain);
    }
    paths.sort_unstable();
    Some(paths.concat())
}

fn inflate(deflated: &[u8]) -> Option<Vec<u8>> {
    let mut inflater = Decompress::new(false);
    let mut plain = Vec::new();
    loop {
        let taken = usize::try_from(inflater.total_in()).ok()?;
        let before = plain.len();
        plain.reserve(ROOM_BYTES);
        let rest = deflated.get(taken..)?;
        match inflater.decompress_vec(rest, &mut plain, FlushDecompress::None).ok()? {
            Status::StreamEnd => return Some(plain),
            _ if rest.is_empty() && plain.len() == before => return None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(paths: &[&str], most_bytes: u64) -> Option<Vec<u8>> {
        let mut list = FileList::new(most_bytes);
        paths.iter().for_each(|path| list.push(path.as_bytes()));
        list.finish()
    }

    #[test]
    fn small_lists_are_plain_and_come_back_sorted() {
        let packed = packed(&["usr/b", "usr/a", "etc/x y"], 100).unwrap();
        assert_eq!(packed, b"\0usr/b\nusr/a\netc/x y\n");
        assert_eq!(read_file_list(&packed).unwrap(), b"etc/x y\nusr/a\nusr/b\n");
        assert_eq!(read_file_list(&super::tests::packed(&[], 0).unwrap()).unwrap(), b"");
    }

    #[test]
    fn large_lists_are_packed_in_little_memory() {
        let paths: Vec<_> =
            (0..200_000_u32).map(|n| format!("usr/share/doc/{}/f{n}", n % 7)).collect();
        let mut list = FileList::new(u64::MAX);
        paths.iter().for_each(|path| list.push(path.as_bytes()));
        assert!(list.gathered.len() < GATHERED_BYTES);
        let packed = list.finish().unwrap();
        assert!(
            packed.len() * 3 < paths.iter().map(String::len).sum::<usize>(),
            "{}",
            packed.len()
        );
        let mut sorted = paths.clone();
        sorted.sort();
        let expected: String = sorted.into_iter().flat_map(|path| [path, "\n".into()]).collect();
        assert!(read_file_list(&packed).unwrap() == expected.as_bytes());
        for cut in [1, packed.len() / 2, packed.len() - 1] {
            assert!(read_file_list(&packed[..cut]).is_none(), "{cut}");
        }
    }

    #[test]
    fn beyond_the_limit_there_is_no_list() {
        assert!(packed(&["a", "b"], 4).is_some());
        assert!(packed(&["a", "b"], 3).is_none());
        assert!(read_file_list(b"").is_none());
        assert!(read_file_list(b"\x02a\n").is_none());
        assert!(read_file_list(b"\0a").is_none());
    }
}
