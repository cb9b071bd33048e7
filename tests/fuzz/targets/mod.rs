//! What is read from outside, one function for each: it is given bytes, and panics when a promise is broken.
//!
//! The fuzzer (`tests/fuzz/run`) calls them with bytes that it makes, the gate (`tests/it/fuzzed.rs`) with
//! those of the corpus. A file that once made one of them panic stays in the corpus.

mod certificates;
mod contents;
mod control;
mod deb;
mod flaws;
mod head;
mod index;
mod list;
mod patches;
mod release;
mod report;
pub mod seeds;
mod settings;
mod tar;
mod versions;
mod wire;

/// One reader, and how much memory it may take for an input.
pub struct Target {
    /// Its name, which is the name of its folder in the corpus.
    pub name: &'static str,
    /// Reads the bytes.
    pub run: fn(&[u8]),
    /// The most memory that it holds at once, whatever the input. Unit: bytes.
    #[allow(dead_code, reason = "the fuzzer counts memory, the gate does not")]
    pub memory_bytes: usize,
    /// And for each byte of it. Unit: bytes.
    #[allow(dead_code, reason = "the fuzzer counts memory, the gate does not")]
    pub memory_per_byte: usize,
    /// The longest input that the fuzzer makes. Unit: bytes.
    #[allow(dead_code, reason = "the corpus has shorter ones")]
    pub longest_bytes: usize,
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// All of them.
pub const ALL: &[Target] = &[
    // Two readers at once, each with its buffers and at most what `deb::LIMITS` lets a decoder take.
    target("deb", deb::deb, 40 * MIB, 64, 64 * KIB),
    target("deb-tar", tar::deb_tar, 8 * MIB, 64, 48 * KIB),
    target("control", control::control, MIB, 256, 16 * KIB),
    target("stanza", control::stanza, MIB, 256, 16 * KIB),
    target("relations", control::relations, MIB, 512, 8 * KIB),
    target("version", versions::version, MIB, 256, KIB),
    target("names", versions::names, MIB, 256, KIB),
    target("packages", index::packages, MIB, 256, 16 * KIB),
    target("translation", index::translation, MIB, 256, 16 * KIB),
    target("release", release::release, MIB, 256, 16 * KIB),
    target("in-release", release::in_release, 16 * MIB, 512, 16 * KIB),
    target("pdiff-index", patches::index, MIB, 256, 8 * KIB),
    target("pdiff-script", patches::script, MIB, 512, 8 * KIB),
    target("contents", contents::contents, MIB, 256, 8 * KIB),
    target("file-list", contents::file_list, 2 * MIB, 4 * KIB, 8 * KIB),
    target("proxy-header", wire::proxy_header, MIB, 64, 4 * KIB),
    target("http-head", head::http_head, 4 * MIB, 1024, 8 * KIB),
    target("http-path", wire::http_path, MIB, 64, 8 * KIB),
    target("batch", wire::batch, MIB, 256, 8 * KIB),
    target("api", wire::api, 4 * MIB, 1024, 8 * KIB),
    target("certificate", certificates::certificate, 4 * MIB, 256, 8 * KIB),
    target("request", certificates::request, 4 * MIB, 256, 8 * KIB),
    target("crl", list::crl, 4 * MIB, 1024, 8 * KIB),
    target("configuration", settings::configuration, 8 * MIB, 4 * KIB, 8 * KIB),
    target("report", report::report, 2 * MIB, 512, 16 * KIB),
    target("flaws", flaws::flaws, 4 * MIB, 512, 16 * KIB),
    target("manifest", settings::manifest, 8 * MIB, 4 * KIB, 8 * KIB),
    target("statement", settings::statement, MIB, 64, KIB),
];

const fn target(
    name: &'static str,
    run: fn(&[u8]),
    memory_bytes: usize,
    memory_per_byte: usize,
    longest_bytes: usize,
) -> Target {
    Target { name, run, memory_bytes, memory_per_byte, longest_bytes }
}

/// The text of the bytes; what is not UTF-8 is none.
fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}
