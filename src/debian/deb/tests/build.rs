//! Small archives for the tests of this room, valid and invalid ones.

use std::io::Write as _;

/// A control file that any reader accepts.
pub const CONTROL: &[u8] = b"Package: hello\nVersion: 1.0-1\nArchitecture: amd64\n\
    Maintainer: A <a@example.org>\nDescription: says hello\n";

/// One entry of a tar archive as bytes: header, body, padding.
pub struct Entry {
    pub header: [u8; 512],
    pub body: Vec<u8>,
}

impl Entry {
    pub fn new(name: &str, kind: u8, body: &[u8]) -> Self {
        Self::raw(name.as_bytes(), kind, body.len() as u64, body)
    }

    pub fn file(name: &str, body: &[u8]) -> Self {
        Self::new(name, b'0', body)
    }

    pub fn folder(name: &str) -> Self {
        Self::new(name, b'5', b"")
    }

    pub fn link(name: &str, kind: u8, target: &str) -> Self {
        Self::new(name, kind, b"").with(157, target.as_bytes())
    }

    /// A GNU header whose size field need not be the truth.
    pub fn raw(name: &[u8], kind: u8, size: u64, body: &[u8]) -> Self {
        let mut header = [0; 512];
        header[..name.len()].copy_from_slice(name);
        header[100..108].copy_from_slice(b"0000644\0");
        header[108..116].copy_from_slice(b"0000000\0");
        header[116..124].copy_from_slice(b"0000000\0");
        header[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
        header[136..148].copy_from_slice(b"14000000000\0");
        header[156] = kind;
        header[257..265].copy_from_slice(b"ustar  \0");
        Self { header, body: body.to_vec() }.summed()
    }

    /// Writes other bytes at this place of the header, with a right checksum.
    pub fn with(mut self, at: usize, bytes: &[u8]) -> Self {
        self.header[at..at + bytes.len()].copy_from_slice(bytes);
        self.summed()
    }

    /// The same without a new checksum.
    pub fn with_unsummed(mut self, at: usize, bytes: &[u8]) -> Self {
        self.header[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// A POSIX ustar header instead of a GNU one.
    pub fn ustar(self) -> Self {
        self.with(257, b"ustar\x0000")
    }

    /// An old-style (v7) header, as Rust's `tar` crate and cargo-deb write it.
    pub fn old(self) -> Self {
        self.with(257, &[0; 8])
    }

    fn summed(mut self) -> Self {
        self.header[148..156].copy_from_slice(b"        ");
        let sum: u32 = self.header.iter().map(|byte| u32::from(*byte)).sum();
        self.header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let padding = self.body.len().next_multiple_of(512) - self.body.len();
        [&self.header[..], &self.body, &vec![0; padding]].concat()
    }
}

/// The entries without an end mark.
pub fn tar_open(entries: &[Entry]) -> Vec<u8> {
    entries.iter().flat_map(Entry::bytes).collect()
}

/// A whole tar archive.
pub fn tar(entries: &[Entry]) -> Vec<u8> {
    [tar_open(entries), vec![0; 1024]].concat()
}

pub fn control_tar() -> Vec<u8> {
    let script = Entry::file("./postinst", b"#!/bin/sh\n");
    tar(&[Entry::folder("./"), Entry::file("./control", CONTROL), script])
}

pub fn data_tar() -> Vec<u8> {
    tar(&[
        Entry::folder("./"),
        Entry::folder("./usr/"),
        Entry::folder("./usr/bin/"),
        Entry::file("./usr/bin/hello", &b"hello\n".repeat(3000)),
        Entry::link("./usr/bin/hi", b'2', "hello"),
        Entry::link("./usr/bin/ho", b'1', "./usr/bin/hello"),
    ])
}

/// A pax record that counts its own length.
pub fn pax(key: &str, value: &str) -> Vec<u8> {
    let bare = key.len() + value.len() + 3;
    let mut length = bare + 1;
    while length != bare + length.to_string().len() {
        length += 1;
    }
    format!("{length} {key}={value}\n").into_bytes()
}

pub fn gz(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new()
        .mtime(1_600_000_000)
        .filename("x.tar")
        .write(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

pub fn xz(plain: &[u8]) -> Vec<u8> {
    xz_with(plain, liblzma::stream::Check::Crc64)
}

pub fn xz_with(plain: &[u8], check: liblzma::stream::Check) -> Vec<u8> {
    let stream = liblzma::stream::Stream::new_easy_encoder(1, check).unwrap();
    let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

pub fn zst(plain: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// Suffix and compressor of each form.
pub type Form = (&'static str, fn(&[u8]) -> Vec<u8>);

pub const FORMS: [Form; 4] = [("", <[u8]>::to_vec), (".gz", gz), (".xz", xz), (".zst", zst)];

/// An ar header with any fields.
pub fn ar_header(name: &str, size: &str) -> Vec<u8> {
    format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 1_600_000_000, 0, 0, 100_644)
        .into_bytes()
}

/// One ar member with its padding.
pub fn member(name: &str, content: &[u8]) -> Vec<u8> {
    let mut bytes = ar_header(name, &content.len().to_string());
    bytes.extend(content);
    if content.len() % 2 == 1 {
        bytes.push(b'\n');
    }
    bytes
}

/// An archive of these members.
pub fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = b"!<arch>\n".to_vec();
    archive.extend(members.iter().flat_map(|(name, content)| member(name, content)));
    archive
}

/// A valid `.deb`, its tar members in these forms.
pub fn deb(control: Form, data: Form) -> Vec<u8> {
    ar(&[
        ("debian-binary", b"2.0\n"),
        (&format!("control.tar{}", control.0), &control.1(&control_tar())),
        (&format!("data.tar{}", data.0), &data.1(&data_tar())),
    ])
}

/// A `.deb` with this plain control.tar.
pub fn with_control(control_tar: &[u8]) -> Vec<u8> {
    ar(&[
        ("debian-binary", b"2.0\n"),
        ("control.tar", control_tar),
        ("data.tar.gz", &gz(&data_tar())),
    ])
}

/// A `.deb` with this plain data.tar.
pub fn with_data(data_tar: &[u8]) -> Vec<u8> {
    with_data_member("data.tar", data_tar)
}

/// A `.deb` with this member in the place of data.tar.
pub fn with_data_member(name: &str, content: &[u8]) -> Vec<u8> {
    ar(&[("debian-binary", b"2.0\n"), ("control.tar.gz", &gz(&control_tar())), (name, content)])
}
