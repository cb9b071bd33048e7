//! The rules of the house. Each gives the faults it finds, in words that say what to change.

use crate::house::{Card, House, functions, item_names, traits};
use crate::text;
use std::collections::{BTreeMap, BTreeSet};

pub const FILE_LINES: usize = 400;
pub const FUNCTION_LINES: usize = 70;
pub const USUAL_FUNCTION_LINES: usize = 40;
pub const TRAIT_METHODS: usize = 15;

/// Rooms without async, clock, disk, environment, network, log or panic.
const PURE: &[&str] = &["debian", "domain"];

/// Crates that only some rooms may name, because only they know what lies behind them.
const KEEPERS: &[(&str, &[&str])] = &[
    ("sha2", &["digest"]),
    ("tar", &["debian"]),
    ("flate2", &["debian"]),
    ("liblzma", &["debian"]),
    ("zstd", &["debian"]),
    ("zip", &["cli"]),
    ("rusqlite", &["catalogue"]),
    ("rusqlite_migration", &["catalogue"]),
    ("pgp", &["signing"]),
    ("sequoia_openpgp", &["signing"]),
    ("webpki", &["trust"]),
    ("axum", &["http"]),
    ("reqwest", &["client"]),
    ("strsim", &["nearest"]),
    ("tracing_subscriber", &["telemetry"]),
];

/// Back ends: everyone else knows the store by its traits.
const BACK_ENDS: &[(&str, &str)] = &[
    ("pool", "disk"),
    ("pool", "memory"),
    ("pool", "s3"),
    ("catalogue", "sqlite"),
    ("catalogue", "postgres"),
];

/// The rooms that choose back ends.
const WIRING: &[&str] = &["server", "init"];

pub fn missing_headers(house: &House) -> Vec<String> {
    let bare = house.files.iter().filter(|file| file.header().is_empty());
    bare.map(|file| format!("src/{}: begin with a //! line that says what it is", file.path))
        .collect()
}

pub fn missing_cards(house: &House) -> Vec<String> {
    let rooms = house.rooms();
    let mut faults = Vec::new();
    let with_door: BTreeSet<_> =
        house.files.iter().filter(|file| file.is_door()).filter_map(|file| file.room()).collect();
    for room in rooms.difference(&with_door) {
        faults.push(format!("src/{room}/: has no mod.rs, so it has no door"));
    }
    for door in house.files.iter().filter(|file| file.is_door() && file.room().is_some()) {
        match Card::parse(&door.header()) {
            None => faults.push(format!("src/{}: end the header with `May name: …`", door.path)),
            Some(card) => {
                let strange = card.names().iter().filter(|name| !rooms.contains(name.as_str()));
                faults.extend(strange.map(|name| {
                    format!("src/{}: the card names {name}, which is no room", door.path)
                }));
            }
        }
    }
    faults
}

pub fn arrows_off_the_card(house: &House) -> Vec<String> {
    let (rooms, cards) = (house.rooms(), house.cards());
    let mut faults = Vec::new();
    for arrow in house.arrows() {
        let (place, from, to) = (&arrow.place, &arrow.from, &arrow.to);
        if !rooms.contains(to.as_str()) {
            faults.push(format!("{place}: {from} names crate::{to}, which is no room"));
        } else if !cards.get(from.as_str()).is_some_and(|card| card.allows(to)) {
            faults.push(format!("{place}: {from} names {to}, which its card does not allow"));
        }
    }
    faults.dedup();
    faults
}

pub fn cycles(house: &House) -> Vec<String> {
    let mut next: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for arrow in house.arrows() {
        next.entry(arrow.from).or_default().insert(arrow.to);
    }
    let mut faults = BTreeSet::new();
    for start in next.keys() {
        let mut trails = vec![vec![start.clone()]];
        let mut seen = BTreeSet::new();
        while let Some(trail) = trails.pop() {
            for to in next.get(trail.last().expect("never empty")).into_iter().flatten() {
                let further: Vec<_> = trail.iter().chain([to]).cloned().collect();
                if to == start && trail.iter().min() == Some(start) {
                    faults.insert(format!("rooms name each other: {}", further.join(" → ")));
                } else if seen.insert(to.clone()) {
                    trails.push(further);
                }
            }
        }
    }
    faults.into_iter().collect()
}

pub fn rooms_not_on_the_page(house: &House, page: &str) -> Vec<String> {
    let drawn = |room: &&str| {
        [format!("`{room}`"), format!("`{room}/`")].iter().any(|name| page.contains(name.as_str()))
    };
    let missing = house.rooms().into_iter().filter(|room| !drawn(room));
    missing.map(|room| format!("docs/ARCHITECTURE.md: say what room `{room}` is")).collect()
}

/// Of texts with their paths; tests are counted like the rest.
pub fn long_files(files: &[(String, String)]) -> Vec<String> {
    let long = files.iter().filter_map(|(path, text)| {
        let lines = text.lines().count();
        let told =
            || format!("{path}: {lines} lines with its tests, and {FILE_LINES} are the most");
        (lines > FILE_LINES).then(told)
    });
    long.collect()
}

pub fn long_functions(house: &House) -> Vec<String> {
    let all: Vec<_> = house.files.iter().flat_map(functions).collect();
    let longer = |limit: usize| all.iter().filter(move |function| function.lines > limit);
    let named = |function: &crate::house::Function| {
        format!("{}: fn {} has {} lines", function.place, function.name, function.lines)
    };
    let mut faults: Vec<_> = longer(FUNCTION_LINES).map(named).collect();
    let unusual = longer(USUAL_FUNCTION_LINES).count();
    if unusual * 10 > all.len() {
        let many =
            format!("{unusual} of {} functions are over {USUAL_FUNCTION_LINES} lines", all.len());
        faults.push(many);
        faults.extend(longer(USUAL_FUNCTION_LINES).map(named));
    }
    faults
}

pub fn large_traits(house: &House) -> Vec<String> {
    let of_file = |file| {
        let large = traits(file).into_iter().filter(|(_, methods)| *methods > TRAIT_METHODS);
        large
            .map(|(name, methods)| format!("src/{}: trait {name} has {methods} methods", file.path))
    };
    house.files.iter().flat_map(of_file).collect()
}

pub fn banned_names(house: &House) -> Vec<String> {
    const VERBS: &[&str] = &["get", "do", "handle", "process"];
    const NOUNS: &[&str] = &["manager", "service", "util", "utils", "helper", "helpers", "common"];
    // Words of a format that happen to begin with a banned one.
    const FIELDS: &[&str] = &["common_name"];
    let mut faults = Vec::new();
    for file in &house.files {
        for function in functions(file).iter().filter(|function| !function.named_by_trait) {
            let first = function.name.split('_').next().unwrap_or_default();
            let prefixed = function.name.contains('_') && VERBS.contains(&first);
            let is_field = FIELDS.contains(&function.name.as_str());
            if !is_field && (prefixed || NOUNS.contains(&first)) {
                faults.push(format!("{}: fn {} says too little", function.place, function.name));
            }
        }
        for (keyword, name, place) in item_names(file) {
            let words = words_of(name);
            let banned = match keyword {
                "mod" => words.iter().any(|word| NOUNS.contains(&word.as_str())),
                _ => words.last().is_some_and(|word| NOUNS.contains(&word.as_str())),
            };
            if banned {
                faults.push(format!("{place}: {keyword} {name} says too little"));
            }
        }
    }
    faults
}

/// The words of `snake_case` or `CamelCase`, in lower case.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for letter in name.chars() {
        if letter == '_' || letter.is_uppercase() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter != '_') {
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

pub fn impurities(house: &House) -> Vec<String> {
    const STD: &[&str] = &["fs", "env", "net", "process", "thread"];
    const CRATES: &[&str] = &["tracing", "log", "tokio", "futures_util", "tempfile", "rustix"];
    const WORDS: &[&str] = &["async", "await", "SystemTime", "Instant", "SystemClock", "unsafe"];
    const MACROS: &[&str] =
        &["panic", "todo", "unimplemented", "unreachable", "println", "eprintln", "print", "dbg"];
    let mut faults = Vec::new();
    for file in house.files.iter().filter(|file| file.room().is_some_and(|r| PURE.contains(&r))) {
        let code = &file.code;
        let mut fault = |at: usize, what: String| {
            let line = text::line_of(code, at);
            faults.push(format!("src/{}:{line}: {what} in a pure room", file.path));
        };
        for (at, path) in text::names_below(code, "std") {
            if STD.contains(&path[0]) {
                fault(at, format!("std::{}", path[0]));
            }
        }
        for (at, word) in text::words(code) {
            let rest = code[at + word.len()..].trim_start();
            let is_macro =
                MACROS.contains(&word) && rest.starts_with('!') && !rest.starts_with("!=");
            let is_crate = CRATES.contains(&word) && rest.starts_with("::");
            if WORDS.contains(&word) || is_macro || is_crate {
                fault(at, word.to_owned());
            }
        }
    }
    faults
}

pub fn crates_out_of_their_rooms(house: &House) -> Vec<String> {
    let mut faults = Vec::new();
    for file in &house.files {
        let Some(room) = file.room() else { continue };
        for (name, rooms) in KEEPERS.iter().filter(|(_, rooms)| !rooms.contains(&room)) {
            for (at, _) in text::names_below(&file.code, name) {
                let line = text::line_of(&file.code, at);
                let keeper = rooms.join(", ");
                faults.push(format!("src/{}:{line}: {name} belongs to {keeper}", file.path));
            }
        }
    }
    faults
}

pub fn back_ends_out_of_the_wiring(house: &House) -> Vec<String> {
    let reached = house.arrows().into_iter().filter(|arrow| {
        let below = arrow.below.as_deref().unwrap_or_default();
        BACK_ENDS.contains(&(arrow.to.as_str(), below)) && !WIRING.contains(&arrow.from.as_str())
    });
    reached.map(|a| format!("{}: {} is known by its traits only", a.place, a.to)).collect()
}

/// `forbid` in Cargo.toml would let nothing through, so this rule keeps to the one place that needs it.
pub fn unsafe_out_of_its_place(house: &House) -> Vec<String> {
    let mut faults = Vec::new();
    for file in house.files.iter().filter(|file| file.path != "bin/repod.rs") {
        let found =
            text::words(&file.code).filter(|(_, word)| ["unsafe", "unsafe_code"].contains(word));
        for (at, word) in found {
            let line = text::line_of(&file.code, at);
            faults.push(format!("src/{}:{line}: {word}: write it in safe Rust", file.path));
        }
    }
    faults
}
