//! The pages as text: their blocks, their inline spans, their links.

use std::path::{Path, PathBuf};

/// What is done with the commands of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Run where the operator is.
    Run,
    /// Run where the operator is, while the server is stopped.
    Stopped,
    /// Run on a host.
    Host,
    /// Only parsed.
    NotRun,
}

/// Commands that a page shows together.
pub struct Block {
    pub line: usize,
    pub kind: Kind,
    pub text: String,
}

/// A Markdown page.
pub struct Page {
    path: PathBuf,
    text: String,
}

/// Languages of blocks that hold no commands.
const OTHERS: [&str; 8] = ["text", "toml", "json", "ini", "http", "rust", "yaml", "puppet"];

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the project.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every page of the project.
pub fn pages() -> Vec<Page> {
    let mut paths = Vec::new();
    for folder in ["", "docs", "docs/adr", "keys.example", "migrations", "packaging"] {
        let entries = std::fs::read_dir(root().join(folder)).unwrap();
        let found = entries.map(|entry| entry.unwrap().path());
        paths.extend(found.filter(|path| path.extension().is_some_and(|end| end == "md")));
    }
    paths.sort();
    assert!(paths.len() > 10, "{paths:?}");
    let page = |path: PathBuf| Page { text: std::fs::read_to_string(&path).unwrap(), path };
    paths.into_iter().map(page).collect()
}

/// All Rust source, of the product and its tests.
pub fn source() -> String {
    let mut all = String::new();
    for folder in ["src", "tests"] {
        for entry in walkdir::WalkDir::new(root().join(folder)) {
            let entry = entry.unwrap();
            if entry.path().extension().is_some_and(|end| end == "rs") {
                all.push_str(&std::fs::read_to_string(entry.path()).unwrap());
            }
        }
    }
    all
}

impl Page {
    /// `docs/install.md:12`.
    pub fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path.strip_prefix(root()).unwrap().display())
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The anchors of its headings, as GitHub makes them.
    pub fn headings(&self) -> Vec<String> {
        let lines = self.lines().into_iter().filter(|(_, _, info)| info.is_none());
        let titles = lines.filter_map(|(_, line, _)| {
            let title = line.trim_start_matches('#');
            title.strip_prefix(' ').filter(|_| line.starts_with('#'))
        });
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        let anchor = |title: &str| {
            title.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")
        };
        titles.map(anchor).collect()
    }

    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap()
    }

    /// Lines with their numbers, and the info string of the block that each is in.
    fn lines(&self) -> Vec<(usize, &str, Option<&str>)> {
        let mut block = None;
        let mut lines = Vec::new();
        for (number, line) in (1..).zip(self.text.lines()) {
            match (line.trim_start().strip_prefix("```"), block) {
                (Some(info), None) => block = Some(info.trim()),
                (Some(_), Some(_)) => block = None,
                (None, block) => lines.push((number, line, block)),
            }
        }
        assert_eq!(block, None, "{}: a block is not closed", self.at(0));
        lines
    }

    /// Its blocks of commands.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut before = 0;
        for (line, text, info) in self.lines() {
            let Some(info) = info else { continue };
            let kind = match info {
                "sh" => Kind::Run,
                "sh stopped" => Kind::Stopped,
                "sh host" => Kind::Host,
                "sh no-run" => Kind::NotRun,
                other if OTHERS.contains(&other) => continue,
                other => panic!("{}: {other:?} is no kind of block here", self.at(line)),
            };
            match blocks.last_mut() {
                Some(last) if line == before + 1 => last.text.push_str(&format!("{text}\n")),
                _ => blocks.push(Block { line, kind, text: format!("{text}\n") }),
            }
            before = line;
        }
        blocks
    }

    /// What stands between single backticks, with its place.
    pub fn spans(&self) -> Vec<(String, String)> {
        let mut spans = Vec::new();
        for (line, text, info) in self.lines() {
            if info.is_none() {
                let inside = text.split('`').skip(1).step_by(2);
                spans.extend(inside.map(|span| (self.at(line), span.to_owned())));
            }
        }
        spans
    }

    /// Where it points to.
    pub fn links(&self) -> Vec<(usize, &str)> {
        let outside = self.lines().into_iter().filter(|(_, _, info)| info.is_none());
        let links = outside.flat_map(|(line, text, _)| {
            let ends = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
            ends.map(move |(link, _)| (line, link)).collect::<Vec<_>>()
        });
        links.collect()
    }
}

/// The commands of `repod` and `repoctl` in a script; `cargo run -- …` is one of `repod`.
pub fn commands(script: &str) -> Vec<String> {
    let script = script.replace("\\\n", " ").replace("cargo run --release -- ", "repod ");
    let mut found = Vec::new();
    for line in script.lines().filter(|line| !line.trim_start().starts_with('#')) {
        for piece in line.split("&&").flat_map(|part| part.split(['|', ';'])) {
            let words: Vec<_> = piece.split_whitespace().collect();
            let begins = |at: &usize| {
                let before = at.checked_sub(1).map(|before| words[before]);
                matches!(words[*at], "repod" | "repoctl")
                    && matches!(before, None | Some("--" | "sudo"))
            };
            if let Some(at) = (0..words.len()).find(begins) {
                // What it prints shall not go where a page sends it.
                let own = words[at..].iter().take_while(|word| !word.starts_with(['>', '<', '&']));
                found.push(own.copied().collect::<Vec<_>>().join(" "));
            }
        }
    }
    found
}
