//! Builds any `.deb`, right ones and broken ones, with no help from the product.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

/// How a tar member is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Xz,
    Zstd,
}

impl Compression {
    pub const ALL: [Self; 4] = [Self::None, Self::Gzip, Self::Xz, Self::Zstd];

    pub fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Xz => ".xz",
            Self::Zstd => ".zst",
        }
    }

    pub fn compress(self, plain: &[u8]) -> Vec<u8> {
        match self {
            Self::None => plain.to_vec(),
            Self::Gzip => {
                let level = flate2::Compression::new(6);
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            Self::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            Self::Zstd => {
                let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
                encoder.include_checksum(true).unwrap();
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
        }
    }
}

/// What an entry of a tar archive is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    File { content: Vec<u8>, mode: u32 },
    Symlink { target: String },
    HardLink { target: String },
    CharacterDevice,
    Fifo,
    Folder,
}

impl Entry {
    pub fn file(content: impl Into<Vec<u8>>) -> Self {
        Self::File { content: content.into(), mode: 0o644 }
    }

    pub fn program(content: impl Into<Vec<u8>>) -> Self {
        Self::File { content: content.into(), mode: 0o755 }
    }
}

/// Builds a `.deb` from fields and files. The same calls give the same bytes.
///
/// ```ignore
/// let bytes = DebBuilder::new("hello", "1.0-1", "amd64")
///     .field("Depends", "libc6")
///     .file("usr/bin/hello", b"#!/bin/sh\n")
///     .build();
/// ```
#[derive(Debug, Clone)]
pub struct DebBuilder {
    fields: Vec<(String, String)>,
    raw_control: Option<Vec<u8>>,
    control_entry: Option<Entry>,
    control_files: BTreeMap<String, Entry>,
    data: BTreeMap<String, Entry>,
    control_compression: Compression,
    data_compression: Compression,
    extra_members: Vec<(usize, String, Vec<u8>)>,
    claimed_sizes: BTreeMap<usize, String>,
    raw_tars: [Option<Vec<u8>>; 2],
}

impl DebBuilder {
    /// A package with the fields that every package must have, and no files.
    pub fn new(package: &str, version: &str, architecture: &str) -> Self {
        let fields = [
            ("Package", package),
            ("Version", version),
            ("Architecture", architecture),
            ("Maintainer", "Test Builder <builder@example.org>"),
            ("Section", "misc"),
            ("Priority", "optional"),
            ("Description", "package made for a test\n It does nothing."),
        ];
        Self {
            fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            raw_control: None,
            control_entry: None,
            control_files: BTreeMap::new(),
            data: BTreeMap::new(),
            control_compression: Compression::Gzip,
            data_compression: Compression::Gzip,
            extra_members: Vec::new(),
            claimed_sizes: BTreeMap::new(),
            raw_tars: [None, None],
        }
    }

    /// Sets a control field; one of the same name is replaced, in its place.
    pub fn field(mut self, name: &str, value: &str) -> Self {
        match self.fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => value.clone_into(known),
            None => self.fields.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// Takes a control field out.
    pub fn without_field(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    /// Installs a file; its path has no leading slash: `usr/bin/hello`.
    pub fn file(self, path: &str, content: &[u8]) -> Self {
        self.entry(path, Entry::file(content))
    }

    /// Installs anything.
    pub fn entry(mut self, path: &str, entry: Entry) -> Self {
        self.data.insert(path.to_owned(), entry);
        self
    }

    /// Adds a maintainer script: `postinst`.
    pub fn script(self, name: &str, content: &str) -> Self {
        self.control_file(name, Entry::program(content))
    }

    /// Adds anything beside `control`: `conffiles`, `md5sums`.
    pub fn control_file(mut self, name: &str, entry: Entry) -> Self {
        self.control_files.insert(name.to_owned(), entry);
        self
    }

    pub fn control_compression(mut self, compression: Compression) -> Self {
        self.control_compression = compression;
        self
    }

    pub fn data_compression(mut self, compression: Compression) -> Self {
        self.data_compression = compression;
        self
    }

    /// Puts these bytes into `control` in place of the fields.
    pub fn raw_control(mut self, bytes: &[u8]) -> Self {
        self.raw_control = Some(bytes.to_vec());
        self
    }

    /// Makes `control` something else than the file with the fields.
    pub fn control_entry(mut self, entry: Entry) -> Self {
        self.control_entry = Some(entry);
        self
    }

    /// Puts these bytes in the place of the plain control.tar, before compression.
    pub fn raw_control_tar(mut self, tar: &[u8]) -> Self {
        self.raw_tars[0] = Some(tar.to_vec());
        self
    }

    /// Puts these bytes in the place of the plain data.tar, before compression.
    pub fn raw_data_tar(mut self, tar: &[u8]) -> Self {
        self.raw_tars[1] = Some(tar.to_vec());
        self
    }

    /// Puts another ar member before the one at `position`; 0 is `debian-binary`, 3 is the end.
    pub fn extra_member(mut self, position: usize, name: &str, content: &[u8]) -> Self {
        self.extra_members.push((position, name.to_owned(), content.to_vec()));
        self
    }

    /// Writes this text as the size of a member, which then is a lie; 0 is `debian-binary`.
    pub fn claimed_size(mut self, position: usize, size: &str) -> Self {
        self.claimed_sizes.insert(position, size.to_owned());
        self
    }

    /// The name such a file has by custom: the version without its epoch.
    pub fn file_name(&self) -> String {
        let value = |name: &str| {
            let field = self.fields.iter().find(|(known, _)| known == name);
            field.map_or("", |(_, value)| value.as_str())
        };
        let version = value("Version");
        let version = version.split_once(':').map_or(version, |(_, rest)| rest);
        format!("{}_{version}_{}.deb", value("Package"), value("Architecture"))
    }

    /// The bytes of the `.deb`.
    pub fn build(&self) -> Vec<u8> {
        let [raw_control_tar, raw_data_tar] = &self.raw_tars;
        let control_tar = raw_control_tar.clone().unwrap_or_else(|| self.control_tar());
        let data_tar = raw_data_tar.clone().unwrap_or_else(|| tar_of(&self.data));
        let tar_member = |stem: &str, compression: Compression, plain: &[u8]| {
            (format!("{stem}.tar{}", compression.suffix()), compression.compress(plain))
        };
        let members = [
            ("debian-binary".to_owned(), b"2.0\n".to_vec()),
            tar_member("control", self.control_compression, &control_tar),
            tar_member("data", self.data_compression, &data_tar),
        ];
        let mut archive = b"!<arch>\n".to_vec();
        for position in 0..=members.len() {
            for (_, name, content) in self.extra_members.iter().filter(|(at, ..)| *at == position) {
                ar_member(&mut archive, name, content, &content.len().to_string());
            }
            if let Some((name, content)) = members.get(position) {
                let size = content.len().to_string();
                let size = self.claimed_sizes.get(&position).unwrap_or(&size);
                ar_member(&mut archive, name, content, size);
            }
        }
        archive
    }

    fn control_tar(&self) -> Vec<u8> {
        let text: String =
            self.fields.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        let text = self.raw_control.clone().unwrap_or_else(|| text.into_bytes());
        let control = self.control_entry.clone().unwrap_or_else(|| Entry::file(text));
        let mut entries = self.control_files.clone();
        entries.insert("control".to_owned(), control);
        tar_of(&entries)
    }
}

fn ar_member(archive: &mut Vec<u8>, name: &str, content: &[u8], size: &str) {
    let (time, owner, mode) = (1_700_000_000, 0, 100_644);
    archive
        .extend(format!("{name:<16}{time:<12}{owner:<6}{owner:<6}{mode:<8}{size:<10}`\n").bytes());
    archive.extend(content);
    if content.len() % 2 == 1 {
        archive.push(b'\n');
    }
}

/// A GNU tar archive as dpkg-deb makes it: `./` in front, folders before what they hold.
fn tar_of(entries: &BTreeMap<String, Entry>) -> Vec<u8> {
    let mut folders = BTreeSet::from([String::new()]);
    for path in entries.keys() {
        folders.extend(path.match_indices('/').map(|(at, _)| path[..at].to_owned()));
    }
    let mut builder = tar::Builder::new(Vec::new());
    for folder in folders.iter().filter(|folder| !entries.contains_key(*folder)) {
        append(&mut builder, folder, &Entry::Folder);
    }
    // dpkg makes a hard link at once, so what it links to must stand before it.
    let is_hard_link = |entry: &Entry| matches!(entry, Entry::HardLink { .. });
    for links in [false, true] {
        for (path, entry) in entries.iter().filter(|(_, entry)| is_hard_link(entry) == links) {
            append(&mut builder, path, entry);
        }
    }
    builder.into_inner().unwrap()
}

fn append(builder: &mut tar::Builder<Vec<u8>>, path: &str, entry: &Entry) {
    use tar::EntryType;
    let (kind, mode, content, target) = match entry {
        Entry::File { content, mode } => (EntryType::Regular, *mode, content.as_slice(), ""),
        Entry::Symlink { target } => (EntryType::Symlink, 0o777, &[][..], target.as_str()),
        Entry::HardLink { target } => (EntryType::Link, 0o644, &[][..], target.as_str()),
        Entry::CharacterDevice => (EntryType::Char, 0o666, &[][..], ""),
        Entry::Fifo => (EntryType::Fifo, 0o666, &[][..], ""),
        Entry::Folder => (EntryType::Directory, 0o755, &[][..], ""),
    };
    let slash = if kind == EntryType::Directory && !path.is_empty() { "/" } else { "" };
    let name = format!("./{path}{slash}");
    append_long(builder, &name, b'L', 100);
    append_long(builder, target, b'K', 100);
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1_700_000_000);
    header.set_size(content.len() as u64);
    // Set as bytes: the crate would tidy up `./` and refuse what a broken package may hold.
    let gnu = header.as_gnu_mut().unwrap();
    copy_cut(&mut gnu.name, &name);
    copy_cut(&mut gnu.linkname, target);
    if kind == EntryType::Char {
        header.set_device_major(1).unwrap();
        header.set_device_minor(3).unwrap();
    }
    header.set_cksum();
    builder.append(&header, content).unwrap();
}

/// The GNU entry for a name that does not fit into a header; nothing for one that does.
fn append_long(builder: &mut tar::Builder<Vec<u8>>, text: &str, kind: u8, fits_bytes: usize) {
    if text.len() <= fits_bytes {
        return;
    }
    let content = format!("{text}\0");
    let mut header = tar::Header::new_gnu();
    copy_cut(&mut header.as_gnu_mut().unwrap().name, "././@LongLink");
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_mode(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(content.len() as u64);
    header.set_cksum();
    builder.append(&header, content.as_bytes()).unwrap();
}

fn copy_cut(field: &mut [u8; 100], text: &str) {
    let length = text.len().min(field.len());
    field[..length].copy_from_slice(&text.as_bytes()[..length]);
}

#[cfg(test)]
mod tests;
