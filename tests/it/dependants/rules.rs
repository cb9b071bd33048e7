//! Rules: which dependencies count as met, for every form of a relation, held against the real apt.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use repod::debian::{Architecture, Dependencies, PackageKind, PackageName, Version};
use repod::digest::Digest;
use repod::domain::Package;
use repod::domain::installable::{Named, Question, avoiders};

use crate::harness::apt::{AptRoot, HostFile};

const RELATIONS: [&str; 13] = [
    "LIB",
    "LIB (>= 2)",
    "LIB (<< 2)",
    "LIB:any",
    "LIB:any (= 2)",
    "LIB:amd64",
    "LIB:i386 (>= 1)",
    "VIRT",
    "VIRT (>= 2)",
    "VIRT:any",
    "VIRT:i386",
    "NONE | LIB (= 1)",
    "NONE",
];
const PROVIDES: [&str; 5] = ["", "VIRT", "VIRT (= 2)", "VIRT:i386", "VIRT:amd64 (= 3)"];
const HOSTS: [(&str, &[&str]); 4] =
    [("amd64", &[]), ("amd64", &["i386"]), ("i386", &[]), ("i386", &["amd64"])];

/// An application and a library that share no name with any other case.
struct Case {
    app: PackageName,
    built: Architecture,
    stanzas: [String; 2],
    packages: [Arc<Package>; 2],
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for relation in RELATIONS {
        for provides in PROVIDES {
            for multi_arch in ["no", "same", "foreign", "allowed"] {
                for (app, lib) in ["amd64", "i386", "all"]
                    .iter()
                    .flat_map(|app| ["amd64", "i386", "all"].map(|lib| (*app, lib)))
                {
                    // dpkg refuses to build the first.
                    if (multi_arch, lib) != ("same", "all") {
                        let number = cases.len();
                        cases.push(case(number, relation, provides, multi_arch, (app, lib)));
                    }
                }
            }
        }
    }
    cases
}

fn case(
    number: usize,
    relation: &str,
    provides: &str,
    multi_arch: &str,
    (app, lib): (&str, &str),
) -> Case {
    let version = 1 + number % 2;
    let named = |text: &str| {
        let words = [("LIB", "lib"), ("VIRT", "virt"), ("NONE", "none")];
        words.iter().fold(text.to_owned(), |text, (word, name)| {
            text.replace(word, &format!("c{number}-{name}"))
        })
    };
    let provides = match provides {
        "" => String::new(),
        some => format!("Provides: {}\n", named(some)),
    };
    let stanza = |name: &str, version: usize, architecture: &str, fields: &str| {
        let digest = Digest::of(format!("{name} {number}").as_bytes());
        format!(
            "Package: c{number}-{name}\nVersion: {version}\nArchitecture: {architecture}\n{fields}\
             Maintainer: A <a@example.org>\nFilename: x/c{number}-{name}.deb\nSize: 1\n\
             SHA256: {digest}\nDescription: x\n\n"
        )
    };
    let stanzas = [
        stanza("app", 1, app, &format!("Depends: {}\n", named(relation))),
        stanza("lib", version, lib, &format!("{provides}Multi-Arch: {multi_arch}\n")),
    ];
    let packages = [
        package(&format!("c{number}-app"), 1, app, &stanzas[0]),
        package(&format!("c{number}-lib"), version, lib, &stanzas[1]),
    ];
    let app_name = packages[0].name.clone();
    Case { app: app_name, built: app.parse().unwrap(), stanzas, packages }
}

fn package(name: &str, version: usize, architecture: &str, stanza: &str) -> Arc<Package> {
    let name: PackageName = name.parse().unwrap();
    let version: Version = version.to_string().parse().unwrap();
    let digest = Digest::of(stanza.as_bytes());
    Arc::new(Package {
        digest,
        name: name.clone(),
        version: version.clone(),
        architecture: architecture.parse().unwrap(),
        source: name,
        source_version: version,
        size_bytes: 1,
        stanza_bytes: 1,
        stanza_digest: digest,
        kind: PackageKind::Deb,
        text: None,
    })
}

/// The applications of which this host's apt misses a dependency, of those that it sees.
fn unmet_by_apt(root: &AptRoot) -> BTreeSet<String> {
    root.update().expect_success();
    let unmet = root.program("apt-cache").args(["unmet", "--important"]).run().expect_success();
    let name = |line: &str| {
        let name = line.strip_prefix("Package ")?.split([' ', ':']).next()?;
        Some(name.to_owned())
    };
    unmet.stdout.lines().filter_map(name).collect()
}

#[test]
fn what_apt_installs_is_what_counts_as_met() {
    let cases = cases();
    let architecture = |text: &str| Architecture::parse(text).unwrap();
    let (mut named, mut dependencies) = (Named::new(), HashMap::new());
    let (mut own, mut providers) = (BTreeSet::new(), BTreeMap::new());
    for case in &cases {
        for (package, stanza) in case.packages.iter().zip(&case.stanzas) {
            let read = Dependencies::of_stanza(stanza);
            own.extend(read.needed_names().into_iter().cloned());
            for provided in read.provided_names() {
                providers.insert(provided.clone(), vec![package.name.clone()]);
            }
            dependencies.insert(package.digest, Arc::new(read));
            named.insert(package.name.clone(), vec![Arc::clone(package)]);
        }
    }
    let question = Question {
        architectures: &[architecture("amd64"), architecture("i386")],
        before: &named,
        after: &named,
        dependencies: &dependencies,
        avoiders: &avoiders([&named, &named], &dependencies),
        providers: &providers,
        own: &own,
        touched: &BTreeSet::new(),
    };
    let mut differing = Vec::new();
    for (native, foreign) in HOSTS {
        let root = AptRoot::new();
        // What its indices list: apt looks at no architecture in a list without a suite.
        let taken = |package: &Package| {
            let built = package.architecture.as_str();
            built == "all" || built == native || foreign.contains(&built)
        };
        let listed = cases.iter().flat_map(|case| case.packages.iter().zip(&case.stanzas));
        let listed = listed.filter(|(package, _)| taken(package));
        let text: String = listed.map(|(_, stanza)| stanza.as_str()).collect();
        let all: String =
            std::iter::once(&native).chain(foreign).map(|one| format!(" \"{one}\";")).collect();
        let architectures =
            format!("APT::Architecture \"{native}\";\nAPT::Architectures {{{all} }};\n");
        root.place(&[
            HostFile::new("/etc/apt/apt.conf.d/90foreign.conf", 0o644, architectures),
            HostFile::new("/srv/repo/Packages", 0o644, text),
        ]);
        let place = format!("{}/srv/repo", root.seen());
        root.add_source("all", &format!("deb [trusted=yes] file:{place} ./"));
        let by_apt = unmet_by_apt(&root);
        assert!(by_apt.len() > 100, "apt sees the packages: {}", by_apt.len());
        let (native, foreign) =
            (architecture(native), foreign.iter().map(|one| architecture(one)).collect::<Vec<_>>());
        for case in &cases {
            let built = if case.built.is_all() { &native } else { &case.built };
            if *built != native && !foreign.contains(built) {
                continue;
            }
            let unmet = question.unmet_on(&case.app, built, &native, &foreign).unwrap();
            if unmet.is_empty() == by_apt.contains(case.app.as_str()) {
                let says = if unmet.is_empty() { "met" } else { "unmet" };
                let told = case.stanzas.concat();
                differing.push(format!("{native} {foreign:?}: we say {says}\n{told}"));
            }
        }
    }
    let first: String = differing.iter().take(5).cloned().collect();
    assert!(differing.is_empty(), "{} of {}:\n{first}", differing.len(), cases.len());
}
