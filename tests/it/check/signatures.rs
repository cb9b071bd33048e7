//! InRelease, Release and Release.gpg: taken apart by hand and verified by Debian's verifiers.

use crate::harness::programs::{Outcome, program};
use std::path::Path;

/// The two halves of a clear-signed text.
pub struct InRelease {
    /// The signed text, as it was before it was signed, with the newline at its end.
    pub text: String,
    /// The armored signature.
    pub signature: String,
}

const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
const END: &str = "-----END PGP SIGNATURE-----";

/// Takes an InRelease file apart.
///
/// # Errors
/// Anything before, between or after the parts: apt refuses it, and gpgv would pass over it.
pub fn take_apart(bytes: &[u8]) -> Result<InRelease, String> {
    let whole = std::str::from_utf8(bytes).map_err(|_| "InRelease is not UTF-8".to_owned())?;
    let mut lines = whole.lines();
    if lines.next() != Some(BEGIN) {
        return Err("InRelease does not begin with a signed message".to_owned());
    }
    for header in lines.by_ref().take_while(|line| !line.is_empty()) {
        if !header.starts_with("Hash: ") {
            return Err(format!("InRelease has an unknown armor header: {header:?}"));
        }
    }
    let mut text = String::new();
    for line in lines.by_ref().take_while(|line| *line != SIGNATURE) {
        let plain = line.strip_prefix("- ").unwrap_or(line);
        if line.starts_with('-') && plain == line || plain.ends_with([' ', '\t', '\r']) {
            return Err(format!(
                "InRelease has a line that verifiers may read otherwise: {line:?}"
            ));
        }
        text.push_str(plain);
        text.push('\n');
    }
    let rest: Vec<_> = lines.collect();
    if rest.last() != Some(&END) || rest.iter().filter(|line| line.starts_with("-----")).count() > 1
    {
        return Err("InRelease does not end with one signature".to_owned());
    }
    let signature = format!("{SIGNATURE}\n{}\n", rest.join("\n"));
    Ok(InRelease { text, signature })
}

/// Verifies an InRelease file and a Release with its Release.gpg, each with gpgv and with sqv.
///
/// # Errors
/// What a verifier said, for each that refused.
pub fn verify(
    in_release: &[u8],
    parts: &InRelease,
    release: &[u8],
    release_gpg: &[u8],
    key: &Path,
) -> Result<(), Vec<String>> {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let put = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).expect("a temporary file can be written");
        path
    };
    let keyring = put("keyring.gpg", &binary_key(key));
    let in_release = put("InRelease", in_release);
    let (release, release_gpg) = (put("Release", release), put("Release.gpg", release_gpg));
    // Older sqv verifies detached signatures only; the last newline is not part of a signed text.
    let clear = put("clear", parts.text.trim_end_matches('\n').as_bytes());
    let clear_signature = put("clear.asc", parts.signature.as_bytes());

    let gpgv = || program("gpgv").args(["--homedir", "/nonexistent", "--keyring"]).arg(&keyring);
    let sqv = || program("sqv").arg("--keyring").arg(&keyring);
    let verdicts = [
        ("gpgv refuses InRelease", gpgv().arg(&in_release).run()),
        ("gpgv refuses Release.gpg", gpgv().arg(&release_gpg).arg(&release).run()),
        ("sqv refuses InRelease", sqv().arg(&clear_signature).arg(&clear).run()),
        ("sqv refuses Release.gpg", sqv().arg(&release_gpg).arg(&release).run()),
    ];
    let refused = verdicts.into_iter().filter(|(_, verdict)| !verdict.succeeded());
    let said = |(what, verdict): (&str, Outcome)| format!("{what}: {}", verdict.stderr.trim());
    let faults: Vec<_> = refused.map(said).collect();
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// The public key as gpgv wants it: armor taken off, several keys one behind the other.
fn binary_key(file: &Path) -> Vec<u8> {
    let bytes = std::fs::read(file).expect("the public key can be read");
    let Some(text) = std::str::from_utf8(&bytes).ok().filter(|text| text.contains("-----BEGIN"))
    else {
        return bytes;
    };
    let mut key = Vec::new();
    for block in text.split("-----BEGIN PGP PUBLIC KEY BLOCK-----").skip(1) {
        let body = block.split("-----END").next().unwrap_or_default();
        // Armor headers end with an empty line, and the line with `=` in front is a checksum.
        let (_, body) = body.split_once("\n\n").unwrap_or(("", body));
        let lines: String = body.lines().filter(|line| !line.starts_with('=')).collect();
        let decoded = program("base64").arg("--decode").input(lines).run().expect_success();
        key.extend(decoded.stdout_bytes);
    }
    key
}
