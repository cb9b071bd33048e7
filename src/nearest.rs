//! Nearest: the known word that a mistyped one most likely meant.
//!
//! May name: nothing

/// The word of `known` with the fewest typing errors to `given`, when they are few enough to be a
/// mistake. Two swapped letters are one error.
pub fn nearest<'k>(given: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let length = given.chars().count();
    let most = length.max(3) / 3;
    // Of very many words few are looked at closely.
    let alike = known.filter(|word| word.chars().count().abs_diff(length) <= most);
    let scored = alike.map(|word| (strsim::damerau_levenshtein(given, word), word));
    scored.min().filter(|(slips, _)| *slips <= most).map(|(_, word)| word)
}

/// The end of a sentence that says that a word is not known: `; did you mean stable?`, or `otherwise` where
/// nothing is near.
pub fn or_nearest<'k>(
    given: &str,
    known: impl Iterator<Item = &'k str>,
    otherwise: &str,
) -> String {
    match nearest(given, known) {
        Some(near) => format!("; did you mean {near}?"),
        None => otherwise.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_finds_its_word_and_nonsense_none() {
        let known = ["package_bytes", "reserve_bytes", "uploads"];
        assert_eq!(nearest("package_byte", known.into_iter()), Some("package_bytes"));
        assert_eq!(nearest("upload", known.into_iter()), Some("uploads"));
        assert_eq!(nearest("colour", known.into_iter()), None);
    }

    #[test]
    fn two_letters_in_each_others_place_are_one_slip() {
        assert_eq!(nearest("hsot", ["admin", "host"].into_iter()), Some("host"));
    }
}
