//! Text for people, as documented.

use serde_json::json;

use super::*;
use crate::cli::failure::Failure;
use crate::cli::sheet::Sheet;
use crate::cli::style::heads;
use crate::cli::table::Table;
use crate::cli::tests::NOW;
use crate::cli::text::{age, escape, escape_json, shell_word};

/// Where programs read, at the time of every test.
const PLAIN: Sheet = Sheet { now: NOW, columns: None, colours: false };

fn read<T: serde::de::DeserializeOwned>(json: serde_json::Value) -> T {
    serde_json::from_value(json).unwrap()
}

#[test]
fn nothing_that_moves_a_cursor_or_reorders_text_gets_through() {
    assert_eq!(escape("plain é 漢"), "plain é 漢");
    assert_eq!(escape("a\u{1b}[2Jb\r\n\tc"), r"a\u{1b}[2Jb\r\n\tc");
    assert_eq!(escape("\u{9b}31m\u{7f}\0"), r"\u{9b}31m\u{7f}\u{0}");
    assert_eq!(
        escape("\u{202e}gnp.exe\u{2066}\u{200b}\u{feff}"),
        r"\u{202e}gnp.exe\u{2066}\u{200b}\u{feff}"
    );
    assert_eq!(escape("\u{e0041}"), r"\u{e0041}");
    let json = serde_json::to_string(&json!(["\u{9b}\u{202e}\u{7f}\u{e0041}", "é\n"])).unwrap();
    let shown = escape_json(&json);
    assert_eq!(shown, r#"["\u009b\u202e\u007f\udb40\udc41","é\n"]"#);
    assert_eq!(
        read::<serde_json::Value>(json!(["\u{9b}\u{202e}\u{7f}\u{e0041}", "é\n"])),
        serde_json::from_str::<serde_json::Value>(&shown).unwrap()
    );
}

proptest::proptest! {
    #[test]
    fn escaped_text_is_one_line_of_visible_characters(text: String) {
        let shown = escape(&text);
        assert!(!shown.chars().any(char::is_control));
        assert_eq!(escape(&shown), shown);
    }

    #[test]
    fn escaped_json_means_the_same(text: String) {
        let json = escape_json(&serde_json::to_string(&text).unwrap());
        assert!(!json.chars().any(char::is_control));
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }

    #[test]
    fn a_shell_word_is_one_word(text in "[ -~]{0,20}") {
        let word = shell_word(&text);
        let plain = word == text && !text.is_empty();
        assert!(plain || word == format!("'{}'", text.replace('\'', "'\\''")));
    }
}

#[test]
fn tables_are_aligned_and_escaped() {
    let mut table = Table::new(&["NAME", ">COUNT", "TEXT"]);
    assert_eq!(table.lines(0, &PLAIN), "");
    table.row(["a".into(), "7".into(), String::new()]);
    table.row(["longer".into(), "1234567".into(), "x\ny".into()]);
    assert_eq!(
        table.lines(1, &PLAIN),
        " NAME      COUNT  TEXT\n a             7  -\n longer  1234567  x\\ny\n"
    );
}

#[test]
fn ages_are_short() {
    let ages = [0, 1, 119, 120, 7_199, 7_200, 172_799, 172_800].map(|ago| age(NOW.0 - ago, NOW));
    assert_eq!(
        ages,
        [
            "now",
            "1 s ago",
            "119 s ago",
            "2 min ago",
            "119 min ago",
            "2 h ago",
            "47 h ago",
            "2 days ago"
        ]
    );
    assert_eq!([90, 2, 1].map(|off| age(NOW.0 + off, NOW)), ["in 90 s", "in 2 s", "now"]);
    assert!(age(i64::MIN, NOW).ends_with(" days ago"));
}

#[test]
fn failures_name_reasons_and_advice_in_that_order() {
    let failure = Failure::refused("a\nb").with_reasons(vec!["c\u{1b}".into()]).with_hint("d");
    assert_eq!(failure.lines(), "error: a\\nb\n  c\\u{1b}\nhint: d\n");
    let coloured = heads(&failure.lines(), true);
    assert_eq!(
        coloured,
        "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m a\\nb\n  c\\u{1b}\n\u{1b}[36mhint:\u{1b}[0m d\n"
    );
    assert_eq!(heads("warning: a\nwarnings: b\n", false), "warning: a\nwarnings: b\n");
    let json: serde_json::Value = serde_json::from_str(&failure.json()).unwrap();
    assert_eq!(
        json,
        json!({ "error": "a\nb", "exit": 1, "code": null, "reasons": ["c\u{1b}"], "hint": "d" })
    );
}

#[test]
fn a_change_that_hosts_do_not_see_says_so() {
    let outcome: crate::api::ChangeOutcome =
        read(json!({ "suite": "stable", "generation": null, "notes": ["x\u{1b}"] }));
    let text = "note: x\\u{1b}\nno new generation: hosts see no difference in stable\n";
    assert_eq!(change::upload(&outcome, &PLAIN), text);
    assert!(!change::moved(&outcome, &PLAIN).contains("hosts follow"));
    let outcome = crate::api::ChangeOutcome { dry_run: true, ..outcome };
    let text = change::moved(&outcome, &PLAIN);
    assert!(text.contains("stable would stay as it is for hosts"), "{text}");
    assert!(text.ends_with("no host reads stable\n"), "{text}");
}

#[test]
fn hosts_that_cannot_follow_are_not_said_to() {
    let outcome = |stuck: &[&str]| -> crate::api::ChangeOutcome {
        let one = |package: &&str| json!({ "package": package, "version": "2", "architecture": "amd64", "needs": "x" });
        read(json!({ "suite": "stable", "generation": 3,
            "moves": [{ "package": "lib", "architecture": "amd64", "component": "main",
                "from": "2", "to": "1" }],
            "stuck": stuck.iter().map(one).collect::<Vec<_>>() }))
    };
    let last = |stuck: &[&str]| {
        let text = change::moved(&outcome(stuck), &PLAIN);
        text.lines().last().unwrap_or_default().to_owned()
    };
    let follow = "hosts follow at their next `apt-get update && apt-get -y upgrade`";
    assert_eq!(last(&[]), follow);
    assert_eq!(last(&["bb", "aa", "bb"]), format!("{follow}, but not those that have aa, bb"));
    let many = ["aa", "bb", "cc", "dd", "ee", "ff", "gg", "hh", "ii"];
    assert_eq!(last(&many), format!("{follow}, but not those that have any of 9 packages"));
}

#[test]
fn identities_show_their_best_certificate() {
    let identity = |certificates: serde_json::Value| {
        json!({ "identity": "web-01", "role": "host", "suites": ["stable", "testing"],
            "certificates": certificates,
            "sightings": [{ "suite": "stable", "at": 1_795_404_399, "generation": 41 },
                { "suite": "testing", "at": 1_795_404_699, "generation": 7 }] })
    };
    let line = |certificates| {
        let list: Vec<crate::api::IdentityView> = vec![read(identity(certificates))];
        access::list(&list, &PLAIN).lines().nth(1).unwrap().to_owned()
    };
    let certificate = |not_after: i64, revoked_at: Option<i64>| json!({ "serial": "1", "not_after": not_after, "revoked_at": revoked_at });
    let day = 86_400;
    let (soon, past) = (NOW.0 + 3 * day, NOW.0 - 3 * day);
    assert_eq!(
        line(json!([certificate(soon, None), certificate(past, None)])),
        "web-01  host  stable,testing  -           ends in 3 days"
    );
    assert!(line(json!([certificate(past, None)])).contains("ended 3 days ago"));
    assert!(line(json!([certificate(soon, Some(1))])).ends_with("  revoked"));
    assert!(line(json!([])).ends_with("  none"));
}

#[test]
fn generations_that_differ_by_their_architecture_alone_say_it() {
    let generation = |number: u64, moves: serde_json::Value| {
        json!({ "generation": number, "live": false, "at": 1, "authors": ["ci"], "message": "", "entered": 1,
            "left": 1, "moves": moves })
    };
    let moved = |name: &str, architecture: &str| json!({ "package": name, "architecture": architecture, "component": "main", "from": "1.0", "to": "2.0" });
    let generations: Vec<crate::api::GenerationView> = read(json!([
        generation(4, json!([moved("acme-web", "arm64")])),
        generation(3, json!([moved("acme-web", "amd64")])),
        generation(2, json!([moved("acme-db", "amd64"), moved("acme-db", "arm64")])),
    ]));
    let told = suite::history(&generations, &PLAIN);
    let changes: Vec<_> = told
        .lines()
        .skip(1)
        .map(|line| line.split("ci  ").nth(1).unwrap().trim_end_matches([' ', '-']))
        .collect();
    assert_eq!(
        changes,
        ["acme-web 1.0 -> 2.0 (arm64)", "acme-web 1.0 -> 2.0 (amd64)", "acme-db 1.0 -> 2.0"]
    );
    // One alone has nothing to be told from.
    assert!(!suite::history(&generations[..1], &PLAIN).contains("arm64"));
}
