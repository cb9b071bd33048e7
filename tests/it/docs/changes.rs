//! The table of changes in CONTRIBUTING.md: each file that it names is there, and no change is in many rooms.

use std::collections::BTreeSet;

use super::pages::{read, root};

/// More rooms than these are too many for one change.
const MOST_ROOMS: usize = 6;

#[test]
fn each_change_names_files_that_are_there_and_few_rooms() {
    let page = read("CONTRIBUTING.md");
    let (_, table) = page.split_once("| change | files |\n|---|---|\n").unwrap();
    let rows: Vec<_> = table.lines().take_while(|line| line.starts_with("| ")).collect();
    assert_eq!(rows.len(), 10, "{rows:#?}");
    for row in rows {
        let files = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let spans = files.split('`').skip(1).step_by(2);
        let paths: Vec<_> = spans.filter(|span| span.contains(['/', '.'])).collect();
        assert!(!paths.is_empty(), "no file is named: {row}");
        let mut rooms = BTreeSet::new();
        for path in paths {
            let is_ours = root().join("src").join(path).exists();
            assert!(is_ours || root().join(path).exists(), "there is no {path}: {row}");
            let room = path.split('/').next().unwrap().trim_end_matches(".rs");
            rooms.extend(is_ours.then(|| room.to_owned()));
        }
        assert!(rooms.len() <= MOST_ROOMS, "{rooms:?} are more than {MOST_ROOMS} rooms: {row}");
    }
}
