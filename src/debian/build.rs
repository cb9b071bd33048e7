//! Build: writes a `.deb` from values. The same values give the same bytes, always.
//!
//! Source: deb(5). Owners are root, times are one fixed moment, members are gzip without a name or
//! time, so that every dpkg reads them.

use std::io::{self, Write as _};

use flate2::{Compression, GzBuilder};

/// The time of every member: fixed, so that the bytes depend on no clock. Unit: seconds since 1970.
const MADE_AT: u64 = 1_000_000_000;
const DIRECTORY_MODE: u32 = 0o755;
/// The longest name that fits into the header of a tar member. Unit: bytes.
const NAME_BYTES: usize = 100;

/// A plain file that a package installs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DebFile {
    /// Absolute, plain: `/etc/apt/sources.list.d/acme.sources`.
    pub path: String,
    /// Its permissions.
    pub mode: u32,
    /// Its content.
    pub content: Vec<u8>,
}

/// A package without conffiles: dpkg replaces its files without asking.
///
/// `control` is the text of its control file, `postinst` a script that dpkg runs when it configures
/// the package; empty for none.
///
/// # Errors
/// For values that do not fit into a tar archive, such as a path that is too long (caller's fault).
pub fn write_deb(control: &str, postinst: &str, files: &[DebFile]) -> io::Result<Vec<u8>> {
    let mut sorted: Vec<_> = files.iter().collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    let sums: String = sorted.iter().map(|file| md5_line(file)).collect();
    let mut about = Archive::new()?;
    about.file("./control", 0o644, control.as_bytes())?;
    about.file("./md5sums", 0o644, sums.as_bytes())?;
    if !postinst.is_empty() {
        about.file("./postinst", 0o755, postinst.as_bytes())?;
    }
    let mut data = Archive::new()?;
    for file in sorted {
        data.file(&format!(".{}", file.path), file.mode, &file.content)?;
    }
    let mut deb = b"!<arch>\n".to_vec();
    member(&mut deb, "debian-binary", b"2.0\n")?;
    member(&mut deb, "control.tar.gz", &about.finish()?)?;
    member(&mut deb, "data.tar.gz", &data.finish()?)?;
    Ok(deb)
}

fn md5_line(file: &DebFile) -> String {
    let sum = crate::digest::Md5::of(&file.content);
    format!("{sum}  {}\n", file.path.trim_start_matches('/'))
}

/// One member of the ar archive, with the byte of padding where its length is odd.
fn member(deb: &mut Vec<u8>, name: &str, content: &[u8]) -> io::Result<()> {
    let length = content.len();
    writeln!(deb, "{name:<16}{MADE_AT:<12}{:<6}{:<6}{:<8}{length:<10}`", 0, 0, 100_644)?;
    deb.extend_from_slice(content);
    if length % 2 == 1 {
        deb.push(b'\n');
    }
    Ok(())
}

/// A tar archive, gzipped; each directory comes before its content.
struct Archive {
    tar: tar::Builder<Vec<u8>>,
    made: Vec<String>,
}

impl Archive {
    fn new() -> io::Result<Self> {
        let mut archive = Self { tar: tar::Builder::new(Vec::new()), made: Vec::new() };
        archive.entry("./", tar::EntryType::Directory, DIRECTORY_MODE, &[])?;
        Ok(archive)
    }

    fn file(&mut self, path: &str, mode: u32, content: &[u8]) -> io::Result<()> {
        let slashes = path.match_indices('/').skip(1);
        let above: Vec<_> = slashes.filter_map(|(at, _)| path.get(..=at)).collect();
        for directory in above {
            if !self.made.iter().any(|made| made == directory) {
                self.made.push(directory.to_owned());
                self.entry(directory, tar::EntryType::Directory, DIRECTORY_MODE, &[])?;
            }
        }
        self.entry(path, tar::EntryType::Regular, mode, content)
    }

    /// `append_data` would drop the leading `./` that dpkg writes.
    fn entry(
        &mut self,
        path: &str,
        kind: tar::EntryType,
        mode: u32,
        content: &[u8],
    ) -> io::Result<()> {
        let bytes = path.as_bytes();
        if bytes.len() > NAME_BYTES {
            // An extra member before it holds the name, ended by NUL. Source: tar(5), "GNU tar
            // Archives".
            let name = [bytes, &[0]].concat();
            self.entry("././@LongLink", tar::EntryType::GNULongName, DIRECTORY_MODE, &name)?;
        }
        let mut header = tar::Header::new_gnu();
        let begin = bytes.get(..bytes.len().min(NAME_BYTES)).unwrap_or(bytes);
        header.as_old_mut().name.iter_mut().zip(begin).for_each(|(to, from)| *to = *from);
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_username("root")?;
        header.set_groupname("root")?;
        header.set_mtime(MADE_AT);
        header.set_size(content.len() as u64);
        header.set_cksum();
        self.tar.append(&header, content)
    }

    fn finish(self) -> io::Result<Vec<u8>> {
        let tar = self.tar.into_inner()?;
        let mut gz = GzBuilder::new().write(Vec::new(), Compression::best());
        gz.write_all(&tar)?;
        gz.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debian::deb;

    const CONTROL: &str = "Package: acme-client\nVersion: 1\nArchitecture: all\nMaintainer: Acme \
                           <a@acme.example>\nDescription: a test\n";

    fn files() -> Vec<DebFile> {
        let file = |path: &str, content: &str| DebFile {
            path: path.into(),
            mode: 0o644,
            content: content.into(),
        };
        vec![file("/usr/share/keyrings/b.asc", "key\n"), file("/etc/apt/a.conf", "conf\n")]
    }

    #[test]
    fn our_own_reader_reads_what_is_written_and_the_order_does_not_matter() {
        let bytes = write_deb(CONTROL, "", &files()).unwrap();
        let mut turned = files();
        turned.reverse();
        assert_eq!(write_deb(CONTROL, "", &turned).unwrap(), bytes);
        let limits = deb::DebLimits::default();
        let read = deb::read_deb(bytes.as_slice(), &limits).unwrap();
        assert_eq!(String::from_utf8(read.control).unwrap(), CONTROL);
    }

    #[test]
    fn a_path_of_any_length_is_read_back() {
        // The longest that dpkg can install.
        for length in [98, 99, 100, 101, 246] {
            let path = format!("/etc/{}", "a".repeat(length));
            let long = DebFile { path: path.clone(), mode: 0o644, content: vec![1] };
            let bytes = write_deb(CONTROL, "", &[long]).unwrap();
            let mut paths = Vec::new();
            let mut archive = tar::Archive::new(flate2::bufread::GzDecoder::new(data_of(&bytes)));
            for entry in archive.entries().unwrap() {
                let entry = entry.unwrap();
                paths.push(String::from_utf8(entry.path_bytes().into_owned()).unwrap());
            }
            assert!(paths.contains(&format!(".{path}")), "{paths:?}");
            assert!(deb::read_deb(bytes.as_slice(), &deb::DebLimits::default()).is_ok());
        }
    }

    fn data_of(deb: &[u8]) -> &[u8] {
        let at = deb.windows(11).position(|window| window == b"data.tar.gz").unwrap();
        &deb[at + 60..]
    }
}
