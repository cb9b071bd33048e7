//! Many small groups of packages, made by chance: whatever the answer of a rollback says of who follows is what the
//! real apt does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use super::{BACK, By, Host, Installed, announced, server, told_and_done, word};
use crate::harness::deb::DebBuilder;
use crate::harness::programs::is_root;
use crate::harness::server::TestServer;

/// How hosts install what they have.
const INSTALL: [&str; 3] = ["-y", "--no-install-recommends", "install"];

/// A group shares no name with any other, so each is a case of its own.
struct Group {
    number: usize,
    /// Of each name its builds by version.
    packages: Vec<Made>,
    back: Vec<String>,
}

struct Made {
    name: String,
    version: u8,
    built: &'static str,
    fields: Vec<(&'static str, String)>,
}

/// A package of a group, before it has versions.
struct Name {
    letter: char,
    multi_arch: &'static str,
    builds: &'static [&'static str],
    versions: &'static [u8],
    /// The others that it speaks of, and in which field.
    speaks: Vec<(&'static str, char)>,
}

fn group(number: usize, chance: &mut StdRng) -> Group {
    let letters = &['a', 'b', 'c', 'd'][..chance.gen_range(2..=4)];
    // Without this nearly everything keeps everything else away.
    let peaceful = chance.gen_bool(0.5);
    let mut names: Vec<_> = letters.iter().map(|letter| name(*letter, letters, chance)).collect();
    let mut packages = Vec::new();
    for at in 0..names.len() {
        for version in names[at].versions {
            names[at].speaks = speaks(names[at].letter, letters, chance);
            let fields = fields(number, &names, at, *version, peaceful, chance);
            for built in names[at].builds {
                let mut fields = fields.clone();
                fields.push(("Multi-Arch", names[at].multi_arch.into()));
                let name = format!("acme-{number}-{}", names[at].letter);
                packages.push(Made { name, version: *version, built, fields });
            }
        }
    }
    let goes = names.iter().filter(|name| name.versions.len() == 2);
    let goes: Vec<_> = goes.map(|name| format!("acme-{number}-{}", name.letter)).collect();
    let most = goes.len().min(chance.gen_range(1..=2));
    let back = goes.choose_multiple(chance, most).cloned().collect();
    Group { number, packages, back }
}

fn name(letter: char, letters: &[char], chance: &mut StdRng) -> Name {
    let multi_arch = *["no", "no", "same", "foreign", "allowed"].choose(chance).unwrap();
    let builds: &[&[&str]] = match multi_arch {
        "same" => &[&["amd64", "i386"]],
        _ => &[&["amd64"], &["i386"], &["amd64", "i386"], &["all"]],
    };
    let versions: &[&[u8]] = &[&[1, 2], &[1, 2], &[1, 2], &[1], &[2]];
    Name {
        letter,
        multi_arch,
        builds: builds.choose(chance).unwrap(),
        versions: versions.choose(chance).unwrap(),
        speaks: speaks(letter, letters, chance),
    }
}

fn speaks(own: char, letters: &[char], chance: &mut StdRng) -> Vec<(&'static str, char)> {
    let others: Vec<_> = letters.iter().copied().filter(|other| *other != own).collect();
    let mut speaks = Vec::new();
    for _ in 0..chance.gen_range(0..=2) {
        let field =
            ["Depends", "Depends", "Depends", "Recommends", "Breaks", "Conflicts", "Provides"];
        let other = if chance.gen_bool(0.15) { 'v' } else { *others.choose(chance).unwrap() };
        speaks.push((*field.choose(chance).unwrap(), other));
    }
    speaks
}

fn fields(
    number: usize,
    names: &[Name],
    at: usize,
    version: u8,
    peaceful: bool,
    chance: &mut StdRng,
) -> Vec<(&'static str, String)> {
    let mut fields: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (field, other) in &names[at].speaks {
        let same = [format!(" (= {version})"), format!(" (>= {version})")];
        let has_second =
            names.iter().any(|name| name.letter == *other && name.versions.contains(&2));
        let (other, versions) = match *field {
            "Recommends" if peaceful => continue,
            "Breaks" | "Conflicts" if peaceful || !has_second => continue,
            "Breaks" | "Conflicts" => (*other, &[" (<< 2)"][..]),
            "Provides" => ('v', &["", "", " (= 1)", " (= 2)"][..]),
            _ => (*other, &[&same[0], &same[0], &same[1], &same[1], "", " (<< 2)"][..]),
        };
        let qualifiers = if *field == "Depends" { &["", "", "", ":any"][..] } else { &[""] };
        let (qualifier, versions) =
            (qualifiers.choose(chance).unwrap(), versions.choose(chance).unwrap());
        let mut relation = format!("acme-{number}-{other}{qualifier}{versions}");
        let another = names
            .iter()
            .map(|name| name.letter)
            .find(|letter| ![other, names[at].letter].contains(letter));
        if matches!(*field, "Depends" | "Recommends")
            && chance.gen_bool(0.2)
            && let Some(another) = another
        {
            let _ = write!(relation, " | acme-{number}-{another}");
        }
        fields.entry(field).or_default().push(relation);
    }
    fields.into_iter().map(|(field, relations)| (field, relations.join(", "))).collect()
}

impl Group {
    fn debs(&self, version: u8) -> Vec<DebBuilder> {
        let made = self.packages.iter().filter(|made| made.version == version);
        made.map(|made| {
            let text = made.version.to_string();
            let deb = DebBuilder::new(&made.name, &text, made.built)
                .file(&format!("usr/share/{}/version", made.name), text.as_bytes());
            made.fields.iter().fold(deb, |deb, (field, value)| deb.field(field, value))
        })
        .collect()
    }

    fn told(&self) -> String {
        let mut told = format!("back: {:?}\n", self.back);
        for Made { name, version, built, fields } in &self.packages {
            let _ = writeln!(told, "{name} {version} {built} {fields:?}");
        }
        told
    }

    fn owns(&self, name: &str) -> bool {
        name.starts_with(&format!("acme-{}-", self.number))
    }

    fn was_said_to_clash(&self, answer: &Value) -> bool {
        let mut stuck = answer["stuck"].as_array().into_iter().flatten();
        stuck.any(|one| self.owns(word(one, "package").unwrap()) && one["relation"] == "avoids")
    }

    /// Whether what is said to be stuck is so on an amd64 host that takes i386 packages, by what it has.
    fn concerns(&self, stuck: &Value, by: By, installed: &Installed) -> Concerns {
        let (name, built) = (word(stuck, "package").unwrap(), word(stuck, "architecture").unwrap());
        let here = |built: &str| installed.contains_key(&(name.to_owned(), built.to_owned()));
        let has = |name: &str| installed.keys().any(|(other, _)| other == name);
        let plain = |name: &str| name.split([' ', ':']).next().unwrap().to_owned();
        if !(here(built) || here("all") && built == "amd64") {
            return Concerns::No;
        }
        let finds: BTreeSet<_> =
            stuck["finds"].as_object().unwrap().keys().map(|name| plain(name)).collect();
        let others = word(stuck, "needs").unwrap().split([',', '|']).map(|one| plain(one.trim()));
        let other = others.filter(|name| !finds.contains(name)).any(|name| has(&name));
        let is_so = match word(stuck, "relation").unwrap() {
            // Or it comes with two builds of what moves.
            "avoids" => {
                finds.iter().any(|name| has(name) || Some(&**name) == word(stuck, "brings"))
            }
            // apt-get alone minds these.
            "recommends" => by == By::AptGet,
            _ => true,
        };
        // Of hosts with several architectures the answer tells too little to be sure.
        let simple =
            self.packages.iter().all(|made| made.built != "i386") && stuck["hosts"][0] == "amd64";
        match (is_so, simple) {
            (false, _) => Concerns::No,
            (true, true) if other => Concerns::No,
            (true, true) if !word(stuck, "brings").is_some_and(has) => Concerns::Yes,
            _ => Concerns::Maybe,
        }
    }

    /// What a host that wants some of it is given by apt, in the state that is live.
    fn chosen(&self, host: &Host, chance: &mut StdRng) -> BTreeSet<String> {
        let all = self.packages.iter().map(|made| match made.built {
            "i386" => format!("{}:i386", made.name),
            _ => made.name.clone(),
        });
        let all: BTreeSet<_> = all.collect();
        let all: Vec<_> = all.into_iter().collect();
        for many in (1..=all.len()).rev() {
            let some = all.choose_multiple(chance, many);
            let some: Vec<_> = some.map(String::as_str).collect();
            let tried = host.root.apt_get(&[&["-s"], &INSTALL[1..], &some[..]].concat());
            let line = |line: &str| {
                let words: Vec<_> = line.strip_prefix("Inst ")?.split(' ').collect();
                // `NAME[:ARCHITECTURE] (VERSION SUITE [ARCHITECTURE])`
                let name = words[0].split(':').next()?;
                let built = line.split_once(')')?.0.rsplit_once(" [")?.1.strip_suffix(']')?;
                Some(if built == "all" { name.to_owned() } else { format!("{name}:{built}") })
            };
            if tried.succeeded() {
                return tried.stdout.lines().filter_map(line).collect();
            }
        }
        BTreeSet::new()
    }
}

fn upload(server: &TestServer, groups: &[Group], version: u8) {
    let debs = groups.iter().flat_map(|group| group.debs(version));
    let paths: Vec<_> = debs.map(|deb| server.deb(&deb)).collect();
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    server.repoctl(&[&["upload", "--suite", "stable"], &paths[..]].concat()).expect_success();
}

/// Whether a package that is stuck is so on a host, as far as the answer tells.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Concerns {
    No,
    Maybe,
    Yes,
}

/// What is wrong with what a host did, of one group.
fn difference(
    group: &Group,
    by: By,
    answer: &Value,
    before: &Installed,
    after: &Installed,
) -> Option<String> {
    let own = |all: &Installed| -> Installed {
        let own = all.iter().filter(|((name, _), _)| group.owns(name));
        own.map(|(key, version)| (key.clone(), version.clone())).collect()
    };
    let (before, mut after) = (own(before), own(after));
    // What is installed anew comes along unnamed.
    let wanted = announced(answer, &before);
    after.retain(|key, _| before.contains_key(key) || wanted.contains_key(key));
    let stuck: Vec<_> = answer["stuck"].as_array().into_iter().flatten().collect();
    let stuck: Vec<_> = stuck.iter().map(|one| group.concerns(one, by, &before)).collect();
    let told = |what: &str| {
        Some(format!(
            "{what}\nbefore {before:?}\nafter {after:?}\nwanted {wanted:?}\nstuck {stuck:?}\n{}",
            group.told()
        ))
    };
    match stuck.iter().max() {
        None | Some(Concerns::No) if after != wanted => told("it did not follow"),
        Some(Concerns::Yes) if after == wanted => {
            told("it follows, although it was said to be stuck")
        }
        _ => None,
    }
}

#[test]
fn whoever_is_said_to_follow_follows_whatever_packages_say_of_each_other() {
    let seed = std::env::var("REPOD_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or(7);
    let count = std::env::var("REPOD_TEST_GROUPS").ok().and_then(|count| count.parse().ok());
    let mut chance = StdRng::seed_from_u64(seed);
    let groups: Vec<_> =
        (0..count.unwrap_or(24)).map(|number| group(number, &mut chance)).collect();
    let server = server();
    upload(&server, &groups, 1);
    upload(&server, &groups, 2);
    let ways = [By::AptGet, By::UnattendedUpgrade];
    let ways = if is_root() { &ways[..] } else { &ways[..1] };
    let host = |by: &By| {
        let host = Host::new(&server, &format!("{by:?}").to_lowercase(), *by);
        let chosen: Vec<_> =
            groups.iter().flat_map(|group| group.chosen(&host, &mut chance)).collect();
        let chosen: Vec<_> = chosen.iter().map(String::as_str).collect();
        host.root.apt_get(&[&INSTALL[..], &chosen].concat()).expect_success();
        host
    };
    let hosts: Vec<_> = ways.iter().map(host).collect();
    let back: Vec<_> = groups.iter().flat_map(|group| &group.back).map(String::as_str).collect();
    let answer = told_and_done(&server, &[&BACK[..], &back, &["--force"]].concat());
    let mut wrong = Vec::new();
    for host in &hosts {
        let before = host.installed();
        let outcome = host.try_to_follow();
        if !outcome.succeeded() {
            let said = outcome.to_string();
            let named = |group: &&Group| said.contains(&format!("acme-{}-", group.number));
            let named: Vec<_> = groups.iter().filter(named).collect();
            // Where what was forced cannot be side by side, apt-get may give up as a whole.
            let gives_up = said.contains("E: Broken packages") && !named.is_empty();
            if gives_up && named.iter().all(|group| group.was_said_to_clash(&answer)) {
                continue;
            }
            let named: Vec<_> = named.into_iter().map(Group::told).collect();
            wrong.push(format!("{}: {said}\n{}", host.name, named.join("\n")));
        }
        let after = host.installed();
        let found =
            groups.iter().filter_map(|group| difference(group, host.by, &answer, &before, &after));
        wrong.extend(found.map(|found| format!("{}: {found}", host.name)));
    }
    let first: String = wrong.iter().take(6).cloned().collect();
    assert!(wrong.is_empty(), "seed {seed}: {} of {}:\n{first}", wrong.len(), groups.len());
}
