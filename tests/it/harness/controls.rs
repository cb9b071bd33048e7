//! The control files of Debian: of every package that a source lists, rebuilt from its indices.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::archive::{Fetcher, alone_in, kept_dir};
use super::programs::program;

/// What an archive adds to a control file when it lists the package.
const ADDED: [&str; 7] =
    ["Filename", "Size", "MD5sum", "SHA1", "SHA256", "SHA512", "Description-md5"];

/// A control file, and where its package is listed.
#[derive(Clone, Debug)]
pub struct Rebuilt {
    pub name: String,
    pub version: String,
    pub architecture: String,
    pub component: String,
    /// The suite of Debian.
    pub codename: String,
    /// The file as it is in the package, as far as the index shows.
    pub text: String,
    /// Whether the index has only the first line of its description, and no `Translation-en` the rest.
    pub is_short: bool,
}

/// Every control file of the machine's own sources, or of one release of Debian from where the machine's apt fetches it.
///
/// The indices are fetched at the first call and kept below the build directory; with `is_fresh`, what has changed since
/// is fetched too. Where the index has only the first line of a description, the rest is taken from `Translation-en`.
pub fn rebuilt(release: Option<&str>, is_fresh: bool) -> Vec<Rebuilt> {
    let dir = kept_dir(&format!("archive-controls-{}", release.unwrap_or("here")));
    let _alone = alone_in(&dir);
    let fetcher = fetcher(dir.clone(), release);
    let complete = dir.join("complete");
    if is_fresh || !complete.exists() {
        // One source among several may fail, and lists of before are as good.
        let update = fetcher.program("apt-get").args(["-q", "update"]).run();
        println!("{}", update.stderr);
        assert!(!targets(&fetcher, "Packages").is_empty(), "apt has fetched no index: {update}");
        std::fs::write(complete, "").unwrap();
    }
    let mut descriptions = BTreeMap::new();
    for [path, ..] in targets(&fetcher, "Translations") {
        read_descriptions(&text_of(&fetcher, &path), &mut descriptions);
    }
    let mut found = Vec::new();
    for [path, codename, component] in targets(&fetcher, "Packages") {
        let component = component.rsplit('/').next().unwrap().to_owned();
        for stanza in stanzas(&text_of(&fetcher, &path)) {
            found.push(rebuild(stanza, &descriptions, &component, &codename));
        }
    }
    let short = found.iter().filter(|one| one.is_short).count();
    assert!(short * 100 <= found.len(), "{short} of {} descriptions are not whole", found.len());
    found
}

fn fetcher(dir: PathBuf, release: Option<&str>) -> Fetcher {
    let list = dir.join("sources.list");
    let mut options = vec!["Acquire::Languages=en".to_owned()];
    if let Some(release) = release {
        let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
        let uri = machine_source();
        let line = format!("deb [signed-by={keyring}] {uri} {release} main contrib non-free\n");
        std::fs::write(&list, line).unwrap();
        options.push(format!("Dir::Etc::sourcelist={}", list.display()));
        options.push("Dir::Etc::sourceparts=-".to_owned());
        // A source that was frozen on purpose is as good as a living one here.
        options.push("Acquire::Check-Valid-Until=false".to_owned());
    }
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    Fetcher::new(dir, &options)
}

/// From where the machine's apt fetches Debian; `tests/apt-roots` takes the same.
fn machine_source() -> String {
    if let Ok(source) = std::env::var("DEBIAN_SOURCE") {
        return source;
    }
    let listed = ["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"];
    let listed = program("apt-get").args(listed).run().expect_success().stdout;
    let uri = listed.lines().find(|uri| uri.trim_end_matches('/').ends_with("/debian"));
    uri.expect("no Debian source found: run apt-get update, or set DEBIAN_SOURCE").to_owned()
}

/// The files of a kind that apt has fetched: where each is, and of which suite and component.
fn targets(fetcher: &Fetcher, kind: &str) -> Vec<[String; 3]> {
    let format = "$(FILENAME)\t$(CODENAME)\t$(COMPONENT)";
    let listed = fetcher.program("apt-get").args(["indextargets", "--format", format]);
    let listed = listed.arg(format!("Created-By: {kind}")).run().expect_success().stdout;
    let parts = |line: &str| line.split('\t').map(str::to_owned).collect::<Vec<_>>();
    listed.lines().map(|line| parts(line).try_into().expect("three parts")).collect()
}

/// What a fetched file holds, however apt has compressed it.
fn text_of(fetcher: &Fetcher, path: &str) -> String {
    let cat = fetcher.program("/usr/lib/apt/apt-helper").args(["cat-file", path]);
    cat.run().expect_success().stdout
}

fn stanzas(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n\n").map(|stanza| stanza.trim_matches('\n')).filter(|stanza| !stanza.is_empty())
}

/// The fields of a stanza, each with its continuation lines, without the last newline.
fn fields(stanza: &str) -> Vec<(&str, &str)> {
    let mut begins = vec![0];
    begins.extend(stanza.match_indices('\n').map(|(at, _)| at + 1));
    begins.retain(|at| !stanza[*at..].starts_with([' ', '\t']));
    let ends = begins.iter().skip(1).map(|at| at - 1).chain([stanza.len()]);
    let field = |(begin, end): (&usize, usize)| stanza[*begin..end].split_once(':');
    begins.iter().zip(ends).map(field).map(|field| field.expect("a field has a colon")).collect()
}

fn read_descriptions(text: &str, into: &mut BTreeMap<String, String>) {
    for stanza in stanzas(text) {
        let fields = fields(stanza);
        let value = |name: &str| fields.iter().find(|field| field.0 == name).map(|field| field.1);
        if let (Some(md5), Some(text)) = (value("Description-md5"), value("Description-en")) {
            into.insert(md5.trim().to_owned(), text.to_owned());
        }
    }
}

fn rebuild(
    stanza: &str,
    descriptions: &BTreeMap<String, String>,
    component: &str,
    codename: &str,
) -> Rebuilt {
    let fields = fields(stanza);
    let value = |name: &str| fields.iter().find(|field| field.0 == name).map(|field| field.1);
    let md5 = value("Description-md5").map(str::trim);
    let long = md5.and_then(|md5| descriptions.get(md5));
    let mut text = String::new();
    for &(name, value) in fields.iter().filter(|(name, _)| !ADDED.contains(name)) {
        let value = long.map(String::as_str).filter(|_| name == "Description").unwrap_or(value);
        text += &format!("{name}:{value}\n");
    }
    let known = |name: &str| value(name).unwrap_or_default().trim().to_owned();
    Rebuilt {
        name: known("Package"),
        version: known("Version"),
        architecture: known("Architecture"),
        component: component.to_owned(),
        codename: codename.to_owned(),
        text,
        is_short: md5.is_some() && long.is_none(),
    }
}
