//! Joined files are read back by real gzip, xz, Python and apt.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::*;

fn gzip_file(chunks: &[Vec<u8>]) -> Vec<u8> {
    let runs: Vec<_> = chunks.iter().map(|chunk| gzip_run(chunk)).collect();
    let mut file = GZIP_HEADER.to_vec();
    runs.iter().for_each(|run| file.extend(&run.bytes));
    let sizes = chunks.iter().map(|chunk| chunk.len() as u64);
    file.extend(gzip_tail(runs.iter().map(|run| run.crc32).zip(sizes)));
    file
}

/// The output of a reader of one member, which has to be the whole file.
fn read_as_one_member(gz: &[u8]) -> Vec<u8> {
    let mut decoder = flate2::bufread::GzDecoder::new(gz);
    let mut plain = Vec::new();
    decoder.read_to_end(&mut plain).unwrap();
    assert!(decoder.into_inner().is_empty(), "bytes follow the member");
    plain
}

/// The same with zlib, which reports unused bytes, and with Perl, which does not.
const ZLIB: &str = "
import sys, zlib
one = zlib.decompressobj(31)
sys.stdout.buffer.write(one.decompress(sys.stdin.buffer.read()) + one.flush())
sys.exit(0 if one.eof and not one.unused_data else 'not one member')
";
const PERL: &str = "
use IO::Uncompress::Gunzip qw(gunzip $GunzipError);
binmode STDIN; binmode STDOUT;
gunzip(\\*STDIN => \\*STDOUT) or die $GunzipError;
";

fn xz_file(chunks: &[Vec<u8>], preset: u32) -> Vec<u8> {
    let blocks: Vec<_> = chunks.iter().map(|chunk| xz_block(chunk, preset).unwrap()).collect();
    let mut file = XZ_HEADER.to_vec();
    for block in &blocks {
        assert_eq!(block.bytes.len() % 4, 0);
        file.extend(&block.bytes);
    }
    file.extend(xz_tail(blocks.iter().map(|block| (block.unpadded_bytes, block.plain_bytes))));
    file
}

/// The output of a program with `input` as its standard input; it must succeed.
fn piped(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} must be installed for this test: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{program} {arguments:?} failed: {}", output.status);
    output.stdout
}

/// The output of apt's own reader for a file of this name.
fn read_by_apt(name: &str, bytes: &[u8]) -> Vec<u8> {
    const HELPER: &str = "/usr/lib/apt/apt-helper";
    assert!(Path::new(HELPER).exists(), "apt must be installed for this test");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let output = Command::new(HELPER).arg("cat-file").arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The output of Python's reader; the plain text itself where there is no Python.
fn read_by_python(module: &str, bytes: &[u8], plain: &[u8]) -> Vec<u8> {
    let program = format!(
        "import sys,{module}; sys.stdout.buffer.write({module}.decompress(sys.stdin.buffer.read()))"
    );
    read_where_there_is("python3", &format!("import {module}"), &["-c", &program], (bytes, plain))
}

/// The output of a program; the plain text itself where it is not installed or cannot do `probe`.
fn read_where_there_is(
    program: &str,
    probe: &str,
    arguments: &[&str],
    (bytes, plain): (&[u8], &[u8]),
) -> Vec<u8> {
    let option = if program == "perl" { "-e" } else { "-c" };
    let found = Command::new(program).args([option, probe]).output();
    match found.is_ok_and(|output| output.status.success()) {
        true => piped(program, arguments, bytes),
        false => plain.to_vec(),
    }
}

fn check_all_readers(chunks: &[Vec<u8>], preset: u32) {
    let plain = chunks.concat();
    let (gz, xz) = (gzip_file(chunks), xz_file(chunks, preset));
    piped("xz", &["-t"], &xz);
    assert_eq!(piped("xz", &["-dc"], &xz), plain, "xz");
    assert_eq!(piped("zcat", &[], &gz), plain, "zcat");
    assert_eq!(read_by_apt("Packages.xz", &xz), plain, "apt, xz");
    assert_eq!(read_by_apt("Packages.gz", &gz), plain, "apt, gz");
    assert_eq!(read_by_python("lzma", &xz, &plain), plain, "python, xz");
    assert_eq!(read_by_python("gzip", &gz, &plain), plain, "python, gz");
    assert_eq!(read_as_one_member(&gz), plain, "flate2, one member");
    let both = (gz.as_slice(), plain.as_slice());
    let zlib = read_where_there_is("python3", "import zlib", &["-c", ZLIB], both);
    assert_eq!(zlib, plain, "zlib, one member");
    let perl = read_where_there_is("perl", "use IO::Uncompress::Gunzip", &["-e", PERL], both);
    assert_eq!(perl, plain, "perl, one member");
}

/// Text as an index has it, of exactly this size.
fn stanzas(size: usize, seed: u64) -> Vec<u8> {
    let mut text = String::new();
    let mut number = seed;
    while text.len() < size {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        text.push_str(&format!("Package: p{}\nVersion: 1.{}\n\n", number >> 40, number >> 58));
    }
    text.truncate(size);
    text.into_bytes()
}

#[test]
fn files_of_no_chunks_are_read_as_empty() {
    check_all_readers(&[], XZ_DEFAULT_PRESET);
    assert_eq!(gzip_file(&[]), EMPTY_GZIP);
    assert_eq!(gzip_member(b""), EMPTY_GZIP);
    assert_eq!(xz_file(&[], 6), piped("xz", &["-zc", "--check=crc32"], b""));
}

#[test]
fn files_of_one_and_of_many_chunks_are_read_whole() {
    check_all_readers(&[stanzas(1, 1)], XZ_DEFAULT_PRESET);
    check_all_readers(&[stanzas(300_000, 2)], XZ_DEFAULT_PRESET);
    let many: Vec<_> = (1..200).map(|at| stanzas(at * 37, at as u64)).collect();
    check_all_readers(&many, 1);
    let large: Vec<_> = (0..4).map(|at| stanzas(400_000 + at, at as u64)).collect();
    check_all_readers(&large, 0);
}

#[test]
fn chunks_that_do_not_shrink_are_read_whole() {
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    })
    .take(200_000)
    .collect();
    check_all_readers(&[noise.clone(), vec![0; 70_000], noise], 6);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn random_chunk_lists_are_read_by_all(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..5000), 0..12),
        preset in 0_u32..=9,
    ) {
        check_all_readers(&chunks, preset);
    }

    #[test]
    fn random_chunk_lists_are_one_member(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 0..200),
    ) {
        let (gz, plain) = (gzip_file(&chunks), chunks.concat());
        prop_assert_eq!(&read_as_one_member(&gz), &plain);
        prop_assert_eq!(gunzip_member(&gz, plain.len() as u64), Ok(plain));
    }

    #[test]
    fn random_runs_are_unpacked_again(plain in prop::collection::vec(any::<u8>(), 0..9000)) {
        let GzipRun { bytes, crc32 } = gzip_run(&plain);
        prop_assert_eq!(gunzip_run(&bytes, plain.len() as u64, crc32), Ok(plain));
    }

    #[test]
    fn random_members_are_unpacked_again(plain in prop::collection::vec(any::<u8>(), 0..9000)) {
        let member = gzip_member(&plain);
        prop_assert_eq!(gunzip_member(&member, plain.len() as u64), Ok(plain));
    }
}

#[test]
fn every_preset_and_awkward_size_has_the_expected_shape() {
    for preset in [0, 1, 6, 9] {
        for size in [1, 2, 3, 4, 5, 127, 128, 4095, 4096, 4097, 16_383, 16_384, 65_537] {
            let plain = stanzas(size, preset);
            let block = xz_block(&plain, preset as u32).unwrap();
            assert_eq!(block.plain_bytes, size as u64);
            assert_eq!(block.unpadded_bytes.next_multiple_of(4), block.bytes.len() as u64);
        }
    }
    assert_eq!(xz_block(b"", 6), Err(FramingError::EmptyChunk));
    assert_eq!(xz_block(b"x", 10), Err(FramingError::Preset(10)));
}

#[test]
fn the_same_chunk_gives_the_same_bytes() {
    let plain = stanzas(400_000, 7);
    assert_eq!(gzip_run(&plain), gzip_run(&plain));
    assert_eq!(gzip_member(&plain), gzip_member(&plain));
    assert_eq!(xz_block(&plain, 6), xz_block(&plain, 6));
}

#[test]
fn a_reader_needs_little_memory() {
    let plain = stanzas(256 * 1024, 9);
    let file = xz_file(std::slice::from_ref(&plain), 9);
    assert_eq!(piped("xz", &["-dc", "--memlimit-decompress=1MiB"], &file), plain);
}

#[test]
fn the_stored_form_is_read_as_well() {
    for size in [0, 1, 65_535, 65_536, 200_000] {
        let plain = stanzas(size, 3);
        let (run, crc32) = (deflate_stored(&plain), crc32fast::hash(&plain));
        assert!(run.ends_with(&FLUSHED));
        let member = member_of_run(&run, crc32, plain.len() as u64);
        assert_eq!(piped("zcat", &[], &member), plain);
        assert_eq!(gunzip_member(&member, plain.len() as u64).as_ref(), Ok(&plain));
        assert_eq!(gunzip_run(&run, plain.len() as u64, crc32), Ok(plain));
    }
}

/// The buffer of the encoder is 64 KiB; input that does not shrink fills it to every byte around
/// its end.
#[test]
fn a_run_ends_on_a_byte_whatever_its_size() {
    let noise: Vec<u8> = (0..70_000_u64)
        .scan(1_u64, |state, _| {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            Some((*state >> 56) as u8)
        })
        .collect();
    let around_the_room = (0..=80).map(|less| 65_560 - less);
    for size in around_the_room.chain([0, 1, 2, 32_767, 32_768, 32_769]) {
        let plain = &noise[..size];
        let GzipRun { bytes, crc32 } = gzip_run(plain);
        assert!(bytes.ends_with(&FLUSHED), "{size}");
        assert_eq!(gunzip_run(&bytes, size as u64, crc32).as_deref(), Ok(plain), "{size}");
        let member = member_of_run(&bytes, crc32, size as u64);
        assert_eq!(member.len(), bytes.len() + GZIP_FRAME_BYTES as usize);
        assert_eq!(read_as_one_member(&member), plain, "{size}");
    }
}

/// The edges: no chunk, chunks of nothing, one byte, one chunk, and many of them.
#[test]
fn the_tail_is_that_of_the_whole() {
    let many: Vec<_> = (0..3000).map(|at| stanzas(at % 97, at as u64)).collect();
    let lists = [
        Vec::new(),
        vec![Vec::new()],
        vec![b"x".to_vec()],
        vec![Vec::new(), b"x".to_vec(), Vec::new()],
        vec![stanzas(300_000, 1)],
        many,
    ];
    for chunks in lists {
        let plain = chunks.concat();
        let gz = gzip_file(&chunks);
        assert_eq!(read_as_one_member(&gz), plain);
        let [.., a, b, c, d, e, f, g, h] = gz.as_slice() else { panic!("a file has a tail") };
        assert_eq!([*a, *b, *c, *d], crc32fast::hash(&plain).to_le_bytes());
        assert_eq!([*e, *f, *g, *h], (plain.len() as u32).to_le_bytes());
    }
    // Beyond 4 GiB the size is counted modulo 2^32, and the CRC-32 continues.
    let zeros = vec![0; 1 << 20];
    let piece = (crc32fast::hash(&zeros), zeros.len() as u64);
    let tail = gzip_tail(std::iter::repeat_n(piece, 4097));
    let mut whole = crc32fast::Hasher::new();
    (0..4097).for_each(|_| whole.update(&zeros));
    assert_eq!(tail[2..6], whole.finalize().to_le_bytes());
    assert_eq!(tail[6..], (1_u32 << 20).to_le_bytes());
}

#[test]
fn damaged_runs_are_refused() {
    let plain = stanzas(10_000, 4);
    let GzipRun { bytes, crc32 } = gzip_run(&plain);
    let size = plain.len() as u64;
    assert_eq!(gunzip_run(&bytes, size, crc32).unwrap(), plain);
    for cut in 0..bytes.len() {
        assert!(gunzip_run(&bytes[..cut], size, crc32).is_err(), "cut at {cut}");
    }
    let ended = [&bytes[..], &LAST_BLOCK].concat();
    let twice = [&bytes[..], &bytes].concat();
    for (bytes, size, crc32) in [
        (&ended, size, crc32),
        (&twice, size, crc32),
        (&bytes, size - 1, crc32),
        (&bytes, size + 1, crc32),
        (&bytes, size, crc32 ^ 1),
    ] {
        assert!(matches!(gunzip_run(bytes, size, crc32), Err(FramingError::Gzip(_))));
    }
    let GzipRun { bytes, crc32 } = gzip_run(&vec![0; 50_000_000]);
    assert!(gunzip_run(&bytes, 1000, crc32).is_err(), "a bomb");
}

#[test]
fn damaged_members_are_refused() {
    let plain = stanzas(10_000, 4);
    let member = gzip_member(&plain);
    let size = plain.len() as u64;
    assert_eq!(gunzip_member(&member, size).unwrap(), plain);
    let with_tail = [member.clone(), vec![0]].concat();
    let twice = [member.clone(), member.clone()].concat();
    for (bytes, size) in
        [(&with_tail, size), (&twice, size), (&member, size - 1), (&member, size + 1)]
    {
        assert!(matches!(gunzip_member(bytes, size), Err(FramingError::Gzip(_))));
    }
    for cut in 0..member.len() {
        assert!(gunzip_member(&member[..cut], size).is_err(), "cut at {cut}");
    }
    for at in member.len() - 8..member.len() {
        let mut changed = member.clone();
        changed[at] ^= 1;
        assert!(gunzip_member(&changed, size).is_err(), "changed at {at}");
    }
}

#[test]
fn a_bomb_is_unpacked_no_further_than_its_recorded_size() {
    let bomb = gzip_member(&vec![0; 50_000_000]);
    assert_eq!(
        gunzip_member(&bomb, 1000),
        Err(FramingError::Gzip("its size is not the one recorded"))
    );
}
