//! The control files of Debian, packed anew: all are taken, apt reads all, and sees of each what dpkg stores.
//!
//! The gate takes some of them; `tests/run --controls` takes all.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Instant;

use repod::debian::{Control, PackageKind, packages};
use repod::digest::Digest;

use crate::check::deb822::{Stanza, parse_stanzas};
use crate::harness::apt::{AptRoot, HostFile};
use crate::harness::controls::{Rebuilt, rebuilt};
use crate::harness::deb::DebBuilder;
use crate::harness::programs::program;
use crate::harness::server::{TestServer, host_files};

/// So many are sent in one upload.
const AT_ONCE: usize = 5_000;

/// What apt hashes, of the index and of dpkg's database: a difference installs the package again and again.
/// Source: `debListParser::VersionHash` (deblistparser.cc).
const HASHED: [&str; 6] =
    ["Installed-Size", "Depends", "Pre-Depends", "Conflicts", "Breaks", "Replaces"];

/// Packages of which a suite can list all: none has another version in it.
struct Suite {
    name: String,
    controls: Vec<Rebuilt>,
}

#[test]
fn control_files_of_debian_are_taken_and_apt_sees_of_each_what_dpkg_stores() {
    let wanted = std::env::var("REPOD_TEST_CONTROLS").unwrap_or_else(|_| "300".to_owned());
    let release = std::env::var("REPOD_TEST_CONTROLS_RELEASE").ok();
    let begun = Instant::now();
    let say = |text: String| println!("[{:>4} s] {text}", begun.elapsed().as_secs());

    let all = rebuilt(release.as_deref(), wanted == "all");
    say(format!("{} control files are listed", all.len()));
    let count = match wanted.as_str() {
        "all" => all.len(),
        number => number.parse().expect("REPOD_TEST_CONTROLS is a number, or 'all'"),
    };
    assert!(all.len() >= count, "only {} control files are listed", all.len());
    let chosen: Vec<_> = (0..count).map(|n| all[n * all.len() / count].clone()).collect();
    let refused = refusals(&chosen);
    say(format!("{} of {count} are refused", refused.values().map(Vec::len).sum::<usize>()));
    assert!(refused.is_empty(), "{refused:#?}");
    let (suites, again) = lay_out(chosen);
    say(format!("{again} are listed a second time"));
    let server = serve(&suites);
    let mut seen = 0;
    for suite in &suites {
        upload(&server, suite);
        say(format!("{}: {} packages are published", suite.name, suite.controls.len()));
        read(&server, suite);
        say(format!("{}: apt has read them, as dpkg stores them", suite.name));
        seen += suite.controls.len();
    }
    assert_eq!(seen + again, count);
    say(format!("{seen} packages in {} suites, none refused", suites.len()));
}

/// The faults of control files, with the packages that have them, found on all cores.
fn refusals(all: &[Rebuilt]) -> BTreeMap<String, Vec<String>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut found = BTreeMap::<String, Vec<String>>::new();
    std::thread::scope(|scope| {
        let part = |part| scope.spawn(move || part_refusals(part));
        let parts: Vec<_> = all.chunks(all.len().div_ceil(cores).max(1)).map(part).collect();
        for (fault, package) in parts.into_iter().flat_map(|part| part.join().unwrap()) {
            found.entry(fault).or_default().push(package);
        }
    });
    found
}

fn part_refusals(part: &[Rebuilt]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for one in part {
        let package = format!("{} {} {}", one.name, one.version, one.architecture);
        match Control::parse(one.text.as_bytes()) {
            Ok(control) if control.kind() == PackageKind::Udeb => {
                found.push(("is taken for an installer's package".to_owned(), package));
            }
            Ok(control) => {
                let digest = Digest::of(one.text.as_bytes());
                let stanza = control.published("pool/a/acme.deb", 1, &digest);
                if let Err(error) = packages::prove(stanza.as_bytes()) {
                    found.push((error.rule.to_owned(), package));
                }
            }
            Err(faults) => {
                found.extend(faults.into_iter().map(|f| (f.to_string(), package.clone())));
            }
        }
    }
    found
}

/// Suites named as those of Debian, with a further one wherever a suite of Debian lists several versions of a package;
/// and how many were left out, because the same version is listed by another suite.
fn lay_out(controls: Vec<Rebuilt>) -> (Vec<Suite>, usize) {
    let (mut suites, mut again) = (Vec::<Suite>::new(), 0);
    let mut known = HashSet::new();
    let mut held = HashMap::<(String, String), BTreeSet<String>>::new();
    for one in controls {
        let three = (one.name.clone(), one.version.clone(), one.architecture.clone());
        if !known.insert(three) {
            again += 1;
            continue;
        }
        let name = (1..).map(|n| suite_name(&one.codename, n)).find(|suite| {
            let held = held.entry((suite.clone(), one.name.clone())).or_default();
            let is_single = one.architecture != "all" && !held.contains("all");
            (held.is_empty() || is_single) && held.insert(one.architecture.clone())
        });
        let name = name.unwrap();
        match suites.iter_mut().find(|suite| suite.name == name) {
            Some(suite) => suite.controls.push(one),
            None => suites.push(Suite { name, controls: vec![one] }),
        }
    }
    (suites, again)
}

fn suite_name(codename: &str, number: usize) -> String {
    match number {
        1 => codename.to_owned(),
        _ => format!("{codename}-{number}"),
    }
}

impl Suite {
    fn components(&self) -> BTreeSet<&str> {
        self.controls.iter().map(|one| one.component.as_str()).collect()
    }

    /// The architectures of its packages, or the machine's where all are for all.
    fn architectures(&self) -> BTreeSet<&str> {
        let each = self.controls.iter().map(|one| one.architecture.as_str());
        let single: BTreeSet<_> = each.filter(|name| *name != "all").collect();
        if single.is_empty() { BTreeSet::from(["amd64"]) } else { single }
    }

    /// The same as dpkg has them in its database: the machine's own first.
    fn architecture_lines(&self) -> String {
        let mut names: Vec<_> = self.architectures().into_iter().collect();
        names.sort_by_key(|name| *name != "amd64");
        names.into_iter().map(|name| format!("{name}\n")).collect()
    }
}

fn serve(suites: &[Suite]) -> TestServer {
    let mut server = TestServer::init();
    server.serve();
    for suite in suites {
        let joined = |names: BTreeSet<&str>| names.into_iter().collect::<Vec<_>>().join(",");
        let (components, architectures) =
            (joined(suite.components()), joined(suite.architectures()));
        let create = ["suite", "create", &suite.name, "--allow", "essential,protected"];
        let more = ["--component", &components, "--architecture", &architectures];
        server.repoctl(&[create.as_slice(), &more].concat()).expect_success();
    }
    server
}

/// Packs what a suite holds, and uploads it, folder after folder.
fn upload(server: &TestServer, suite: &Suite) {
    for component in suite.components() {
        let own: Vec<_> = suite.controls.iter().filter(|one| one.component == component).collect();
        for (n, part) in own.chunks(AT_ONCE).enumerate() {
            let folder = tempfile::tempdir().unwrap();
            for (number, one) in part.iter().enumerate() {
                let deb = DebBuilder::new(&one.name, &one.version, &one.architecture)
                    .raw_control(one.text.as_bytes())
                    .file(&format!("usr/share/doc/{}/copyright", one.name), one.name.as_bytes());
                std::fs::write(folder.path().join(format!("{number}.deb")), deb.build()).unwrap();
            }
            let path = folder.path().display().to_string();
            let upload = ["upload", "--suite", &suite.name, "--component", component, &path];
            let told = server.repoctl(&upload).expect_success();
            let published = told.stdout.lines().filter(|line| line.starts_with("published "));
            assert_eq!(published.count(), part.len(), "part {n} of {component}: {told}");
        }
    }
}

/// apt reads all of a suite, and where dpkg has all of it installed, apt takes each for the one of the suite.
fn read(server: &TestServer, suite: &Suite) {
    let host = host(server, suite);
    let update = host.update().expect_success();
    assert!(!update.says("W:") && !update.says("E:"), "{update}");
    let listed = by_name(host.available());
    assert_eq!(listed.len(), suite.controls.len(), "{}", suite.name);

    let stored = stored_by_dpkg(suite);
    let differ = differences(&listed, &by_name(parse_stanzas(&stored).unwrap()));
    assert!(differ.is_empty(), "{}: {differ:#?}", suite.name);

    let version = "\nVersion: ";
    let installed = stored.replace(version, &format!("\nStatus: install ok installed{version}"));
    let status = host.path("/var/lib/dpkg/status");
    std::fs::write(&status, &installed).unwrap();
    assert_eq!(distinct_versions(&host), suite.controls.len(), "{}", suite.name);
    // apt would see if one differed.
    let size = "\nInstalled-Size: ";
    std::fs::write(&status, installed.replacen(size, &format!("{size}9"), 1)).unwrap();
    assert_eq!(distinct_versions(&host), suite.controls.len() + 1, "{}", suite.name);
}

fn host(server: &TestServer, suite: &Suite) -> AptRoot {
    let name = format!("{}.example.org", suite.name);
    let out = server.at(&format!("hosts/{name}"));
    server
        .repoctl(&["host", "issue", &name, "--suite", &suite.name, "--out", &out])
        .expect_success();
    let host = AptRoot::new();
    host.place(&host_files(out.as_ref()));
    host.place(&[HostFile::new("/var/lib/dpkg/arch", 0o644, suite.architecture_lines())]);
    host
}

type Name = (String, String, String);

fn by_name(stanzas: Vec<Stanza>) -> BTreeMap<Name, Stanza> {
    let field = |stanza: &Stanza, name: &str| stanza[name].clone();
    let name = |stanza: &Stanza| {
        // dpkg writes it without an epoch of 0, and apt takes both for one.
        let version = field(stanza, "Version");
        let version = version.strip_prefix("0:").unwrap_or(&version).to_owned();
        (field(stanza, "Package"), version, field(stanza, "Architecture"))
    };
    stanzas.into_iter().map(|stanza| (name(&stanza), stanza)).collect()
}

/// The control files of a suite, as dpkg writes them into its database.
fn stored_by_dpkg(suite: &Suite) -> String {
    let dir = tempfile::tempdir().unwrap();
    for name in ["updates", "info", "triggers"] {
        std::fs::create_dir(dir.path().join(name)).unwrap();
    }
    std::fs::write(dir.path().join("arch"), suite.architecture_lines()).unwrap();
    std::fs::write(dir.path().join("status"), "").unwrap();
    let texts: Vec<_> = suite.controls.iter().map(|one| one.text.as_str()).collect();
    let file = dir.path().join("controls");
    std::fs::write(&file, texts.join("\n")).unwrap();
    let admin_dir = format!("--admindir={}", dir.path().display());
    let dpkg = program("dpkg").args([&*admin_dir, "--force-not-root", "--update-avail"]).arg(file);
    dpkg.run().expect_success();
    std::fs::read_to_string(dir.path().join("available")).unwrap()
}

/// Where a stanza of the index says another thing than dpkg's database, blanks apart.
fn differences(listed: &BTreeMap<Name, Stanza>, stored: &BTreeMap<Name, Stanza>) -> Vec<String> {
    let mut found = Vec::new();
    for (name, stored) in stored {
        let Some(listed) = listed.get(name) else {
            found.push(format!("{name:?} is not listed"));
            continue;
        };
        let fields = HASHED.into_iter().chain(stored.keys().map(String::as_str));
        let fields: BTreeSet<_> = fields.filter(|field| *field != "Version").collect();
        for field in fields {
            let [listed, stored] = [listed, stored].map(|stanza| {
                stanza.get(field).map(|value| value.split_whitespace().collect::<String>())
            });
            if listed != stored {
                found.push(format!("{name:?} {field}: {listed:?} is listed, {stored:?} is stored"));
            }
        }
    }
    let not_stored = listed.keys().filter(|name| !stored.contains_key(*name));
    found.extend(not_stored.map(|name| format!("{name:?} is not stored")));
    found
}

/// How many versions apt knows of, those of the index and those of dpkg's database together.
fn distinct_versions(host: &AptRoot) -> usize {
    let stats = host.program("apt-cache").arg("stats").run().expect_success();
    let line = stats.stdout.lines().find_map(|line| line.strip_prefix("Total distinct versions: "));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{stats}"))
}
