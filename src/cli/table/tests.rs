//! Tables as wide as the terminal.

use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

use super::*;
use crate::time::Moment;

fn sheet(columns: usize) -> Sheet {
    Sheet { now: Moment(0), columns: Some(columns), colours: false }
}

fn table(rows: &[[&str; 3]]) -> Table {
    let mut table = Table::new(&["NAME", ">SIZE", "WHY"]);
    for row in rows {
        table.row(row.map(str::to_owned));
    }
    table
}

#[test]
fn nothing_is_cut_where_programs_read_it() {
    let long = "x".repeat(400);
    let plain = Sheet { columns: None, ..sheet(80) };
    let text = table(&[[&long, "1", "a b"]]).lines(0, &plain);
    assert!(text.contains(&long), "{text}");
}

#[test]
fn names_are_cut_in_the_middle_and_texts_go_on() {
    let rows = [
        ["acme-storefront-frontend", "1.0 MB", "it crashes at the start of every day"],
        ["acme-web", "12.3 MB", ""],
    ];
    let text = table(&rows).lines(0, &sheet(44));
    let expected = "\
NAME                     SIZE  WHY
acme-store…-frontend   1.0 MB  it crashes at
                               the start of
                               every day
acme-web              12.3 MB  -
";
    assert_eq!(text, expected);
}

#[test]
fn two_names_that_would_read_the_same_are_not_cut() {
    let names = ["acme-service-of-the-north-api-server", "acme-service-of-the-south-api-server"];
    let text = table(&names.map(|name| [name, "1 B", ""])).lines(0, &sheet(28));
    let expected = "\
NAME               SIZE  WHY
acme-service-of-t   1 B  -
 he-north-api-ser
 ver
acme-service-of-t   1 B  -
 he-south-api-ser
 ver
";
    assert_eq!(text, expected);
}

#[test]
fn wide_characters_take_two_columns_and_combining_ones_none() {
    let rows =
        [["漢字パッケージ", "1 B", "x"], ["e\u{301}te\u{301}", "1 B", "x"], ["😀", "1 B", "x"]];
    let text = table(&rows).lines(0, &sheet(80));
    let before =
        |line: &str| line.find("1 B").and_then(|at| line.get(..at)).map(UnicodeWidthStr::width);
    let places: Vec<_> = text.lines().skip(1).map(before).collect();
    assert_eq!(places, [Some(17), Some(17), Some(17)], "{text}");
    // Half of a wide character has no room, and an accent stays with its letter.
    assert_eq!(width::cut_middle("漢字漢字漢字", 8), "漢字…字");
    assert_eq!(width::cut_end("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
    assert_eq!(width::wrap("漢字漢字", 5), ["漢字", " 漢字"]);
}

#[test]
fn where_no_row_has_room_each_is_a_block() {
    let text =
        table(&[["acme-web", "12.3 MB", "why"], ["acme-api", "1 B", "-"]]).lines(0, &sheet(20));
    let expected = "\
NAME  acme-web
SIZE  12.3 MB
WHY   why

NAME  acme-api
SIZE  1 B
WHY   -
";
    assert_eq!(text, expected);
}

#[test]
fn a_cell_has_the_colour_of_what_it_says() {
    let mut table = Table::new(&["NAME", "STATE"]);
    table.row(["a".into(), "live".into()]);
    table.row(["b".into(), "withdrawn".into()]);
    let text = table.lines(0, &Sheet { colours: true, ..sheet(80) });
    let expected =
        "NAME  STATE\na     \u{1b}[32mlive\u{1b}[0m\nb     \u{1b}[33mwithdrawn\u{1b}[0m\n";
    assert_eq!(text, expected);
}

proptest! {
    #[test]
    fn no_line_is_longer_than_the_terminal_and_every_word_is_there(
        rows in proptest::collection::vec(["[a-z漢e\u{301}-]{0,40}", "[0-9]{1,9}", "[a-z ,漢]{0,80}"], 1..6),
        columns in 20_usize..200,
        indent in 0_usize..3,
    ) {
        let mut table = Table::new(&["NAME", ">SIZE", "WHY"]);
        for row in &rows {
            table.row(row.clone());
        }
        let text = table.lines(indent, &sheet(columns));
        for line in text.lines() {
            prop_assert!(line.width() <= columns, "{line:?} of {columns}\n{text}");
            prop_assert!(!line.ends_with(' '), "{line:?}");
        }
        let plain = table.lines(indent, &Sheet { columns: None, ..sheet(80) });
        prop_assert_eq!(plain.lines().count(), rows.len() + 1);
    }
}

#[test]
fn texts_go_on_in_the_next_line_before_a_name_is_cut() {
    let mut table = Table::new(&["NAME", "CERTIFICATE", "OFFERED"]);
    table
        .row(["web-01.example.org", "token ends in 5 hours", "stable 42 of 43"].map(str::to_owned));
    let text = table.lines(0, &sheet(50));
    assert!(text.contains("\nweb-01.example.org  "), "{text}");
    assert!(text.lines().all(|line| UnicodeWidthStr::width(line) <= 50), "{text}");
}

#[test]
fn what_was_given_to_somebody_has_no_colour_and_what_a_version_goes_to_has_one() {
    let lines = |headings: [&str; 2]| {
        let mut table = Table::new(&headings);
        table.row(["1.0", "2.0"].map(str::to_owned));
        table.lines(0, &Sheet { colours: true, ..sheet(80) })
    };
    assert!(!lines(["ROLE", "TO"]).contains('\u{1b}'));
    assert!(lines(["FROM", "TO"]).contains('\u{1b}'));
}
