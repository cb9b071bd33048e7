//! Circles of files: which file names what another one defines, through `crate::`, `super::`, `self::`, child
//! modules and re-exports, and where such arrows lead back.

use crate::house::{Card, House, SourceFile};
use crate::text;
use std::collections::{BTreeMap, BTreeSet};

/// No path in the source is longer. Unit: names.
const DEEPEST: usize = 9;

/// Rooms whose circles stay, each with the reason.
const ALLOWED: &[(&str, &str)] = &[];

/// Every module by its path below the crate root, as in `flow::change::apply`.
struct Modules<'h> {
    files: BTreeMap<String, &'h SourceFile>,
    /// What `use` binds in each module: a name, and the path it stands for.
    bound: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// The modules of which each module binds everything, by `use …::*`.
    globs: BTreeMap<String, Vec<Vec<String>>>,
}

fn module_of(path: &str) -> Option<String> {
    let path = path.strip_suffix(".rs")?;
    let path = path.strip_suffix("/mod").unwrap_or(path);
    let is_root = path == "lib" || path == "bin" || path.starts_with("bin/");
    (!is_root).then(|| path.replace('/', "::"))
}

fn owned(path: &[&str]) -> Vec<String> {
    path.iter().map(|name| (*name).to_owned()).collect()
}

impl<'h> Modules<'h> {
    fn read(house: &'h House) -> Self {
        let files = house.files.iter().filter(|file| !file.code.is_empty());
        let files = files.filter_map(|file| Some((module_of(&file.path)?, file)));
        let mut modules =
            Self { files: files.collect(), bound: BTreeMap::new(), globs: BTreeMap::new() };
        for (module, file) in &modules.files {
            let (mut names, mut globs) = (BTreeMap::new(), Vec::new());
            for (at, _) in statements(&file.code) {
                for (name, mut path) in modules.bindings(module, &file.code, at + "use".len()) {
                    match path.last().map(String::as_str) {
                        Some("*") => {
                            path.pop();
                            globs.push(path);
                        }
                        _ => drop(names.insert(name, path)),
                    }
                }
            }
            modules.bound.insert(module.clone(), names);
            modules.globs.insert(module.clone(), globs);
        }
        modules
    }

    /// What a `use` statement binds: names, and the paths they stand for, from the crate root.
    fn bindings(&self, module: &str, code: &str, at: usize) -> Vec<(String, Vec<String>)> {
        let binding = |(at, mut path): (usize, Vec<&str>)| {
            let last = *path.last()?;
            let renamed = code[at + last.len()..].trim_start().strip_prefix("as ");
            let renamed = renamed.and_then(|rest| text::words(rest).next());
            if last == "self" && path.len() > 1 {
                path.pop();
            }
            let name = renamed.map_or(*path.last()?, |(_, name)| name);
            Some((name.to_owned(), self.absolute(module, &path)?))
        };
        text::paths_at(code, at, DEEPEST).into_iter().filter_map(binding).collect()
    }

    /// A path as it stands in a module, from the crate root; `None` when it leads out of the crate.
    fn absolute(&self, module: &str, path: &[&str]) -> Option<Vec<String>> {
        let mut here: Vec<String> = module.split("::").map(str::to_owned).collect();
        let mut rest = path;
        match *rest.first()? {
            "crate" => {
                here.clear();
                rest = &rest[1..];
            }
            "self" | "super" => {
                while let Some(first) = rest.first().filter(|name| ["self", "super"].contains(name))
                {
                    if *first == "super" {
                        here.pop();
                    }
                    rest = &rest[1..];
                }
            }
            child if self.files.contains_key(&format!("{module}::{child}")) => {}
            _ => return None,
        }
        here.extend(owned(rest));
        Some(here)
    }

    /// The module whose file defines what a path names.
    fn defining(&self, path: &[String], depth: usize) -> Option<String> {
        let mut module = String::new();
        for (at, name) in path.iter().enumerate() {
            let inner = if module.is_empty() { name.clone() } else { format!("{module}::{name}") };
            if self.files.contains_key(&inner) {
                module = inner;
                continue;
            }
            let bound = self.bound.get(&module).and_then(|names| names.get(name).cloned());
            return match bound.or_else(|| self.by_glob(&module, name, depth)) {
                Some(target) if depth < DEEPEST => {
                    let whole = [target.as_slice(), &path[at + 1..]].concat();
                    self.defining(&whole, depth + 1)
                }
                _ => Some(module).filter(|module| !module.is_empty()),
            };
        }
        Some(module).filter(|module| !module.is_empty())
    }

    /// The path of a name that a glob brings into a module, which does not define it itself.
    fn by_glob(&self, module: &str, name: &str, depth: usize) -> Option<Vec<String>> {
        let defines = |module: &str| {
            self.files.get(module).is_some_and(|file| text::defines(&file.code, name))
        };
        if depth >= DEEPEST || defines(module) {
            return None;
        }
        let brings = |glob: &&Vec<String>| {
            let path = [glob.as_slice(), &[name.to_owned()]].concat();
            self.defining(&path, depth + 1).is_some_and(|module| defines(&module))
        };
        let glob = self.globs.get(module)?.iter().find(brings)?;
        Some([glob.as_slice(), &[name.to_owned()]].concat())
    }

    /// Which modules each module names; what a door only hands on does not count.
    fn arrows(&self) -> BTreeMap<&str, BTreeSet<String>> {
        let named = |(module, file): (&'_ String, &&SourceFile)| {
            let code = without_visibilities(&without_re_exports(&file.code));
            let mut paths: Vec<Vec<&str>> = Vec::new();
            for root in ["crate", "super", "self"] {
                for (_, path) in text::paths_below(&code, root, DEEPEST) {
                    paths.push([&[root], path.as_slice()].concat());
                }
            }
            let children =
                self.files.keys().filter_map(|other| other.strip_prefix(module.as_str()));
            let children = children.filter_map(|other| other.strip_prefix("::"));
            for child in children.filter(|child| !child.contains("::")) {
                for (_, path) in text::paths_below(&code, child, DEEPEST) {
                    paths.push([&[child], path.as_slice()].concat());
                }
            }
            let targets = paths.iter().filter_map(|path| self.absolute(module, path));
            let targets = targets.filter_map(|path| self.defining(&path, 0));
            targets.filter(|target| target != module).collect()
        };
        self.files.iter().map(|entry| (entry.0.as_str(), named(entry))).collect()
    }
}

/// Where each `use` statement begins, and whether it hands on what it names.
fn statements(code: &str) -> Vec<(usize, bool)> {
    let mut found = Vec::new();
    let mut before = "";
    for (at, word) in text::words(code) {
        let line = &code[code[..at].rfind('\n').map_or(0, |n| n + 1)..at];
        if word == "use" && before != "impl" {
            let line = line.trim();
            let hands_on = line == "pub" || line.starts_with("pub(") && line.ends_with(')');
            found.push((at, hands_on));
        }
        before = word;
    }
    found
}

/// `pub(in crate::flow)` names nobody.
fn without_visibilities(code: &str) -> String {
    let mut left = code.as_bytes().to_vec();
    for (at, _) in code.match_indices("pub(in ") {
        let end = code[at..].find(')').map_or(code.len(), |n| at + n);
        left[at..end].fill(b' ');
    }
    String::from_utf8(left).expect("only ASCII is left")
}

fn without_re_exports(code: &str) -> String {
    let mut left = code.as_bytes().to_vec();
    for (at, hands_on) in statements(code) {
        if hands_on {
            let end = code[at..].find(';').map_or(code.len(), |n| at + n);
            left[at..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        }
    }
    String::from_utf8(left).expect("only ASCII is left")
}

/// The groups of files of which each leads to every other.
pub fn circles(house: &House) -> Vec<Vec<String>> {
    let modules = Modules::read(house);
    let arrows = modules.arrows();
    let reach = |from: &str| -> BTreeSet<String> {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(at) = next.pop() {
            for to in arrows.get(at.as_str()).into_iter().flatten() {
                if seen.insert(to.clone()) {
                    next.push(to.clone());
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&str, BTreeSet<String>> =
        arrows.keys().map(|module| (*module, reach(module))).collect();
    let mut found = BTreeSet::new();
    for (module, to) in &reached {
        if to.contains(*module) {
            let both = to.iter().filter(|other| {
                reached.get(other.as_str()).is_some_and(|back| back.contains(*module))
            });
            found.insert(both.cloned().collect::<Vec<_>>());
        }
    }
    found.into_iter().collect()
}

/// The circles that are not among those that stay.
pub fn file_circles(house: &House) -> Vec<String> {
    let stays = |circle: &[String]| {
        let rooms = || ALLOWED.iter().map(|(room, _)| Some(*room));
        circle.iter().all(|module| rooms().any(|room| room == module.split("::").next()))
    };
    let circles = circles(house).into_iter().filter(|circle| !stays(circle));
    circles.map(|circle| format!("files lead to each other: {}", circle.join(", "))).collect()
}

/// Rooms whose folders are rooms of their own, with door cards.
const DIVIDED: &[&str] = &["flow"];

/// The sub-room of a module of a divided room.
fn sub_room(module: &str) -> Option<(&str, &str)> {
    let (room, rest) = module.split_once("::")?;
    let room = DIVIDED.iter().find(|divided| **divided == room)?;
    Some((room, rest.split("::").next().unwrap_or(rest)))
}

/// The cards of sub-rooms; `None` for a folder without one.
fn cards(house: &House) -> BTreeMap<(&str, &str), Option<Card>> {
    let folders = house.files.iter().filter_map(|file| {
        let (room, rest) = file.path.split_once('/')?;
        let (folder, _) = rest.split_once('/')?;
        DIVIDED.contains(&room).then_some((room, folder))
    });
    let door = |(room, folder): &(&str, &str)| {
        let path = format!("{room}/{folder}/mod.rs");
        let door = house.files.iter().find(|file| file.path == path);
        door.and_then(|door| Card::parse(&door.header()))
    };
    folders.map(|folder| (folder, door(&folder))).collect()
}

/// Sub-rooms without a card, arrows between them that no card allows, and sub-rooms that lead to each other.
pub fn sub_rooms_off_their_cards(house: &House) -> Vec<String> {
    let modules = Modules::read(house);
    let cards = cards(house);
    let lacking = cards.iter().filter(|(_, card)| card.is_none());
    let lacking = lacking.map(|((room, folder), _)| {
        format!("src/{room}/{folder}/mod.rs: end the header with `May name: …`")
    });
    let (mut faults, mut next) = (lacking.collect::<Vec<_>>(), BTreeMap::<_, BTreeSet<_>>::new());
    for (module, targets) in modules.arrows() {
        let Some((room, from)) = sub_room(module) else { continue };
        for target in targets {
            let Some((_, to)) =
                sub_room(&target).filter(|(other, to)| *other == room && *to != from)
            else {
                continue;
            };
            next.entry((room, from.to_owned())).or_default().insert((room, to.to_owned()));
            let card = cards.get(&(room, from)).and_then(Option::as_ref);
            if !card.is_none_or(|card| card.allows(to)) {
                faults.push(format!(
                    "{module} names {target}, which the card of {from} does not allow"
                ));
            }
        }
    }
    for start in next.keys() {
        let (mut seen, mut trail) = (BTreeSet::new(), vec![start.clone()]);
        while let Some(at) = trail.pop() {
            for to in next.get(&at).into_iter().flatten() {
                if to == start {
                    faults.push(format!("{} leads back to itself by {}", start.1, at.1));
                } else if seen.insert(to.clone()) {
                    trail.push(to.clone());
                }
            }
        }
    }
    faults
}
