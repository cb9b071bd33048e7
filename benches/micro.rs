//! The hot parts of a publish, each alone, over an index that a server has served.
//!
//! `micro PACKAGES` reads a plain `Packages` and prints JSON: part → microseconds of each run.

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use repod::debian::{PackageKind, PackageName, SuiteName, framing, packages};
use repod::digest::Digest;
use repod::domain::package_set::Rank;
use repod::domain::rope::{self, Piece};
use repod::domain::{Index, IndexPlace, Package, PackageSet};
use repod::signing::{DateFloor, KeyKind, NextDate, Signer, generate, verify_in_release};
use repod::time::Moment;

type Fault = Box<dyn Error>;
type Figures = BTreeMap<&'static str, Vec<f64>>;

/// Any moment does: nothing here looks at the clock.
const BEGIN: Moment = Moment(1_795_404_699);

fn main() -> Result<(), Fault> {
    // Cargo adds words of its own when it runs a bench.
    let path = std::env::args().skip(1).find(|word| !word.starts_with("--"));
    let index = std::fs::read_to_string(path.ok_or("usage: micro PACKAGES")?)?;
    let mut figures = Figures::new();
    ropes(&index, &mut figures)?;
    signatures(&mut figures)?;
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

/// Runs a part so many times and keeps the microseconds.
fn time<T>(
    figures: &mut Figures,
    part: &'static str,
    runs: usize,
    mut work: impl FnMut() -> Result<T, Fault>,
) -> Result<T, Fault> {
    let mut last = work()?;
    for _ in 0..runs {
        let begun = Instant::now();
        last = black_box(work()?);
        figures.entry(part).or_default().push(begun.elapsed().as_secs_f64() * 1e6);
    }
    Ok(last)
}

fn ropes(index: &str, figures: &mut Figures) -> Result<(), Fault> {
    let stanzas: Vec<&str> = index.split_inclusive("\n\n").collect();
    let proven = packages::prove(index.as_bytes())?;
    let place = IndexPlace {
        component: "main".parse()?,
        architecture: "amd64".parse()?,
        kind: PackageKind::Deb,
    };
    let (mut contents, mut texts) = (PackageSet::default(), BTreeMap::new());
    for (stanza, proven) in stanzas.iter().zip(proven) {
        let listed = package(stanza, proven);
        texts.insert(listed.digest, *stanza);
        contents.list(&place.component, listed, 1);
    }
    let index = Index::Packages { place, is_short: false };
    let chunks = time(figures, "cut", 9, || Ok(rope::cut(&contents, &index)))?;
    let key = |chunk: &Vec<Arc<Package>>| rope::chunk_key(index.shape(), chunk);
    time(figures, "key", 9, || Ok(chunks.iter().map(key).collect::<Vec<_>>()))?;
    let piece =
        |chunk: &Vec<Arc<Package>>| Some(Piece { first: rank(chunk.first()?), key: key(chunk) });
    let pieces: Vec<_> = chunks.iter().filter_map(piece).collect();
    let middle = chunks.get(chunks.len() / 2).ok_or("the index is empty")?;
    let changed = middle.iter().take(1).map(rank).collect();
    time(figures, "recut", 21, || Ok(rope::recut(&contents, &index, &pieces, &changed)))?;
    let chunk: String =
        middle.iter().filter_map(|package| texts.get(&package.digest)).copied().collect();
    figures.insert("chunk_bytes", vec![chunk.len() as f64]);
    time(figures, "prove", 21, || Ok(packages::prove(chunk.as_bytes())?))?;
    time(figures, "gz", 21, || Ok(framing::gzip_run(chunk.as_bytes())))?;
    let preset = framing::XZ_DEFAULT_PRESET;
    time(figures, "xz", 9, || Ok(framing::xz_block(chunk.as_bytes(), preset)?))?;
    time(figures, "sha256", 21, || Ok(Digest::of(chunk.as_bytes())))?;
    Ok(())
}

/// All are listed by the first generation.
fn rank(package: &Arc<Package>) -> Rank {
    Rank::of(1, package)
}

fn package(stanza: &str, proven: packages::Proven) -> Arc<Package> {
    let (source, source_version) = (PackageName::clone(&proven.name), proven.version.clone());
    Arc::new(Package {
        digest: proven.digest,
        name: proven.name,
        version: proven.version,
        architecture: proven.architecture,
        source,
        source_version,
        size_bytes: proven.size_bytes,
        stanza_bytes: u32::try_from(stanza.len()).unwrap_or(u32::MAX),
        stanza_digest: Digest::of(stanza.as_bytes()),
        kind: PackageKind::Deb,
        text: None,
    })
}

/// Two signatures (in clear and detached), the floor raised durably before, both verified by the
/// other implementation afterwards: what every head costs. Then one verification alone.
fn signatures(figures: &mut Figures) -> Result<(), Fault> {
    let dir = tempfile::tempdir()?;
    let floor = dir.path().join("floor");
    let key = generate(KeyKind::Ed25519, "Bench <bench@example.org>", BEGIN)?;
    let signer = Signer::new(vec![key], DateFloor::create(&floor)?)?;
    let (suite, mut now) = (SuiteName::parse("stable")?, BEGIN);
    let signed = time(figures, "sign", 21, || {
        now = now.plus(1);
        let NextDate::Ready(date) = signer.next_date(&suite, now)? else {
            return Err("the date is not ready".into());
        };
        Ok(signer.sign(date, &format!("Suite: stable\nDate: {}\n", now.release_date()))?)
    })?;
    let public = signer.public_armored()?;
    time(figures, "verify", 21, || Ok(verify_in_release(signed.in_release(), &public, now)?))?;
    Ok(())
}
