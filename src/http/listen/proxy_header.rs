//! The header of the PROXY protocol, version 2: the first bytes from a proxy that passes TCP on.
//!
//! Source: <https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt>, section 2.2. The text
//! form (version 1) is refused. The parser is pure, bytes in and value out; [`read`] reads them
//! from a socket.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt};

/// The first bytes of every header.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family, length.
const FIXED_BYTES: usize = 16;
/// The most bytes that may follow. The largest addresses have 216 bytes; extensions (names, the
/// proxy's own view of TLS) come to a few hundred. Unit: bytes.
const MOST_BYTES: usize = 2048;
/// The extension that holds the checksum of the whole header.
const CHECKSUM: u8 = 0x03;
/// The CRC-32C polynomial (RFC 4960, appendix B), its bits mirrored.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// Whose connection it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxySource {
    /// The proxy's own (command LOCAL), such as a health check; or the proxy does not know.
    Local,
    /// That of a client with this address.
    Client(SocketAddr),
}

/// Why a header is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyHeaderFault {
    /// Something else, or nothing.
    #[error("it does not begin with a PROXY header of version 2")]
    Absent,
    /// Version 1, or a command that the protocol does not have.
    #[error("its PROXY header has an unknown version or command")]
    Command,
    /// UDP, or a local socket.
    #[error("its PROXY header is for neither TCP over IPv4 nor over IPv6")]
    Family,
    /// Its own length is beyond the limit.
    #[error("its PROXY header is longer than {MOST_BYTES} bytes")]
    TooLong,
    /// It is cut, or its parts do not fill it.
    #[error("its PROXY header does not have the length that it says")]
    Length,
    /// The checksum in it is not that of its bytes, or is there twice.
    #[error("its PROXY header was altered on the way: the checksum is wrong")]
    Checksum,
}

/// Reads one header and not a byte more.
///
/// # Errors
/// [`ProxyHeaderFault`] as [`io::ErrorKind::InvalidData`]; [`io::ErrorKind::UnexpectedEof`] when
/// nothing came; the system's.
pub async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<ProxySource> {
    let mut header = vec![0_u8; FIXED_BYTES];
    from.read_exact(header.get_mut(..1).unwrap_or_default()).await?;
    // Anything else is recognised at its first byte, however little is sent.
    if header.first() != SIGNATURE.first() {
        return Err(fault(ProxyHeaderFault::Absent));
    }
    let rest = header.get_mut(1..).unwrap_or_default();
    from.read_exact(rest).await.map_err(|_| fault(ProxyHeaderFault::Absent))?;
    let more = following(&header).map_err(fault)?;
    header.resize(FIXED_BYTES.saturating_add(more), 0);
    let rest = header.get_mut(FIXED_BYTES..).unwrap_or_default();
    from.read_exact(rest).await.map_err(|_| fault(ProxyHeaderFault::Length))?;
    parse(&header).map_err(fault)
}

fn fault(fault: ProxyHeaderFault) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, fault)
}

/// How many bytes follow the fixed ones.
fn following(fixed: &[u8]) -> Result<usize, ProxyHeaderFault> {
    let (signature, rest) = fixed.split_first_chunk().ok_or(ProxyHeaderFault::Absent)?;
    if *signature != SIGNATURE {
        return Err(ProxyHeaderFault::Absent);
    }
    let [command, _, high, low, ..] = *rest else { return Err(ProxyHeaderFault::Length) };
    if !matches!(command, 0x20 | 0x21) {
        return Err(ProxyHeaderFault::Command);
    }
    let more = usize::from(u16::from_be_bytes([high, low]));
    if more > MOST_BYTES { Err(ProxyHeaderFault::TooLong) } else { Ok(more) }
}

/// Reads a whole header, with nothing after it.
///
/// # Errors
/// [`ProxyHeaderFault`], the proxy's fault.
pub fn parse(header: &[u8]) -> Result<ProxySource, ProxyHeaderFault> {
    let more = following(header)?;
    let (fixed, rest) = header.split_at_checked(FIXED_BYTES).ok_or(ProxyHeaderFault::Length)?;
    if rest.len() != more {
        return Err(ProxyHeaderFault::Length);
    }
    let [.., command, family, _, _] = *fixed else { return Err(ProxyHeaderFault::Length) };
    if command == 0x20 {
        // The proxy's own connection: the addresses are skipped unread, as the protocol says.
        return Ok(ProxySource::Local);
    }
    let (behalf, extensions) = match family {
        0x00 => return Ok(ProxySource::Local),
        0x11 => {
            let (addresses, extensions) =
                rest.split_first_chunk::<12>().ok_or(ProxyHeaderFault::Length)?;
            let [a, b, c, d, _, _, _, _, high, low, _, _] = *addresses;
            (client(Ipv4Addr::new(a, b, c, d), [high, low]), extensions)
        }
        0x21 => {
            let (source, rest) = rest.split_first_chunk::<16>().ok_or(ProxyHeaderFault::Length)?;
            let (ports, extensions) =
                rest.split_first_chunk::<20>().ok_or(ProxyHeaderFault::Length)?;
            let [.., high, low, _, _] = *ports;
            (client(Ipv6Addr::from(*source), [high, low]), extensions)
        }
        _ => return Err(ProxyHeaderFault::Family),
    };
    check_extensions(header, extensions)?;
    Ok(behalf)
}

fn client(address: impl Into<IpAddr>, port: [u8; 2]) -> ProxySource {
    ProxySource::Client(SocketAddr::new(address.into().to_canonical(), u16::from_be_bytes(port)))
}

/// Steps over every extension, and verifies the checksum where there is one. The extensions must
/// fill `left` exactly.
fn check_extensions(header: &[u8], mut left: &[u8]) -> Result<(), ProxyHeaderFault> {
    let mut found = None;
    while let Some((&[kind, high, low], behind)) = left.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([high, low]));
        let (value, next) = behind.split_at_checked(length).ok_or(ProxyHeaderFault::Length)?;
        if kind == CHECKSUM {
            let sum = <[u8; 4]>::try_from(value).map_err(|_| ProxyHeaderFault::Checksum)?;
            let at = header.len().saturating_sub(behind.len());
            if found.replace((at, u32::from_be_bytes(sum))).is_some() {
                return Err(ProxyHeaderFault::Checksum);
            }
        }
        left = next;
    }
    if !left.is_empty() {
        return Err(ProxyHeaderFault::Length);
    }
    match found {
        Some((at, sum)) if checksum(header, at) != sum => Err(ProxyHeaderFault::Checksum),
        _ => Ok(()),
    }
}

/// CRC-32C of the header with zeros in the four bytes at `blank`. A header is short and comes once
/// per connection, so bit by bit is fast enough, and needs neither table nor crate.
fn checksum(header: &[u8], blank: usize) -> u32 {
    let is_blank = |at: usize| at.checked_sub(blank).is_some_and(|behind| behind < 4);
    let mut sum = u32::MAX;
    for (at, byte) in header.iter().enumerate() {
        sum ^= u32::from(if is_blank(at) { 0 } else { *byte });
        for _ in 0..8 {
            sum = (sum >> 1) ^ if sum & 1 == 1 { POLYNOMIAL } else { 0 };
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A header with these parts and the right length.
    fn header(command: u8, family: u8, addresses: &[u8], extensions: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let mut rest = addresses.to_vec();
        for (kind, value) in extensions {
            rest.push(*kind);
            rest.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
            rest.extend(value);
        }
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([command, family]);
        bytes.extend(u16::try_from(rest.len()).unwrap().to_be_bytes());
        bytes.extend(rest);
        bytes
    }

    fn addresses(source: SocketAddr) -> (u8, Vec<u8>) {
        let port = source.port().to_be_bytes();
        match source.ip() {
            IpAddr::V4(ip) => {
                (0x11, [&ip.octets()[..], &[10, 0, 0, 1], &port, &[0x20, 0xfb]].concat())
            }
            IpAddr::V6(ip) => (0x21, [&ip.octets()[..], &[1; 16], &port, &[0x20, 0xfb]].concat()),
        }
    }

    /// The same with a right checksum at its end.
    fn summed(source: SocketAddr, mut extensions: Vec<(u8, Vec<u8>)>) -> Vec<u8> {
        let (family, addresses) = addresses(source);
        extensions.push((CHECKSUM, vec![0; 4]));
        let mut bytes = header(0x21, family, &addresses, &extensions);
        let at = bytes.len() - 4;
        let sum = checksum(&bytes, at);
        bytes[at..].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    /// Reads from a stream that gives `step` bytes at a time; also returns the bytes that were
    /// left.
    fn read_by(bytes: &[u8], step: usize) -> (io::Result<ProxySource>, Vec<u8>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut wire = wire_of(bytes, step);
            let outcome = read(&mut wire).await;
            let mut left = Vec::new();
            wire.read_to_end(&mut left).await.unwrap();
            (outcome, left)
        })
    }

    fn wire_of(bytes: &[u8], step: usize) -> impl AsyncRead + Unpin {
        let pieces: Vec<_> = bytes.chunks(step).map(|piece| Ok(piece.to_vec().into())).collect();
        tokio_util::io::StreamReader::<_, bytes::Bytes>::new(futures_util::stream::iter(
            pieces as Vec<io::Result<bytes::Bytes>>,
        ))
    }

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        // RFC 3720, appendix B.4, and the check value of the catalogue of CRCs.
        assert_eq!(checksum(b"123456789", usize::MAX), 0xe306_9283);
        assert_eq!(checksum(&[0; 32], usize::MAX), 0x8a91_36aa);
        assert_eq!(checksum(&[0xff; 32], usize::MAX), 0x62a8_ab43);
    }

    #[test]
    fn headers_as_proxies_send_them() {
        let bytes =
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x07\x0a\x00\x00\x01\xd4\x31\x20\xfb";
        assert_eq!(parse(bytes), Ok(ProxySource::Client("192.0.2.7:54321".parse().unwrap())));
        assert_eq!(parse(b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00"), Ok(ProxySource::Local));
        // A health check may still carry addresses, which are skipped.
        assert_eq!(parse(&header(0x20, 0x11, &[1; 12], &[])), Ok(ProxySource::Local));
        assert_eq!(parse(&header(0x21, 0x00, &[], &[])), Ok(ProxySource::Local));
        let mapped = summed("[::ffff:192.0.2.7]:1".parse().unwrap(), vec![(4, vec![0; 9])]);
        assert_eq!(parse(&mapped), Ok(ProxySource::Client("192.0.2.7:1".parse().unwrap())));
    }

    #[test]
    fn what_is_not_such_a_header_is_refused_with_its_reason() {
        let v4 = [1_u8; 12];
        let mut longer = header(0x21, 0x11, &v4, &[]);
        longer.push(0);
        let mut wrong = summed("192.0.2.7:1".parse().unwrap(), vec![]);
        wrong[17] ^= 1;
        for (bytes, fault) in [
            (b"PROXY TCP4 192.0.2.7 10.0.0.1 1 2\r\n".to_vec(), ProxyHeaderFault::Absent),
            (b"GET / HTTP/1.1\r\n\r\n".to_vec(), ProxyHeaderFault::Absent),
            (header(0x11, 0x11, &v4, &[]), ProxyHeaderFault::Command),
            (header(0x22, 0x11, &v4, &[]), ProxyHeaderFault::Command),
            (header(0x31, 0x11, &v4, &[]), ProxyHeaderFault::Command),
            (header(0x21, 0x12, &v4, &[]), ProxyHeaderFault::Family),
            (header(0x21, 0x10, &v4, &[]), ProxyHeaderFault::Family),
            (header(0x21, 0x31, &[1; 216], &[]), ProxyHeaderFault::Family),
            (header(0x21, 0x41, &v4, &[]), ProxyHeaderFault::Family),
            (header(0x21, 0x11, &v4[1..], &[]), ProxyHeaderFault::Length),
            (header(0x21, 0x21, &[1; 35], &[]), ProxyHeaderFault::Length),
            (header(0x21, 0x11, &[1; 13], &[]), ProxyHeaderFault::Length),
            (header(0x21, 0x11, &[&v4[..], &[4, 0, 2, 0]].concat(), &[]), ProxyHeaderFault::Length),
            (longer, ProxyHeaderFault::Length),
            (header(0x21, 0x11, &v4, &[(4, vec![0; 2034])]), ProxyHeaderFault::TooLong),
            (header(0x21, 0x11, &v4, &[(CHECKSUM, vec![0; 3])]), ProxyHeaderFault::Checksum),
            (header(0x21, 0x11, &v4, &[(CHECKSUM, vec![0; 4])]), ProxyHeaderFault::Checksum),
            (wrong, ProxyHeaderFault::Checksum),
        ] {
            assert_eq!(parse(&bytes), Err(fault), "{bytes:?}");
        }
        // The longest that is accepted.
        assert!(parse(&header(0x21, 0x11, &v4, &[(4, vec![0; 2033])])).is_ok());
        let twice = summed("192.0.2.7:1".parse().unwrap(), vec![(CHECKSUM, vec![0; 4])]);
        assert_eq!(parse(&twice), Err(ProxyHeaderFault::Checksum));
    }

    fn any_address() -> impl Strategy<Value = SocketAddr> {
        let v4 = any::<(u32, u16)>().prop_map(|(ip, port)| (IpAddr::from(ip.to_be_bytes()), port));
        let v6 = any::<(u128, u16)>().prop_map(|(ip, port)| (IpAddr::from(ip.to_be_bytes()), port));
        prop_oneof![v4, v6].prop_map(SocketAddr::from)
    }

    fn any_extensions() -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
        let one = (any::<u8>(), prop::collection::vec(any::<u8>(), 0..40));
        let one = one.prop_filter("the checksum comes last", |(kind, _)| *kind != CHECKSUM);
        prop::collection::vec(one, 0..6)
    }

    proptest! {
        #[test]
        fn the_address_comes_through_however_it_arrives_and_nothing_more_is_read(
            source in any_address(), extensions in any_extensions(), step in 1_usize..40,
            behind in prop::collection::vec(any::<u8>(), 0..20),
        ) {
            let bytes = [summed(source, extensions), behind.clone()].concat();
            let (outcome, left) = read_by(&bytes, step);
            let canonical = SocketAddr::new(source.ip().to_canonical(), source.port());
            prop_assert_eq!(outcome.unwrap(), ProxySource::Client(canonical));
            prop_assert_eq!(left, behind);
        }

        #[test]
        fn what_is_cut_anywhere_is_refused(source in any_address(), extensions in any_extensions()) {
            let bytes = summed(source, extensions);
            for end in 0..bytes.len() {
                prop_assert!(parse(&bytes[..end]).is_err());
                prop_assert!(read_by(&bytes[..end], 7).0.is_err(), "cut at {}", end);
            }
        }

        #[test]
        fn a_changed_byte_is_seen_where_there_is_a_checksum(
            source in any_address(), extensions in any_extensions(), at in any::<prop::sample::Index>(),
            flip in 1_u8..,
        ) {
            let mut bytes = summed(source, extensions);
            // After the addresses, a flip can turn the checksum itself into another extension.
            let at = at.index(FIXED_BYTES + addresses(source).1.len());
            bytes[at] ^= flip;
            // A flip that makes it the proxy's own connection, or nobody's, yields no address.
            prop_assert!(matches!(parse(&bytes), Err(_) | Ok(ProxySource::Local)), "{}", at);
        }

        #[test]
        fn no_bytes_at_all_make_it_panic(
            whole in prop::collection::vec(any::<u8>(), 0..80),
            command in 0x20_u8..0x22, family in prop::sample::select(vec![0_u8, 0x11, 0x21, 0x31]),
        ) {
            let _ = parse(&whole);
            let _ = parse(&header(command, family, &whole, &[]));
        }
    }
}
