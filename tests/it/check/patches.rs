//! Patches: each that is listed is fetched, and applied by apt's own program to the index that it starts
//! from, which must become the live one.

use super::fault_of_body;
use super::fetch::Source;
use super::release::one_member_fault;
use crate::harness::programs::program;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// A list in an `Index`: digest and size by name.
type List = BTreeMap<String, (String, u64)>;

fn list(text: &str, field: &str, suffix: &str) -> Result<List, String> {
    let mut lines = text.lines().skip_while(|line| *line != field);
    lines.next().ok_or(format!("it has no {field}"))?;
    let mut list = List::new();
    for line in lines.take_while(|line| line.starts_with(' ')) {
        let parts: Vec<_> = line.split_whitespace().collect();
        let [digest, size, name] = parts[..] else { return Err(format!("not a patch: {line:?}")) };
        let size = size.parse().map_err(|_| format!("not a size: {line:?}"))?;
        let name = name.strip_suffix(suffix).ok_or(format!("not a name: {line:?}"))?;
        if list.insert(name.to_owned(), (digest.to_owned(), size)).is_some() {
            return Err(format!("{name} stands twice"));
        }
    }
    Ok(list)
}

/// Checks an `Index` and every patch of it; gives the digests that they start from.
///
/// # Errors
/// Everything that is wrong, a line each.
pub fn check(
    source: &dyn Source,
    base: &str,
    name: &str,
    text: &[u8],
    live: &[u8],
) -> Result<Vec<String>, Vec<String>> {
    let text = String::from_utf8_lossy(text);
    let named = |fault: String| vec![format!("{name}: {fault}")];
    let current = format!("SHA256-Current: {} {}", hex::encode(Sha256::digest(live)), live.len());
    if text.lines().next() != Some(&current) {
        return Err(named(format!("it begins with another line than {current:?}")));
    }
    if text.lines().last() != Some("X-Patch-Precedence: merged") {
        return Err(named("it does not say that patches are merged".to_owned()));
    }
    let from = list(&text, "SHA256-History:", "").map_err(named)?;
    let scripts = list(&text, "SHA256-Patches:", "").map_err(named)?;
    let downloads = list(&text, "SHA256-Download:", ".gz").map_err(named)?;
    if from.is_empty() || !from.keys().eq(scripts.keys()) || !from.keys().eq(downloads.keys()) {
        return Err(named("its lists name different patches, or none".to_owned()));
    }
    let directory = name.strip_suffix("/Index").unwrap_or(name);
    let of_index = directory.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut faults = Vec::new();
    for (patch, (old, old_size)) in &from {
        let paths = [
            format!("{base}/{directory}/{patch}.gz"),
            format!("{base}/{directory}/by-hash/SHA256/{}", downloads[patch].0),
            format!("{base}/{of_index}/by-hash/SHA256/{old}"),
        ];
        let expected = [&downloads[patch], &downloads[patch], &(old.clone(), *old_size)];
        let answers = source.fetch(&paths);
        let before = faults.len();
        for ((path, answer), (digest, size)) in paths.iter().zip(&answers).zip(expected) {
            faults.extend(fault_of_body(path, answer, *size, digest));
        }
        if faults.len() > before {
            continue;
        }
        let [gz, _, old] = &answers[..] else { unreachable!("three were asked") };
        let unpacked = program("gzip").args(["--decompress", "--stdout"]).input(&*gz.body).run();
        let script = unpacked.expect_success().stdout_bytes;
        faults.extend(one_member_fault(&paths[0], &gz.body));
        let (digest, size) = &scripts[patch];
        if script.len() as u64 != *size || hex::encode(Sha256::digest(&script)) != *digest {
            faults.push(format!("{}: unpacked it is not what Index says", paths[0]));
        }
        if rred(&old.body, &script) != live {
            faults.push(format!("{}: it leads to another text", paths[0]));
        }
    }
    let from = from.into_values().map(|(digest, _)| digest).collect();
    if faults.is_empty() { Ok(from) } else { Err(faults) }
}

/// Applies a script with apt's own program.
fn rred(old: &[u8], script: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let [input, output, patch] = ["input", "output", "patch"].map(|name| folder.path().join(name));
    std::fs::write(&input, old).expect("a temporary file can be written");
    std::fs::write(&patch, script).expect("a temporary file can be written");
    let rred = program("/usr/lib/apt/methods/rred");
    rred.arg("-t").args([&input, &output, &patch]).run().expect_success();
    std::fs::read(&output).expect("rred writes its output")
}
