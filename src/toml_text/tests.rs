//! What is said of a file that is wrong.

use std::collections::BTreeMap;

use super::*;

#[derive(serde::Deserialize, Debug)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only what is refused is looked at")]
struct Sample {
    #[serde(default)]
    suite: BTreeMap<String, One>,
    #[serde(default)]
    grant: Vec<Grant>,
}

#[derive(serde::Deserialize, Debug, Default)]
#[serde(deny_unknown_fields, default)]
struct One {
    components: Vec<String>,
    valid_days: u32,
}

#[derive(serde::Deserialize, Debug)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "as above")]
struct Grant {
    role: String,
}

fn told(text: &str) -> String {
    let error = toml::from_str::<Sample>(text).unwrap_err();
    TomlText::new(text).fault(&error).told("repo.toml")
}

#[test]
fn an_unknown_field_is_named_by_its_path_with_the_nearest() {
    let text = "[suite.stable]\nvalid_days = 3\ncomponent = [\"main\"]\n";
    let expected = "\
repo.toml:3:1: suite.stable.component: there is no field `component`; did you mean `components`?
  3 | component = [\"main\"]
    | ^^^^^^^^^";
    assert_eq!(told(text), expected);
    let said = told("zzz = 1\n");
    assert!(said.contains("there is no field `zzz`; there are suite, grant"), "{said}");
}

#[test]
fn a_wrong_type_is_shown_at_the_value() {
    let text = "[suite.\"a.b\"]\nvalid_days = \"three\"\n";
    let expected = "\
repo.toml:2:14: suite.\"a.b\".valid_days: is the text \"three\", expected a whole number
  2 | valid_days = \"three\"
    |              ^^^^^^^";
    assert_eq!(told(text), expected);
    let said = told("[suite.s]\ncomponents = [\"漢\", 4]\n");
    assert!(
        said.starts_with("repo.toml:2:20: suite.s.components[1]: is the number 4, expected a text"),
        "{said}"
    );
    assert!(said.ends_with("\n    |                     ^"), "{said}");
}

#[test]
fn a_missing_field_is_shown_at_its_table() {
    let said = told("[[grant]]\nrole = \"a\"\n[[grant]]\n");
    assert!(
        said.starts_with("repo.toml:3:1: grant[1]: the field `role` is missing\n  3 | [[grant]]"),
        "{said}"
    );
}

#[test]
fn what_is_no_toml_is_shown_where_it_ends_to_be() {
    let said = told("[suite.stable]\ncomponents = [\"main\"\nvalid_days = 3\n");
    assert!(said.starts_with("repo.toml:"), "{said}");
    assert!(said.contains("\n  ") && said.contains('^'), "{said}");
    let said = told("a = 1\na = 2\n");
    assert!(
        said.starts_with("repo.toml:2:1: is not TOML: ")
            && said.contains("this name is there twice"),
        "{said}"
    );
}

#[test]
fn what_is_refused_later_has_its_place_as_well() {
    let text = "[suite.stable]\nvalid_days = 9999\n[suite.\"Not/a/suite\"]\n";
    let file = TomlText::new(text);
    let told = file.at("suite.stable.valid_days", "lies between 1 and 3650").told("f");
    assert!(told.starts_with("f:2:14: suite.stable.valid_days: lies"), "{told}");
    assert!(told.ends_with("2 | valid_days = 9999\n    |              ^^^^"), "{told}");
    let left_out = file.at("suite.stable.origin", "is empty").told("f");
    assert!(left_out.starts_with("f:1:1: suite.stable.origin: is empty"), "{left_out}");
    assert_eq!(file.at("nowhere.at_all", "x").told("f"), "f: nowhere.at_all: x");
    let word = file.at_word("Not/a/suite", "is no name").unwrap().told("f");
    assert!(word.starts_with("f:3:8: suite.\"Not/a/suite\": is no name"), "{word}");
}

#[test]
fn of_a_long_line_the_part_with_the_fault_is_shown() {
    let text = format!("[suite.s]\ncomponents = [{}4]\n", "\"a\", ".repeat(100));
    let said = told(&text);
    assert!(said.lines().all(|line| line.width() < 140), "{said}");
    let [_, shown, caret] = said.lines().collect::<Vec<_>>()[..] else { panic!("{said}") };
    assert_eq!(shown.find('4'), caret.find('^'), "{said}");
}

#[test]
fn a_value_of_a_list_is_shown_where_a_rule_quotes_it() {
    #[derive(Debug)]
    struct Word;
    impl<'de> serde::Deserialize<'de> for Word {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            let word = String::deserialize(from)?;
            match word.contains(' ') {
                true => Err(serde::de::Error::custom(format!("word {word:?} is not valid"))),
                false => Ok(Self),
            }
        }
    }
    let text = "words = [\"a\", \"b c\"]\n";
    let error = toml::from_str::<BTreeMap<String, Vec<Word>>>(text).unwrap_err();
    let said = TomlText::new(text).fault(&error).told("f");
    assert!(said.starts_with("f:1:15: words[1]: word \"b c\" is not valid"), "{said}");
    assert!(said.ends_with("    |               ^^^^^"), "{said}");
}

#[test]
fn a_mark_of_the_byte_order_is_no_column() {
    let said = told("\u{feff}zzz = 1\n");
    assert!(said.starts_with("repo.toml:1:1: zzz: there is no field"), "{said}");
    assert!(said.ends_with("\n  1 | zzz = 1\n    | ^^^"), "{said}");
    let said = told("\u{feff}[suite.s]\nvalid_days = \"a\"\n");
    assert!(said.starts_with("repo.toml:2:14: "), "{said}");
}

/// The words of the library are for those who write TOML readers.
#[test]
fn what_the_reader_says_is_said_in_plain_words() {
    for (text, said) in [
        ("a = x\n", "1:5: is not TOML: a text stands in quotes"),
        ("a = 1\na = 2\n", "2:1: is not TOML: this name is there twice"),
        ("a = [1\n", "is not TOML: the list does not end with ]"),
        ("[suite\n", "is not TOML: the heading does not end with ]"),
        ("a\n", "is not TOML: the field has no value; write NAME = VALUE"),
        ("a =\n", "is not TOML: "),
        ("a = 1 2\n", "1:5: is not TOML: a text stands in quotes"),
        ("a = \"b\" c\n", "is not TOML: "),
        (
            "[suite.s]\nvalid_days = -1\n",
            "2:14: suite.s.valid_days: is the number -1, expected a whole number",
        ),
        ("[suite.s]\nvalid_days = 1.5\n", "is the number 1.5, expected a whole number"),
        ("[suite.s]\nvalid_days = true\n", "is true, expected a whole number"),
        ("[suite.s]\nvalid_days = []\n", "is a list, expected a whole number"),
        ("[suite.s]\ncomponents = {}\n", "is a table, expected a list in [ ]"),
        ("grant = 1\n", "is the number 1, expected a list in [ ]"),
    ] {
        let whole = told(text);
        assert!(whole.contains(said), "{text:?}: {whole}");
    }
}
