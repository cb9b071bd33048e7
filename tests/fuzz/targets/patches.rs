//! PDiffs: the index of patches, and the scripts.

use repod::debian::pdiff::{
    PdiffIndex, apply, ed_script, in_step, lines_in, read_script, stanza_hunks,
};

/// A `Packages.diff/Index`: it has one form.
pub fn index(bytes: &[u8]) {
    let Some(text) = super::text(bytes) else { return };
    let Ok(read) = PdiffIndex::parse(text) else { return };
    assert_eq!(read.write(), text);
    let safe = |name: &str| !name.contains('/') && !name.starts_with('.') && name != "Index";
    assert!(read.patches.iter().all(|patch| safe(&patch.name)));
}

/// A script; or two texts with a NUL between them, and the script from one to the other.
pub fn script(bytes: &[u8]) {
    if let Ok(hunks) = read_script(bytes) {
        assert_eq!(ed_script(&hunks).as_deref(), Ok(bytes), "a script has one form");
        let _ = apply(1, b"a\nb\nc\n", &hunks);
    }
    let Some(at) = bytes.iter().position(|byte| *byte == 0) else { return };
    let (old, new) = (&bytes[..at], &bytes[at + 1..]);
    let hunks = stanza_hunks(1, old, new);
    let applied = apply(1, old, &hunks);
    assert_eq!(applied.as_deref(), Some(new), "{hunks:?} lead elsewhere");
    if let Ok(script) = ed_script(&hunks) {
        let read = read_script(&script).expect("what is written is read");
        assert_eq!(apply(1, old, &read).as_deref(), Some(new));
    }
    let (of_old, of_new) = in_step(old, new);
    assert!(of_old <= old.len() && of_new <= new.len());
    assert!(lines_in(old) <= old.len() as u64);
}
