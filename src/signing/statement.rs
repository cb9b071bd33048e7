//! Statements: signed texts that are no Release texts, and can never be taken for one.

/// Fields that apt demands of a Release file; a statement has none of them.
const RELEASE_FIELDS: [&str; 6] = ["date", "suite", "codename", "md5sum", "sha256", "valid-until"];

/// Checks that a statement reads the same to every verifier, and that nobody takes it for a Release
/// text.
pub(super) fn check(text: &str) -> Result<(), &'static str> {
    let plain = |c: char| c == '\n' || c == ' ' || c.is_ascii_graphic();
    if !text.ends_with('\n') || !text.chars().all(plain) {
        return Err("a statement is lines of printable ASCII");
    }
    for line in text.split_terminator('\n') {
        let (name, value) = line.split_once(": ").ok_or("a statement has a field on each line")?;
        if value.is_empty() || value.ends_with(' ') || name.contains(' ') {
            return Err("a statement has a field on each line");
        }
        if RELEASE_FIELDS.contains(&name.to_ascii_lowercase().as_str()) {
            return Err("a statement has no field of a Release file");
        }
    }
    Ok(())
}
