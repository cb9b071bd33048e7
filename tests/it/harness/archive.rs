//! Real packages of the Debian archive, fetched by apt from the machine's own package source and
//! kept between runs, and what apt-ftparchive writes about them.

use super::deb::Compression;
use super::programs::{Program, is_root, program};
use crate::check::deb822::{Stanza, parse_stanzas};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// No larger packages are fetched. Unit: bytes.
const LARGEST_BYTES: u64 = 200_000;

/// So many of each kind, and the kinds overlap.
const OF_EACH_KIND: usize = 55;

/// Fewer than these would not show what is to be shown.
pub const LEAST: usize = 200;

/// So many packages are packed again with other compressions.
pub const REPACKED: usize = 40;

/// At least [`LEAST`] packages as they are in the archive, in a fixed order: with and without
/// epochs, with `+` and `~` in their versions, for this machine's architecture and for `all`.
///
/// They are fetched at the first call and kept below the build directory, so that later runs need
/// no network.
pub fn real_packages() -> Vec<PathBuf> {
    static PACKAGES: std::sync::LazyLock<Vec<PathBuf>> = std::sync::LazyLock::new(|| {
        let dir = kept_dir("archive-packages");
        let _alone = alone_in(&dir);
        let kept = debs_in(&dir);
        if kept.len() >= LEAST && dir.join("complete").exists() {
            return kept;
        }
        fetch_into(&dir);
        std::fs::write(dir.join("complete"), "").unwrap();
        debs_in(&dir)
    });
    assert!(PACKAGES.len() >= LEAST, "only {} packages were fetched", PACKAGES.len());
    PACKAGES.clone()
}

/// The same packages, of which [`REPACKED`] are packed anew with gzip, zstd and no compression.
pub fn real_packages_some_repacked() -> Vec<PathBuf> {
    let packages = real_packages();
    let dir = kept_dir("archive-repacked");
    let _alone = alone_in(&dir);
    let step = packages.len() / REPACKED;
    let kinds = [Compression::Gzip, Compression::Zstd, Compression::None];
    let mut mixed = packages.clone();
    for n in 0..REPACKED {
        let original = &packages[n * step];
        let repacked = dir.join(original.file_name().unwrap());
        if !repacked.exists() {
            let bytes = repack(&std::fs::read(original).unwrap(), kinds[n % kinds.len()]);
            let half = dir.join("half");
            std::fs::write(&half, bytes).unwrap();
            std::fs::rename(&half, &repacked).unwrap();
        }
        mixed[n * step] = repacked;
    }
    mixed
}

/// What `apt-ftparchive packages` writes about the `.deb` files in a directory.
pub fn ftparchive(dir: &Path) -> Vec<Stanza> {
    let outcome = program("apt-ftparchive").args(["packages", "."]).dir(dir).run();
    parse_stanzas(&outcome.expect_success().stdout).expect("apt-ftparchive writes stanzas")
}

/// A `.deb` with the same contents, both its tar members packed in another way.
pub fn repack(deb: &[u8], compression: Compression) -> Vec<u8> {
    let mut archive = b"!<arch>\n".to_vec();
    for (name, body) in ar_members(deb) {
        let (name, body) = match name.split_once(".tar") {
            Some((stem, suffix)) => {
                let tar = unpacked(suffix, &body);
                (format!("{stem}.tar{}", compression.suffix()), compression.compress(&tar))
            }
            None => (name, body),
        };
        let header =
            format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100644, body.len());
        archive.extend(header.bytes());
        archive.extend(&body);
        archive.extend((body.len() % 2 == 1).then_some(b'\n'));
    }
    archive
}

/// The members of an ar archive whose names are short. Source: deb(5).
pub fn ar_members(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut rest = archive.strip_prefix(b"!<arch>\n").expect("an ar archive");
    let mut members = Vec::new();
    while rest.len() >= 60 {
        let (header, behind) = rest.split_at(60);
        let text = |range: std::ops::Range<usize>| String::from_utf8_lossy(&header[range]);
        let size: usize = text(48..58).trim().parse().expect("a member has a size");
        let name = text(0..16).trim_end().trim_end_matches('/').to_owned();
        members.push((name, behind[..size].to_vec()));
        rest = behind.get(size + size % 2..).unwrap_or_default();
    }
    members
}

fn unpacked(suffix: &str, bytes: &[u8]) -> Vec<u8> {
    let tool = match suffix {
        "" => return bytes.to_vec(),
        ".gz" => "gzip",
        ".xz" => "xz",
        ".zst" => "zstd",
        _ => panic!("no tool for .tar{suffix}"),
    };
    let run = program(tool).args(["--decompress", "--stdout"]).input(bytes).run();
    run.expect_success().stdout_bytes
}

/// A directory that outlives this run of the tests.
pub(super) fn kept_dir(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// Holds off other processes that would fill the same directory.
pub(super) fn alone_in(dir: &Path) -> std::fs::File {
    let file = std::fs::File::create(dir.join("lock")).unwrap();
    file.lock().unwrap();
    file
}

fn debs_in(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut debs: Vec<_> = entries.filter(|p| p.extension().is_some_and(|e| e == "deb")).collect();
    debs.sort();
    debs
}

/// The machine's apt with the machine's sources, and lists of its own: they are fresh, and nobody
/// needs to be root to fetch them.
pub(super) struct Fetcher {
    dir: PathBuf,
    options: Vec<String>,
}

impl Fetcher {
    /// One whose lists are kept in `dir`, with these options of apt.conf(5) besides its own.
    pub(super) fn new(dir: PathBuf, more: &[&str]) -> Self {
        for folder in ["state/lists/partial", "cache/archives/partial", "log"] {
            std::fs::create_dir_all(dir.join(folder)).unwrap();
        }
        std::fs::write(dir.join("status"), "").unwrap();
        let at = dir.display();
        let mut options = vec![
            format!("Dir::State={at}/state"),
            format!("Dir::State::status={at}/status"),
            format!("Dir::Cache={at}/cache"),
            format!("Dir::Log={at}/log"),
            "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false".to_owned(),
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned(),
            "APT::Update::Post-Invoke::=true".to_owned(),
        ];
        options.extend(more.iter().map(|&option| option.to_owned()));
        if is_root() {
            options.push("APT::Sandbox::User=root".to_owned());
        }
        Self { dir, options }
    }

    pub(super) fn program(&self, name: &str) -> Program {
        let proxies = ["http_proxy", "https_proxy", "no_proxy"];
        let options = self.options.iter().flat_map(|option| ["-o", option]);
        program(name).args(options).env_from_here(&proxies).dir(&self.dir)
    }
}

fn fetch_into(dir: &Path) {
    let fetcher = Fetcher::new(kept_dir("archive-apt"), &["Acquire::Languages=none"]);
    // One source among several may fail; whether there is enough is seen below.
    let update = fetcher.program("apt-get").args(["-q", "update"]).run();
    let listed = fetcher.program("apt-cache").arg("dumpavail").run().expect_success();
    let stanzas = parse_stanzas(&listed.stdout).expect("apt prints stanzas");
    let chosen = choose(&stanzas);
    assert!(
        chosen.len() >= LEAST,
        "the machine's package source lists only {} usable packages: {update}",
        chosen.len()
    );
    let have: BTreeSet<_> = debs_in(dir).into_iter().collect();
    have.iter().for_each(|old| std::fs::remove_file(old).unwrap());
    let download = fetcher.program("apt-get").args(["-q", "download"]).args(&chosen).dir(dir);
    download.run().expect_success();
}

/// `name=version` of packages spread over the archive and over the kinds that matter; the same
/// archive gives the same choice.
fn choose(stanzas: &[Stanza]) -> Vec<String> {
    let field = |stanza: &Stanza, name: &str| stanza.get(name).cloned().unwrap_or_default();
    let mut kinds: BTreeMap<&str, Vec<(u64, String)>> = BTreeMap::new();
    for stanza in stanzas {
        let size = field(stanza, "Size").parse().unwrap_or(u64::MAX);
        if size > LARGEST_BYTES || !field(stanza, "Filename").starts_with("pool/main/") {
            continue;
        }
        let (name, version) = (field(stanza, "Package"), field(stanza, "Version"));
        let kind = match version.as_str() {
            version if version.contains(':') => "epoch",
            version if version.contains('~') => "tilde",
            version if version.contains('+') => "plus",
            _ if field(stanza, "Architecture") == "all" => "all",
            _ => "machine",
        };
        let entry = (spread(&name), format!("{name}={version}"));
        kinds.entry(kind).or_default().push(entry);
    }
    let mut chosen = BTreeSet::new();
    for mut names in kinds.into_values() {
        names.sort();
        chosen.extend(names.into_iter().take(OF_EACH_KIND).map(|(_, name)| name));
    }
    chosen.into_iter().collect()
}

/// A number that has nothing to do with the order of names (FNV-1a).
fn spread(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
