//! Work: what a package costs is counted in processor time, so that only the package itself decides.

use std::io::Write as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use repod::digest::Digest;
use repod::flow::upload::batch;
use repod::flow::upload::body::{self, RoomFor};
use repod::flow::upload::single::{Declared, upload};
use repod::flow::{FlowError, FlowLimits};

use crate::crash::faults::Faults;
use crate::crash::house::{Ground, House};
use crate::harness::deb::{Compression, DebBuilder};
use crate::harness::server::package;

/// What a package may take in these tests.
const WORK: Duration = Duration::from_millis(200);

/// Unit: MiB.
const ZEROS_MIB: usize = 512;

/// A tenth of a MiB that unpacks to thousands of times as much: a file of zeros.
fn costly() -> Bytes {
    let built = package("acme-costly", "1.0").data_compression(Compression::None).build();
    let data = built.windows(8).position(|part| part == b"data.tar").unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_path("./zeros").unwrap();
    header.set_size((ZEROS_MIB << 20) as u64);
    header.set_mode(0o644);
    header.set_cksum();
    let mebibyte = vec![0; 1 << 20];
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
    encoder.write_all(header.as_bytes()).unwrap();
    (0..ZEROS_MIB).for_each(|_| encoder.write_all(&mebibyte).unwrap());
    encoder.write_all(&[0; 1024]).unwrap();
    let packed = encoder.finish().unwrap();
    let mut bytes = built[..data].to_vec();
    let (name, time, length) = ("data.tar.xz", 1_700_000_000, packed.len());
    bytes.extend(format!("{name:<16}{time:<12}0     0     100644  {length:<10}`\n").bytes());
    bytes.extend(&packed);
    if length % 2 == 1 {
        bytes.push(b'\n');
    }
    assert!(bytes.len() < 1 << 17, "{} bytes would be worth an eighth of a second", bytes.len());
    bytes.into()
}

fn house(ground: &Ground, work: Duration) -> House<'_> {
    let limits = FlowLimits { work, ..FlowLimits::default() };
    House::open_with(ground, &ground.place("stores"), &ground.clock(), Faults::new(), limits)
}

fn send(
    house: &House<'_>,
    deb: &Bytes,
    pieces: usize,
    between: Duration,
) -> Result<Digest, FlowError> {
    let size = deb.len().div_ceil(pieces);
    let pieces: Vec<_> = deb.chunks(size).map(|piece| deb.slice_ref(piece)).collect();
    let body = futures_util::stream::unfold(pieces.into_iter(), |mut rest| async move {
        let piece = rest.next()?;
        tokio::time::sleep(between).await;
        Some((Ok::<_, std::io::Error>(piece), rest))
    });
    let (admitted, declared) = (house.ground.admitted(), Declared::default());
    let sent = upload(&house.repository, &admitted, body, declared);
    house.block_on(sent).map(|package| package.digest)
}

fn said(refused: &FlowError) -> String {
    let FlowError::Rejection(reasons) = refused else { panic!("{refused:?}") };
    reasons[0].1.clone()
}

const TOO_LONG: &str = "it takes too long to unpack for its size: more than 0.2 s of processor time, which are \
                        0.2 s and one for each MiB that was sent; build it with less compression";

#[test]
fn a_package_that_costs_more_than_its_size_is_worth_is_refused() {
    let ground = Ground::new();
    let house = house(&ground, WORK);
    let costly = costly();
    let refused = send(&house, &costly, 1, Duration::ZERO).unwrap_err();
    assert_eq!(said(&refused), TOO_LONG);
    // In a batch it is refused as well.
    let (admitted, named) = (ground.admitted(), Digest::of(&costly));
    let outcomes = house.block_on(async {
        let room = body::room(&house.repository, RoomFor::Large, &None, costly.len() as u64)
            .await
            .unwrap();
        batch::upload_all(&house.repository, &admitted, vec![(named, costly.clone())], room).await
    });
    let outcomes = outcomes.unwrap();
    assert_eq!(said(outcomes[0].1.as_ref().unwrap_err()), TOO_LONG);
    // And it is nothing but the work that it is refused for.
    drop(house);
    let patient = self::house(&ground, Duration::from_secs(600));
    send(&patient, &costly, 1, Duration::ZERO).unwrap();
}

#[test]
fn a_slow_sender_is_not_refused_for_the_time_that_passes() {
    let ground = Ground::new();
    let house = house(&ground, WORK);
    let deb = DebBuilder::new("acme-slow", "1.0", "amd64").file("usr/share/acme/x", &[7; 4096]);
    let begun = Instant::now();
    send(&house, &deb.build().into(), 6, WORK / 2).unwrap();
    assert!(begun.elapsed() > WORK * 2, "it was not slow: {:?}", begun.elapsed());
}
