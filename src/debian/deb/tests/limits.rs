//! Each limit accepts what is just within it and refuses one more; bombs cost little.

use std::io::{self, Read};

use super::build::*;
use super::*;

fn outcome(bytes: &[u8], limits: &DebLimits) -> Option<Kind> {
    read_deb(bytes, limits).err().map(|error| kind(&error))
}

#[test]
fn each_limit_is_exact() {
    let all = DebLimits::default();
    let bytes = deb(FORMS[2], FORMS[2]);
    let (control_tar, data_tar) = (control_tar().len() as u64, data_tar().len() as u64);
    let control = CONTROL.len() as u64;
    type Narrow = fn(&DebLimits, u64) -> DebLimits;
    let with: [(u64, Narrow); 5] = [
        (control_tar, |all, n| DebLimits { control_tar_bytes: n, ..all.clone() }),
        (control, |all, n| DebLimits { control_bytes: n, ..all.clone() }),
        (3, |all, n| DebLimits { control_entries: n, ..all.clone() }),
        (data_tar, |all, n| DebLimits { data_tar_bytes: n, ..all.clone() }),
        (6, |all, n| DebLimits { data_entries: n, ..all.clone() }),
    ];
    for (at, (exact, limits)) in with.into_iter().enumerate() {
        assert_eq!(outcome(&bytes, &limits(&all, exact)), None, "limit {at}");
        assert_eq!(outcome(&bytes, &limits(&all, exact - 1)), Some(Kind::TooLarge), "limit {at}");
    }
}

#[test]
fn decoder_memory_is_limited_for_xz_and_zstd() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(28).unwrap();
    io::copy(&mut &*data_tar(), &mut encoder).unwrap();
    let zst = with_data_member("data.tar.zst", &encoder.finish().unwrap());
    assert_eq!(outcome(&zst, &DebLimits::default()), Some(Kind::TooLarge));
    let wide = DebLimits { decoder_bytes: 256 * 1024 * 1024, ..DebLimits::default() };
    assert_eq!(outcome(&zst, &wide), None);

    let xz = with_data_member("data.tar.xz", &xz(&data_tar()));
    let narrow = DebLimits { decoder_bytes: 512 * 1024, ..DebLimits::default() };
    assert_eq!(outcome(&xz, &narrow), Some(Kind::TooLarge));
    let wide_xz = with_data_member("data.tar.xz", &xz_of_dictionary(1 << 30));
    assert_eq!(outcome(&wide_xz, &DebLimits::default()), Some(Kind::TooLarge));
    // The message says how much memory would be enough.
    let said = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
    let (needs, limit) = (1_u64 << 28, 128 << 20);
    let wanted = format!("takes {needs} bytes of memory, more than the {limit} that there are");
    assert!(said(&zst).contains(&wanted), "{}", said(&zst));
    assert!(said(&wide_xz).contains(&format!("takes {} bytes", (1 << 30) + 256 * 1024)));
}

/// Records what decoders hold.
#[derive(Default)]
struct Noting {
    held: std::cell::Cell<u64>,
    most: std::cell::Cell<u64>,
}

impl Lender for Noting {
    fn lend(&self, from: Held, to: Held) {
        assert_eq!(self.held.get(), from.bytes);
        assert!(to.bytes <= to.most_bytes);
        self.held.set(to.bytes);
        self.most.set(self.most.get().max(to.bytes));
    }
}

#[test]
fn decoders_ask_for_their_memory_before_they_take_it() {
    const MIB: u64 = 1024 * 1024;
    let zst = |window_log| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(window_log).unwrap();
        io::copy(&mut &*data_tar(), &mut encoder).unwrap();
        with_data_member("data.tar.zst", &encoder.finish().unwrap())
    };
    let single = zstd::bulk::compress(&data_tar(), 3).unwrap();
    let length = data_tar().len() as u64;
    let xz_wide = with_data_member("data.tar.xz", &xz_of_dictionary(64 << 20));
    let cases = [
        (deb(FORMS[0], FORMS[0]), 0..=0),
        (zst(23), 8 * MIB..=8 * MIB),
        (with_data_member("data.tar.zst", &single), length..=length),
        (xz_wide, 64 * MIB..=65 * MIB),
        (with_data_member("data.tar.xz", &xz_of_dictionary(8 << 20)), 8 * MIB..=9 * MIB),
    ];
    for (at, (bytes, expected)) in cases.into_iter().enumerate() {
        let noting = Noting::default();
        read_deb_with(&*bytes, &DebLimits::default(), &noting, &mut |_| {}).unwrap();
        assert!(expected.contains(&noting.most.get()), "{at}: {}", noting.most.get());
        assert_eq!(noting.held.get(), 0, "{at}");
        // The same for reads of any size.
        let trickled = Noting::default();
        read_deb_with(Bytewise(&bytes), &DebLimits::default(), &trickled, &mut |_| {}).unwrap();
        assert_eq!(trickled.most.get(), noting.most.get(), "{at}");
        // A package that fails returns its memory too.
        let cut = &bytes[..bytes.len() - 100];
        read_deb_with(cut, &DebLimits::default(), &noting, &mut |_| {}).unwrap_err();
        assert_eq!(noting.held.get(), 0, "{at}");
    }
}

/// A package of this many empty files, each in a folder of its own, and the size of their hashes.
/// Unit: bytes.
fn many(files: usize) -> (Vec<u8>, u64) {
    let name = |at: usize| format!("./{at}/x");
    let names: Vec<_> = (0..files).map(name).collect();
    let entries: Vec<_> = names.iter().map(|name| Entry::file(name, b"")).collect();
    let buckets = (2 * files * 8).div_ceil(7).next_power_of_two() as u64;
    (tar(&entries), buckets * 9)
}

#[test]
fn paths_ask_for_their_memory_as_decoders_do() {
    let (tar, table) = many(20_000);
    // Plus the old table of half the size, which the new one replaces.
    let paths = table + table / 2;
    let window = 1 << 23;
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(23).unwrap();
    io::copy(&mut &*tar, &mut encoder).unwrap();
    let zst = with_data_member("data.tar.zst", &encoder.finish().unwrap());
    let plain = with_data_member("data.tar", &tar);
    for (bytes, decoder) in [(plain, 0), (zst, window)] {
        let noting = Noting::default();
        read_deb_with(&*bytes, &DebLimits::default(), &noting, &mut |_| {}).unwrap();
        assert_eq!((noting.most.get(), noting.held.get()), (decoder + paths, 0));
        // The exact need is enough, and one byte less is too little.
        let within = |memory_bytes| DebLimits { memory_bytes, ..DebLimits::default() };
        read_deb_with(&*bytes, &within(decoder + paths), &noting, &mut |_| {}).unwrap();
        let few = within(decoder + paths - 1);
        let refused = read_deb_with(&*bytes, &few, &noting, &mut |_| {}).unwrap_err();
        let said = format!(
            "takes {} bytes of memory, more than the {}",
            decoder + paths,
            few.memory_bytes
        );
        assert!(refused.to_string().contains(&said), "{refused}");
        assert_eq!(noting.held.get(), 0);
    }
    // Few paths are not counted.
    let noting = Noting::default();
    let few = with_data_member("data.tar", &many(5_000).0);
    read_deb_with(&*few, &DebLimits::default(), &noting, &mut |_| {}).unwrap();
    assert_eq!(noting.most.get(), 0);
}

#[test]
fn folders_that_no_entry_names_count_as_well() {
    // A thousand paths of a thousand folders each, all different, in some hundred KiB.
    let path = |at: usize| format!("./{at}/{}x", "a/".repeat(1000)).into_bytes();
    let entries =
        |at: usize| [Entry::new("@", b'L', &[path(at), vec![0]].concat()), Entry::file("x", b"")];
    let entries: Vec<_> = (0..2_000).flat_map(entries).collect();
    let bytes = with_data_member("data.tar.gz", &gz(&tar(&entries)));
    let noting = Noting::default();
    let refused = read_deb_with(&*bytes, &DebLimits::default(), &noting, &mut |_| {}).unwrap_err();
    assert_eq!(kind(&refused), Kind::TooLarge, "{refused}");
    assert!(refused.to_string().contains("names of files and folders"), "{refused}");
    assert!(noting.most.get() <= 28 << 20, "{}", noting.most.get());
}

/// One byte at a time.
struct Bytewise<'b>(&'b [u8]);

impl Read for Bytewise<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = out.len().min(1);
        self.0.read(&mut out[..most])
    }
}

/// An xz stream whose block header asks for a dictionary of this size.
fn xz_of_dictionary(dictionary: u32) -> Vec<u8> {
    let small = xz(&data_tar());
    // Block header: size, flags, filter id 0x21, length of properties 1, dictionary byte.
    let mut bytes = small.clone();
    assert_eq!(bytes[14..16], [0x21, 1]);
    bytes[16] = ((dictionary.ilog2() - 12) * 2) as u8;
    let end = 12 + (usize::from(bytes[12]) + 1) * 4;
    let sum = crc32fast::hash(&bytes[12..end - 4]).to_le_bytes();
    bytes[end - 4..end].copy_from_slice(&sum);
    bytes
}

#[test]
fn bombs_in_control_are_cut_at_the_limit() {
    let bomb = gz(&tar(&[Entry::file("./x", &vec![0; 20 << 20]), Entry::file("control", CONTROL)]));
    let bytes =
        ar(&[("debian-binary", b"2.0\n"), ("control.tar.gz", &bomb), ("data.tar", &data_tar())]);
    assert_eq!(outcome(&bytes, &DebLimits::default()), Some(Kind::TooLarge));
    let control = tar(&[Entry::file("./control", &vec![b'a'; 2 << 20])]);
    assert_eq!(outcome(&with_control(&control), &DebLimits::default()), Some(Kind::TooLarge));
}

#[test]
fn bombs_in_data_are_cut_at_the_limit() {
    let limits = DebLimits { data_tar_bytes: 1 << 20, ..DebLimits::default() };
    let file = tar(&[Entry::file("./x", &vec![0; 8 << 20])]);
    let tail = [data_tar(), vec![0; 8 << 20]].concat();
    let long_name = tar(&[Entry::new("x", b'L', &vec![b'a'; 1 << 19]), Entry::file("x", b"")]);
    for (_, compress) in FORMS {
        for tar in [&file, &tail, &long_name] {
            let suffix = FORMS.iter().find(|form| form.1 as usize == compress as usize).unwrap().0;
            let bytes = with_data_member(&format!("data.tar{suffix}"), &compress(tar));
            assert_eq!(outcome(&bytes, &limits), Some(Kind::TooLarge));
        }
    }
}

/// Fails after some bytes, as a connection or a deadline would.
struct Failing<'a>(&'a [u8], usize);

impl Read for Failing<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = into.len().min(self.1);
        if length == 0 {
            return Err(io::Error::from(io::ErrorKind::TimedOut));
        }
        self.1 -= length;
        self.0.read(&mut into[..length])
    }
}

#[test]
fn a_failing_input_is_never_the_senders_fault() {
    let bytes = deb(FORMS[2], FORMS[3]);
    for at in 0..bytes.len() {
        let error = read_deb(Failing(&bytes, at), &DebLimits::default()).unwrap_err();
        assert_eq!(kind(&error), Kind::Read, "at {at}");
    }
}

/// Gives one byte at a time, with an interruption before each.
struct Trickle<'a>(&'a [u8], bool);

impl Read for Trickle<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::Error::from(io::ErrorKind::Interrupted));
        }
        let length = into.len().min(1);
        self.0.read(&mut into[..length])
    }
}

#[test]
fn the_size_of_reads_does_not_matter() {
    for control in FORMS {
        for data in FORMS {
            let bytes = deb(control, data);
            let slow = read_deb(Trickle(&bytes, false), &DebLimits::default()).unwrap();
            assert_eq!(slow, read(&bytes).unwrap());
        }
    }
}
