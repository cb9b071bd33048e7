//! What depends on what: a rollback that hosts cannot follow is refused, and goes with what has to move along.

use crate::harness::apt::{AptRoot, HostFile};
use crate::harness::deb::DebBuilder;
use crate::harness::programs::Outcome;
use crate::harness::server::{TestServer, package};

const BACK: [&str; 6] = ["pin", "--suite", "stable", "--rollback", "-m", "bad"];

fn send(server: &TestServer, deb: &DebBuilder) -> Outcome {
    let path = server.deb(deb);
    server.repoctl(&["upload", "--suite", "stable", &path])
}

fn needs(name: &str, version: &str, depends: &str) -> DebBuilder {
    package(name, version).field("Depends", depends)
}

/// `acme-app` 2.0 needs `acme-lib` 2.0, and 1.0 does with any.
fn library_and_application() -> TestServer {
    let server = TestServer::start();
    for version in ["1.0", "2.0"] {
        send(&server, &package("acme-lib", version)).expect_success();
        let least = format!("acme-lib (>= {version})");
        send(&server, &needs("acme-app", version, &least)).expect_success();
    }
    server
}

fn installed(host: &AptRoot, name: &str, version: &str) {
    assert_eq!(host.installed(name).as_deref(), Some(version), "{name}");
}

fn follow(host: &AptRoot) {
    host.update().expect_success();
    host.upgrade().expect_success();
}

#[test]
fn a_rollback_that_hosts_cannot_follow_is_refused_and_goes_with_its_dependants() {
    let server = library_and_application();
    let host = server.host("web1.example.org");
    host.update().expect_success();
    host.install(&["acme-app"]).expect_success();
    installed(&host, "acme-lib", "2.0");

    let lib = [&BACK[..], &["acme-lib"]].concat();
    for more in [&["--dry-run"][..], &[]] {
        let refused = server.repoctl(&[&lib[..], more].concat()).expect_code(1);
        for said in [
            "acme-app 2.0 (amd64)",
            "needs acme-lib (>= 2.0) and finds acme-lib 1.0",
            "acme-app from 2.0 to 1.0 would have to move along",
            "--cascade",
            "--force",
        ] {
            assert!(refused.says(said), "{said}: {refused}");
        }
    }
    assert_eq!(server.check("web1.example.org", "stable").versions("acme-lib"), ["2.0"]);

    let would = server.repoctl(&[&lib[..], &["--cascade", "--dry-run"]].concat());
    would.expect_success().expect_says("acme-app").expect_says("1.0");
    // It moves more than it names, so it is confirmed.
    let along = [&lib[..], &["--cascade"]].concat();
    server.repoctl(&along).expect_code(2).expect_says("does not name: acme-app");
    let done = server.repoctl(&[&along[..], &["--yes"]].concat()).expect_success();
    assert!(done.says("acme-app moves along") && done.says("hosts follow"), "{done}");
    assert!(!done.says("but not those"), "{done}");
    follow(&host);
    installed(&host, "acme-lib", "1.0");
    installed(&host, "acme-app", "1.0");

    // Up again, and both together: neither can be had without the other.
    send(&server, &package("acme-lib", "3.0")).expect_success().expect_says("waiting");
    send(&server, &needs("acme-app", "3.0", "acme-lib (>= 3.0)")).expect_success();
    let up = ["unpin", "--suite", "stable", "acme-app"];
    server.repoctl(&up).expect_code(1).expect_says("acme-lib from 1.0 to 3.0");
    server.repoctl(&[&up[..], &["--cascade", "--yes"]].concat()).expect_success();
    follow(&host);
    installed(&host, "acme-lib", "3.0");
    installed(&host, "acme-app", "3.0");
    let log = server.repoctl(&["audit", "--suite", "stable", "--json"]).expect_success();
    assert!(log.says("along: acme-app") && log.says("along: acme-lib"), "{log}");
}

#[test]
fn what_is_forced_says_which_hosts_do_not_follow_and_is_in_the_log() {
    let server = library_and_application();
    let host = server.host("web1.example.org");
    host.update().expect_success();
    host.install(&["acme-app"]).expect_success();
    let other = server.host("web2.example.org");
    other.update().expect_success();
    other.install(&["acme-lib"]).expect_success();

    let forced = server.repoctl(&[&BACK[..], &["acme-lib", "--force"]].concat()).expect_success();
    assert!(forced.says("but not those that have acme-app"), "{forced}");
    assert!(forced.says("acme-app 2.0 (amd64) needs acme-lib (>= 2.0)"), "{forced}");
    follow(&host);
    installed(&host, "acme-lib", "2.0");
    follow(&other);
    installed(&other, "acme-lib", "1.0");
    let log = server.repoctl(&["audit", "--suite", "stable", "--json"]).expect_success();
    assert!(log.says("acme-lib; forced, although acme-app 2.0 (amd64) needs"), "{log}");

    // It is no worse than before from now on, and what does not concern it is not asked again.
    send(&server, &package("acme-web", "1.0")).expect_success();
    send(&server, &package("acme-web", "2.0")).expect_success();
    let back = server.repoctl(&[&BACK[..], &["acme-web"]].concat()).expect_success();
    assert!(back.says("hosts follow") && !back.says("but not"), "{back}");
}

#[test]
fn what_moves_along_goes_up_as_well_and_ends_with_the_pin() {
    let server = library_and_application();
    server.repoctl(&[&BACK[..], &["acme-lib", "--cascade", "--yes"]].concat()).expect_success();
    send(&server, &package("acme-lib", "3.0")).expect_success().expect_says("waiting");
    send(&server, &needs("acme-strict", "1.0", "acme-lib (<< 3.0)")).expect_success();
    server.repoctl(&["pin", "--suite", "stable", "acme-strict=1.0"]).expect_success();
    let up = ["pin", "--suite", "stable", "acme-lib=3.0", "--for", "24h", "--cascade", "--yes"];
    server.repoctl(&up).expect_code(1).expect_says("nothing that could move along");
    send(&server, &needs("acme-strict", "3.0", "acme-lib (>= 3.0)")).expect_says("waiting");
    server.repoctl(&up).expect_success().expect_says("acme-strict moves along");
    let pins = server.repoctl(&["pins", "--json"]).expect_success();
    let pins: serde_json::Value = serde_json::from_str(&pins.stdout).unwrap();
    let pins = pins.as_array().unwrap();
    let ends: Vec<_> = pins
        .iter()
        .map(|pin| (pin["package"].as_str(), pin["version"].as_str(), pin["until"].is_number()))
        .collect();
    let wanted =
        [("acme-app", "1.0", false), ("acme-lib", "3.0", true), ("acme-strict", "3.0", true)];
    assert_eq!(ends, wanted.map(|(name, version, ends)| (Some(name), Some(version), ends)));
}

#[test]
fn what_others_depend_on_is_not_removed_under_them() {
    let server = library_and_application();
    let remove = ["remove", "--suite", "stable", "acme-lib", "-m", "gone"];
    server.repoctl(&remove).expect_code(1).expect_says("finds no acme-lib");
    server.repoctl(&[&remove[..], &["--cascade", "--yes"]].concat()).expect_success();
    let _host = server.host("web1.example.org");
    let report = server.check("web1.example.org", "stable");
    assert!(report.versions("acme-lib").is_empty() && report.versions("acme-app").is_empty());
}

#[test]
fn an_upload_that_hosts_cannot_install_warns() {
    let server = TestServer::start();
    server
        .repoctl(&["suite", "create", "owned", "--architectures", "amd64", "--owns", "acme-*"])
        .expect_success();
    let send = |debs: &[DebBuilder]| {
        let paths: Vec<_> = debs.iter().map(|deb| server.deb(deb)).collect();
        let paths: Vec<_> = paths.iter().map(String::as_str).collect();
        server.repoctl(&[&["upload", "--suite", "owned"], &paths[..]].concat()).expect_success()
    };
    let warned = send(&[needs("acme-app", "1.0", "acme-lib (>= 1.0), libc6 (>= 2)")]);
    assert!(warned.says("acme-app 1.0 (amd64) needs acme-lib (>= 1.0) and finds no acme-lib"));
    assert!(warned.says("published") && !warned.says("libc6"), "{warned}");
    // What mends it does not warn, nor does what comes with what it needs.
    assert!(!send(&[package("acme-lib", "1.0")]).says("needs"));
    let both = [needs("acme-app", "2.0", "acme-lib (>= 2.0)"), package("acme-lib", "2.0")];
    assert!(!send(&both).says("needs"));
    // Whoever takes away what others need hears of them.
    let broken =
        send(&[needs("acme-strict", "1.0", "acme-lib (= 2.0)"), package("acme-lib", "3.0")]);
    assert!(broken.says("acme-strict 1.0 (amd64) needs acme-lib (= 2.0) and finds acme-lib 3.0"));
    let old = send(&[needs("acme-old", "1.0", "acme-lib (<< 4)")]);
    assert!(!old.says("needs"), "{old}");
    let fourth = send(&[package("acme-lib", "4.0")]);
    assert!(fourth.says("acme-old 1.0 (amd64) needs acme-lib (<< 4) and finds acme-lib 4.0"));
    assert!(!fourth.says("acme-strict"), "it could not be installed before: {fourth}");
}

/// A host of one architecture that takes packages of another, too.
fn with_foreign(host: &AptRoot) {
    let both = "APT::Architectures { \"amd64\"; \"i386\"; };\n";
    let preferences = "Package: acme-*:any\nPin: release a=stable\nPin-Priority: 1001\n";
    host.place(&[
        HostFile::new("/etc/apt/apt.conf.d/90foreign.conf", 0o644, both),
        HostFile::new("/etc/apt/preferences.d/90foreign.pref", 0o644, preferences),
        HostFile::new("/var/lib/dpkg/arch", 0o644, "amd64\ni386\n"),
    ]);
}

#[test]
fn dependants_of_a_foreign_architecture_count_and_move_along() {
    let server = TestServer::start();
    server
        .repoctl(&["suite", "edit", "stable", "--add-architecture", "i386", "--yes"])
        .expect_success();
    for version in ["1.0", "2.0"] {
        let tool = package("acme-tool", version).field("Multi-Arch", "foreign");
        send(&server, &tool).expect_success();
        let old = DebBuilder::new("acme-old", version, "i386")
            .field("Depends", &format!("acme-tool (>= {version})"))
            .file("usr/share/acme-old/version", version.as_bytes());
        let sent = send(&server, &old).expect_success();
        assert!(!sent.says("needs"), "hosts with both architectures can: {sent}");
    }
    let host = server.host("web1.example.org");
    with_foreign(&host);
    host.update().expect_success();
    host.install(&["acme-old:i386"]).expect_success();
    installed(&host, "acme-tool", "2.0");

    let tool = [&BACK[..], &["acme-tool"]].concat();
    server.repoctl(&tool).expect_code(1).expect_says("acme-old 2.0 (i386)");
    server.repoctl(&[&tool[..], &["--cascade", "--yes"]].concat()).expect_success();
    follow(&host);
    installed(&host, "acme-tool", "1.0");
    installed(&host, "acme-old", "1.0");
}

mod rules {
    //! Which dependencies count as met, for every form of a relation, held against the real apt.

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
            let (native, foreign) = (
                architecture(native),
                foreign.iter().map(|one| architecture(one)).collect::<Vec<_>>(),
            );
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
}
