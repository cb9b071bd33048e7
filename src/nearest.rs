//! Nearest: the known word that a mistyped one most likely meant.
//!
//! May name: nothing

/// The word of `known` with the fewest differing letters from `given`, when they are few enough to be a
/// typing error.
pub fn nearest<'k>(given: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let scored = known.map(|word| (distance(given, word), word));
    scored.min().filter(|(distance, _)| *distance <= given.len().max(3) / 3).map(|(_, word)| word)
}

/// How many letters have to be put in, taken out or replaced.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (line, a) in left.chars().enumerate() {
        let mut next = vec![line.saturating_add(1)];
        for ((b, above_left), above) in right.chars().zip(&row).zip(row.iter().skip(1)) {
            let left = next.last().copied().unwrap_or_default();
            let replaced = above_left.saturating_add(usize::from(a != b));
            next.push(replaced.min(above.saturating_add(1)).min(left.saturating_add(1)));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
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
}
