//! Contents of a suite that changes: what edits make of them is what the live packages would give afresh,
//! and the real apt fetches them as apt-file asks for them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use repod::domain::Change;
use repod::domain::SuiteEdit;
use repod::domain::{PinKind, PinTarget};

use super::HOST;
use crate::crash::Client;
use crate::crash::faults::{Fault, Side, Then};
use crate::crash::house::{Ground, House};
use crate::harness::apt::HostFile;
use crate::harness::deb::DebBuilder;
use crate::harness::server::{TestServer, package};

const CONTENTS: &str = "main/Contents-amd64";

/// Where the packages of a test have their files, by name and version.
type Held = BTreeMap<(String, String), (Option<&'static str>, BTreeSet<String>)>;

/// Some paths are shared by many packages, some stay from version to version, some do not.
fn sample(held: &mut Held, number: u32, version: u32) -> Vec<u8> {
    let name = format!("held-{number:02}");
    let architecture = if number.is_multiple_of(3) { "all" } else { "amd64" };
    let section = match number % 4 {
        0 => None,
        1 => Some("utils"),
        2 if version > 1 => Some("net"),
        _ => Some("contrib/web"),
    };
    let mut paths = BTreeSet::from([
        format!("usr/bin/{name}"),
        format!("usr/share/doc/{name}/version {version}"),
        format!("usr/share/shared/{}", number % 5),
        "usr/share/of/everyone".to_owned(),
    ]);
    let more = |file: u32| format!("usr/lib/{:02}/{name}/{:060}", file * 7919 % 97, file * version);
    paths.extend((0..number * 20).map(more));
    let version = format!("{version}.0");
    let mut deb = DebBuilder::new(&name, &version, architecture);
    deb = match section {
        Some(section) => deb.field("Section", section),
        None => deb.without_field("Section"),
    };
    for path in &paths {
        deb = deb.file(path, b"");
    }
    held.insert((name, version), (section, paths));
    deb.build()
}

/// What the packages that are live give, line by line.
fn afresh(house: &House<'_>, held: &Held) -> String {
    let packages = house.served("dists/stable/main/binary-amd64/Packages").unwrap();
    let text = String::from_utf8(packages.body).unwrap();
    let mut lines = BTreeMap::<&str, BTreeSet<String>>::new();
    for stanza in text.split_terminator("\n\n") {
        let field = |name: &str| {
            let value = stanza.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            value.to_owned()
        };
        let key = (field("Package: "), field("Version: "));
        let (section, paths) = &held[&key];
        let location = section.map_or(key.0.clone(), |section| format!("{section}/{}", key.0));
        for path in paths {
            lines.entry(path).or_default().insert(location.clone());
        }
    }
    let line = |(path, locations): (&str, BTreeSet<String>)| {
        let locations: Vec<_> = locations.into_iter().collect();
        format!("{path} {}\n", locations.join(","))
    };
    lines.into_iter().map(line).collect()
}

/// What the head lists; `None` when it lists none. A head that is signed meanwhile is read again.
fn listed(house: &House<'_>) -> Option<String> {
    let head = || house.served("dists/stable/Release").unwrap().body;
    loop {
        let release = head();
        let served = house.served(&format!("dists/stable/{CONTENTS}"));
        if head() != release {
            continue;
        }
        let lists = String::from_utf8(release).unwrap().contains(CONTENTS);
        assert_eq!(served.is_ok(), lists);
        return served.ok().map(|answer| String::from_utf8(answer.body).unwrap());
    }
}

#[track_caller]
fn wait_until(house: &House<'_>, expected: &str) {
    let begun = Instant::now();
    while listed(house).as_deref() != Some(expected).filter(|text| !text.is_empty()) {
        assert!(begun.elapsed() < Duration::from_secs(60), "they never become what they should");
        house.clock.advance(1);
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn edits_make_what_the_packages_would_give_afresh() {
    let ground = Ground::new();
    let place = ground.place("stores");
    let clock = ground.clock();
    let mut held = Held::new();
    let change = |house: &House<'_>, debs: &[Vec<u8>]| {
        let change = house.send(debs).unwrap();
        house.change("stable", change).unwrap();
    };
    let edit = |contents| {
        Change::Edit(Box::new(SuiteEdit { contents: Some(contents), ..SuiteEdit::default() }))
    };
    let target = |name: &str| PinTarget { kind: PinKind::Source, name: name.parse().unwrap() };
    {
        let house = House::open(&ground, &place, &clock);
        house.create("stable").unwrap();
        house.change("stable", edit(true)).unwrap();
        assert_eq!(listed(&house), None);
        let debs: Vec<_> = (0..40).map(|number| sample(&mut held, number, 1)).collect();
        change(&house, &debs);
        wait_until(&house, &afresh(&house, &held));
        assert!(listed(&house).unwrap().len() > 1 << 20, "it has many chunks");
        let whole = house.check("stable");
        assert!(whole.beside.contains(CONTENTS) && whole.beside.contains("main/Contents-amd64.gz"));
        // No change waits for them, and those of before are listed meanwhile.
        for version in 2..5 {
            change(&house, &[sample(&mut held, version * 5, version)]);
            assert!(listed(&house).is_some());
        }
        wait_until(&house, &afresh(&house, &held));
        house.change("stable", Change::RollBack(vec![target("held-15")], None)).unwrap();
        house.change("stable", Change::Remove(vec![target("held-39")])).unwrap();
        wait_until(&house, &afresh(&house, &held));
        // A generation that they are not made of when the server ends.
        change(&house, &[sample(&mut held, 31, 2), sample(&mut held, 41, 1)]);
    }
    let house = House::open(&ground, &place, &clock);
    wait_until(&house, &afresh(&house, &held));
    change(&house, &[sample(&mut held, 32, 2), sample(&mut held, 2, 2)]);
    wait_until(&house, &afresh(&house, &held));
    house.check("stable");
    house.change("stable", edit(false)).unwrap();
    assert_eq!(listed(&house), None);
    change(&house, &[sample(&mut held, 3, 2)]);
    for _ in 0..20 {
        clock.advance(1);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(listed(&house), None, "the suite has none");
    house.change("stable", edit(true)).unwrap();
    wait_until(&house, &afresh(&house, &held));
    let all: Vec<_> = (0..42).filter(|number| !matches!(number, 39 | 40)).collect();
    let all = all.iter().map(|number| target(&format!("held-{number:02}"))).collect();
    house.change("stable", Change::Remove(all)).unwrap();
    wait_until(&house, "");
}

#[test]
fn what_fails_while_they_are_made_is_made_good_and_no_change_fails_with_it() {
    let ground = Ground::new();
    let place = ground.place("stores");
    let clock = ground.clock();
    let mut held = Held::new();
    let house = House::open(&ground, &place, &clock);
    house.create("stable").unwrap();
    let edit = SuiteEdit { contents: Some(true), ..SuiteEdit::default() };
    house.change("stable", Change::Edit(Box::new(edit))).unwrap();
    let mut change = |number: u32, version: u32| {
        let change = house.send(&[sample(&mut held, number, version)]).unwrap();
        house.change("stable", change).unwrap();
        held.clone()
    };
    let mut failed = BTreeSet::new();
    for step in 0..14 {
        change(20, 100 + step);
        // Time stands still, so that they are not made before the fault is there.
        house.faults.arm(Some(Fault { at: step as usize, side: Side::Before, then: Then::GoesOn }));
        let begun = Instant::now();
        while house.faults.calls().len() <= step as usize
            && begun.elapsed() < Duration::from_secs(2)
        {
            clock.advance(1);
            std::thread::sleep(Duration::from_millis(5));
        }
        failed.extend(house.faults.calls().get(step as usize).copied());
        house.faults.arm(None);
        // Whatever failed, the next change begins it anew.
        let expected = afresh(&house, &change(5, 100 + step));
        wait_until(&house, &expected);
    }
    assert!(failed.contains("commit of a pack") && failed.contains("complete"), "{failed:?}");
    house.check("stable");
}

#[test]
fn apt_fetches_contents_and_then_only_what_changed() {
    let server = TestServer::start();
    let client = Client::of(&server, HOST);
    let host = server.host(HOST);
    // What the package apt-file puts into apt.conf.d.
    let target = "Acquire::IndexTargets { deb::Contents-deb {\n\
        MetaKey \"$(COMPONENT)/Contents-$(ARCHITECTURE)\";\n\
        ShortDescription \"Contents-$(ARCHITECTURE)\";\n\
        Description \"$(RELEASE)/$(COMPONENT) $(ARCHITECTURE) Contents (deb)\";\n\
        }; };\n";
    host.place(&[HostFile::new("/etc/apt/apt.conf.d/50apt-file.conf", 0o644, target)]);
    let upload = |name: &str| {
        let deb = client.deb(&package(name, "1.0"));
        client.repoctl(&["upload", "--suite", "stable", &deb]).expect_success();
    };
    let wait_for = |line: &str| {
        let begun = Instant::now();
        let path = format!("dists/stable/{CONTENTS}");
        while !client.curl().arg(client.address(&path)).run().stdout.contains(line) {
            assert!(begun.elapsed() < Duration::from_secs(60), "{line} is never listed");
            std::thread::sleep(Duration::from_millis(200));
        }
    };
    let seen = || {
        host.update().expect_success();
        let asked = ["indextargets", "--format", "$(FILENAME)", "Created-By: Contents-deb"];
        let found = host.apt_get(&asked).expect_success();
        let name = found.stdout.trim().rsplit('/').next().unwrap().to_owned();
        String::from_utf8(host.read(&format!("/var/lib/apt/lists/{name}")).expect(&name)).unwrap()
    };
    upload("acme-web");
    wait_for("misc/acme-web");
    assert_eq!(seen(), "usr/share/acme-web/version misc/acme-web\n");
    upload("acme-api");
    wait_for("misc/acme-api");
    let both =
        "usr/share/acme-api/version misc/acme-api\nusr/share/acme-web/version misc/acme-web\n";
    assert_eq!(seen(), both);
}
