//! One gzip member, made and read whole.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// Packs text as small as gzip does.
///
/// # Errors
/// None in practice: it is written to memory.
pub fn pack(text: &[u8]) -> io::Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(text)?;
    packer.finish()
}

/// Unpacks at most `most` bytes; `None` when there are more.
///
/// # Errors
/// The decoder's, for bytes that are no gzip member or end early.
pub fn unpack(packed: &[u8], most: usize) -> io::Result<Option<Vec<u8>>> {
    let mut plain = Vec::new();
    let beyond = (most as u64).saturating_add(1);
    GzDecoder::new(packed).take(beyond).read_to_end(&mut plain)?;
    Ok((plain.len() <= most).then_some(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_unpacked_than_is_wanted() {
        let packed = pack(&vec![b' '; 1 << 20]).unwrap();
        assert_eq!(unpack(&packed, (1 << 20) - 1).unwrap(), None);
        assert_eq!(unpack(&packed, 1 << 20).unwrap().map(|plain| plain.len()), Some(1 << 20));
        assert!(unpack(&packed[..packed.len() / 2], 1 << 20).is_err());
        assert!(unpack(b"none", 10).is_err());
    }
}
