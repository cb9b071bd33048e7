//! Roots with a Debian of their own in them: made once by a script of `tests/`, and kept for the next run.

use std::path::{Path, PathBuf};

use super::programs::{is_root, program};

/// What says where packages come from.
const FROM_HERE: &[&str] = &["DEBIAN_SOURCE", "http_proxy", "https_proxy", "no_proxy"];

/// The place `name`, filled by the script of that name and these arguments, unless it is filled already.
///
/// `None` where it cannot be: without root, without device nodes, or without a source of Debian. What was
/// missing is noted in a file, and `tests/run` tells of it in its last line.
pub fn kept(name: &str, more: &[&str]) -> Option<PathBuf> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let note = place.with_extension("not-run");
    let why = match is_root() {
        false => "only root makes a root".to_owned(),
        true => {
            // Of tests that want it at once, one makes it.
            let lock = std::fs::File::create(place.with_extension("lock")).unwrap();
            lock.lock().unwrap();
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
            let script = program(script.to_str().unwrap()).arg(&place).args(more);
            let made = script.env_from_here(FROM_HERE).run();
            if made.succeeded() {
                let _ = std::fs::remove_file(&note);
                return Some(place);
            }
            made.to_string()
        }
    };
    not_run(name, &why);
    None
}

/// Says that a test was not run, also in the last line of `tests/run`.
pub fn not_run(name: &str, why: &str) {
    println!("not run: {why}");
    let note = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).with_extension("not-run");
    std::fs::write(note, format!("{why}\n")).unwrap();
}
