//! Plain: what the reader of TOML complains of, as people say it.

use crate::nearest::nearest;

/// Complaints about the text itself, by how they begin, and what is said instead.
const OF_TEXT: [(&str, &str); 14] = [
    ("string values must be quoted", "a text stands in quotes: \"…\""),
    ("duplicate key", "this name is there twice"),
    ("unclosed array table", "the heading does not end with ]]"),
    ("unclosed array", "the list does not end with ]"),
    ("unclosed table", "the heading does not end with ]"),
    ("unclosed inline table", "the table does not end with }"),
    ("key with no value", "the field has no value; write NAME = VALUE"),
    ("missing value for key", "the field has no value; write NAME = VALUE"),
    ("missing value", "the value is missing"),
    ("missing comma between array elements", "a comma is missing between two values of the list"),
    ("missing comma between key-value pairs", "a comma is missing between two fields"),
    ("missing assignment between key-value pairs", "= is missing between name and value"),
    (
        "unexpected key or value",
        "this stands behind the end of the value; one field stands in a line",
    ),
    ("invalid unquoted key", "this name has to stand in quotes"),
];

/// Types as the reader calls what it expects, and as people do.
const EXPECTED: [(&str, &str); 11] = [
    ("usize", "a whole number"),
    ("u64", "a whole number"),
    ("u32", "a whole number"),
    ("u16", "a whole number"),
    ("i64", "a whole number"),
    ("a string", "a text in quotes"),
    ("a borrowed string", "a text in quotes"),
    ("string or table", "a text in quotes"),
    ("a sequence", "a list in [ ]"),
    ("a map", "a table"),
    ("a boolean", "true or false"),
];

/// A complaint in plain words, with the nearest name for one that is not known.
pub fn words(complaint: &str) -> String {
    let complaint = complaint.trim_end();
    let quoted: Vec<&str> = complaint.split('`').skip(1).step_by(2).collect();
    for (begin, kind) in [("unknown field", "field"), ("unknown variant", "value")] {
        if let Some((unknown, known)) =
            quoted.split_first().filter(|_| complaint.starts_with(begin))
        {
            return match nearest(unknown, known.iter().copied()) {
                Some(near) => format!("there is no {kind} `{unknown}`; did you mean `{near}`?"),
                None => format!("there is no {kind} `{unknown}`; there are {}", known.join(", ")),
            };
        }
    }
    if let (Some(field), true) = (quoted.first(), complaint.starts_with("missing field")) {
        return format!("the field `{field}` is missing");
    }
    let of_value = ["invalid type: ", "invalid value: "];
    if let Some(rest) = of_value.iter().find_map(|begin| complaint.strip_prefix(begin))
        && let Some((found, expected)) = rest.rsplit_once(", expected ")
    {
        let plain = EXPECTED.iter().find(|(word, _)| *word == expected);
        return format!(
            "is {}, expected {}",
            kind(found),
            plain.map_or(expected, |(_, plain)| plain)
        );
    }
    match OF_TEXT.iter().find(|(begin, _)| complaint.starts_with(begin)) {
        Some((_, plain)) => (*plain).to_owned(),
        None => complaint.replace('\n', ", "),
    }
}

/// What was found, such as `string "three"` or ``integer `4` ``.
fn kind(found: &str) -> String {
    let plain = [
        ("string ", "the text "),
        ("integer ", "the number "),
        ("floating point ", "the number "),
        ("boolean ", ""),
        ("sequence", "a list"),
        ("map", "a table"),
    ];
    match plain.iter().find_map(|(word, plain)| Some((plain, found.strip_prefix(word)?))) {
        Some((plain, rest)) => format!("{plain}{}", rest.trim_matches('`')),
        None => found.to_owned(),
    }
}
