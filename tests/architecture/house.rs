//! The house as it stands: source files, the rooms they belong to, door cards and arrows.

use crate::text;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// One file under `src/`.
pub struct SourceFile {
    /// Below `src/`, as in `debian/name.rs`.
    pub path: String,
    /// Everything in it.
    pub text: String,
    /// Its code without comments, literals and tests.
    pub code: String,
}

impl SourceFile {
    pub fn new(path: &str, source: &str) -> Self {
        let code = text::without_tests(&text::without_comments_and_literals(source));
        let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
        let code = if is_test { String::new() } else { code };
        Self { path: path.to_owned(), text: source.to_owned(), code }
    }

    /// The room this file belongs to; `None` for the crate root, which only lists the rooms.
    pub fn room(&self) -> Option<&str> {
        match self.path.split_once('/') {
            Some((folder, _)) => Some(folder),
            None => self.path.strip_suffix(".rs").filter(|name| *name != "lib" && *name != "main"),
        }
    }

    /// The file whose header is the door card of its room.
    pub fn is_door(&self) -> bool {
        let in_bin = self.room() == Some("bin");
        in_bin || self.path.ends_with("/mod.rs") && self.depth() == 1 || !self.path.contains('/')
    }

    /// How many modules lie between the crate root and this file's inside.
    pub fn depth(&self) -> usize {
        self.path.split('/').filter(|part| *part != "mod.rs").count()
    }

    /// The lines of the `//!` header, without the marks.
    pub fn header(&self) -> Vec<&str> {
        let lines = self.text.lines().map_while(|line| line.strip_prefix("//!"));
        lines.map(str::trim).collect()
    }
}

/// What a door card allows.
pub enum Card {
    Only(Vec<String>),
    AllBut(Vec<String>),
}

impl Card {
    /// Reads `May name: a, b`, `May name: nothing` or `May name: all but a, b` from a header.
    pub fn parse(header: &[&str]) -> Option<Self> {
        let start = header.iter().position(|line| line.starts_with("May name:"))?;
        let lines = header[start..].iter().take_while(|line| !line.is_empty());
        let text = lines.copied().collect::<Vec<_>>().join(" ");
        let list = text.strip_prefix("May name:")?.trim().trim_end_matches('.');
        let names = |list: &str| {
            let parts = list.split(',').map(|part| part.split('(').next().unwrap_or("").trim());
            parts.map(|part| part.trim_matches('`').to_owned()).collect::<Vec<_>>()
        };
        Some(match list.strip_prefix("all but ") {
            Some(rest) => Self::AllBut(names(rest)),
            None if list == "nothing" => Self::Only(Vec::new()),
            None => Self::Only(names(list)),
        })
    }

    pub fn allows(&self, room: &str) -> bool {
        match self {
            Self::Only(names) => names.iter().any(|name| name == room),
            Self::AllBut(names) => names.iter().all(|name| name != room),
        }
    }

    pub fn names(&self) -> &[String] {
        match self {
            Self::Only(names) | Self::AllBut(names) => names,
        }
    }
}

/// One place where a room's code names another.
pub struct Arrow {
    pub from: String,
    pub to: String,
    /// The name after the room, as `disk` in `crate::pool::disk`.
    pub below: Option<String>,
    /// `file:line`, for people.
    pub place: String,
}

/// All files under `src/`.
pub struct House {
    pub files: Vec<SourceFile>,
}

impl House {
    /// Reads the files below `source_dir`.
    pub fn read(source_dir: &Path) -> Self {
        let texts = texts(source_dir);
        Self { files: texts.iter().map(|(path, text)| SourceFile::new(path, text)).collect() }
    }

    /// A house from `(path, text)` pairs.
    pub fn sample(files: &[(&str, &str)]) -> Self {
        Self { files: files.iter().map(|(path, text)| SourceFile::new(path, text)).collect() }
    }

    pub fn rooms(&self) -> BTreeSet<&str> {
        self.files.iter().filter_map(SourceFile::room).collect()
    }

    pub fn cards(&self) -> BTreeMap<&str, Card> {
        let doors = self.files.iter().filter(|file| file.is_door());
        let card = |file: &'_ SourceFile| Card::parse(&file.header());
        doors.filter_map(|file| Some((file.room()?, card(file)?))).collect()
    }

    /// Every arrow that leaves a room, tests not counted.
    pub fn arrows(&self) -> Vec<Arrow> {
        let rooms = self.rooms();
        self.files.iter().flat_map(|file| arrows_of(file, &rooms)).collect()
    }
}

/// Every Rust file below a folder by its path from there, with everything in it.
pub fn texts(folder: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut dirs = vec![folder.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(&dir).expect("the folder is readable") {
            let path = entry.expect("the folder is readable").path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let below = path.strip_prefix(folder).expect("it lies below");
                let text = std::fs::read_to_string(&path).expect("source files are UTF-8");
                files.push((below.to_string_lossy().into_owned(), text));
            }
        }
    }
    files.sort();
    files
}

fn arrows_of(file: &SourceFile, rooms: &BTreeSet<&str>) -> Vec<Arrow> {
    let Some(from) = file.room() else { return Vec::new() };
    let mut paths = text::names_below(&file.code, "crate");
    if from == "bin" {
        paths.extend(text::names_below(&file.code, "repod"));
    }
    paths.extend(paths_above(file).into_iter().filter(|(_, path)| rooms.contains(path[0])));
    let arrow = |(at, path): (usize, Vec<&str>)| Arrow {
        from: from.to_owned(),
        to: path[0].to_owned(),
        below: path.get(1).map(|name| (*name).to_owned()),
        place: format!("src/{}:{}", file.path, text::line_of(&file.code, at)),
    };
    paths.into_iter().map(arrow).filter(|arrow| arrow.to != from).collect()
}

/// Paths that climb to the crate root with `super::` and go down again from there.
fn paths_above(file: &SourceFile) -> Vec<(usize, Vec<&str>)> {
    let code = &file.code;
    let mut found = Vec::new();
    let mut climbed = 0;
    for (at, _) in text::words(code).filter(|(_, word)| *word == "super") {
        let goes_on = code[..at].trim_end().ends_with("::");
        climbed = if goes_on { climbed + 1 } else { 1 };
        let below = code[at..].find("::").map_or(code.len(), |n| at + n + 2);
        if climbed >= file.depth() && code[at + 5..below].trim() == "::" {
            found.extend(text::names_at(code, below));
        }
    }
    found
}

/// A function with a body.
pub struct Function {
    pub name: String,
    pub lines: usize,
    /// `file:line`, for people.
    pub place: String,
    /// Its name was chosen by the trait it belongs to.
    pub named_by_trait: bool,
}

/// Every function of `file`, tests not counted.
pub fn functions(file: &SourceFile) -> Vec<Function> {
    let code = &file.code;
    let trait_impls = trait_impls(code);
    let mut found = Vec::new();
    let mut words = text::words(code).peekable();
    while let Some((at, word)) = words.next() {
        let Some((name_at, name)) = words.peek().copied().filter(|_| word == "fn") else {
            continue;
        };
        if !code[at + 2..name_at].trim().is_empty() {
            continue;
        }
        let end = text::item_body(code, name_at).map_or(name_at, |body| body.end);
        found.push(Function {
            name: name.to_owned(),
            lines: text::line_of(code, end) - text::line_of(code, at) + 1,
            place: format!("src/{}:{}", file.path, text::line_of(code, at)),
            named_by_trait: trait_impls.iter().any(|body| body.contains(&at)),
        });
    }
    found
}

/// The bodies of `impl Trait for Type`.
fn trait_impls(code: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    for line in code.split_inclusive('\n') {
        let text = line.trim_start().trim_start_matches("unsafe ");
        if text.starts_with("impl") {
            let body = text::item_body(code, at);
            let is_of_trait = |body: &std::ops::Range<usize>| {
                text::words(&code[at..body.start]).any(|(_, word)| word == "for")
            };
            found.extend(body.filter(is_of_trait));
        }
        at += line.len();
    }
    found
}

/// Every trait of `file` with its number of methods.
pub fn traits(file: &SourceFile) -> Vec<(String, usize)> {
    let code = &file.code;
    let mut found = Vec::new();
    let mut words = text::words(code).peekable();
    while let Some((_, word)) = words.next() {
        let Some((at, name)) = words.peek().copied().filter(|_| word == "trait") else { continue };
        let Some(body) = text::item_body(code, at) else { continue };
        let methods = text::words(&code[body.clone()]).filter(|(_, word)| *word == "fn").count();
        found.push((name.to_owned(), methods));
    }
    found
}

/// The names that `file` gives to modules and types: `(keyword, name, file:line)`.
pub fn item_names(file: &SourceFile) -> Vec<(&str, &str, String)> {
    let mut found = Vec::new();
    let mut words = text::words(&file.code).peekable();
    while let Some((at, word)) = words.next() {
        if matches!(word, "mod" | "struct" | "enum" | "trait" | "type" | "union")
            && let Some((_, name)) = words.peek()
        {
            let place = format!("src/{}:{}", file.path, text::line_of(&file.code, at));
            found.push((word, *name, place));
        }
    }
    found
}
