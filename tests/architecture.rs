//! Holds the source to the house drawn in `docs/ARCHITECTURE.md`: rooms, door cards and the arrows
//! between them and between files, sizes, names, and what pure rooms keep away from.
//!
//! Each rule is shown to fail on a sample of its own before it is trusted with the real source.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot read the source should stop there"
)]

#[path = "architecture/circles.rs"]
mod circles;
#[path = "architecture/house.rs"]
mod house;
#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/samples.rs"]
mod samples;
#[path = "architecture/samples_of_circles.rs"]
mod samples_of_circles;
#[path = "architecture/text.rs"]
mod text;

use house::House;
use std::path::Path;
use std::sync::LazyLock;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The house as it stands, read once for all rules.
static HOUSE: LazyLock<House> = LazyLock::new(|| House::read(&root().join("src")));

#[track_caller]
fn assert_kept(rule: fn(&House) -> Vec<String>) {
    assert!(HOUSE.rooms().len() > 2, "found only {:?} under src/", HOUSE.rooms());
    assert_none(&rule(&HOUSE));
}

#[track_caller]
fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    assert_kept(rules::missing_headers);
}

#[test]
fn every_room_has_a_door_card() {
    assert_kept(rules::missing_cards);
}

#[test]
fn rooms_name_only_what_their_cards_allow() {
    assert_kept(rules::arrows_off_the_card);
}

#[test]
fn no_rooms_name_each_other() {
    assert_kept(rules::cycles);
}

#[test]
fn no_files_lead_to_each_other() {
    assert_kept(circles::file_circles);
}

#[test]
fn sub_rooms_name_only_what_their_cards_allow() {
    assert_kept(circles::sub_rooms_off_their_cards);
}

#[test]
fn every_room_is_on_the_page() {
    let page = std::fs::read_to_string(root().join("docs/ARCHITECTURE.md"));
    let page = page.expect("docs/ARCHITECTURE.md is there");
    assert_eq!(rules::rooms_not_on_the_page(&HOUSE, &page), Vec::<String>::new());
}

#[test]
fn files_are_short_enough() {
    let mut files = Vec::new();
    for folder in ["src", "tests"] {
        let found = house::texts(&root().join(folder));
        assert!(found.len() > 100, "found only {} files under {folder}/", found.len());
        files.extend(found.into_iter().map(|(path, text)| (format!("{folder}/{path}"), text)));
    }
    assert_none(&rules::long_files(&files));
}

#[test]
fn functions_are_short_enough() {
    assert_kept(rules::long_functions);
}

#[test]
fn traits_are_small_enough() {
    assert_kept(rules::large_traits);
}

#[test]
fn names_say_something() {
    assert_kept(rules::banned_names);
}

#[test]
fn pure_rooms_are_pure() {
    assert_kept(rules::impurities);
}

#[test]
fn crates_stay_in_their_rooms() {
    assert_kept(rules::crates_out_of_their_rooms);
}

#[test]
fn stores_are_known_by_their_traits() {
    assert_kept(rules::back_ends_out_of_the_wiring);
}

#[test]
fn the_compiler_checks_all_but_one_file() {
    assert_kept(rules::unsafe_out_of_its_place);
}
