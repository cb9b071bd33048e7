//! The corpus of the fuzzer: every file in it is read by its reader, and the promises of all readers hold.

#[path = "../fuzz/targets/mod.rs"]
mod targets;

use std::path::{Path, PathBuf};

use crate::harness::programs::program;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus")
}

/// The files of one reader, sorted.
fn files_of(name: &str) -> Vec<PathBuf> {
    let folder = corpus().join(name);
    let listed = std::fs::read_dir(&folder);
    let listed = listed.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = listed.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_file_of_the_corpus_is_read_as_promised() {
    let mut known = Vec::new();
    for target in targets::ALL {
        let files = files_of(target.name);
        assert!(!files.is_empty(), "{} has nothing in the corpus", target.name);
        for file in files {
            let bytes = std::fs::read(&file).unwrap();
            let read = std::panic::catch_unwind(|| (target.run)(&bytes));
            assert!(read.is_ok(), "{} breaks a promise", file.display());
        }
        known.push(target.name.to_owned());
    }
    let folders = std::fs::read_dir(corpus()).unwrap();
    for folder in folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
        assert!(known.contains(&folder), "nobody reads the corpus of {folder}");
    }
}

/// The order that the reader of versions is held against is written after dpkg's; here is dpkg itself.
#[test]
fn dpkg_orders_the_versions_of_the_corpus_as_we_do() {
    use repod::debian::Version;
    let mut compared = 0;
    for file in files_of("version") {
        let bytes = std::fs::read(file).unwrap();
        let Ok(text) = std::str::from_utf8(&bytes) else { continue };
        let versions: Vec<_> =
            text.split('\n').take(3).filter_map(|line| Version::parse(line).ok()).collect();
        for pair in versions.windows(2) {
            let sign = match pair[0].compare(&pair[1]) {
                std::cmp::Ordering::Less => "lt-nl",
                std::cmp::Ordering::Equal => "eq",
                std::cmp::Ordering::Greater => "gt-nl",
            };
            let (one, other) = (pair[0].as_str(), pair[1].as_str());
            let asked = program("dpkg").args(["--compare-versions", one, sign, other]).run();
            assert!(asked.succeeded(), "{one} {sign} {other}: {asked}");
            compared += 1;
        }
        if compared > 60 {
            break;
        }
    }
    assert!(compared >= 10, "{compared}");
}

/// A container that is accepted has, to dpkg-deb, the control file that was read here.
#[test]
fn dpkg_reads_the_containers_of_the_corpus_as_we_do() {
    use repod::debian::{DebLimits, deb::read_deb};
    let mut accepted = 0;
    for file in files_of("deb") {
        let bytes = std::fs::read(&file).unwrap();
        let Ok(parts) = read_deb(bytes.as_slice(), &DebLimits::default()) else { continue };
        let path = file.display().to_string();
        let control = program("dpkg-deb").args(["--info", &path, "control"]).run();
        assert_eq!(control.expect_success().stdout_bytes, parts.control, "{path}");
        program("dpkg-deb").args(["--contents", &path]).run().expect_success();
        accepted += 1;
        if accepted == 12 {
            break;
        }
    }
    assert!(accepted >= 4, "{accepted}");
}
