//! Patches, translations and Contents as our code writes them, read by the real apt from a tree that
//! a plain server gives out.

use std::collections::BTreeMap;

use repod::debian::contents::{ContentsEdit, merge};
use repod::debian::pdiff::{FileMark, Patch, PdiffIndex, ed_script, stanza_hunks};
use repod::debian::{Control, ReleaseEntry, ReleaseFields, ReleaseText, translation};
use repod::digest::Digest;
use repod::time::{Clock as _, Moment, SystemClock};

use crate::harness::apt::{AptRoot, HostFile};
use crate::harness::by_hand::HandMade;
use crate::harness::deb::Compression;
use crate::harness_selftest::serve_files;

/// A suite `stable` whose files are given one by one.
struct Plain {
    tree: HandMade,
    host: AptRoot,
    date: Moment,
}

impl Plain {
    /// The suite, and a host that reads it with these settings of apt.
    fn new(settings: &str) -> Self {
        let (tree, host) = (HandMade::new(), AptRoot::new());
        let port = serve_files(tree.path(""));
        let source = "deb [arch=amd64 signed-by=/etc/apt/hand.asc]";
        host.add_source("hand", &format!("{source} http://127.0.0.1:{port}/ stable main"));
        let key = std::fs::read(tree.key_file()).unwrap();
        host.place(&[
            HostFile::new("/etc/apt/hand.asc", 0o644, key),
            HostFile::new("/etc/apt/apt.conf.d/60test", 0o644, settings),
        ]);
        // Far enough back that no publication runs ahead of the clock.
        Self { tree, host, date: SystemClock.now().plus(-60) }
    }

    /// Lists these files below the suite; only those that are `served` can be fetched.
    fn publish(&mut self, listed: &BTreeMap<&str, Vec<u8>>, served: &[&str]) {
        for path in served {
            let file = self.tree.path("dists/stable").join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, &listed[path]).unwrap();
        }
        let entry = |(path, bytes): (&&str, &Vec<u8>)| ReleaseEntry {
            path: (*path).into(),
            size_bytes: bytes.len() as u64,
            digest: Digest::of(bytes),
        };
        self.date = self.date.plus(2);
        let fields = ReleaseFields {
            origin: "Hand".into(),
            label: "Hand".into(),
            suite: "stable".parse().unwrap(),
            codename: "stable".parse().unwrap(),
            date: self.date.release_date(),
            valid_until: None,
            not_automatic: false,
            but_automatic_upgrades: false,
            acquire_by_hash: false,
            architectures: vec!["amd64".parse().unwrap()],
            components: vec!["main".parse().unwrap()],
            description: String::new(),
            changelogs: None,
            snapshots: None,
        };
        let release = ReleaseText { fields, entries: listed.iter().map(entry).collect() };
        let text = release.write();
        assert_eq!(ReleaseText::parse(text.as_bytes()), Ok(release));
        self.tree.sign(&text);
    }

    /// Puts a file into the suite's directory that the Release does not list.
    fn put(&self, path: &str, bytes: &[u8]) {
        std::fs::write(self.tree.path("dists/stable").join(path), bytes).unwrap();
    }
}

fn stanza(name: &str, version: &str) -> String {
    let text = format!(
        "Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: A <a@example.org>\n\
         Description: the package {name}\n It is here to be listed, and has {} lines\n .\n of text.\n",
        name.len()
    );
    let control = Control::parse(text.as_bytes()).unwrap();
    let digest = Digest::of(text.as_bytes());
    control.published(&format!("pool/p/{name}/{name}_{version}_amd64.deb"), 1000, &digest)
}

const PACKAGES: &str = "main/binary-amd64/Packages";
const PACKAGES_GZ: &str = "main/binary-amd64/Packages.gz";
const INDEX: &str = "main/binary-amd64/Packages.diff/Index";

fn packages(versions: &BTreeMap<String, String>) -> String {
    versions.iter().map(|(name, version)| stanza(name, version)).collect()
}

/// The patch that leads from one text to another, and its bytes compressed.
fn patch(name: &str, from: &str, to: &str) -> (Patch, Vec<u8>) {
    let script = ed_script(&stanza_hunks(1, from.as_bytes(), to.as_bytes())).unwrap();
    let gz = repod::debian::framing::gzip_member(&script);
    let (from, script) = (FileMark::of(from.as_bytes()), FileMark::of(&script));
    (Patch { name: name.into(), from, script, download: FileMark::of(&gz) }, gz)
}

#[test]
fn apt_follows_patches_from_any_of_several_generations_and_back() {
    let mut plain = Plain::new("Acquire::Languages \"none\";\n");
    let mut versions: BTreeMap<String, String> =
        (0..400).map(|n| (format!("p{n:03}"), format!("1.{n}"))).collect();
    let first = packages(&versions);
    versions.insert("p200".into(), "2.0".into());
    versions.remove("p399");
    let second = packages(&versions);
    versions.insert("a-new".into(), "1.0".into());
    versions.insert("p201".into(), "3.0".into());
    let third = packages(&versions);

    let files = |text: &str| {
        let gz = Compression::Gzip.compress(text.as_bytes());
        BTreeMap::from([(PACKAGES, text.as_bytes().to_vec()), (PACKAGES_GZ, gz)])
    };
    plain.publish(&files(&first), &[PACKAGES_GZ]);
    plain.host.update().expect_success();
    assert_eq!(plain.host.policy("p200").candidate.as_deref(), Some("1.200"));
    std::fs::remove_file(plain.tree.path("dists/stable").join(PACKAGES_GZ)).unwrap();

    // From here on, the whole file cannot be had: whoever follows, follows by patches.
    let mut follow = |number: u32, now: &str, earlier: &[&str]| {
        let mut listed = files(now);
        let made: Vec<_> = (1..)
            .zip(earlier)
            .map(|(from, text)| patch(&format!("{from}-{number}"), text, now))
            .collect();
        let index = PdiffIndex {
            current: FileMark::of(now.as_bytes()),
            patches: made.iter().map(|(patch, _)| patch.clone()).collect(),
        };
        assert_eq!(PdiffIndex::parse(&index.write()), Ok(index.clone()));
        listed.insert(INDEX, index.write().into_bytes());
        plain.publish(&listed, &[INDEX]);
        for (patch, gz) in made {
            plain.put(&format!("main/binary-amd64/Packages.diff/{}.gz", patch.name), &gz);
        }
        plain.host.update().expect_success().expect_says("pdiff");
        let candidate = |name: &str| plain.host.policy(name).candidate;
        (plain.host.available().len(), candidate("p200"), candidate("p201"), candidate("a-new"))
    };
    let some = |version: &str| Some(version.to_owned());
    let seen = follow(2, &second, &[&first]);
    assert_eq!(seen, (399, some("2.0"), some("1.201"), None));
    let seen = follow(3, &third, &[&first, &second]);
    assert_eq!(seen, (400, some("2.0"), some("3.0"), some("1.0")));
    // A rollback: what is current now was current before.
    let seen = follow(4, &first, &[&second, &third]);
    assert_eq!(seen, (400, some("1.200"), some("1.201"), None));
}

#[test]
fn apt_finds_the_long_description_in_the_translation() {
    const TRANSLATION: &str = "main/i18n/Translation-en";
    let mut plain = Plain::new("Acquire::Languages \"en\";\n");
    let parted = translation::split(&stanza("hello", "1.0")).unwrap();
    translation::prove(parted.translation.as_bytes()).unwrap();
    let listed = BTreeMap::from([
        (PACKAGES, parted.packages.into_bytes()),
        (TRANSLATION, parted.translation.into_bytes()),
    ]);
    plain.publish(&listed, &[PACKAGES, TRANSLATION]);
    plain.host.update().expect_success();
    let shown = plain.host.program("apt-cache").args(["show", "hello"]).run().expect_success();
    let md5 = format!("\nDescription-md5: {}\n", parted.md5);
    assert!(shown.stdout.contains(&md5), "{shown}");
    let text =
        "\nDescription-en: the package hello\n It is here to be listed, and has 5 lines\n .\n";
    assert!(shown.stdout.contains(text), "{shown}");
}

#[test]
fn apt_fetches_contents_as_apt_file_asks_for_them() {
    const CONTENTS: &str = "main/Contents-amd64";
    // What the package apt-file puts into apt.conf.d.
    let target = "Acquire::IndexTargets { deb::Contents-deb {\n\
        MetaKey \"$(COMPONENT)/Contents-$(ARCHITECTURE)\";\n\
        ShortDescription \"Contents-$(ARCHITECTURE)\";\n\
        Description \"$(RELEASE)/$(COMPONENT) $(ARCHITECTURE) Contents (deb)\";\n\
        }; };\n";
    let mut plain = Plain::new(target);
    let edits = [("usr/bin/hello", "utils/hello"), ("usr/share/a b", "web/acme-web")];
    let edits = edits.map(|(path, location)| ContentsEdit {
        path: path.as_bytes(),
        location,
        is_held: true,
    });
    let contents = merge(b"", &edits).unwrap();
    let listed = BTreeMap::from([
        (PACKAGES, stanza("hello", "1.0").into_bytes()),
        (CONTENTS, contents.clone()),
    ]);
    plain.publish(&listed, &[PACKAGES, CONTENTS]);
    plain.host.update().expect_success();
    let format = "$(FILENAME)";
    let asked = ["indextargets", "--format", format, "Created-By: Contents-deb"];
    let found = plain.host.apt_get(&asked).expect_success();
    let name = found.stdout.trim().rsplit('/').next().unwrap().to_owned();
    let fetched = plain.host.read(&format!("/var/lib/apt/lists/{name}")).expect(&name);
    assert_eq!(fetched, contents);
}
